#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Reports by client certificate: whose counts, whose does not, and what an otherwise good connection may still do with one that does not.
. "$OTA_TOP/tests/tap.sh"
. "$OTA_TOP/tests/net/board.sh"

make_fleet esp32c3 || skip_all 'no workspace'
printf 'id\nline-1\nline-2\nline-3\n' >"$tmp/boards.csv"
provision() { otactl -C "$ws" provision "$tmp/build-1.0.0" --csv "$tmp/boards.csv" --client-cert --parts --url "$daemon_url" -o "$tmp/boards" "$@"; }
start_daemon "$ws" --access-log "$tmp/access.log" || exit 1
ok certificate_boards_are_made provision
value() { otactl nvs show "$1" --values --json | jq -r --arg key "$2" '.items[] | select(.key == $key) | .value'; }
unpack() { # id, as
    value "$tmp/boards/$1.ota_id.bin" crt | xxd -r -p >"$tmp/$2.crt" && value "$tmp/boards/$1.ota_id.bin" key | xxd -r -p >"$tmp/$2.key"
}
for id in line-1 line-2 line-3; do unpack $id $id; done
token=$(value "$tmp/boards/line-1.ota_id.bin" token)

new_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$tmp/$1.key" 2>/dev/null; }
# A certificate NAME for the id CN, signed by CA ("" for the workspace's) with $purpose; the rest goes to openssl x509.
issue() { # name, CN, CA
    crt=${3:+$tmp/$3.crt} key=${3:+$tmp/$3.key}
    [ -s "$tmp/$1.key" ] || new_key "$1"
    openssl req -new -key "$tmp/$1.key" -subj "/CN=$2" -out "$tmp/csr" 2>/dev/null
    printf 'basicConstraints=critical,CA:FALSE\nextendedKeyUsage=%s\n%s\n' "${purpose:-clientAuth}" "${more:-}" >"$tmp/ext"
    $as_if openssl x509 -req -in "$tmp/csr" -CA "${crt:-$ws/keys/ca.crt}" -CAkey "${key:-$ws/keys/tls-ca.pem}" -set_serial 0x$((RANDOM + 16)) \
        -days "${days:-30}" -extfile "$tmp/ext" -out "$tmp/$1.crt" 2>/dev/null
}
as_if=
report() { # number
    echo "{\"product\":\"thermo\",\"stream\":\"0011223344556677\",\"number\":$1,\"version\":\"1.0.$1\"}"
}
# From one of many addresses: how many may be refused is limited by address.
echo 0 >"$tmp/number"
with() { # certificate or -, then curl's
    if [ "$1" != - ]; then set -- --cert "$tmp/$1.crt" --key "$tmp/$1.key" "${@:2}"; else shift; fi
    curl -s --cacert "$ws/keys/ca.crt" --max-time 20 --interface "127.0.0.$((RANDOM % 250 + 2))" "$@"
}
post() { # certificate, id, curl's...
    crt=$1 id=$2
    shift 2
    number=$(($(cat "$tmp/number") + 1))
    echo $number >"$tmp/number"
    with "$crt" -o "$tmp/answer" -w '%{http_code}' -H "Content-Type: ${type:-application/json}" -d "$(report $number)" "$@" "$daemon_url/api/v1/devices/$id/reports"
}
said() { jq -r .detail "$tmp/answer"; }
fetch() { with "$1" -o /dev/null -w '%{http_code}' "${@:2}" "$daemon_url/metadata/timestamp.json"; }
refused() { # name, certificate, words
    is "certificate_$1_is_refused" "$(post "$2" line-1)" 401
    contains "certificate_$1_is_named" "$(said)" "$3"
    is "certificate_$1_fetches_all_the_same" "$(fetch "$2")" 200
}
shown() { otactl -C "$ws" fleet list --json | jq -r --arg id "$1" '.devices[] | select(.id == $id) | .version'; }

