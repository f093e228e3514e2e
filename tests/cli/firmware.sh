#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# otactl firmware configure: what a build brings along of a workspace.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh

ws=$tmp/ws fw=$tmp/fw
otactl init "$ws" --product thermo --chip esp32c3 --url https://ota.example:8443/ >/dev/null
project() { # folder: the least that is an ESP-IDF project
    mkdir -p "$1/main"
    echo 'project(app)' >"$1/CMakeLists.txt"
    echo 'idf_component_register()' >"$1/main/CMakeLists.txt"
}
project "$fw"
trust=$fw/main/trust
value() { # NAME: of the macro, as a C compiler reads it
    printf '#include <stdio.h>\n#include "trust.h"\nint main(void) { return fputs(OTA_TRUST_%s, stdout) < 0; }\n' "$1" >"$tmp/x.c"
    cc -std=c99 -Wall -Wextra -Werror -I"$trust" -o "$tmp/x" "$tmp/x.c" && "$tmp/x"
}

# ---- what is no project ----
mkdir "$tmp/empty"
fails configure_of_an_empty_folder 2 "$tmp/empty is no ESP-IDF project: it has no CMakeLists.txt" otactl -C "$ws" firmware configure "$tmp/empty"
fails configure_of_nothing 2 "is no ESP-IDF project" otactl -C "$ws" firmware configure "$tmp/none"
project "$tmp/half" && rm "$tmp/half/main/CMakeLists.txt"
fails configure_without_main 2 "no main/CMakeLists.txt" otactl -C "$ws" firmware configure "$tmp/half"
project "$tmp/lib" && echo 'idf_component_register()' >"$tmp/lib/CMakeLists.txt"
fails configure_of_a_component 2 "names no project" otactl -C "$ws" firmware configure "$tmp/lib"
fails configure_without_workspace 2 "otactl init" env -C "$tmp" otactl firmware configure "$fw"
is configure_wrote_nothing_yet "$(find "$tmp" -name 'trust*')" ""

# ---- what is written ----
ok configure otactl -C "$ws" firmware configure "$fw"
contains configure_says_what "$out" "thermo, channel stable, https://ota.example:8443/metadata"
contains configure_says_what_next "$out" "idf.py -C $fw build flash"
is configure_writes_three_files "$(ls "$trust")" "$(printf 'ca.pem\nroot.json\ntrust.h')"
ok configure_root_is_the_published_one cmp "$trust/root.json" "$ws/state/repo/metadata/1.root.json"
ok configure_ca_is_the_workspaces cmp "$trust/ca.pem" "$ws/keys/ca.crt"
for row in PRODUCT=thermo CHANNEL=stable URL_METADATA=https://ota.example:8443/metadata \
    URL_TARGETS=https://ota.example:8443/targets URL_API=https://ota.example:8443/api/v1; do
    is "configure_defines_${row%%=*}" "$(value "${row%%=*}")" "${row#*=}"
done
beside() { # HEADER...: in one source, each does its part
    printf '#include "%s"\n' "$@" >"$tmp/x.c"
    echo 'const char *product(const struct ota_trust *t) { return t->etag[0] ? OTA_TRUST_PRODUCT : 0; }' >>"$tmp/x.c"
    cc -std=c99 -Wall -Wextra -Werror -fsyntax-only -Iinclude -I"$fw/main" "$tmp/x.c"
}
ok configure_stands_beside_the_agents_header beside trust/trust.h ota/trust.h
ok configure_stands_behind_the_agents_header beside ota/trust.h trust/trust.h
is configure_holds_no_secret "$(grep -rlE 'PRIVATE|token' "$trust")" ""
is configure_left_nothing_beside_it "$(ls "$fw/main")" "$(printf 'CMakeLists.txt\ntrust')"

