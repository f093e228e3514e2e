#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A server that sends half an answer and then nothing: the board gives up within its stall limit and is as it was. Metadata and an image at
# once, on two boards, because each waits for twenty seconds.
. "$OTA_TOP/tests/tap.sh"
. "$OTA_TOP/tests/net/board.sh"

make_fleet esp32c3
start_faulty
new_board
push_release 2.0.0
cp "$board" "$tmp/metadata.flash"
cp "$board" "$tmp/image.flash"
cp "$board" "$tmp/before.flash"
before=$(app_digest)
rules '[{"path": "timestamp.json", "fault": "stall", "n": 90, "times": 1}, {"path": "app.bin", "fault": "stall", "n": 90, "times": 1}]'
poll() { # metadata|image
    otadevice run --flash "$tmp/$1.flash" --once --json >"$tmp/$1.out" 2>"$tmp/$1.err" </dev/null
    echo "$? $(jq -r .error.code "$tmp/$1.out")" >"$tmp/$1.end"
}
SECONDS=0
poll metadata &
metadata_pid=$!
for _ in $(seq 200); do # its request takes the first rule
    grep -q timestamp.json "$tmp/rules.json.log" 2>/dev/null && break
    sleep 0.05
done
poll image &
wait "$metadata_pid" $!
took=$SECONDS
ok slow_boards_give_up_in_time test "$took" -ge 15 -a "$took" -lt 60
is slow_metadata_is_a_timeout "$(cat "$tmp/metadata.end")" "1 timeout"
contains slow_metadata_is_named "$(cat "$tmp/metadata.err")" "nothing arrived for"
ok slow_metadata_leaves_the_flash cmp "$tmp/metadata.flash" "$tmp/before.flash"
is slow_image_is_a_timeout "$(cat "$tmp/image.end")" "1 timeout"
board=$tmp/image.flash
is slow_image_leaves_the_app "$(app_digest) $(running_version)" "$before 1.0.0"
for board in "$tmp/metadata.flash" "$tmp/image.flash"; do
    ok "slow_$(basename "$board" .flash)_updates_afterwards" otadevice run --flash "$board" --once
    is "slow_$(basename "$board" .flash)_runs_the_release" "$(running_version)" 2.0.0
done
done_testing
