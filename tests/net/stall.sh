#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Twenty clients that stall in the TLS handshake cost less than 1 % of a core, and are ended.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh

ws=$tmp/ws
otactl init "$ws" --product thermo --chip esp32c3 --url https://localhost:8443 >/dev/null || skip_all 'otactl init failed'
start_daemon "$ws" || exit 1
run python3 tests/net/stall.py "${daemon_url##*:}" "$daemon_pid" "$ws/keys/ca.crt" "$daemon_url"
measured=$out
echo "# $measured"
is stall_measured "$rc" 0
part() { sed -nE "s/.*$1=([^ ]+).*/\1/p" <<<"$measured"; }
ok stall_costs_less_than_1_percent awk -v c="$(part cpu)" 'BEGIN {exit !(c != "" && c < 1)}'
is stall_honest_client_is_served "$(part served)" 3/3
is stall_all_are_ended "$(part ended)" 20
ok stall_ended_by_the_deadline awk -v t="$(part after)" 'BEGIN {exit !(t >= 10 && t <= 20)}'
done_testing
