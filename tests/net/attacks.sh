#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a dishonest server or a broken proxy may do: each is refused with its reason and the running slot is untouched.
. "$OTA_TOP/tests/tap.sh"
. "$OTA_TOP/tests/net/board.sh"

make_fleet esp32c3
start_faulty
new_board
is attacks_board_starts_at_release_1 "$(running_version)" 1.0.0
push_release 2.0.0 -- --no-compress
cp "$board" "$tmp/before.flash"
before=$(app_digest)

# name, reason expected in the output, rules
attack() {
    cp "$tmp/before.flash" "$board"
    rules "$3"
    run otadevice run --flash "$board" --once ${4:-}
    tap_all="$out
$err"
    tap_name=attacks_$1
    if [ "$rc" -eq 1 ] && grep -qE -- "$2" <<<"$tap_all" && [ "$(app_digest)" = "$before" ] && [ "$(running_version)" = 1.0.0 ]; then
        tap_result 0 "$tap_name"
    else
        tap_result 1 "$tap_name"
        tap_explain "exit $rc, runs $(running_version), wanted the reason: $2" "$tap_all"
    fi
}

attack tampered_image_is_refused 'SHA-256' '[{"path": "app.bin", "fault": "flip", "n": 5000}]'
attack tampered_image_head_is_refused 'magic|not an Espressif|SHA-256' '[{"path": "app.bin", "fault": "flip", "n": 0}]'
attack truncated_body_is_refused 'ended|ends|truncated|closed' '[{"path": "app.bin", "fault": "cut", "n": 70000}]'
attack content_length_too_large_is_refused 'length|signed|bytes' '[{"path": "app.bin", "fault": "lie", "n": 4096}]'
attack content_length_too_small_is_refused 'length|signed|bytes' '[{"path": "app.bin", "fault": "short", "n": 100}]'
attack oversized_image_is_refused 'length|signed|bytes' '[{"path": "app.bin", "fault": "long", "n": 1000000}]'
attack endless_image_is_refused 'length|signed|bytes|more than' '[{"path": "app.bin", "fault": "endless"}]'
attack endless_timestamp_is_refused 'cap|larger|at most' '[{"path": "timestamp.json", "fault": "endless"}]'
attack oversized_snapshot_is_refused 'length|larger|cap' '[{"path": "snapshot.json", "fault": "long", "n": 100000}]'
attack tampered_timestamp_is_refused 'signature|JSON|json' '[{"path": "timestamp.json", "fault": "flip", "n": 150}]'
attack tampered_snapshot_is_refused 'SHA-256|hash' '[{"path": "snapshot.json", "fault": "flip", "n": 150}]'
attack tampered_product_role_is_refused 'SHA-256|hash' '[{"path": "[0-9].thermo.json", "fault": "flip", "n": 400}]'
attack missing_image_is_refused '404' '[{"path": "app.bin", "fault": "status", "n": 404}]'
attack failing_server_is_named '503' '[{"path": "timestamp.json", "fault": "status", "n": 503}]'
# The download is cut, and the server that is asked for the rest sends another part of the file.
cp "$tmp/before.flash" "$tmp/kept.flash"
rules '[{"path": "app.bin", "fault": "cut", "n": 150000, "times": 1}]'
run otadevice run --flash "$board" --once
cp "$board" "$tmp/before.flash"
attack wrong_content_range_is_refused 'range|Range' '[{"path": "app.bin", "fault": "wrong-range", "n": 4096}]'
cp "$tmp/kept.flash" "$tmp/before.flash"

# Replays: yesterday's timestamp after today's was seen.
cp "$tmp/before.flash" "$board"
cp "$ws/state/repo/metadata/timestamp.json" "$tmp/old-timestamp.json"
rules '[]'
ok attacks_honest_server_updates otadevice run --flash "$board" --once
is attacks_honest_update_runs "$(running_version)" 2.0.0
sleep 1
push_release 2.0.1
cp "$board" "$tmp/before.flash"
rules '[]'
ok attacks_next_release_updates otadevice run --flash "$board" --once
cp "$board" "$tmp/before.flash"
before=$(app_digest)
cp "$tmp/old-timestamp.json" "$ws/state/repo/metadata/old-timestamp.json"
attack_at() {
    running_before=$(running_version)
    cp "$tmp/before.flash" "$board"
    rules "$3"
    run otadevice run --flash "$board" --once ${4:-}
    if [ "$rc" -eq 1 ] && grep -qE -- "$2" <<<"$out
$err" && [ "$(app_digest)" = "$before" ] && [ "$(running_version)" = "$running_before" ]; then tap_result 0 "attacks_$1"; else
        tap_result 1 "attacks_$1"
        tap_explain "exit $rc, runs $(running_version), wanted the reason: $2" "$out" "$err"
    fi
}
attack_at replayed_timestamp_is_refused 'older|rollback|version' \
    '[{"path": "timestamp.json", "fault": "replace", "with": "metadata/old-timestamp.json"}]'
attack_at expired_timestamp_is_refused 'expired|expiry' '[]' "--clock 2031-01-01T00:00:00Z"

# The compressed form: a board refuses what does not inflate to the signed bytes, and cannot be filled.
push_release 2.0.2
attack_at tampered_compressed_image_is_refused 'zlib|SHA-256' '[{"path": "app.bin.z$", "fault": "flip", "n": 5000}]'
attack_at endless_compressed_image_is_refused 'length|signed|bytes|more than|zlib' '[{"path": "app.bin", "fault": "endless"}]'
attack_at compressed_image_of_another_is_refused 'length|signed|zlib|SHA-256' '[{"path": "app.bin", "fault": "replace", "with": "metadata/timestamp.json"}]'

# Another chip: the repository of an ESP32 product under the same name is not reachable without its key, so the release itself is for another chip.
ok attacks_other_chip_is_refused_at_push bash -c "otadevice sample '$tmp/esp32' --chip esp32 --version 9.0.0 >/dev/null && ! otactl -C '$ws' push '$tmp/esp32' 2>'$tmp/push.err' && grep -q esp32c3 '$tmp/push.err'"
done_testing
