#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A faulty app is rolled back; the board says `mixed` where that is true; the old release goes on being reported.
. "$OTA_TOP/tests/tap.sh"
. "$OTA_TOP/tests/net/board.sh"

make_fleet esp32c3
start_daemon "$ws"
new_board --id b1
ok rollback_faulty_release_is_pushed push_release 2.0.0 --faulty
run otadevice run --flash "$board" --once
is rollback_run_says_it_failed "$rc" 1
contains rollback_reason_is_the_self_test "$out$err" "self-test"
is rollback_old_app_runs "$(running_version)" 1.0.0
fleet() { otactl -C "$ws" fleet list --json | jq -r "$1"; }
is rollback_fleet_shows_the_old_release "$(fleet '.devices[0] | "\(.counter) \(.version) \(.result) \(.mixed)"')" "1 1.0.0 rolled-back false"
run otadevice run --flash "$board" --once
is rollback_failed_release_is_not_tried_again "$rc-$(running_version)" 0-1.0.0

ok rollback_faulty_release_with_storage_is_pushed push_release 3.0.0 --faulty -- --with storage --compatible
run otadevice run --flash "$board" --once
is rollback_second_run_says_it_failed "$rc" 1
is rollback_mixed_is_reported "$(fleet '.devices[0] | "\(.counter) \(.version) \(.result) \(.mixed)"')" "1 1.0.0 rolled-back true"
ok rollback_storage_of_the_failed_release_stays otadevice read "$board" storage -o "$tmp/storage.read" --length "$(stat -c %s "$tmp/build-3.0.0/storage.bin")"
ok rollback_storage_is_whole cmp "$tmp/storage.read" "$tmp/build-3.0.0/storage.bin"

ok rollback_good_release_is_pushed push_release 4.0.0 -- --with storage --compatible
ok rollback_good_release_updates otadevice run --flash "$board" --once
is rollback_mixed_ends "$(fleet '.devices[0] | "\(.counter) \(.version) \(.result) \(.mixed)"')" "4 4.0.0 installed false"
done_testing
