#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A virtual board with Secure Boot V2: it trusts the keys that its bootloader was signed with, and takes no update by others.
. "$OTA_TOP/tests/tap.sh"
. "$OTA_TOP/tests/net/board.sh"

chip=esp32c3
otactl init "$ws" --product thermo --chip $chip --url https://localhost:1 >/dev/null || skip_all 'otactl init failed'
for key in own second strange; do otactl keys new --secure-boot rsa3072 -o "$tmp/$key.pem" >/dev/null; done
build() { # VERSION KEY...: signed by each
    local dir=$tmp/build-$1 keys=() key one
    for key in "${@:2}"; do keys+=(--secure-boot "$tmp/$key.pem"); done
    otadevice sample "$dir" --chip $chip --version "$1" >/dev/null
    jq '.SECURE_BOOT_V2_ENABLED = true | .SECURE_BOOT_BUILD_SIGNED_BINARIES = true | .SECURE_SIGNED_APPS_RSA_SCHEME = true' "$dir/config/sdkconfig.json" >"$tmp/sdk" && mv "$tmp/sdk" "$dir/config/sdkconfig.json"
    for one in bootloader/bootloader.bin thermo.bin; do otactl sign "${keys[@]}" "$dir/$one" -o "$dir/$one" >/dev/null; done
}
push() { otactl -C "$ws" push "$tmp/build-$1" --accept-change keys >/dev/null; }

build 1.0.0 own second
push 1.0.0
start_daemon "$ws" || exit 1
new_board || skip_all 'no board'
is secure_board_runs "$(running_version)" 1.0.0
build 2.0.0 own && push 2.0.0
ok secure_board_takes_an_update_by_its_key otadevice run --flash "$board" --once
is secure_board_runs_the_update "$(running_version)" 2.0.0
build 3.0.0 strange && push 3.0.0
run otadevice run --flash "$board" --once
contains secure_board_says_why_it_refuses "$err" "no eFuse trusts the key"
is secure_board_keeps_what_it_trusts "$(running_version)" 2.0.0
build 4.0.0 second && push 4.0.0
ok secure_board_takes_an_update_by_its_second_key otadevice run --flash "$board" --once
is secure_board_runs_what_its_second_key_signed "$(running_version)" 4.0.0
done_testing
