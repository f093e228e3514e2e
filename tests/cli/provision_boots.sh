#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds that their chip would not boot, or not for long: otactl provision and otadevice create refuse them alike.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh

made=0
chip_is() { # CHIP: a workspace and a build for it
    chip=$1 ws=$tmp/ws-$1 build=$tmp/build-$1 new=$tmp/new
    otactl init "$ws" --product thermo --chip "$1" --url https://ota.example:8443 >/dev/null && otadevice sample "$build" --chip "$1" --version 1.0.0 >/dev/null
}
fresh() { rm -rf "$new" && cp -r "$build" "$new" && eval "$1"; }
provision() { made=$((made + 1)) && otactl -C "$ws" provision "$new" --id "b$made" -o "$tmp/boards" "$@"; }
create() { made=$((made + 1)) && otadevice create -C "$ws" --from "$new" --id "c$made" -o "$tmp/c$made.flash" "$@"; }
refused() { # NAME PART, then what makes $new of the build, then options
    fresh "$3"
    fails "boots_provision_$1" 1 "$2" provision ${4:-}
    fails "boots_create_$1" 1 "$2" create ${4:-}
}
taken() { # NAME, then as above
    fresh "$2"
    ok "boots_provision_$1" provision ${3:-}
    ok "boots_create_$1" create ${3:-}
}
edit() { jq "$2" "$new/$1" >"$tmp/edited" && mv "$tmp/edited" "$new/$1"; }
args() { edit flasher_args.json "$1"; }
sdk() { edit config/sdkconfig.json "$1"; }
more() { args ".flash_files += {$1}"; }
table() { otactl table show "$new/partition_table/partition-table.bin" --csv | sed "$1" >"$tmp/t.csv" && otactl table build "$tmp/t.csv" -o "$new/partition_table/partition-table.bin" >/dev/null 2>&1; }
bend() { # FILE BYTE VALUE...: of an image, whose checksum and hash follow
    python3 - "$new/$1" "${@:2}" <<'END'
import hashlib, struct, sys
path, changes = sys.argv[1], [int(v, 0) for v in sys.argv[2:]]
image, at, check = bytearray(open(path, "rb").read()), 24, 0xEF
for where, value in zip(changes[::2], changes[1::2]):
    image[where] = value
for _ in range(image[1]):
    length = struct.unpack_from("<I", image, at + 4)[0]
    for byte in image[at + 8:at + 8 + length]:
        check ^= byte
    at += 8 + length
at = at // 16 * 16 + 16
image[at - 1] = check
image[at:at + 32] = hashlib.sha256(image[:at]).digest()
open(path, "wb").write(image)
END
}

# ---- the size of the flash, which a bootloader takes from its own header ----
chip_is esp32c3 || skip_all 'no sample'
keep='args ".flash_settings.flash_size = \"keep\""'
header() { bend bootloader/bootloader.bin 3 "$1"; }
fresh 'args ".flash_settings.flash_size = \"2MB\""'
ok boots_flash_size_sets_the_header provision --flash-size 4MB
is boots_header_has_the_flash_size "$(od -An -tx1 -j3 -N1 "$tmp/boards/b$made.bin" | tr -d ' ')" 20
fresh 'args ".flash_settings.flash_size = \"2MB\""; header 0x10'
ok boots_flash_size_sets_the_header_with_parts provision --flash-size 4MB --parts
contains boots_esptool_is_told_the_flash_size "$out" "--flash-size 4MB 0x0 "
taken flash_size_that_is_larger "$keep" "--flash-size 8MB"
refused header_smaller_than_the_table "bootloader.bin: its header says that the flash has 1MB, and ota_0 ends at 0x190000" \
    "$keep"'; sdk ".ESPTOOLPY_FLASHSIZE = \"8MB\""; header 0x00'
