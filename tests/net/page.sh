#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The board's upload page over real HTTP: who may send a bundle, what becomes of one that breaks off, and of a board that loses power.
. "$OTA_TOP/tests/tap.sh"

ws=$tmp/ws board=$tmp/board.flash page_pid=
otactl init "$ws" --product thermo --chip esp32c3 --url https://localhost:1 >/dev/null || skip_all 'no workspace'
for v in 1.0.0 2.0.0 3.0.0; do otadevice sample "$tmp/build-$v" --chip esp32c3 --version $v --add-label assets >/dev/null; done
otadevice sample "$tmp/plain" --chip esp32c3 --version 1.0.0 >/dev/null
push() { otactl -C "$ws" push "$@" >"$tmp/push.out" 2>&1 || tap_explain "$(cat "$tmp/push.out")"; }
push "$tmp/plain"
push "$tmp/build-2.0.0" --with all --compatible --accept-brick-risk
bundle() { otactl -C "$ws" bundle thermo "$1" -o "$tmp/$1.otab" >/dev/null; }
bundle 1
bundle 2
push "$tmp/build-3.0.0"
bundle 3
otadevice create -C "$ws" --from "$tmp/plain" --id kitchen -o "$tmp/new.flash" >/dev/null || skip_all 'no board'

start_page() { # sets $url
    : >"$tmp/page.out"
    otadevice page --flash "$board" --listen 127.0.0.1:0 >"$tmp/page.out" 2>"$tmp/page.log" </dev/null &
    page_pid=$!
    for _ in $(seq 200); do
        [ -s "$tmp/page.out" ] && break
        kill -0 $page_pid 2>/dev/null || break
        sleep 0.05
    done
    url=$(sed -n 's/.*upload page at //p' "$tmp/page.out")
}
stop_page() { # [SIGNAL]
    kill "-${1:-TERM}" $page_pid 2>/dev/null
    wait $page_pid 2>/dev/null
    page_pid=
}
at_exit '[ -n "$page_pid" ] && stop_page'
new_board() { cp "$tmp/new.flash" "$board"; }
token() { curl -sf "$url" | sed -nE "s/.*name='token' content='([0-9a-f]{32})'.*/\1/p"; }
status() { curl -sf "${url}status" | jq -r "$1"; }
send() { # FILE [CURL OPTION...]: with the page's token; $code, and the answer in $tmp/answer
    file=$1
    shift
    code=$(curl -s -o "$tmp/answer" -w '%{http_code}' -H "X-OTA-Token: $(token)" -H 'Content-Type: application/octet-stream' --data-binary "@$file" "$@" "${url}bundle")
}
answer() { jq -r "$1" "$tmp/answer"; }
# Every boot has its token: the board is there again when it is another.
comes_back() { # old token
    for _ in $(seq 200); do
        now=$(token)
        [ -n "$now" ] && [ "$now" != "$1" ] && return 0
        sleep 0.05
    done
    return 1
}
settles() { for _ in $(seq 200); do [ "$(status .busy)" = false ] && return 0; sleep 0.05; done; return 1; }

new_board
start_page
contains page_says_where_it_is "$(cat "$tmp/page.out")" "$board: upload page at http://127.0.0.1:"
is page_says_one_line "$(wc -l <"$tmp/page.out")" 1
fails page_of_a_board_that_runs_already 1 'another otadevice' otadevice page --flash "$board" --listen 127.0.0.1:0

# ---- what it shows ----
curl -s -D "$tmp/head" -o "$tmp/html" "$url"
contains page_is_html "$(head -1 "$tmp/html")" '<!doctype html>'
contains page_is_kept_by_nobody "$(tr -d '\r' <"$tmp/head")" 'Cache-Control: no-store'
contains page_has_a_strict_policy "$(cat "$tmp/head")" "Content-Security-Policy: default-src 'none'"
is page_of_a_board_as_it_left_the_factory "$(status '[.board, .product, .channel, .running, .counter, .state, .busy] | map(tostring) | join(" ")')" 'kitchen thermo stable 1.0.0 0 idle false'
is page_answers_head "$(curl -sI "$url" | head -1 | tr -d '\r')" 'HTTP/1.1 200 OK'

