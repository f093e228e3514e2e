#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# publish --static: a repository on a plain web server, with no daemon, for as long as it was signed and not longer.
. tests/tap.sh
. tests/net/board.sh
. tests/net/later.sh

make_fleet esp32c3 || exit 1
site=$tmp/site
expiry() { otactl -C "$ws" status --json | jq -r ".roles[] | select(.name == \"$1\") | .days_left"; }
# So many days are left, or some seconds less.
lasts() { [ "$2" -eq "$3" ] || [ "$2" -eq $(($3 - 1)) ]; is "$1" $? 0; }

# ---- what it refuses ----
fails static_wants_a_time 2 "--expires 90d" otactl -C "$ws" publish --static
fails static_wants_more_than_a_week 2 "at least 8d" otactl -C "$ws" publish --static --expires 7d
fails static_refuses_nonsense 2 "such as 12h or 90d" otactl -C "$ws" publish --static --expires soon
mkdir "$tmp/mine" && touch "$tmp/mine/thesis.txt"
fails static_leaves_other_folders_alone 1 "not empty" otactl -C "$ws" publish --static --expires 90d -o "$tmp/mine"
is static_left_it_alone "$(ls "$tmp/mine")" thesis.txt

# ---- the copy ----
ok static_publishes otactl -C "$ws" publish --static --expires 90d -o "$site"
lasts static_timestamp_lasts "$(expiry timestamp)" 90
lasts static_snapshot_lasts "$(expiry snapshot)" 90
lasts static_rollout_lasts "$(expiry rollout)" 90
version=$(jq .signed.version "$site/metadata/timestamp.json")
ok static_again otactl -C "$ws" publish --static --expires 90d -o "$site"
is static_signs_nothing_twice "$(jq .signed.version "$site/metadata/timestamp.json")" "$version"
ok static_copy_verifies otactl -C "$ws" verify "$site"
is static_copy_holds_the_zlib_form "$(find "$site/targets" -name '*.app.bin.z' | wc -l)" "$(find "$site/targets" -name '*.app.bin' | wc -l)"
is static_copy_holds_no_key "$(find "$site" -name '*.pem' -o -name '*.crt' -o -name 'last-signed' | wc -l)" 0
is static_copy_holds_only_current_roles "$(find "$site/metadata" -type f | wc -l)" 6

# ---- boards at a plain web server ----
python3 - "$site" "$ws/keys/server.crt" "$ws/keys/tls-server.pem" >"$tmp/http.out" 2>"$tmp/http.err" <<'EOF' &
import functools, http.server, ssl, sys
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1])
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain(sys.argv[2], sys.argv[3])
server.socket = tls.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
EOF
http_pid=$!
at_exit "kill $http_pid 2>/dev/null; wait $http_pid 2>/dev/null"
for _ in $(seq 100); do
    port=$(cat "$tmp/http.out")
    [ -n "$port" ] && break
    sleep 0.05
done
# Without a workspace it gets no token and sends no reports, which nobody would take there.
ok static_board_is_made otadevice create --from "$tmp/build-1.0.0" -o "$board" --url "https://localhost:$port" --product thermo --channel stable \
    --root "$site/metadata/1.root.json" --ca "$ws/keys/ca.crt"
ok static_board_is_up_to_date otadevice run --flash "$board" --once
push_release 1.1.0 || exit 1
ok static_publishes_the_next otactl -C "$ws" publish --static --expires 90d -o "$site"
cp "$board" "$tmp/before.flash"
at() { # days: the board of release 1, then
    cp "$tmp/before.flash" "$board"
    run in_days "$1" otadevice run --flash "$board" --once
}
at 0
is static_board_updates "$(running_version)" 1.1.0
at 80
is static_board_updates_after_80_days "$(running_version)" 1.1.0
ok static_copy_verifies_after_80_days in_days 80 otactl -C "$ws" verify "$site"
at 95
is static_board_refuses_after_95_days "$(running_version)" 1.0.0
contains static_board_says_that_it_expired "$out$err" "expired"
fails static_copy_is_refused_after_95_days 1 "expired" in_days 95 otactl -C "$ws" verify "$site"

# ---- in place, bounds, and the daemon ----
days=$(expiry targets)
mkdir "$tmp/away" && mv "$ws/keys/targets.pem" "$tmp/away/"
cp -a "$ws" "$tmp/late"
run in_days $((days - 40)) otactl -C "$tmp/late" publish --static --expires 90d
is static_in_place "$rc" 0
contains static_ends_with_the_offline_roles "$out" "because role targets expires then; first: otactl renew targets"
mv "$tmp/away/targets.pem" "$ws/keys/"

# ---- the daemon's own signer knows the usual lives alone, and static in place would not last beside it ----
in_days 2 start_daemon "$ws" || exit 1
lasts static_daemon_signs_for_a_week "$(in_days 2 otactl -C "$ws" status --json | jq '.roles[] | select(.name == "timestamp") | .days_left')" 7
fails static_in_place_beside_a_daemon 1 "-o DIR" otactl -C "$ws" publish --static --expires 90d
ok static_copy_beside_a_daemon in_days 2 otactl -C "$ws" publish --static --expires 90d -o "$site"
stop_daemon
done_testing
