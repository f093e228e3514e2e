#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# otactl table: show, build and check; and gen_esp32part.py of ESP-IDF beside it, where IDF_PATH names one.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh

csv=$tmp/p.csv bin=$tmp/p.bin
cat >"$csv" <<'END'
# Name,   Type, SubType, Offset, Size, Flags
nvs,      data, nvs,     0x9000, 16K,
otadata,  data, ota,     ,       8K,
phy_init, data, phy,     ,       4K,
ota_0,    app,  ota_0,   ,       1M,
ota_1,    app,  ota_1,   ,       1M,
ota_state,data, nvs,     ,       40K,
ota_id,   data, nvs,     ,       16K,  readonly
END
fix() { sed "$@" "$csv" >"$tmp/other.csv"; } # a table with one change

# ---- build ----
ok table_build otactl table build "$csv" -o "$bin"
is table_build_says_what_it_made "$out" "$bin: 7 partitions, 3072 bytes"
is table_build_makes_a_table "$(stat -c %s "$bin") $(head -c 2 "$bin" | od -An -tx1)" "3072  aa 50"
is table_build_json "$(otactl table build "$csv" -o "$bin" --json | jq -c '[.form,.offset,.partitions,.remarks]')" '["csv",32768,7,[]]'
fails table_build_wants_a_file 2 "-o FILE" otactl table build "$csv"
fails table_build_wants_a_file_by_its_option 2 "named with -o: otactl table build $csv -o $tmp/x" otactl table build "$csv" "$tmp/x"
fails table_build_spares_its_input 2 "is the input itself" otactl table build "$csv" -o "$csv"
fails table_build_of_a_binary 2 "otactl table show $bin --csv" otactl table build "$bin" -o "$tmp/x"
fails table_build_of_nothing 1 "$tmp/none.csv" otactl table build "$tmp/none.csv" -o "$tmp/x"
fix 's/ota_0,   ,       1M/ota_0,   ,       1.5M/'
fails table_build_names_the_line 1 "$tmp/other.csv:5: Size \"1.5M\" is no number" otactl table build "$tmp/other.csv" -o "$tmp/x"
fix 's/ota_1,    app,  ota_1,   ,       1M/ota_1,app,ota_1,0x110800,1M/'
fails table_build_names_the_line_of_a_check 1 "$tmp/other.csv:6: Offset of ota_1: offset 0x110800 is not a multiple of 0x10000; leave that column empty" \
    otactl table build "$tmp/other.csv" -o "$tmp/x"
is table_build_left_nothing_behind "$(ls "$tmp/x" 2>/dev/null)" ""
ok table_build_unverified otactl table build "$tmp/other.csv" -o "$tmp/x" --no-verify
# shellcheck disable=SC2016
fix 's/40K/$STATE_SIZE/'
fails table_build_variable_is_not_set 1 "the variable STATE_SIZE is not set" otactl table build "$tmp/other.csv" -o "$tmp/x"
ok table_build_variable env STATE_SIZE=40K otactl table build "$tmp/other.csv" -o "$tmp/x"
ok table_build_variable_is_its_value cmp "$bin" "$tmp/x"
fix 's/1M/0xf8000/'
ok table_build_secure_v2 otactl table build "$tmp/other.csv" -o "$tmp/x" --secure v2
fails table_build_secure_v1 1 "other.csv:5: Size of ota_0: size 0xf8000" otactl table build "$tmp/other.csv" -o "$tmp/x" --secure v1
fails table_build_secure_what 2 "neither v1 nor v2" otactl table build "$csv" -o "$tmp/x" --secure v3
fails table_build_flash_size 1 "other.csv:6: Size of ota_1: ends at" otactl table build "$tmp/other.csv" -o "$tmp/x" --flash-size 2MB
fails table_build_flash_size_what 2 "1MB, 2MB, 4MB" otactl table build "$csv" -o "$tmp/x" --flash-size 3MB
fix 's/^ota_1, /ota_0, /'
fails table_build_a_name_twice 1 "other.csv:6: Name of ota_0: line 5 has the same label; give one of them another name" otactl table build "$tmp/other.csv" -o "$tmp/x"
fix 's/ota_1,    app,  ota_1,   ,       1M/ota_1,app,ota_1,0x100000,1M/'
fails table_build_over_the_row_above 1 "other.csv:6: offset 0x100000 lies before 0x110000, where the row above ends; leave the column Offset empty, or write 0x110000" \
    otactl table build "$tmp/other.csv" -o "$tmp/x"
