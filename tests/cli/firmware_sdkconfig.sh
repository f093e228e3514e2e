#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# firmware/sdkconfig.*: what can be said of them without ESP-IDF. tests/long/firmware.sh asks its Kconfig.
. "$OTA_TOP/tests/tap.sh"
cd firmware || exit 1
configs=$(for f in sdkconfig.ci.*; do name=${f#sdkconfig.ci.}; echo "${name%%.*}"; done | sort -u)
value() { # name, files in order: the last one holds
    name=$1
    shift
    sed -n "s/^$name=//p" "$@" | tail -n 1 | tr -d '"'
}
for config in $configs; do
    set -- sdkconfig.defaults "sdkconfig.ci.$config"
    csv=$(value CONFIG_PARTITION_TABLE_CUSTOM_FILENAME "$@")
    offset=$(value CONFIG_PARTITION_TABLE_OFFSET "$@")
    recovery=$(value CONFIG_BOOTLOADER_RECOVERY_OFFSET "$@")
    chip=esp32c3
    [ -z "$recovery" ] || chip=esp32c5
    set -- --offset "${offset:-0x8000}" --chip $chip --flash-size 4MB
    [ -z "$recovery" ] || set -- "$@" --recovery-bootloader-offset "$recovery"
    ok "firmware_sdkconfig_${config}_puts_its_table_where_it_fits" otactl table check "$csv" "$@"
    # shellcheck disable=SC2046
    is "firmware_sdkconfig_${config}_sets_nothing_twice" \
        "$(sed -nE 's/^(CONFIG_[A-Z0-9_]+)=.*/\1/p' "sdkconfig.ci.$config" | sort | uniq -d)" ""
    contains "firmware_sdkconfig_${config}_says_what_it_is_for" "$(head -n 1 "sdkconfig.ci.$config")" "# "
    case $config in secure_boot_fe | anti_rollback) ;; *) continue ;; esac
    contains "firmware_sdkconfig_${config}_has_a_place_for_virtual_efuses" "$(cat "$csv")" "emul_efuse, "
done
is firmware_sdkconfig_variants_of_chips_have_a_base \
    "$(for f in sdkconfig.ci.*.*; do base=${f%.*}; [ -e "$base" ] || echo "$f"; done)" ""
is firmware_sdkconfig_an_app_never_confirms_itself "$(cat sdkconfig.* | grep -E 'CONFIRM_ON_STARTUP|ROLLBACK_ENABLE=n')" ""
contains firmware_sdkconfig_new_apps_run_on_trial "$(cat sdkconfig.defaults)" "CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE=y"
# Options of our own are known without ESP-IDF.
ours=$(sed -nE 's/^ *config (OTA_[A-Z0-9_]+).*/CONFIG_\1/p' components/*/Kconfig main/Kconfig.projbuild | sort -u)
is firmware_sdkconfig_options_of_ours_exist \
    "$(sed -nE 's/^#? ?(CONFIG_OTA_[A-Z0-9_]+)=.*/\1/p' sdkconfig.* | sort -u | grep -vxF "$ours")" ""
is firmware_sdkconfig_emulator_needs_no_typing "$(grep -E 'STDIN|WIFI' sdkconfig.ci.openeth)" ""
done_testing
