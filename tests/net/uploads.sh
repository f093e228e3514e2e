#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The API that releases are uploaded through, by hand: who may, what is bounded, what a broken or hostile client leaves.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh

ws=$tmp/ws
otactl init "$ws" --product thermo --chip esp32c3 --product valve --chip esp32c3 --url https://localhost:8443 >/dev/null || skip_all 'otactl init failed'
token() { otactl -C "$ws" token create "$@" --json | jq -r .token; }
push=$(token ci --role push --product thermo) other=$(token other --role push --product valve) any=$(token any --role push)
read=$(token wall --role read) gone=$(token gone --role push) board=$(otactl -C "$ws" device add kitchen --product thermo --json | jq -r .token)
otactl -C "$ws" token revoke gone >/dev/null
start_daemon "$ws" --access-log "$tmp/access.log" || exit 1
api=$daemon_url/api/v1/releases

# call METHOD PATH TOKEN [curl option...]: status; body in $tmp/answer, head in $tmp/h
call() {
    method=$1 path=$2 bearer=$3
    shift 3
    curl -s --cacert "$ws/keys/ca.crt" --max-time 30 -o "$tmp/answer" -D "$tmp/h" -w '%{http_code}' -X "$method" \
        ${bearer:+-H "Authorization: Bearer $bearer"} "$@" "$api$path"
}
post() { call POST "$1" "$2" -H 'Content-Type: application/json' --data-binary "$3"; }
answer() { jq -r "$1" "$tmp/answer"; }
head -c 600000 /dev/urandom >"$tmp/file"
sha=$(sha256sum <"$tmp/file" | cut -d' ' -f1)
wanted() { # product sha length
    printf '{"product":"%s","files":[{"sha256":"%s","length":%s}]}' "$1" "$2" "$3"
}
put() { # id sha first last length [curl option...]: that range of $tmp/file
    dd if="$tmp/file" bs=1 skip="$3" count=$(($4 - $3 + 1)) iflag=skip_bytes,count_bytes bs=65536 2>/dev/null >"$tmp/part"
    id=$1 digest=$2 range="bytes $3-$4/$5"
    shift 5
    call PUT "/$id/files/$digest" "${as:-$push}" -H "Content-Range: $range" --data-binary "@$tmp/part" "$@"
}

# ---- who may ----
is uploads_without_token "$(post '' '' "$(wanted thermo "$sha" 600000)")" 401
contains uploads_401_asks_for_bearer "$(cat "$tmp/h")" 'WWW-Authenticate: Bearer'
is uploads_with_a_boards_token "$(post '' "$board" "$(wanted thermo "$sha" 600000)")" 401
is uploads_with_a_revoked_token "$(post '' "$gone" "$(wanted thermo "$sha" 600000)")" 401
contains uploads_revoked_is_told "$(answer .detail)" 'revoked'
is uploads_with_a_token_that_only_reads "$(post '' "$read" "$(wanted thermo "$sha" 600000)")" 403
contains uploads_role_is_named "$(answer .detail)" 'role read'
is uploads_with_a_token_of_another_product "$(post '' "$other" "$(wanted thermo "$sha" 600000)")" 403
is uploads_of_a_product_nobody_has "$(post '' "$any" "$(wanted boiler "$sha" 600000)")" 422
is uploads_of_a_role "$(post '' "$any" "$(wanted rollout "$sha" 600000)")" 400
is uploads_list_is_read "$(call GET '' "$read") $(answer '.releases | length')" '200 0'
is uploads_list_without_token "$(call GET '' '')" 401
is uploads_refused_leave_nothing "$(ls "$ws/state/uploads" 2>/dev/null)" ''

