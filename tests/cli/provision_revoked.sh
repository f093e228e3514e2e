#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# otactl provision of boards that were revoked, whose folder is lost, or that two runs want; and a run that is stopped.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh

ws=$tmp/ws build=$tmp/build dir=$tmp/boards
otactl init "$ws" --product thermo --chip esp32c3 --url https://ota.example:8443 >/dev/null || skip_all 'otactl init failed'
otadevice sample "$build" --chip esp32c3 --version 1.0.0 --size 100000 >/dev/null || skip_all 'otadevice sample failed'
provision() { otactl -C "$ws" provision "$build" "$@"; }
revoke() { otactl -C "$ws" device revoke "$1" >/dev/null; }
row() { otactl table show "$build/partition_table/partition-table.bin" --json | jq ".rows[] | select(.label == \"$1\") | .$2"; }
part() { tail -c +$(($(row "$2" offset) + 1)) "$1" | head -c "$(row "$2" size)"; } # FILE LABEL
token_of() { part "$1" ota_id >"$tmp/part" && otactl nvs show "$tmp/part" --values --json | jq -r '.items[] | select(.key == "token") | .value'; }
crt_of() { part "$1" ota_id >"$tmp/part" && otactl nvs show "$tmp/part" --values --json | jq -r '.items[] | select(.key == "crt") | .value'; }
stands() { # ID TOKEN: what the server makes of it
    python3 - "$ws/state/fleet.db" "$1" "$2" <<'END'
import hashlib, sqlite3, sys
row = sqlite3.connect(sys.argv[1]).execute("SELECT token, revoked FROM device WHERE id = ?", (sys.argv[2],)).fetchone()
print("unknown" if not row else "revoked" if row[1] else "ok" if row[0] == hashlib.sha256(sys.argv[3].encode()).digest() else "other")
END
}
counts() { jq -c '[.made,.kept,.gone]' <<<"$out"; }

# ---- a board that was revoked while its file is there ----
ok revoked_first provision --id rk --id rm -o "$dir" --client-cert
token=$(token_of "$dir/rk.bin") crt=$(crt_of "$dir/rk.bin") before=$(sha256sum <"$dir/rk.bin") other=$(sha256sum <"$dir/rm.bin")
revoke rk
fails revoked_is_not_kept 1 "otactl: board rk was revoked; leave it out, or let --again make it anew, with a new token" provision --id rk --id rm -o "$dir" --client-cert
is revoked_changes_nothing "$(sha256sum <"$dir/rk.bin") $(stands rk "$token")" "$before revoked"
contains revoked_is_listed_with_the_fleet "$(otactl -C "$ws" fleet list | grep '^rk ')" ", revoked"
is revoked_others_are_not "$(otactl -C "$ws" fleet list | grep '^rm ' | grep -c revoked)" 0
is revoked_is_listed_in_json "$(otactl -C "$ws" fleet list --json | jq -c '[.devices[] | [.id,.revoked]]')" '[["rk",true],["rm",false]]'
ok revoked_again provision --id rk --id rm -o "$dir" --client-cert --again --json
is revoked_again_makes_one "$(counts)$(jq -c '[.boards[].state]' <<<"$out")" '[1,1,0]["made","kept"]'
new=$(token_of "$dir/rk.bin")
is revoked_again_has_another_token "$([ "$new" != "$token" ] && echo yes) $(stands rk "$new")" "yes ok"
is revoked_again_has_another_certificate "$([ "$(crt_of "$dir/rk.bin")" != "$crt" ] && echo yes)" yes
is revoked_again_spares_the_others "$(sha256sum <"$dir/rm.bin")" "$other"
ok revoked_then_kept provision --id rk --id rm -o "$dir" --client-cert --json
is revoked_then_all_are_kept "$(counts)" '[0,2,0]'
printf 'id\nrk\nrm\n' >"$tmp/b.csv"
revoke rk
fails revoked_in_a_csv 1 "otactl: $tmp/b.csv:2: board rk was revoked" provision --csv "$tmp/b.csv" -o "$dir" --client-cert
revoke rm
fails revoked_two 1 "otactl: boards rk, rm were revoked; leave them out, or let --again make them anew, with new tokens" provision --csv "$tmp/b.csv" -o "$dir" --client-cert
seq -f "long-name-of-a-board-%04.0f" 1 12 | { echo id && cat; } >"$tmp/many.csv"
provision --csv "$tmp/many.csv" --parts -o "$tmp/many" >/dev/null
for id in $(tail -n +2 "$tmp/many.csv"); do revoke "$id"; done
fails revoked_many 1 "board-0003 and 9 more were revoked; leave them out, or let --again make them anew, with new tokens" provision --csv "$tmp/many.csv" --parts -o "$tmp/many"

