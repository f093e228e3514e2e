#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The running daemon over real TLS: static files, conditional and range requests, refusals, tickets, reload, one per workspace, graceful stop.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh

ws=$tmp/ws
otactl init "$ws" --product thermo --chip esp32c3 --url https://localhost:8443 >/dev/null || skip_all 'otactl init failed'
folder=$ws/state/repo/targets/img/thermo/1
mkdir -p "$folder"
head -c 1500000 /dev/urandom >"$tmp/app.bin"
digest=$(sha256sum <"$tmp/app.bin" | cut -c1-64)
cp "$tmp/app.bin" "$folder/$digest.app.bin"
image=/targets/img/thermo/1/$digest.app.bin
start_daemon "$ws" --access-log "$tmp/access.log" --log-format json || exit 1
address=${daemon_url#https://}
port=${address##*:}

get() { curl -s --cacert "$ws/keys/ca.crt" --max-time 20 "$@"; }
code() { get -o /dev/null -w '%{http_code}' "$@"; }
# Headers of the answer, one "name: value" per line, names in lower case.
headers() { get -D - -o /dev/null "$@" | tr -d '\r' | sed -E 's/^([A-Za-z-]+):/\L\1:/'; }
field() { sed -n "s/^$1: //p" | head -1; }
tls() { timeout 10 openssl s_client -connect "127.0.0.1:$port" -CAfile "$ws/keys/ca.crt" "$@" 2>&1 </dev/null; }

# ---- TLS ----
contains serve_tls_1_3 "$(tls -tls1_3)" 'New, TLSv1.3, Cipher is TLS_AES_128_GCM_SHA256'
contains serve_tls_1_2 "$(tls -tls1_2)" 'New, TLSv1.2, Cipher is ECDHE-ECDSA-AES128-GCM-SHA256'
contains serve_tls_certificate_is_valid "$(tls -verify_hostname localhost)" 'Verify return code: 0 (ok)'
contains serve_tls_1_1_is_refused "$(tls -tls1_1 -cipher DEFAULT@SECLEVEL=0)" 'Cipher is (NONE)'
contains serve_other_group_is_refused "$(tls -groups P-384)" 'handshake failure'
tls -tls1_2 -sess_out "$tmp/session" >/dev/null
contains serve_tls_1_2_resumes "$(tls -tls1_2 -sess_in "$tmp/session")" 'Reused, TLSv1.2'
{ printf 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'; sleep 0.5; } |
    timeout 10 openssl s_client -connect "127.0.0.1:$port" -tls1_3 -ign_eof -sess_out "$tmp/session3" >/dev/null 2>&1
contains serve_tls_1_3_resumes "$(tls -tls1_3 -sess_in "$tmp/session3")" 'Reused, TLSv1.3'
is serve_plain_http_is_not_answered "$(curl -s --max-time 5 -o /dev/null -w '%{http_code}' "http://localhost:$port/")" 000
{ head -c 3000 /dev/urandom >"/dev/tcp/127.0.0.1/$port"; } 2>/dev/null
is serve_garbage_does_not_hurt "$(code "$daemon_url/")" 200

# ---- files ----
get -o "$tmp/got" "$daemon_url$image"
ok serve_image_is_byte_for_byte cmp "$tmp/got" "$tmp/app.bin"
h=$(headers "$daemon_url$image")
is serve_image_length "$(field content-length <<<"$h")" 1500000
is serve_image_etag_is_its_digest "$(field etag <<<"$h")" "\"${digest:0:32}\""
is serve_image_is_immutable "$(field cache-control <<<"$h")" 'public, max-age=31536000, immutable'
is serve_image_type "$(field content-type <<<"$h")" application/octet-stream
is serve_image_is_not_chunked "$(field transfer-encoding <<<"$h")" ''
is serve_head_is_the_same_but_date "$(headers -I "$daemon_url$image" | grep -v ^date)" "$(grep -v ^date <<<"$h")"
h=$(headers "$daemon_url/metadata/timestamp.json")
is serve_timestamp_is_cached_briefly "$(field cache-control <<<"$h")" 'public, max-age=30'
etag=$(field etag <<<"$h")
is serve_304 "$(code -H "If-None-Match: $etag" "$daemon_url/metadata/timestamp.json")" 304
is serve_304_in_a_list "$(code -H "If-None-Match: \"x\", W/$etag" "$daemon_url/metadata/timestamp.json")" 304
is serve_304_for_star "$(code -H 'If-None-Match: *' "$daemon_url/metadata/timestamp.json")" 304
is serve_304_length_is_that_of_the_200 "$(headers -H "If-None-Match: $etag" "$daemon_url/metadata/timestamp.json" | field content-length)" "$(field content-length <<<"$h")"
is serve_304_keeps_the_connection "$(get -H "If-None-Match: $etag" -o /dev/null -o /dev/null -w '%{http_code} %{num_connects} ' "$daemon_url/metadata/timestamp.json" "$daemon_url/metadata/timestamp.json")" '304 1 304 0 '
is serve_304_has_no_body "$(get -H "If-None-Match: $etag" "$daemon_url/metadata/timestamp.json" | wc -c)" 0
is serve_304_names_the_tag "$(headers -H "If-None-Match: $etag" "$daemon_url/metadata/timestamp.json" | field etag)" "$etag"
is serve_200_for_another_tag "$(code -H 'If-None-Match: "0"' "$daemon_url/metadata/timestamp.json")" 200
cp "$ws/state/repo/metadata/timestamp.json" "$tmp/timestamp.old"
echo '{"new":1}' >"$ws/state/repo/metadata/.new" && mv "$ws/state/repo/metadata/.new" "$ws/state/repo/metadata/timestamp.json"
is serve_new_timestamp_at_once "$(get -H "If-None-Match: $etag" "$daemon_url/metadata/timestamp.json")" '{"new":1}'
cp "$tmp/timestamp.old" "$ws/state/repo/metadata/.new" && mv "$ws/state/repo/metadata/.new" "$ws/state/repo/metadata/timestamp.json"
h=$(headers "$daemon_url/metadata/2.root.json")
contains serve_next_root_is_absent "$h" 'HTTP/1.1 404'
is serve_absent_root_is_cached_briefly "$(field cache-control <<<"$h")" 'public, max-age=30'
is serve_root_is_immutable "$(headers "$daemon_url/metadata/1.root.json" | field cache-control)" 'public, max-age=31536000, immutable'

# ---- ranges ----
range() { # name range status [first length]
    get -D "$tmp/h" -o "$tmp/part" -H "Range: $2" "$daemon_url$image"
    is "serve_range_$1" "$(head -1 "$tmp/h" | cut -d' ' -f2)" "$3"
    [ $# -gt 3 ] || return 0
    tail -c "+$(($4 + 1))" "$tmp/app.bin" | head -c "$5" >"$tmp/wanted"
    ok "serve_range_$1_bytes" cmp "$tmp/part" "$tmp/wanted"
    is "serve_range_$1_says_which" "$(tr -d '\r' <"$tmp/h" | sed -n 's/^Content-Range: //p')" "bytes $4-$(($4 + $5 - 1))/1500000"
}
range first 'bytes=0-0' 206 0 1
range middle 'bytes=1000-4999' 206 1000 4000
range open_end 'bytes=1499000-' 206 1499000 1000
range last_byte 'bytes=1499999-' 206 1499999 1
range past_the_end_is_clamped 'bytes=1499990-1500000' 206 1499990 10
range far_past_the_end_is_clamped 'bytes=1499990-99999999999999999999999' 206 1499990 10
range suffix 'bytes=-7' 206 1499993 7
range suffix_of_everything 'bytes=-1500001' 206 0 1500000
range beyond 'bytes=1500000-' 416
range far_beyond 'bytes=99999999999999999999999-' 416
range empty_suffix 'bytes=-0' 416
for bad in 'bytes=0-1,5-6' 'bytes=5-2' 'bytes=a-b' 'bytes=' 'bytes=-' 'bytes=1-2x' 'items=0-1' 'bytes 0-1' 'bytes=0--1'; do
    range "ignored_$bad" "$bad" 200
done
is serve_416_says_the_length "$(headers -H 'Range: bytes=1500000-' "$daemon_url$image" | field content-range)" 'bytes */1500000'
is serve_if_range_same_tag "$(code -H 'Range: bytes=5-' -H "If-Range: \"${digest:0:32}\"" "$daemon_url$image")" 206
is serve_if_range_other_tag "$(code -H 'Range: bytes=5-' -H 'If-Range: "other"' "$daemon_url$image")" 200
is serve_if_range_weak_tag "$(code -H 'Range: bytes=5-' -H "If-Range: W/\"${digest:0:32}\"" "$daemon_url$image")" 200
is serve_if_range_date "$(code -H 'Range: bytes=5-' -H 'If-Range: Sat, 01 Jan 2028 00:00:00 GMT' "$daemon_url$image")" 200
is serve_none_match_goes_before_range "$(code -H 'Range: bytes=5-' -H "If-None-Match: \"${digest:0:32}\"" "$daemon_url$image")" 304

