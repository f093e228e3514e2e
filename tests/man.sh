#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The man pages against the programs.
#
#   tests/man.sh OUT_DIR           TAP: generated parts, options, status names, roff, commands that README and man show
#   tests/man.sh --write OUT_DIR   writes the generated parts
#
# OUT_DIR holds the programs. A generated part lies between `.\" generated: begin PART` and `.\" generated: end`; PART is
# synopsis (first section of PROGRAM --man), options (the rest of it) or errors (include/ota/err.h).
set -u
cd "$(dirname "$0")/.." || exit 1
write=
[ "${1:-}" = --write ] && { write=1; shift; }
[ $# -eq 1 ] || { echo "usage: tests/man.sh [--write] OUT_DIR" >&2; exit 2; }
bin=$(cd "$1" && pwd) || exit 1
export LC_ALL=C MANWIDTH=80
unset OTA_HOME
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
pages=(man/otaserve.8 man/otactl.1 man/otadevice.1)
n=0 failed=0
result() { # name, offending lines
    n=$((n + 1))
    if [ -z "$2" ]; then echo "ok $n - $1"; else
        echo "not ok $n - $1"
        printf '%s\n' "$2" | head -40 | sed 's/^/#   /'
        failed=1
    fi
}

for program in otaserve otactl otadevice; do
    [ -x "$bin/$program" ] || { echo "tests/man.sh: $bin/$program is missing; build it first" >&2; exit 1; }
done

# ---- generated parts ----

status_rows() { sed -nE 's/^ *X\([A-Z0-9_]+, "([a-z0-9-]+)", [0-9], "([^"]+)"\).*/\1\t\2/p' include/ota/err.h; }
generate() { # program, part
    case $2 in
    synopsis) "$bin/$1" --man | awk '/^\.SH / {section++} section == 1' ;;
    options) "$bin/$1" --man | awk '/^\.SH / {section++} section > 1' ;;
    errors) status_rows | sed -e 's/-/\\-/g' | awk -F'\t' '{print ".TP\n.B " $1 "\n" $2}' ;;
    *) echo "tests/man.sh: no generated part \"$2\"" >&2 ;;
    esac
}
filled() { # page: as it should be
    program=$(basename "$1" | sed 's/\.[0-9]$//')
    while IFS= read -r line; do
        case $line in
        '.\" generated: begin '*)
            printf '%s\n' "$line"
            generate "$program" "${line##* }"
            skipping=1
            ;;
        '.\" generated: end') skipping= ;;
        esac
        [ -z "${skipping:-}" ] && printf '%s\n' "$line"
    done <"$1"
}
if [ -n "$write" ]; then
    for page in "${pages[@]}"; do
        filled "$page" >"$work/page" && ! cmp -s "$work/page" "$page" && cat "$work/page" >"$page" && echo "wrote $page"
    done
    exit 0
fi

# ---- checks ----

for page in "${pages[@]}"; do
    name=$(basename "$page" | tr .- __)
    result "man_${name}_has_what_the_tables_say" "$(filled "$page" | diff "$page" - 2>&1 | head -20)"
    program=$(basename "$page" | sed 's/\.[0-9]$//')
    missing=$("$bin/$program" --completion | grep -oE -e '--[a-z-]+' | grep -vE '^--(man|completion)$' | sort -u | sed 's/-/\\-/g' |
        while read -r option; do grep -qF "fB$option\\fR" "$page" || echo "$option"; done)
    result "man_${name}_has_every_option" "$missing"
done

version=$("$bin/otactl" --version | sed 's/.* //')
result man_pages_name_the_version "$(grep -L "^\.TH [^ ]* [1-8] \"\" \"otaserve $version\"" man/*.[1-9])"

result man_lists_every_status_name "$(status_rows | sed 's/-/\\-/g' | while IFS=$'\t' read -r status _; do
    grep -qxF ".B $status" man/otactl.1 || echo "$status"
done)"

for page in man/*.[1-9]; do
    name=man_$(basename "$page" | tr .- __)_is_good_roff
    if command -v groff >/dev/null; then
        result "$name" "$(groff -man -Tutf8 -ww -z "$page" 2>&1)"
    else
        n=$((n + 1))
        echo "ok $n - $name # SKIP groff is not installed"
    fi
    result "man_$(basename "$page" | tr .- __)_refers_to_pages_that_exist" "$(sed -nE 's/^\.BR ([a-z.\\-]+) \(([158])\).*/\1.\2/p' "$page" | tr -d '\\' | sort -u |
        while read -r other; do [ -f "man/$other" ] || echo "$other"; done)"
done

# ---- commands shown ----

# Code only: fenced blocks and `spans` of Markdown; .EX blocks and bold phrases of man pages.
shown_in_markdown() {
    awk '/^```/ {code = !code; next} code' "$1"
    awk '/^```/ {code = !code; next} !code' "$1" | grep -oE '`[^`]+`' | tr -d '`'
}
shown_in_man() {
    awk '/^\.EX/ {code = 1; next} /^\.EE/ {code = 0} code' "$1" | sed 's/\\-/-/g; s/\\e/\\/g'
    sed -nE 's/^\.BR? "?((otactl|otadevice|otaserve) [^"(]+)"?.*/\1/p' "$1" | sed 's/\\-/-/g'
}
commands() {
    for file in README.md */README.md; do
        [ -f "$file" ] && shown_in_markdown "$file" | sed "s|^|$file\t|"
    done
    for file in man/*.[1-9]; do shown_in_man "$file" | sed "s|^|$file\t|"; done
}
# Prints what is wrong with a command: verb unknown, or an option that this verb does not have.
judge() {
    program=$1
    shift
    verb=()
    while [ $# -gt 0 ]; do
        case $1 in
        -C | --server) shift ;;
        -*) ;;
        *)
            [ "$program" = otaserve ] && break
            verb=("$1" "${2:-}") # "sign export" before "sign"
            "$bin/$program" "${verb[@]}" --help >/dev/null 2>&1 || verb=("$1")
            break
            ;;
        esac
        [ $# -gt 0 ] && shift
    done
    "$bin/$program" "${verb[@]}" --help >"$work/help" 2>/dev/null || { echo "no verb \"${verb[*]}\""; return; }
    for word; do
        case $word in
        --man | --completion | --version) ;;
        --*) grep -qE -- "(^| )${word%%=*}( |$)" "$work/help" || echo "no option $word" ;;
        -?) grep -qE -- "^ *$word(,| )" "$work/help" || echo "no option $word" ;;
        esac
    done
}
wrong=$(commands | grep -E $'\t\\$? ?(otactl|otadevice|otaserve) +[^ ]' | sed -E 's/\t\$ /\t/; s/[|>&#].*//; s/[`,.;]+ *$//' | sort -u |
    while IFS=$'\t' read -r file command; do
        # shellcheck disable=SC2086
        judge $command | sed "s|^|$file: $command: |"
    done)
result man_commands_shown_in_readme_and_man_exist "$wrong"
shown=$(commands | grep -cE $'\t\\$? ?(otactl|otadevice|otaserve) +[^ ]')
result man_commands_are_found_at_all "$([ "$shown" -ge 10 ] || echo "only $shown commands were found")"
echo "1..$n"
exit $failed
