#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The board in a network namespace of its own, over veth: by address and by a name other than localhost, as a real board would.
. "$OTA_TOP/tests/tap.sh"
. "$OTA_TOP/tests/net/board.sh"

[ "$(id -u)" = 0 ] || skip_all "needs root to make network namespaces"
ns=ota$$ a=otaa$$ b=otab$$
ip netns add "$ns" 2>/dev/null || skip_all "ip netns is not allowed here"
at_exit "ip netns del $ns 2>/dev/null; ip link del $a 2>/dev/null; rm -rf /etc/netns/$ns"
ip netns exec "$ns" true 2>/dev/null || skip_all "ip netns exec is not allowed here"
ip link add "$a" type veth peer name "$b" 2>/dev/null || skip_all "veth is not allowed here"
net=$((RANDOM % 200 + 20))
ip link set "$b" netns "$ns"
ip addr add "10.231.$net.1/30" dev "$a" && ip link set "$a" up
ip netns exec "$ns" ip addr add "10.231.$net.2/30" dev "$b"
ip netns exec "$ns" ip link set "$b" up
ip netns exec "$ns" ip link set lo up
mkdir -p "/etc/netns/$ns"
printf '127.0.0.1 localhost\n10.231.%s.1 updates.example.test\n' "$net" >"/etc/netns/$ns/hosts"

# init sees the address that boards will use: it is local now. The name comes from --url.
chip=esp32c3
otactl init "$ws" --product thermo --chip $chip --url https://updates.example.test >/dev/null
otadevice sample "$tmp/build-1.0.0" --chip $chip --version 1.0.0 >/dev/null
otactl -C "$ws" push "$tmp/build-1.0.0" >/dev/null
otaserve -C "$ws" --listen "10.231.$net.1:0" >"$tmp/daemon.out" 2>"$tmp/daemon.log" </dev/null &
daemon_pid=$!
for _ in $(seq 200); do grep -q 'boards use' "$tmp/daemon.out" && break; sleep 0.05; done
port=$(sed -nE 's/.*listening on [^ ]*:([0-9]+).*/\1/p' "$tmp/daemon.out")
in_ns() { ip netns exec "$ns" env PATH="$PATH" ASAN_OPTIONS="${ASAN_OPTIONS:-}" "$@"; }

for way in "10.231.$net.1" updates.example.test; do
    case $way in 10.*) by=address ;; *) by=name ;; esac
    daemon_url=https://$way:$port
    rm -f "$board"
    ok "namespace_board_is_created_for_its_$by" otadevice create -C "$ws" --from "$tmp/build-1.0.0" -o "$board" --url "$daemon_url" --id "by-$by"
    ok "namespace_first_poll_by_$by" in_ns otadevice run --flash "$board" --once
    ok "namespace_release_for_$by" push_release "2.0.$net$([ $by = name ] && echo 1)"
    ok "namespace_update_by_$by" in_ns otadevice run --flash "$board" --once
    is "namespace_runs_the_release_by_$by" "$(running_version)" "2.0.$net$([ $by = name ] && echo 1)"
done
run in_ns otadevice run --flash "$board" --once
contains namespace_next_poll_is_a_304 "$out$err" 304
is namespace_both_boards_reported "$(otactl -C "$ws" fleet list --json | jq -r '[.devices[] | select(.seen > 0) | .id] | sort | join(" ")')" "by-address by-name"
done_testing
