#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# otactl provision: boards of a build folder; esptool and mfg_gen's generator beside it, where they are installed.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh

ws=$tmp/ws build=$tmp/build
otactl init "$ws" --product thermo --chip esp32c3 --url https://ota.example:8443 >/dev/null || skip_all 'otactl init failed'
otadevice sample "$build" --chip esp32c3 --version 1.0.0 >/dev/null || skip_all 'otadevice sample failed'
provision() { otactl -C "$ws" provision "$build" "$@"; }
row() { otactl table show "$build/partition_table/partition-table.bin" --json | jq ".rows[] | select(.label == \"$1\") | .$2"; }
part() { tail -c +$(($(row "$2" offset) + 1)) "$1" | head -c "$(row "$2" size)"; } # FILE LABEL
value() { otactl nvs show "$1" --values --json | jq -r --arg ns "$2" --arg key "$3" '.items[] | select(.namespace == $ns and .key == $key) | .value'; }
known() { otactl -C "$ws" device list --json | jq -r '[.devices[] | select(.quarantine | not) | .id] | join(" ")'; }
lines() { jq -r .id "$1/boards.jsonl" | tr '\n' ' '; }

# ---- one board ----
out_dir=$tmp/one
ok provision_one provision --id b1 -o "$out_dir"
contains provision_says_how_to_flash_it "$out" "esptool --chip esp32c3 write-flash 0x0 $out_dir/b1.bin"
is provision_closes_its_files "$(stat -c %a "$out_dir" "$out_dir/b1.bin" "$out_dir/boards.jsonl" | tr '\n' ' ')" "700 600 600 "
is provision_made_it_known "$(known)" b1
part "$out_dir/b1.bin" ota_id >"$tmp/id.bin"
is provision_knows_who_it_is "$(value "$tmp/id.bin" ota id) $(value "$tmp/id.bin" ota product) $(value "$tmp/id.bin" ota channel) $(value "$tmp/id.bin" ota url_meta)" \
    "b1 thermo stable https://ota.example:8443/metadata"
is provision_trusts_the_root "$(value "$tmp/id.bin" ota root)" "$(od -An -v -tx1 "$ws/state/repo/metadata/1.root.json" | tr -d ' \n')"
token=$(value "$tmp/id.bin" ota token)
is provision_tells_no_token "$(grep -c "$token" "$out_dir/boards.jsonl" "$tmp/.out" "$tmp/.err" | tr '\n' ' ')" "$out_dir/boards.jsonl:0 $tmp/.out:0 $tmp/.err:0 "
is provision_state_is_blank "$(part "$out_dir/b1.bin" ota_state | tr -d '\377' | wc -c)" 0
is provision_records_it "$(jq -c '[.id,.product,.channel,.version,.certificate,.files[0].file,.files[0].offset,.commands[0]]' "$out_dir/boards.jsonl")" \
    '["b1","thermo","stable","1.0.0",false,"b1.bin",0,"esptool --chip esp32c3 write-flash 0x0 b1.bin"]'
is provision_record_has_the_digest "$(jq -r '.files[0].sha256' "$out_dir/boards.jsonl")" "$(sha256sum <"$out_dir/b1.bin" | cut -d' ' -f1)"
is provision_record_has_the_length "$(jq -r '.files[0].bytes' "$out_dir/boards.jsonl")" "$(stat -c %s "$out_dir/b1.bin")"
before=$(sha256sum <"$out_dir/b1.bin")
ok provision_again_keeps_it provision --id b1 --id b2 -o "$out_dir" --json
is provision_json "$(jq -c '[.made,.kept,.gone,[.boards[].id],.version]' <<<"$out")" '[1,1,0,["b1","b2"],"1.0.0"]'
is provision_kept_the_file "$(sha256sum <"$out_dir/b1.bin")" "$before"
is provision_record_has_both "$(lines "$out_dir")" "b1 b2 "
rm "$out_dir/b1.bin"
ok provision_of_a_flashed_board provision --id b1 -o "$out_dir"
contains provision_does_not_make_it_again "$out" "1 board was made before, and its files are gone; --again makes it anew."
is provision_made_no_file "$(ls "$out_dir/b1.bin" 2>/dev/null)" ""
ok provision_anew provision --id b1 -o "$out_dir" --again
part "$out_dir/b1.bin" ota_id >"$tmp/id2.bin"
is provision_anew_has_another_token "$([ "$(value "$tmp/id2.bin" ota token)" != "$token" ] && echo yes)" yes
value "$tmp/id2.bin" ota token >"$tmp/token" && chmod 600 "$tmp/token"
ok provision_anew_is_known_by_it otactl -C "$ws" nvs identity --id b1 --token-file "$tmp/token" -o "$tmp/check.bin"
printf x >>"$out_dir/b2.bin"
fails provision_kept_file_was_changed 1 "b2.bin: is not as it was made" provision --id b2 -o "$out_dir"

# ---- from a kill to the next run: file, database, record ----
out_dir=$tmp/kill
provision --id k1 --id k2 --id k3 -o "$out_dir" >/dev/null
before=$(sha256sum <"$out_dir/k3.bin")
head -n 2 "$out_dir/boards.jsonl" >"$tmp/two" && { cat "$tmp/two" && tail -n 1 "$out_dir/boards.jsonl" | head -c 40; } >"$out_dir/boards.jsonl"
echo secret >"$out_dir/k4.bin.tmp-abcdef"
ok provision_goes_on_after_the_record_was_cut provision --id k1 --id k2 --id k3 -o "$out_dir"
is provision_kept_its_token "$(sha256sum <"$out_dir/k3.bin")" "$before"
is provision_record_is_whole "$(lines "$out_dir")" "k1 k2 k3 "
is provision_removes_what_was_half_written "$(ls "$out_dir")" "$(printf 'boards.jsonl\nk1.bin\nk2.bin\nk3.bin')"
python3 -c 'import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute("DELETE FROM device WHERE id IN (?, ?)", ("k2", "k3")); db.commit()' "$ws/state/fleet.db" && head -n 2 "$out_dir/boards.jsonl" >"$tmp/two" && cat "$tmp/two" >"$out_dir/boards.jsonl"
ok provision_goes_on_before_the_database provision --id k2 --id k3 -o "$out_dir"
is provision_all_are_known_again "$(known)" "b1 b2 k1 k2 k3"
is provision_token_is_still_the_same "$(sha256sum <"$out_dir/k3.bin")" "$before"
echo '{"id":"k1","again":true}' >>"$out_dir/boards.jsonl" # killed right behind the beginning of --again
ok provision_goes_on_with_again provision --id k1 -o "$out_dir"
is provision_again_is_recorded "$(tail -n 1 "$out_dir/boards.jsonl" | jq -c '[.id,.again]')" '["k1",null]'
echo 'not a record' >>"$out_dir/boards.jsonl"
fails provision_record_is_damaged 1 "boards.jsonl:6:" provision --id k1 -o "$out_dir"
flock "$tmp/one/.lock" sleep 30 &
holder=$!
sleep 0.3
fails provision_one_at_a_time 1 "another otactl provision is at work" provision --id b9 -o "$tmp/one"
kill $holder && wait $holder 2>/dev/null

