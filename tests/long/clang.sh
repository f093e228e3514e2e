#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Everything compiles without a warning under clang, and the sanitized unit tests pass with it.
. "$OTA_TOP/tests/tap.sh"
command -v clang >/dev/null || OTA_DEPS_EXTRA='clang libclang-rt-14-dev' tests/deps.sh >/dev/null 2>&1
command -v clang >/dev/null || skip_all "clang is absent and cannot be installed"
ok clang_builds_without_a_warning make --no-print-directory -j2 CC=clang CFLAGS=-Werror BUILD="$tmp/build" FLAVOUR=debug tests-build
[ "$rc" -eq 0 ] || done_testing
run tests/run.sh --out "$tmp/build/debug" unit
tap_result $rc clang_unit_tests_pass
echo "# $(tail -1 <<<"$out")"
[ $rc -eq 0 ] || tap_explain "$out"
done_testing
