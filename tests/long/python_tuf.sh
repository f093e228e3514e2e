#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Interop the other way: python-tuf's own client follows a repository that otaserve serves over HTTPS, across two pushes.
# PYTHON_TUF and SECURESYSTEMSLIB name folders with the two packages' sources; without them the packages must be installed.
. "$OTA_TOP/tests/tap.sh"
. tests/net/board.sh
PYTHON_TUF=${PYTHON_TUF:-} SECURESYSTEMSLIB=${SECURESYSTEMSLIB:-}
. tests/conformance/python.sh
python_tuf -c 'import requests, tuf.ngclient, securesystemslib' 2>/dev/null || skip_all 'python-tuf is neither installed nor named by PYTHON_TUF'

cat >"$tmp/client.py" <<'PYTHON'
"""client.py METADATA_DIR URL TARGET_DIR NAME...: refreshes, then looks up each target and downloads those that have bytes."""
import os
import sys
from tuf.ngclient import Updater

metadata, url, targets, *names = sys.argv[1:]
updater = Updater(metadata, url + "/metadata/", targets, url + "/targets/")
updater.refresh()
for name in names:
    info = updater.get_targetinfo(name)
    if info is None:
        sys.exit(f"{name}: not in the repository")
    if info.length:
        updater.download_target(info, os.path.join(targets, name.replace("/", "_")))
    print(name, info.length)
PYTHON
follow() { # NAME...
    REQUESTS_CA_BUNDLE=$ws/keys/ca.crt python_tuf "$tmp/client.py" "$tmp/metadata" "$daemon_url" "$tmp/targets" "$@"
}
version_of() { sed -nE 's/.*"version":([0-9]+)\}\}?$/\1/p' "$tmp/metadata/$1.json"; }

make_fleet esp32c3 || { ok python_tuf_fleet false; done_testing; }
mkdir "$tmp/metadata" "$tmp/targets"
cp "$ws/state/repo/metadata/1.root.json" "$tmp/metadata/root.json"
start_daemon "$ws" || { ok python_tuf_daemon_starts false; done_testing; }

ok python_tuf_refreshes_and_downloads follow img/thermo/1/app.bin img/thermo/1/release.txt rollout/thermo/stable
app=$(find "$ws/state/repo/targets/img/thermo/1" -name '*.app.bin')
ok python_tuf_has_release_1_byte_for_byte cmp "$tmp/targets/img_thermo_1_app.bin" "$app"
ok python_tuf_knows_the_product_role test -s "$tmp/metadata/thermo.json"
snapshot=$(version_of snapshot)
fails python_tuf_finds_no_release_2_yet 1 'img/thermo/2/app.bin: not in the repository' follow img/thermo/2/app.bin

ok python_tuf_second_push push_release 2.0.0
ok python_tuf_follows_the_second_push follow img/thermo/2/app.bin img/thermo/2/release.txt rollout/thermo/stable
app=$(find "$ws/state/repo/targets/img/thermo/2" -name '*.app.bin')
ok python_tuf_has_release_2_byte_for_byte cmp "$tmp/targets/img_thermo_2_app.bin" "$app"
ok python_tuf_snapshot_went_up test "$(version_of snapshot)" -gt "$snapshot"

# Its own rules hold against us, too: a target that is not what was signed is refused.
printf X | dd of="$app" bs=1 seek=100 conv=notrunc status=none
rm "$tmp/targets/img_thermo_2_app.bin"
run follow img/thermo/2/app.bin
contains python_tuf_refuses_a_changed_image "$err" LengthOrHashMismatchError
done_testing
