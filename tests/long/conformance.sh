#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The public TUF conformance suite against the core's client: all of it with the host's verifier, all but three tests with the chip's.
. "$OTA_TOP/tests/tap.sh"
for name in TUF_CONFORMANCE PYTHON_TUF SECURESYSTEMSLIB; do
    [ -d "${!name:-}" ] || skip_all "$name does not name a folder with its sources; see make conformance"
done
for tool in faketime /usr/bin/pytest-3; do
    command -v "$tool" >/dev/null || OTA_DEPS_EXTRA='faketime python3-pytest python3-requests python3-cryptography' tests/deps.sh >/dev/null 2>&1
    command -v "$tool" >/dev/null || skip_all "$tool is absent and cannot be installed"
done
run make --no-print-directory BUILD="$tmp/build" conformance
tap_result $rc conformance_as_expected
grep -E '^tuf-client|^    failed:' <<<"$out" | sed 's/^/# /'
[ $rc -eq 0 ] || tap_explain "$err"
done_testing
