#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A board whose bootloader's header says less flash than the chip has: it takes no table that its bootloader would refuse.
. "$OTA_TOP/tests/tap.sh"
. "$OTA_TOP/tests/net/board.sh"

make_fleet esp32c3 || skip_all 'no fleet'
start_daemon "$ws" || exit 1
change() { jq "$2" "$1" >"$tmp/changed" && mv "$tmp/changed" "$1"; }
change "$tmp/build-1.0.0/flasher_args.json" '.flash_settings.flash_size = "keep"'
change "$tmp/build-1.0.0/config/sdkconfig.json" '.ESPTOOLPY_FLASHSIZE = "8MB"'
new_board || skip_all 'no board'
is flash_size_of_the_chip "$(otadevice show "$board" --json | jq -r .flash_size)" 8388608
table() { # NAME END-OF-STORAGE SIZE: a table with one more partition
    { otactl table show "$tmp/build-1.0.0/partition_table/partition-table.bin" --csv && echo "more,data,fat,$2,$3,"; } >"$tmp/$1.csv" &&
        otactl table build "$tmp/$1.csv" -o "$tmp/$1.bin" >/dev/null
}
push() { otactl -C "$ws" push "$tmp/$1.bin:@partition-table" --version "$2" --sdkconfig "$tmp/build-1.0.0/config/sdkconfig.json" --compatible --accept-brick-risk; }
table within 0x360000 640K && table beyond 0x360000 644K
run push beyond 2.0.0
is flash_size_is_not_known_to_push "$rc" 0
run otadevice run --flash "$board" --once
contains flash_size_board_refuses_the_table "$err" "(more): ends at 0x401000, beyond the flash"
is flash_size_board_still_runs "$(running_version)" 1.0.0
ok flash_size_table_that_fits_is_pushed push within 3.0.0
ok flash_size_board_takes_it otadevice run --flash "$board" --once
is flash_size_board_runs_with_it "$(running_version) $(otadevice show "$board" --json | jq -r '.partitions[] | select(.label == "more") | .size')" "1.0.0 655360"
done_testing
