#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Type-checks the firmware against the headers of an ESP-IDF tree, without Espressif's compilers and Python packages.
#
#   firmware/check.sh [--config NAME]... [--project DIR] [--out DIR] IDF_DIR [CHIP...]
#
# ESP-IDF's own CMake configures the project (so that a component that is missing in REQUIRES fails here as it fails in
# a build), with stand-ins for what it runs: Debian's gcc-riscv64-unknown-elf and picolibc for the compiler, kconfiglib
# for kconfgen. Then each source is compiled with -fsyntax-only. Nothing is built or linked. For products use idf.py.
#
#   --config NAME   sdkconfig.ci.NAME on top of sdkconfig.defaults; a value that does not hold fails the check
#   --values        only whether the values of sdkconfig.defaults and sdkconfig.ci.NAME hold
#   --project DIR   another project, e.g. one that uses the components of `make component`
#   CHIP            esp32c3 when none is given; "all": every chip that IDF_DIR and the firmware know
#
# Debian packages: cmake ninja-build python3 python3-kconfiglib gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf.
# Ends with 77 when one of them is absent.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
usage() { sed -nE '/^#   firmware/s/^# *//p' "$0" >&2; exit 2; }

project=$here configs=() out='' step=compile
while [ $# -gt 0 ]; do
    case $1 in
    --config) configs+=("${2?}"); shift 2 ;;
    --project) project=$(cd "${2?}" && pwd); shift 2 ;;
    --out) out=${2?}; shift 2 ;;
    --values) step=values; shift ;;
    -*) usage ;;
    *) break ;;
    esac
done
[ $# -ge 1 ] || usage
idf=$(cd "$1" && pwd) || exit 2
shift
[ -e "$idf/tools/cmake/project.cmake" ] || { echo "check: $idf is no ESP-IDF tree" >&2; exit 2; }
chips=("${@:-esp32c3}")
if [ "${chips[*]}" = all ]; then
    chips=()
    for c in esp32c2 esp32c3 esp32c5 esp32c6 esp32c61 esp32p4 esp32s31 esp32 esp32s2 esp32s3; do
        [ -e "$idf/tools/cmake/toolchain-$c.cmake" ] && chips+=("$c")
    done
fi
python=/usr/bin/python3
for tool in cmake ninja riscv64-unknown-elf-gcc; do
    command -v $tool >/dev/null || { echo "check: $tool is absent" >&2; exit 77; }
done
$python -c 'import kconfiglib' 2>/dev/null || { echo "check: python3-kconfiglib is absent" >&2; exit 77; }
[ -d /usr/lib/picolibc/riscv64-unknown-elf ] || { echo "check: picolibc-riscv64-unknown-elf is absent" >&2; exit 77; }

if [ -z "$out" ]; then
    out=$(mktemp -d "${TMPDIR:-/tmp}/ota-check.XXXXXX")
    trap 'rm -rf "$out"' EXIT
fi
mkdir -p "$out/bin"
out=$(cd "$out" && pwd)
tree=$("$here/check/tree.sh" "$idf" "$out/idf")

# Compilers by the names that ESP-IDF's toolchain files use. The options of Espressif's forks (their instructions,
# response files) mean nothing to Debian's.
for prefix in riscv32-esp-elf xtensa-esp32-elf xtensa-esp32s2-elf xtensa-esp32s3-elf xtensa-esp-elf; do
    defines=''
    [ "${prefix%%-*}" = xtensa ] && defines=-D__XTENSA__
    for compiler in gcc g++; do
        sed "s|@compiler@|riscv64-unknown-elf-$compiler|; s|@machine@|$prefix|; s|@defines@|$defines|; s|@libc@|$here/check/libc|" \
            "$here/check/compiler.sh" >"$out/bin/$prefix-$compiler"
    done
    for tool in ar ranlib objcopy objdump nm; do
        ln -sf "$(command -v riscv64-unknown-elf-$tool)" "$out/bin/$prefix-$tool"
    done
done
cat >"$out/bin/python" <<END
#!/bin/sh
case "\$*" in
"-m kconfgen "*) shift 2; exec $python "$here/check/kconfgen.py" "\$@" ;;
*check-tool-supported*) echo True && exit 0 ;;
*check-python-dependencies* | *parttool.py*) exit 0 ;;
esac
exec $python "\$@"
END
chmod +x "$out"/bin/*

[ ${#configs[@]} -gt 0 ] || configs=(defaults)
failed=0
defaults_of() { # config: what SDKCONFIG_DEFAULTS would be
    [ -e "$project/sdkconfig.defaults" ] || return 0
    printf %s "$project/sdkconfig.defaults"
    [ "$1" = defaults ] || printf ';%s' "$project/sdkconfig.ci.$1"
}
configure() { # folder chip files: runs ESP-IDF's CMake, which leaves what did not hold in the folder's report
    rm -rf "$1"
    mkdir -p "$1"
    env PATH="$out/bin:$PATH" IDF_PATH="$tree" IDF_COMPONENT_MANAGER=0 IDF_TOOLS_PATH=/nonexistent \
        ESP_ROM_ELF_DIR=/nonexistent OTA_CHECK_REPORT="$1/report" OTA_CHECK_PROJECT="$project" OTA_CHECK_VALUES="$values" \
        cmake -G Ninja -S "$project" -B "$1" -DIDF_TARGET="$2" -DSDKCONFIG="$1/sdkconfig" \
        -DSDKCONFIG_DEFAULTS="$3" -DPYTHON="$out/bin/python" -DPYTHON_DEPS_CHECKED=1 \
        -DCMAKE_C_COMPILER_WORKS=1 -DCMAKE_CXX_COMPILER_WORKS=1 >"$1/log" 2>&1
}
not_configured() { # folder
    grep -A12 -E '^ *CMake Error|^[A-Za-z.]*Error' "$1/log" || tail -20 "$1/log"
    failed=1
}

for chip in "${chips[@]}"; do
    if [ "$step" = values ]; then # all configurations at once: ESP-IDF's Kconfig is the same for them
        values=''
        for config in "${configs[@]}"; do values="$values$config=$(defaults_of "$config")|"; done
        configure "$out/$chip-values" "$chip" "$(defaults_of defaults)" || true # ends after Kconfig
        [ -e "$out/$chip-values/report" ] || { echo "check: $chip: not configured"; not_configured "$out/$chip-values"; continue; }
        sed "s/^/check: $chip, /" "$out/$chip-values/report"
        bad=$(grep -c . "$out/$chip-values/report" || true)
        echo "check: $chip, ${configs[*]}: $bad values that do not hold"
        [ "$bad" = 0 ] || failed=1
        continue
    fi
    for config in "${configs[@]}"; do
        build=$out/$chip-$config values=''
        if ! configure "$build" "$chip" "$(defaults_of "$config")"; then
            echo "check: $chip, $config: not configured"
            not_configured "$build"
            continue
        fi
        if [ -s "$build/report" ]; then
            sed "s/^/check: $chip, $config: /" "$build/report"
            failed=1
        fi
        $python "$here/check/compile.py" --idf "$tree" --name "$chip, $config" "$build" || failed=1
    done
done
exit $failed
