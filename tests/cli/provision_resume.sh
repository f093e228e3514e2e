#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# otactl provision a second time, with something else than before; and commands that a shell takes as they are printed.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh

ws=$tmp/ws build=$tmp/build
otactl init "$ws" --product thermo --chip esp32c3 --url https://ota.example:8443 >/dev/null || skip_all 'otactl init failed'
otadevice sample "$build" --chip esp32c3 --version 1.0.0 >/dev/null || skip_all 'otadevice sample failed'
provision() { otactl -C "$ws" provision "$build" "$@"; }
row() { otactl table show "$build/partition_table/partition-table.bin" --json | jq ".rows[] | select(.label == \"$1\") | .$2"; }
part() { tail -c +$(($(row "$2" offset) + 1)) "$1" | head -c "$(row "$2" size)"; } # FILE LABEL
token_of() { part "$1" ota_id >"$tmp/part" && otactl nvs show "$tmp/part" --values --json | jq -r '.items[] | select(.key == "token") | .value'; }
password_of() { part "$1" nvs >"$tmp/part" && otactl nvs show "$tmp/part" --values --json | jq -r '.items[] | select(.key == "password") | .value'; }
all() { (cd "$1" && find . -type f ! -name .lock -exec sha256sum {} + | sort -k2) && sqlite_dump; }
sqlite_dump() { python3 -c 'import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute("SELECT id, hex(token) FROM device ORDER BY id").fetchall())' "$ws/state/fleet.db"; }
counts() { jq -c '[.made,.kept,.gone]' <<<"$out"; }
csv() { printf '%b' "$1" >"$tmp/b.csv" && chmod 600 "$tmp/b.csv"; }

# ---- other values, options, build ----
dir=$tmp/boards
first='id,ssid,password\nr1,home,secret-one\nr2,home,secret-two\n'
csv "$first"
ok resume_first provision --csv "$tmp/b.csv" -o "$dir"
is resume_key_is_closed "$(stat -c '%a %s' "$ws/state/provision.key")" "600 32"
is resume_record_has_a_digest "$(jq -r .inputs "$dir/boards.jsonl" | grep -cE '^[0-9a-f]{8}-[0-9a-f]{64}$')" 2
is resume_record_has_a_digest_of_each_kind "$(jq -r '.made_of | to_entries[] | select(.value | test("^[0-9a-f]{8}$")) | .key' "$dir/boards.jsonl" | sort -u | tr '\n' ' ')" \
    "build ca certificate channel flash_size groups mac product root url values "
