#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A board flashed with what otactl provision made: it is known, it reports, it takes an update.
. "$OTA_TOP/tests/tap.sh"
. "$OTA_TOP/tests/net/board.sh"

make_fleet esp32c3 || skip_all 'no workspace'
start_daemon "$ws" || exit 1
printf 'id,ssid,password,groups\nline-1,home,secret-word,early\n' >"$tmp/boards.csv" && chmod 600 "$tmp/boards.csv"
ok provision_board otactl -C "$ws" provision "$tmp/build-1.0.0" --csv "$tmp/boards.csv" --url "$daemon_url" -o "$tmp/boards"
is provision_board_is_known_before_it_runs "$(otactl -C "$ws" fleet list --json | jq -c '.devices[] | [.id,.quarantine,.version]')" '["line-1",false,""]'
ok provision_image_makes_a_board otadevice create --from "$tmp/build-1.0.0" --image "$tmp/boards/line-1.bin" -o "$board" --json
is provision_image_brings_its_identity "$(jq -c '[.id,.product,.channel,.version,.registered]' <<<"$out")" '["line-1","thermo","stable","1.0.0",true]'
fails provision_image_decides_who_it_is 2 '--id is decided by the image' otadevice create --from "$tmp/build-1.0.0" --image "$tmp/boards/line-1.bin" -o "$tmp/x" --id other
at=$(otactl table show "$tmp/build-1.0.0/partition_table/partition-table.bin" --json | jq '.rows[] | select(.label == "ota_id") | .offset')
cp "$tmp/boards/line-1.bin" "$tmp/blank.bin" && head -c 16384 /dev/zero | tr '\0' '\377' | dd of="$tmp/blank.bin" bs=4096 seek=$((at / 4096)) conv=notrunc status=none
fails provision_image_without_identity 1 "was not provisioned" otadevice create --from "$tmp/build-1.0.0" --image "$tmp/blank.bin" -o "$tmp/x"
ok provision_board_runs otadevice run --flash "$board" --once
push_release 2.0.0
ok provision_board_takes_an_update otadevice run --flash "$board" --once
is provision_board_runs_the_new_app "$(running_version)" 2.0.0
is provision_board_reported_with_its_token "$(otactl -C "$ws" fleet list --json | jq -c '.devices[] | [.id,.quarantine,.version,.result]')" '["line-1",false,"2.0.0","installed"]'
is provision_board_reports_the_table_that_was_recorded "$(python3 -c 'import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute("SELECT table_sha256 FROM device").fetchone()[0])' "$ws/state/fleet.db")" \
    "$(jq -r .table "$tmp/boards/boards.jsonl")"
is provision_release_fits_it "$(otactl -C "$ws" fleet fits 2.0.0 --json | jq -c '[.fits,.misfits,.unknown]')" '[1,0,0]'
done_testing
