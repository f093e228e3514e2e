# SPDX-License-Identifier: Apache-2.0
# A product, a virtual board and a dishonest server, for the network suites. Sourced after tap.sh.
#
#   make_fleet CHIP        workspace $ws (product thermo), release 1 = version 1.0.0 pushed
#   push_release VERSION [SAMPLE OPTION... -- PUSH OPTION...]
#   start_faulty           $faulty_url; its rules are empty
#   new_board [CREATE OPTION...]   $board at release 1, pointed at $faulty_url or $daemon_url
#   rules JSON             what the dishonest server does next; clears its log $tmp/rules.json.log
ws=$tmp/ws board=$tmp/board.flash faulty_url= faulty_pid=

make_fleet() {
    chip=$1
    otactl init "$ws" --product thermo --chip "$chip" --url https://localhost:1 >/dev/null || return 1
    otadevice sample "$tmp/build-1.0.0" --chip "$chip" --version 1.0.0 >/dev/null || return 1
    otactl -C "$ws" push "$tmp/build-1.0.0" >/dev/null
}
push_release() {
    version=$1
    shift
    sample_options=()
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        sample_options+=("$1")
        shift
    done
    [ $# -gt 0 ] && shift
    otadevice sample "$tmp/build-$version" --chip "$chip" --version "$version" "${sample_options[@]}" >/dev/null &&
        otactl -C "$ws" push "$tmp/build-$version" "$@" >"$tmp/push.out" 2>&1 || { tap_explain "push failed" "$(cat "$tmp/push.out")"; return 1; }
}
start_faulty() {
    echo '[]' >"$tmp/rules.json"
    python3 "$OTA_TOP/tests/net/faulty_server.py" "$ws/state/repo" "$ws/keys/server.crt" "$ws/keys/tls-server.pem" "$tmp/rules.json" \
        >"$tmp/faulty.port" 2>"$tmp/faulty.err" </dev/null &
    faulty_pid=$!
    at_exit "kill $faulty_pid 2>/dev/null; wait $faulty_pid 2>/dev/null"
    for _ in $(seq 200); do
        [ -s "$tmp/faulty.port" ] && break
        sleep 0.05
    done
    faulty_url=https://localhost:$(cat "$tmp/faulty.port")
}
new_board() {
    rm -f "$board"
    otadevice create -C "$ws" --from "$tmp/build-1.0.0" -o "$board" --url "${faulty_url:-$daemon_url}" "$@" >"$tmp/create.out" 2>&1 ||
        { tap_explain "create failed" "$(cat "$tmp/create.out")"; return 1; }
    otadevice run --flash "$board" --once >"$tmp/first.out" 2>&1 || { tap_explain "first run failed" "$(cat "$tmp/first.out")"; return 1; }
}
rules() {
    rm -f "$tmp/rules.json.log"
    printf '%s' "$1" >"$tmp/rules.json.new" && mv "$tmp/rules.json.new" "$tmp/rules.json"
}
running_version() { otadevice show "$board" --json | jq -r .running.version; }
app_digest() { otadevice read "$board" @running -o "$tmp/app.read" >/dev/null && sha256sum <"$tmp/app.read"; }
