#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# otactl nvs: build, show and identity; and esp-idf-nvs-partition-gen beside it, where Python has that.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh

csv=$tmp/n.csv bin=$tmp/n.bin
printf 'key,type,encoding,value\nstorage,namespace,,\nx,data,u8,1\ns,data,string,hello\nb,data,hex2bin,DEADBEEF\n' >"$csv"

# ---- build ----
ok nvs_build otactl nvs build "$csv" --size 12K -o "$bin"
is nvs_build_says_what_it_made "$out" "$bin: 12288 bytes, 1 of 3 pages used"
is nvs_build_makes_the_generators_bytes "$(sha256sum <"$bin" | cut -d' ' -f1)" 1055ee6e1c9fb75c346c8a7208dea66ee80cfdb9d223c6e1bcb125b0bb179562
is nvs_build_closes_its_file "$(stat -c %a "$bin")" 600
is nvs_build_json "$(otactl nvs build "$csv" --size 0x3000 -o "$bin" --json | jq -c '[.size,.pages_used]')" '[12288,1]'
run otactl nvs build "$csv" --size 4096 -o "$tmp/small.bin"
is nvs_build_read_only "$rc $(stat -c %s "$tmp/small.bin") $err" "0 4096 note: a partition below 0x3000 bytes must be flagged readonly in the table"
printf 'key,type,encoding,value\nmore,namespace,,\nf,file,string,%s\n' "$tmp/value.txt" >"$tmp/more.csv"
printf 'from a file' >"$tmp/value.txt"
ok nvs_build_of_two otactl nvs build "$csv" "$tmp/more.csv" --size 12K -o "$tmp/two.bin"
is nvs_build_reads_files "$(otactl nvs show "$tmp/two.bin" --values --json | jq -r '.items[-1] | .namespace + " " + .value')" "more from a file"
fails nvs_build_wants_a_size 2 "--size 24K -o FILE" otactl nvs build "$csv" -o "$tmp/x"
fails nvs_build_wants_a_file 2 "--size 24K -o FILE" otactl nvs build "$csv" --size 12K
fails nvs_build_size_is_none 2 "is no size" otactl nvs build "$csv" --size big -o "$tmp/x"
fails nvs_build_size_is_no_page 2 "whole pages" otactl nvs build "$csv" --size 5000 -o "$tmp/x"
fails nvs_build_spares_its_input 2 "is the input itself" otactl nvs build "$csv" --size 12K -o "$csv"
fails nvs_build_spares_its_second_input 2 "is the input itself" otactl nvs build "$csv" "$tmp/more.csv" --size 12K -o "$tmp/more.csv"
fails nvs_build_of_nothing 1 "$tmp/none.csv" otactl nvs build "$tmp/none.csv" --size 12K -o "$tmp/x"
echo 'key,type,encoding,value' >"$tmp/head.csv"
fails nvs_build_without_rows 1 "no rows" otactl nvs build "$tmp/head.csv" --size 12K -o "$tmp/x"
printf 'key,type,encoding,value\nn,namespace,,\nx,data,u8,1\nx,data,u8,2\n' >"$tmp/twice.csv"
fails nvs_build_names_the_line 1 "$tmp/twice.csv:4: NVS key \"x\" is there already" otactl nvs build "$tmp/twice.csv" --size 12K -o "$tmp/x"
printf 'key,type,encoding,value\nn,namespace,,\nx,data,blob_fill(9000;0x00),\n' >"$tmp/big.csv"
fails nvs_build_is_full 1 "$tmp/big.csv:3: the NVS partition of 12288 bytes is full" otactl nvs build "$tmp/big.csv" --size 12K -o "$tmp/x"
is nvs_build_left_nothing_behind "$(ls "$tmp/x" 2>/dev/null)" ""

# ---- show ----
ok nvs_show otactl nvs show "$bin"
contains nvs_show_has_numbers "$out" "storage          x                u8             1  1"
is nvs_show_keeps_what_may_be_secret "$(grep -c hello <<<"$out")" 0
is nvs_show_values "$(otactl nvs show "$bin" --values --json | jq -c '[.items[].value]')" '[1,"hello","deadbeef"]'
is nvs_show_json "$(otactl nvs show "$bin" --json | jq -c '[.size, (.items[] | [.namespace,.key,.type,.length,.value])]')" \
    '[12288,["storage","x","u8",1,1],["storage","s","string",5,null],["storage","b","blob",4,null]]'
