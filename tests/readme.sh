#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# README's sessions are run, and what they print is compared with what README shows.
#
#   tests/readme.sh [--write]     --write puts what was printed into README instead of comparing; OTA_BIN holds the programs
#
# A session is what stands between <!-- NAME: begin --> and <!-- NAME: end -->: `demo` is tests/demo.sh, the others list commands after "$ ".
# An excerpt of it is shown; numbers, digests, dates, ports and the folder differ from run to run and are folded before the comparison.
. "${OTA_TOP:-$(dirname "$0")/..}/tests/tap.sh"
write=${1:-}
readme=$OTA_TOP/README.md

block() { sed -n "/<!-- $1: begin -->/,/<!-- $1: end -->/p" "$readme" | sed '1d;$d' | sed '/^```/d'; }
put_block() { # name, file
    awk -v name="$1" -v file="$2" '
        index($0, "<!-- " name ": begin -->") {print; print "```console"; while ((getline line < file) > 0) print line; print "```"; skip = 1}
        index($0, "<!-- " name ": end -->") {skip = 0}
        !skip {print}' "$readme" >"$tmp/readme.new"
    # the begin line was printed by the first rule already
    awk -v b="<!-- $1: begin -->" '{ if ($0 == b && last == b) next; print; last = $0 }' "$tmp/readme.new" >"$readme"
}
plain() { sed -E "s|$tmp/in-[a-z]+|/srv|g; s|${TMPDIR:-/tmp}/otaserve-demo\.[A-Za-z0-9]+|/srv|g; s|(localhost\|127\.0\.0\.1):[0-9]{4,5}|\1:8443|g"; }
fold() { plain | sed -E 's/[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:]+Z?/DATE/g; s/[0-9a-f]{8,}/HEX/g; s/[0-9]+([.,][0-9]+)?/N/g; s/ +/ /g; s/ $//'; }

# README shows the demo from step 6 on, and of each download only its end.
excerpt() { if [ "$1" = demo ]; then sed -n '/^6\. /,$p' | grep -vE 'bytes, [0-9]{1,2} %$'; else grep -vE 'bytes, [0-9]{1,2} %$'; fi; }

session() { # name
    mkdir -p "$tmp/in-$1"
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    block "$1" | grep '^\$ ' | sed "s/^\\$ //; s/8443/$port/g" >"$tmp/commands"
    (
        cd "$tmp/in-$1" || exit 1
        background=
        while read -r command; do
            echo "\$ $command"
            case $command in
            *'&')
                eval "${command%&} >$tmp/background.out 2>$tmp/background.err &"
                background=$!
                for _ in $(seq 100); do [ -s "$tmp/background.out" ] && break; sleep 0.05; done
                cat "$tmp/background.out"
                ;;
            *) eval "$command" || echo "(exit $?)" ;;
            esac
        done <"$tmp/commands"
        [ -n "$background" ] && kill "$background" && wait "$background"
    ) >"$tmp/$1.txt" 2>&1 </dev/null
}
for name in session keys bundle images; do session $name; done
BUILD_DIR=$OTA_BIN bash "$OTA_TOP/tests/demo.sh" >"$tmp/demo.txt" 2>&1 </dev/null
demo_rc=$?
if [ "$write" = --write ]; then
    for name in session keys bundle images demo; do
        excerpt $name <"$tmp/$name.txt" | plain >"$tmp/$name.plain"
        put_block $name "$tmp/$name.plain"
    done
    echo "README.md is written"
    exit $demo_rc
fi
is readme_demo_ends_well $demo_rc 0
for name in session keys bundle images demo; do
    is "readme_shows_what_the_${name}_prints" "$(diff <(block $name | fold) <(excerpt $name <"$tmp/$name.txt" | fold))" ""
done
is readme_sessions_have_no_failure "$(cat "$tmp/session.txt" "$tmp/keys.txt" "$tmp/bundle.txt" "$tmp/images.txt" | grep -c '^(exit')" 0
done_testing
