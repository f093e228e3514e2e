#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Last week's backup of the server is brought back: boards that saw newer releases go on.
. tests/tap.sh
. tests/net/board.sh

make_fleet esp32c3 || exit 1
backup() { rm -rf "$tmp/$1" && cp -a "$ws" "$tmp/$1"; }
bring_back() { rm -rf "$ws" && cp -a "$tmp/$1" "$ws"; }
# The daemon's address stays the board's: one port for the whole suite.
daemon_port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
daemon_listen=127.0.0.1:$daemon_port
serve() { start_daemon "$ws" --url "https://localhost:$daemon_port"; }
poll() { run otadevice run --flash "$board" --once; }

# ---- a board sees releases 2 and 3, which the backup does not know ----
backup monday
serve || exit 1
new_board || exit 1
push_release 1.1.0 || exit 1
poll
cp "$board" "$tmp/second.flash"
push_release 1.2.0 || exit 1
poll
is restore_board_runs_the_newest "$(running_version)" 1.2.0
stop_daemon
backup friday
cp "$board" "$tmp/seen.flash"
sleep 1.1 # what is signed from here on is later than what the board saw

# ---- what refuses, and says what to do ----
fails restore_wants_merge 2 "--merge [SOURCE]" otactl -C "$ws" restore
rm -rf "$ws/state/repo" && cp -a "$tmp/monday/state/repo" "$ws/state/repo"
otadevice sample "$tmp/build-1.3.0" --chip esp32c3 --version 1.3.0 >/dev/null
fails restore_is_the_remedy_of_the_signer 1 "otactl restore --merge" otactl -C "$ws" push "$tmp/build-1.3.0"
contains restore_is_the_remedy_of_status "$(otactl -C "$ws" status)" "otactl restore --merge"

# ---- state/ alone was brought back, keys/ and fleet.db are of today; nothing else has the files ----
ok restore_without_a_source otactl -C "$ws" restore --merge
contains restore_says_what_is_lost "$out" "Releases 2 to 3 of thermo are lost: board virtual-0001 runs 3."
contains restore_says_where_numbers_go_on "$out" "Release numbers of thermo go on at 1004, above any that the lost time may have used; --above N chooses another."
ok restore_verifies otactl verify "$ws/state/repo"
serve || exit 1
poll
is restore_board_accepts_what_is_signed_above "$rc $(running_version)" "0 1.2.0"
fails restore_wants_the_daemon_stopped 1 "otaserve runs here" otactl -C "$ws" restore --merge
push_release 1.3.0 || exit 1
is restore_next_counter_is_free "$(otactl -C "$ws" releases --json | jq '[.releases[].counter] | max')" 1004
poll
is restore_board_goes_on "$rc $(running_version)" "0 1.3.0"
stop_daemon

# ---- the whole workspace was brought back, fleet.db too: nothing here knows the release 2 that the board runs ----
bring_back monday
cp "$tmp/second.flash" "$board"
ok restore_knowing_nothing otactl -C "$ws" restore --merge --json
is restore_numbers_go_on_above_the_lost_ones "$(jq -c .floors <<<"$out")" '[{"product":"thermo","counter":1001,"device":""}]'
serve || exit 1
push_release 1.3.0 || exit 1
is restore_lost_number_is_not_used_again "$(otactl -C "$ws" releases --json | jq '[.releases[].counter] | max')" 1002
poll
is restore_board_of_a_lost_release_takes_the_next "$rc $(running_version)" "0 1.3.0"
stop_daemon

# ---- --above chooses; a second restore without it never goes back below what the first one said ----
bring_back monday
ok restore_above otactl -C "$ws" restore --merge --above 5000
contains restore_above_says_so "$out" "Release numbers of thermo go on at 5001."
ok restore_twice otactl -C "$ws" restore --merge
contains restore_twice_goes_on_above "$out" "Release numbers of thermo go on at 6001,"

# ---- the whole workspace was brought back, and a mirror has what was lost ----
bring_back monday
cp "$tmp/seen.flash" "$board"
ok restore_from_a_mirror otactl -C "$ws" restore --merge "$tmp/friday/state/repo"
contains restore_says_what_came "$out" "Brought in from"
is restore_has_the_releases "$(otactl -C "$ws" releases --json | jq -c '[.releases[].counter] | max')" 3
is restore_brings_zlib_forms_too "$(ls "$ws"/state/repo/targets/img/thermo/3/*.app.bin.z | wc -l)" 1
ok restore_from_a_mirror_verifies otactl verify "$ws/state/repo"
serve || exit 1
poll
is restore_board_accepts_the_merged "$rc $(running_version)" "0 1.2.0"
push_release 1.4.0 || exit 1
poll
is restore_board_goes_on_after_a_merge "$rc $(running_version)" "0 1.4.0"

# ---- the mirror is a server; the backup is older still ----
stop_daemon
backup saturday
bring_back monday
mkdir "$tmp/other" && cp -a "$tmp/saturday" "$tmp/other/ws"
own=$ws ws=$tmp/other/ws
start_faulty
ws=$own
ok restore_from_a_server otactl -C "$ws" restore --merge "$faulty_url"
is restore_from_a_server_has_the_releases "$(otactl -C "$ws" releases --json | jq -c '[.releases[].counter] | max')" 4
ok restore_again_finds_nothing otactl -C "$ws" restore --merge "$faulty_url"
contains restore_again_says_so "$out" "nothing that is not here"