printf 'key,type,encoding,value\nn,namespace,,\na,data,i64,-9223372036854775808\nb,data,u64,18446744073709551615\nc,data,i8,-1\n' >"$tmp/edge.csv"
otactl nvs build "$tmp/edge.csv" --size 12K -o "$tmp/edge.bin" >/dev/null
contains nvs_show_numbers_are_whole "$(otactl nvs show "$tmp/edge.bin" --json)" '"value":-9223372036854775808},'
contains nvs_show_numbers_are_unsigned "$(otactl nvs show "$tmp/edge.bin" --json)" '"value":18446744073709551615},'
printf 'x' | dd of="$tmp/edge.bin" bs=1 seek=110 conv=notrunc status=none
fails nvs_show_damaged 1 "$tmp/edge.bin: NVS page 0, entry 1: its CRC is wrong" otactl nvs show "$tmp/edge.bin"
fails nvs_show_of_no_partition 1 "whole pages" otactl nvs show "$csv"

# ---- encrypted ----
ok nvs_new_keys otactl nvs new-keys -o "$tmp/keys.bin"
is nvs_new_keys_are_a_closed_partition "$(stat -c '%a %s' "$tmp/keys.bin")" "600 4096"
fails nvs_new_keys_overwrite_nothing 1 "never overwritten" otactl nvs new-keys -o "$tmp/keys.bin"
fails nvs_new_keys_want_a_file 2 "-o FILE" otactl nvs new-keys
ok nvs_build_encrypted otactl nvs build "$csv" --size 12K --keys "$tmp/keys.bin" -o "$tmp/enc.bin"
is nvs_build_encrypted_hides_it "$(grep -c hello "$tmp/enc.bin") $(grep -c hello "$bin")" "0 1"
fails nvs_show_encrypted 1 "or the partition is encrypted" otactl nvs show "$tmp/enc.bin"
is nvs_show_with_keys "$(otactl nvs show "$tmp/enc.bin" --keys "$tmp/keys.bin" --values)" "$(otactl nvs show "$bin" --values)"
otactl nvs new-keys -o "$tmp/other.keys" >/dev/null
fails nvs_show_with_other_keys 1 "$tmp/enc.bin: NVS page 0, entry 0" otactl nvs show "$tmp/enc.bin" --keys "$tmp/other.keys"
head -c 100 "$bin" >"$tmp/short.keys" && chmod 600 "$tmp/short.keys"
fails nvs_build_keys_are_none 1 "100 bytes; a keys partition has 4096" otactl nvs build "$csv" --size 12K --keys "$tmp/short.keys" -o "$tmp/x"
chmod 644 "$tmp/keys.bin"
fails nvs_build_keys_are_open 1 "$tmp/keys.bin" otactl nvs build "$csv" --size 12K --keys "$tmp/keys.bin" -o "$tmp/x"

# ---- identity ----
ws=$tmp/ws
otactl init "$ws" --product thermo --chip esp32c3 --url https://ota.example:8443 >/dev/null
value() { otactl nvs show "$1" --values --json | jq -r --arg key "$2" '.items[] | select(.key == $key) | .value'; }
hex() { od -An -v -tx1 "$1" | tr -d ' \n'; }
id=$tmp/id.bin
ok identity otactl -C "$ws" nvs identity --id sensor-1 -o "$id"
contains identity_says_how_to_flash_it "$out" "Now: parttool.py write_partition --partition-name ota_id --input $id --ignore-readonly"
is identity_closes_its_file "$(stat -c '%a %s' "$id")" "600 16384"
is identity_has_a_place_for_each "$(otactl nvs show "$id" --json | jq -r '[.items[] | .key + ":" + .type] | join(" ")')" \
    "id:string product:string channel:string groups:string url_meta:string url_targets:string url_api:string token:string root:blob ca:blob"
is identity_is_who_it_is "$(value "$id" id) $(value "$id" product) $(value "$id" channel)" "sensor-1 thermo stable"
is identity_knows_its_server "$(value "$id" url_meta) $(value "$id" url_api)" "https://ota.example:8443/metadata https://ota.example:8443/api/v1"
is identity_trusts_the_root "$(value "$id" root)" "$(hex "$ws/state/repo/metadata/1.root.json")"
is identity_trusts_the_ca "$(value "$id" ca)" "$(hex "$ws/keys/ca.crt")"
is identity_made_the_board_known "$(otactl -C "$ws" device list --json | jq -c '.devices[] | [.id,.product,.channel,.quarantine]')" '["sensor-1","thermo","stable",false]'
is identity_says_no_token "$(grep -c "$(value "$id" token)" <<<"$out")" 0
fails identity_is_not_overwritten 1 "exists already" otactl -C "$ws" nvs identity --id sensor-2 -o "$id"
fails identity_of_a_board_that_is_known 1 "choose another --id" otactl -C "$ws" nvs identity --id sensor-1 -o "$tmp/again.bin"
is identity_failures_leave_no_file "$(ls "$tmp/again.bin" 2>/dev/null)" ""