fix 's/,/;/g'
fails table_build_semicolons 1 "other.csv:2: no comma in it, but semicolons: columns are separated by commas" otactl table build "$tmp/other.csv" -o "$tmp/x"
fix 's/nvs,     0x9000/nvs,     /'
ok table_build_offset otactl table build "$tmp/other.csv" -o "$tmp/x" --offset 0x10000
is table_build_offset_moves_rows "$(otactl table show "$tmp/x" --offset 0x10000 --json | jq -c '[.rows[].offset]')" \
    '[69632,86016,94208,131072,1179648,2228224,2269184]'
fails table_build_offset_what 2 "no address of a flash sector" otactl table build "$csv" -o "$tmp/x" --offset 0x8001
fix '$ablackbox, data, my_box, , 64K,'
fails table_build_subtype_is_not_known 1 "other.csv:9: SubType \"my_box\"" otactl table build "$tmp/other.csv" -o "$tmp/x"
ok table_build_subtype_of_the_project otactl table build "$tmp/other.csv" -o "$tmp/x" --extra-partition-subtypes "data,my_box,0x40"
fails table_build_subtype_what 2 "write TYPE,NAME,0xNN" otactl table build "$csv" -o "$tmp/x" --extra-partition-subtypes "my_box"
fix '1i boot, bootloader, primary, N/A, N/A,'
fails table_build_bootloader_lies_where 1 "--chip CHIP" otactl table build "$tmp/other.csv" -o "$tmp/x"
ok table_build_bootloader_of_the_chip otactl table build "$tmp/other.csv" -o "$tmp/x" --chip esp32c5
is table_build_bootloader_is_there "$(otactl table show "$tmp/x" --json | jq -c '.rows[0]|[.label,.offset,.size]')" '["boot",8192,24576]'
fails table_build_bootloader_elsewhere 1 "the ROM of the esp32 starts what is at 0x1000" \
    otactl table build "$tmp/other.csv" -o "$tmp/x" --chip esp32 --primary-bootloader-offset 0x2000
fails table_build_bootloader_behind 2 "must lie below" otactl table build "$tmp/other.csv" -o "$tmp/x" --primary-bootloader-offset 0x8000
ok table_build_chip_in_capitals otactl table build "$csv" -o "$tmp/x" --chip ESP32-C3
fails table_build_chip_what 2 "no chip known" otactl table build "$csv" -o "$tmp/x" --chip esp33