# ---- what is announced ----
is uploads_no_json "$(post '' "$push" '{')" 400
is uploads_no_object "$(post '' "$push" '[]')" 400
is uploads_double_key "$(post '' "$push" '{"product":"thermo","product":"valve","files":[]}')" 400
is uploads_other_type "$(call POST '' "$push" -H 'Content-Type: text/plain' --data-binary "$(wanted thermo "$sha" 600000)")" 415
is uploads_no_file "$(post '' "$push" '{"product":"thermo","files":[]}')" 400
is uploads_bad_digest "$(post '' "$push" "$(wanted thermo ../../../../etc/passwd 10)")" 400
is uploads_upper_case_digest "$(post '' "$push" "$(wanted thermo "${sha^^}" 10)")" 400
is uploads_empty_file "$(post '' "$push" "$(wanted thermo "$sha" 0)")" 400
is uploads_negative_length "$(post '' "$push" "$(wanted thermo "$sha" -1)")" 400
is uploads_broken_length "$(post '' "$push" "$(wanted thermo "$sha" 1.5)")" 400
is uploads_huge_file "$(post '' "$push" "$(wanted thermo "$sha" 99999999999)")" 400
is uploads_many_files "$(post '' "$push" "{\"product\":\"thermo\",\"files\":[$(for i in $(seq 10 27); do printf '{"sha256":"%064d","length":1},' "$i"; done | sed 's/,$//')]}")" 413
is uploads_over_the_cap_together "$(post '' "$push" "{\"product\":\"thermo\",\"files\":[$(for i in 1 2 3 4 5; do printf '{"sha256":"%064d","length":67108864},' "$i"; done | sed 's/,$//')]}")" 413
head -c 16385 /dev/zero | tr '\0' ' ' >"$tmp/16385"
is uploads_body_too_large "$(post '' "$push" "@$tmp/16385")" 413

# ---- begin, resume ----
is uploads_begin "$(post '' "$push" "$(wanted thermo "$sha" 600000)")" 201
id=$(answer .id)
is uploads_begin_says_what_is_missing "$(answer '"\(.state) \(.product) \(.missing | join(" ")) \(.files[0].have)"')" "open thermo $sha 0"
contains uploads_begin_says_where "$(cat "$tmp/h")" "Location: /api/v1/releases/$id"
is uploads_begin_again_is_the_same "$(post '' "$push" "$(wanted thermo "$sha" 600000)") $(answer .id)" "200 $id"
is uploads_of_another_token_is_another "$(post '' "$any" "$(wanted thermo "$sha" 600000)") $([ "$(answer .id)" = "$id" ] || echo other)" '201 other'
is uploads_foreign_id_is_hidden "$(call GET "/$id" "$any")" 404
is uploads_unknown_id "$(call GET "/$(printf '%032d' 7)" "$push")" 404
is uploads_traversing_id "$(call GET '/..%2F..%2Fkeys' "$push" --path-as-is)" 400
is uploads_odd_id "$(call GET "/${id}0" "$push")" 404
is uploads_foreign_put "$(as=$any put "$id" "$sha" 0 9 600000)" 404
is uploads_put_without_token "$(call PUT "/$id/files/$sha" '' -H 'Content-Range: bytes 0-9/600000' --data-binary 0123456789)" 401
is uploads_put_without_range "$(call PUT "/$id/files/$sha" "$push" --data-binary 0123456789)" 400
is uploads_put_range_and_length_differ "$(call PUT "/$id/files/$sha" "$push" -H 'Content-Range: bytes 0-10/600000' --data-binary 0123456789)" 400
is uploads_put_chunked "$(put "$id" "$sha" 0 9 600000 -H 'Transfer-Encoding: chunked')" 400
is uploads_put_backward_range "$(call PUT "/$id/files/$sha" "$push" -H 'Content-Range: bytes 9-0/600000' --data-binary 0123456789)" 400
is uploads_put_unwanted_file "$(put "$id" "$(printf '%064d' 1)" 0 9 600000)" 404
is uploads_put_other_length "$(put "$id" "$sha" 0 9 600001)" 409
is uploads_put_past_the_end "$(call PUT "/$id/files/$sha" "$push" -H 'Content-Range: bytes 599999-600008/600000' --data-binary 0123456789)" 409
is uploads_put_not_where_it_ends "$(put "$id" "$sha" 100 199 600000)" 409
is uploads_put_by_post "$(call POST "/$id/files/$sha" "$push" --data-binary x)" 405
is uploads_nothing_arrived_yet "$(call GET "/$id" "$push") $(answer '.files[0].have')" '200 0'
is uploads_put_first_part "$(put "$id" "$sha" 0 99999 600000)" 204
is uploads_put_it_again "$(put "$id" "$sha" 0 99999 600000)" 409
# A sender that dies in the middle of a part: what arrived stays.
(printf 'PUT /api/v1/releases/%s/files/%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Range: bytes 100000-299999/600000\r\nContent-Length: 200000\r\n\r\n' "$id" "$sha" "$push"
    dd if="$tmp/file" iflag=skip_bytes,count_bytes skip=100000 count=50000 bs=65536 2>/dev/null; sleep 1) |
    timeout 5 openssl s_client -quiet -connect "${daemon_url#https://}" -CAfile "$ws/keys/ca.crt" >/dev/null 2>&1