# ---- ids of others ----
fails provision_id_of_another_folder 1 "board b1 is known already" provision --id new1 --id b1 -o "$tmp/other"
is provision_made_nothing "$(ls -d "$tmp/other" 2>/dev/null)" ""
otactl -C "$ws" device add kitchen >/dev/null
fails provision_id_that_was_added 1 "board kitchen is known already" provision --id kitchen -o "$tmp/other"
mkdir -m 700 "$tmp/other" && echo mine >"$tmp/other/new1.bin" && chmod 600 "$tmp/other/new1.bin"
fails provision_spares_a_file_of_others 1 "not the file of board new1" provision --id new1 -o "$tmp/other"
is provision_spared_it "$(cat "$tmp/other/new1.bin")" mine
fails provision_id_twice 1 "--id x1 is given twice" provision --id x1 --id x1 -o "$tmp/x"
fails provision_id_is_none 2 "no punctuation first" provision --id ../x -o "$tmp/x"
fails provision_wants_boards 2 "Add --id ID for each, or --csv FILE" provision -o "$tmp/x"
fails provision_wants_one_list_of_boards 2 "otactl: --id and --csv both say which boards; give one of them" provision --id x1 --csv "$tmp/x.csv" -o "$tmp/x"
ok provision_slash_behind_the_folder provision --id dir1 -o "$tmp/slash//"
contains provision_slash_is_not_doubled "$out" "write-flash 0x0 $tmp/slash/dir1.bin"

# ---- a CSV ----
csv=$tmp/boards.csv config=$tmp/config.csv
printf 'cal,namespace,\noffset,data,i32\nserial,data,string\nbatch,data,u8,REPEAT\n' >"$config"
printf 'id,mac,ssid,password,softap_password,channel,groups,offset,serial,batch\nc1,aa:bb:cc:00:00:01,home,"pass,word1",accesspoint,beta,"a,b",-5,S1,7\nc2,,,,,,,6,S2,\n' >"$csv"
chmod 644 "$csv"
fails provision_csv_is_open_to_others 1 "$csv" provision --csv "$csv" --config "$config" -o "$tmp/csv"
chmod 600 "$csv"
ok provision_csv provision --csv "$csv" --config "$config" -o "$tmp/csv"
part "$tmp/csv/c1.bin" nvs >"$tmp/c1.nvs" && part "$tmp/csv/c2.bin" nvs >"$tmp/c2.nvs" && part "$tmp/csv/c1.bin" ota_id >"$tmp/c1.id"
is provision_csv_has_networks "$(value "$tmp/c1.nvs" wifi ssid) $(value "$tmp/c1.nvs" wifi password) $(value "$tmp/c1.nvs" softap password)" "home pass,word1 accesspoint"
is provision_csv_has_keys "$(value "$tmp/c1.nvs" cal offset) $(value "$tmp/c1.nvs" cal serial) $(value "$tmp/c1.nvs" cal batch)" "-5 S1 7"
is provision_csv_second_board "$(otactl nvs show "$tmp/c2.nvs" --values --json | jq -c '[.items[] | [.namespace,.key,.value]]')" '[["cal","offset",6],["cal","serial","S2"],["cal","batch",7]]'
is provision_csv_channel_and_groups "$(value "$tmp/c1.id" ota channel) $(value "$tmp/c1.id" ota groups)" "beta a,b"
is provision_csv_mac_is_noted "$(jq -c '[.id,.mac]' "$tmp/csv/boards.jsonl" | tr '\n' ' ')" '["c1","aa:bb:cc:00:00:01"] ["c2",null] '
is provision_csv_record_has_no_password "$(grep -c 'word1\|accesspoint' "$tmp/csv/boards.jsonl")" 0
if python3 -c 'import esp_idf_nvs_partition_gen' 2>/dev/null; then
    printf 'key,type,encoding,value\ncal,namespace,,\noffset,data,i32,6\nserial,data,string,S2\nbatch,data,u8,7\n' >"$tmp/c2.csv"
    python3 -m esp_idf_nvs_partition_gen generate "$tmp/c2.csv" "$tmp/theirs.bin" 0x4000 >/dev/null
    ok provision_nvs_equals_the_generator cmp "$tmp/theirs.bin" "$tmp/c2.nvs"
else
    skip provision_nvs_equals_the_generator "Python has no esp_idf_nvs_partition_gen"
