#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# How fast the release build is, beside esptool and espsecure where these are installed. Never part of a check: numbers
# of different machines, or of a busy one, say nothing. A row compares what ran in the same minute.
#
#   tests/bench/run.sh OUT_DIR          OUT_DIR holds the programs (build)
#
# BENCH_IMAGES (1000), BENCH_BOARDS (1000), BENCH_SECONDS (5) and BENCH_CONNECTIONS (16) change how much is done;
# ESPTOOL and ESPSECURE name the tools when they are not in PATH.
cd "$(dirname "$0")/../.." || exit 1
[ $# -eq 1 ] || { echo "usage: tests/bench/run.sh OUT_DIR" >&2; exit 2; }
OTA_BIN=$(cd "$1" && pwd) || exit 1
. tests/tap.sh # $tmp, start_daemon
images=${BENCH_IMAGES:-1000} boards=${BENCH_BOARDS:-1000} seconds=${BENCH_SECONDS:-5} connections=${BENCH_CONNECTIONS:-16}
esptool=${ESPTOOL:-$(command -v esptool || command -v esptool.py)} espsecure=${ESPSECURE:-$(command -v espsecure || command -v espsecure.py)}

row() { printf '%-34s %12s %12s  %s\n' "$@"; }
# Milliseconds of a command; its output is only shown when it fails.
ms() {
    local began=${EPOCHREALTIME/./} ended
    "$@" >"$tmp/out" 2>&1 || { echo "bench: $* failed:" >&2; tail -3 "$tmp/out" >&2; return 1; }
    ended=${EPOCHREALTIME/./}
    awk -v us=$((ended - began)) 'BEGIN {printf "%.1f", us / 1000}'
}
best() { # of three
    local n times=
    for n in 1 2 3; do times+="$(ms "$@") " || return 1; done
    tr ' ' '\n' <<<"$times" | grep . | sort -n | head -1
}
ratio() { awk -v ours="$1" -v theirs="$2" 'BEGIN {if (ours > 0 && theirs > 0) printf "%.1f times as fast", theirs / ours; else print "-"}'; }
per() { awk -v ms="$1" -v n="$2" 'BEGIN {printf "%.2f", ms / n}'; }
has() { # VERB OPTION; the verb may have two words
    # shellcheck disable=SC2086
    otactl $1 --help 2>/dev/null | grep -q -- "$2"
}
skipped() { row "$1" - - "skipped: $2"; }

# ---- signing ----
sign_row() { # scheme
    local key=$tmp/$1.pem ours theirs=- v_ours v_theirs=-
    otactl keys new --secure-boot "$1" -o "$key" >/dev/null || return
    ours=$(best otactl sign --secure-boot "$key" "$tmp/two/app-0.bin" -o "$tmp/signed.bin") || return
    v_ours=$(best otactl verify "$tmp/signed.bin" --secure-boot "$key") || return
    if [ -n "$espsecure" ]; then
        theirs=$(best "$espsecure" sign-data -v 2 -k "$key" -o "$tmp/signed-ref.bin" "$tmp/two/app-0.bin") || theirs=-
        v_theirs=$(best "$espsecure" verify-signature -v 2 -k "$key" "$tmp/signed.bin") || v_theirs=-
    fi
    row "sign 2 MB, $1 (ms)" "$ours" "$theirs" "$(ratio "$ours" "$theirs")"
    row "verify 2 MB, $1 (ms)" "$v_ours" "$v_theirs" "$(ratio "$v_ours" "$v_theirs")"
}
bench_sign() {
    has sign --secure-boot && has "keys new" --secure-boot || { skipped "sign and verify 2 MB" "this otactl signs no images"; return 0; }
    mkdir "$tmp/two"
    "$OTA_BIN/bench/images" "$tmp/two" esp32p4 1 2097152 || return
    for scheme in rsa3072 ecdsa256 ecdsa384; do sign_row "$scheme"; done
}

# ---- inspecting ----
inspect_all() { find "$tmp/many" -name '*.bin' -print0 | xargs -0 -n 64 otactl inspect --json; }
bench_inspect() {
    local ours theirs=-
    mkdir "$tmp/many"
    "$OTA_BIN/bench/images" "$tmp/many" esp32c3 "$images" 327680 || return
    ours=$(ms inspect_all) || return
    [ -n "$esptool" ] && theirs=$(best "$esptool" image-info "$tmp/many/app-0.bin") # a process each: it takes one file
    row "inspect $images images of 320 KiB (ms)" "$ours" - ""
    row "  each (ms)" "$(per "$ours" "$images")" "$theirs" "$(ratio "$(per "$ours" "$images")" "$theirs")"
}

# ---- provisioning ----
bench_provision() {
    local ws=$tmp/factory ours
    otactl provision --help >/dev/null 2>&1 || { skipped "provision $boards boards" "this otactl has no verb provision"; return 0; }
    otactl init "$ws" --product thermo --chip esp32c3 --url https://localhost:1 >/dev/null &&
        otadevice sample "$tmp/build" --chip esp32c3 --version 1.0.0 >/dev/null || return
    { echo id; seq -f 'board-%.0f' "$boards"; } >"$tmp/boards.csv"
    chmod 600 "$tmp/boards.csv"
    ours=$(ms otactl -C "$ws" provision "$tmp/build" --csv "$tmp/boards.csv" -o "$tmp/boards") || return
    row "provision $boards boards (ms)" "$ours" - ""
    row "  each (ms)" "$(per "$ours" "$boards")" - "to sync each file"
}

# ---- serving ----
bench_serve() {
    local ws=$tmp/ws image etag
    otactl init "$ws" --product thermo --chip esp32c3 --url https://localhost:1 >/dev/null &&
        otadevice sample "$tmp/app" --chip esp32c3 --version 1.0.0 --size 1500000 >/dev/null &&
        otactl -C "$ws" push "$tmp/app" >/dev/null && start_daemon "$ws" || return
    etag=$(curl -sI --cacert "$ws/keys/ca.crt" "$daemon_url/metadata/timestamp.json" | tr -d '\r' | sed -nE 's/^[Ee][Tt][Aa][Gg]: //p')
    image=$(cd "$ws/state/repo" && find targets -name '*.app.bin')
    if out=$("$OTA_BIN/bench/load" "$daemon_url/metadata/timestamp.json" "$ws/keys/ca.crt" "$seconds" "$connections" "$etag"); then
        row "304 over TLS, $connections connections (1/s)" "$(awk '{printf "%.0f", $1 / $2}' <<<"$out")" - ""
    fi
    if out=$("$OTA_BIN/bench/load" "$daemon_url/$image" "$ws/keys/ca.crt" "$seconds" "$connections"); then
        row "images over TLS (MB/s)" "$(awk '{printf "%.0f", $3 / $2 / 1e6}' <<<"$out")" - ""
    fi
    stop_daemon
}

row what ours reference ratio
[ -n "$esptool$espsecure" ] || echo "(neither esptool nor espsecure is installed: there is nothing to compare with)"
failed=0
for part in sign inspect provision serve; do
    "bench_$part" || { row "$part" - - "failed"; failed=1; }
done
echo "on $(nproc) processors, load $(cut -d' ' -f1 /proc/loadavg)"
exit $failed