# ---- who may send ----
refused() { # name, code, CURL OPTION...
    name=$1 wanted=$2
    shift 2
    run curl -s -o "$tmp/answer" -w '%{http_code} %{content_type}' "$@"
    is "page_refuses_$name" "$out" "$wanted application/problem+json"
}
octets='Content-Type: application/octet-stream'
refused no_token 403 -H "$octets" --data-binary "@$tmp/2.otab" "${url}bundle"
contains page_says_what_is_missing "$(answer .detail)" X-OTA-Token
refused a_wrong_token 403 -H "$octets" -H 'X-OTA-Token: 00000000000000000000000000000000' --data-binary "@$tmp/2.otab" "${url}bundle"
t=$(token)
refused another_site 403 -H "$octets" -H "X-OTA-Token: $t" -H 'Origin: http://evil.example' --data-binary "@$tmp/2.otab" "${url}bundle"
refused a_page_without_a_site 403 -H "$octets" -H "X-OTA-Token: $t" -H 'Origin: null' --data-binary "@$tmp/2.otab" "${url}bundle"
refused a_name_that_points_here 403 -H 'Host: evil.example' "$url"
refused a_form 415 -H "X-OTA-Token: $t" -F "file=@$tmp/2.otab" "${url}bundle"
refused a_body_without_length 411 -H "X-OTA-Token: $t" -H "$octets" -H 'Transfer-Encoding: chunked' --data-binary "@$tmp/2.otab" "${url}bundle"
truncate -s 5M "$tmp/huge"
refused what_is_larger_than_the_flash 413 -H "X-OTA-Token: $t" -H "$octets" --data-binary "@$tmp/huge" "${url}bundle"
refused another_path 404 "${url}api/v1"
refused a_path_that_leads_up 404 --path-as-is "${url}../etc/passwd"
refused another_method 405 -X PUT -H "$octets" --data-binary "@$tmp/1.otab" "${url}bundle"
refused a_get_of_a_bundle 405 "${url}bundle"
is page_nobody_changed_the_board "$(status '[.running, .counter, .busy] | map(tostring) | join(" ")')" '1.0.0 0 false'

# ---- what is refused of a bundle ----
send "$tmp/build-2.0.0/thermo.bin"
is page_refuses_what_is_no_bundle "$code $(answer .code) $(answer .type)" '422 bundle urn:otaserve:problem:bundle'
head -c 200000 "$tmp/2.otab" >"$tmp/short.otab"
send "$tmp/short.otab"
is page_refuses_a_short_one "$code $(answer .code)" '422 truncated'
send "$tmp/1.otab"
is page_refuses_one_that_is_not_newer "$code $(answer .code)" '422 counter'
contains page_says_why "$(answer .detail)" 'release 1 (1.0.0) is not newer than release 1 (1.0.0)'

# ---- upload and reboot, twice, for its partition table ----
before=$(token)
send "$tmp/2.otab"
is page_takes_a_table_first "$code $(answer '[.result, .again, .reboot] | map(tostring) | join(" ")')" '200 again true true'
ok page_is_back_after_the_reboot comes_back "$before"
is page_refuses_the_token_of_the_boot_before "$(curl -s -o /dev/null -w '%{http_code}' -H "X-OTA-Token: $before" -H "$octets" --data-binary "@$tmp/2.otab" "${url}bundle")" 403
before=$(token)
send "$tmp/2.otab" -H "Origin: ${url%/}"
is page_takes_the_rest "$code $(answer '[.result, .again, .version] | map(tostring) | join(" ")')" '200 reboots false 2.0.0'
ok page_is_back_after_the_update comes_back "$before"
settles
is page_shows_what_runs_now "$(status '[.running, .counter, .last.result] | map(tostring) | join(" ")')" '2.0.0 2 installed'
before=$(token)
send "$tmp/3.otab" -H 'Expect:'
ok page_takes_the_next_release comes_back "$before"
settles
is page_shows_the_next_release "$(status .running)" 3.0.0
stop_page
is page_is_served_until_it_is_stopped "$(curl -s -o /dev/null -w '%{http_code}' "$url")" 000
is page_board_holds_what_was_sent "$(otadevice show "$board" --json | jq -r '[.running.version, .last.counter] | map(tostring) | join(" ")')" '3.0.0 3'

# ---- slow, broken off, two at once ----
new_board
otadevice bundle --flash "$board" "$tmp/2.otab" >/dev/null 2>&1
start_page
cat >"$tmp/slow.py" <<'EOF'
"""Sends the first part of a bundle, touches a file, waits until another is there, and sends the rest (or goes away)."""
import os, socket, sys, time
host, port, token, bundle, sent, go, how = sys.argv[1:]
data = open(bundle, "rb").read()
s = socket.create_connection((host, int(port)))
s.sendall(f"POST /bundle HTTP/1.1\r\nHost: {host}:{port}\r\nX-OTA-Token: {token}\r\nContent-Type: application/octet-stream\r\n"
          f"Content-Length: {len(data)}\r\n\r\n".encode())