fi
bad_csv() { # NAME PART TEXT
    printf '%b' "$3" >"$tmp/bad.csv" && chmod 600 "$tmp/bad.csv"
    fails "$1" 1 "$2" provision --csv "$tmp/bad.csv" -o "$tmp/bad"
}
bad_csv provision_csv_column_is_none 'bad.csv:1: column "sside" is not known; did you mean "ssid"?' 'id,sside\nq1,x\n'
bad_csv provision_csv_column_wants_a_config '(--config)' 'id,calibration\nq1,x\n'
bad_csv provision_csv_column_twice 'two columns are named "mac"' 'id,mac,mac\nq1,x,y\n'
bad_csv provision_csv_without_ids 'names no column "id"' 'mac\nx\n'
bad_csv provision_csv_row_is_short 'bad.csv:3: 1 values' 'id,mac\nq1,aa:bb:cc:00:00:01\nq2\n'
bad_csv provision_csv_id_twice 'bad.csv:3: board q1 is in line 2 already' 'id\nq1\nq1\n'
bad_csv provision_csv_id_is_blank 'bad.csv:2: this board has no id' 'id,mac\n,x\n'
bad_csv provision_csv_id_is_none 'bad.csv:3: id "q/1"' 'id\nq2\nq/1\n'
bad_csv provision_csv_is_empty 'no board below the first line' 'id\n'
bad_csv provision_csv_password_alone 'bad.csv:2: a password without an ssid' 'id,password\nq1,12345678\n'
bad_csv provision_csv_password_is_short 'bad.csv:2: password has 3 bytes' 'id,ssid,password\nq1,home,abc\n'
bad_csv provision_csv_ssid_is_long 'the ssid has 33 bytes' 'id,ssid\nq1,123456789012345678901234567890123\n'
bad_csv provision_csv_channel_is_none 'bad.csv:2: product thermo has no channel "nightly"' 'id,channel\nq1,nightly\n'
bad_csv provision_csv_has_semicolons 'bad.csv:1: "id;ssid" is one column; put commas between columns, not semicolons' 'id;ssid\nq1;home\n'
bad_csv provision_csv_has_tabs 'put commas between columns, not tabs' 'id\tssid\nq1\thome\n'
bad_csv provision_csv_column_is_in_capitals 'bad.csv:1: column "ID" is not known; write "id"' 'ID,ssid\nq1,home\n'
bad_csv provision_csv_url_is_none 'bad.csv:3: url http://h: an address https://' 'id,url\nq1,https://h\nq2,http://h\n'
bad_csv provision_csv_url_has_a_password 'bad.csv:2: url: without user name and password' 'id,url\nq1,https://u:p@h\n'
bad_csv provision_csv_groups_are_none 'bad.csv:2: groups Early,,x: names of a-z' 'id,groups\nq1,"Early,,x"\n'
bad_csv provision_csv_channel_is_no_name 'bad.csv:2: channel Beta!: a-z' 'id,channel\nq1,Beta!\n'
bad_csv provision_csv_mac_is_none 'bad.csv:2: mac "aa:bb:cc:00:00:0g": aa:bb:cc:dd:ee:ff is wanted' 'id,mac\nq1,aa:bb:cc:00:00:0g\n'
bad_csv provision_csv_mac_is_mixed 'bad.csv:2: mac "aa:bb-cc:00:00:01"' 'id,mac\nq1,aa:bb-cc:00:00:01\n'
bad_csv provision_csv_mac_is_short 'bad.csv:2: mac "aabbcc00000"' 'id,mac\nq1,aabbcc00000\n'
bad_csv provision_csv_mac_is_a_groups "bad.csv:2: mac \"01:bb:cc:00:00:01\" is a group's address" 'id,mac\nq1,01:bb:cc:00:00:01\n'
bad_csv provision_csv_mac_is_zero 'bad.csv:2: mac "000000000000" is zero' 'id,mac\nq1,000000000000\n'
bad_csv provision_csv_mac_twice 'bad.csv:4: mac aa:bb:cc:00:00:01 is in line 2 already' 'id,mac\nq1,aa:bb:cc:00:00:01\nq2,\nq3,AABBCC000001\n'
hex64=$(printf '0123456789abcDEF%.0s' 1 2 3 4)
bad_csv provision_csv_key_is_no_hex 'bad.csv:2: password has 64 bytes, which is a key of hexadecimal digits alone' "id,ssid,password\nq1,home,${hex64%F}g\n"
bad_csv provision_csv_password_is_long 'bad.csv:2: password has 65 bytes; WPA2 takes 8 to 63' "id,ssid,password\nq1,home,${hex64}0\n"
bad_csv provision_csv_password_is_no_ascii 'bad.csv:2: password: WPA2 takes printable ASCII alone, and byte 7 is none' 'id,ssid,password\nq1,home,secretü-\n'
bad_csv provision_csv_softap_takes_no_key 'bad.csv:2: softap_password has 64 bytes; WPA2 takes 8 to 63' "id,softap_password\nq1,$hex64\n"
printf 'id,ssid,password\nhex1,home,%s\nhex2,home,%s\n' "$hex64" "${hex64%?}" >"$tmp/hex.csv" && chmod 600 "$tmp/hex.csv"
ok provision_csv_key_of_hex_and_longest_passphrase provision --csv "$tmp/hex.csv" --parts -o "$tmp/hex"
bad_csv provision_csv_has_too_many_columns 'bad.csv:1: 70 columns; at most 64 are read' "id$(printf ',c%d' $(seq 69))\nq1\n"
is provision_csv_failures_made_nothing "$(ls -d "$tmp/bad" 2>/dev/null)" ""
printf 'id,offset,serial,batch\nq1,x,S,1\n' >"$tmp/bad.csv"
fails provision_csv_value_is_none 1 'bad.csv:2: key "offset": the value is no i32' provision --csv "$tmp/bad.csv" --config "$config" -o "$tmp/bad"
printf 'id,offset,serial,batch\nq1,1,S,1\nq2,1,S,2\n' >"$tmp/bad.csv"
fails provision_csv_repeats_another 1 'bad.csv:3: "batch" repeats' provision --csv "$tmp/bad.csv" --config "$config" -o "$tmp/bad"
printf 'id,offset\nq1,1\n' >"$tmp/bad.csv"
fails provision_csv_lacks_a_key 1 'no column "serial"' provision --csv "$tmp/bad.csv" --config "$config" -o "$tmp/bad"
# A config decides what a column is, not whether others may read it.
for row in 'password,data,string' 'softap_password,data,u8' 'serial,data,string' 'psk,data,hex2bin' 'key,data,base64'; do
    printf 'id,%s\nq1,1234\n' "${row%%,*}" >"$tmp/open.csv" && chmod 644 "$tmp/open.csv" && printf 'mine,namespace,\n%s\n' "$row" >"$tmp/open.config"
    fails "provision_open_csv_with_${row%%,*}" 1 'open.csv: other users may open it; chmod 600' provision --csv "$tmp/open.csv" --config "$tmp/open.config" -o "$tmp/open-csv"
