#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A proxy that stalls, cuts, corrupts, truncates, duplicates, reorders and swaps (hostile_proxy.py), outside and inside of TLS: whatever it does
# to a board's polls, no wrong byte becomes active, and once it stops the board comes to the new release.
# OTA_PROXY_ROUNDS rounds each way (2; more in tests/long), none begun after OTA_PROXY_SECONDS (20 each). `tests/net/proxy.sh SEED ROUND` runs one round again.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh
. tests/net/board.sh

seed=${1:-${OTA_PROXY_SEED:-$RANDOM$RANDOM}}
rounds=$(seq "${OTA_PROXY_ROUNDS:-2}")
[ -n "${2:-}" ] && rounds=$2
echo "# seed $seed"

make_fleet esp32c3 || skip_all 'no workspace'
start_daemon "$ws" || exit 1

start_proxy() { # tcp|tls: sets $faulty_url
    echo off >"$tmp/round.$1"
    python3 tests/net/hostile_proxy.py "$1" "${daemon_url##*:}" "$seed" "$tmp/round.$1" \
        "$ws/state/repo" "$ws/keys/server.crt" "$ws/keys/tls-server.pem" >"$tmp/port.$1" 2>"$tmp/proxy.err" </dev/null &
    proxy_pid=$!
    at_exit "kill $proxy_pid 2>/dev/null; wait $proxy_pid 2>/dev/null"
    for _ in $(seq 200); do
        [ -s "$tmp/port.$1" ] && break
        sleep 0.05
    done
    faulty_url=https://localhost:$(cat "$tmp/port.$1")
}
for way in tcp tls; do
    start_proxy $way
    new_board || exit 1
    cp "$board" "$tmp/$way.flash"
done
cp "$board" "$tmp/old.flash"
push_release 2.0.0 --add-label assets -- --with all --compatible --accept-brick-risk || exit 1
ok proxy_honest_update otadevice run --flash "$board" --once
cp "$board" "$tmp/new.flash"

# Offset and size of everything an update may write but the app's slots. They are as the new table says.
areas=$(otadevice show "$tmp/new.flash" --json |
    jq -r '"bootloader 0 32768", "table 32768 4096", (.partitions[] | select(.label == "storage" or .label == "assets") | "\(.label) \(.offset) \(.size)")')
is proxy_knows_what_to_compare "$(wc -l <<<"$areas")" 4

holds() { # area offset size: every byte as before, or every byte as after
    cmp -s -i "$2" -n "$3" "$board" "$tmp/old.flash" || cmp -s -i "$2" -n "$3" "$board" "$tmp/new.flash"
}
# `assets` is a partition of the new table only: before it was installed it has no contents that could be old.
old_or_new() {
    version=$(running_version)
    while read -r name offset size; do
        [ "$name $version" = "assets 1.0.0" ] && continue
        holds "$name" "$offset" "$size" || { echo "$name is neither old nor new"; return 1; }
    done <<<"$areas"
    app=$tmp/build-$version/thermo.bin
    [ -f "$app" ] || { echo "runs $version"; return 1; }
    otadevice read "$board" @running -o "$tmp/app.read" --length "$(stat -c %s "$app")" >/dev/null && cmp "$app" "$tmp/app.read"
}
all_new() {
    [ "$(running_version)" = 2.0.0 ] && old_or_new || return 1
    while read -r _ offset size; do
        cmp -s -i "$offset" -n "$size" "$board" "$tmp/new.flash" || return 1
    done <<<"$areas"
}
poll() {
    timeout 90 otadevice run --flash "$board" --once >"$tmp/run.out" 2>&1
    rc=$?
    [ $rc -le 1 ] && why=$(old_or_new)
}
# Under the fault until it is through or has failed twice, then without it. $recovered: seconds from there to the new release.
round() { # tcp|tls number
    cp "$tmp/$1.flash" "$board"
    : >"$tmp/round.$1.log"
    echo "$2" >"$tmp/round.$1"
    for _ in 1 2; do
        poll || return 1
        [ "$(running_version)" = 2.0.0 ] && break
    done
    echo off >"$tmp/round.$1"
    began=$(date +%s%N)
    for _ in 1 2 3; do
        all_new && break
        poll || return 1
    done
    recovered=$((($(date +%s%N) - began) / 1000000))
    recovered=$((recovered / 1000)).$(printf %03d $((recovered % 1000)))
    all_new || { why="not at the new release"; return 1; }
}

began_all=$SECONDS
for way in tcp tls; do
    bad=0 count=0 faults=0
    for n in $rounds; do
        [ $((SECONDS - began_all)) -ge "${OTA_PROXY_SECONDS:-20}" ] && [ $count -gt 0 ] && break
        count=$((count + 1)) why=
        if round $way "$n"; then
            did=$(tr '\n' ';' <"$tmp/round.$way.log")
            echo "# $way: ${did:-round $n: nothing;} recovered in $recovered s"
        else
            bad=$((bad + 1))
            tap_explain "tests/net/proxy.sh $seed $n runs this again ($way): exit $rc, $why" "$(cat "$tmp/round.$way.log")" "$(tail -8 "$tmp/run.out")"
        fi
        faults=$((faults + $(wc -l <"$tmp/round.$way.log")))
    done
    is "proxy_${way}_no_wrong_byte_becomes_active_and_boards_recover" "$bad of $count" "0 of $count"
    [ -n "${2:-}" ] && continue
    [ $faults -gt 0 ]
    tap_result $? "proxy_${way}_did_something"
    began_all=$SECONDS
done
done_testing