# ---- what is not served ----
mkdir -p "$ws/state/repo/metadata/sub" && echo secret >"$ws/state/repo/secret" && ln -s ../../../keys/root.pem "$ws/state/repo/metadata/7.root.json"
for path in /keys/root.pem /metadata/../../../keys/root.pem /metadata/..%2f..%2f..%2fkeys/root.pem /metadata/%2e%2e/secret \
    /targets/../secret /targets/img/thermo/../../secret "/targets/img/thermo/1/../$digest.app.bin" //metadata/timestamp.json \
    /metadata/timestamp.json/ /metadata/./timestamp.json /metadata/ /metadata /targets/ /targets/img/thermo/1/ \
    /metadata/timestamp.json%00 /metadata/sub /ota.conf /state/fleet.db /metadata/01.root.json /metadata/1.Root.json \
    /metadata/1.root.json.bak "/targets/img/thermo/01/$digest.app.bin" '/metadata/%' '/metadata/%zz' \
    "/targets/img/thermo/1/${digest^^}.app.bin" "/targets/img/Thermo/1/$digest.app.bin" /metadata/999999999999999.root.json; do
    status=$(code --path-as-is "$daemon_url$path")
    case $status in 400 | 404) tap_result 0 "serve_nothing_at_$path" ;; *) tap_result 1 "serve_nothing_at_$path: $status" ;; esac
