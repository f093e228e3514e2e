#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The server goes away during the rollout of a healthy release and comes back later: before the boards download, while they do, while their new
# app waits to be confirmed, and for longer than that. No board stays on the old app for good. And a release whose app reaches no server, with a
# server that is there all the time: every board ends on the old app.
# The scenarios run at the same time, each with its own server and boards: they mostly wait. Those in which a board goes back to the old app
# take a minute or two: tests/long/outage.sh. `tests/net/outage.sh SCENARIO...` runs these.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh
. tests/net/board.sh

BOARDS=${OTA_OUTAGE_BOARDS:-3}
SECONDS_MAX=${OTA_OUTAGE_SECONDS:-150} # until every board must have come to the new release
make_fleet esp32c3 || skip_all 'no workspace'
build_sample() { # version [SAMPLE OPTION...]
    otadevice sample "$tmp/build-$1" --chip esp32c3 --version "$1" --size 1500000 "${@:2}" >/dev/null
}
build_sample 2.0.0 || exit 1

# ---- one scenario: a folder of its own, a server that keeps its port ----------------------------------------
begin() { # name version; in a subshell
    tmp=$tmp/$1
    mkdir "$tmp" || return 1
    cp -a "$ws" "$tmp/ws" && ws=$tmp/ws || return 1
    start_daemon "$ws" || return 1
    daemon_listen=127.0.0.1:${daemon_url##*:}
    for i in $(seq "$BOARDS"); do
        otadevice create -C "$ws" --from "${tmp%/*}/build-1.0.0" -o "$tmp/$i.flash" --id "b$i" --url "$daemon_url" >/dev/null &&
            otadevice run --flash "$tmp/$i.flash" --once >"$tmp/$i.log" 2>&1 || return 1
    done
    otactl -C "$ws" push "${tmp%/*}/build-$2" >"$tmp/push.out" 2>&1
}
boards_on() {
    for i in $(seq "$BOARDS"); do
        otadevice run --flash "$tmp/$i.flash" --interval 1 --confirm-timeout "${confirm:-3}" >>"$tmp/$i.log" 2>&1 </dev/null &
        pids+=($!)
    done
}
boards_off() {
    [ ${#pids[@]} -gt 0 ] || return 0 # wait without a name would wait for the server
    kill "${pids[@]}" 2>/dev/null
    wait "${pids[@]}" 2>/dev/null
    pids=()
}
server_dies() {
    kill -9 "$daemon_pid"
    wait "$daemon_pid" 2>/dev/null
    daemon_pid=
}
# How many boards have said PART since they were switched on.
said() { grep -lE -- "$1" "$tmp"/[0-9]*.log | wc -l; }
until_said() { # boards part [pause]
    until=$((SECONDS + SECONDS_MAX))
    until [ "$(said "$2")" -ge "$1" ]; do
        [ $SECONDS -lt $until ] || return 1
        sleep "${3:-0.05}"
    done
}
ends() { # what the boards run once all said that it is installed, or time is up; then what the fleet shows
    until_said "$BOARDS" "${1:-release 2 .* is installed}" || echo "not every board said: ${1:-is installed}"
    boards_off
    for i in $(seq "$BOARDS"); do otadevice show "$tmp/$i.flash" --json | jq -r '"\(.running.version)"'; done | sort | uniq -c | awk '{print $1 "x" $2}'
}

# ---- scenarios ----------------------------------------------------------------------------------------------
before_download() {
    server_dies
    boards_on
    until_said "$BOARDS" 'Could not connect|refused|error' || echo "no board noticed the outage"
    start_daemon "$ws"
    ends
}
during_download() {
    boards_on
    until_said 1 '@ota .* (20|40) %' 0 || echo "no board began"
    server_dies
    sleep 2
    echo "# during_download: $(said 'stage failed') of $BOARDS boards were interrupted" >"$tmp/remark"
    start_daemon "$ws"
    ends
}
dies_when_activated() { # before the first new app could confirm itself
    until_said 1 'is activated: reboot' 0 || echo "no board activated it"
    server_dies
}
# It comes back before any board gives up.
before_confirmation() {
    boards_on
    dies_when_activated
    sleep 1
    start_daemon "$ws"
    ends
}
# It comes back as soon as the first board went back to the old app, which then reaches it: not the new app's fault. A board in doubt sleeps for up
# to 31 s, which must be less than the time after which it no longer asks.
after_rollback() {
    confirm=32
    boards_on
    dies_when_activated
    until_said 1 'rolled back: reboot' || echo "no board went back"
    start_daemon "$ws"
    until_said 1 'another chance: a server answers' || echo "no board tried it again"
    ends
}
# It stays away until neither app found it.
past_both() {
    boards_on
    dies_when_activated
    until_said 1 'confirmed-offline' || echo "no board confirmed it offline"
    start_daemon "$ws"
    ends
}

# The new app has a broken network stack: each board goes back, twice, and then stays.
without_network() {
    boards_on
    until_said "$BOARDS" 'given up' || echo "not every board gave it up"
    ends 'report .* rolled-back'
}

scenarios=${*:-before_download during_download before_confirmation}
case $scenarios in *without_network*)
    if otadevice sample --help | grep -q -- --no-network; then build_sample 3.0.0 --no-network || exit 1; else
        skip outage_without_network_every_board_ends_on_the_old_app "otadevice sample has no --no-network"
        scenarios=${scenarios/without_network/}
    fi
    ;;
esac
version_for() { case $1 in without_network) echo 3.0.0 ;; *) echo 2.0.0 ;; esac; }
name_for() { case $1 in without_network) echo every_board_ends_on_the_old_app ;; *) echo every_board_comes_to_the_new_release ;; esac; }
wanted_for() { case $1 in without_network) echo "${BOARDS}x1.0.0" ;; *) echo "${BOARDS}x2.0.0" ;; esac; }
workers=()
for s in $scenarios; do
    (
        pids=()
        trap 'boards_off; [ -n "$daemon_pid" ] && stop_daemon' EXIT
        trap 'exit 1' INT TERM
        begin "$s" "$(version_for "$s")" && $s
    ) >"$tmp/$s.result" 2>&1 &
    workers+=($!)
done
at_exit 'kill "${workers[@]}" 2>/dev/null; wait "${workers[@]}" 2>/dev/null'
wait "${workers[@]}"
for s in $scenarios; do
    cat "$tmp/$s/remark" 2>/dev/null
    is "outage_${s}_$(name_for "$s")" "$(cat "$tmp/$s.result")" "$(wanted_for "$s")"
    [ "$(cat "$tmp/$s.result")" = "$(wanted_for "$s")" ] || tap_explain "$(tail -q -n 12 "$tmp/$s"/[0-9]*.log)"
done
done_testing
