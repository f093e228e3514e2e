#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A release without an app does not withdraw the app that is on offer: boards take both.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh
. tests/net/board.sh

make_fleet esp32c3 || skip_all 'no workspace'
start_faulty
new_board || exit 1
push_release 1.1.0
for n in 1 2; do head -c $((3000 * n)) /dev/urandom >"$tmp/storage-$n.bin"; done
run otactl -C "$ws" push "$tmp/storage-1.bin:storage"
is data_push_succeeds "$rc:$err" '0:'
contains data_push_says_what_boards_take_first "$out" 'Boards take release 2 first'
contains data_version_keeps_that_of_the_app "$out" 'thermo 1.1.0+storage-'
run otactl -C "$ws" push "$tmp/storage-2.bin:storage" -n
contains data_replaced_by_newer_data_is_no_step "$out" 'Boards take release 2 first'
contains data_version_does_not_grow "$out" 'thermo 1.1.0+storage-'
run otactl -C "$ws" push "$tmp/storage-2.bin:storage" -n --from-min 1 --version mine
contains data_version_and_from_min_of_the_user_stay "$out" 'thermo mine for'
is data_own_from_min_prints_no_step "$(grep -c first <<<"$out")" 0
run otactl -C "$ws" push "$tmp/storage-2.bin:storage" -n --channel beta
is data_for_a_channel_that_offers_nothing "$(grep -c first <<<"$out")" 0
for _ in 1 2 3; do run otadevice run --flash "$board" --once; done
is data_board_runs_the_app_offered_before "$(running_version)" 1.1.0
otadevice read "$board" storage -o "$tmp/read.bin" --length 3000 >/dev/null
ok data_board_has_the_data cmp "$tmp/read.bin" "$tmp/storage-1.bin"
otactl -C "$ws" push "$tmp/storage-2.bin:storage" >/dev/null
for _ in 1 2; do run otadevice run --flash "$board" --once; done
otadevice read "$board" storage -o "$tmp/read.bin" --length 6000 >/dev/null
ok data_board_takes_newer_data cmp "$tmp/read.bin" "$tmp/storage-2.bin"
is data_board_keeps_the_app "$(running_version)" 1.1.0
done_testing
