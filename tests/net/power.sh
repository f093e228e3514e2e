#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Power cut in the middle of a flash operation of a whole update: whenever it comes, the board ends up with the new release, each partition as pushed.
# Without ROM recovery there is one window: the sector of the partition table, between its erase and its write.
# OTA_CUTS cuts are spread over the update; OTA_CUT=N runs that one alone.
. "$OTA_TOP/tests/tap.sh"
. "$OTA_TOP/tests/net/board.sh"

make_fleet esp32c3
start_daemon "$ws"
new_board
cp "$board" "$tmp/before.flash"
ok power_release_is_pushed push_release 2.0.0 --add-label assets -- --with storage --with assets --with @partition-table --compatible --accept-brick-risk

as_pushed() {
    for pair in @running:thermo.bin storage:storage.bin assets:assets.bin @partition-table:partition_table/partition-table.bin; do
        file=$tmp/build-2.0.0/${pair#*:}
        otadevice read "$board" "${pair%%:*}" -o "$tmp/read.bin" --length "$(stat -c %s "$file")" >/dev/null && cmp "$file" "$tmp/read.bin" || return 1
    done
}
run otadevice run --flash "$board" --once --json
is power_uncut_update_runs "$rc-$(jq -r .running.version <<<"$out")" 0-2.0.0
operations=$(jq .flash_operations <<<"$out")
ok power_uncut_update_is_as_pushed as_pushed

cut() {
    cp "$tmp/before.flash" "$board"
    run otadevice run --flash "$board" --once --power-cut "$1"
    [ "$rc" -eq 0 ] && [ "$(running_version)" = 2.0.0 ] && grep -q "power was cut at flash operation $1;" <<<"$err" && as_pushed && return 0
    case $err in *"does not boot: partition table"*)
        window=$((window + 1))
        [ $window -le 2 ] && return 0
        ;;
    esac
    tap_explain "power cut at flash operation $1 (OTA_CUT=$1 runs this again): exit $rc" "$(tail -5 <<<"$out
$err")"
    return 1
}
if [ -n "${OTA_CUT:-}" ]; then cuts=$OTA_CUT; else cuts=$(seq 1 $(((operations + ${OTA_CUTS:-20} - 1) / ${OTA_CUTS:-20})) "$operations"); fi
bad=0 count=0 window=0
for n in $cuts; do
    count=$((count + 1))
    cut "$n" || bad=$((bad + 1))
done
echo "# $count cuts in $operations flash operations, $window of them in the sector of the partition table"
is power_cuts_are_survived "$bad of $count" "0 of $(wc -w <<<"$cuts")"
done_testing
