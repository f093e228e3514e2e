#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The worked example of firmware/doors.md compiles, and its options, keys and lines are those of the firmware.
. "$OTA_TOP/tests/tap.sh"
doc=firmware/doors.md main=firmware/main
awk -v dir="$tmp" '/^```c$/ {on = 1; name = ""; next} /^```$/ {on = 0} on && name == "" {name = $2; if ($0 !~ /^\/\* [a-z_]+\.[ch]/) name = "unnamed"; sub(/:$/, "", name)} on {print > dir "/" name}' $doc
is doors_example_has_four_files "$(cd "$tmp" && echo *.[ch])" 'door.c door.h door_ble.c door_uart.c'
# shellcheck disable=SC2086 # "ccache cc"
ok doors_example_compiles ${CC:-cc} -std=c11 -D_GNU_SOURCE -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Werror -fsyntax-only \
    -Iinclude -Ifirmware/components/ota_port_esp/include -I"$tmp" "$tmp/door.c"
unknown=
for o in $(grep -oE '`OTA_[A-Z_]+`' $doc | tr -d '\140' | sort -u); do
    grep -qrE "config $o\$" firmware/main/Kconfig.projbuild firmware/components/ota_port_esp/Kconfig || unknown="$unknown $o"
done
is doors_options_exist "$unknown" ""
contains doors_password_is_read_where_the_page_says "$(grep -A1 '#define SPACE' $main/softap.c)" '"softap"'
contains doors_password_key_is_the_one_of_the_page "$(cat $main/softap.c)" 'KEY_PASSWORD "password"'
lines=
for part in 'all of it is there already' 'not installed: %s' 'not yet: %s'; do grep -qF "$part" $main/card_files.c || lines="$lines $part"; done
is doors_lines_are_those_of_the_log "$lines" ""
done_testing
