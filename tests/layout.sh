#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The house: which folder may include which, what the core may use, and what may not be committed.
set -u
cd "$(dirname "$0")/.." || exit 1
n=0
report() { # name, offending lines
    n=$((n + 1))
    if [ -z "$2" ]; then echo "ok $n - $1"; else
        echo "not ok $n - $1"
        echo "$2" | sed 's/^/#   /'
        failed=1
    fi
}
failed=0

declare -A allowed=(
    [core]="ota core"
    [host]="ota core host"
    [image]="ota core host image"
    [release]="ota core host release"
    [sign]="ota core host release sign"
    [store]="ota core host store"
    [server]="ota core host store server"
    [sim]="ota core host image store sim"
    [ctl]="ota core host image sign store release ctl"
)
for folder in src/*/; do
    folder=$(basename "$folder")
    found=
    if [ -z "${allowed[$folder]:-}" ]; then
        found="src/$folder is not a room of the house"
    else
        pattern=$(echo "${allowed[$folder]}" | tr ' ' '|')
        found=$(grep -rnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' "src/$folder" | grep -vE "\"($pattern)/[a-z0-9_]+\.h\"")
    fi
    report "layout_${folder}_includes_only_what_it_may" "$found"
done

report "layout_firmware_includes_only_the_core_and_itself" \
    "$(grep -rnE --include="*.[ch]" '#[[:space:]]*include[[:space:]]*"(host|image|release|sign|store|server|ctl|sim)/' firmware)"
report "layout_public_headers_include_only_the_core" \
    "$(grep -rnE '#[[:space:]]*include[[:space:]]*"' include | grep -vE '"ota/[a-z_]+\.h"')"
report "layout_core_uses_no_platform" \
    "$(grep -rnE '#[[:space:]]*include[[:space:]]*<' include src/core | grep -vE '<(stdint|stddef|stdbool|string|stdarg)\.h>')"
report "layout_core_has_no_heap_or_platform_switch" \
    "$(grep -rnE --exclude=page_html.c '\b(malloc|calloc|realloc|free|printf|snprintf|sprintf|abort|exit)[[:space:]]*\(|ESP_PLATFORM|__linux__|__attribute__\(\(cleanup' src/core include/ota | grep -vE '^\S+:[0-9]+:[[:space:]]*(/?\*|//)')"
report "layout_only_main_verbs_and_args_print" \
    "$(grep -rnE '\b(printf|puts|fputs|fprintf|putchar)[[:space:]]*\(' src/core src/image src/sign src/release src/store | grep -v 'src/sign/otaserve_signer.c')"
report "layout_files_are_small" "$(find src include firmware -name '*.[ch]' -exec wc -l {} + | awk '$2 != "total" && $1 > 500')"
report "layout_every_source_names_its_license" \
    "$(find src include tests -name '*.[ch]' -exec grep -L 'SPDX-License-Identifier: Apache-2.0' {} +)"
if git rev-parse --git-dir >/dev/null 2>&1; then
    report "layout_no_private_key_is_committed" "$(git grep -lE -e '-----BEGIN (EC |RSA |ENCRYPTED )?PRIVATE KEY-----$' -- . ':!tests/layout.sh')"
    # shellcheck disable=SC2016
    report "layout_no_path_of_a_machine_is_committed" "$(git grep -nE '(^|[^A-Za-z0-9_.$}/])/(work|root|home/[a-z]+)/' -- . ':!tests/layout.sh' ':!LICENSE')"
fi

export LC_ALL=C # one order for sort and comm
# tests/ATTACKS.md and tests/TRAPS.md: what a table names is run, and no test of its kind is missing in it.
run=$(cat tests/unit/test_*.c tests/esp/test_*.c | tr -d ' \n' | grep -oE '(TEST(_WITH)?|cmocka_unit_test[a-z_]*)\(test_[a-z0-9_]+' | sed 's/.*(//' | sort -u)
suites=$(find tests/cli tests/net tests/long -name '*.sh' -perm /u+x | sort)
for one in an_attack a_trap; do
    kind=${one#*_}
    table=tests/${kind^^}S.md
    named=$(grep -oE '`(test_|tests/)[a-z0-9_./]+`' "$table" | tr -d '`' | sort -u)
    report "layout_every_test_of_${one}_runs" "$(comm -23 <(echo "$named") <(printf '%s\n' "$run" "$suites" | sort))"
    report "layout_every_test_of_${one}_is_listed" \
        "$(comm -13 <(echo "$named") <(grep -ohE "^static void test_${kind}_[a-z0-9_]+" tests/unit/test_*.c tests/esp/test_*.c | sed 's/.* //' | sort))"
    # A trap or attack without a test would be a promise only.
    report "layout_every_${kind}_has_a_test" "$(grep -E '^\| ' "$table" | grep -vE '^\| (attack|trap) \|' | grep -v "\`")"
done
echo "1..$n"
exit $failed