done
printf 'id,offset\nopen1,5\n' >"$tmp/open.csv" && printf 'cal,namespace,\noffset,data,i32\n' >"$tmp/open.config"
ok provision_open_csv_of_numbers provision --csv "$tmp/open.csv" --config "$tmp/open.config" --parts -o "$tmp/open-csv"
fails provision_option_is_not_blamed_on_a_line 2 'otactl: --groups Early,,x' provision --csv "$tmp/open.csv" --config "$tmp/open.config" --groups Early,,x -o "$tmp/bad"
printf 'offset,data,i32\n' >"$tmp/bad.config"
fails provision_config_without_namespace 1 "bad.config:1: key \"offset\" is in no namespace" provision --csv "$tmp/bad.csv" --config "$tmp/bad.config" -o "$tmp/bad"
printf 'a,namespace,\noffset,text,i32\n' >"$tmp/bad.config"
fails provision_config_type_is_none 1 'bad.config:2: key "offset": type "text"' provision --csv "$tmp/bad.csv" --config "$tmp/bad.config" -o "$tmp/bad"
bad_config() { # NAME PART TEXT
    printf '%b' "$3" >"$tmp/bad.config" && printf 'id,k\nq1,1\n' >"$tmp/bad.csv" && chmod 600 "$tmp/bad.csv"
    fails "$1" 1 "$2" provision --csv "$tmp/bad.csv" --config "$tmp/bad.config" -o "$tmp/bad"
    is "$1_names_no_inner_file" "$(grep -c 'nvs:' <<<"$err")" 0
}
bad_config provision_config_encoding_is_none "otactl: $tmp/bad.config:2: key \"k\": encoding \"u9\" is none of: u8" 'a,namespace,\nk,data,u9\n'
bad_config provision_config_file_has_no_fill "otactl: $tmp/bad.config:2: key \"k\": encoding \"blob_fill(4;0xFF)\" is none of" 'a,namespace,\nk,file,blob_fill(4;0xFF)\n'
bad_config provision_config_namespace_comes_back "otactl: $tmp/bad.config:3: namespace \"a\" was there before \"b\"" 'a,namespace,\nb,namespace,\na,namespace,\nk,data,u8\n'
bad_config provision_config_key_is_no_ascii "otactl: $tmp/bad.config:2: character 1 of the key" 'a,namespace,\n\xc3\xbc,data,u8\n'
bad_config provision_config_wifi_key_takes_no_file "otactl: $tmp/bad.config:2: key \"sta.ssid\" takes no file" 'a,namespace,\nsta.ssid,file,binary\n'
printf 'a,namespace,\nk,data,u8\n' >"$tmp/bad.config" && printf 'id,k\nq1,300\n' >"$tmp/bad.csv"
fails provision_csv_value_is_out_of_range 1 "otactl: $tmp/bad.csv:2: key \"k\": " provision --csv "$tmp/bad.csv" --config "$tmp/bad.config" -o "$tmp/bad"
printf 'a,namespace,\nk,file,binary\n' >"$tmp/bad.config" && printf 'id,k\nq1,nowhere.pem\n' >"$tmp/bad.csv"
fails provision_csv_file_is_missing 1 "otactl: $tmp/bad.csv:2: key \"k\": nowhere.pem: cannot open" provision --csv "$tmp/bad.csv" --config "$tmp/bad.config" -o "$tmp/bad"
head -c 60000 /dev/zero >"$tmp/large" && printf 'id,k\nq1,%s\n' "$tmp/large" >"$tmp/bad.csv"
fails provision_csv_file_fills_the_partition 1 "otactl: $tmp/bad.csv:2: key \"k\": " provision --csv "$tmp/bad.csv" --config "$tmp/bad.config" -o "$tmp/bad"
fails provision_config_without_csv 2 "there is none" provision --id q1 --config "$config" -o "$tmp/bad"

# ---- networks from files, certificates, parts ----
printf 'home net\nsecret-word\n' >"$tmp/wifi" && printf 'access-word\n' >"$tmp/softap" && chmod 644 "$tmp/wifi" && chmod 600 "$tmp/softap"
fails provision_wifi_file_is_open 1 "$tmp/wifi" provision --id p1 --parts --wifi-file "$tmp/wifi" -o "$tmp/parts"
chmod 600 "$tmp/wifi"
bad_network() { # NAME OPTION PART TEXT
    printf '%b' "$4" >"$tmp/network" && chmod 600 "$tmp/network"
    fails "$1" 1 "$3" provision --id q1 "--$2" "$tmp/network" -o "$tmp/bad"
}
bad_network provision_wifi_file_is_empty wifi-file "otactl: $tmp/network:1: is empty; it is the name of the network" '\nsecret-word\n'
bad_network provision_wifi_file_has_a_third_line wifi-file "otactl: $tmp/network:3: one line too many" 'home\nsecret-word\nmore\n'
bad_network provision_wifi_file_ssid_is_long wifi-file "otactl: $tmp/network:1: the ssid has 33 bytes" '123456789012345678901234567890123\n'
bad_network provision_wifi_file_password_is_short wifi-file "otactl: $tmp/network:2: password has 3 bytes" 'home\nabc\n'
bad_network provision_wifi_file_is_no_text wifi-file "$tmp/network: not UTF-8 text" '\xff\xfeh\x00o\x00'
bad_network provision_softap_file_has_a_second_line softap-file "otactl: $tmp/network:2: one line too many" 'access-word\nmore\n'
bad_network provision_softap_file_password_is_short softap-file "otactl: $tmp/network:1: softap_password has 3 bytes" 'abc\n'
bad_network provision_softap_file_is_empty softap-file "otactl: $tmp/network:1: is empty; it is the password" ''
printf '\xef\xbb\xbfhome net\r\nsecret-word\r\n\r\n' >"$tmp/marked" && printf 'home net\n' >"$tmp/open-net" && chmod 600 "$tmp/marked" "$tmp/open-net"
ok provision_wifi_file_of_an_editor provision --id bom1 --parts --wifi-file "$tmp/marked" -o "$tmp/marks"
is provision_wifi_file_without_its_mark "$(value "$tmp/marks/bom1.nvs.bin" wifi ssid)/$(value "$tmp/marks/bom1.nvs.bin" wifi password)" "home net/secret-word"
is provision_network_with_a_password_is_not_noted "$(grep -c Note <<<"$out")" 0
ok provision_wifi_file_of_an_open_network provision --id open2 --parts --wifi-file "$tmp/open-net" -o "$tmp/marks"
contains provision_open_network_is_noted "$out" "Note: $tmp/open-net has no second line: the boards join that network without a password."
ok provision_open_network_in_json provision --id open2 --parts --wifi-file "$tmp/open-net" -o "$tmp/marks" --json
is provision_note_stands_beside_the_json "$(jq .kept <<<"$out")/$(grep -c '^Note: ' <<<"$err")" 1/1
printf 'id,ssid\nq1,\n' >"$tmp/bad.csv"
fails provision_wifi_file_beside_a_column 2 "otactl: --wifi-file is for all boards, but $tmp/bad.csv has a column ssid; give one of them" provision --csv "$tmp/bad.csv" --wifi-file "$tmp/wifi" -o "$tmp/bad"
printf 'id,softap_password\nq1,\n' >"$tmp/bad.csv"
fails provision_softap_file_beside_a_column 2 "--softap-file is for all boards, but $tmp/bad.csv has a column softap_password" provision --csv "$tmp/bad.csv" --softap-file "$tmp/softap" -o "$tmp/bad"
ok provision_parts provision --id p1 --parts --wifi-file "$tmp/wifi" --softap-file "$tmp/softap" --client-cert -o "$tmp/parts"
is provision_parts_are_two "$(ls "$tmp/parts")" "$(printf 'boards.jsonl\np1.nvs.bin\np1.ota_id.bin')"
contains provision_parts_command "$out" " 0x9000 $tmp/parts/p1.nvs.bin $(printf '0x%x' "$(row ota_id offset)") $tmp/parts/p1.ota_id.bin"
contains provision_parts_blanks_the_state "$out" "erase-region $(printf '0x%x' "$(row ota_state offset)")"
ok provision_parts_without_values provision --id p2 --parts -o "$tmp/parts"
contains provision_parts_blanks_what_it_does_not_fill "$out" "erase-region 0x9000 0x4000"
is provision_parts_record_names_the_build "$(jq -r 'select(.id == "p1") | .commands[1]' "$tmp/parts/boards.jsonl" | cut -d' ' -f1-6)" "esptool --chip esp32c3 write-flash 0x0 $build/bootloader/bootloader.bin"
is provision_parts_network "$(value "$tmp/parts/p1.nvs.bin" wifi ssid)/$(value "$tmp/parts/p1.nvs.bin" wifi password)/$(value "$tmp/parts/p1.nvs.bin" softap password)" "home net/secret-word/access-word"
unhex() { python3 -c 'import sys; sys.stdout.buffer.write(bytes.fromhex(sys.stdin.read().strip()))'; }
value "$tmp/parts/p1.ota_id.bin" ota crt | unhex >"$tmp/p1.crt" && value "$tmp/parts/p1.ota_id.bin" ota key | unhex >"$tmp/p1.key"
is provision_certificate_has_the_id "$(openssl x509 -in "$tmp/p1.crt" -noout -subject | tr -d ' ')" "subject=CN=p1"
ok provision_certificate_is_the_cas openssl verify -purpose sslclient -CAfile "$ws/keys/ca.crt" "$tmp/p1.crt"
is provision_key_is_the_certificates "$(openssl pkey -in "$tmp/p1.key" -pubout)" "$(openssl x509 -in "$tmp/p1.crt" -noout -pubkey)"
before=$(sha256sum <"$tmp/parts/p1.ota_id.bin")
: >"$tmp/parts/boards.jsonl"
ok provision_parts_goes_on provision --id p1 --parts --wifi-file "$tmp/wifi" --softap-file "$tmp/softap" --client-cert -o "$tmp/parts"
is provision_parts_kept_token_and_key "$(sha256sum <"$tmp/parts/p1.ota_id.bin")" "$before"