half = len(data) // 2
for at in range(0, half, 1000):
    s.sendall(data[at:min(at + 1000, half)])
open(sent, "w").close()
while not os.path.exists(go):
    time.sleep(0.02)
if how == "rest":
    s.sendall(data[half:])
    print(s.makefile("rb").readline().decode().strip())
EOF
address=${url#http://} address=${address%/}
slow() { # HOW
    rm -f "$tmp/sent" "$tmp/go"
    python3 "$tmp/slow.py" "${address%:*}" "${address#*:}" "$(token)" "$tmp/3.otab" "$tmp/sent" "$tmp/go" "$1" >"$tmp/slow.out" 2>&1 &
    slow_pid=$!
    for _ in $(seq 400); do [ -e "$tmp/sent" ] && [ "$(status .received)" -gt 100000 ] && return 0; sleep 0.05; done
}
slow leave
is page_shows_how_far_it_is "$(status '.busy and .received > 100000 and .total > .received')" true
send "$tmp/3.otab"
is page_takes_one_at_a_time "$code $(answer .code)" '409 busy'
send "$tmp/3.otab" -H 'Expect:'
is page_takes_one_at_a_time_without_asking_first "$code $(answer .code)" '409 busy'
touch "$tmp/go"
wait $slow_pid
settles
is page_upload_that_breaks_off_changes_nothing "$(status '[.running, .counter] | map(tostring) | join(" ")')" '2.0.0 2'
contains page_upload_that_breaks_off_is_logged "$(cat "$tmp/page.log")" 'broke off after'
before=$(token)
slow rest
is page_answers_others_meanwhile "$(curl -s -o /dev/null -w '%{http_code}' "$url")" 200
touch "$tmp/go"
wait $slow_pid
is page_slow_upload_is_taken "$(cat "$tmp/slow.out")" 'HTTP/1.1 200 OK'
comes_back "$before"
settles
is page_slow_upload_is_installed "$(status .running)" 3.0.0
stop_page

# ---- power ----
new_board
otadevice bundle --flash "$board" "$tmp/2.otab" >/dev/null 2>&1
start_page
slow leave
stop_page KILL
touch "$tmp/go"
wait $slow_pid
start_page
is page_power_cut_during_an_upload_changes_nothing "$(status '[.running, .counter, .busy] | map(tostring) | join(" ")')" '2.0.0 2 false'
seed=${OTA_SEED:-$$}
RANDOM=$seed
echo "# seed $seed (OTA_SEED=$seed runs this again)"
bad=
for n in $(seq 6); do
    curl -s -o /dev/null -H "X-OTA-Token: $(token)" -H "$octets" --data-binary "@$tmp/3.otab" "${url}bundle" &
    job=$!
    sleep "0.$(printf '%03d' $((RANDOM % 300)))"
    stop_page KILL
    wait $job
    start_page
    settles
    case $(status .running) in 2.0.0 | 3.0.0) ;; *) bad="$bad $n" ;; esac
done
is page_kill_9_leaves_a_board_that_runs "$bad" ""
if [ "$(status .running)" = 2.0.0 ]; then
    before=$(token)
    send "$tmp/3.otab"
    comes_back "$before"
    settles
fi
is page_takes_the_bundle_after_all "$(status '[.running, .counter] | map(tostring) | join(" ")')" '3.0.0 3'
stop_page

# ---- command line ----
fails page_wants_a_flash 2 '--flash is required' otadevice page
fails page_wants_an_address 2 '--listen' otadevice page --flash "$board" --listen nowhere
fails page_wants_a_port 2 '--listen' otadevice page --flash "$board" --listen 127.0.0.1:
run otadevice show "$board"
is page_board_is_closed_at_the_end "$rc" 0
python3 -c 'import socket, sys, time; s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(); print(s.getsockname()[1], flush=True); time.sleep(60)' >"$tmp/taken" &
taken=$!
at_exit "kill $taken 2>/dev/null"
for _ in $(seq 100); do [ -s "$tmp/taken" ] && break; sleep 0.05; done
fails page_wants_a_free_port 1 'in use by another program' otadevice page --flash "$board" --listen "127.0.0.1:$(cat "$tmp/taken")"
done_testing
