#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Reports of boards: tokens, quarantine, refusals, limits; and the health page.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh

ws=$tmp/ws
otactl init "$ws" --product thermo --chip esp32c3 --url https://localhost:8443 >/dev/null || skip_all 'otactl init failed'
token=$(otactl -C "$ws" device add kitchen --json | jq -r .token)
start_daemon "$ws" --access-log "$tmp/access.log" || exit 1
api=$daemon_url/api/v1/devices

report() { # number: a report of kitchen
    cat <<EOF
{"agent":"otadevice/0.1.0","channel":"beta","chip":"esp32c3","counter":1,"counter_unknown":false,"labels":[{"counter":2,"label":"storage","sha256":"$(printf 'a%.0s' $(seq 64))"}],"last":{"code":"self-test","counter":2,"label":"@ota","message":"self-test failed","result":"rolled-back","stage":"confirm"},"mixed":true,"number":$1,"product":"thermo","secure_version":0,"state":"idle","stream":"0011223344556677","table":"","time":1790000000,"time_unverified":false,"version":"1.0.0"}
EOF
}
post() { # id token body [curl option...]
    id=$1 bearer=$2 body=$3
    shift 3
    curl -s --cacert "$ws/keys/ca.crt" --max-time 20 -o "$tmp/answer" -D "$tmp/h" -w '%{http_code}' -X POST \
        -H "Content-Type: ${type:-application/json}" ${bearer:+-H "Authorization: Bearer $bearer"} --data-binary "$body" "$@" "$api/$id/reports"
}
fleet() { otactl -C "$ws" fleet list --json | jq -c "$1"; }
kitchen='.devices[] | select(.id == "kitchen")'

# ---- a known board ----
is report_before_the_first_is_never_seen "$(fleet "$kitchen | .seen")" 0
is report_stored "$(post kitchen "$token" "$(report 2)")" 204
is report_204_has_no_length "$(grep -ci '^content-length' "$tmp/h")" 0
is report_shown "$(fleet "$kitchen | [.counter, .version, .channel, .mixed, .result, .result_counter, .code, .message]")" \
    '[1,"1.0.0","beta",true,"rolled-back",2,"self-test","self-test failed"]'
is report_address_kept "$(fleet "$kitchen | .address")" '"127.0.0.1"'
is report_twice_is_once "$(post kitchen "$token" "$(report 2 | sed 's/1\.0\.0/9.9.9/g')")" 204
is report_twice_changes_nothing "$(fleet "$kitchen | .version")" '"1.0.0"'
is report_late_is_accepted "$(post kitchen "$token" "$(report 1 | sed 's/1\.0\.0/0.9.0/g')")" 204
is report_late_changes_nothing "$(fleet "$kitchen | .version")" '"1.0.0"'
is report_next "$(post kitchen "$token" "$(report 3 | sed 's/1\.0\.0/1.1.0/g')")" 204
is report_next_is_shown "$(fleet "$kitchen | .version")" '"1.1.0"'
is report_of_a_new_stream "$(post kitchen "$token" "$(report 1 | sed 's/0011223344556677/ffeeddccbbaa9988/; s/1\.0\.0/1.2.0/g')")" 204
is report_of_a_new_stream_is_shown "$(fleet "$kitchen | .version")" '"1.2.0"'
is report_keys_in_any_order "$(post kitchen "$token" '{"version":"1.3.0","stream":"ffeeddccbbaa9988","product":"thermo","number":9,"newer":{"field":[1]}}')" 204
contains report_in_the_table "$(otactl -C "$ws" fleet list)" 'kitchen'
contains report_in_device_list "$(otactl -C "$ws" device list)" 'kitchen'

# ---- who may not ----
is report_without_token "$(post kitchen '' "$(report 20)")" 401
first=$(cat "$tmp/answer")
is report_with_wrong_token "$(post kitchen "${token}x" "$(report 20)")" 401
is report_401_does_not_say_why "$(cat "$tmp/answer")" "$first"
contains report_401_asks_for_bearer "$(cat "$tmp/h")" 'WWW-Authenticate: Bearer'
is report_with_basic_auth "$(post kitchen '' "$(report 20)" -H "Authorization: Basic $token")" 401
otactl -C "$ws" device add cellar >/dev/null
is report_with_token_of_another_board "$(post cellar "$token" "$(report 20)")" 401
is report_refused_changes_nothing "$(fleet "$kitchen | .version")" '"1.3.0"'

