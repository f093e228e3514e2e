#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The board's upload page in a real browser: what it shows, how an upload goes and fails, and what a page of another site can do to it.
# OTA_WEB="test_x ..." runs these alone.
. "$OTA_TOP/tests/tap.sh"
chromium=$(command -v chromium || command -v chromium-headless-shell || command -v google-chrome) || skip_all 'no chromium'

ws=$tmp/ws
otactl init "$ws" --product thermo --chip esp32c3 --url https://localhost:1 >/dev/null || skip_all 'no workspace'
for v in 2.0.0 3.0.0; do otadevice sample "$tmp/build-$v" --chip esp32c3 --version $v --add-label assets >/dev/null; done
otadevice sample "$tmp/plain" --chip esp32c3 --version 1.0.0 >/dev/null
otadevice sample "$tmp/markup" --chip esp32c3 --version '<img src=x onerror=alert(1)>' >/dev/null
push() { otactl -C "$ws" push "$@" >"$tmp/push.out" 2>&1 || tap_explain "$(cat "$tmp/push.out")"; }
bundle() { otactl -C "$ws" bundle thermo "$1" -o "$tmp/$1.otab" >/dev/null; }
push "$tmp/plain"
bundle 1
push "$tmp/build-2.0.0" --with all --compatible --accept-brick-risk
bundle 2
push "$tmp/build-3.0.0"
bundle 3
board() { otadevice create -C "$ws" --from "$tmp/$1" --id "$2" -o "$tmp/$3.flash" >/dev/null; }
board plain kitchen new
board markup cellar markup
cp "$tmp/new.flash" "$tmp/old.flash"
otadevice bundle --flash "$tmp/old.flash" "$tmp/2.otab" >/dev/null 2>&1
# One bit of its app's last sector; and a name with markup in it, under a checksum that fits.
python3 - "$tmp" <<'END'
import sys
top = sys.argv[1]
wrong = bytearray(open(f"{top}/3.otab", "rb").read())
wrong[-6000] ^= 1
open(f"{top}/wrong.otab", "wb").write(wrong)
markup = bytearray(open(f"{top}/1.otab", "rb").read())
path = bytes(markup[:100]).rstrip(b"\0").replace(b"img/thermo", b"img/<b>bad")
markup[:100] = path[:100].ljust(100, b"\0")
markup[148:156] = b" " * 8
markup[148:156] = b"%06o\0 " % sum(markup[:512])
open(f"{top}/markup.otab", "wb").write(markup)
END
cp "$OTA_TOP/tests/web/page.py" "$tmp/page.py"
truncate -s 5M "$tmp/huge.otab"
# shellcheck disable=SC2086
PYTHONPATH=$OTA_TOP/tests/web PYTHONDONTWRITEBYTECODE=1 python3 "$OTA_TOP/tests/web/page.py" "$tmp" "$chromium" ${OTA_WEB:-} >"$tmp/tests" 2>"$tmp/python"
while read -r line; do
    case $line in
    'ok '*) tap_result 0 "web_${line#ok }" ;;
    'not ok '*)
        name=${line#not ok }
        tap_result 1 "web_${name%%:*}"
        tap_explain "${name#*: }" "OTA_WEB=test_${name%%:*} tests/run.sh tests/web/page.sh runs this again"
        ;;
    '#'*) echo "$line" ;;
    esac
done <"$tmp/tests"
ok web_driver_ran_to_its_end test ! -s "$tmp/python"
[ -s "$tmp/python" ] && tap_explain "$(cat "$tmp/python")"
done_testing