# ---- builds that no board could live with ----
spoil() { # NAME CODE PART, then a command that spoils $tmp/spoilt
    rm -rf "$tmp/spoilt" && cp -r "$build" "$tmp/spoilt"
    eval "$4"
    fails "$1" "$2" "$3" otactl -C "$ws" provision "$tmp/spoilt" --id s1 -o "$tmp/spoil" ${5:-}
}
sdk=$tmp/spoilt/config/sdkconfig.json
set_sdk() { jq "$1" "$sdk" >"$sdk.new" && mv "$sdk.new" "$sdk"; }
table() { otactl table show "$tmp/spoilt/partition_table/partition-table.bin" --csv | sed "$1" >"$tmp/t.csv" && otactl table build "$tmp/t.csv" -o "$tmp/spoilt/partition_table/partition-table.bin" >/dev/null; }
spoil provision_build_is_none 1 "has no flasher_args.json: not a finished idf.py build" 'rm "$tmp/spoilt/flasher_args.json"'
fails provision_build_folder_is_none 1 "$tmp/nowhere: cannot open" otactl -C "$ws" provision "$tmp/nowhere" --id s1 -o "$tmp/spoil"
spoil provision_app_is_too_large 1 "do not fit at 0x10000" 'head -c 2000000 /dev/zero >>"$tmp/spoilt/thermo.bin"'
spoil provision_app_is_broken 1 "thermo.bin: " 'printf x | dd of="$tmp/spoilt/thermo.bin" bs=1 seek=5000 conv=notrunc status=none'
spoil provision_without_a_bootloader 1 "puts no bootloader at 0x0" 'jq "del(.flash_files[\"0x0\"])" "$build/flasher_args.json" >"$tmp/spoilt/flasher_args.json"'
spoil provision_without_an_app 1 "puts no app into ota_0" 'jq "del(.flash_files[\"0x10000\"])" "$build/flasher_args.json" >"$tmp/spoilt/flasher_args.json"'
spoil provision_table_without_ota_id 1 "no ota_id; add a row" 'table /ota_id/d'
spoil provision_table_without_ota_state 1 "no ota_state; add a row" 'table /ota_state/d'
spoil provision_with_flash_encryption 1 "with --parts the build is flashed as ESP-IDF" 'set_sdk ".SECURE_FLASH_ENC_ENABLED = true"'
ok provision_parts_with_flash_encryption otactl -C "$ws" provision "$tmp/spoilt" --id fe1 --parts -o "$tmp/spoil"
spoil provision_with_nvs_encryption 1 "built with NVS encryption" 'set_sdk ".NVS_ENCRYPTION = true"' "--wifi-file $tmp/wifi"
spoil provision_unsigned_with_secure_boot 1 "bootloader.bin: carries no Secure Boot signature" 'set_sdk ".SECURE_BOOT_V2_ENABLED = true"'
# What a build of strangers might name.
edit() { jq "$1" "$build/flasher_args.json" >"$tmp/spoilt/flasher_args.json"; }
more() { edit ".flash_files += {$1}"; }
spoil provision_takes_no_key_of_the_workspace 1 'names "../ws/keys/root.pem", which lies outside of it; copy it into the build folder' 'more "\"0x360000\": \"../ws/keys/root.pem\""'
spoil provision_takes_no_file_of_the_system 1 'names "/etc/passwd", which lies outside of it; copy it into the build folder' 'more "\"0x360000\": \"/etc/passwd\""'
spoil provision_follows_no_link_outside 1 "x.bin: a link out of the build folder" 'ln -s /etc/passwd "$tmp/spoilt/x.bin"; more "\"0x360000\": \"x.bin\""'
spoil provision_bootloader_is_no_link_outside 1 "bootloader.bin: a link out of the build folder" 'set_sdk ".SECURE_BOOT_V2_ENABLED = true"; edit "del(.flash_files[\"0x0\"])"; mv "$tmp/spoilt/bootloader/bootloader.bin" "$tmp/away.bin"; ln -s "$tmp/away.bin" "$tmp/spoilt/bootloader/bootloader.bin"'
spoil provision_sdkconfig_is_no_link_outside 1 "sdkconfig.json: a link out of the build folder" 'mv "$sdk" "$tmp/away.json"; ln -s "$tmp/away.json" "$sdk"'
spoil provision_offset_is_decimal 1 '"3538944" is no "0x...": file pair' 'more "\"3538944\": \"storage.bin\""'
spoil provision_offset_has_a_capital_x 1 '"0X360000" is no "0x...": file pair' 'more "\"0X360000\": \"storage.bin\""'
spoil provision_offset_twice 1 "flash_files puts two files at 0x10000" 'more "\"0x010000\": \"storage.bin\""'
spoil provision_name_has_a_control_character 1 "a control character in a text" 'more "\"0x360000\": \"a\\u001b.bin\""'
spoil provision_file_inside_the_app 1 "storage.bin: goes to 0x20000, inside ota_0 (0x10000 to 0x190000), where it must go to the beginning" 'more "\"0x20000\": \"storage.bin\""'
spoil provision_file_over_the_bootloader 1 "storage.bin: goes to 0x2000, inside the bootloader's place" 'more "\"0x2000\": \"storage.bin\""'
spoil provision_file_inside_another 1 "goes to 0x321000, inside storage" 'more "\"0x321000\": \"ota_data_initial.bin\""'
spoil provision_file_over_the_next 1 "storage.bin: 65536 bytes do not fit at 0xf000, where 4096 are free" 'more "\"0xf000\": \"storage.bin\""'
spoil provision_files_overlap_where_no_row_is 1 "share flash sectors with" 'more "\"0x360000\": \"storage.bin\", \"0x361000\": \"ota_data_initial.bin\""'
spoil provision_file_begins_between_sectors 1 "goes to 0x360010, where no flash sector" 'more "\"0x360010\": \"storage.bin\""'
spoil provision_build_brings_an_identity 1 "brings an image for ota_id" 'more "\"$(printf 0x%x "$(row ota_id offset)")\": \"ota_data_initial.bin\""'
spoil provision_build_brings_a_state 1 "brings an image for ota_state" 'more "\"$(printf 0x%x "$(row ota_state offset)")\": \"ota_data_initial.bin\""'
spoil provision_build_is_of_two_chips 1 "project_description.json is of a build for esp32c3, flasher_args.json for esp32s3" 'edit ".extra_esptool_args.chip = \"esp32s3\""'
more '"0x360000": "storage.bin"'
ok provision_file_where_no_row_is otactl -C "$ws" provision "$tmp/spoilt" --id free1 -o "$tmp/free"
is provision_file_is_where_no_row_is "$(tail -c +$((0x360000 + 1)) "$tmp/free/free1.bin" | sha256sum)" "$(sha256sum <"$build/storage.bin")"