mkdir "$tmp/it's here"
ok identity_in_an_odd_place otactl -C "$ws" nvs identity --id odd-1 -o "$tmp/it's here/odd.bin" --json
is identity_command_is_quoted "$(jq -r .command <<<"$out")" "parttool.py write_partition --partition-name ota_id --input '$tmp/it'\\''s here/odd.bin' --ignore-readonly"
is identity_argv_is_not "$(jq -r '.argv[-2]' <<<"$out")" "$tmp/it's here/odd.bin"

# A board that was added before brings its token.
otactl -C "$ws" device add kitchen --json | jq -r .token >"$tmp/token" && chmod 600 "$tmp/token"
ok identity_with_a_token otactl -C "$ws" nvs identity --id kitchen --token-file "$tmp/token" --groups early,home --channel beta -o "$tmp/kitchen.bin"
is identity_has_that_token "$(value "$tmp/kitchen.bin" token)" "$(cat "$tmp/token")"
is identity_has_groups "$(value "$tmp/kitchen.bin" groups) $(value "$tmp/kitchen.bin" channel)" "early,home beta"
fails identity_with_the_token_of_another 1 "not the token of board sensor-1" otactl -C "$ws" nvs identity --id sensor-1 --token-file "$tmp/token" -o "$tmp/x"
fails identity_with_a_token_of_nobody 1 "board cellar is not known" otactl -C "$ws" nvs identity --id cellar --token-file "$tmp/token" -o "$tmp/x"
chmod 644 "$tmp/token"
fails identity_with_an_open_token 1 "$tmp/token" otactl -C "$ws" nvs identity --id kitchen --token-file "$tmp/token" -o "$tmp/x"

# Where it goes is in the table.
otadevice sample "$tmp/build" --chip esp32c3 --version 1.0.0 >/dev/null
table=$tmp/build/partition_table/partition-table.bin
at=$(otactl table show "$table" --json | jq '.rows[] | select(.label == "ota_id") | .offset')
ok identity_by_table otactl -C "$ws" nvs identity --id sensor-3 --table "$table" -o "$tmp/three.bin"
contains identity_by_table_says_where "$out" "$(printf 'Now: esptool write-flash 0x%x %s' "$at" "$tmp/three.bin")"
otactl table show "$table" --csv >"$tmp/t.csv"
is identity_by_csv_json "$(otactl -C "$ws" nvs identity --id sensor-4 --table "$tmp/t.csv" -o "$tmp/four.bin" --json | jq -c '[.id,.size,.offset,.registered]')" \
    "[\"sensor-4\",16384,$at,true]"
# A table that lies further up: the rows of its CSV do, too.
cat >"$tmp/up.csv" <<'EOF'
otadata, data, ota, , 8K
ota_id, data, nvs, , 16K, readonly
ota_0, app, ota_0, , 1M
EOF
is identity_by_csv_of_a_table_further_up "$(otactl -C "$ws" nvs identity --id up-1 --table "$tmp/up.csv" --offset 0xC000 -o "$tmp/up1.bin" --json | jq -c .offset)" $((0xF000))
contains identity_by_parttool_of_a_table_further_up "$(otactl -C "$ws" nvs identity --id up-2 --offset 0xC000 -o "$tmp/up2.bin")" \
    "Now: parttool.py --partition-table-offset 0xc000 write_partition --partition-name ota_id"
fails identity_offset_is_none 2 "--offset" otactl -C "$ws" nvs identity --id up-3 --offset 12 -o "$tmp/x"
sed -i '/ota_id/d' "$tmp/t.csv"
fails identity_table_has_no_place 1 "add a row: ota_id, data, nvs, , 16K, readonly" otactl -C "$ws" nvs identity --id sensor-5 --table "$tmp/t.csv" -o "$tmp/x"
fails identity_size_is_another 2 "but ota_id has 0x4000 bytes" otactl -C "$ws" nvs identity --id sensor-5 --table "$table" --size 32K -o "$tmp/x"
for _ in 1 2 3 4; do cat "$ws/keys/ca.crt"; done >"$tmp/ca.pem"
fails identity_is_too_small 1 "too small" otactl -C "$ws" nvs identity --id sensor-5 --size 4K --ca "$tmp/ca.pem" -o "$tmp/x"

# A virtual board believes it as a real one does.
otadevice create -C "$ws" --from "$tmp/build" -o "$tmp/b.flash" --id virtual >/dev/null
dd if="$tmp/three.bin" of="$tmp/b.flash" bs=4096 seek=$((at / 4096)) conv=notrunc status=none
is identity_is_read_by_a_board "$(otadevice show "$tmp/b.flash" --json | jq -r '.identity.id')" sensor-3

