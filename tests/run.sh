#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs test suites, three at a time (some only wait), and counts their TAP lines. The last line is "N passed, N failed, N skipped".
#
#   tests/run.sh --out BUILD/FLAVOUR check|check-long|unit|SUITE...
#
# A suite is a unit test program (<out>/tests/test_x) or a script (tests/cli/x.sh, tests/net/x.sh, tests/web/x.sh, tests/fuzz/replay.sh, tests/layout.sh).
# One that ends non-zero without a "not ok" line counts as one failure. A suite is stopped after OTA_SUITE_SECONDS.
set -u
cd "$(dirname "$0")/.." || exit 1
top=$PWD
out=build/debug
[ "${1:-}" = --out ] && { out=$2; shift 2; }
case $out in /*) ;; *) out=$top/$out ;; esac
export OTA_TOP=$top OTA_BIN=$out OTA_SHARED=${OTA_SHARED:-$top/../shared}
export CMOCKA_MESSAGE_OUTPUT=TAP
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=1:allocator_may_return_null=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}

run_one() {
    suite=$1 results=$2
    log=$(mktemp "$results/log.XXXXXX")
    began=$SECONDS
    timeout --kill-after=10 "${OTA_SUITE_SECONDS:-420}" "$suite" >"$log" 2>&1 </dev/null
    rc=$?
    # cmocka 1.1.5 writes "not ok N # SKIP name" for a skipped test.
    sed -i -E 's/^not ok ([0-9]+) # SKIP (.*)/ok \1 - \2 # SKIP/' "$log"
    ok=$(grep -c '^ok ' "$log")
    skipped=$(grep -c '^ok .*# SKIP' "$log")
    bad=$(grep -c '^not ok ' "$log")
    [ $rc -ne 0 ] && [ "$bad" -eq 0 ] && { echo "not ok - ${suite#"$top"/} ended with $rc" >>"$log"; bad=1; }
    [ $rc -eq 0 ] && [ "$ok" -eq 0 ] && [ "$bad" -eq 0 ] && { echo "not ok - ${suite#"$top"/} ran no test" >>"$log"; bad=1; }
    exec 9>"$results/print.lock"
    flock 9
    echo "# ${suite#"$top"/} ($((SECONDS - began)) s)"
    if [ "$bad" -gt 0 ]; then cat "$log"; else grep -E '^(ok |# )' "$log"; fi
    echo "$((ok - skipped)) $bad $skipped ${suite#"$top"/}" >>"$results/counts"
}
if [ "${1:-}" = --one ]; then
    run_one "$2" "$3"
    exit 0
fi

suites() {
    case $1 in
    unit) find "$out/tests" -maxdepth 1 -name 'test_*' -type f -executable ! -name '*.*' | sort ;;
    check) suites unit; find tests/layout.sh tests/fuzz/replay.sh tests/power tests/cli tests/net tests/web -name '*.sh' -perm /u+x | sort | sed "s|^|$top/|" ;;
    check-long) find tests/long -name '*.sh' | sort | sed "s|^|$top/|" ;;
    *) for s in "$@"; do [ -e "$out/tests/$s" ] && echo "$out/tests/$s" || realpath "$s"; done ;;
    esac
}
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
: >"$results/counts"
suites "$@" | xargs -r -P "${OTA_TEST_JOBS:-3}" -I{} "$0" --out "$out" --one {} "$results"
read -r passed failed skipped <<<"$(awk '{p+=$1; f+=$2; s+=$3} END {print p+0, f+0, s+0}' "$results/counts")"
[ "$failed" -gt 0 ] && { echo "# failed in:"; awk '$2 {print "#   " $4}' "$results/counts"; }
[ $((passed + failed + skipped)) -eq 0 ] && { echo "# no test was found"; failed=1; }
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