# ---- the board's own ----
is certificate_is_enough "$(post line-1 line-1) $(shown line-1)" "204 1.0.1"
is certificate_is_enough_in_tls_1_2 "$(post line-1 line-1 --tls-max 1.2) $(shown line-1)" "204 1.0.2"
is certificate_no_json_is_no_report "$(type=text/plain post line-1 line-1)" 415
is certificate_broken_json_is_no_report "$(with line-1 -o "$tmp/answer" -w '%{http_code}' -H 'Content-Type: application/json' -d '{"product":' "$daemon_url/api/v1/devices/line-1/reports")" 400
head -c 16385 /dev/zero | tr '\0' ' ' >"$tmp/16385"
is certificate_too_long_is_no_report "$(with line-1 -o "$tmp/answer" -w '%{http_code}' -H 'Content-Type: application/json' --data-binary "@$tmp/16385" "$daemon_url/api/v1/devices/line-1/reports")" 413
same=(--cacert "$ws/keys/ca.crt" --cert "$tmp/line-1.crt" --key "$tmp/line-1.key" -s -o /dev/null -w '%{http_code} %{num_connects};')
is certificate_holds_for_the_connection "$(curl "${same[@]}" "$daemon_url/metadata/timestamp.json" \
    --next "${same[@]}" -H 'Content-Type: application/json' -d "$(report 90)" "$daemon_url/api/v1/devices/line-1/reports" \
    --next "${same[@]}" "$daemon_url/healthz" \
    --next "${same[@]}" -H 'Content-Type: application/json' -d "$(report 91)" "$daemon_url/api/v1/devices/line-1/reports" \
    --next "${same[@]}" -H 'Content-Type: application/json' -d "$(report 92)" "$daemon_url/api/v1/devices/line-2/reports")" '200 1;204 0;200 0;204 0;401 0;'
is certificate_shown_was_the_last_report "$(shown line-1)" 1.0.91
echo 100 >"$tmp/number"

# ---- with a token ----
is certificate_none_and_no_token "$(post - line-1)" 401
is certificate_none_is_asked_for "$(said)" "this board's token or client certificate is needed"
is certificate_none_but_the_token "$(post - line-1 -H "Authorization: Bearer $token")" 204
is certificate_and_token "$(post line-1 line-1 -H "Authorization: Bearer $token")" 204
is certificate_saves_no_wrong_token "$(post line-1 line-1 -H "Authorization: Bearer ${token}x")" 401
is certificate_saves_no_empty_token "$(post line-1 line-1 -H "Authorization: Bearer ")" 401
for header in Bearer "Bearer$(printf '\t')$token" "Bearer$token" "Basic $token" "$token"; do
    is certificate_saves_no_malformed_header "$(post line-1 line-1 -H "Authorization: $header") $(said)" '401 the Authorization header is not "Bearer TOKEN"'
done
is certificate_of_another_spoils_no_token "$(post line-2 line-1 -H "Authorization: Bearer $token")" 204

# ---- others ----
refused of_another_board line-2 "another board's"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj '/CN=other CA' -keyout "$tmp/other.key" -out "$tmp/other.crt" 2>/dev/null
issue foreign line-1 other
refused of_another_ca foreign "not of this server's CA"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=$(openssl x509 -in "$ws/keys/ca.crt" -noout -subject -nameopt multiline | sed -n 's/.*commonName *= //p')" -keyout "$tmp/twin.key" -out "$tmp/twin.crt" 2>/dev/null
issue forged line-1 twin
refused of_a_ca_of_the_same_name forged "not of this server's CA"
issue below line-1 line-2
cat "$tmp/line-2.crt" >>"$tmp/below.crt"
refused by_a_board below "not of this server's CA"
openssl req -x509 -key "$tmp/line-1.key" -days 30 -subj /CN=line-1 -out "$tmp/self.crt" 2>/dev/null && cp "$tmp/line-1.key" "$tmp/self.key"
refused by_itself self "not of this server's CA"
purpose=serverAuth issue server line-1
refused of_a_server server 'not one for clients'
cp "$tmp/line-1.key" "$tmp/critical.key" && more=1.3.6.1.4.1.55555.1=critical,ASN1:NULL issue critical line-1
refused with_an_unknown_extension critical 'has a critical extension'
if command -v faketime >/dev/null; then
    cp "$tmp/line-1.key" "$tmp/old.key" && as_if='faketime 2024-02-01' days=30 issue old line-1
    refused expired old 'has expired'
    cp "$tmp/line-1.key" "$tmp/early.key" && as_if='faketime 2089-02-01' issue early line-1
    refused not_yet_valid early 'not valid yet'
else
    skip certificate_expired_is_refused 'no faketime'
fi
issue nobody 'line 1'
refused without_an_id nobody 'cannot be the id'
issue twice 'line-1/CN=line-2'
refused with_two_ids twice 'cannot be the id'
issue stranger line-9
is certificate_of_an_unknown_board "$(post stranger line-9)" 202
is certificate_of_an_unknown_board_is_in_quarantine "$(otactl -C "$ws" device list --json | jq -c '.devices[] | select(.id == "line-9") | .quarantine')" true