done
is serve_no_link_is_followed "$(get "$daemon_url/metadata/7.root.json" | grep -c PRIVATE)" 0
rm "$ws/state/repo/metadata/7.root.json"
is serve_escaped_name_is_the_same "$(code "$daemon_url/metadata/%74imestamp.json")" 200
is serve_query_is_ignored "$(code "$daemon_url/metadata/timestamp.json?x=../..")" 200
is serve_path_too_long "$(code "$daemon_url/$(printf 'a%.0s' $(seq 900))")" 400
h=$(headers -X DELETE "$daemon_url/metadata/timestamp.json")
contains serve_method_not_allowed "$h" 'HTTP/1.1 405'
is serve_allowed_methods "$(field allow <<<"$h")" 'GET, HEAD'
is serve_problem_type "$(headers "$daemon_url/nothing" | field content-type)" application/problem+json
is serve_problem_members "$(get "$daemon_url/nothing" | jq -r '"\(.status) \(.type)"')" '404 urn:otaserve:problem:not-found'
is serve_3500_bytes_of_headers "$(code -H "X-Fill: $(printf 'a%.0s' $(seq 3500))" "$daemon_url/")" 200
is serve_headers_too_large "$(code -H "X-Fill: $(printf 'a%.0s' $(seq 20000))" "$daemon_url/")" 431
is serve_body_on_get_is_dropped "$(code -X GET -d abc "$daemon_url/metadata/timestamp.json")" 200
is serve_front_page "$(get "$daemon_url/" | head -c 8)" otaserve

# ---- the log ----
contains serve_access_log_is_json "$(jq -r 'select(.status == 206) | "\(.method) \(.path) \(.bytes)"' "$tmp/access.log" | head -1)" "GET $image 1"
ok serve_access_log_has_no_query bash -c "! grep -q 'x=' '$tmp/access.log'"

# ---- one daemon, one port ----
fails serve_second_daemon_is_refused 1 "process $daemon_pid" otaserve -C "$ws" --listen 127.0.0.1:0
otactl init "$tmp/ws2" --product thermo --chip esp32c3 --url https://localhost:8443 >/dev/null
fails serve_port_in_use 1 'in use by another program' otaserve -C "$tmp/ws2" --listen "127.0.0.1:$port"
fails serve_bad_address 2 'not ADDR:PORT' otaserve -C "$tmp/ws2" --listen 8443
fails serve_foreign_address 1 'does not have that address' otaserve -C "$tmp/ws2" --listen 192.0.2.1:0
fails serve_bad_option 2 'did you mean' otaserve --lisen 127.0.0.1:0
fails serve_bad_level 2 'did you mean "debug"' otaserve -C "$tmp/ws2" --log-level debgu
fails serve_no_workspace 2 'otactl init' otaserve -C "$tmp/nowhere"
otaserve -C "$tmp/ws2" --listen 127.0.0.1:0 --url https://192.0.2.7 >"$tmp/apart.out" 2>"$tmp/apart.log" </dev/null &
apart=$!
for _ in $(seq 100); do grep -q 'boards use' "$tmp/apart.out" && break; sleep 0.05; done
kill $apart && wait $apart
contains serve_url_that_leads_elsewhere "$(cat "$tmp/apart.log")" 'does not lead to 127.0.0.1:'
ok serve_url_that_fits_is_not_remarked bash -c "! grep -q 'does not lead' '$tmp/daemon.log'"
cp -rp "$tmp/ws2/keys" "$tmp/keys2"
cp "$tmp/ws/keys/tls-server.pem" "$tmp/ws2/keys/tls-server.pem"
fails serve_key_of_another_certificate 1 'do not work together' otaserve -C "$tmp/ws2" --listen 127.0.0.1:0
chmod 644 "$tmp/ws2/keys/tls-server.pem"
fails serve_readable_key 1 'chmod 600' otaserve -C "$tmp/ws2" --listen 127.0.0.1:0

