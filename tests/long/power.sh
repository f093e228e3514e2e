#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Power cuts: all of them and README's table of them, two cuts in one update on some boards, and faults that must be found.
. "$OTA_TOP/tests/tap.sh"
power=$tmp/build/tests/power/power
ok power_builds_without_a_warning make --no-print-directory -j2 CFLAGS=-Werror BUILD="$tmp/build" power-proofs
[ "$rc" -eq 0 ] || done_testing

run "$power" --json "$tmp/power.json"
tap_result $rc power_no_board_ends_as_it_may_not
[ $rc -eq 0 ] || tap_explain "$(grep ^FAIL <<<"$out" | head -20)" "$err"
printf '%s\n' "$out" >"$tmp/power.txt"
ok power_readme_shows_the_table bash tests/power/readme.sh "$tmp/power.txt"
is power_json_says_so "$(jq .ok "$tmp/power.json")" true

# ---- a second cut while the board recovers from the first ----
seed=${OTA_SEED:-$((RANDOM * 32768 + RANDOM))}
echo "# power --twice: OTA_SEED=$seed"
mapfile -t some < <("$power" --list | grep -v ^full | awk -v seed="$seed" 'BEGIN {srand(seed)} {print rand() "\t" $0}' | sort | head -24 | cut -f2)
chosen=()
for id in "${some[@]}"; do chosen+=(--case "$id"); done
run "$power" --twice "$seed" "${chosen[@]}"
tap_result $rc power_two_cuts_lose_no_board_either
[ $rc -eq 0 ] || tap_explain "$(grep ^FAIL <<<"$out" | head -20)" "$err"
echo "# $(grep '^all of them' <<<"$out" | awk '{print $6, "boards with two cuts"}')"

# ---- the proof can fail ----
tests/power/plant.py >"$tmp/plant" 2>&1
rc=$?
while read -r line; do
    case $line in
    'ok '* | 'not ok '*)
        name=${line#* - }
        tap_result "$([ "${line%% *}" = ok ]; echo $?)" "power_finds_${name%%: *}"
        ;;
    esac
done <"$tmp/plant"
tap_result $rc power_every_planted_fault_is_found
[ $rc -eq 0 ] || tap_explain "$(cat "$tmp/plant")"
done_testing
