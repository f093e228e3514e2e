#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What people install: the release build without a warning, its suites, and `make install` into a staging folder.
. "$OTA_TOP/tests/tap.sh"
ok release_builds_without_a_warning make --no-print-directory -j2 CFLAGS=-Werror BUILD="$tmp/build" tests-build
[ "$rc" -eq 0 ] || done_testing # what lies in PATH beside it would be tested instead
run tests/run.sh --out "$tmp/build" check
tap_result $rc release_passes_every_suite
echo "# $(tail -1 <<<"$out")"
[ $rc -eq 0 ] || tap_explain "$(grep -vE '^(ok|#) ' <<<"$out")"
ok release_installs make --no-print-directory BUILD="$tmp/build" PREFIX="$tmp/prefix" install
for program in bin/otactl bin/otadevice sbin/otaserve; do
    is "release_installed_$(basename $program)_runs" "$("$tmp/prefix/$program" --version | cut -d' ' -f1)" "$(basename $program)"
done
ok release_installed_signer_is_found bash -c "cd '$tmp' && PATH='$tmp/prefix/bin':\$PATH && otactl init ws --product p --chip esp32 >/dev/null &&
    otadevice sample b --chip esp32 --version 1 >/dev/null && otactl -C ws push b"
ok release_uninstalls make --no-print-directory BUILD="$tmp/build" PREFIX="$tmp/prefix" uninstall
is release_uninstall_leaves_no_file "$(find "$tmp/prefix" -type f)" ""
done_testing
