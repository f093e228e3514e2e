#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Boards without a network: a bundle made from the workspace, put into the board as an SD card. No server runs.
. "$OTA_TOP/tests/tap.sh"

ws=$tmp/ws board=$tmp/board.flash
otactl init "$ws" --product thermo --chip esp32c3 --product valve --chip esp32c3 --url https://localhost:1 >/dev/null || skip_all 'no workspace'
release() { # VERSION PRODUCT [SAMPLE OPTION... -- PUSH OPTION...]
    version=$1 product=$2
    shift 2
    options=()
    while [ $# -gt 0 ] && [ "$1" != -- ]; do options+=("$1"); shift; done
    [ $# -gt 0 ] && shift
    otadevice sample "$tmp/build-$version" --chip esp32c3 --version "$version" "${options[@]}" >/dev/null &&
        otactl -C "$ws" push --product "$product" "$tmp/build-$version" "$@" >"$tmp/push.out" 2>&1 || tap_explain "push of $version" "$(cat "$tmp/push.out")"
}
bundle() { otactl -C "$ws" bundle "$1" "$2" -o "$tmp/$1-$2.otab" >"$tmp/bundle.out" 2>&1 || tap_explain "$(cat "$tmp/bundle.out")"; }
release 1.0.0 thermo
otadevice create -C "$ws" --from "$tmp/build-1.0.0" --product thermo -o "$tmp/new.flash" >/dev/null || skip_all 'no board'
release 2.0.0 thermo --add-label assets -- --with all --compatible --accept-brick-risk
bundle thermo 1
bundle thermo 2
insert() { # FILE [OPTION...]: into a board as it left the factory
    cp "$tmp/new.flash" "$board"
    run otadevice bundle --flash "$board" "$@"
}
show() { otadevice show "$board" --json | jq -r "$1"; }
holds() { # label, file
    otadevice read "$board" "$1" -o "$tmp/read.bin" --length "$(stat -c %s "$2")" >/dev/null && cmp -s "$2" "$tmp/read.bin"
}
whole() {
    holds @running "$tmp/build-2.0.0/thermo.bin" && holds @bootloader "$tmp/build-2.0.0/bootloader/bootloader.bin" &&
        holds storage "$tmp/build-2.0.0/storage.bin" && holds assets "$tmp/build-2.0.0/assets.bin" &&
        holds @partition-table "$tmp/build-2.0.0/partition_table/partition-table.bin"
}

# ---- installed ----
insert "$tmp/thermo-2.otab"
is bundle_installs "$rc:$(tail -1 <<<"$out")" '0:updated: release 2 (2.0.0), before it release 1 (1.0.0)'
is bundle_speaks_of_no_requests "$(grep -c request <<<"$out")" 0
contains bundle_app_proves_itself_by_the_file "$err" 'the bundle confirms it'
ok bundle_puts_everything_in_place whole
is bundle_leaves_a_confirmed_app "$(show '[.running.version, (.otadata[] | select(.active).state), .mixed, .journal] | map(tostring) | join(" ")')" '2.0.0 valid false null'
is bundle_keeps_its_report "$(show .last.result)" installed
run otadevice bundle --flash "$board" "$tmp/thermo-2.otab" --json
is bundle_a_second_time_is_refused "$rc:$(jq -r '[.result, .error.code, .running.version, .reboots] | join(" ")' <<<"$out")" '1:failed counter 2.0.0 0'
insert "$tmp/thermo-2.otab" --json
is bundle_json "$rc:$(jq -c '[.result, .from.version, .running.version, .label, .requests, .mixed]' <<<"$out")" '0:["updated","1.0.0","2.0.0","ota_1",0,false]'

# ---- the same reaches a board whose app has no network, and is reported later ----
start_daemon "$ws" || exit 1
cp "$tmp/new.flash" "$board"
rm "$board" && otadevice create -C "$ws" --from "$tmp/build-1.0.0" --product thermo --id later -o "$board" --url "$daemon_url" >/dev/null
run otadevice bundle --flash "$board" "$tmp/thermo-2.otab"
is bundle_nobody_was_told "$rc:$(otactl -C "$ws" fleet list --json | jq -r '.devices[] | select(.id == "later").seen')" '0:0'
run otadevice run --flash "$board" --once
is bundle_is_reported_by_the_next_run "$rc:$(otactl -C "$ws" fleet list --json | jq -r '.devices[] | select(.id == "later") | "\(.counter) \(.result)"')" '0:2 installed'
stop_daemon

# ---- refused, and the board goes on as before ----
refused() { # name, part of the reason, FILE
    insert "$3"
    is "bundle_refuses_$1" "$rc:$(show .running.version)" 1:1.0.0
    contains "bundle_says_why_it_refuses_$1" "$err" "$2"
    is "bundle_refuses_${1}_in_one_line" "$(grep -c '^otadevice: ' <<<"$err")" 1
}
refused an_older_one 'release 1 (1.0.0) is not newer than release 1 (1.0.0)' "$tmp/thermo-1.otab"
release 1.0.1 valve
bundle valve 1
refused another_product 'a bundle for product valve; this board is a thermo' "$tmp/valve-1.otab"
size=$(stat -c %s "$tmp/thermo-2.otab")
for n in 0 511 30000 $((size - 512)); do
    head -c "$n" "$tmp/thermo-2.otab" >"$tmp/short.otab"
    refused "one_cut_at_$n" 'before it is complete' "$tmp/short.otab"
done
cp "$tmp/thermo-2.otab" "$tmp/bent.otab"
printf x | dd of="$tmp/bent.otab" bs=1 seek=$((size - 100000)) conv=notrunc status=none
refused a_changed_one 'SHA-256' "$tmp/bent.otab"
refused an_app_image 'this is no bundle' "$tmp/build-2.0.0/thermo.bin"
refused a_missing_file 'No such file' "$tmp/none.otab"
refused a_folder 'is no file' "$tmp/build-2.0.0"
otactl init "$tmp/others" --product thermo --chip esp32c3 --url https://localhost:1 >/dev/null
otactl -C "$tmp/others" push "$tmp/build-1.0.0" >/dev/null && otactl -C "$tmp/others" push "$tmp/build-2.0.0" >/dev/null
otactl -C "$tmp/others" bundle thermo 2 -o "$tmp/foreign.otab" >/dev/null
refused the_one_of_a_stranger 'sign' "$tmp/foreign.otab"

# ---- faulty ----
release 3.0.0 thermo --faulty
bundle thermo 3
insert "$tmp/thermo-2.otab"
cp "$board" "$tmp/two.flash"
run otadevice bundle --flash "$board" "$tmp/thermo-3.otab"
is bundle_with_a_faulty_app_rolls_back "$rc:$(show .running.version):$(show .last.result)" 1:2.0.0:rolled-back
contains bundle_with_a_faulty_app_says_so "$err" 'self-test'
run otadevice bundle --flash "$board" "$tmp/thermo-3.otab"
contains bundle_that_failed_is_not_tried_again "$rc:$err" 'failed on this board'
release 4.0.0 thermo --no-network
bundle thermo 4
cp "$tmp/two.flash" "$board"
run otadevice bundle --flash "$board" "$tmp/thermo-4.otab"
is bundle_brings_an_app_without_network "$rc:$(show .running.version)" 0:4.0.0

# ---- power ----
# Without bootloader and table, which have their window on a chip without recovery.
release 5.0.0 thermo -- --with storage --compatible
bundle thermo 5
whole_5() { holds @running "$tmp/build-5.0.0/thermo.bin" && holds storage "$tmp/build-5.0.0/storage.bin"; }
insert "$tmp/thermo-5.otab" --json
operations=$(jq .flash_operations <<<"$out")
seed=${OTA_SEED:-$$}
RANDOM=$seed
echo "# seed $seed (OTA_SEED=$seed runs this again), $operations operations"
bad=
for _ in $(seq ${OTA_CUTS:-8}); do
    n=$((1 + RANDOM % operations))
    insert "$tmp/thermo-5.otab" --power-cut $n
    { [ "$rc" = 0 ] && whole_5; } || bad="$bad $n"
done
is bundle_survives_a_power_cut_anywhere "$bad" ""
bad=
for n in $(seq 5); do
    cp "$tmp/new.flash" "$board"
    otadevice bundle --flash "$board" "$tmp/thermo-2.otab" >"$tmp/killed.out" 2>&1 &
    pid=$!
    sleep "0.$(printf '%03d' $((RANDOM % 500)))"
    kill -9 $pid 2>/dev/null
    wait $pid 2>/dev/null
    run otadevice bundle --flash "$board" "$tmp/thermo-2.otab"
    whole || bad="$bad $n"
done
is bundle_goes_on_after_kill_9 "$bad" ""

# ---- command line ----
fails bundle_wants_a_flash 2 '--flash is required' otadevice bundle "$tmp/thermo-2.otab"
fails bundle_wants_a_file 2 '' otadevice bundle --flash "$board"
fails bundle_wants_a_board 1 'none.flash' otadevice bundle --flash "$tmp/none.flash" "$tmp/thermo-2.otab"
done_testing