# ---- show ----
ok table_show otactl table show "$csv" --flash-size 4MB
contains table_show_has_rows "$out" "ota_id            data            nvs        0x21a000  0x21e000      16K  readonly"
contains table_show_has_what_is_free "$out" "(free)                                       0x21e000  0x400000    1928K"
contains table_show_size_of_flash_is_unknown "$(otactl table show "$csv" | tail -n 1)" "--flash-size shows"
is table_show_binary_is_the_same "$(otactl table show "$bin")" "$(otactl table show "$csv")"
is table_show_csv "$(otactl table show "$bin" --csv | tail -n 1)" "ota_id,data,nvs,0x21a000,16K,readonly"
otactl table show "$bin" --csv >"$tmp/again.csv"
ok table_show_csv_builds otactl table build "$tmp/again.csv" -o "$tmp/x"
ok table_show_csv_builds_the_same cmp "$bin" "$tmp/x"
(head -c 32768 /dev/zero && cat "$bin" && head -c 100000 /dev/zero) >"$tmp/flash.bin"
ok table_show_flash otactl table show "$tmp/flash.bin"
contains table_show_flash_says_where "$out" "Table at 0x8000"
is table_show_flash_json "$(otactl table show "$tmp/flash.bin" --json | jq -c '[.form,.offset,.sound,.reason,(.rows|length)]')" '["flash",32768,true,"",7]'
is table_show_flash_of_no_size "$(tail -n 1 <<<"$out")" "(flash size unknown: --flash-size shows what is free behind it)"
sized() { # byte of the bootloader's header that holds the size, at
    cp "$tmp/flash.bin" "$tmp/sized.bin"
    printf "\\xE9\\x01\\x02\\x$1" | dd of="$tmp/sized.bin" bs=1 seek="$2" conv=notrunc status=none
    otactl table show "$tmp/sized.bin" | tail -n 1 | tr -s ' '
}
is table_show_flash_knows_its_size "$(sized 20 0)" "(free) 0x21e000 0x400000 1928K"
is table_show_flash_knows_its_size_on_an_esp32 "$(sized 3F $((0x1000)))" "(free) 0x21e000 0x800000 6024K"
contains table_show_flash_is_larger_than_it_says "$(sized 1F 0)" "flash size unknown"
is table_show_flash_is_as_told "$(otactl table show "$tmp/sized.bin" --flash-size 4MB | tail -n 1 | tr -s ' ')" "(free) 0x21e000 0x400000 1928K"
fails table_show_flash_without_table 1 "--offset ADDRESS" otactl table show "$tmp/flash.bin" --offset 0x10000
head -c 1 "$bin" >"$tmp/short"
fails table_show_short 1 "the file is empty" otactl table show "$tmp/short"
head -c 40 "$bin" >"$tmp/short"
fails table_show_cut 1 "cut off" otactl table show "$tmp/short"
printf 'x' | dd of="$bin" bs=1 seek=45 conv=notrunc status=none
fails table_show_damaged 1 "the table is damaged" otactl table show "$bin"
contains table_show_damaged_is_shown "$out" "oxadata"
printf 'data, data, fat, , 4K\n' >"$tmp/other.csv"
run otactl table show "$tmp/other.csv"
is table_show_unbootable "$rc $err" "0 note: $tmp/other.csv: no app partition: nothing could boot"

# ---- check ----
ok table_check otactl table check "$csv" --chip esp32 --flash-size 4MB
is table_check_says_what_fits "$out" "$csv: ok; 7 partitions, 2 slots for apps of up to 1024 KiB, ota_state of 40 KiB"
is table_check_json "$(otactl table check "$csv" --json | jq -c '[.ok,.slots,.slot_size,.remarks]')" '[true,2,1048576,[]]'
fix '/ota_state/d'
fails table_check_without_state 1 "add a row to its CSV: ota_state, data, nvs, , 40K" otactl table check "$tmp/other.csv"
fix '/otadata/d'
fails table_check_without_otadata 1 "need an otadata" otactl table check "$tmp/other.csv"
fix 's/ota_1,   ,       1M/ota_1,   ,       2M/'
run otactl table check "$tmp/other.csv"
is table_check_remarks "$rc $err" "0 note: the slots differ in size; an app must fit the smallest, 0x100000 bytes"
otadevice sample "$tmp/build" --chip esp32c3 --version 1.0.0 >/dev/null
ok table_check_sample otactl table check "$tmp/build/partition_table/partition-table.bin" --bootloader "$tmp/build/bootloader/bootloader.bin"
fails table_check_other_chip 1 "bootloader.bin" otactl table check "$csv" --chip esp32 --bootloader "$tmp/build/bootloader/bootloader.bin"
fails table_check_bootloader_is_too_long 1 "bootloader.bin" otactl table check "$tmp/build/partition_table/partition-table.bin" --offset 0x1000 --bootloader "$tmp/build/bootloader/bootloader.bin"