for _ in $(seq 50); do call GET "/$id" "$push" >/dev/null; have=$(answer '.files[0].have'); [ "$have" -gt 100000 ] && break; sleep 0.1; done
ok uploads_of_a_dead_sender_stay test "$have" -gt 100000 -a "$have" -le 150000

# ---- one writer at a time ----
begin_part() { # first last: announces that part on a connection of its own and sends nothing of it; $sender
    python3 -c 'import socket, ssl, sys, time
host, port = sys.argv[1].rsplit(":", 1)
s = ssl.create_default_context(cafile=sys.argv[2]).wrap_socket(socket.create_connection((host, int(port))), server_hostname=host)
s.sendall(sys.argv[3].encode().decode("unicode_escape").encode())
time.sleep(60)' "${daemon_url#https://}" "$ws/keys/ca.crt" \
        "PUT /api/v1/releases/$id/files/$sha HTTP/1.1\\r\\nHost: x\\r\\nAuthorization: Bearer $push\\r\\nContent-Range: bytes $1-$2/600000\\r\\nContent-Length: $(($2 - $1 + 1))\\r\\n\\r\\n" &
    sender=$!
}
begin_part "$have" 299999
for _ in $(seq 100); do rc=$(put "$id" "$sha" 0 9 600000); [ "$rc" = 503 ] && break; sleep 0.1; done
is uploads_second_writer_is_kept_out "$rc" 503
contains uploads_second_writer_is_told "$(answer .detail)" 'by somebody else'
kill "$sender"
wait "$sender" 2>/dev/null
for _ in $(seq 100); do rc=$(put "$id" "$sha" "$have" 299999 600000); [ "$rc" = 204 ] && break; sleep 0.1; done
is uploads_next_writer_goes_on "$rc" 204

# A sender that dies within a TLS record, after the server has seen a part of it: noticed at once.
python3 - "${daemon_url#https://}" "$ws/keys/ca.crt" "$id" "$sha" "$push" <<'PY'
import socket, ssl, sys, time
host, port = sys.argv[1].rsplit(":", 1)
raw = socket.create_connection((host, int(port)))
inside, outside = ssl.MemoryBIO(), ssl.MemoryBIO()
tls = ssl.create_default_context(cafile=sys.argv[2]).wrap_bio(inside, outside, server_hostname=host)
while True:
    try:
        tls.do_handshake()
        break
    except ssl.SSLWantReadError:
        raw.sendall(outside.read())
        inside.write(raw.recv(65536))
tls.write(("PUT /api/v1/releases/%s/files/%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
           "Content-Range: bytes 300000-599999/600000\r\nContent-Length: 300000\r\n\r\n" % tuple(sys.argv[3:])).encode())
raw.sendall(outside.read())
time.sleep(0.5)
tls.write(b"x" * 16000)
raw.sendall(outside.read()[:9000])
raw.close()
PY
for _ in $(seq 30); do rc=$(put "$id" "$sha" 0 9 600000); [ "$rc" = 503 ] || break; sleep 0.1; done
is uploads_a_sender_dead_within_a_record_is_noticed "$rc" 409

# ---- a restart, kill -9 ----
kill -9 "$daemon_pid"
wait "$daemon_pid" 2>/dev/null
start_daemon "$ws" --access-log "$tmp/access.log" || exit 1
api=$daemon_url/api/v1/releases
is uploads_survive_kill_9 "$(post '' "$push" "$(wanted thermo "$sha" 600000)") $(answer '"\(.id) \(.files[0].have)"')" "200 $id 300000"
is uploads_last_part "$(put "$id" "$sha" 300000 599999 600000)" 204
is uploads_whole_file_is_there "$(call GET "/$id" "$push") $(answer '.missing | length') $(sha256sum <"$ws/state/uploads/$id/$sha" | cut -d' ' -f1)" "200 0 $sha"
is uploads_whole_file_again "$(put "$id" "$sha" 300000 599999 600000)" 409