# ---- again ----
touch -d 2020-01-01 "$trust"/*
ok configure_again otactl -C "$ws" firmware configure "$fw/"
contains configure_again_is_up_to_date "$out" "$trust: up to date"
is configure_again_touches_nothing "$(find "$trust" -type f -newermt 2020-01-02)" ""
is configure_json "$(otactl -C "$ws" firmware configure "$fw" --json | jq -c '[.product,.channel,.url_api,.ca,.changed]')" \
    '["thermo","stable","https://ota.example:8443/api/v1",true,false]'
echo stale >"$trust/ca.pem"
is configure_repairs "$(otactl -C "$ws" firmware configure "$fw" --json | jq -c .changed) $(cmp "$trust/ca.pem" "$ws/keys/ca.crt")" "true "
ok configure_of_the_folder_here env -C "$tmp" otactl -C "$ws" firmware configure fw
mkdir "$tmp/checkout" && project "$tmp/checkout/firmware"
ok configure_finds_firmware env -C "$tmp/checkout" otactl -C "$ws" firmware configure
ok configure_of_firmware_is_the_same diff -r "$trust" "$tmp/checkout/firmware/main/trust"

# ---- options ----
ok configure_options otactl -C "$ws" firmware configure "$fw" --channel beta --url 'https://[fe80::1]:9/a"b\c??/' --no-ca
is configure_channel "$(value CHANNEL)" beta
is configure_escapes "$(value URL_METADATA)" 'https://[fe80::1]:9/a"b\c??/metadata'
is configure_without_ca_is_empty "$(stat -c %s "$trust/ca.pem") $(grep -c 'HAS_CA 0' "$trust/trust.h")" "0 1"
cp "$ws/state/repo/metadata/1.root.json" "$tmp/root.json"
ok configure_root otactl -C "$ws" firmware configure "$fw" --root "$tmp/root.json" --ca "$ws/keys/server.crt"
ok configure_ca cmp "$trust/ca.pem" "$ws/keys/server.crt"
fails configure_ca_and_no_ca 2 "contradict" otactl -C "$ws" firmware configure "$fw" --no-ca --ca "$ws/keys/ca.crt"
fails configure_channel_is_none 1 "no channel \"nightly\"" otactl -C "$ws" firmware configure "$fw" --channel nightly
fails configure_url_is_none 2 "https://HOST" otactl -C "$ws" firmware configure "$fw" --url http://h
fails configure_root_is_no_root 1 "$ws/ota.conf" otactl -C "$ws" firmware configure "$fw" --root "$ws/ota.conf"
fails configure_ca_is_no_certificate 1 "$ws/ota.conf" otactl -C "$ws" firmware configure "$fw" --ca "$ws/ota.conf"
fails configure_product_is_none 2 "no product \"valve\"" otactl -C "$ws" firmware configure "$fw" --product valve
ok configure_failures_left_all_as_it_was cmp "$trust/ca.pem" "$ws/keys/server.crt"
otactl init "$tmp/two" --product thermo --chip esp32c3 --product valve --chip esp32 >/dev/null
fails configure_wants_a_product 2 "Add --product with one of: thermo, valve" otactl -C "$tmp/two" firmware configure "$fw"
ok configure_product otactl -C "$tmp/two" firmware configure "$fw" --product valve
is configure_product_is_it "$(value PRODUCT)" valve

# ---- a workspace that pushes elsewhere: ota.conf and what it was given ----
mkdir -p "$tmp/away/keys" && cp "$ws/ota.conf" "$tmp/away" && cp "$ws/keys/root.json" "$ws/keys/ca.crt" "$tmp/away/keys"
ok configure_from_a_remote_workspace otactl -C "$tmp/away" firmware configure "$fw"
ok configure_from_a_remote_workspace_has_its_root cmp "$trust/root.json" "$ws/keys/root.json"
chmod 500 "$fw/main"
if touch "$fw/main/x" 2>/dev/null; then skip configure_of_a_folder_closed_to_me "this user may write everywhere"; else
    fails configure_of_a_folder_closed_to_me 1 "$fw/main/trust.new" otactl -C "$ws" firmware configure "$fw"
fi
done_testing