# ---- flash settings, which esptool writes into the bootloader's header ----
quick='.flash_settings = {"flash_mode": "qio", "flash_size": "8MB", "flash_freq": "80m"}'
rm -rf "$tmp/spoilt" && cp -r "$build" "$tmp/spoilt"
edit "$quick"
ok provision_with_flash_settings otactl -C "$ws" provision "$tmp/spoilt" --id fast1 -o "$tmp/quick"
python3 - "$build/bootloader/bootloader.bin" >"$tmp/wanted.bin" <<'END'
import hashlib, struct, sys
image = bytearray(open(sys.argv[1], "rb").read())
image[2:4] = bytes([0, 0x3F])
at = 24
for _ in range(image[1]):
    at += 8 + struct.unpack_from("<I", image, at + 4)[0]
at = at // 16 * 16 + 16
assert image[23] == 1
image[at:at + 32] = hashlib.sha256(image[:at]).digest()
sys.stdout.buffer.write(image)
END
is provision_header_is_as_the_settings_want_it "$(head -c "$(stat -c %s "$tmp/wanted.bin")" "$tmp/quick/fast1.bin" | sha256sum)" "$(sha256sum <"$tmp/wanted.bin")"
ok provision_board_of_flash_settings_boots otadevice create --from "$tmp/spoilt" --image "$tmp/quick/fast1.bin" -o "$tmp/quick.flash"
ok provision_parts_with_flash_settings otactl -C "$ws" provision "$tmp/spoilt" --id fast2 --parts -o "$tmp/quick"
contains provision_parts_command_has_the_settings "$out" " write-flash --flash-mode qio --flash-freq 80m --flash-size 8MB 0x0 "
spoil provision_flash_settings_are_none 1 'flash_mode "slow" is none that the esp32c3 has' 'edit ".flash_settings.flash_mode = \"slow\""'
otactl keys new --secure-boot rsa3072 -o "$tmp/rsa.pem" >/dev/null
sign_both() { for one in bootloader/bootloader.bin thermo.bin; do otactl sign --secure-boot "$tmp/rsa.pem" "$build/$one" -o "$tmp/spoilt/$one" >/dev/null; done; }
spoil provision_flash_settings_break_no_signature 1 "bootloader.bin: is signed with flash mode/speed/size codes 2/0/2, and flasher_args.json wants 0/15/3" 'sign_both; edit "$quick"'
edit .
ok provision_signed_with_the_same_settings otactl -C "$ws" provision "$tmp/spoilt" --id made1 -o "$tmp/quick"
is provision_signed_stays_as_it_is "$(head -c "$(stat -c %s "$tmp/spoilt/bootloader/bootloader.bin")" "$tmp/quick/made1.bin" | sha256sum)" "$(sha256sum <"$tmp/spoilt/bootloader/bootloader.bin")"