# ---- wrong bytes ----
wrong=$(printf 'other' | sha256sum | cut -d' ' -f1)
is uploads_begin_wrong "$(post '' "$push" "$(wanted thermo "$wrong" 1000)")" 201
bad=$(answer .id)
is uploads_wrong_digest "$(put "$bad" "$wrong" 0 999 1000)" 422
contains uploads_wrong_digest_is_named "$(answer .type)" 'problem:hash'
is uploads_wrong_digest_begins_anew "$(call GET "/$bad" "$push") $(answer '.files[0].have')" '200 0'

# ---- publishing without a key ----
role=$(jq -Rs . <"$(find "$ws"/state/repo/metadata -name '*.thermo.json' | sort -V | tail -1)")
publish() { post "/$id/publish" "${as:-$push}" "$1"; }
is uploads_publish_without_role "$(publish '{}')" 400
is uploads_publish_odd_channel "$(publish '{"role":"x","channel":"../x"}')" 400
is uploads_publish_odd_share "$(publish '{"role":"x","permille":1001}')" 400
ok uploads_publish_no_metadata test "$(publish '{"role":"x"}')" = 400 -o "$(publish '{"role":"x"}')" = 422
is uploads_publish_what_is_published "$(publish "{\"role\":$role}")" 409
forged=$(jq -c '.signed.version = 99' <<<"$(jq -r . <<<"$role")" | jq -Rs .)
is uploads_publish_a_forged_role "$(publish "{\"role\":$forged}") $(answer .type)" '422 urn:otaserve:problem:signature'
is uploads_publish_the_role_of_another_product "$(publish "{\"role\":$(jq -Rs . <"$(find "$ws"/state/repo/metadata -name '*.valve.json' | tail -1)")}")" 422
is uploads_publish_foreign_upload "$(as=$any publish "{\"role\":$role}")" 404
is uploads_publish_with_a_token_that_only_reads "$(as=$read publish "{\"role\":$role}")" 403
is uploads_publish_refused_hands_nothing_over "$(ls -A "$ws/state/incoming" 2>/dev/null)" ''
is uploads_publish_refused_stays_open "$(call GET "/$id" "$push") $(answer .state)" '200 open'
otactl -C "$ws" token revoke ci >/dev/null
is uploads_token_revoked_in_between "$(call GET "/$id" "$push")" 401

# ---- quota ----
for i in 1 2 3 4 5; do last=$(post '' "$other" "$(wanted valve "$(printf '%064d' "$i")" 1000)"); done
is uploads_too_many_at_once "$last" 503
contains uploads_too_many_is_told "$(answer .detail)" 'under way'
touch -d '20 minutes ago' "$ws"/state/uploads/*/wanted
is uploads_an_old_one_gives_way "$(post '' "$other" "$(wanted valve "$(printf '%064d' 6)" 1000)")" 201

# ---- the server is stopped while a sender goes on, over a connection it has ----
last=$(cd "$ws/state/uploads" && ls | head -1)
python3 - "${daemon_url##*:}" "$ws/keys/ca.crt" "$daemon_pid" "/api/v1/releases/$last/files/$sha" >"$tmp/stopped" <<'EOF'
import http.client, os, signal, ssl, sys, time
port, ca, daemon, path = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
tls = ssl.create_default_context(cafile=ca)
busy, sender = (http.client.HTTPSConnection("localhost", port, context=tls, timeout=20) for _ in range(2))
sender.request("GET", "/")
sender.getresponse().read()
busy.putrequest("POST", "/api/v1/releases")
busy.putheader("Content-Length", "9")
busy.endheaders()
time.sleep(0.5)
os.kill(daemon, signal.SIGTERM)
time.sleep(0.5)
sender.putrequest("PUT", path)
sender.putheader("Content-Range", "bytes 0-19999/20000")
sender.putheader("Content-Length", "20000")
sender.endheaders()
print(sender.getresponse().status)
EOF
is uploads_while_stopping_may_be_tried_again "$(cat "$tmp/stopped")" 503
stop_daemon
is uploads_are_private "$(stat -c %a "$ws/state/uploads")" 700
ok uploads_token_is_not_logged bash -c "! grep -qE '$push|$any' '$tmp/access.log' '$tmp/daemon.log'"
done_testing
