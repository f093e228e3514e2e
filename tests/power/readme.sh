#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# README's tables between <!-- power: begin --> and <!-- power: end --> are what make power printed.
#
#   bash tests/power/readme.sh [--write] FILE     FILE: its output; without --write the difference, and 1 when there is one
readme=${OTA_TOP:-$(dirname "$0")/../..}/README.md
write=
[ "$1" = --write ] && { write=1; shift; }
table() { sed -n '/^update  /,$p' "$1"; }
if [ -z "$write" ]; then
    diff <(sed -n '/<!-- power: begin -->/,/<!-- power: end -->/p' "$readme" | grep -vE '^(<!--|```)') <(table "$1")
    exit
fi
new=$(mktemp)
trap 'rm -f "$new"' EXIT
{
    sed '/<!-- power: begin -->/q' "$readme"
    echo '```text'
    table "$1"
    echo '```'
    sed -n '/<!-- power: end -->/,$p' "$readme"
} >"$new" && cat "$new" >"$readme"