# ---- diff and plan ----
rows() { otactl table plan "$csv" "$tmp/other.csv" --json | jq -c "$1"; }
cp "$csv" "$tmp/other.csv"
is table_diff_of_the_same "$(otactl table diff "$csv" "$tmp/other.csv")" "No difference."
ok table_plan_of_the_same otactl table plan "$csv" "$tmp/other.csv"
contains table_plan_of_the_same_does_nothing "$out" "changes nothing"
fix '$astorage, data, spiffs, , 64K'
ok table_diff otactl table diff "$csv" "$tmp/other.csv"
is table_diff_shows_what_changes_alone "$(wc -l <<<"$out") $(tail -n 1 <<<"$out" | tr -s ' ')" "2 storage - 0x21e000+0x010000 added"
is table_diff_json "$(otactl table diff "$tmp/other.csv" "$csv" --json | jq -c '[.partitions[] | [.label,.change,.old.size,.new]]')" '[["storage","removed",65536,null]]'
ok table_plan otactl table plan "$csv" "$tmp/other.csv"
contains table_plan_says_how "$out" "otactl push BUILD_DIR --with @partition-table --accept-brick-risk"
is table_plan_json "$(rows '[.over_the_air,.brick_risk,(.partitions[-1] | [.label,.data,.over_the_air])]')" '[true,true,["storage","new",true]]'
ok table_plan_of_a_chip otactl table plan "$csv" "$tmp/other.csv" --chip esp32c61
is table_plan_knows_recovery "$(grep -c 'push BUILD_DIR --with @partition-table$' <<<"$out")" 1
cp "$tmp/other.csv" "$tmp/old.csv" && sed 's/spiffs, , 64K/spiffs, 0x230000, 64K/' "$tmp/old.csv" >"$tmp/new.csv"
is table_plan_of_moved_data "$(otactl table plan "$tmp/old.csv" "$tmp/new.csv" --json | jq -c '.partitions[-1] | [.change,.data,.over_the_air]')" '["moved","lost",true]'
sed 's/spiffs, , 64K/spiffs, , 32K/' "$tmp/old.csv" >"$tmp/new.csv"
is table_plan_of_cut_data "$(otactl table plan "$tmp/old.csv" "$tmp/new.csv" --json | jq -c '.partitions[-1] | [.change,.data,.over_the_air]')" '["shrunk","cut",true]'
sed 's/spiffs, , 64K/fat, , 128K, encrypted/' "$tmp/old.csv" >"$tmp/new.csv"
is table_plan_of_other_data "$(otactl table plan "$tmp/old.csv" "$tmp/new.csv" --json | jq -c '.partitions[-1] | [.change,.data]')" '["grown, retyped, flags","lost"]'
fix 's/ota_1,    app,  ota_1,   ,       1M/ota_1, app, ota_1, , 2M/'
fails table_plan_never 1 "ota_state moves from 0x210000 to 0x310000: never over the air" otactl table plan "$csv" "$tmp/other.csv"
is table_plan_never_says_which "$(rows '[.over_the_air, [.partitions[] | select(.over_the_air | not) | .label]]' 2>/dev/null)" '[false,["ota_state","ota_id"]]'
fix '/ota_id/d'
fails table_plan_never_loses_an_identity 1 "ota_id" otactl table plan "$csv" "$tmp/other.csv"
cp "$tmp/other.csv" "$tmp/without.csv"
run otactl table plan "$tmp/without.csv" "$tmp/without.csv"
is table_plan_without_ota_id_says_so "$rc $err" "0 note: no ota_id: boards know what their build brings along, and have no id and token; a row for it: ota_id, data, nvs, , 16K, readonly"
run otactl table check "$tmp/without.csv"
contains table_check_without_ota_id_says_so "$rc $err" "0 note: no ota_id"
is table_check_without_ota_id_json "$(otactl table check "$tmp/without.csv" --json | jq -c '[.ok, (.remarks | length)]')" '[true,1]'
fix '/ota_state/d'
fails table_plan_new_table_is_not_enough 1 "$tmp/other.csv: the partition table has no ota_state" otactl table plan "$csv" "$tmp/other.csv"
fix '/ota_id/d'
ok table_plan_from_a_board_without otactl table plan "$tmp/other.csv" "$csv"
fix '$aota_2, app, ota_2, 0x220000, 1M'
fails table_plan_slots_are_counted 1 "number of ota_ slots changes from 2 to 3" otactl table plan "$csv" "$tmp/other.csv"
fails table_plan_wants_two 2 "table plan" otactl table plan "$csv"

