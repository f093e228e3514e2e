#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kill -9 of otactl nvs identity and otadevice create: the file is there before the board is known, and the same command
# goes on. IDENTITY_KILLS (16) at random moments, and one between file and database.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh

kills=${IDENTITY_KILLS:-16} seed=${OTA_SEED:-$$}
RANDOM=$seed
echo "# seed $seed (OTA_SEED=$seed runs this again)"
ws=$tmp/ws build=$tmp/build
otactl init "$ws" --product thermo --chip esp32c3 --url https://ota.example:8443 >/dev/null || skip_all 'otactl init failed'
otadevice sample "$build" --chip esp32c3 --version 1.0.0 >/dev/null || skip_all 'otadevice sample failed'
otactl -C "$ws" device add first >/dev/null
db=$ws/state/fleet.db
digest_in_database() { python3 -c 'import sqlite3, sys; print((sqlite3.connect(sys.argv[1]).execute("SELECT hex(token) FROM device WHERE id = ?", (sys.argv[2],)).fetchone() or [""])[0].lower())' "$db" "$1"; }
digest_in_file() { python3 -c 'import hashlib, re, sys; print(*{hashlib.sha256(t).hexdigest() for t in re.findall(rb"ota_[A-Za-z0-9_-]{43}(?=\0)", open(sys.argv[1], "rb").read())})' "$1" 2>/dev/null; }
identity() { otactl -C "$ws" nvs identity --id "$1" -o "$tmp/$1.file"; }
create() { otadevice create -C "$ws" --from "$build" --id "$1" -o "$tmp/$1.file"; }
numbered() { otadevice create -C "$ws" --from "$build" -o "$tmp/$1.file"; }
begin() { # VERB ID, in the background, so that $! is the program itself
    case $1 in
    identity) otactl -C "$ws" nvs identity --id "$2" -o "$tmp/$2.file" >/dev/null 2>&1 & ;;
    create) otadevice create -C "$ws" --from "$build" --id "$2" -o "$tmp/$2.file" >/dev/null 2>&1 & ;;
    *) otadevice create -C "$ws" --from "$build" -o "$tmp/$2.file" >/dev/null 2>&1 & ;;
    esac
    pid=$!
}

# A database that takes for ever to write a board down, and can be read meanwhile.
sql() { python3 -c 'import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute(sys.argv[2]); db.commit()' "$db" "$1"; }
hold() {
    sql "CREATE TRIGGER hold BEFORE INSERT ON device BEGIN SELECT count(*) FROM (WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 2000000000) SELECT n FROM c); END"
}
release() { sql "DROP TRIGGER hold"; }
kill_there() { # ID: when its file is there
    for _ in $(seq 200); do [ -s "$tmp/$1.file" ] && break; sleep 0.02; done
    kill -9 $pid 2>/dev/null
    wait $pid 2>/dev/null
}
for verb in identity create numbered; do
    id=between-$verb
    hold
    begin $verb $id
    kill_there $id
    release
    [ $verb = numbered ] && known=virtual-0001 || known=$id
    is "identity_kill_between_leaves_the_file_$verb" "$(digest_in_file "$tmp/$id.file" | wc -w)" 1
    is "identity_kill_between_takes_no_id_$verb" "$(digest_in_database $known)" ""
    before=$(sha256sum <"$tmp/$id.file")
    ok "identity_kill_between_goes_on_$verb" $verb $id
    is "identity_kill_between_keeps_the_file_$verb" "$(sha256sum <"$tmp/$id.file")" "$before"
    is "identity_kill_between_is_known_by_its_token_$verb" "$(digest_in_database $known)" "$(digest_in_file "$tmp/$id.file")"
    fails "identity_kill_between_is_not_made_twice_$verb" 1 "exists already" $verb $id
done

