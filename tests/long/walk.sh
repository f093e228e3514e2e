#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Random walks of simulated boards, and fleets whose server goes away, sanitized. `make walk` and `make outage` do more of both.
. "$OTA_TOP/tests/tap.sh"
cd "$OTA_TOP" || exit 1
programs() { make --no-print-directory FLAVOUR=debug build/debug/tests/power/walk build/debug/tests/power/outage; }
ok walk_and_outage_build programs
[ "$rc" -eq 0 ] || done_testing
run build/debug/tests/power/walk --seeds "${WALK_SEEDS:-500}" --jobs 2
tap_result $rc walk_breaks_no_invariant
tap_explain "$out" "$err"
run build/debug/tests/power/outage --boards 20
tap_result $rc outage_leaves_no_board_behind
tap_explain "$out" "$err"
done_testing
