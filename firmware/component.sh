#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Writes the agent as two ESP-IDF components that need nothing else of this repository: ota_core with its sources inside,
# and ota_port_esp. What DIR held before is replaced as a whole, if this script made it.
#
#   firmware/component.sh VERSION DIR
set -eu
[ $# -eq 2 ] && [ -n "${2%/}" ] || { sed -nE '/^#   firmware/s/^# *//p' "$0" >&2; exit 2; }
version=$1 out=${2%/}
top=$(cd "$(dirname "$0")/.." && pwd)
mark=.otaserve-component

if [ -e "$out" ] || [ -L "$out" ]; then
    [ ! -L "$out" ] && [ -f "$out/$mark" ] || { echo "component: $out exists and was not made by make component; choose another OUT=" >&2; exit 1; }
fi
mkdir -p "$(dirname "$out")"
new=$out.new.$$ old=$out.old.$$
trap 'rm -rf "$new"' EXIT
trap 'exit 130' INT TERM
umask 022
mkdir -p "$new"
for name in ota_core ota_port_esp; do
    from=$top/firmware/components/$name
    cp -R "$from" "$new/$name"
    cp "$top/LICENSE" "$new/$name/"
    sed "s/^version: .*/version: \"$version\"/" "$from/idf_component.yml" >"$new/$name/idf_component.yml"
done
cp -R "$top/src/core" "$new/ota_core/core"
mkdir -p "$new/ota_core/include"
cp -R "$top/include/ota" "$new/ota_core/include/ota"
printf 'otaserve %s\n' "$version" >"$new/$mark"
# The same on any machine but for their times, which are now: a build that used what DIR held before has to notice.
find "$new" -type f -exec chmod 644 {} +

if [ -e "$out" ]; then
    mv "$out" "$old"
    mv "$new" "$out" || { mv "$old" "$out"; exit 1; }
    rm -rf "$old"
else
    mv "$new" "$out"
fi
echo "$out: ota_core and ota_port_esp $version; how to add them: $out/ota_port_esp/README.md"
