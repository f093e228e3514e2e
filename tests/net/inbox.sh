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

counters() { otactl -C "$ws" releases --json | jq -c '[.releases[].counter]'; }
newest() { otactl -C "$ws" releases --json | jq -r '.releases[-1] // empty | "\(.counter) \(.version) \([.steps[].label] | join(" ")) \([.offered[].channel] | join(" "))"'; }
until_newest() { # wanted counter
    for _ in $(seq 80); do [[ $(newest) == "$1 "* ]] && return; sleep 0.1; done
}
until_log() { for _ in $(seq 80); do grep -qF -- "$1" "$log" && return; sleep 0.1; done; }

# ---- what it takes ----
cp "$tmp/build-1/thermo.bin" "$ws/images/thermo-1.bin"
until_newest 1
is inbox_loose_app "$(newest)" '1 1.0.0 @ota stable'
mkdir "$tmp/drop" && cp "$tmp/build-2/thermo.bin" "$tmp/drop/app.bin"
mv "$tmp/drop" "$ws/images/thermo"
until_newest 2
is inbox_folder_moved_in "$(newest)" '2 2.0.0 @ota stable'
head -c 5000 /dev/urandom >"$ws/images/thermo/storage.bin"
until_newest 3
is inbox_data_goes_over_the_app "$(otactl -C "$ws" releases --json | jq -c '[.releases[-1].from_min, (.releases[-1].version | startswith("2.0.0+storage-"))]')" '[2,true]'
is inbox_data_without_an_app "$(newest | cut -d' ' -f1,3)" '3 storage'
{ head -c 100000 "$tmp/build-3/thermo.bin"; sleep 2.5; tail -c +100001 "$tmp/build-3/thermo.bin"; } >"$ws/images/slow.bin"
until_newest 4
is inbox_slow_copy_is_taken_whole "$(newest)" '4 3.0.0 @ota stable'
ok inbox_repository_is_valid otactl verify "$ws/state/repo" --root "$ws/state/repo/metadata/1.root.json"
is inbox_daemon_serves_it "$(curl -s --cacert "$ws/keys/ca.crt" "$daemon_url/metadata/timestamp.json" | sha256sum)" "$(sha256sum <"$ws/state/repo/metadata/timestamp.json")"

# ---- what it does not ----
cp "$tmp/build-4/bootloader/bootloader.bin" "$ws/images/thermo/boot.bin"
mkdir "$ws/images/valve" && cp "$tmp/build-4/thermo.bin" "$ws/images/valve/"
ln -s "$tmp/build-4/thermo.bin" "$ws/images/link.bin"
until_log 'boot.bin: a bootloader'
until_log 'no product of that name'
until_log 'is a link'
contains inbox_bootloader_is_left_to_push "$(cat "$log")" "type: otactl push $ws/images/thermo/app.bin $ws/images/thermo/boot.bin"
contains inbox_unknown_product "$(cat "$log")" 'images/valve: ota.conf has no product of that name'
contains inbox_link_is_not_followed "$(cat "$log")" "$ws/images/link.bin: is a link"
rm -r "$ws/images/valve" "$ws/images/thermo/boot.bin" "$ws/images/link.bin"

chmod g+w "$ws/images/thermo"
cp "$tmp/build-4/thermo.bin" "$ws/images/thermo/app4.bin"
cp "$tmp/build-4/thermo.bin" "$tmp/broken.bin" && truncate -s 60000 "$tmp/broken.bin" && cp "$tmp/broken.bin" "$ws/images/broken.bin"
until_log 'others may write here'
until_log 'images/broken.bin: '
contains inbox_folder_writable_by_others "$(cat "$log")" "chmod go-w $ws/images/thermo"
contains inbox_broken_app_is_named "$(cat "$log")" "not taken: $ws/images/broken.bin"
rm "$ws/images/broken.bin"

mv "$ws/keys/thermo.pem" "$tmp/thermo.pem"
chmod g-w "$ws/images/thermo"
until_log 'the key of product thermo is not in this workspace'
contains inbox_without_the_key "$(cat "$log")" 'the key of product thermo is not in this workspace'
rm "$ws/images/thermo/app4.bin"
mv "$tmp/thermo.pem" "$ws/keys/thermo.pem"
sleep 2.5
is inbox_nothing_of_that_was_released "$(newest | cut -d' ' -f1)" 4
ok inbox_leaves_nothing_behind bash -c "[ -z \"\$(ls -A '$ws/state/incoming')\" ] && [ ! -e '$ws/state/inbox/thermo' ]"

# ---- push to the running daemon, whatever else lies in state/incoming ----
mkdir "$ws/state/incoming/a b" && touch "$ws/state/incoming/a b/request"
ok inbox_push_to_the_daemon otactl -C "$ws" push "$tmp/build-4"
is inbox_push_is_published "$(newest)" '5 4.0.0 @ota stable'
is inbox_odd_name_is_logged_once "$(grep -c 'incoming/a b: left alone' "$log")" 1
rm -r "$ws/state/incoming/a b"
cp "$tmp/build-4/thermo.bin" "$ws/images/thermo/pushed.bin"
sleep 3
is inbox_what_was_pushed_is_not_taken_again "$(newest | cut -d' ' -f1)" 5

head -c 500000 /dev/zero >"$ws/images/thermo/storage.bin"
until_log 'do not fit into partition storage'
contains inbox_data_is_checked_against_the_known_table "$(cat "$log")" 'do not fit into partition storage'
rm "$ws/images/thermo/storage.bin"

# ---- a restart takes nothing twice, and --images is another inbox ----
stop_daemon
otadevice sample "$tmp/build-5" --chip esp32c3 --version 5.0.0 >/dev/null
mkdir "$tmp/elsewhere"
start_daemon "$ws" --images "$tmp/elsewhere"
cp "$tmp/build-5/thermo.bin" "$tmp/elsewhere/five.bin"
until_newest 6
is inbox_elsewhere "$(newest)" '6 5.0.0 @ota stable'
stop_daemon
start_daemon "$ws"
sleep 3
is inbox_restart_takes_nothing_twice "$(newest | cut -d' ' -f1)" 6
stop_daemon

# ---- without a workspace ----
cd "$tmp" || exit 1
fails inbox_without_workspace 2 'otactl init' otaserve --images "$tmp/build-1"
contains inbox_without_workspace_lists_the_images "$out" 'thermo.bin'
contains inbox_without_workspace_names_the_command "$err" 'otactl init ota --product thermo --chip esp32c3'
fails inbox_of_no_folder 1 'No such file' otaserve --images "$tmp/nothing"
done_testing