# ---- what gen_esp32part.py takes, and this does not ----
refuses() { # NAME PART, CSV
    printf '%b\nf,app,factory,0x10000,1M\n' "$3" >"$tmp/other.csv"
    fails "table_refuses_$1" 1 "$tmp/other.csv:1: $2" otactl table build "$tmp/other.csv" -o "$tmp/x"
}
refuses a_quoted_name "Name of \"nvs\": the name \"nvs\" has a quote in it (a table's CSV knows no quoting)" '"nvs",data,nvs,0x9000,16K'
refuses a_comma_in_quotes 'Type "b""' '"a,b",data,nvs,0x9000,16K'
refuses a_space_in_a_name 'Name of my nvs: the name my nvs has a space in it; take letters' 'my nvs,data,nvs,0x9000,16K'
refuses a_slash_in_a_name 'Name of n/s: the name n/s has a / in it' 'n/s,data,nvs,0x9000,16K'
refuses a_backslash_in_a_name 'Name of n\s: the name n\s has a \ in it' 'n\\s,data,nvs,0x9000,16K'
refuses an_at_sign_before_a_name 'Name of @x: the name @x has a @ in it' '@x,data,nvs,0x9000,16K'
refuses a_name_beyond_ascii 'Name of é: its label is empty or not printable ASCII; take letters' 'é,data,nvs,0x9000,16K'
refuses a_tab_before_its_unit 'byte 3 of the column Size is no printable ASCII character' 'nvs,data,nvs,0x9000,16\t K'
refuses digits_of_another_script 'byte 1 of the column Size is no printable ASCII character' 'nvs,data,nvs,0x9000,٤٤K'
refuses an_end_at_4_gib 'ends at 0x100000000, beyond every flash' 'x,data,fat,0xfff00000,1M'

# ---- tables of builds that were pushed are known by the digest that boards report ----
otactl init "$tmp/ws" --product thermo --chip esp32c3 --url https://localhost:1 >/dev/null
otadevice sample "$tmp/first" --chip esp32c3 --version 1.0.0 --size 100000 >/dev/null
otadevice sample "$tmp/second" --chip esp32c3 --version 2.0.0 --size 100000 >/dev/null
otactl table show "$tmp/first/partition_table/partition-table.bin" --csv | sed 's/^storage,/files,/' >"$tmp/first.csv"
otactl table build "$tmp/first.csv" -o "$tmp/first/partition_table/partition-table.bin" >/dev/null
digest=$(sha256sum <"$tmp/first/partition_table/partition-table.bin" | cut -d' ' -f1)
for build in first second; do ok "table_push_of_the_${build}_build" otactl -C "$tmp/ws" push "$tmp/$build"; done
otactl -C "$tmp/ws" device add old >/dev/null
python3 -c 'import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute("UPDATE device SET table_sha256 = ?", sys.argv[2:]); db.commit()' \
    "$tmp/ws/state/fleet.db" "$digest" # as it reports it
is table_of_an_earlier_push_is_known "$(otactl -C "$tmp/ws" fleet fits 2 --json | jq -c '[.fits,.misfits,.unknown]')" '[1,0,0]'
is table_of_an_earlier_push_is_kept "$(sha256sum <"$tmp/ws/state/tables/$digest.bin" | cut -d' ' -f1)" "$digest"

# ---- beside gen_esp32part.py ----
gen=${IDF_PATH:-/none}/components/partition_table/gen_esp32part.py
if ! python3 "$gen" --help >/dev/null 2>&1; then
    skip table_equals_gen_esp32part "IDF_PATH names no ESP-IDF whose gen_esp32part.py runs"
else
    wrong= count=0
    for file in "$IDF_PATH"/components/partition_table/*.csv "$IDF_PATH"/examples/system/ota/*/*.csv tests/fuzz/corpus/table/*.csv "$csv"; do
        rm -f "$tmp/theirs" "$tmp/ours"
        python3 "$gen" -q --primary-bootloader-offset 0x1000 --recovery-bootloader-offset 0x3f0000 "$file" "$tmp/theirs" 2>/dev/null || continue
        otactl table build "$file" -o "$tmp/ours" --primary-bootloader-offset 0x1000 --recovery-bootloader-offset 0x3f0000 --no-verify >/dev/null 2>&1
        cmp -s "$tmp/theirs" "$tmp/ours" || wrong="$wrong $(basename "$file")"
        count=$((count + 1))
    done
    is table_equals_gen_esp32part "$wrong" ""
    ok table_was_compared_with_gen_esp32part test "$count" -ge 12
fi
done_testing
