#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# otadevice's verbs: what they make, and bad input to each of them.
. "$OTA_TOP/tests/tap.sh"

ws=$tmp/ws build=$tmp/build flash=$tmp/b.flash
otactl init "$ws" --product thermo --chip esp32c3 --url https://localhost:1 >/dev/null
otadevice sample "$build" --chip esp32c3 --version 1.0.0 >/dev/null
json() { jq -r "$1" <<<"$out"; }

# ---- create ----
run otadevice create -C "$ws" --from "$build" -o "$flash" --json
is create_succeeds "$rc" 0
is create_numbers_boards "$(json '.id + " " + .product + " " + .channel + " " + .chip + " " + .version')" "virtual-0001 thermo stable esp32c3 1.0.0"
is create_registers_the_board "$(otactl -C "$ws" device list --json | jq -r '.devices[].id')" virtual-0001
is create_file_is_private "$(stat -c %a "$flash")" 600
is create_file_holds_flash_and_efuses "$(stat -c %s "$flash")" $((4194304 + 4096))
run otadevice create -C "$ws" --from "$build" -o "$tmp/second.flash" --json
is create_counts_up "$(json .id)" virtual-0002
run otadevice create -C "$ws" --from "$build" -o "$tmp/named.flash" --id kitchen --groups early,home --url https://h:9/base/ --flash-size 8MB --no-storage --json
is create_takes_a_larger_flash "$(json .flash_size)" 8388608
run otadevice show "$tmp/named.flash" --json
is create_stores_the_identity "$(json '.identity | [.id, .groups, .url_meta, .url_targets, .url_api, .has_token] | join(" ")')" \
    "kitchen early,home https://h:9/base/metadata https://h:9/base/targets https://h:9/base/api/v1 true"
otadevice read "$tmp/named.flash" storage -o "$tmp/empty" --length 65536 >/dev/null
is create_no_storage_leaves_it_erased "$(tr -d '\377' <"$tmp/empty" | wc -c)" 0
cp "$ws/state/repo/metadata/1.root.json" "$tmp/root.json"
run env -C "$tmp" otadevice create --from "$build" -o "$tmp/foreign.flash" --root root.json --url https://h --product other --json
is create_needs_no_workspace_with_a_root "$(json .registered)" false

fails create_does_not_overwrite 1 "exists already" otadevice create -C "$ws" --from "$build" -o "$flash"
fails create_wants_from 2 "--from is required" otadevice create -C "$ws" -o "$tmp/x.flash"
fails create_wants_output 2 "--output is required" otadevice create -C "$ws" --from "$build"
fails create_wants_a_folder 1 "nowhere: cannot open" otadevice create -C "$ws" --from "$tmp/nowhere" -o "$tmp/x.flash"
fails create_wants_a_build_folder 1 "has no flasher_args.json" otadevice create -C "$ws" --from "$ws" -o "$tmp/x.flash"
fails create_wants_a_workspace 2 "otactl init" env -C / otadevice create --from "$build" -o "$tmp/x.flash"
fails create_knows_its_products 2 "" otadevice create -C "$ws" --from "$build" -o "$tmp/x.flash" --product oven
fails create_knows_its_channels 1 "no channel" otadevice create -C "$ws" --from "$build" -o "$tmp/x.flash" --channel night
fails create_refuses_a_known_id 1 "known already" otadevice create -C "$ws" --from "$build" -o "$tmp/x.flash" --id kitchen
fails create_refuses_a_bad_id 2 "--id" otadevice create -C "$ws" --from "$build" -o "$tmp/x.flash" --id "a b"
fails create_refuses_a_bad_url 2 "https://" otadevice create -C "$ws" --from "$build" -o "$tmp/x.flash" --url http://h
fails create_refuses_a_bad_size 2 "--flash-size" otadevice create -C "$ws" --from "$build" -o "$tmp/x.flash" --flash-size 3MB
fails create_refuses_a_flash_too_small 1 "beyond the flash" otadevice create -C "$ws" --from "$build" -o "$tmp/x.flash" --flash-size 2MB
fails create_refuses_an_absent_ca 1 "none.crt" otadevice create -C "$ws" --from "$build" -o "$tmp/x.flash" --ca "$tmp/none.crt"
fails create_refuses_an_absent_root 1 "none.json" otadevice create -C "$ws" --from "$build" -o "$tmp/x.flash" --root "$tmp/none.json"
fails create_refuses_an_absent_folder 1 "x.flash" otadevice create -C "$ws" --from "$build" -o "$tmp/none/x.flash"
otadevice sample "$tmp/other" --chip esp32 --version 1.0.0 >/dev/null
fails create_refuses_another_chip 1 "esp32c3" otadevice create -C "$ws" --from "$tmp/other" -o "$tmp/x.flash"

