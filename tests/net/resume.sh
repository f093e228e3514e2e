#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An interrupted download goes on where it stopped: Range and If-Range, bound to the signed hash; a changed ETag starts over.
. "$OTA_TOP/tests/tap.sh"
. "$OTA_TOP/tests/net/board.sh"

make_fleet esp32c3
start_faulty
new_board
push_release 2.0.0 -- --no-compress # what is cut and resumed is the plain form
size=$(stat -c %s "$tmp/build-2.0.0/thermo.bin")
cp "$board" "$tmp/before.flash"

rules '[{"path": "app.bin", "fault": "cut", "n": 200000, "times": 1}]'
run otadevice run --flash "$board" --once
is resume_first_run_fails "$rc" 1
is resume_old_app_still_runs "$(running_version)" 1.0.0
rules '[]'
run otadevice run --flash "$board" --once
is resume_second_run_updates "$rc-$(running_version)" 0-2.0.0
request=$(grep app.bin "$tmp/rules.json.log")
contains resume_asks_with_range "$request" "bytes="
contains resume_asks_with_if_range "$request" '"'
is resume_answer_is_partial "$(awk '{print $(NF-1)}' <<<"$request")" 206
sent=$(awk '{print $NF}' <<<"$request")
[ "$sent" -lt "$size" ] && [ "$sent" -ge $((size - 200000)) ]
tap_result $? resume_fetches_only_the_rest
contains resume_prints_the_bytes_saved "$out$err" "$((size - sent))"

cp "$tmp/before.flash" "$board"
rules '[{"path": "app.bin", "fault": "cut", "n": 200000, "times": 1}, {"path": "app.bin", "fault": "new-etag"}]'
run otadevice run --flash "$board" --once
run otadevice run --flash "$board" --once
is resume_changed_etag_updates "$rc-$(running_version)" 0-2.0.0
is resume_changed_etag_starts_over "$(grep app.bin "$tmp/rules.json.log" | tail -1 | awk '{print $(NF-1), $NF}')" "200 $size"

cp "$tmp/before.flash" "$board"
rules '[{"path": "app.bin", "fault": "cut", "n": 200000, "times": 1}, {"path": "app.bin", "fault": "ignore-range"}]'
run otadevice run --flash "$board" --once
run otadevice run --flash "$board" --once
is resume_server_without_ranges_updates "$rc-$(running_version)" 0-2.0.0
done_testing
