#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A push from elsewhere: the server has no product key, the CI job has no state. What is sent, what is resumed, who is
# refused, and a board that takes the release.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh
. tests/net/board.sh

chip=esp32c3
otactl init "$ws" --product thermo --chip $chip --product valve --chip $chip --url https://localhost:1 >/dev/null || skip_all 'otactl init failed'
sample() { otadevice sample "$tmp/build-$1" --chip $chip --version "$1" >/dev/null; }
sample 1.0.0 && sample 1.1.0 || skip_all 'otadevice sample failed'
otactl -C "$ws" push "$tmp/build-1.0.0" --product thermo --channel stable --version 1.0.0 >/dev/null || skip_all 'push failed'

# ---- what a CI job has: configuration, the root, the CA, the product key, a token ----
ci=$tmp/ci
mkdir -p "$ci/keys" && chmod 700 "$ci/keys"
cp "$ws/ota.conf" "$ci" && cp "$ws/keys/root.json" "$ws/keys/ca.crt" "$ci/keys"
mv "$ws/keys/thermo.pem" "$ci/keys"
new_token() { otactl -C "$ws" token create "$@" --json | jq -r .token >"$tmp/$1.token" && chmod 600 "$tmp/$1.token"; }
new_token ci --role push --product thermo
new_token other --role push --product valve
new_token wall --role read
export OTA_TOKEN_FILE=$tmp/ci.token
start_daemon "$ws" || exit 1
remote() { otactl -C "$ci" --server "$daemon_url" push "$@" --product thermo; }
published() { otactl -C "$ws" releases --product thermo --json | jq -c '[.releases[] | [.counter, .version]]'; }
before=$(published)

# ---- checks first ----
run remote "$tmp/build-1.1.0" --dry-run
is push_dry_run "$rc" 0
contains push_dry_run_says_so "$out" 'nothing was published'
ok push_dry_run_needs_no_token env -u OTA_TOKEN_FILE "$OTA_BIN/otactl" -C "$ci" --server "$daemon_url" push "$tmp/build-1.1.0" --product thermo -n
is push_dry_run_publishes_nothing "$(published)" "$before"
printf "two words\n" >"$tmp/no.token" && chmod 600 "$tmp/no.token"
fails push_with_a_file_that_holds_no_token 1 "$tmp/no.token: its first line is no token" otactl -C "$ci" --server "$daemon_url" push "$tmp/build-1.1.0" --product thermo --token-file "$tmp/no.token"
fails push_without_token 2 'needs a token' env -u OTA_TOKEN_FILE "$OTA_BIN/otactl" -C "$ci" --server "$daemon_url" push "$tmp/build-1.1.0" --product thermo
chmod 644 "$tmp/ci.token"
fails push_token_open_to_others 1 'ci.token' remote "$tmp/build-1.1.0"
chmod 600 "$tmp/ci.token"
otactl -C "$ws" device add kitchen --product thermo --json | jq -r .token >"$tmp/board.token" && chmod 600 "$tmp/board.token"
fails push_token_of_a_board 1 'not known' remote "$tmp/build-1.1.0" --token-file "$tmp/board.token"
fails push_token_that_only_reads 1 'has role read' remote "$tmp/build-1.1.0" --token-file "$tmp/wall.token"
fails push_token_of_another_product 1 'for product valve only' remote "$tmp/build-1.1.0" --token-file "$tmp/other.token"
fails push_over_http 2 'no https' otactl -C "$ci" push "$tmp/build-1.1.0" --product thermo --server "http://${daemon_url#https://}"
fails push_local_with_a_remote_option 2 'add --server' otactl -C "$ws" push "$tmp/build-1.1.0" --product thermo --root "$ws/keys/root.json"
fails push_other_verbs_know_no_server 2 'unknown option' otactl --server "$daemon_url" releases

# ---- roots, CAs and keys that are others' ----
otactl init "$tmp/others" --product thermo --chip $chip >/dev/null
fails push_by_another_root 1 'is that the root of this server' remote "$tmp/build-1.1.0" --root "$tmp/others/keys/root.json"
fails push_by_another_ca 1 'certificate' remote "$tmp/build-1.1.0" --ca "$tmp/others/keys/ca.crt"
fails push_by_another_key 1 'role thermo needs 1 signature' remote "$tmp/build-1.1.0" --key "$tmp/others/keys/thermo.pem"
mv "$ci/keys/root.json" "$tmp/root.json"
fails push_without_a_root 1 'root.json is missing' remote "$tmp/build-1.1.0"
ok push_with_the_root_named remote "$tmp/build-1.1.0" -n --root "$tmp/root.json"
mv "$tmp/root.json" "$ci/keys/root.json"
is push_refused_publishes_nothing "$(published)" "$before"

