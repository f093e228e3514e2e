#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that building and testing need and that are missing. Does nothing when all are there.
set -eu
packages='gcc libc6-dev pkg-config libmicrohttpd-dev libgnutls28-dev libssl-dev libcurl4-openssl-dev libcjson-dev
libsqlite3-dev libcmocka-dev curl openssl jq python3 iproute2 procps ca-certificates groff-base python3-jsonschema'
[ -n "${OTA_DEPS_EXTRA:-}" ] && packages="$packages $OTA_DEPS_EXTRA"
missing=
for p in $packages; do
    dpkg-query -W -f '${Status}\n' "$p" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $p"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ]; then sudo=; elif command -v sudo >/dev/null; then sudo=sudo; else
    echo "deps: missing:$missing" >&2
    echo "deps: run as root: apt-get install$missing" >&2
    exit 1
fi
echo "deps: installing$missing"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086
$sudo apt-get update -qq >/dev/null
# shellcheck disable=SC2086
$sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null
