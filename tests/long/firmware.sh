#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The firmware against the headers, the build system and the Kconfig of ESP-IDF: firmware/check.sh for each tree of
# OTA_IDF_TREES (default: IDF_PATH, or ../idf/*). OTA_FIRMWARE_FULL=1: every chip and configuration, an hour a tree (OTA_SUITE_SECONDS).
. "$OTA_TOP/tests/tap.sh"
if [ -z "${OTA_IDF_TREES:-}" ]; then
    OTA_IDF_TREES=${IDF_PATH:-}
    [ -n "$OTA_IDF_TREES" ] || for d in "$OTA_TOP"/../idf/*/; do
        [ -e "$d/tools/cmake/project.cmake" ] && OTA_IDF_TREES="$OTA_IDF_TREES $d"
    done
fi
[ -n "$OTA_IDF_TREES" ] || skip_all "needs ESP-IDF: OTA_IDF_TREES or IDF_PATH"

check() { "$OTA_TOP/firmware/check.sh" --out "$tmp/$tree" "$@"; }
configs=$(for f in firmware/sdkconfig.ci.*; do name=${f##*sdkconfig.ci.}; echo "${name%%.*}"; done | sort -u)
chips_of() { # config: chips that have what it wants
    case $1 in
    ethernet) echo esp32 esp32p4 ;;
    recovery) echo esp32c5 esp32c61 esp32p4 ;;
    openeth) echo esp32c3 ;;
    *) echo esp32 esp32s2 esp32s3 esp32c2 esp32c3 esp32c5 esp32c6 esp32c61 esp32p4 ;;
    esac
}

package=$tmp/package
"$OTA_TOP/firmware/component.sh" 0.0.1 "$package" >/dev/null
block() { awk -v kind="\`\`\`$1" '$0 == kind {on = ++n == 1; next} /^```/ {on = 0} on' "$package/ota_port_esp/README.md"; }
app=$tmp/app
mkdir -p "$app/main"
cp -R "$package" "$app/components"
{
    echo 'cmake_minimum_required(VERSION 3.22)'
    printf '%s\n' 'include($ENV{IDF_PATH}/tools/cmake/project.cmake)' 'idf_build_set_property(MINIMAL_BUILD ON)' 'project(somebody)'
} >"$app/CMakeLists.txt"
block cmake >"$app/main/CMakeLists.txt"
{
    echo 'void app_main(void); void bring_the_network_up(void); void show(const char *);'
    block c
} >"$app/main/main.c"
block csv >"$app/partitions.csv"
block ini >"$app/sdkconfig.defaults"

for idf in $OTA_IDF_TREES; do
    tree=$(basename "$idf")
    run check --values "$idf" esp32c3
    [ "$rc" -eq 77 ] && skip_all "$err"
    if [ -n "${OTA_FIRMWARE_FULL:-}" ]; then
        for config in defaults $configs; do
            # shellcheck disable=SC2046
            ok "firmware_${tree}_${config}_type_checks_for_every_chip" check --config "$config" "$idf" $(chips_of "$config")
        done
    else
        ok "firmware_${tree}_type_checks_for_riscv" check --config openeth "$idf" esp32c3
        ok "firmware_${tree}_type_checks_for_xtensa" check --config plain "$idf" esp32s3
        ok "firmware_${tree}_type_checks_with_security" check --config secure_boot_fe "$idf" esp32c6
    fi
    for config in ethernet recovery openeth; do
        # shellcheck disable=SC2046
        ok "firmware_${tree}_${config}_values_hold" check --values --config "$config" "$idf" $(chips_of "$config")
    done
    # shellcheck disable=SC2046,SC2086
    ok "firmware_${tree}_other_values_hold" check --values --config defaults \
        $(printf -- '--config %s ' $configs | sed -E 's/--config (ethernet|recovery|openeth) //g') "$idf" all
    ok "firmware_${tree}_somebodys_application_type_checks_with_the_package" check --project "$app" "$idf" esp32c3
done

# What the check is for: it fails when it should.
broken() { rm -rf "$tmp/broken"; cp -R "$app" "$tmp/broken"; }
broken
sed -i 's/ PRIV_REQUIRES ota_port_esp//; s/main\.c/main.c PRIV_REQUIRES log/' "$tmp/broken/main/CMakeLists.txt"
run check --project "$tmp/broken" "$idf" esp32c3
is firmware_check_notices_a_component_that_requires_forgets "$rc" 1
contains firmware_check_names_the_header_that_is_missing "$out" "ota_esp.h: No such file"
broken
echo '#include "esp_partition.h"' >>"$tmp/broken/main/main.c"
sed -i 's/ota_port_esp/ota_port_esp app_update/' "$tmp/broken/main/CMakeLists.txt"
run check --project "$tmp/broken" "$idf" esp32c3
is firmware_check_notices_a_header_that_comes_by_chance "$rc" 1
contains firmware_check_names_the_component_of_the_header "$out" "esp_partition.h is of component esp_partition, which main does not name"
broken
echo 'int careless(void); int careless(void) { int unused; return 0; }' >>"$tmp/broken/main/main.c"
run check --project "$tmp/broken" "$idf" esp32c3
is firmware_check_notices_a_warning "$rc" 1
contains firmware_check_shows_the_warning "$out" "unused-variable"
broken
printf 'CONFIG_NO_SUCH_OPTION=y\nCONFIG_BOOTLOADER_APP_SECURE_VERSION=3\n' >>"$tmp/broken/sdkconfig.defaults"
run check --values --project "$tmp/broken" "$idf" esp32c3
is firmware_check_notices_values_that_do_not_hold "$rc" 1
contains firmware_check_names_the_option_that_is_not_known "$out" "CONFIG_NO_SUCH_OPTION is in no Kconfig"
contains firmware_check_names_the_value_that_does_not_hold "$out" "CONFIG_BOOTLOADER_APP_SECURE_VERSION=3 does not hold"
done_testing
