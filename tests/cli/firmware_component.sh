#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make component: two ESP-IDF components that need nothing else of the repository. Compiled for real by tests/long/firmware.sh.
. "$OTA_TOP/tests/tap.sh"
version=$(sed -n 's/^VERSION := //p' Makefile)
component() { "$OTA_TOP/firmware/component.sh" "$version" "$@"; }
warn='-std=c11 -Wall -Wextra -Werror -D_GNU_SOURCE'
pkg=$tmp/pkg
ok firmware_component_is_written component "$pkg"
is firmware_component_holds_the_two "$(cd "$pkg" && echo *)" "ota_core ota_port_esp"
for name in ota_core ota_port_esp; do
    is "firmware_component_${name}_has_the_version_of_the_programs" "$(grep '^version:' "$pkg/$name/idf_component.yml")" "version: \"$version\""
    is "firmware_component_${name}_is_licensed" "$(cmp "$pkg/$name/LICENSE" LICENSE 2>&1)" ""
    is "firmware_component_${name}_in_the_tree_has_it_too" "$(grep '^version:' "firmware/components/$name/idf_component.yml")" "version: \"$version\""
done
# shellcheck disable=SC2016
is firmware_component_asks_no_registry "$(grep -hE '^  [a-z_]+:' "$pkg"/*/idf_component.yml | sort -u)" "$(printf '  idf: ">=5.5"\n  ota_core:')"
is firmware_component_options_have_help \
    "$(awk '/^ *config /{if (name) print name; name = $2} /^ *help *$/{name = ""} END {if (name) print name}' "$pkg/ota_port_esp/Kconfig")" ""

# It stands alone: compiled with nothing but its own folders.
core_compiles() {
    for f in "$pkg"/ota_core/core/*.c; do
        # shellcheck disable=SC2086
        ${CC:-cc} $warn -fsyntax-only -I"$pkg/ota_core/include" -I"$pkg/ota_core" "$f" || return 1
    done
}
ok firmware_component_core_compiles_by_itself core_compiles
is firmware_component_core_is_complete "$(cd "$pkg/ota_core/core" && echo *.c)" "$(cd src/core && echo *.c)"
# The port over the doubles of tests/esp, as far as they go.
port_compiles() {
    compiled=0
    for f in "$pkg"/ota_port_esp/src/*.c; do
        # shellcheck disable=SC2086
        set -- $warn -I"$pkg/ota_core/include" -I"$pkg/ota_port_esp/include" -I"$pkg/ota_port_esp/src" -Itests/esp -Itests/esp/idf
        ${CC:-cc} "$@" -MM "$f" >/dev/null 2>&1 || continue
        [ "${f##*/}" = crypto_psa.c ] && set -- "$@" -DOTA_ESP_SECURE
        ${CC:-cc} "$@" -fsyntax-only "$f" || return 1
        compiled=$((compiled + 1))
    done
    echo "$compiled sources"
    [ $compiled -ge 10 ]
}
ok firmware_component_port_compiles_by_itself port_compiles

# Somebody's application: the lines of the README, which is all that it shows.
readme=$pkg/ota_port_esp/README.md
block() { # language, number of the block in this language
    awk -v kind="\`\`\`$1" -v wanted="${2:-1}" '$0 == kind {on = ++n == wanted; next} /^```/ {on = 0} on' "$readme"
}
block c >"$tmp/readme.c"
{
    echo 'void app_main(void); void bring_the_network_up(void); void show(const char *);'
    cat "$tmp/readme.c"
} >"$tmp/main.c"
# shellcheck disable=SC2086
ok firmware_component_readme_compiles ${CC:-cc} $warn -fsyntax-only -I"$pkg/ota_core/include" -I"$pkg/ota_port_esp/include" "$tmp/main.c"
contains firmware_component_readme_starts_the_agent "$(cat "$tmp/readme.c")" "ota_esp_start("
contains firmware_component_readme_requires_the_port "$(block cmake)" "PRIV_REQUIRES ota_port_esp"
block csv >"$tmp/readme.csv"
mv "$tmp/readme.csv" "$tmp/partitions.csv" # the name that ESP-IDF looks for unless told another
# shellcheck disable=SC2016
contains firmware_component_readme_names_its_file "$(cat "$readme")" '`partitions.csv`'
ok firmware_component_readme_table_is_one_for_the_agent otactl table check "$tmp/partitions.csv" --flash-size 4MB
contains firmware_component_readme_flash_is_as_large "$(block ini)" "CONFIG_ESPTOOLPY_FLASHSIZE_4MB=y"
# With what `otactl firmware configure` writes beside it.
app=$tmp/app
mkdir -p "$app/main"
echo 'project(somebody)' >"$app/CMakeLists.txt"
block cmake 2 >"$app/main/CMakeLists.txt"
otactl init "$tmp/ws" --product thermo --chip esp32c3 --url https://ota.example:8443 >/dev/null
ok firmware_component_readme_trust_is_configured otactl -C "$tmp/ws" firmware configure "$app"
is firmware_component_readme_trust_embeds_what_is_written \
    "$(cd "$app/main" && grep -oE 'trust/[a-z.]+' CMakeLists.txt | xargs ls)" "$(printf 'trust/ca.pem\ntrust/root.json')"
{
    block c 2
    printf 'void app_main(void);\nvoid app_main(void) {\n    struct ota_err err;\n%s\n}\n' "$(block c 3)"
} >"$app/main/trust.c"
# shellcheck disable=SC2086
ok firmware_component_readme_trust_compiles ${CC:-cc} $warn -fsyntax-only -I"$pkg/ota_core/include" -I"$pkg/ota_port_esp/include" "$app/main/trust.c"

# Reproducible, whole or not at all, and nobody else's folder.
ok firmware_component_is_written_again component "$tmp/again"
ok firmware_component_is_reproducible diff -r "$pkg" "$tmp/again"
: >"$tmp/again/ota_core/stale.c"
touch -d '1 hour ago' "$tmp/built" # an object of a build with what was there before
ok firmware_component_replaces_its_own component "$tmp/again"
is firmware_component_is_noticed_by_a_build "$(find "$tmp/again" -type f ! -newer "$tmp/built")" ""
ok firmware_component_replaces_all_of_it diff -r "$pkg" "$tmp/again"
mkdir "$tmp/mine"
: >"$tmp/mine/thesis"
fails firmware_component_spares_a_folder_of_others 1 "was not made by make component" component "$tmp/mine"
ln -s "$pkg" "$tmp/link"
fails firmware_component_spares_a_link 1 "was not made by make component" component "$tmp/link"
fails firmware_component_wants_a_folder 2 "firmware/component.sh VERSION DIR" component ''
is firmware_component_leaves_nothing_behind "$(cd "$tmp" && ls -d *.new.* *.old.* 2>/dev/null)" ""
done_testing
