#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kill -9 of otactl provision at random moments: the same command goes on until all boards are there, each once.
# PROVISION_BOARDS (60) of them, PROVISION_KILLS (12) kills; tests/long/provision.sh has more.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh

boards=${PROVISION_BOARDS:-60} kills=${PROVISION_KILLS:-12}
seed=${OTA_SEED:-$$}
RANDOM=$seed
echo "# seed $seed (OTA_SEED=$seed runs this again), $boards boards, $kills kills"

ws=$tmp/ws build=$tmp/build dir=$tmp/boards csv=$tmp/boards.csv
otactl init "$ws" --product thermo --chip esp32c3 --url https://ota.example:8443 >/dev/null || skip_all 'otactl init failed'
otadevice sample "$build" --chip esp32c3 --version 1.0.0 --size 100000 >/dev/null || skip_all 'otadevice sample failed'
# A small flash: what is killed is the writing of files, not the disk of this machine.
printf '%s\n' 'nvs,data,nvs,0x9000,16K' 'otadata,data,ota,0xd000,8K' 'ota_0,app,ota_0,0x10000,128K' 'ota_1,app,ota_1,0x30000,128K' \
    'ota_state,data,nvs,0x50000,48K' 'ota_id,data,nvs,0x5c000,16K' >"$tmp/table.csv"
otactl table build "$tmp/table.csv" -o "$build/partition_table/partition-table.bin" >/dev/null
jq 'del(.flash_files["0x320000"])' "$build/flasher_args.json" >"$tmp/args" && cp "$tmp/args" "$build/flasher_args.json"
whole=$((0x60000))
{ echo id,ssid,password && seq -w 00001 "$(printf %05d "$boards")" | sed 's/.*/board-&,home,secret-&/'; } >"$csv"
chmod 600 "$csv"
provision() { otactl -C "$ws" provision "$build" --csv "$csv" -o "$dir" "$@"; }

# How long all of them take decides how long each attempt lives.
begin=$(date +%s%N)
head -n $((boards / 10 + 2)) "$csv" | sed 's/^board/trial/' >"$tmp/trial.csv" && chmod 600 "$tmp/trial.csv"
otactl -C "$ws" provision "$build" --csv "$tmp/trial.csv" -o "$tmp/trial" >/dev/null || skip_all 'otactl provision failed'
span=$((($(date +%s%N) - begin) / 1000000 * 10))

# Every fourth is killed whenever it may be, the others when they have begun to make boards.
recorded() { wc -l 2>/dev/null <"$dir/boards.jsonl" || echo 0; }
later() { sleep "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))"; }
halves=0 foreign=0 killed=0 making=0
for i in $(seq "$kills"); do
    before=$(recorded)
    otactl -C "$ws" provision "$build" --csv "$csv" -o "$dir" >/dev/null 2>"$tmp/killed.err" &
    pid=$!
    while [ $((i % 4)) -gt 0 ] && [ "$(recorded)" -le "$before" ] && kill -0 $pid 2>/dev/null; do sleep 0.02; done
    later $(((RANDOM * 32768 + RANDOM) % (span * 2 / kills / 3 + 1)))
    kill -9 $pid 2>/dev/null && killed=$((killed + 1))
    wait $pid 2>/dev/null
    [ "$(recorded)" -gt "$before" ] && making=$((making + 1))
    halves=$((halves + $(find "$dir" -name '*.bin' ! -size "${whole}c" 2>/dev/null | wc -l)))
    [ -s "$tmp/killed.err" ] && { foreign=$((foreign + 1)); tap_explain "$(cat "$tmp/killed.err")"; }
done
echo "# $killed of $kills runs were killed, $making of them while they made boards; $(find "$dir" -name '*.bin' | wc -l) files are there"
is kill_met_runs_that_made_boards "$([ $making -ge 1 ] && echo yes)" yes
is kill_leaves_no_half_written_file $halves 0
is kill_leaves_nothing_that_the_next_run_refuses $foreign 0
ok kill_next_run_completes provision --json
is kill_next_run_counts_all "$(jq '.made + .kept' <<<"$out")/$(jq .gone <<<"$out")" "$boards/0"
ok kill_run_after_it_makes_nothing provision --json
is kill_all_are_kept "$(jq -c '[.made,.kept,.gone]' <<<"$out")" "[0,$boards,0]"

# File, database and record agree on every board.
cat >"$tmp/judge.py" <<'EOP'
import hashlib, json, os, re, sqlite3, sys

folder, database, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
wanted = ["board-%05d" % (i + 1) for i in range(count)]
record = [json.loads(line) for line in open(os.path.join(folder, "boards.jsonl"))]
fleet = dict(sqlite3.connect(database).execute("SELECT id, token FROM device WHERE id LIKE 'board-%'"))
assert [line["id"] for line in record] == wanted, "record: not every board once, in order"
assert sorted(fleet) == wanted, "fleet: not every board"
assert sorted(os.listdir(folder)) == sorted([".lock", "boards.jsonl"] + [name + ".bin" for name in wanted]), "folder: other files"
tokens = set()
for line in record:
    data = open(os.path.join(folder, line["files"][0]["file"]), "rb").read()
    assert hashlib.sha256(data).hexdigest() == line["files"][0]["sha256"], line["id"] + ": digest"
    assert len(data) == line["files"][0]["bytes"], line["id"] + ": length"
    found = re.findall(rb"ota_[A-Za-z0-9_-]{43}(?=\0)", data)
    assert len(found) == 1 and hashlib.sha256(found[0]).digest() == fleet[line["id"]], line["id"] + ": token"
    assert line["id"].encode() in data and b"secret-" + line["id"][6:].encode() in data, line["id"] + ": values of another"
    tokens.add(found[0])
assert len(tokens) == count, "a token was given twice"
EOP
ok kill_file_database_and_record_agree python3 "$tmp/judge.py" "$dir" "$ws/state/fleet.db" "$boards"
done_testing