# As idf.py has it with Secure Boot: no bootloader to be flashed, and no flash size.
rm -rf "$tmp/spoilt" && cp -r "$build" "$tmp/spoilt" && set_sdk '.SECURE_BOOT_V2_ENABLED = true | .ESPTOOLPY_FLASHSIZE = "4MB"'
jq 'del(.flash_files["0x0"]) | del(.bootloader) | .flash_settings.flash_size = "keep"' "$build/flasher_args.json" >"$tmp/spoilt/flasher_args.json"
fails provision_secure_boot_takes_the_bootloader 1 "bootloader/bootloader.bin: carries no Secure Boot signature" otactl -C "$ws" provision "$tmp/spoilt" --id s1 -o "$tmp/spoil"
set_sdk 'del(.ESPTOOLPY_FLASHSIZE)'
fails provision_flash_size_is_not_known 1 "give --flash-size" otactl -C "$ws" provision "$tmp/spoilt" --id s1 -o "$tmp/spoil"
# The rules of push: this chip knows RSA only, and app and bootloader must share a key.
for key in boot1 boot2; do otactl keys new --secure-boot rsa3072 -o "$tmp/$key.pem" >/dev/null; done
otactl keys new --secure-boot ecdsa256 -o "$tmp/ec.pem" >/dev/null
signed() { # FILE KEY [more of otactl sign]: signed in place
    otactl sign --secure-boot "$tmp/$2.pem" "${@:3}" "$tmp/spoilt/$1" -o "$tmp/spoilt/$1" >/dev/null
}
both() { signed bootloader/bootloader.bin "$1" && signed thermo.bin "$2"; }
v2='.SECURE_BOOT_V2_ENABLED = true | .SECURE_BOOT_BUILD_SIGNED_BINARIES = true | .SECURE_SIGNED_APPS_RSA_SCHEME = true'
flip() { # FILE OFFSET-IN-SIGNATURE-SECTOR
    printf x | dd of="$tmp/spoilt/$1" bs=1 seek=$(($(stat -c %s "$tmp/spoilt/$1") - 4096 + $2)) conv=notrunc status=none
}
graft() { # the app's signature behind the bootloader
    { head -c -4096 "$tmp/spoilt/bootloader/bootloader.bin" && tail -c 4096 "$tmp/spoilt/thermo.bin"; } >"$tmp/graft" && mv "$tmp/graft" "$tmp/spoilt/bootloader/bootloader.bin"
}
spoil provision_app_unsigned_with_secure_boot 1 "thermo.bin: carries no Secure Boot signature, which its configuration asks for" 'set_sdk "$v2"; signed bootloader/bootloader.bin boot1'
spoil provision_signature_of_the_app_is_bent 1 "thermo.bin: signature block 0 does not hold" 'set_sdk "$v2"; both boot1 boot1; flip thermo.bin 900'
spoil provision_signature_of_the_bootloader_is_of_other_bytes 1 "bootloader.bin: signature block 0 does not hold" 'set_sdk "$v2"; both boot1 boot1; graft'
spoil provision_second_signature_is_bent 1 "thermo.bin: signature block 1 does not hold" 'set_sdk "$v2"; both boot1 boot1; signed thermo.bin boot2 --append; flip thermo.bin 2200'
spoil provision_signature_the_chip_does_not_know 1 "thermo.bin: is signed with ecdsa256, which the esp32c3 does not know" 'set_sdk ".SECURE_BOOT_V2_ENABLED = true"; signed bootloader/bootloader.bin boot1; signed thermo.bin ec --data'
spoil provision_app_and_bootloader_by_different_keys 1 "thermo.bin: no Secure Boot key that signed " 'set_sdk "$v2"; both boot1 boot2'
spoil provision_build_of_another_chips_configuration 1 "sdkconfig.json is of a build for esp32s3, and this is one for esp32c3" 'set_sdk ".IDF_TARGET = \"esp32s3\""'
spoil provision_secure_boot_of_no_version 1 "SECURE_BOOT is true, but neither" 'set_sdk ".SECURE_BOOT = true"'
spoil provision_secure_boot_v1_of_a_chip_without_it 1 "SECURE_BOOT_V1_ENABLED is Secure Boot V1, which the esp32c3 does not have" 'set_sdk ".SECURE_BOOT = true | .SECURE_BOOT_V1_ENABLED = true"; both boot1 boot1'
spoil provision_unsigned_where_apps_are_verified_on_update 1 "thermo.bin: carries no Secure Boot signature" 'set_sdk ".SECURE_SIGNED_ON_UPDATE_NO_SECURE_BOOT = true"'
# Without Secure Boot no chip looks at what signed the bootloader.
other_boot() { # ID, sdkconfig, key of the app
    rm -rf "$tmp/spoilt" && cp -r "$build" "$tmp/spoilt" && set_sdk "$2" && signed bootloader/bootloader.bin boot1
    [ -z "$3" ] || signed thermo.bin "$3"
    otactl -C "$ws" provision "$tmp/spoilt" --id "$1" -o "$tmp/signed"
}
ok provision_bootloader_signed_app_not_without_secure_boot other_boot nosb1 . ''
ok provision_bootloader_by_another_key_without_secure_boot other_boot nosb2 . boot2
ok provision_bootloader_by_another_key_on_update other_boot nosb3 '.SECURE_SIGNED_APPS_NO_SECURE_BOOT = true | .SECURE_SIGNED_ON_UPDATE_NO_SECURE_BOOT = true | .SECURE_SIGNED_APPS_RSA_SCHEME = true' boot2
rm -rf "$tmp/spoilt" && cp -r "$build" "$tmp/spoilt" && set_sdk "$v2" && both boot1 boot2 && signed thermo.bin boot1 --append
ok provision_with_secure_boot otactl -C "$ws" provision "$tmp/spoilt" --id v1 -o "$tmp/signed"
# What ota.conf says of the product holds here as well.
mkdir -p "$tmp/keyed/keys" && cp "$ws/keys/root.json" "$ws/keys/ca.crt" "$tmp/keyed/keys" && cp "$tmp/boot2.pem.pub" "$tmp/keyed/keys/boot.pub"
{ sed '/^secure_boot/d' "$ws/ota.conf" && echo 'secure_boot = keys/boot.pub'; } >"$tmp/keyed/ota.conf"
fails provision_without_the_key_of_ota_conf 1 "bootloader.bin: carries no valid signature by keys/boot.pub" otactl -C "$tmp/keyed" provision "$tmp/spoilt" --id s1 -o "$tmp/spoil"
fails provision_unsigned_though_ota_conf_names_a_key 1 "carries no Secure Boot signature, which ota.conf requires" otactl -C "$tmp/keyed" provision "$build" --id s1 -o "$tmp/spoil"
sed -i 's/^secure_boot/signed_apps/' "$tmp/keyed/ota.conf"
cp -r "$build" "$tmp/one-key" && otactl sign --secure-boot "$tmp/boot1.pem" "$tmp/one-key/thermo.bin" -o "$tmp/one-key/thermo.bin" >/dev/null
fails provision_first_signature_is_not_the_key_of_signed_apps 1 "thermo.bin: carries no valid signature by keys/boot.pub" otactl -C "$tmp/keyed" provision "$tmp/one-key" --id s1 -o "$tmp/spoil"
fails provision_signed_apps_contradict_secure_boot 1 "the two contradict each other" otactl -C "$tmp/keyed" provision "$tmp/spoilt" --id s1 -o "$tmp/spoil"
fails provision_unsigned_though_signed_apps_names_a_key 1 "thermo.bin: carries no Secure Boot signature, which ota.conf requires" otactl -C "$tmp/keyed" provision "$build" --id s1 -o "$tmp/spoil"
otadevice sample "$tmp/s3" --chip esp32s3 --version 1.0.0 >/dev/null
fails provision_wrong_chip 1 "is a build for esp32s3, but product thermo is esp32c3" otactl -C "$ws" provision "$tmp/s3" --id s1 -o "$tmp/spoil"
fails provision_flash_is_too_small 1 "" provision --flash-size 1MB --id s1 -o "$tmp/spoil"
mkdir -m 777 "$tmp/open"
fails provision_folder_is_open_to_others 1 "$tmp/open" provision --id s1 -o "$tmp/open"
fails provision_folder_is_a_file 1 "$tmp/wifi" provision --id s1 -o "$tmp/wifi"
mkdir -p "$tmp/away/keys" && cp "$ws/keys/root.json" "$tmp/away/keys" && sed '1i server = https://ota.example:8443' "$ws/ota.conf" >"$tmp/away/ota.conf"
fails provision_for_a_server_elsewhere 2 "provision them there" otactl -C "$tmp/away" provision "$build" --id s1 -o "$tmp/spoil"
is provision_failures_made_nobody_known "$(known | tr ' ' '\n' | grep -c '^[sxq]')" 0

