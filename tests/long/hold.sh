#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Nobody holds a connection by sending slowly, or every connection from one address; who reads slowly gets the whole file.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh

ws=$tmp/ws
otactl init "$ws" --product thermo --chip esp32c3 --url https://localhost:8443 >/dev/null || skip_all 'otactl init failed'
folder=$ws/state/repo/targets/img/thermo/1
mkdir -p "$folder"
head -c 12000000 /dev/urandom >"$tmp/app.bin"
digest=$(sha256sum <"$tmp/app.bin" | cut -c1-64)
cp "$tmp/app.bin" "$folder/$digest.app.bin"
start_daemon "$ws" --per-address 8 || exit 1
port=${daemon_url##*:}
code() { curl -s --cacert "$ws/keys/ca.crt" --max-time 10 -o /dev/null -w '%{http_code}' "$@"; }

# ---- connections of one address ----
for i in $(seq 8); do exec {fd}<>"/dev/tcp/127.0.0.1/$port"; held[i]=$fd; done
sleep 0.3
is hold_address_has_no_more "$(code "$daemon_url/")" 000
is hold_other_address_is_served "$(code --interface 127.0.0.2 "$daemon_url/")" 200
for fd in "${held[@]}"; do exec {fd}>&-; done
sleep 0.3
is hold_address_is_served_again "$(code "$daemon_url/")" 200
fails hold_per_address_of_nothing 2 'per-address' otaserve -C "$ws" --per-address 0

# ---- deadlines ----
run python3 tests/net/hold.py "$port" "$ws/keys/ca.crt" "/targets/img/thermo/1/$digest.app.bin"
measured=$out
echo "# $measured"
part() { sed -nE "s/.*$1=([^ ]+).*/\\1/p" <<<"$measured"; }
between() { awk -v t="$(part "$1")" -v a="$2" -v b="$3" 'BEGIN {exit !(t >= a && t <= b)}'; }
ok hold_body_that_never_comes between body 10 25
ok hold_body_that_trickles between trickle 10 25
ok hold_second_head_that_trickles between second 60 86
is hold_slow_reader_gets_all "$(part download)" 12000000
done_testing
