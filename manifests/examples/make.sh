#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Makes the golden examples anew: manifests/examples/make.sh OUT_DIR, with the programs in PATH. The keys are thrown away.
#
# Product thermo on esp32c3. Release 1 is an app. Release 2 has all four kinds and is offered on stable; a virtual board updates to it and
# reports. Release 3 is an app that is offered to a quarter of beta.
set -euo pipefail
[ $# -eq 1 ] || { echo "usage: manifests/examples/make.sh OUT_DIR" >&2; exit 2; }
top=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
work=$(mktemp -d)
server=
finish() {
    rc=$?
    [ -n "$server" ] && { kill "$server"; wait "$server" || true; } 2>/dev/null
    rm -rf "$work"
    exit $rc
}
trap finish EXIT
trap 'exit 130' INT TERM
unset OTA_HOME
cd "$work"

otactl init home --product thermo --chip esp32c3 --url https://localhost:8443 >/dev/null
for version in 1.0.0 3.0.0; do otadevice sample "build-$version" --chip esp32c3 --version "$version" >/dev/null; done
otadevice sample build-2.0.0 --chip esp32c3 --version 2.0.0 --add-label assets >/dev/null
otactl -C home push build-1.0.0 >/dev/null

echo '[]' >rules.json
python3 "$top/tests/net/faulty_server.py" home/state/repo home/keys/server.crt home/keys/tls-server.pem rules.json >port 2>server.log </dev/null &
server=$!
for _ in $(seq 200); do [ -s port ] && break; sleep 0.05; done
[ -s port ] || { cat server.log >&2; exit 1; }
otadevice create -C home --from build-1.0.0 --id kitchen --url "https://localhost:$(cat port)" -o board >/dev/null
otadevice run --flash board --once >run.log 2>&1 || { cat run.log >&2; exit 1; }

echo 'Everything is new: table, bootloader, storage and app.' >notes.txt
otactl -C home push build-2.0.0 --with all --compatible --accept-brick-risk --notes notes.txt >/dev/null
otadevice run --flash board --once >run.log 2>&1 || { cat run.log >&2; exit 1; }
otactl -C home push build-3.0.0 --channel beta --share 25% --from-min 2 >/dev/null

newest() { printf '%s\n' home/state/repo/metadata/*."$1".json | sort -V | tail -1; }
for role in root targets snapshot rollout; do cp "$(newest $role)" "$out/$role.json"; done
cp "$(newest thermo)" "$out/product.json"
cp home/state/repo/metadata/timestamp.json "$out/"
cp rules.json.report "$out/report.json"