# ---- what is no report ----
is report_of_another_type "$(type=text/plain post kitchen "$token" "$(report 20)")" 415
is report_of_a_type_that_only_begins_so "$(type=application/jsonp post kitchen "$token" "$(report 20)")" 415
is report_with_charset "$(type='application/json; charset=utf-8' post kitchen "$token" "$(report 19)")" 204
is report_without_body "$(post kitchen "$token" '')" 400
is report_broken_json "$(post kitchen "$token" '{"product":"thermo"')" 400
is report_no_object "$(post kitchen "$token" '[1]')" 400
is report_double_key "$(post kitchen "$token" "$(report 20 | sed 's/{"agent"/{"number":21,"agent"/')")" 400
contains report_double_key_is_named "$(cat "$tmp/answer")" 'json-keys'
is report_double_key_by_escape "$(post kitchen "$token" "$(report 20 | sed 's/{"agent"/{"\\u006eumber":21,"agent"/')")" 400
is report_too_deep "$(post kitchen "$token" "{\"x\":$(printf '[%.0s' $(seq 40))$(printf ']%.0s' $(seq 40))}")" 400
is report_bad_utf8 "$(post kitchen "$token" "$(report 20 | sed "s/1\.0\.0/$(printf '\xff')/")")" 400
is report_terminal_escape "$(post kitchen "$token" "$(report 20 | sed 's/1\.0\.0/\\u001b[31m/')")" 400
for c in 061c 200e 200f 2028 202e 2066 2069; do
    is "report_direction_control_$c" "$(post kitchen "$token" "$(report 20 | sed "s/1\.0\.0/\\\\u$c/")")" 400
done
is report_other_text_may_stand "$(post kitchen "$token" "$(report 20 | sed 's/self-test failed/\\u00e4 \\u2013 \\u206a \\u0628/')")" 204
is report_number_with_a_leading_zero "$(post kitchen "$token" "$(report 21 | sed 's/"counter":1,/"counter":01,/')")" 400
is report_wrong_type "$(post kitchen "$token" "$(report 20 | sed 's/"counter":1,/"counter":"1",/')")" 400
is report_fraction "$(post kitchen "$token" "$(report 20 | sed 's/"counter":1,/"counter":1.5,/')")" 400
is report_negative "$(post kitchen "$token" "$(report 20 | sed 's/"counter":1,/"counter":-1,/')")" 400
is report_huge_number "$(post kitchen "$token" "$(report 20 | sed 's/"counter":1,/"counter":1e300,/')")" 400
is report_without_number "$(post kitchen "$token" '{"product":"thermo","stream":"00"}')" 400
is report_bad_product "$(post kitchen "$token" "$(report 20 | sed 's/"thermo"/"Thermo!"/')")" 400
is report_long_version "$(post kitchen "$token" "$(report 20 | sed "s/1\.0\.0/$(printf 'v%.0s' $(seq 64))/")")" 400
is report_bad_id "$(post 'a%20b' "$token" "$(report 20)")" 400
is report_id_with_slash "$(post 'a%2Fb' "$token" "$(report 20)")" 400
is report_escaped_id "$(post 'kitche%6E' "$token" "$(report 30)")" 204
head -c 16384 /dev/zero | tr '\0' ' ' >"$tmp/16384"
is report_of_16384_bytes_is_read "$(post kitchen "$token" "@$tmp/16384")" 400
head -c 16385 /dev/zero | tr '\0' ' ' >"$tmp/16385"
is report_of_16385_bytes "$(post kitchen "$token" "@$tmp/16385")" 413
is report_too_large_chunked "$(post kitchen "$token" "@$tmp/16385" -H 'Transfer-Encoding: chunked')" 413
head -c 3000000 /dev/zero >"$tmp/3m"
post kitchen "$token" "@$tmp/3m" -H 'Transfer-Encoding: chunked' >/dev/null
is report_endless_body_is_cut_off "$(post kitchen "$token" "$(report 31)")" 204
is report_by_get "$(curl -s --cacert "$ws/keys/ca.crt" -o /dev/null -w '%{http_code}' "$api/kitchen/reports")" 405
is report_path_beside "$(curl -s --cacert "$ws/keys/ca.crt" -o /dev/null -w '%{http_code}' -d x "$api/a/b/reports")" 404