# ---- its key ----
issue rogue line-1
refused of_another_key rogue 'not one that counts for this board'
# Whoever may sign certificates of any kind by this CA is none of the boards that were given a token only.
issue plain plain
is certificate_of_a_board_added_by_hand_is_none "$(otactl -C "$ws" device add plain --json | jq -r .certificates) $(post plain plain) $(said)" "none 401 this client certificate is not one that counts for this board"
ok certificate_bench_takes_any otactl -C "$ws" device add bench --any-cert
contains certificate_any_is_said "$out" 'every certificate of keys/ca.crt whose common name is bench counts'
is certificate_of_a_board_that_takes_any "$(issue bench bench && post bench bench)" 204
issue one one
ok certificate_is_named_by_hand otactl -C "$ws" device add one --crt "$tmp/one.crt"
cp "$tmp/one.key" "$tmp/renewed.key" && issue renewed one && issue twin-one one
is certificate_that_was_named "$(post one one)" 204
is certificate_renewed_with_its_key "$(post renewed one)" 204
is certificate_unlike_the_named "$(post twin-one one)" 401
fails certificate_named_is_one 1 'holds a private key' otactl -C "$ws" device add two --crt "$tmp/one.key"
fails certificate_named_is_of_the_board 1 "one.crt: its common name is not two" otactl -C "$ws" device add two --crt "$tmp/one.crt"
fails certificate_named_or_any 2 'contradict each other' otactl -C "$ws" device add two --crt "$tmp/one.crt" --any-cert
identity() { otactl -C "$ws" nvs identity --url "$daemon_url" "$@"; }
issue by-nvs by-nvs
ok certificate_of_an_identity identity --id by-nvs --crt "$tmp/by-nvs.crt" --key "$tmp/by-nvs.key" -o "$tmp/by-nvs.bin"
is certificate_of_an_identity_counts "$(post by-nvs by-nvs)" 204
(umask 077 && otactl -C "$ws" device add known --json | jq -r .token >"$tmp/known.token")
issue known known
is certificate_of_a_known_board_is_not_known "$(post known known)" 401
ok certificate_of_a_known_identity identity --id known --token-file "$tmp/known.token" --crt "$tmp/known.crt" --key "$tmp/known.key" -o "$tmp/known.bin"
fails certificate_of_a_known_identity_is_not_written_twice 1 'exists already' identity --id known --token-file "$tmp/known.token" --crt "$tmp/one.crt" --key "$tmp/one.key" -o "$tmp/known.bin"
is certificate_of_a_known_identity_counts "$(post known known) $(post - known -H "Authorization: Bearer $(cat "$tmp/known.token")")" '204 204'
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$tmp/rsa.key" 2>/dev/null && issue rsa bench
is certificate_of_an_rsa_key "$(post rsa bench)" 204
# The private number is another than that of the certificate: OpenSSL compares the public halves alone.
openssl ec -in "$tmp/line-1.key" -outform DER 2>/dev/null >"$tmp/thief.der"
printf '\377\001\002\003' | dd of="$tmp/thief.der" bs=1 seek=20 conv=notrunc status=none
openssl ec -inform DER -in "$tmp/thief.der" -out "$tmp/thief.key" 2>/dev/null && cp "$tmp/line-1.crt" "$tmp/thief.crt"
is certificate_without_its_key "$(post thief line-1)" 000
is certificate_without_its_key_in_tls_1_2 "$(post thief line-1 --tls-max 1.2)" 000
# What would take long to compute with is not computed with.
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_keygen_pubexp:0x10000000000000000000000000000001d -out "$tmp/slow.key" 2>/dev/null && issue slow bench
is certificate_of_a_large_exponent "$(post slow bench)" 000
is certificate_of_a_large_exponent_in_tls_1_2 "$(post slow bench --tls-max 1.2)" 000
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:4224 -out "$tmp/large.key" 2>/dev/null && issue large bench
is certificate_of_a_large_key "$(post large bench)" 000
cp "$tmp/bench.key" "$tmp/long.key" && for _ in $(seq 12); do cat "$tmp/bench.crt"; done >"$tmp/long.crt"
is certificate_with_a_long_chain "$(post long bench)" 000