# A build folder with one thing wrong.
broken() { # name, part of the message, command in a copy of the folder
    rm -rf "$tmp/bad" && cp -r "$build" "$tmp/bad" && (cd "$tmp/bad" && eval "$3")
    fails "create_refuses_$1" 1 "$2" otadevice create -C "$ws" --from "$tmp/bad" -o "$tmp/x.flash"
}
broken a_missing_image "thermo.bin" 'rm thermo.bin'
broken an_empty_image "puts no app into ota_0 at 0x10000, which boots first" ': >thermo.bin'
broken a_folder_for_an_image "is a folder" 'rm thermo.bin; mkdir thermo.bin'
broken a_sparse_image "thermo.bin" 'truncate -s 4G thermo.bin'
broken an_app_larger_than_its_slot "do not fit" 'truncate -s 1572865 thermo.bin'
broken a_truncated_app "thermo.bin: " 'truncate -s 100000 thermo.bin'
broken a_damaged_app "checksum" 'printf "\x5a\x5a\x5a" | dd of=thermo.bin bs=1 seek=5000 conv=notrunc status=none'
broken a_damaged_table "MD5" 'printf x | dd of=partition_table/partition-table.bin bs=1 seek=12 conv=notrunc status=none'
broken a_missing_sdkconfig "sdkconfig.json" 'rm config/sdkconfig.json'
broken a_broken_sdkconfig "sdkconfig.json" 'echo "{" >config/sdkconfig.json'
broken a_table_offset_of_no_sector "no flash sector" 'sed -i "s/32768/32769/" config/sdkconfig.json'
broken an_unknown_chip "not known" 'sed -i "s/esp32c3/esp32x9/" flasher_args.json project_description.json'
broken duplicate_keys "flasher_args.json" 'echo "{\"a\":1,\"a\":2}" >flasher_args.json'
broken a_file_from_outside "../ws/keys/root.pem" 'sed -i "s/storage.bin/..\/ws\/keys\/root.pem/" flasher_args.json'
broken a_file_inside_the_app "inside ota_0" 'sed -i "s/\"0x320000\"/\"0x20000\"/" flasher_args.json'
broken an_offset_that_is_none "flash_files" 'sed -i "s/\"0x10000\"/\"here\"/" flasher_args.json'
is create_failures_leave_no_file "$(ls "$tmp/x.flash" 2>/dev/null)" ""
is create_failures_register_nobody "$(otactl -C "$ws" device list --json | jq -r '[.devices[].id] | join(" ")')" "kitchen virtual-0001 virtual-0002"

# ---- show ----
run otadevice show "$flash" --json
is show_says_what_boots "$(json '.running | .label + " " + .version')" "ota_0 1.0.0"
is show_lists_partitions "$(json '[.partitions[].label] | join(" ")')" "@bootloader @partition-table nvs otadata phy_init ota_0 ota_1 ota_state ota_id storage"
is show_digest_is_that_of_the_image "$(json '.partitions[] | select(.label == "ota_0") | .sha256')" "$(sha256sum <"$build/thermo.bin" | cut -d' ' -f1)"
is show_says_that_nothing_is_wrong "$(json '.faults | length')" 0
is show_hides_the_token "$(grep -c ota_ <<<"$(json '.identity')")" 0
before=$(sha256sum <"$flash")
ok show_prints_text otadevice show "$flash"
contains show_names_the_board "$out" virtual-0001
is show_changes_nothing "$(sha256sum <"$flash")" "$before"