# ---- the first ----
run remote "$tmp/build-1.1.0" --json
is push_remote "$rc" 0
[ "$rc" = 0 ] || tap_explain "$err"
pushed=$out
is push_remote_json "$(jq -c '[.product, .counter, .version, .published, .sent_files]' <<<"$out")" '["thermo",2,"1.1.0",true,3]'
is push_remote_is_published "$(published)" '[[1,"1.0.0"],[2,"1.1.0"]]'
ok push_remote_repository_is_sound otactl -C "$ws" verify "$daemon_url"

# ---- the zlib form over HTTPS ----
step=$(jq -c '.steps[0]' <<<"$pushed")
get() { curl -fsS --cacert "$ws/keys/ca.crt" -o "$1" "$daemon_url/targets/img/thermo/2/$2"; }
is push_lists_the_zlib_form "$(otactl -C "$ws" releases --json | jq -c '.releases[] | select(.counter == 2).steps[0].z')" "$(jq -c .z <<<"$step")"
ok push_serves_the_plain_image get "$tmp/app" "$(jq -r .sha256 <<<"$step").app.bin"
ok push_serves_the_zlib_form get "$tmp/app.z" "$(jq -r .z.sha256 <<<"$step").app.bin.z"
is push_zlib_form_has_the_signed_digest "$(sha256sum <"$tmp/app.z") $(stat -c %s "$tmp/app.z")" "$(jq -r '.z | "\(.sha256)  - \(.length)"' <<<"$step")"
ok push_zlib_form_inflates_in_the_window_of_a_board python3 -c '
import sys, zlib
packed, plain = (open(name, "rb").read() for name in sys.argv[1:3])
z = zlib.decompressobj(wbits=12)
assert z.decompress(packed) == plain and z.eof and not z.unused_data' "$tmp/app.z" "$tmp/app"
is push_leaves_no_files_behind "$(find "$ws/state/uploads" -type f -name '[0-9a-f]*' | wc -l)" 0
ok push_names_the_token_in_the_log grep -q 'token ci pushed thermo release 2' "$tmp/daemon.log"

# ---- only what is missing ----
run remote "$tmp/build-1.1.0" --version 1.1.1 --json
is push_same_image_sends_the_notes_only "$(jq -c '[.counter, .sent_files]' <<<"$out")" '[3,1]'
ok push_same_image_is_sound otactl -C "$ws" verify "$daemon_url"
contains push_tells_what_was_sent "$(remote "$tmp/build-1.1.0" --version 1.1.2)" 'it had the others'

