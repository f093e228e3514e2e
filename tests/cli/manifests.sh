#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# manifests/: the schemas are valid, and what the programs write and answer today is what they describe.
. "$OTA_TOP/tests/tap.sh"
python3 -c 'import jsonschema' 2>/dev/null || skip_all 'needs python3-jsonschema (apt-get install python3-jsonschema)'

schemas() { python3 "$OTA_TOP/tests/cli/schemas.py" "$@"; }
ok manifests_schemas_are_valid_and_refer_to_what_exists schemas check
is manifests_openapi_names_the_version "otactl $(jq -r .info.version "$OTA_TOP/manifests/openapi.json")" "$(otactl --version)"

roles='root targets product rollout snapshot timestamp report'
for role in $roles; do
    ok "manifests_golden_${role}_is_described_to_the_last_member" schemas tight "$role.schema.json" "$OTA_TOP/manifests/examples/$role.json"
done
ok manifests_examples_can_be_made_anew "$OTA_TOP/manifests/examples/make.sh" "$tmp/fresh"
for role in $roles; do
    ok "manifests_fresh_${role}_is_described" schemas tight "$role.schema.json" "$tmp/fresh/$role.json"
done
is manifests_members_of_the_examples_are_those_of_today \
    "$(for role in $roles; do jq -c '[paths | map(tostring) | select(all(test("^[0-9a-f]{64}$") | not))]' "$tmp/fresh/$role.json"; done)" \
    "$(for role in $roles; do jq -c '[paths | map(tostring) | select(all(test("^[0-9a-f]{64}$") | not))]' "$OTA_TOP/manifests/examples/$role.json"; done)"

# The daemon's answers, and openapi.json.
ws=$tmp/ws
otactl init "$ws" --product thermo --chip esp32c3 --url https://localhost:1 >/dev/null
start_daemon "$ws"
ask() { # file, curl options: prints the status
    file=$1
    shift
    curl -sS --cacert "$ws/keys/ca.crt" -o "$tmp/$file" -w '%{http_code} %{content_type}' "$@"
}
report() { # ID, curl options
    id=$1
    shift
    ask answer.json -H 'Content-Type: application/json' --data-binary @"$OTA_TOP/manifests/examples/report.json" "$@" "$daemon_url/api/v1/devices/$id/reports"
}
is manifests_timestamp_is_served "$(ask timestamp.json "$daemon_url/metadata/timestamp.json")" '200 application/json'
ok manifests_served_timestamp_is_described schemas valid timestamp.schema.json "$tmp/timestamp.json"
is manifests_health_is_served "$(ask health.json "$daemon_url/healthz")" '200 application/json'
ok manifests_health_is_described schemas tight 'openapi.json#/components/schemas/health' "$tmp/health.json"
is manifests_missing_image_is_a_problem "$(ask problem.json "$daemon_url/targets/img/thermo/1/$(printf '%064d' 0).app.bin")" '404 application/problem+json'
ok manifests_problem_is_described schemas tight problem.schema.json "$tmp/problem.json"
is manifests_method_is_a_problem "$(ask problem.json -X DELETE "$daemon_url/healthz")" '405 application/problem+json'
ok manifests_problem_of_http_is_described schemas valid problem.schema.json "$tmp/problem.json"
is manifests_golden_report_of_a_stranger_is_accepted "$(report stranger)" '202 '
token=$(otactl -C "$ws" device add kitchen --json | jq -r .token)
is manifests_golden_report_of_a_known_board_is_stored "$(report kitchen -H "Authorization: Bearer $token")" '204 '
is manifests_golden_report_with_a_wrong_token_is_a_problem "$(report kitchen -H 'Authorization: Bearer ota_wrong')" '401 application/problem+json'
ok manifests_problem_of_a_report_is_described schemas tight problem.schema.json "$tmp/answer.json"
is manifests_golden_report_shows_in_the_fleet \
    "$(otactl -C "$ws" fleet list --json | jq -r '.devices[] | select(.id == "kitchen") | "\(.counter) \(.version) \(.result)"')" '2 2.0.0 installed'
stop_daemon
done_testing
