#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The main job with images that ESP-IDF made: hello-world, a bootloader of IDF 5.2, a table and a storage file, on a virtual ESP32.
. "$OTA_TOP/tests/tap.sh"
. "$OTA_TOP/tests/net/board.sh"

images=$OTA_SHARED/images
[ -f "$images/hello-world-signed.bin" ] || skip_all "$images is absent"
make_fleet esp32
start_daemon "$ws"
# The board leaves the factory with the real bootloader, whose header says 2MB; esptool writes the size of the board's flash
# into it, and every later one must have the same.
cp "$images/bootloader_esp32_v5_2.bin" "$tmp/build-1.0.0/bootloader/bootloader.bin"
change() { jq "$2" "$1" >"$tmp/changed" && mv "$tmp/changed" "$1"; }
change "$tmp/build-1.0.0/flasher_args.json" '.flash_settings |= (map_values("keep") | .flash_size = "4MB")'
new_board --id real
otadevice read "$board" @bootloader -o "$tmp/bootloader.bin" --length "$(stat -c %s "$images/bootloader_esp32_v5_2.bin")" >/dev/null
is real_images_bootloader_has_the_size_of_the_flash "$(otactl inspect --json "$tmp/bootloader.bin" | jq -r .image.flash_size)" 4MB
is real_images_board_starts_at_release_1 "$(running_version)" 1.0.0
otadevice sample "$tmp/tables" --chip esp32 --version 2.0.0 --add-label assets >/dev/null
head -c 50000 /dev/urandom >"$tmp/storage.bin"
cp "$images/hello-world-signed.bin" "$tmp/hello-world.bin"
ok real_images_are_pushed otactl -C "$ws" push --accept-change project "$images/hello-world-signed.bin:@ota" "$tmp/bootloader.bin:@bootloader" \
    "$tmp/tables/partition_table/partition-table.bin:@partition-table" "$tmp/storage.bin:storage" \
    --sdkconfig "$tmp/tables/config/sdkconfig.json" --compatible --accept-brick-risk
ok real_images_update_runs otadevice run --flash "$board" --once
same() {
    otadevice read "$board" "$1" -o "$tmp/read.bin" --length "$(stat -c %s "$2")" >/dev/null && cmp "$2" "$tmp/read.bin"
}
running_label=$(otadevice show "$board" --json | jq -r .running.label)
ok real_images_app_is_byte_for_byte same "$running_label" "$images/hello-world-signed.bin"
ok real_images_bootloader_is_byte_for_byte same @bootloader "$tmp/bootloader.bin"
ok real_images_table_is_byte_for_byte same @partition-table "$tmp/tables/partition_table/partition-table.bin"
ok real_images_storage_is_byte_for_byte same storage "$tmp/storage.bin"
is real_images_fleet_shows_release_2 "$(otactl -C "$ws" fleet list --json | jq -r '.devices[0] | "\(.counter) \(.result)"')" "2 installed"

# Every real file: what inspect says is what INDEX.md expects; what must be refused is refused by push.
verdict() { otactl inspect --json "$images/$1" 2>/dev/null | jq -r "$2"; }
for bad in helloworld-esp32.bin helloworld-esp32_edit.bin esp32c3_header_min_rev.bin esp8266_deepsleep.bin partitions_singleapp.bin; do
    case $bad in partitions*) label=@partition-table ;; *) label=@ota ;; esac
    run otactl -C "$ws" push "$images/$bad:$label" --compatible --accept-brick-risk --sdkconfig "$tmp/tables/config/sdkconfig.json"
    [ "$rc" -eq 1 ] && [ -n "$err" ]
    tap_result $? "real_images_push_refuses_$bad"
    echo "# $err"
done
is real_images_wrong_chip_is_refused "$(otactl -C "$ws" push "$images/esp_idf_blink_esp32s2.bin" 2>&1 | grep -c -i 'esp32s2')" 1
is real_images_nothing_was_published "$(otactl -C "$ws" releases --json | jq '[.releases[].counter] | max')" 2
done_testing