refused header_smaller_by_half "its header says that the flash has 2MB, and ota_1 ends at 0x310000" "$keep"'; sdk ".ESPTOOLPY_FLASHSIZE = \"4MB\""; header 0x10'
refused header_of_no_size "its header says that the flash has 2MB" "$keep"'; sdk ".ESPTOOLPY_FLASHSIZE = \"4MB\""; header 0xF0'
refused header_larger_than_the_flash "bootloader.bin: its header says that the flash has 8MB, and the board's has 4MB" \
    "$keep"'; sdk ".ESPTOOLPY_FLASHSIZE = \"4MB\""; header 0x30'
taken header_smaller_than_the_flash "$keep"'; sdk ".ESPTOOLPY_FLASHSIZE = \"8MB\""; header 0x20'
for key in boot1 boot2; do otactl keys new --secure-boot rsa3072 -o "$tmp/$key.pem" >/dev/null; done
signed() { # FILE KEY: in place
    otactl sign --secure-boot "$tmp/$2.pem" "$new/$1" -o "$new/$1" >/dev/null
}
both() { signed bootloader/bootloader.bin "$1" && signed thermo.bin "$2"; }
refused flash_size_that_a_signed_header_lacks "is signed with flash mode/speed/size codes 2/0/2, and --flash-size wants 2/0/3" "$keep"'; both boot1 boot1' "--flash-size 8MB"
taken flash_size_that_a_signed_header_has "$keep"'; both boot1 boot1' "--flash-size 4MB"

new=$tmp/$(printf 'folder-%.0s' $(seq 30))
refused header_in_a_long_path "bootloader/bootloader.bin: its header says that the flash has 2MB, and ota_1 ends at 0x310000: the bootloader takes no such table; build it for the larger flash, or say its size with --flash-size" \
    "$keep"'; sdk ".ESPTOOLPY_FLASHSIZE = \"4MB\""; header 0x10'
refused app_in_a_long_path "thermo.bin: checksum is 0x" 'printf x | dd of="$new/thermo.bin" bs=1 seek=5000 conv=notrunc status=none'
refused otadata_in_a_long_path "ota_data_initial.bin: is not blank: it would choose which app boots first; leave otadata to ESP-IDF, which flashes FF" 'printf x >"$new/ota_data_initial.bin"'
refused no_app_in_a_long_path "flasher_args.json puts no app into ota_0 at 0x10000, which boots first" 'args "del(.flash_files[\"0x10000\"])"'
new=$tmp/new

# A whole image is judged by what is in it, whatever the build folder holds.
fresh true
provision >/dev/null && cp "$tmp/boards/b$made.bin" "$tmp/whole.bin"
ok boots_whole_image otadevice create --from "$new" --image "$tmp/whole.bin" -o "$tmp/whole.flash"
printf '\020' | dd of="$tmp/whole.bin" bs=1 seek=3 conv=notrunc status=none
fails boots_whole_image_with_a_small_header 1 "whole.bin: its header says that the flash has 2MB" otadevice create --from "$new" --image "$tmp/whole.bin" -o "$tmp/w.flash"
printf '\040' | dd of="$tmp/whole.bin" bs=1 seek=3 conv=notrunc status=none
head -c 8192 /dev/zero | dd of="$tmp/whole.bin" bs=4096 seek=$((0x190)) conv=notrunc status=none
ok boots_whole_image_with_half_an_update otadevice create --from "$new" --image "$tmp/whole.bin" -o "$tmp/half.flash"
head -c 8192 /dev/zero | dd of="$tmp/whole.bin" bs=4096 seek=16 conv=notrunc status=none
fails boots_whole_image_with_no_app 1 "no app verifies" otadevice create --from "$new" --image "$tmp/whole.bin" -o "$tmp/w.flash"
head -c 8192 /dev/zero | dd of="$tmp/whole.bin" bs=4096 conv=notrunc status=none
fails boots_whole_image_with_no_bootloader 1 "whole.bin: bootloader at 0x0: not an Espressif image" otadevice create --from "$new" --image "$tmp/whole.bin" -o "$tmp/w.flash"