# ---- cut off and resumed ----
port=${daemon_url##*:} url=$daemon_url
otadevice sample "$tmp/build-1.2.0" --chip $chip --version 1.2.0 --size 900000 >/dev/null || skip_all 'otadevice sample failed'
start_proxy() { # LIMIT cut|hang
    : >"$tmp/proxy.out"
    python3 tests/net/cut_proxy.py "$port" "$1" "$2" >"$tmp/proxy.out" 2>"$tmp/proxy.err" </dev/null &
    proxy_pid=$!
    for _ in $(seq 200); do [ -s "$tmp/proxy.out" ] && break; sleep 0.05; done
    proxy_url=https://localhost:$(head -1 "$tmp/proxy.out")
}
stop_proxy() { kill "$proxy_pid"; wait "$proxy_pid" 2>/dev/null; }
until_reached() { for _ in $(seq 400); do grep -q reached "$tmp/proxy.out" && return; sleep 0.05; done; tap_explain 'the proxy saw too little'; return 1; }
via_proxy() { exec "$OTA_BIN/otactl" -C "$ci" --server "$proxy_url" push "$@" --product thermo --json >"$tmp/cut.out" 2>"$tmp/cut.err"; }

start_proxy 700000 hang
via_proxy "$tmp/build-1.2.0" --no-compress & client=$!
until_reached
kill -9 "$client"
wait "$client" 2>/dev/null
stop_proxy
is push_killed_publishes_nothing "$(published | jq -c '.[-1]')" '[4,"1.1.2"]'
run remote "$tmp/build-1.2.0" --no-compress --json
[ "$rc" = 0 ] || tap_explain "$err"
is push_killed_goes_on_when_run_again "$rc $(jq -c '[.counter, .version]' <<<"$out")" '0 [5,"1.2.0"]'
ok push_killed_sends_only_the_rest test "$(jq .sent_bytes <<<"$out")" -lt 420000

otadevice sample "$tmp/build-1.3.0" --chip $chip --version 1.3.0 --size 900000 >/dev/null
start_proxy 700000 cut
via_proxy "$tmp/build-1.3.0" & client=$!
until_reached
kill -9 "$daemon_pid"
wait "$daemon_pid" 2>/dev/null
daemon_listen=127.0.0.1:$port start_daemon "$ws" --url "$url" || exit 1
wait "$client"
is push_outlives_the_death_of_the_server "$? $(jq -c '[.counter, .version, .published]' "$tmp/cut.out")" '0 [6,"1.3.0",true]'
stop_proxy
ok push_resumed_is_sound otactl -C "$ws" verify "$daemon_url"

# ---- two at once ----
for v in 2.0.1 2.0.2 2.0.3; do
    otadevice sample "$tmp/build-$v" --chip $chip --version $v >/dev/null
    remote "$tmp/build-$v" --json >"$tmp/two.$v" 2>&1 &
    two[${v##*.}]=$!
done
for i in 1 2 3; do wait "${two[$i]}" || tap_explain "$(cat "$tmp/two.2.0.$i")"; done
is push_at_once_each_has_a_number "$(cat "$tmp"/two.* | jq -s -c '[.[].counter] | sort')" '[7,8,9]'

# ---- encrypted key, kept elsewhere ----
printf 'correct horse battery\n' >"$tmp/passphrase" && chmod 600 "$tmp/passphrase"
openssl pkcs8 -topk8 -in "$ci/keys/thermo.pem" -scrypt -passout "file:$tmp/passphrase" -out "$tmp/thermo.enc.pem" && chmod 600 "$tmp/thermo.enc.pem"
mv "$ci/keys/thermo.pem" "$tmp/thermo.pem"
fails push_without_a_key 1 'role thermo needs 1 signature' remote "$tmp/build-1.1.0" --version 3.0.0
fails push_encrypted_key_without_passphrase 1 'passphrase' remote "$tmp/build-1.1.0" --version 3.0.0 --key "$tmp/thermo.enc.pem"
ok push_encrypted_key remote "$tmp/build-1.1.0" --version 3.0.0 --key "$tmp/thermo.enc.pem" --passphrase-file "$tmp/passphrase"
is push_encrypted_key_is_published "$(published | jq -c '.[-1]')" '[10,"3.0.0"]'

# ---- a board takes it ----
new_board --product thermo || tap_explain "$(cat "$tmp/create.out")"
otadevice sample "$tmp/build-4.0.0" --chip $chip --version 4.0.0 >/dev/null
ok push_offers remote "$tmp/build-4.0.0" --channel stable --key "$tmp/thermo.pem"
otadevice run --flash "$board" --once >"$tmp/run.out" 2>&1
is push_reaches_a_board "$(running_version)" 4.0.0

# ---- a push here and one from there ----
cp "$tmp/thermo.pem" "$ws/keys/thermo.pem"
remote "$tmp/build-1.1.0" --version 5.0.1 --key "$tmp/thermo.pem" >"$tmp/there" 2>&1 & there=$!
otactl -C "$ws" push "$tmp/build-1.1.0" --product thermo --version 5.0.2 >"$tmp/here" 2>&1
is push_here_meanwhile "$?" 0
wait "$there"
is push_there_meanwhile "$?" 0
is push_here_and_there_have_a_number_each "$(cat "$tmp/here" "$tmp/there" | grep -o 'release [0-9]*' | sort | xargs)" 'release 12 release 13'

# ---- the token ends ----
otactl -C "$ws" token revoke ci >/dev/null
fails push_with_a_revoked_token 1 'was revoked' remote "$tmp/build-1.2.0" --version 6.0.0 --key "$tmp/thermo.pem"
ok push_token_is_not_logged bash -c "! grep -qF '$(cat "$tmp/ci.token")' '$tmp/daemon.log' '$ws'/state/fleet.db*"
done_testing