# ---- and whose files are gone, as they should be ----
rm "$dir/rk.bin"
ok revoked_gone provision --id rk -o "$dir" --client-cert
contains revoked_gone_is_gone "$out" "1 board was made before, and its files are gone; --again makes it anew."
is revoked_gone_is_not_known "$(grep -c 'server knows' <<<"$out") $(stands rk x)" "0 revoked"
ok revoked_gone_again provision --id rk -o "$dir" --client-cert --again
is revoked_gone_again_is_known "$(stands rk "$(token_of "$dir/rk.bin")")" ok

# ---- killed on the way: its token did not come to count, or did ----
revoke rk && token=$(token_of "$dir/rk.bin")
echo '{"id":"rk","again":true}' >>"$dir/boards.jsonl"
fails revoked_half_made 1 "board rk was revoked" provision --id rk -o "$dir" --client-cert
ok revoked_half_made_again provision --id rk -o "$dir" --client-cert --again
is revoked_half_made_has_another_token "$([ "$(token_of "$dir/rk.bin")" != "$token" ] && echo yes) $(stands rk "$(token_of "$dir/rk.bin")")" "yes ok"

# ---- a token that was given to it elsewhere ----
token=$(token_of "$dir/rk.bin")
revoke rk && otactl -C "$ws" device add rk >/dev/null
for again in '' --again; do
    # shellcheck disable=SC2086
    fails "revoked_and_added$again" 1 "board rk has another token by now than its file in $dir; remove the file, or give that token up: otactl device revoke rk, then --again" provision --id rk -o "$dir" --client-cert $again
done
revoke rk
ok revoked_and_added_again provision --id rk -o "$dir" --client-cert --again
is revoked_and_added_has_a_third_token "$([ "$(token_of "$dir/rk.bin")" != "$token" ] && echo yes) $(stands rk "$(token_of "$dir/rk.bin")")" "yes ok"

# ---- the folder is lost ----
ok lost_first provision --id rma -o "$tmp/lost"
token=$(token_of "$tmp/lost/rma.bin")
cp -r "$tmp/lost" "$tmp/copy" && rm -r "$tmp/lost"
for again in '' --again; do
    # shellcheck disable=SC2086
    fails "lost_says_what_to_do$again" 1 "give this one up: otactl device revoke rma, then --again" provision --id rma -o "$tmp/lost" $again
done
is lost_left_no_folder "$(ls -d "$tmp/lost" 2>/dev/null)" ""
revoke rma
fails lost_and_revoked 1 "board rma was revoked; leave it out, or let --again make it anew" provision --id rma -o "$tmp/lost"
ok lost_again provision --id rma --channel beta -o "$tmp/lost" --again --json
is lost_again_is_made "$(counts)" '[1,0,0]'
is lost_again_has_another_token "$([ "$(token_of "$tmp/lost/rma.bin")" != "$token" ] && echo yes) $(stands rma "$(token_of "$tmp/lost/rma.bin")")" "yes ok"
is lost_again_has_the_new_channel "$(otactl -C "$ws" device list --json | jq -r '.devices[] | select(.id == "rma") | .channel')" beta
ok lost_then_kept provision --id rma --channel beta -o "$tmp/lost" --json
is lost_is_done "$(counts)" '[0,1,0]'
fails lost_copy_is_worth_nothing 1 "board rma has another token by now than its file in $tmp/copy" provision --id rma -o "$tmp/copy"
# A file without a line, with a token that was revoked: it does not bring the board back.
revoke rma && token=$(token_of "$tmp/lost/rma.bin") && rm "$tmp/lost/boards.jsonl"
fails lost_record 1 "board rma was revoked" provision --id rma -o "$tmp/lost"
ok lost_record_again provision --id rma -o "$tmp/lost" --again
is lost_record_again_has_another_token "$([ "$(token_of "$tmp/lost/rma.bin")" != "$token" ] && echo yes) $(stands rma "$(token_of "$tmp/lost/rma.bin")")" "yes ok"
echo mine >"$tmp/lost/q0.bin" && chmod 600 "$tmp/lost/q0.bin" && otactl -C "$ws" device add q0 >/dev/null && revoke q0
fails lost_spares_a_file_of_others 1 "not the file of board q0" provision --id q0 -o "$tmp/lost" --again
is lost_spared_it "$(cat "$tmp/lost/q0.bin")" mine