# ---- SIGHUP: another certificate, without closing what is open ----
serial() { openssl s_client -connect "127.0.0.1:$port" </dev/null 2>/dev/null | openssl x509 -noout -serial; }
before=$(serial)
get --limit-rate 1M -o "$tmp/slow" "$daemon_url$image" &
slow=$!
otactl init "$tmp/ws3" --product thermo --chip esp32c3 --url https://localhost:8443 >/dev/null
echo broken >"$ws/keys/server.crt"
kill -HUP "$daemon_pid"
sleep 0.5
is serve_bad_certificate_changes_nothing "$(serial)" "$before"
cp "$tmp/ws3/keys/tls-server.pem" "$tmp/ws3/keys/server.crt" "$tmp/ws3/keys/ca.crt" "$ws/keys/"
mv "$tmp/access.log" "$tmp/access.log.1"
kill -HUP "$daemon_pid"
for _ in $(seq 50); do [ "$(serial)" = "$before" ] || break; sleep 0.1; done
is serve_new_certificate_after_sighup "$(serial)" "$(openssl x509 -noout -serial -in "$ws/keys/server.crt")"
is serve_with_the_new_ca "$(code "$daemon_url/")" 200
wait $slow
ok serve_open_download_survives_sighup cmp "$tmp/slow" "$tmp/app.bin"
ok serve_access_log_is_reopened test -s "$tmp/access.log"

# ---- the signer dies ----
signer=$(pgrep -P "$daemon_pid" otaserve-signer)
ok serve_signer_runs test -n "$signer"
kill -9 "$signer"
is serve_goes_on_without_signer "$(code "$daemon_url/metadata/timestamp.json")" 200
for _ in $(seq 100); do new=$(pgrep -P "$daemon_pid" otaserve-signer) && [ "$new" != "$signer" ] && break; sleep 0.1; done
ok serve_signer_comes_back test -n "$new" -a "$new" != "$signer"
is serve_health_is_ok "$(get "$daemon_url/healthz" | jq -r '"\(.status) \(.signer)"')" 'ok running'

# ---- the workspace moves away, and comes back ----
until_health() { for _ in $(seq 150); do [ "$(code "$daemon_url/healthz")" = "$1" ] && return; sleep 0.1; done; }
mkdir "$tmp/away"
cp -r "$ws/keys" "$tmp/away/keys"
mv "$ws" "$tmp/away/ws" && mkdir -p "$ws" && cp -r "$tmp/away/keys" "$ws/keys"
until_health 503
is serve_moved_workspace_is_noticed "$(get "$daemon_url/healthz" | jq -r '[.reasons[].about] | join(" ")')" workspace
contains serve_moved_workspace_is_logged "$(cat "$tmp/daemon.log")" 'the workspace was moved, removed or replaced'
rm -r "$ws" && mv "$tmp/away/ws" "$ws"
until_health 200
is serve_workspace_is_back "$(code "$daemon_url/metadata/timestamp.json")" 200
is serve_moved_workspace_is_logged_once "$(grep -c 'the workspace was moved' "$tmp/daemon.log")" 1

# ---- a full disk does not keep it from serving ----
cat >"$tmp/full.sh" <<'EOF'
mount -t tmpfs -o size=4m none "$1/disk" && cp -r "$1/ws2" "$1/disk/ws" || exit 1
cp -p "$1/keys2/tls-server.pem" "$1/disk/ws/keys/"
cat /dev/zero >"$1/disk/fill" 2>/dev/null
otaserve -C "$1/disk/ws" --listen 127.0.0.1:0 >"$1/full.out" 2>"$1/full.log" </dev/null &
pid=$!
for _ in $(seq 200); do grep -q 'boards use' "$1/full.out" && break; kill -0 $pid 2>/dev/null || break; sleep 0.05; done
url=$(sed -nE 's/.*boards use (https:[^ ]+).*/\1/p' "$1/full.out")
curl -s --cacert "$1/disk/ws/keys/ca.crt" -o /dev/null -w '%{http_code} ' "$url/metadata/timestamp.json"
curl -s --cacert "$1/disk/ws/keys/ca.crt" "$url/healthz" | jq -r '[.reasons[].about] | join(" ")'
kill $pid && wait $pid
EOF
mkdir "$tmp/disk"
if unshare -rm true 2>/dev/null; then
    is serve_full_disk "$(unshare -rm bash "$tmp/full.sh" "$tmp")" '200 disk'
    contains serve_full_disk_is_said "$(cat "$tmp/full.log")" 'reports have to wait'
