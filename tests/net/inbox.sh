#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Images copied into the inbox become releases, or the log says why not and what to type; pushes reach the running daemon.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh

ws=$tmp/ws
log=$tmp/daemon.log
umask 022
otactl init "$ws" --product thermo --chip esp32c3 --url https://localhost:8443 >/dev/null || skip_all 'otactl init failed'
for v in 1 2 3 4; do otadevice sample "$tmp/build-$v" --chip esp32c3 --version "$v.0.0" >/dev/null || skip_all 'otadevice sample failed'; done
start_daemon "$ws" || exit 1

newest() { otactl -C "$ws" releases --json | jq -r '.releases[-1] // empty | "\(.counter) \(.version) \([.steps[].label] | join(" ")) \([.offered[].channel] | join(" "))"'; }
until_newest() { # wanted counter
    for _ in $(seq 80); do [[ $(newest) == "$1 "* ]] && return; sleep 0.1; done
}
until_log() { for _ in $(seq 80); do grep -qF -- "$1" "$log" && return; sleep 0.1; done; }

by_hand() { sed -n 's/.*inbox: to publish it by hand, type: //p' "$log" | tail -1; }

# The loose files and the folder of the product are judged apart, so that one pause of quiet serves for both.
# ---- what it takes ----
mkdir "$ws/images/thermo" "$ws/images/valve"
head -c 5000 /dev/urandom >"$ws/images/thermo/storage.bin"
cp "$tmp/build-4/thermo.bin" "$ws/images/valve/"
{ head -c 100000 "$tmp/build-1/thermo.bin"; sleep 2.5; tail -c +100001 "$tmp/build-1/thermo.bin"; } >"$ws/images/slow.bin"
until_newest 1
is inbox_slow_copy_is_taken_whole "$(newest)" '1 1.0.0 @ota stable'
contains inbox_unknown_product "$(cat "$log")" 'images/valve: ota.conf has no product of that name'
contains inbox_data_wants_a_known_table "$(cat "$log")" 'partition table is not known yet, so nobody can tell whether they have a partition "storage"; push a build folder once'
is inbox_data_of_no_known_partition_is_not_to_be_pushed "$(by_hand)" ''
rm -r "$ws/images/valve" "$ws/images/thermo"
ok inbox_table_is_known_after_a_push otactl -C "$ws" push "$tmp/build-1"

mkdir "$tmp/drop" && cp "$tmp/build-2/thermo.bin" "$tmp/drop/app.bin"
mv "$tmp/drop" "$ws/images/thermo"
ln -s "$tmp/build-4/thermo.bin" "$ws/images/link.bin"
until_newest 3
is inbox_folder_moved_in "$(newest)" '3 2.0.0 @ota stable'
until_log 'is a link'
contains inbox_link_is_not_followed "$(cat "$log")" "$ws/images/link.bin: is a link"
rm "$ws/images/link.bin"

head -c 5000 /dev/urandom >"$ws/images/thermo/storage.bin"
cp "$ws/images/thermo/storage.bin" "$ws/images/weird-label.bin"
until_newest 4
is inbox_data_goes_over_the_app "$(otactl -C "$ws" releases --json | jq -c '[.releases[-1].from_min, (.releases[-1].version | startswith("2.0.0+storage-"))]')" '[3,true]'
is inbox_data_without_an_app "$(newest | cut -d' ' -f1,3)" '4 storage'
until_log 'no partition "weird-label"'
contains inbox_data_for_no_partition "$(cat "$log")" "$ws/images/weird-label.bin: the partition table has no partition \"weird-label\""
rm "$ws/images/weird-label.bin"
is inbox_makes_zlib_forms "$(otactl -C "$ws" releases --json | jq '[.releases[].steps[] | select(.label == "@ota") | has("z")] | all')" true
ok inbox_repository_is_valid otactl verify "$ws/state/repo" --root "$ws/state/repo/metadata/1.root.json"
is inbox_daemon_serves_it "$(curl -s --cacert "$ws/keys/ca.crt" "$daemon_url/metadata/timestamp.json" | sha256sum)" "$(sha256sum <"$ws/state/repo/metadata/timestamp.json")"

# ---- what it leaves to push: an app with others, though the app is an old one ----
head -c 6000 /dev/urandom >"$ws/images/thermo/storage.bin"
cp "$tmp/build-2/thermo.bin" "$ws/images/thermo/app.bin"
cp "$tmp/build-4/bootloader/bootloader.bin" "$ws/images/boot.bin"
until_log 'an app together with other images'
until_log 'boot.bin: a bootloader'
is inbox_pair_is_left_to_push "$(newest | cut -d' ' -f1)" 4
is inbox_push_command_is_complete "$(by_hand)" "otactl -C $ws push $ws/images/thermo/app.bin $ws/images/thermo/storage.bin --product thermo --compatible"
ok inbox_push_command_works bash -c "$(by_hand)"
is inbox_push_command_published "$(newest)" '5 2.0.0 storage @ota stable'
contains inbox_bootloader_is_left_to_push "$(cat "$log")" "$ws/images/boot.bin: a bootloader is not taken from the inbox; type: otactl push BUILD_DIR --with @bootloader"
rm "$ws/images/boot.bin"