# ---- strangers ----
is report_of_a_stranger "$(post attic '' "$(report 1)")" 202
is report_of_a_stranger_with_token "$(post attic "$token" "$(report 2)")" 202
is report_stranger_is_in_quarantine "$(fleet '.devices[] | select(.id == "attic") | [.quarantine, .product, .version]')" '[true,"thermo",""]'
contains report_quarantine_is_listed "$(otactl -C "$ws" fleet list)" 'In quarantine'
is report_last_in_the_list "$(fleet '.devices[-1].id')" '"attic"'
attic=$(otactl -C "$ws" device add attic --json | jq -r .token)
is report_added_leaves_quarantine "$(fleet '.devices[] | select(.id == "attic") | .quarantine')" false
is report_added_board_reports "$(post attic "$attic" "$(report 3)")" 204
for i in $(seq 30); do last=$(post "stranger$i" '' "$(report 1)"); [ "$last" = 429 ] && break; done
is report_strangers_are_limited "$last" 429
contains report_limit_says_when "$(cat "$tmp/h")" 'Retry-After: '
is report_known_board_is_not_limited_by_them "$(post kitchen "$token" "$(report 40)")" 204

# Every address of 127.0.0.0/8 is this machine: from each a few, from all together no more than from a crowd.
crowd() { for a in $(seq 2 9); do for i in $(seq 16); do post "crowd$a-$i" '' "$(report 1)" --interface "127.0.0.$a"; echo; done; done; }
answers=$(crowd)
ok report_a_crowd_is_limited test "$(grep -c 202 <<<"$answers")" -lt 128
ok report_a_crowd_is_served test "$(grep -c 202 <<<"$answers")" -ge 70

# ---- another program keeps the database ----
mkfifo "$tmp/let_go"
python3 -c 'import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN IMMEDIATE")
print("held", flush=True)
open(sys.argv[2]).read()' "$ws/state/fleet.db" "$tmp/let_go" >"$tmp/holder.out" &
holder=$!
for _ in $(seq 100); do [ -s "$tmp/holder.out" ] && break; sleep 0.05; done
for i in $(seq 12); do post kitchen "$token" "$(report $((50 + i)))" >"$tmp/held.$i" & held[i]=$!; done
took=$(curl -s --cacert "$ws/keys/ca.crt" --max-time 20 -o /dev/null -w '%{http_code} %{time_total}' "$daemon_url/")
ok report_others_are_served_meanwhile awk -v t="$took" 'BEGIN {split(t, a); exit !(a[1] == 200 && a[2] < 2)}'
wait "${held[@]}"
is report_not_stored_meanwhile "$(cat "$tmp"/held.* | sed 's/503/&\n/g' | sort -u | xargs)" 503
is report_not_stored_says_when "$(post kitchen "$token" "$(report 70)") $(grep -ci '^retry-after' "$tmp/h")" '503 1'
: >"$tmp/let_go"
wait "$holder"
for _ in $(seq 40); do last=$(post kitchen "$token" "$(report 71)"); [ "$last" = 204 ] && break; sleep 0.1; done
is report_stored_when_it_is_free_again "$last" 204

# ---- secrets ----
ok report_token_is_not_logged bash -c "! grep -q '$token' '$tmp/access.log' '$tmp/daemon.log'"
ok report_token_is_not_stored bash -c "! grep -qa '$token' '$ws'/state/fleet.db*"
is report_database_is_private "$(stat -c %a "$ws/state/fleet.db")" 600
fails report_device_twice 1 'added before' otactl -C "$ws" device add kitchen
fails report_device_bad_id 2 'cannot be the id' otactl -C "$ws" device add 'a b'
fails report_device_bad_channel 1 'no channel' otactl -C "$ws" device add shed --channel nope

# ---- health ----
health() { curl -s --cacert "$ws/keys/ca.crt" "$daemon_url/healthz" | jq -r "$1"; }
is health_ok "$(health .status)" ok
is health_lists_every_role "$(health '[.roles[].name] | sort | join(" ")')" 'rollout root snapshot targets thermo timestamp'
is health_renewed_but_root "$(health '[.roles[] | select(.renewed | not) | .name] | join(" ")')" root
health_code() { curl -s --cacert "$ws/keys/ca.crt" -o /dev/null -w '%{http_code}' "$daemon_url/healthz"; }
until_code() { for _ in $(seq 50); do [ "$(health_code)" = "$1" ] && return; sleep 0.1; done; }
mv "$ws/state/repo/metadata/timestamp.json" "$tmp/timestamp.json"
kill -HUP "$daemon_pid"
until_code 503
is health_fails_without_timestamp "$(health_code) $(health '"\(.status) \(.reasons[0].about)"')" '503 failing repository'
mv "$tmp/timestamp.json" "$ws/state/repo/metadata/timestamp.json"
kill -HUP "$daemon_pid"
until_code 200
is health_recovers "$(health_code) $(health .status)" '200 ok'
done_testing
