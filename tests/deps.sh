#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that building and testing need and that are missing. Does nothing when all are there.
set -eu
packages='gcc libc6-dev pkg-config libmicrohttpd-dev libgnutls28-dev libssl-dev libcurl4-openssl-dev libcjson-dev
libsqlite3-dev zlib1g-dev libcmocka-dev curl openssl jq python3 faketime iproute2 procps ca-certificates groff-base python3-jsonschema softhsm2 opensc libmbedtls-dev chromium'
# OpenSSL's way to PKCS#11 tokens: an engine in Debian 12, a provider in Debian 13. Tests that need it are skipped without.
token_packages='libengine-pkcs11-openssl pkcs11-provider'
[ -n "${OTA_DEPS_EXTRA:-}" ] && packages="$packages $OTA_DEPS_EXTRA"
installed() { dpkg-query -W -f '${Status}\n' "$1" 2>/dev/null | grep -q 'install ok installed'; }
missing=
for p in $packages; do
    installed "$p" || missing="$missing $p"
done
for p in $token_packages; do
    installed "$p" && token_packages=
done
[ -z "$missing$token_packages" ] && exit 0
if [ "$(id -u)" = 0 ]; then sudo=; elif command -v sudo >/dev/null; then sudo=sudo; else
    echo "deps: missing:$missing${token_packages:+ (one of) $token_packages}" >&2
    echo "deps: run as root: apt-get install$missing" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -qq >/dev/null
for p in $token_packages; do
    apt-cache show "$p" >/dev/null 2>&1 && missing="$missing $p" && break
done
[ -z "$missing" ] && exit 0
echo "deps: installing$missing"
# shellcheck disable=SC2086
$sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null