# ---- two runs want one board: whichever comes second has no file of it ----
seq -f "race-%02.0f" 1 40 | { echo id && cat; } >"$tmp/race.csv"
cat >"$tmp/race.py" <<'END'
import glob, os, sqlite3, sys, time
database, folder = sys.argv[1:]
end = time.time() + 30
while not os.path.exists(folder + "/boards.jsonl") and time.time() < end: # it has looked at all ids
    time.sleep(0.001)
db = sqlite3.connect(database, isolation_level=None, timeout=10)
db.execute("BEGIN IMMEDIATE") # whatever it makes next waits for us
known = {row[0] for row in db.execute("SELECT id FROM device")}
taken = None
while not taken and time.time() < end:
    taken = next((f for f in map(lambda f: os.path.basename(f)[:-4], glob.glob(folder + "/race-*.bin")) if f not in known), None)
    time.sleep(0.001)
db.execute("INSERT INTO device(id, product, channel, token, added) VALUES(?, 'thermo', 'stable', x'00', 1)", (taken,))
db.execute("COMMIT")
print(taken)
END
python3 "$tmp/race.py" "$ws/state/fleet.db" "$tmp/race" >"$tmp/taken" &
racer=$!
run provision --csv "$tmp/race.csv" -o "$tmp/race"
wait $racer
taken=$(cat "$tmp/taken")
contains race_second_says_what_happened "$rc $err" "board $taken was made known by somebody else meanwhile; its file here was removed"
is race_second_has_no_file "$(ls "$tmp/race/$taken.bin" 2>/dev/null)" ""
is race_others_have_lines "$(ls "$tmp/race" | grep -c '\.bin$')" "$(wc -l <"$tmp/race/boards.jsonl")"

# ---- stopped ----
seq -f "stop-%03.0f" 1 200 | { echo id && cat; } >"$tmp/stop.csv"
cat >"$tmp/stop.py" <<'END'
import os, signal, subprocess, sys, time
number, folder, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
mine, its = os.openpty()
run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=its, stdin=subprocess.DEVNULL,
                       preexec_fn=lambda: signal.signal(number, signal.SIG_DFL))
os.close(its)
lines = lambda: open(folder + "/boards.jsonl").read().count("\n") if os.path.exists(folder + "/boards.jsonl") else 0
begin = lines()
while lines() < begin + 3 and run.poll() is None:
    time.sleep(0.002)
run.send_signal(number)
text = b""
try:
    while chunk := os.read(mine, 4096):
        text += chunk
except OSError:
    pass
print(-run.wait(), lines(), text.decode().split("\x1b[K")[-1].rstrip("\r\n"), "end" if text.endswith(b"\n") else "no end")
END
stopped() { run python3 "$tmp/stop.py" "$1" "$tmp/stop" otactl -C "$ws" provision "$build" --parts --csv "$tmp/stop.csv" -o "$tmp/stop"; }
for number in 2 15; do
    stopped $number
    made=$(wc -l <"$tmp/stop/boards.jsonl")
    is "stopped_by_${number}_says_how_far_it_came" "$out" "$number $made otactl: stopped after $made of 200 boards; run it again to go on end"
done
is stopped_leaves_whole_boards "$(ls "$tmp/stop" | grep -c '\.bin$')" "$made"
ok stopped_goes_on provision --parts --csv "$tmp/stop.csv" -o "$tmp/stop" --json
is stopped_goes_on_where_it_was "$(counts)" "[$((200 - made)),$made,0]"
done_testing