# A client certificate.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$tmp/key.pem" -out "$tmp/crt.pem" -subj /CN=sensor-6 2>/dev/null
chmod 600 "$tmp/key.pem"
ok identity_with_a_certificate otactl -C "$ws" nvs identity --id sensor-6 --crt "$tmp/crt.pem" --key "$tmp/key.pem" --no-ca -o "$tmp/six.bin"
contains identity_without_ca_says_what_the_build_needs "$out" "CONFIG_OTA_TLS_BUNDLE=y"
is identity_has_certificate_and_key "$(otactl nvs show "$tmp/six.bin" --json | jq -r '[.items[].key] | join(" ")')" \
    "id product channel groups url_meta url_targets url_api token root crt key"
fails identity_groups_are_none 2 "--groups Early,,x" otactl -C "$ws" nvs identity --id sensor-7 --groups Early,,x -o "$tmp/x"
fails identity_url_has_a_password 2 "without user name and password" otactl -C "$ws" nvs identity --id sensor-7 --url https://u:p@h -o "$tmp/x"
mv "$ws/keys/ca.crt" "$tmp/ca.crt"
fails identity_without_the_ca 1 "keys/ca.crt is missing: --ca FILE, or --no-ca" otactl -C "$ws" nvs identity --id sensor-7 -o "$tmp/x"
mv "$tmp/ca.crt" "$ws/keys/ca.crt"
fails identity_certificate_without_key 2 "belong together" otactl -C "$ws" nvs identity --id sensor-7 --crt "$tmp/crt.pem" -o "$tmp/x"
fails identity_key_of_another 1 "the key of another certificate" otactl -C "$ws" nvs identity --id sensor-7 --crt "$ws/keys/ca.crt" --key "$tmp/key.pem" -o "$tmp/x"
fails identity_ca_is_a_key 1 "$tmp/key.pem" otactl -C "$ws" nvs identity --id sensor-7 --ca "$tmp/key.pem" -o "$tmp/x"
cat "$tmp/crt.pem" "$tmp/key.pem" >"$tmp/both.pem"
fails identity_ca_brings_a_key 1 "holds a private key" otactl -C "$ws" nvs identity --id sensor-7 --ca "$tmp/both.pem" -o "$tmp/x"

fails identity_wants_an_id 2 "Add --id ID" otactl -C "$ws" nvs identity -o "$tmp/x"
fails identity_id_is_none 2 "no punctuation first" otactl -C "$ws" nvs identity --id ../x -o "$tmp/x"
fails identity_channel_is_none 1 "no channel \"nightly\"" otactl -C "$ws" nvs identity --id sensor-7 --channel nightly -o "$tmp/x"
is identity_failures_made_nobody_known "$(otactl -C "$ws" device list --json | jq -r '[.devices[].id] | join(" ")')" "kitchen odd-1 sensor-1 sensor-3 sensor-4 sensor-6 up-1 up-2 virtual"
ok identity_names_its_file env -C "$tmp" otactl -C "$ws" nvs identity --id sensor-8
ok identity_default_name test -f "$tmp/ota_id-sensor-8.bin"
mkdir -p "$tmp/away/keys" && cp "$ws/keys/root.json" "$ws/keys/ca.crt" "$tmp/away/keys" && sed '1i server = https://ota.example:8443' "$ws/ota.conf" >"$tmp/away/ota.conf"
fails identity_for_a_server_elsewhere 2 "add this one there" otactl -C "$tmp/away" nvs identity --id far -o "$tmp/x"
chmod 600 "$tmp/token"
ok identity_for_a_server_elsewhere_with_token otactl -C "$tmp/away" nvs identity --id far --token-file "$tmp/token" -o "$tmp/far.bin"

# ---- beside the generator ----
if ! python3 -c 'import esp_idf_nvs_partition_gen' 2>/dev/null; then
    skip nvs_equals_the_generator "Python has no esp_idf_nvs_partition_gen"
else
    wrong=
    for file in "$csv" "$tmp/edge.csv" tests/fuzz/corpus/nvs/*.csv; do
        grep -q ',file,' "$file" && continue
        [ "$(basename "$file")" = columns.csv ] && continue # a cell more than columns: refused here, see otactl(1)
        rm -f "$tmp/theirs.bin" "$tmp/ours.bin"
        python3 -m esp_idf_nvs_partition_gen generate "$file" "$tmp/theirs.bin" 0x8000 >/dev/null 2>&1
        otactl nvs build "$file" --size 0x8000 -o "$tmp/ours.bin" >/dev/null 2>&1
        cmp -s "$tmp/theirs.bin" "$tmp/ours.bin" || wrong="$wrong $(basename "$file")"
    done
    is nvs_equals_the_generator "$wrong" ""
fi
done_testing