# ---- Secure Boot, with the keys that the first boot burns ----
v2='sdk ".SECURE_BOOT_V2_ENABLED = true | .SECURE_BOOT_BUILD_SIGNED_BINARIES = true | .SECURE_SIGNED_APPS_RSA_SCHEME = true"'
refused unsigned_with_secure_boot "bootloader.bin: carries no Secure Boot signature" "$v2"
refused app_unsigned_with_secure_boot "thermo.bin: carries no Secure Boot signature" "$v2; signed bootloader/bootloader.bin boot1"
refused app_by_another_key "thermo.bin: no Secure Boot key that signed the bootloader signed it, too" "$v2; both boot1 boot2"
other_slot='cp "$new/thermo.bin" "$new/other.bin"; more "\"0x190000\": \"other.bin\""'
refused other_slot_by_another_key "other.bin: no Secure Boot key that signed the bootloader" "$v2; $other_slot; both boot1 boot1; signed other.bin boot2"
taken other_slot_by_the_same_key "$v2; $other_slot; both boot1 boot1; signed other.bin boot1"
taken with_secure_boot "$v2; both boot1 boot1"
flash=$tmp/c$made.flash
is boots_create_boots_what_it_trusts "$(otadevice show "$flash" --json | jq -r .running.label)" ota_0
otactl sign --secure-boot "$tmp/boot2.pem" "$build/thermo.bin" -o "$tmp/strange.bin" >/dev/null
dd if="$tmp/strange.bin" of="$flash" bs=4096 seek=16 conv=notrunc status=none
contains boots_create_has_the_keys_in_efuse "$(otadevice show "$flash" --json | jq -r '.faults[0]')" "no eFuse trusts the key"
fresh true
{ sed '/^secure_boot/d' "$ws/ota.conf" && echo "secure_boot = $tmp/boot1.pem.pub"; } >"$tmp/conf" && cp "$ws/ota.conf" "$tmp/conf.before" && cp "$tmp/conf" "$ws/ota.conf"
fails boots_create_unsigned_though_ota_conf_names_a_key 1 "carries no Secure Boot signature, which ota.conf requires" create
cp "$tmp/conf.before" "$ws/ota.conf"

# ---- which app starts ----
refused otadata_that_chooses "ota_data_initial.bin: is not blank" 'printf "\002\000\000\000" | dd of="$new/ota_data_initial.bin" bs=1 conv=notrunc status=none'
refused otadata_with_its_last_byte_set "ota_data_initial.bin: is not blank" 'printf x | dd of="$new/ota_data_initial.bin" bs=1 seek=8191 conv=notrunc status=none'
refused garbage_in_another_slot "garbage.bin: not an Espressif image" 'head -c 8192 /dev/zero >"$new/garbage.bin"; more "\"0x190000\": \"garbage.bin\""'
taken an_app_in_another_slot "$other_slot"

# ---- TEE, which a bootloader that has it starts first ----
tee_table='table "s/^ota_state,.*/tee,app,tee_0,0x310000,192K,\ntee_next,app,tee_1,0x340000,192K,\nota_state,data,nvs,0x370000,48K,/; s/^ota_id,.*/ota_id,data,nvs,0x37c000,16K,readonly/; /^storage,/d"; args "del(.flash_files[\"0x320000\"])"'
refused tee_without_an_image "puts no app into tee at 0x310000, which the bootloader starts before any other" "$tee_table"
tee='otadevice sample "$tmp/tee" --chip '$chip' --version 1.0.0 --size 98304 >/dev/null; cp "$tmp/tee/thermo.bin" "$new/tee.bin"; more "\"0x310000\": \"tee.bin\""'
taken tee_with_an_image "$tee_table; $tee"
refused tee_of_garbage "tee.bin: " "$tee_table; $tee"'; printf x | dd of="$new/tee.bin" bs=1 seek=5000 conv=notrunc status=none'
refused second_tee_of_garbage "garbage.bin: not an Espressif image" "$tee_table; $tee"'; head -c 8192 /dev/zero >"$new/garbage.bin"; more "\"0x340000\": \"garbage.bin\""'