# A database that writes no board down: the file stays for the next run.
sql "CREATE TRIGGER full BEFORE INSERT ON device BEGIN SELECT abs(-9223372036854775808); END"
fails identity_of_a_database_that_fails 1 "integer overflow" identity busy
sql "DROP TRIGGER full"
ok identity_goes_on_when_it_is_mended identity busy
is identity_that_went_on_is_known "$(digest_in_database busy)" "$(digest_in_file "$tmp/busy.file")"

# Only what the same command would make is taken up.
hold
begin identity other
kill_there other
release
fails identity_of_other_groups_is_not_taken_up 1 "exists already" otactl -C "$ws" nvs identity --id other --groups x -o "$tmp/other.file"
is identity_of_other_groups_is_not_known "$(digest_in_database other)" ""
hold
begin create moved
kill_there moved
release
printf X | dd of="$tmp/moved.file" bs=1 seek=70000 conv=notrunc status=none
fails create_of_a_board_that_ran_is_not_taken_up 1 "exists already" create moved
is create_of_a_board_that_ran_is_not_known "$(digest_in_database moved)" ""

# An id that was revoked is free again, but its file does not bring it back.
otactl -C "$ws" device revoke busy >/dev/null
before=$(digest_in_database busy)
fails identity_of_a_revoked_board_is_not_taken_up 1 "exists already" identity busy
otactl -C "$ws" device revoke between-create >/dev/null
fails create_of_a_revoked_board_is_not_taken_up 1 "exists already" create between-create
is identity_of_a_revoked_board_stays_revoked "$(otactl -C "$ws" device list --json | jq -r '[.devices[] | select(.revoked) | .id] | join(" ")')$(digest_in_database busy)" "between-create busy$before"
mv "$tmp/busy.file" "$tmp/old.file"
ok identity_of_a_revoked_id_anew identity busy
is identity_of_a_revoked_id_has_a_new_token "$(digest_in_database busy)" "$(digest_in_file "$tmp/busy.file")"

# At random moments.
start=$(date +%s%N)
identity trial >/dev/null
span=$((($(date +%s%N) - start) / 1000000))
stuck=0
for i in $(seq "$kills"); do
    [ $((i % 2)) = 0 ] && verb=identity || verb=create
    begin $verb "any-$i"
    wait_ms=$((RANDOM % (span + span / 2 + 1)))
    sleep "$(printf '%d.%03d' $((wait_ms / 1000)) $((wait_ms % 1000)))"
    kill -9 $pid 2>/dev/null
    wait $pid 2>/dev/null
    run $verb "any-$i"
    case $rc$err in 0*) ;; 1*"exists already"*) ;; *)
        stuck=$((stuck + 1))
        tap_explain "$err"
        ;;
    esac
done
# A token that was lost is not found again by the next run, which ended all the same.
cat >"$tmp/judge.py" <<'EOP'
import hashlib, re, sqlite3, sys

fleet = dict(sqlite3.connect(sys.argv[1]).execute("SELECT id, token FROM device WHERE id LIKE 'any-%'"))
assert len(fleet) == int(sys.argv[3]), "fleet: not every board"
for name, digest in fleet.items():
    found = set(re.findall(rb"ota_[A-Za-z0-9_-]{43}(?=\0)", open(sys.argv[2] + "/" + name + ".file", "rb").read()))
    assert [hashlib.sha256(token).digest() for token in found] == [digest], name + ": token"
EOP
ok identity_kill_loses_no_token python3 "$tmp/judge.py" "$db" "$tmp" "$kills"
is identity_kill_hinders_no_next_run $stuck 0

# Two at once take two numbers.
numbered one >"$tmp/one.out" 2>&1 &
one=$!
numbered two >"$tmp/two.out" 2>&1 &
two=$!
wait $one && wait $two
is create_two_at_once_take_two_numbers "$(cat "$tmp/one.out" "$tmp/two.out" | grep -o 'virtual-000[0-9]' | sort | tr '\n' ' ')" "virtual-0002 virtual-0003 "
done_testing