# ---- read ----
same() { # label, file
    otadevice read "$flash" "$1" -o "$tmp/read.bin" --length "$(stat -c %s "$2")" >/dev/null && cmp "$tmp/read.bin" "$2"
}
ok read_app same ota_0 "$build/thermo.bin"
ok read_running same @running "$build/thermo.bin"
ok read_bootloader same @bootloader "$build/bootloader/bootloader.bin"
ok read_table same @partition-table "$build/partition_table/partition-table.bin"
ok read_storage same storage "$build/storage.bin"
run otadevice read "$flash" storage -o "$tmp/read.bin" --json
is read_takes_the_whole_partition "$(json '.length')" 262144
is read_json_has_the_digest "$(json '.sha256')" "$(sha256sum <"$tmp/read.bin" | cut -d' ' -f1)"
fails read_knows_its_labels 1 "no partition" otadevice read "$flash" attic -o "$tmp/y"
fails read_refuses_more_than_there_is 1 "fewer than" otadevice read "$flash" otadata -o "$tmp/y" --length 8193
fails read_wants_output 2 "--output is required" otadevice read "$flash" otadata
fails read_wants_a_label 2 "FLASH LABEL" otadevice read "$flash" -o "$tmp/y"
fails read_refuses_a_bad_length 2 "--length" otadevice read "$flash" otadata -o "$tmp/y" --length -1
fails read_refuses_an_absent_folder 1 "none" otadevice read "$flash" otadata -o "$tmp/none/y"

# ---- run ----
run otadevice run --flash "$flash" --once
is run_without_a_server_fails "$rc" 1
contains run_says_what_boots "$err" "boot: thermo 1.0.0 runs from ota_0"
contains run_says_why_at_last "$(tail -1 <<<"$err")" "localhost:1"
contains run_counts_requests "$out" "without an answer"
run otadevice run --flash "$flash" --once --json
is run_json_says_failed "$(json '.result + " " + .error.code')" "failed network"
is run_json_log_is_json "$(head -1 <<<"$err" | jq -r .program)" board
fails run_wants_flash 2 "--flash is required" otadevice run --once
fails run_refuses_a_bad_clock 2 "--clock" otadevice run --flash "$flash" --once --clock tomorrow
for window in 1:00-2:00 01:00 01:00-24:00 01:60-02:00 01:00-02:00x 01-00-02:00 ""; do
    fails "run_refuses_the_window_'$window'" 2 "--window" otadevice run --flash "$flash" --once --window "$window"
done
fails run_refuses_a_bad_interval 2 "--interval" otadevice run --flash "$flash" --interval 0
fails run_refuses_a_bad_cut 2 "--power-cut" otadevice run --flash "$flash" --once --power-cut 0
fails run_refuses_operands 2 "unexpected" otadevice run "$flash"

# A board that does not boot says why, and so does show.
cp "$flash" "$tmp/dead.flash"
dd if=/dev/zero of="$tmp/dead.flash" bs=4096 seek=16 count=1 conv=notrunc status=none
run otadevice run --flash "$tmp/dead.flash" --once
contains run_says_that_nothing_boots "$(tail -1 <<<"$err")" "no app verifies (ota_0 at 0x10000: not an Espressif image"
run otadevice show "$tmp/dead.flash" --json
is show_says_that_nothing_boots "$(json '.running')" null
contains show_says_why_nothing_boots "$(json '.faults[0]')" "no app verifies"
fails read_running_needs_one 1 "no app verifies" otadevice read "$tmp/dead.flash" @running -o "$tmp/y"
cp "$flash" "$tmp/blank-id.flash"
dd if=/dev/zero bs=4096 count=4 status=none | tr '\0' '\377' | dd of="$tmp/blank-id.flash" bs=4096 seek=796 conv=notrunc status=none
run otadevice run --flash "$tmp/blank-id.flash" --once
contains run_without_identity_says_so "$(tail -1 <<<"$err")" "not provisioned"

