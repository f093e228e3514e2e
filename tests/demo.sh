#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# One virtual board from release 1 to release 2, over real HTTPS, with nothing left running. Called by `make demo`.
# BUILD_DIR holds the programs; DEMO_KEEP=1 keeps the folder.
set -euo pipefail
bin=${BUILD_DIR:?run this as: make demo}
PATH=$bin:$PATH
export LC_ALL=C
work=$(mktemp -d "${TMPDIR:-/tmp}/otaserve-demo.XXXXXX")
daemon=
finish() {
    rc=$?
    [ -n "$daemon" ] && kill "$daemon" 2>/dev/null && wait "$daemon" 2>/dev/null
    if [ "${DEMO_KEEP:-0}" = 1 ]; then echo "kept: $work"; else rm -rf "$work"; fi
    [ $rc -eq 0 ] || echo "demo: failed (exit $rc); DEMO_KEEP=1 make demo keeps its folder" >&2
    exit $rc
}
trap finish EXIT
trap 'exit 130' INT TERM
cd "$work"

step() { printf '\n\033[1m%s\033[0m\n' "$*" | if [ -t 1 ]; then cat; else sed 's/\x1b\[[0-9]*m//g'; fi; }
show() { echo "\$ $*"; "$@"; }

step '1. A product: keys, certificates and a signed, empty repository, in one command'
show otactl init home --product thermo --chip esp32c3 --url https://localhost
cd home

step '2. Version 1.0.0 of the firmware, as idf.py would leave it, becomes release 1'
show otadevice sample ../build-1 --chip esp32c3 --version 1.0.0
show otactl push ../build-1

step '3. The daemon serves it'
echo '$ otaserve --listen 127.0.0.1:0 &'
otaserve --listen 127.0.0.1:0 >../otaserve.out 2>../otaserve.log &
daemon=$!
for _ in $(seq 100); do grep -q 'boards use' ../otaserve.out && break; kill -0 $daemon || { cat ../otaserve.log; exit 1; }; sleep 0.05; done
cat ../otaserve.out
url=$(sed -nE 's/.*boards use (https:[^ ]+).*/\1/p' ../otaserve.out)

step '4. A board leaves the factory with 1.0.0, its own identity and the trusted root'
show otadevice create --from ../build-1 --id kitchen -o ../kitchen.flash --url "$url"
show otadevice run --flash ../kitchen.flash --once

step '5. Version 2.0.0 changes everything: partition table, storage, bootloader and app'
show otadevice sample ../build-2 --chip esp32c3 --version 2.0.0 --add-label assets
show otactl push ../build-2 --with all --compatible --accept-brick-risk

step '6. The board polls, verifies, stages, reboots, applies by label, confirms and reports'
show otadevice run --flash ../kitchen.flash --once

step '7. Nothing new: the next poll is one request that ends in 304'
show otadevice run --flash ../kitchen.flash --once

step '8. What the fleet says, and what is in the flash'
show otactl fleet list
show otadevice show ../kitchen.flash

step '9. Byte for byte'
compare() { # label, pushed file
    otadevice read ../kitchen.flash "$1" -o ../read.bin --length "$(stat -c %s "$2")" >/dev/null
    cmp "$2" ../read.bin
    printf '%-18s %7d bytes are those of %s\n' "$1" "$(stat -c %s "$2")" "${2#../}"
}
compare @partition-table ../build-2/partition_table/partition-table.bin
compare storage ../build-2/storage.bin
compare assets ../build-2/assets.bin
compare @bootloader ../build-2/bootloader/bootloader.bin
compare @ota ../build-2/thermo.bin
printf '\nThe board runs 2.0.0, as pushed.\n'
