#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The core fits its budget on a 32-bit chip (tests/size/budget).
. "$OTA_TOP/tests/tap.sh"
run "$OTA_TOP/tests/size/size.py"
[ "$rc" -eq 77 ] && skip_all "$out"
tap_result "$rc" core_fits_its_budget
tap_explain "$out" "$err"
done_testing