# ---- a dishonest source changes nothing that boards are shown ----
bring_back monday
before=$(cd "$ws/state/repo/metadata" && find . -type f -exec sha256sum {} + | sort | sha256sum)
cp -a "$tmp/saturday/state/repo" "$tmp/bent"
image=$(find "$tmp/bent/targets/img/thermo" -name '*.bin' -path '*/4/*' | head -1)
printf X | dd of="$image" bs=1 seek=5000 conv=notrunc status=none
fails restore_refuses_a_damaged_image 1 "not what was signed" otactl -C "$ws" restore --merge "$tmp/bent"
cp -a "$tmp/saturday/state/repo" "$tmp/bent-z"
printf X | dd of="$(ls "$tmp"/bent-z/targets/img/thermo/4/*.app.bin.z)" bs=1 seek=5000 conv=notrunc status=none
fails restore_refuses_a_damaged_zlib_form 1 "not what was signed" otactl -C "$ws" restore --merge "$tmp/bent-z"
otactl init "$tmp/stranger" --product thermo --chip esp32c3 --url https://localhost:1 >/dev/null
fails restore_refuses_a_stranger 1 "role timestamp" otactl -C "$ws" restore --merge "$tmp/stranger/state/repo"
after=$(cd "$ws/state/repo/metadata" && find . -type f -exec sha256sum {} + | sort | sha256sum)
is restore_leaves_everything_then "$after" "$before"

# ---- the product's key is not here ----
mkdir "$tmp/away" && mv "$ws/keys/thermo.pem" "$tmp/away/"
ok restore_without_the_product_key otactl -C "$ws" restore --merge --above 9
contains restore_leaves_a_draft "$out" "otactl sign renew-thermo --key FILE"
contains restore_numbers_go_on_with_the_draft "$out" "Then release numbers of thermo go on at 10."
ok restore_signed_with_the_key otactl -C "$ws" sign renew-thermo --key "$tmp/away/thermo.pem" --yes
ok restore_finished_with_the_key otactl -C "$ws" publish renew-thermo
# ---- root was changed after the backup, and boards followed: timestamp's key, root's, and snapshot's eight times ----
rotate() { run otactl -C "$ws" root rotate "$1" && run otactl -C "$ws" root sign && run otactl -C "$ws" root publish; }
bring_back saturday
serve || exit 1
for change in timestamp root; do
    rotate $change
    push_release "1.5.0-$change" || exit 1
    poll
    is "restore_board_followed_$change" "$rc $(running_version)" "0 1.5.0-$change"
done
stop_daemon
for _ in 1 2 3 4 5 6 7 8; do rotate snapshot; done
cp -a "$ws/state/repo" "$tmp/mirror"
cp -a "$ws/keys" "$tmp/keys.today"
newest=$(find "$tmp/mirror/metadata" -name '*.root.json' | wc -l)
is restore_mirror_has_eleven_roots "$newest" 11

bring_back saturday
key_of() { basename "$(find "$tmp/keys.today" -name "$1.*.pem")"; }
fails restore_names_the_timestamp_key_it_lacks 1 "$(key_of timestamp)" otactl -C "$ws" restore --merge "$tmp/mirror"
contains restore_names_the_snapshot_key_it_lacks "$err" "$(key_of snapshot)"
contains restore_brought_in_what_it_could "$out" "10 roots"
cp -p "$tmp/keys.today/$(key_of timestamp)" "$tmp/keys.today/$(key_of snapshot)" "$ws/keys/"
ok restore_across_roots otactl -C "$ws" restore --merge "$tmp/mirror"
ok restore_across_roots_brings_the_known_root cmp "$ws/keys/root.json" "$tmp/mirror/metadata/$newest.root.json"
ok restore_across_roots_verifies otactl verify "$ws/state/repo" --root "$ws/state/repo/metadata/1.root.json"
serve || exit 1
poll
is restore_across_roots_board_accepts_it "$rc $(running_version)" "0 1.5.0-root"
push_release 1.6.0 || exit 1
poll
is restore_across_roots_board_goes_on "$rc $(running_version)" "0 1.6.0"
stop_daemon

# ---- the same with keys/ of today: what state/ lacks nobody can sign again ----
bring_back saturday
rm -rf "$ws/keys" && cp -a "$tmp/keys.today" "$ws/keys"
fails restore_cannot_make_up_for_a_root 1 "otactl restore --merge SOURCE" otactl -C "$ws" restore --merge
fails restore_signer_cannot_either 1 "otactl restore --merge SOURCE" otactl -C "$ws" push "$tmp/build-1.3.0"
fails restore_wants_a_source_with_the_root 1 "has no root 2" otactl -C "$ws" restore --merge "$tmp/saturday/state/repo"
ok restore_from_a_source_with_the_root otactl -C "$ws" restore --merge "$tmp/mirror"
ok restore_from_a_source_with_the_root_verifies otactl verify "$ws/state/repo" --root "$ws/state/repo/metadata/1.root.json"

# ---- state/ of today, keys/root.json further back than the signer follows by itself ----
rm -rf "$ws/state/repo" && cp -a "$tmp/mirror" "$ws/state/repo"
cp "$ws/state/repo/metadata/1.root.json" "$ws/keys/root.json" && rm -f "$ws/keys/last-signed"
ok restore_walks_any_number_of_roots otactl -C "$ws" restore --merge
ok restore_walked_to_the_newest cmp "$ws/keys/root.json" "$tmp/mirror/metadata/$newest.root.json"
done_testing