# ---- apps over 16 MiB ----
large='table "s/^ota_0,.*/ota_0,app,ota_0,0x10000,17M,/; s/^ota_1,.*/ota_1,app,ota_1,0x1110000,1M,/; s/^ota_state,.*/ota_state,data,nvs,0x1210000,48K,/; s/^ota_id,.*/ota_id,data,nvs,0x121c000,16K,readonly/; s/^storage,.*/storage,data,spiffs,0x1220000,256K,/"; args ".flash_files[\"0x1220000\"] = .flash_files[\"0x320000\"] | del(.flash_files[\"0x320000\"])"'
fresh "$large"
fails boots_provision_slot_over_16_mib 1 "ota_0 has 0x1100000 bytes; a bootloader of the esp32c3 starts nothing" provision --flash-size 32MB
fails boots_table_slot_over_16_mib 1 "ota_0 has 0x1100000 bytes" otactl table check "$tmp/t.csv" --chip esp32c3 --flash-size 32MB
ok boots_table_slot_over_16_mib_of_the_s3 otactl table check "$tmp/t.csv" --chip esp32s3 --flash-size 32MB

# ---- MMU pages larger than what slots are aligned to ----
chip_is esp32s31
paged='bend thermo.bin 212 17'
refused pages_at_the_slot "thermo.bin: segment 0" "$paged"
at_128k='args ".flash_files[\"0x20000\"] = .flash_files[\"0x10000\"] | del(.flash_files[\"0x10000\"])"; table "s/^ota_0,.*/ota_0,app,ota_0,0x20000,1472K,/; s/^ota_1,.*/ota_1,app,ota_1,$second,1408K,/"'
second=0x190000
refused pages_at_the_other_slot "thermo.bin: app slot ota_1 at 0x190000: segment 0" "$paged; $at_128k"
second=0x1a0000
taken pages_at_both_slots "$paged; $at_128k"
fresh "$paged; $at_128k"'; table "s/^storage,.*/storage,data,spiffs,0x320000,64K,\nrescue,app,factory,0x330000,384K,/"'
fails boots_push_pages_at_the_factory_partition 1 "thermo.bin: segment 0" otactl -C "$ws" push "$new" --with factory --compatible -n
ok boots_push_pages_at_both_slots otactl -C "$ws" push "$new" -n

# ---- a recovery bootloader ----
chip_is esp32c5
recovery='sdk ".BOOTLOADER_RECOVERY_ENABLE = true | .BOOTLOADER_RECOVERY_OFFSET = 3735552"; more "\"0x390000\": \"recovery.bin\""'
taken recovery_bootloader "$recovery"'; cp "$new/bootloader/bootloader.bin" "$new/recovery.bin"'
refused recovery_bootloader_outside_of_the_flash "a recovery bootloader at 0x3fb000 is outside of the flash" 'sdk ".BOOTLOADER_RECOVERY_ENABLE = true | .BOOTLOADER_RECOVERY_OFFSET = 4173824"'
refused recovery_bootloader_of_garbage "recovery.bin: not an Espressif image" "$recovery"'; head -c 8192 /dev/zero >"$new/recovery.bin"'
refused recovery_bootloader_that_is_an_app "recovery.bin: " "$recovery"'; otadevice sample "$tmp/small" --chip esp32c5 --version 1.0.0 --size 98304 >/dev/null; head -c 20000 "$tmp/small/thermo.bin" >"$new/recovery.bin"'
refused recovery_bootloader_of_a_small_flash "recovery.bin: its header says that the flash has 2MB" "$recovery"'; cp "$new/bootloader/bootloader.bin" "$new/recovery.bin"; bend recovery.bin 3 0x10'
done_testing
