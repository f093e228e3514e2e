#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Prints the ESP-IDF tree to configure with: IDF_DIR, or COPY, a tree of links to it where submodules that were not
# checked out are empty instead of missing, so that a source archive without them is enough to check types.
#
#   firmware/check/tree.sh IDF_DIR COPY
set -euo pipefail
idf=$1 copy=$2
tls=$idf/components/mbedtls/mbedtls
complete=1
for f in "$tls/CMakeLists.txt" "$tls/framework/CMakeLists.txt" "$idf/components/lwip/lwip/src/include" "$idf/components/heap/tlsf/tlsf.c"; do
    [ -e "$f" ] || complete=0
done
[ $complete = 1 ] && { echo "$idf"; exit 0; }
[ -e "$tls/include/mbedtls/ssl.h" ] || { echo "check: $tls is empty: git submodule update --init" >&2; exit 1; }

rm -rf "$copy"
mkdir -p "$copy/components"
for f in "$idf"/*; do
    [ "${f##*/}" = components ] || ln -s "$f" "$copy/"
done
for f in "$idf"/components/*; do
    case ${f##*/} in
    mbedtls | heap) cp -rs "$f" "$copy/components/" ;;
    mqtt) [ ! -e "$f/esp-mqtt/CMakeLists.txt" ] || ln -s "$f" "$copy/components/" ;;
    *) ln -s "$f" "$copy/components/" ;;
    esac
done
absent() { [ -e "$1" ] || { mkdir -p "${1%/*}" && : >"$1"; }; }
mkdir -p "$copy/components/heap/tlsf/include"
absent "$copy/components/heap/tlsf/tlsf.c"

# mbedTLS in Espressif's fork: the same headers, other names of CMake targets, generated files that are checked in.
tls=$copy/components/mbedtls/mbedtls
psa=$tls/tf-psa-crypto
if [ ! -e "$tls/framework/CMakeLists.txt" ]; then
    absent "$tls/framework/exported.make"
    : >"$tls/framework/empty.c"
    cat >"$tls/framework/CMakeLists.txt" <<'END'
foreach(part p256-m extras platform utilities)
    add_library(${part} STATIC ${CMAKE_CURRENT_SOURCE_DIR}/empty.c)
endforeach()
END
fi
gcm=include/mbedtls/gcm.h
if grep -qs mbedtls_gcm_context_soft "$idf/components/mbedtls/port/$gcm" && ! grep -qs mbedtls_gcm_context_soft "$tls/$gcm"; then
    rm "$tls/$gcm"
    { cat "$idf/components/mbedtls/mbedtls/$gcm"; echo 'typedef struct mbedtls_gcm_context_soft mbedtls_gcm_context_soft;'; } >"$tls/$gcm"
fi
for f in error.c version_features.c ssl_debug_helpers_generated.c; do absent "$tls/library/$f"; done
if [ -d "$psa" ]; then
    mkdir -p "$psa/extras" "$psa/platform" "$psa/utilities"
    absent "$psa/framework/CMakeLists.txt"
    absent "$psa/framework/exported.make"
    absent "$psa/core/psa_crypto_driver_wrappers_no_static.c"
    find "$psa" -name CMakeLists.txt -type l | while read -r f; do
        text=$(sed -E 's/(add_library\([^ ]* )OBJECT/\1STATIC/' "$f")
        rm "$f"
        printf '%s\n' "$text" >"$f"
    done
fi
echo "$copy"