is resume_kinds_are_each_boards "$(jq -r .made_of.channel "$dir/boards.jsonl" | sort -u | wc -l)" 2
is resume_digests_are_each_boards "$(jq -r .inputs "$dir/boards.jsonl" | sort -u | wc -l)" 2
before=$(all "$dir")
ok resume_same provision --csv "$tmp/b.csv" -o "$dir" --json
is resume_same_is_kept "$(counts)" '[0,2,0]'
differs() { # NAME PART ARGUMENT...
    local name=$1 part=$2
    shift 2
    fails "resume_$name" 1 "$part" provision -o "$dir" "$@"
    is "resume_${name}_changes_nothing" "$([ "$(all "$dir")" = "$before" ] && echo yes)" yes
}
other() { echo "b.csv:$1: board $2 would be made of something else now ($3); change that back, or let --again make it anew"; }
csv 'id,ssid,password\nr1,home,secret-one\nr2,home,secret-TWO\nr3,home,secret-333\n'
differs password "$(other 3 r2 values)" --csv "$tmp/b.csv"
csv 'id,ssid,password,channel\nr1,home,secret-one,\nr2,home,secret-two,beta\n'
differs channel_column "$(other 3 r2 channel)" --csv "$tmp/b.csv"
csv 'id,ssid,password,mac\nr1,home,secret-one,\nr2,home,secret-two,aa:bb:cc:00:00:01\n'
differs mac_column "$(other 3 r2 mac)" --csv "$tmp/b.csv"
csv "$first"
for option in 'groups:--groups x' 'channel:--channel beta' 'url:--url https://other.example' 'CA:--no-ca' '--client-cert:--client-cert' 'flash size:--flash-size 8MB'; do
    # shellcheck disable=SC2086
    differs "option_$(tr -dc a-z <<<"${option%%:*}")" "$(other 2 r1 "${option%%:*}")" --csv "$tmp/b.csv" ${option#*:}
done
differs two_options "$(other 2 r1 'channel, groups')" --csv "$tmp/b.csv" --groups x --channel beta
otactl init "$tmp/elsewhere" --product thermo --chip esp32c3 --url https://ota.example:8443 >/dev/null
differs option_root "$(other 2 r1 'trusted root')" --csv "$tmp/b.csv" --root "$tmp/elsewhere/keys/root.json"
printf 'cal,namespace,\noffset,data,i32\n' >"$tmp/config.csv"
csv 'id,ssid,password,offset\nr1,home,secret-one,5\nr2,home,secret-two,6\n'
differs config "$(other 2 r1 values)" --csv "$tmp/b.csv" --config "$tmp/config.csv"
csv "$first"
cp -r "$build" "$tmp/first-build"
otadevice sample "$tmp/next" --chip esp32c3 --version 1.0.1 >/dev/null && rm -r "$build" && cp -r "$tmp/next" "$build"
differs build "$(other 2 r1 build)" --csv "$tmp/b.csv"
rm -r "$build" && cp -r "$tmp/first-build" "$build"
differs parts 'b.csv:2: board r1 was made without --parts; leave the option out, or let --again make it anew' --csv "$tmp/b.csv" --parts
fails resume_other_without_csv 1 'otactl: board r1 would be made of something else now (values)' provision --id r1 -o "$dir"

# ---- --again makes those anew that are not the same ----
token1=$(token_of "$dir/r1.bin") token2=$(token_of "$dir/r2.bin")
csv 'id,ssid,password\nr1,home,secret-one\nr2,home,secret-TWO\n'
ok resume_again provision --csv "$tmp/b.csv" -o "$dir" --again --json
is resume_again_makes_one "$(counts)$(jq -c '[.boards[].state]' <<<"$out")" '[1,1,0]["kept","made"]'
is resume_again_has_the_new_value "$(password_of "$dir/r2.bin")" secret-TWO
is resume_again_keeps_tokens_of_whole_files "$(token_of "$dir/r1.bin") $(token_of "$dir/r2.bin")" "$token1 $token2"
ok resume_after_again provision --csv "$tmp/b.csv" -o "$dir" --json
is resume_after_again_all_are_kept "$(counts)" '[0,2,0]'

# ---- another table: what is known of the board follows ----
cp -r "$build" "$tmp/tabled"
otactl table show "$build/partition_table/partition-table.bin" --csv | sed 's/^storage,/files,/' >"$tmp/t.csv" && otactl table build "$tmp/t.csv" -o "$tmp/tabled/partition_table/partition-table.bin" >/dev/null
table_of() { python3 -c 'import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute("SELECT table_sha256 FROM device WHERE id = ?", (sys.argv[2],)).fetchone()[0])' "$ws/state/fleet.db" "$1"; }
ok resume_table_first provision --id t1 -o "$tmp/table"
token=$(token_of "$tmp/table/t1.bin")
ok resume_table_again otactl -C "$ws" provision "$tmp/tabled" --id t1 -o "$tmp/table" --again
is resume_table_is_known "$(table_of t1)" "$(sha256sum <"$tmp/tabled/partition_table/partition-table.bin" | cut -d' ' -f1)"
is resume_table_token_is_the_same "$(token_of "$tmp/table/t1.bin")" "$token"

# ---- a file that is not as it was made, though as long ----
printf X | dd of="$dir/r2.bin" bs=1 seek=70000 conv=notrunc status=none
before=$(all "$dir")
differs damaged "r2.bin: is not as it was made; bring it back, or let --again make it anew" --csv "$tmp/b.csv"
ok resume_damaged_again provision --csv "$tmp/b.csv" -o "$dir" --again --json
is resume_damaged_is_made_anew "$(counts)" '[1,1,0]'
is resume_damaged_has_another_token "$([ "$(token_of "$dir/r2.bin")" != "$token2" ] && echo yes)" yes
is resume_damaged_is_known_by_it "$(sqlite_dump | grep -ci "$(printf %s "$(token_of "$dir/r2.bin")" | sha256sum | cut -d' ' -f1)")" 1
is resume_damaged_record "$(tail -n 2 "$dir/boards.jsonl" | jq -c '[.id,.again]' | tr '\n' ' ')" '["r2",true] ["r2",null] '
is resume_record_has_the_new_digest "$(tail -n 1 "$dir/boards.jsonl" | jq -r '.files[0].sha256')" "$(sha256sum <"$dir/r2.bin" | cut -d' ' -f1)"

# ---- from whole images to parts and back ----
ok resume_parts_again provision --csv "$tmp/b.csv" -o "$dir" --parts --again --json
is resume_parts_replace_the_images "$(ls "$dir")" "$(printf 'boards.jsonl\nr1.nvs.bin\nr1.ota_id.bin\nr2.nvs.bin\nr2.ota_id.bin')"
is resume_parts_are_all_there "$(jq -r '.boards[].argv[][]' <<<"$out" | grep '\.bin$' | sort -u | xargs ls | wc -l)" "$(jq -r '.boards[].argv[][]' <<<"$out" | grep '\.bin$' | sort -u | wc -l)"
fails resume_whole_after_parts 1 'b.csv:2: board r1 was made with --parts; add the option, or let --again' provision --csv "$tmp/b.csv" -o "$dir"
identity=$(sha256sum <"$dir/r1.ota_id.bin")
printf X | dd of="$dir/r1.nvs.bin" bs=1 seek=100 conv=notrunc status=none
ok resume_part_again provision --csv "$tmp/b.csv" -o "$dir" --parts --again --json
is resume_part_keeps_the_identity "$(counts)$(sha256sum <"$dir/r1.ota_id.bin")" "[1,1,0]$identity"
csv 'id\nr1\nr2\n'
ok resume_parts_without_nvs provision --csv "$tmp/b.csv" -o "$dir" --parts --again
is resume_parts_nvs_is_gone "$(ls "$dir")" "$(printf 'boards.jsonl\nr1.ota_id.bin\nr2.ota_id.bin')"
rm "$dir/r1.ota_id.bin"
ok resume_gone provision --csv "$tmp/b.csv" -o "$dir" --parts --json
is resume_gone_has_no_commands "$(jq -c '[.boards[] | [.state, (.commands | length), (.argv | length)]]' <<<"$out")" '[["gone",0,0],["kept",3,3]]'
ok resume_gone_text provision --csv "$tmp/b.csv" -o "$dir" --parts
is resume_gone_is_not_to_be_flashed "$(grep -c r1.ota_id <<<"$out")/$(grep -c r2.ota_id <<<"$out")" 0/1
ok resume_gone_and_other_values provision --id r1 --parts --groups x -o "$dir" --json
is resume_gone_stays_gone "$(counts)" '[0,0,1]'

# ---- a record of before, or of another key ----
old=$tmp/old
ok resume_old_first provision --id o1 -o "$old"
jq -c 'del(.inputs) | del(.argv) | del(.files[].sha256)' "$old/boards.jsonl" >"$tmp/j" && cp "$tmp/j" "$old/boards.jsonl"
ok resume_old_record_is_kept provision --id o1 --groups x -o "$old" --json
is resume_old_record_counts "$(counts)" '[0,1,0]'
fails resume_old_record_of_images 1 'board o1 was made without --parts' provision --id o1 --parts -o "$old"
ok resume_key_first provision --id o2 -o "$old"
mv "$ws/state/provision.key" "$tmp/key"
ok resume_key_is_another provision --id o2 --groups x -o "$old" --json
mv "$tmp/key" "$ws/state/provision.key"
jq -c 'del(.made_of)' "$old/boards.jsonl" >"$tmp/j" && cp -r "$old" "$tmp/older" && cp "$tmp/j" "$tmp/older/boards.jsonl"
fails resume_record_without_kinds 1 'board o2 would be made of something else now (values, options or build)' provision --id o2 --groups x -o "$tmp/older"
fails resume_key_is_back 1 'board o2 would be made of something else now (groups)' provision --id o2 --groups x -o "$old"
head -c 5 "$ws/state/provision.key" >"$tmp/short" && chmod 600 "$tmp/short" && cp -p "$ws/state/provision.key" "$tmp/key" && cp -p "$tmp/short" "$ws/state/provision.key"
fails resume_key_is_short 1 "state/provision.key: has 5 bytes, not 32" provision --id o2 -o "$old"
cp -p "$tmp/key" "$ws/state/provision.key" && chmod 644 "$ws/state/provision.key"
fails resume_key_is_open 1 "state/provision.key: other users may open it" provision --id o2 -o "$old"
chmod 600 "$ws/state/provision.key"

# ---- MACs of the record ----
mac=$tmp/mac
csv 'id,mac\nm1,AA-BB-CC-00-00-01\nm2,aabbcc000002\n'
ok resume_mac provision --csv "$tmp/b.csv" -o "$mac"
is resume_mac_is_recorded_in_one_form "$(jq -r .mac "$mac/boards.jsonl" | tr '\n' ' ')" "aa:bb:cc:00:00:01 aa:bb:cc:00:00:02 "
csv 'id,mac\nm1,aa:bb:cc:00:00:01\nm2,aa:bb:cc:00:00:02\n'
ok resume_mac_in_another_form provision --csv "$tmp/b.csv" -o "$mac" --json
is resume_mac_in_another_form_is_the_same "$(counts)" '[0,2,0]'
csv 'id,mac\nm3,aa:bb:cc:00:00:03\nm4,aa:bb:cc:00:00:02\n'
fails resume_mac_of_another_board 1 "b.csv:3: mac aa:bb:cc:00:00:02 is board m2's, says $mac/boards.jsonl" provision --csv "$tmp/b.csv" -o "$mac"
csv 'id,mac\nm1,aa:bb:cc:00:00:02\nm2,aa:bb:cc:00:00:01\n'
ok resume_mac_exchanged provision --csv "$tmp/b.csv" -o "$mac" --again --json
is resume_mac_exchanged_both_are_made "$(counts)" '[2,0,0]'

# ---- commands for a shell ----
mkdir "$tmp/bin" && printf '#!/bin/sh\nfor word; do [ -e "$word" ] && printf "%%s\\n" "$word"; done\nexit 0\n' >"$tmp/bin/esptool" && chmod 755 "$tmp/bin/esptool"
odd="$tmp/it's my \$folder; (really)" && cp -r "$build" "$tmp/a build"
run otactl -C "$ws" provision "$tmp/a build" --id w1 --parts -o "$odd" --json
commands=$out
is resume_commands_run_in_a_shell "$(jq -r '.boards[0].commands[]' <<<"$commands" | PATH=$tmp/bin:$PATH sh 2>&1)" \
    "$(jq -r '.boards[0].argv[][]' <<<"$commands" | grep '\.bin$')"
is resume_argv_names_the_file "$(jq -r '.boards[0].argv[-1][-1]' <<<"$commands")" "$odd/w1.ota_id.bin"
is resume_record_runs_in_its_folder "$(cd "$odd" && jq -r '.commands[]' boards.jsonl | PATH=$tmp/bin:$PATH sh 2>&1 | tail -n 1)" w1.ota_id.bin
is resume_record_has_words "$(jq -r '.argv[0] | join(" ")' "$odd/boards.jsonl")" "$(jq -r '.commands[0]' "$odd/boards.jsonl")"

# ---- a long path ----
long=$tmp/$(printf 'd%.0s' $(seq 120))/$(printf 'e%.0s' $(seq 120)) && mkdir -p "$long"
printf 'id,mac\nl1,x\n' >"$long/boards.csv"
fails resume_long_path_of_a_csv 1 'e/boards.csv:2: mac "x": aa:bb:cc:dd:ee:ff is wanted' provision --csv "$long/boards.csv" -o "$tmp/long"
fails resume_long_path_that_is_not_there 1 'e/none.csv: cannot open: No such file or directory' provision --csv "$long/none.csv" -o "$tmp/long"
done_testing