else
    skip serve_full_disk 'a mount namespace is not allowed here'
fi

# ---- framing and forms of the target ----
raw() { # request, \r\n as in printf: status of each answer
    { printf "$1"; sleep 0.5; } | timeout 10 openssl s_client -quiet -connect "127.0.0.1:$port" -ign_eof 2>/dev/null |
        sed -nE 's|^HTTP/1.1 ([0-9]+).*|\1|p' | xargs
}
chunked='Transfer-Encoding: chunked\r\n'
next='GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
post='POST /api/v1/devices/a/reports HTTP/1.1\r\nHost: a\r\n'
is serve_two_requests "$(raw "GET / HTTP/1.1\r\nHost: a\r\n\r\n$next")" '200 200'
is serve_length_and_chunked "$(raw "${post}Content-Length: 3\r\n${chunked}\r\n0\r\n\r\n$next")" 400
is serve_two_lengths "$(raw "${post}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc$next")" 400
is serve_two_codings "$(raw "${post}$chunked${chunked}\r\n0\r\n\r\n$next")" 400
is serve_no_host "$(raw "GET / HTTP/1.1\r\n\r\n$next")" 400
is serve_two_hosts "$(raw "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n$next")" 400
is serve_no_host_in_http_1_0 "$(raw 'GET / HTTP/1.0\r\n\r\n')" 200
is serve_absolute_form "$(raw "GET https://a:1/metadata/timestamp.json HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")" 200
is serve_absolute_form_without_path "$(raw "GET https://a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")" 200
is serve_absolute_form_of_nothing "$(raw "GET https://a/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")" 404

# ---- a file that changes in place ----
head -c 9000000 /dev/urandom >"$tmp/big.bin"
big=$(sha256sum <"$tmp/big.bin" | cut -c1-64)
cp "$tmp/big.bin" "$folder/$big.app.bin"
cp "$tmp/app.bin" "$folder/$digest.boot.bin"
is serve_big_image "$(code "$daemon_url/targets/img/thermo/1/$big.app.bin")" 200
get --limit-rate 1500k -o "$tmp/cut" "$daemon_url/targets/img/thermo/1/$big.app.bin" &
cut=$!
sleep 0.7
truncate -s 1000 "$folder/$big.app.bin"
wait $cut
is serve_truncated_download_is_not_the_image "$(cmp -s "$tmp/cut" "$tmp/big.bin" && echo same)" ''
ok serve_truncated_image_leaves_the_daemon kill -0 "$daemon_pid"
is serve_truncated_image_is_looked_at_anew "$(headers "$daemon_url/targets/img/thermo/1/$big.app.bin" | field content-length)" 1000
is serve_image_before_it_changes "$(get "$daemon_url/targets/img/thermo/1/$digest.boot.bin" | sha256sum | cut -c1-64)" "$digest"
printf 'changed' | dd of="$folder/$digest.boot.bin" conv=notrunc status=none
is serve_changed_image_has_another_tag "$(code -H "If-None-Match: \"${digest:0:32}\"" "$daemon_url/targets/img/thermo/1/$digest.boot.bin")" 200
rm "$folder/$big.app.bin" "$folder/$digest.boot.bin"
is serve_removed_image_is_gone "$(code "$daemon_url/targets/img/thermo/1/$big.app.bin")" 404

# ---- SIGTERM lets a download end ----
get --limit-rate 700k -o "$tmp/slow" "$daemon_url$image" &
slow=$!
sleep 0.7
kill -TERM "$daemon_pid"
sleep 0.3
is serve_stopping_accepts_nobody "$(code --max-time 3 "$daemon_url/")" 000
wait $slow
is serve_stopping_finishes_the_download "$?" 0
ok serve_stopping_download_is_whole cmp "$tmp/slow" "$tmp/app.bin"
wait "$daemon_pid"
is serve_stopped_with_0 "$?" 0
daemon_pid=
ok serve_signer_ended_too bash -c "! kill -0 $new 2>/dev/null"

done_testing