# ---- a disk that is full ----
(trap '' XFSZ; ulimit -f 2000; otactl -C "$ws" provision "$build" --id f1 -o "$tmp/full" >"$tmp/.full" 2>&1)
is provision_write_fails $? 1
is provision_left_nothing_half_written "$(ls -A "$tmp/full" | tr '\n' ' ')" ".lock "
is provision_did_not_make_it_known "$(known | grep -c f1)" 0
if mkdir "$tmp/disk" && mount -t tmpfs -o size=8m,mode=700 tmpfs "$tmp/disk" 2>/dev/null; then
    at_exit "umount '$tmp/disk'"
    fails provision_disk_is_full 1 "after 2 of 4 boards, which are done: $tmp/disk/d3.bin" provision --id d1 --id d2 --id d3 --id d4 -o "$tmp/disk"
    is provision_disk_has_whole_files "$(ls "$tmp/disk" | tr '\n' ' ')$(lines "$tmp/disk")" "boards.jsonl d1.bin d2.bin d1 d2 "
    rm "$tmp/disk/d1.bin" "$tmp/disk/d2.bin"
    ok provision_goes_on_when_there_is_room provision --id d1 --id d2 --id d3 --id d4 -o "$tmp/disk" --json
    is provision_went_on "$(jq -c '[.made,.kept,.gone]' <<<"$out")" '[2,0,2]'
else
    skip provision_disk_is_full "no tmpfs can be mounted here"
fi

# ---- which boards a release fits ----
ws2=$tmp/ws2
otactl init "$ws2" --product thermo --chip esp32c3 --url https://ota.example:8443 >/dev/null
otadevice sample "$tmp/small" --chip esp32c3 --version 1.0.0 >/dev/null
otactl table show "$tmp/small/partition_table/partition-table.bin" --csv | sed -e 's/^ota_0,.*/ota_0,app,ota_0,0x10000,384K,/; s/^ota_1,.*/ota_1,app,ota_1,0x70000,384K,/; s/^storage,/files,/' >"$tmp/small.csv"
otactl table build "$tmp/small.csv" -o "$tmp/small/partition_table/partition-table.bin" >/dev/null
ok fits_provision_two otactl -C "$ws2" provision "$build" --id l1 --id l2 --parts -o "$tmp/large-boards"
ok fits_provision_small otactl -C "$ws2" provision "$tmp/small" --id s1 --parts -o "$tmp/small-boards"
otactl -C "$ws2" device add stranger >/dev/null
otactl -C "$ws2" push "$build" >/dev/null
ok fits_all_that_are_known otactl -C "$ws2" fleet fits 1 --json
is fits_all_json "$(jq -c '[.counter,.version,.fits,.misfits,.unknown]' <<<"$out")" '[1,"1.0.0",3,0,1]'
is fits_all_by_table "$(jq -c '[.tables[] | [.fits,(.boards | join(" "))]]' <<<"$out")" '[[true,"l1 l2"],[null,"stranger"],[true,"s1"]]'
otadevice sample "$tmp/big" --chip esp32c3 --version 2.0.0 --size 500000 >/dev/null && otactl -C "$ws2" push "$tmp/big" >/dev/null
run otactl -C "$ws2" fleet fits 2.0.0
is fits_not_the_small "$rc $err" "1 otactl: 1 board would refuse it: app.bin: 500000 bytes, but ota_0 has 393216"
contains fits_says_how_many "$out" "thermo release 2 (2.0.0) fits 2 of 4 boards"
otactl -C "$ws2" push "$build" --with storage --compatible --version 3 >/dev/null
run otactl -C "$ws2" fleet fits 3
contains fits_label_is_missing "$err" "there is no partition storage"
digest=$(sha256sum <"$tmp/small/partition_table/partition-table.bin" | cut -d' ' -f1)
rm "$ws2/state/tables/$digest.bin"
is fits_table_that_is_not_here "$(otactl -C "$ws2" fleet fits 2 --json | jq -c '[.fits,.misfits,.unknown]')" '[2,0,2]'
is fits_table_that_is_named "$(otactl -C "$ws2" fleet fits 2 --table "$tmp/small.csv" --json 2>/dev/null | jq -c '[.fits,.misfits,.unknown]')" '[2,1,1]'
fails fits_of_no_release 1 'has no release "9"' otactl -C "$ws2" fleet fits 9

# ---- beside esptool ----
esptool=
for one in esptool esptool.py "python3 -m esptool" "/usr/bin/python3 -m esptool"; do
    $one version >/dev/null 2>&1 && { esptool=$one; break; }
done
if [ -z "$esptool" ]; then
    skip provision_equals_merge_bin "esptool is not installed"
    skip provision_with_flash_settings_equals_merge_bin "esptool is not installed"
    skip provision_with_a_flash_size_equals_merge_bin "esptool is not installed"
else
    merge=merge-bin
    $esptool merge-bin -h >/dev/null 2>&1 || merge=merge_bin
    same_as_merge_bin() { # NAME BUILD IMAGE [FLASH-SIZE]
        for label in nvs ota_state ota_id; do part "$3" $label >"$tmp/$label.part"; done
        arguments=$(jq -r --arg size "${4:-}" '(.flash_settings | "-fm \(.flash_mode) -ff \(.flash_freq) -fs \(if $size == "" then .flash_size else $size end)"), (.flash_files | to_entries[] | "\(.key) \(.value)")' "$2/flasher_args.json" | tr '\n' ' ')
        for label in nvs ota_state ota_id; do arguments="$arguments $(printf '0x%x' "$(row $label offset)") $tmp/$label.part"; done
        # shellcheck disable=SC2086
        (cd "$2" && $esptool --chip esp32c3 $merge -o "$tmp/merged.bin" $arguments) >/dev/null 2>&1
        ok "$1" cmp "$tmp/merged.bin" "$3"
    }
    same_as_merge_bin provision_equals_merge_bin "$build" "$tmp/csv/c1.bin"
    rm -rf "$tmp/spoilt" && cp -r "$build" "$tmp/spoilt"
    edit "$quick"
    same_as_merge_bin provision_with_flash_settings_equals_merge_bin "$tmp/spoilt" "$tmp/quick/fast1.bin"
    otactl -C "$ws" provision "$tmp/spoilt" --id fast3 --flash-size 16MB -o "$tmp/quick" >/dev/null
    same_as_merge_bin provision_with_a_flash_size_equals_merge_bin "$tmp/spoilt" "$tmp/quick/fast3.bin" 16MB
fi
done_testing
