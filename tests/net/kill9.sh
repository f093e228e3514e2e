#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kill -9 of otactl push, the daemon or the signer at any moment leaves the previous release, or the new one, served whole.
. "$OTA_TOP/tests/tap.sh"
. "$OTA_TOP/tests/net/board.sh"

make_fleet esp32c3
seed=${OTA_SEED:-$$}
RANDOM=$seed
echo "# seed $seed (OTA_SEED=$seed runs this again)"

# Repository whole: every listed image there, every signature right, from the root on.
whole() { otactl -C "$ws" verify "$ws/state/repo" >"$tmp/verify.out" 2>&1; }
releases() { otactl -C "$ws" releases --json | jq '.releases | length'; }
later() { sleep "0.$(printf '%03d' $((RANDOM % $1)))"; }

bad=0 tries=${OTA_KILLS:-12}
for i in $(seq "$tries"); do
    otadevice sample "$tmp/p$i" --chip esp32c3 --version "1.1.$i" >/dev/null
    otactl -C "$ws" push "$tmp/p$i" >/dev/null 2>&1 &
    pid=$!
    later 400
    kill -9 $pid 2>/dev/null
    wait $pid 2>/dev/null
    whole || { bad=$((bad + 1)); tap_explain "push killed, try $i:" "$(cat "$tmp/verify.out")"; }
    rm -rf "$tmp/p$i"
done
is kill9_push_leaves_a_whole_repository $bad 0
ok kill9_push_works_afterwards push_release 1.2.0
ok kill9_repository_is_whole_after_push whole

start_daemon "$ws"
bad=0
for i in $(seq "$tries"); do
    otadevice sample "$tmp/d$i" --chip esp32c3 --version "1.3.$i" >/dev/null
    otactl -C "$ws" push "$tmp/d$i" >/dev/null 2>&1 &
    pid=$!
    later 500
    if [ $((i % 2)) = 0 ]; then
        kill -9 "$daemon_pid"
        wait "$daemon_pid" 2>/dev/null
        start_daemon "$ws" || bad=$((bad + 1))
    else
        signer=$(pgrep -P "$daemon_pid" | head -1)
        [ -n "$signer" ] && kill -9 "$signer"
    fi
    wait $pid 2>/dev/null
    whole || { bad=$((bad + 1)); tap_explain "daemon or signer killed, try $i:" "$(cat "$tmp/verify.out")"; }
    rm -rf "$tmp/d$i"
done
is kill9_daemon_and_signer_leave_a_whole_repository $bad 0
ok kill9_push_works_after_the_kills push_release 1.4.0
ok kill9_repository_is_whole_at_the_end whole
new_board
is kill9_board_gets_the_last_release "$(running_version)" 1.4.0
done_testing