# ---- what it says about files that it knows, and of those that are no good ----
touch "$ws/images/thermo/app.bin"
cp "$tmp/build-4/thermo.bin" "$tmp/broken.bin" && truncate -s 60000 "$tmp/broken.bin" && cp "$tmp/broken.bin" "$ws/images/broken.bin"
until_log 'is release 5 already'
until_log 'images/broken.bin: '
contains inbox_known_file_is_named "$(cat "$log")" "inbox: app.bin is release 5 already; nothing done (to offer it again: otactl -C $ws push $ws/images/thermo/app.bin --product thermo)"
ok inbox_offering_it_again_works bash -c "$(sed -n 's/.*app.bin is release 5 .*to offer it again: \(.*\))/\1/p' "$log")"
contains inbox_broken_app_is_named "$(cat "$log")" "not taken: $ws/images/broken.bin"
rm "$ws/images/broken.bin"

cp "$tmp/build-4/thermo.bin" "$tmp/odd.bin" && chmod g+w "$tmp/odd.bin" && mv "$tmp/odd.bin" "$ws/images/o d;id.bin"
until_log 'o d;id.bin: others may write to it'
contains inbox_name_in_a_command_is_quoted "$(cat "$log")" "chmod go-w '$ws/images/o d;id.bin'"
rm "$ws/images/o d;id.bin"
chmod g+w "$ws/images/thermo"
cp "$tmp/build-4/thermo.bin" "$ws/images/thermo/app4.bin"
head -c 500000 /dev/zero >"$ws/images/storage.bin"
until_log 'others may write here'
until_log 'do not fit into partition storage'
contains inbox_folder_writable_by_others "$(cat "$log")" "chmod go-w $ws/images/thermo"
is inbox_writable_folder_is_left_to_push "$(by_hand)" "otactl -C $ws push $ws/images/thermo/app4.bin --product thermo"
contains inbox_data_is_checked_against_the_known_table "$(cat "$log")" "$ws/images/storage.bin: 500000 bytes do not fit into partition storage"
rm "$ws/images/storage.bin"

mv "$ws/keys/thermo.pem" "$tmp/thermo.pem"
chmod g-w "$ws/images/thermo"
until_log 'the key of product thermo is not in this workspace'
contains inbox_without_the_key "$(cat "$log")" 'the key of product thermo is not in this workspace'
mv "$tmp/thermo.pem" "$ws/keys/thermo.pem"
is inbox_nothing_of_that_was_released "$(newest | cut -d' ' -f1)" 6
is inbox_commands_name_nothing_that_fails "$(sed -n 's/.*type: otactl -C//p' "$log" | grep -cE 'state/inbox|broken|boot\.bin|weird|link')" 0
ok inbox_leaves_nothing_behind bash -c "[ -z \"\$(ls -A '$ws/state/incoming')\" ] && [ ! -e '$ws/state/inbox/thermo' ]"

# ---- push to the running daemon, whatever else lies in state/incoming ----
mkdir "$ws/state/incoming/a b" && touch "$ws/state/incoming/a b/request"
ok inbox_push_to_the_daemon otactl -C "$ws" push "$tmp/build-4"
is inbox_push_is_published "$(newest)" '7 4.0.0 @ota stable'
is inbox_odd_name_is_logged_once "$(grep -c 'incoming/a b: left alone' "$log")" 1
rm -r "$ws/state/incoming/a b"
cp "$tmp/build-4/thermo.bin" "$ws/images/thermo/app4.bin"
until_log 'app4.bin is release 7 already'
is inbox_what_was_pushed_is_not_taken_again "$(newest | cut -d' ' -f1)" 7

# ---- a restart takes nothing twice, and --images is another inbox ----
stop_daemon
for v in 5 6; do otadevice sample "$tmp/build-$v" --chip esp32c3 --version "$v.0.0" >/dev/null; done
mkdir "$tmp/elsewhere"
cp "$tmp/build-5/thermo.bin" "$tmp/elsewhere/five.bin"
start_daemon "$ws" --images "$tmp/elsewhere"
until_newest 8
is inbox_elsewhere "$(newest)" '8 5.0.0 @ota stable'
stop_daemon
cp "$tmp/build-6/thermo.bin" "$ws/images/six.bin"
start_daemon "$ws"
until_newest 9
is inbox_restart_takes_what_came_meanwhile "$(newest)" '9 6.0.0 @ota stable'
sleep 0.5
is inbox_restart_takes_nothing_twice "$(newest | cut -d' ' -f1) $(grep -c 'already' "$log")" '9 0'
stop_daemon

# ---- without a workspace ----
cd "$tmp" || exit 1
fails inbox_without_workspace 2 'otactl init' otaserve --images "$tmp/build-1"
contains inbox_without_workspace_lists_the_images "$out" 'thermo.bin'
contains inbox_without_workspace_names_both_commands "$err" "otactl init ota --product thermo --chip esp32c3  and then: otaserve -C ota --images $tmp/build-1"
mkdir "$tmp/flaws" "$tmp/empty"
cp "$tmp/build-1/thermo.bin" "$tmp/flaws/thermo.bin" && printf X | dd of="$tmp/flaws/thermo.bin" bs=1 seek=$(($(stat -c %s "$tmp/flaws/thermo.bin") - 5)) conv=notrunc status=none
head -c 96 "$tmp/build-1/partition_table/partition-table.bin" >"$tmp/flaws/table.bin"
head -c 600 "$tmp/build-1/thermo.bin" >"$tmp/flaws/short.bin"
fails inbox_flaws_are_listed 2 'otactl init' otaserve --images "$tmp/flaws"
contains inbox_bad_digest_is_flagged "$out" 'no board takes it: the SHA-256 at its end does not match'
is inbox_each_flaw_is_flagged "$(grep -c 'no board takes it' <<<"$out")" 3
fails inbox_empty_folder_invents_no_product 2 'otactl init ota --product NAME --chip CHIP  and then' otaserve --images "$tmp/empty"
fails inbox_of_no_folder 1 'No such file' otaserve --images "$tmp/nothing"
done_testing
