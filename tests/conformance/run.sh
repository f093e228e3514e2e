#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs theupdateframework/tuf-conformance against both clients and prints both counts.
#
#   TUF_CONFORMANCE=DIR PYTHON_TUF=DIR SECURESYSTEMSLIB=DIR tests/conformance/run.sh FOLDER_OF_CLIENTS
#
# The three folders are checkouts of the suite and of the two Python packages it needs. Clients must be built without sanitizers: faketime
# is preloaded into them. The host's client must pass every test; the chip's must fail those of other algorithms, and no other.
set -u
here=$(cd "$(dirname "$0")" && pwd)
clients=$(cd "${1:?usage: tests/conformance/run.sh FOLDER_OF_CLIENTS}" && pwd) || exit 2
for name in TUF_CONFORMANCE PYTHON_TUF SECURESYSTEMSLIB; do
    [ -d "${!name:-}" ] || { echo "conformance: $name does not name a folder with its sources" >&2; exit 2; }
done
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
# shellcheck source=tests/conformance/python.sh
. "$here/python.sh"
failed=0

# Names of failed tests go to $tmp/failed.
run_suite() { # client
    (cd "$TUF_CONFORMANCE" && python_tuf -m pytest -p no:cacheprovider -q -rfE --tb=no --rootdir="$TUF_CONFORMANCE" tuf_conformance \
        --entrypoint="$clients/$1") >"$tmp/$1.out" 2>&1
    case $? in 0 | 1) ;; *) tail -20 "$tmp/$1.out" && failed=1 ;; esac
    sed -nE 's/^(FAILED|ERROR) [^:]*::(.*)/\2/p' "$tmp/$1.out" | sed 's/ - .*//' | LC_ALL=C sort >"$tmp/failed"
    echo "$1: $(tail -1 "$tmp/$1.out" | sed 's/ in .*//; s/^=* //')"
    sed 's/^/    failed: /' "$tmp/failed"
}

run_suite tuf-client
[ -s "$tmp/failed" ] && failed=1
run_suite tuf-client-chip
cmp -s "$tmp/failed" "$here/chip.failures" || { echo "tuf-client-chip: other failures than tests/conformance/chip.failures lists"; failed=1; }
exit $failed
