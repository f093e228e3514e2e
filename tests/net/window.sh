#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A virtual board takes the compressed form, installs it in its maintenance window only, and does not fetch it twice.
. "$OTA_TOP/tests/tap.sh"
. "$OTA_TOP/tests/net/board.sh"

make_fleet esp32c3 || skip_all 'no workspace'
start_daemon "$ws" || exit 1
new_board || exit 1
push_release 1.1.0
clock() { date -u -d "$1" +%H:%M; }
later=$(clock '+2 hours')-$(clock '+4 hours') now=$(clock '-1 hours')-$(clock '+4 hours')
size=$(stat -c %s "$tmp/build-1.1.0/thermo.bin")
run otadevice run --flash "$board" --once --window "$later"
is window_waits "$rc:$(running_version)" 0:1.0.0
contains window_says_that_it_waits "$(tail -1 <<<"$out")" 'release 2 is staged and waits '
bytes=$(sed -nE 's/.*, ([0-9]+) bytes of images/\1/p' <<<"$out")
is window_fetches_the_compressed_form "$((bytes > 0 && bytes < size))" 1
run otadevice run --flash "$board" --once --window "$later" --json
is window_waits_in_json "$rc:$(jq -c '[.result, .waiting, .waits_s > 0, .image_bytes, .running.counter]' <<<"$out")" '0:["waits",2,true,0,1]'
run otadevice run --flash "$board" --once --window "$now" --json
is window_installs_without_another_download "$rc:$(jq -c '[.result, .waiting, .image_bytes, .running.version]' <<<"$out")" '0:["updated",null,0,"1.1.0"]'
ok window_board_has_the_app sh -c 'otadevice read "$1" @running -o "$2/app" --length "$3" >/dev/null && cmp "$2/app" "$2/build-1.1.0/thermo.bin"' - "$board" "$tmp" "$size"
push_release 1.2.0
run otadevice run --flash "$board" --once
is window_is_always_open_without_one "$rc:$(running_version)" 0:1.2.0
done_testing
