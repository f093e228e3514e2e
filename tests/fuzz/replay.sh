#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every harness reads its corpus without a finding; needs no fuzzer.
. "$OTA_TOP/tests/tap.sh"
for source in tests/fuzz/fuzz_*.c; do
    name=$(basename "$source" .c)
    files=(tests/fuzz/corpus/"${name#fuzz_}"/*)
    ok "${name}_reads_its_${#files[@]}_files" "$OTA_BIN/tests/fuzz/$name" "${files[@]}"
done
is fuzz_corpora_are_small "$(find tests/fuzz/corpus -type f -size +4095c)" ""
done_testing
