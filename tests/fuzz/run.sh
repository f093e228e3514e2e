#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds the fuzzers and runs each for FUZZ_SECONDS (600), FUZZ_JOBS (2) at a time, from the committed corpus and from
# what earlier runs found.
#
#   tests/fuzz/run.sh BUILD/fuzz [NAME...]    all, or the named ones ("scan root")
#   tests/fuzz/run.sh --merge BUILD/fuzz [NAME...]  adds to the committed corpora what covers more, at most 4 KiB each
#
# A finding is kept below BUILD/fuzz/findings: run it with BUILD/debug/tests/fuzz/fuzz_NAME FILE, fix the bug, and commit
# the file to tests/fuzz/corpus/NAME.
set -u
cd "$(dirname "$0")/../.." || exit 1
merge=false
[ "${1:-}" = --merge ] && { merge=true; shift; }
case ${1:-} in '' | -*) echo "usage: tests/fuzz/run.sh [--merge] BUILD/fuzz [NAME...]" >&2; exit 2 ;; esac
out=$1
shift
seconds=${FUZZ_SECONDS:-600}
findings=$out/findings

fuzz_one() { # name
    local log=$out/$1.log seeds=tests/fuzz/corpus/$1 found=$out/corpus/$1
    mkdir -p "$found" "$findings"
    nice -n 19 "$out/tests/fuzz/fuzz_$1" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -dict=tests/fuzz/json.dict -artifact_prefix="$findings/$1-" "$found" "$seeds" >"$log" 2>&1
    local rc=$? runs cover
    runs=$(sed -nE 's/^stat::number_of_executed_units: +//p' "$log")
    cover=$(grep -oE 'cov: [0-9]+' "$log" | tail -1)
    if [ $rc -eq 0 ]; then
        echo "ok - fuzz_$1: ${runs:-0} executions in $seconds s, ${cover:-cov: 0}, no finding"
    else
        echo "not ok - fuzz_$1: $(grep -m1 -E 'broken promise|ERROR: |runtime error' "$log"); see $log"
        grep -E 'Test unit written' "$log"
    fi
    return $rc
}
[ "${1:-}" = --one ] && { fuzz_one "$2"; exit; }

command -v clang >/dev/null || OTA_DEPS_EXTRA='clang libclang-rt-14-dev' tests/deps.sh >/dev/null 2>&1
command -v clang >/dev/null || { echo "fuzz: clang is absent and cannot be installed" >&2; exit 1; }
make --no-print-directory CC="${FUZZ_CC:-clang}" BUILD="$(dirname "$out")" FLAVOUR=fuzz fuzzers || exit 1
[ $# -gt 0 ] || set -- $(basename -s .c -a tests/fuzz/fuzz_*.c | sed 's/^fuzz_//')
if $merge; then
    for name; do
        "$out/tests/fuzz/fuzz_$name" -set_cover_merge=1 -max_len=4095 "tests/fuzz/corpus/$name" "$out/corpus/$name" >"$out/$name.log" 2>&1 || exit 1
    done
    exit 0
fi
printf '%s\n' "$@" | xargs -P "${FUZZ_JOBS:-2}" -I{} "$0" "$out" --one {}
