#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# firmware/partitions: every layout can be built where its configurations put the table, holds what the agent needs, and
# differs from its plain form only by the rows that its name says.
. "$OTA_TOP/tests/tap.sh"
cd firmware/partitions || exit 1

mb() { echo "${1%%mb*}"; }
recovery() { printf '0x%x' $(($(mb "$1") * 0x100000 - 0x10000)); } # the last 64 KiB
# Flash encryption and Secure Boot make larger bootloaders, so that the table lies further up.
offsets() { case $1 in *_encrypted* | *_virtual_efuse*) echo 0xC000 0xF000 ;; *) echo 0x8000 0xC000 ;; esac; }
# The bootloader lies highest on those with a recovery bootloader, and lowest on the ESP32-C3.
chip() { case $1 in *_recovery*) echo esp32c5 ;; *) echo esp32c3 ;; esac; }
table() { # verb file offset ...
    verb=$1 file=$2 offset=$3
    shift 3
    otactl table "$verb" "$file" --offset "$offset" --chip "$(chip "$file")" --flash-size "$(mb "$file")MB" --secure v2 \
        --recovery-bootloader-offset "$(recovery "$file")" "$@"
}
rows() { grep -v '^#' "$1" | sed 's/ //g'; }

for file in *.csv; do
    name=${file%.csv}
    for at in $(offsets "$file"); do
        run table check "$file" "$at" --json
        is "firmware_partitions_${name}_is_one_for_the_agent_at_$at" "$(jq -c '[.ok, .slots, .remarks]' <<<"$out")" '[true,2,[]]'
    done
    ok "firmware_partitions_${name}_is_built" table build "$file" "$at" -o "$tmp/$name.bin"
    ok "firmware_partitions_${name}_is_sound_when_built" otactl table check "$tmp/$name.bin" --offset "$at"
    is "firmware_partitions_${name}_slots_are_equal" "$(rows "$file" | awk -F, '$2 == "app" {print $5}' | sort -u | wc -l)" 1
    is "firmware_partitions_${name}_says_what_the_agent_needs" "$(rows "$file" | grep -E '^ota_(id|state),' | tr '\n' ' ')" \
        "ota_id,data,nvs,,16K,readonly ota_state,data,nvs,,40K, "

    base=$(sed -E 's/_(encrypted|virtual_efuse|primary|recovery)//g' <<<"$name")
    more=
    case $name in *_primary | *_recovery) more="PrimaryBTLDR PrimaryPrtTable" ;; esac
    case $name in *_encrypted* | *_virtual_efuse*) more="$more nvs_key" ;; esac
    case $name in *_virtual_efuse*) more="$more emul_efuse" ;; esac
    case $name in *_recovery) more="$more RecoveryBTLDR" ;; esac
    is "firmware_partitions_${name}_is_${base}_and_what_its_name_says" \
        "$(rows "$file" | sed 's/,encrypted$/,/' | grep -vxF "$(rows "$base.csv")" | cut -d, -f1 | xargs)" "$(xargs <<<"$more")"
    case $name in *_encrypted* | *_virtual_efuse*) wanted=$(rows "$base.csv" | grep -cE '^(storage|files),') ;; *) wanted=0 ;; esac
    is "firmware_partitions_${name}_encrypts_what_it_should" "$(rows "$file" | grep -c 'encrypted$')" "$wanted"
    # Anything but an app is staged in a hole of the table, if it is to spare the other slot.
    run otactl table show "$tmp/$name.bin" --offset "$at" --json
    is "firmware_partitions_${name}_leaves_room_to_stage" \
        "$(jq --argjson recovery $(($(recovery "$file"))) \
            '($recovery - ([.rows[] | select(.label != "RecoveryBTLDR") | .offset + .size] | max)) >= 65536' <<<"$out")" true
done
is firmware_partitions_there_are_layouts_for_all_flashes "$(for f in *.csv; do mb "$f"; done | sort -nu | xargs)" "4 8 16"
done_testing