# Two runs cannot share a board.
otadevice run --flash "$flash" >/dev/null 2>"$tmp/runner.log" &
runner=$!
at_exit "kill $runner 2>/dev/null"
for _ in $(seq 200); do [ -s "$tmp/runner.log" ] && break; sleep 0.05; done
fails run_locks_the_board 1 "another otadevice" otadevice run --flash "$flash" --once
fails show_waits_for_no_runner 1 "another otadevice" otadevice show "$flash"
kill -INT $runner 2>/dev/null; kill $runner 2>/dev/null; wait $runner 2>/dev/null
ok stopping_a_run_is_safe otadevice show "$flash"

# ---- files that are no boards, to every verb that takes one ----
: >"$tmp/empty.flash"
truncate -s 4G "$tmp/sparse.flash"
head -c $((4194304 + 4096)) /dev/zero >"$tmp/zero.flash"
head -c 3000000 /dev/urandom >"$tmp/random.flash"
cp "$flash" "$tmp/cut.flash" && truncate -s -4096 "$tmp/cut.flash"
cp "$flash" "$tmp/fuse.flash" && printf x | dd of="$tmp/fuse.flash" bs=1 seek=$((4194304 + 20)) conv=notrunc status=none
bad() { # name, file, part of the message
    fails "show_refuses_$1" 1 "$3" otadevice show "$2"
    fails "read_refuses_$1" 1 "$3" otadevice read "$2" storage -o "$tmp/y"
    fails "run_refuses_$1" 1 "$3" otadevice run --flash "$2" --once
    fails "bundle_refuses_$1" 1 "$3" otadevice bundle --flash "$2" "$build/thermo.bin"
    fails "page_refuses_$1" 1 "$3" otadevice page --flash "$2" --listen 127.0.0.1:0
}
bad a_missing_file "$tmp/none.flash" "none.flash"
bad a_folder "$tmp" "is a folder"
bad an_empty_file "$tmp/empty.flash" "no flash file"
bad a_sparse_file "$tmp/sparse.flash" "at most"
bad zeros "$tmp/zero.flash" "no flash file"
bad random_bytes "$tmp/random.flash" "sectors"
bad a_flash_cut_short "$tmp/cut.flash" "no flash file"
bad damaged_efuses "$tmp/fuse.flash" "damaged"

# ---- sample, and the program ----
run otadevice sample "$tmp/mute" --chip esp32c3 --version 1.0.0 --no-network --json
is sample_without_network "$rc:$(json '.no_network, .faulty' | tr '\n' ' ')" '0:true false '
is sample_without_network_says_so "$(grep -c 'otadevice:network=none' "$tmp/mute/thermo.bin")" 1
otadevice create -C "$ws" --from "$tmp/mute" -o "$tmp/mute.flash" >/dev/null
run otadevice run --flash "$tmp/mute.flash" --once
contains sample_without_network_reaches_nobody "$rc:$err" 'this board has no network'
fails sample_wants_a_chip 2 "--chip is required" otadevice sample "$tmp/s" --version 1
fails sample_wants_a_version 2 "--version is required" otadevice sample "$tmp/s" --chip esp32c3
fails sample_knows_its_chips 2 "did you mean esp32c3" otadevice sample "$tmp/s" --chip esp32c33 --version 1
fails sample_wants_a_folder 2 "DIR" otadevice sample --chip esp32c3 --version 1
fails sample_spares_other_folders 1 "not empty" otadevice sample "$ws" --chip esp32c3 --version 1
fails sample_refuses_a_file 1 "$(basename "$flash")" otadevice sample "$flash" --chip esp32c3 --version 1
fails sample_refuses_a_bad_size 2 "--size" otadevice sample "$tmp/s" --chip esp32c3 --version 1 --size 12
fails unknown_verb_gets_the_nearest 2 'did you mean "create"' otadevice creat
fails unknown_option_gets_the_nearest 2 "did you mean" otadevice run --flsh "$flash"
fails a_verb_is_wanted 2 "--help" otadevice
ok help_is_given otadevice --help
contains help_lists_verbs "$out" "switch a board on"
for verb in sample create run bundle page show read; do ok "help_of_$verb" otadevice $verb --help; done
done_testing
