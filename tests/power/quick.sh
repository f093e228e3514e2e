#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The power cuts of make power, on a few boards: each operation undone or half done. tests/long/power.sh has all of them.
. "${OTA_TOP:-$(dirname "$0")/../..}/tests/tap.sh"
power=$OTA_BIN/tests/power/power
id=all/hole/esp32c3/plain/install

run "$power" --quick --json "$tmp/power.json"
tap_result $rc power_no_board_ends_as_it_may_not
[ $rc -eq 0 ] || tap_explain "$(grep ^FAIL <<<"$out")" "$err"
number() { jq "[.cuts[]$1] | add" "$tmp/power.json"; }
is power_cuts_each_operation_twice "$(number .cuts)" "$(($(number .operations) * 2))"
is power_mixes_no_partition "$(number .mixed)" 0
is power_leaves_no_board_behind "$(number '|.behind + .crashed')" 0
is power_loses_no_board_outside_of_the_window "$(jq '[.cuts[] | select(.unsafe_max == 0) | .bricks] | add' "$tmp/power.json")" 0
is power_window_is_table_and_bootloader "$(jq -c '[.cuts[] | select(.update == "all") | [.recovery, .unsafe, .unsafe_max]]' "$tmp/power.json")" \
    '[[false,6,6],[true,2,2]]'
is power_unchanged_release_erases_nothing "$(jq '.cuts[] | select(.update == "nothing has changed") | .sectors_erased' "$tmp/power.json")" 0

# ---- one cut again ----
fatal=$(sed -n "s|^fatal in $id: ||p" <<<"$out")
run "$power" --case $id --cut "${fatal%% *}:bits"
is power_replays_a_fatal_cut $rc 1
contains power_says_what_the_cut_met "$out" 'cut at the erase at 0x8000'
contains power_says_what_became_of_it "$out" 'does not boot: '
run "$power" --case $id --cut "$((${fatal%% *} - 1)):after+3:torn"
is power_replays_two_cuts $rc 0
contains power_replay_shows_the_log "$err" 'release 2 (2.0.0) is installed'
fails power_refuses_an_unknown_cut 2 117:never "$power" --case $id --cut 117:never
done_testing