# ---- resumed sessions ----
# The ticket remembers the certificate; what it is worth is asked anew.
s_client() { # options; stdin: requests
    timeout 20 openssl s_client -quiet -no_ign_eof -connect "${daemon_url#https://}" -CAfile "$ws/keys/ca.crt" "$@" 2>"$tmp/s_client.err"
}
resumable() { # number
    body=$(report "$1")
    printf 'POST /api/v1/devices/line-3/reports HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s' ${#body} "$body"
    sleep 0.5
}
for v in tls1_3 tls1_2; do
    is "certificate_of_a_new_session_$v" "$(resumable 1 | s_client -$v -cert "$tmp/line-3.crt" -key "$tmp/line-3.key" -sess_out "$tmp/$v" | head -1 | tr -d '\r')" 'HTTP/1.1 204 No Content'
    is "certificate_of_a_resumed_session_$v" "$(resumable 2 | s_client -$v -sess_in "$tmp/$v" | head -1 | tr -d '\r')" 'HTTP/1.1 204 No Content'
done

# ---- revoked, made anew ----
ok certificate_board_is_revoked otactl -C "$ws" device revoke line-3
is certificate_revoking_says_so "$out" 'Revoked line-3: its token and its client certificates are refused.'
is certificate_of_a_revoked_board "$(post line-3 line-3)" 401
is certificate_of_a_revoked_board_is_named "$(said)" 'this board was revoked'
is certificate_token_of_a_revoked_board "$(post - line-3 -H "Authorization: Bearer $(value "$tmp/boards/line-3.ota_id.bin" token)")" 401
is certificate_of_a_revoked_board_resumed "$(resumable 3 | s_client -tls1_3 -sess_in "$tmp/tls1_3" | head -1 | tr -d '\r')" 'HTTP/1.1 401 Unauthorized'
is certificate_revoked_is_listed "$(otactl -C "$ws" device list --json | jq -c '[.devices[] | select(.revoked) | .id]')" '["line-3"]'
contains certificate_revoked_is_in_the_table "$(otactl -C "$ws" device list)" ', revoked'
is certificate_revoked_twice "$(otactl -C "$ws" device revoke line-3 --json | jq -c .)" '{"id":"line-3","revoked":true}'
fails certificate_revoke_unknown 1 'board line-8 is not known' otactl -C "$ws" device revoke line-8
fails certificate_provision_keeps_no_revoked_board 1 'board line-3 was revoked' provision
is certificate_provision_brings_no_revoked_board_back "$(post line-3 line-3)" 401
again=$(otactl -C "$ws" device add line-3 --json | jq -r .token)
is certificate_revoked_id_is_used_again "$(post - line-3 -H "Authorization: Bearer $again")" 204
is certificate_of_the_first_life "$(post line-3 line-3)" 401
contains certificate_of_the_first_life_is_named "$(said)" 'not one that counts for this board'
otactl -C "$ws" device revoke plain >/dev/null
fails certificate_any_of_a_revoked_board 1 'board plain was revoked, and the certificates that it had would count again' otactl -C "$ws" device add plain --any-cert
is certificate_any_of_a_revoked_board_changed_nothing "$(post plain plain) $(otactl -C "$ws" device list --json | jq -c '.devices[] | select(.id == "plain") | .revoked')" '401 true'
fails certificate_id_in_use_is_not 1 'added before' otactl -C "$ws" device add line-3
otactl -C "$ws" device revoke line-2 >/dev/null
fails certificate_provision_ends_no_token_of_others 1 'board line-3 has another token by now' provision --again
sed -i /line-3/d "$tmp/boards.csv"
rm "$tmp/boards/line-2.ota_id.bin"
ok certificate_board_is_made_anew provision --again
cp "$tmp/line-2.crt" "$tmp/lost.crt" && cp "$tmp/line-2.key" "$tmp/lost.key" && unpack line-2 line-2
is certificate_of_a_board_made_anew "$(post line-2 line-2)" 204
is certificate_that_was_lost "$(post lost line-2)" 401

# ---- a board ----
# Flashed with an identity without a token, it reports all the same.
printf 'key,type,encoding,value\nota,namespace,,\n' >"$tmp/id.csv"
otactl nvs show "$tmp/boards/line-1.ota_id.bin" --values --json | jq -r '.items[] | select(.key != "token") |
    if .type == "string" then [.key, "data", "string", .value] else [.key, "data", "hex2bin", .value] end | @csv' >>"$tmp/id.csv"
chmod 600 "$tmp/id.csv"
row=$(otactl table show "$tmp/build-1.0.0/partition_table/partition-table.bin" --json | jq -c '.rows[] | select(.label == "ota_id")')
otactl nvs build "$tmp/id.csv" --size "$(jq .size <<<"$row")" -o "$tmp/id.bin" >/dev/null 2>&1
printf 'id\nwhole\n' >"$tmp/whole.csv"
otactl -C "$ws" provision "$tmp/build-1.0.0" --csv "$tmp/whole.csv" --url "$daemon_url" -o "$tmp/whole" >/dev/null
dd if="$tmp/id.bin" of="$tmp/whole/whole.bin" bs=4096 seek=$(($(jq .offset <<<"$row") / 4096)) conv=notrunc status=none
ok certificate_board_without_a_token otadevice create --from "$tmp/build-1.0.0" --image "$tmp/whole/whole.bin" -o "$board"
is certificate_board_is_shown "$(otadevice show "$board" --json | jq -c '.identity | [.id, .has_token, .has_certificate]')" '["line-1",false,true]'
push_release 2.0.0
ok certificate_board_updates otadevice run --flash "$board" --once
is certificate_board_reported "$(otactl -C "$ws" fleet list --json | jq -c '.devices[] | select(.id == "line-1") | [.version,.result]')" '["2.0.0","installed"]'
otactl -C "$ws" device revoke line-1 >/dev/null
push_release 3.0.0
run otadevice run --flash "$board" --once
is certificate_revoked_board_updates_all_the_same "$(running_version)" 3.0.0
is certificate_revoked_board_reports_no_more "$(shown line-1)" 2.0.0

# ---- a server without a CA ----
reload() { # until a client is asked for a certificate of $1 names
    kill -HUP "$daemon_pid"
    for _ in $(seq 50); do
        [ "$(asked)" = "$1" ] && return
        sleep 0.1
    done
}
asked() { openssl s_client -connect "${daemon_url#https://}" </dev/null 2>/dev/null | grep -c '^Acceptable client certificate CA names'; }
cp "$ws/keys/ca.crt" "$tmp/ca.crt"
with() { # the CA has gone from where it was
    if [ "$1" != - ]; then set -- --cert "$tmp/$1.crt" --key "$tmp/$1.key" "${@:2}"; else shift; fi
    curl -s --cacert "$tmp/ca.crt" --max-time 20 --interface "127.0.0.$((RANDOM % 250 + 2))" "$@"
}
is certificate_is_asked_for "$(asked)" 1
rm "$ws/keys/ca.crt"
reload 0
is certificate_is_not_asked_for_without_a_ca "$(asked)" 0
is certificate_without_a_ca "$(post bench bench) $(said)" "401 this board's token or client certificate is needed"
is certificate_token_without_a_ca "$(post - line-3 -H "Authorization: Bearer $again")" 204
is certificate_ticket_of_a_ca_that_is_gone "$(resumable 4 | s_client -tls1_3 -sess_in "$tmp/tls1_3" -CAfile "$tmp/ca.crt" | tail -1 | jq -r .detail)" \
    "the client certificate is not of this server's CA"
cp "$tmp/other.crt" "$ws/keys/ca.crt"
reload 1
issue other-bench bench other
is certificate_of_a_new_ca "$(post other-bench bench)" 204
is certificate_of_the_old_ca "$(post bench bench)" 401
for _ in $(seq 9); do cat "$tmp/other.crt"; done >"$ws/keys/ca.crt"
reload 0
is certificate_is_not_asked_for_by_a_list_of_cas "$(asked)" 0
contains certificate_list_of_cas_is_in_the_log "$(cat "$tmp/daemon.log")" 'keys/ca.crt holds 9 certificates, and of more than 8 no client is asked for a certificate'
echo 'no PEM' >"$ws/keys/ca.crt"
kill -HUP "$daemon_pid"
for _ in $(seq 50); do grep -q 'keys/ca.crt' "$tmp/daemon.log" && break; sleep 0.1; done
contains certificate_broken_ca_is_not_loaded "$(cat "$tmp/daemon.log")" 'the old one stays: keys/ca.crt'
is certificate_broken_ca_stops_nobody "$(fetch -)" 200
stop_daemon
for _ in $(seq 9); do cat "$tmp/other.crt"; done >"$ws/keys/ca.crt"
start_daemon "$ws" || exit 1
is certificate_list_of_cas_is_in_the_log_at_the_start "$(grep -c 'keys/ca.crt holds 9 certificates' "$tmp/daemon.log")" 1
stop_daemon
echo 'no PEM' >"$ws/keys/ca.crt"
fails certificate_broken_ca_is_named_at_the_start 1 'keys/ca.crt' otaserve -C "$ws" --listen 127.0.0.1:0
ok certificate_keys_are_not_logged bash -c "! grep -q 'PRIVATE KEY' '$tmp/access.log' '$tmp/daemon.log'"
done_testing
