#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A server whose CA the board no longer trusts: from the fourth poll on metadata and images flow all the same, because their own signatures
# decide. Tokens and reports do not, and the first report after a new certificate tells what happened.
. "$OTA_TOP/tests/tap.sh"
. "$OTA_TOP/tests/net/board.sh"

old=$tmp/pki new=$tmp/other-pki
"$OTA_TOP/certs/make.sh" "$old" && "$OTA_TOP/certs/make.sh" "$new"
make_fleet esp32c3
certificate() { # PKI
    cp "$1/server.crt" "$ws/keys/server.crt"
    cp "$1/server.pem" "$ws/keys/tls-server.pem"
}
swap() { # PKI: for new connections
    certificate "$1"
    kill -HUP "$faulty_pid"
    for _ in $(seq 100); do
        curl -s --cacert "$1/ca.crt" -o /dev/null "$faulty_url/metadata/timestamp.json" && return 0
        sleep 0.05
    done
    return 1
}
certificate "$old"
start_faulty
new_board --ca "$old/ca.crt"
rules '[]'
poll() { run otadevice run --flash "$board" --once --json; }
code() { jq -r '.error.code // "ok"' <<<"$out"; }
requests() { wc -l <"$tmp/rules.json.log" 2>/dev/null || echo 0; }
tokens() { cat "$tmp/rules.json.tokens" 2>/dev/null; }

# What the assertions below look at is there to be seen.
contains retired_ca_reports_carried_the_token_before "$(tokens)" "POST /api/v1/devices/"
push_release 2.0.0
swap "$new"
rm -f "$tmp/rules.json.tokens" "$tmp/rules.json.report"
rules '[]'
for n in 1 2 3; do
    poll
    is "retired_ca_poll_${n}_fails_as_tls" "$rc $(code)" "1 tls"
    is "retired_ca_poll_${n}_fetches_nothing" "$(requests)" 0
    is "retired_ca_poll_${n}_leaves_the_old_app" "$(running_version)" 1.0.0
done
poll
is retired_ca_fourth_poll_succeeds "$rc $(code)" "0 ok"
is retired_ca_fourth_poll_updates "$(running_version)" 2.0.0
contains retired_ca_is_logged "$err" "without proof of the server's name"
is retired_ca_no_token_arrived "$(tokens)" ""
is retired_ca_no_report_arrived "$(grep -c POST "$tmp/rules.json.log")" 0

# Signatures go on deciding.
cp "$board" "$tmp/before.flash"
push_release 2.0.1
rules '[{"path": "timestamp.json", "fault": "flip", "n": 150}]'
poll
is retired_ca_tampered_metadata_is_refused "$rc $(running_version)" "1 2.0.0"
rules '[{"path": "app.bin", "fault": "flip", "n": 5000}]'
poll
is retired_ca_tampered_image_is_refused "$rc $(code) $(running_version)" "1 hash 2.0.0"
rules '[]'
run otadevice run --flash "$board" --once --json --clock 2031-01-01T00:00:00Z
is retired_ca_expired_metadata_is_refused "$rc $(code) $(running_version)" "1 expired 2.0.0"
is retired_ca_still_no_token_arrived "$(tokens)" ""

# A new certificate: back at once, and the report that waited arrives.
cp "$tmp/before.flash" "$board"
swap "$old"
rules '[]'
poll
is retired_ca_new_certificate_updates "$rc $(running_version)" "0 2.0.1"
contains retired_ca_proof_is_back "$err" "proves its name again"
contains retired_ca_report_arrives "$(tokens)" "POST /api/v1/devices/"
is retired_ca_report_is_of_the_new_release "$(jq -r '.last.result, .last.counter' "$tmp/rules.json.report" | xargs)" "installed 3"
# From here on three failures are needed again.
swap "$new"
rules '[]'
poll
is retired_ca_counts_anew "$rc $(code) $(requests)" "1 tls 0"
done_testing
