# SPDX-License-Identifier: Apache-2.0
# TAP for shell suites: `. tests/tap.sh`, then tests, then `done_testing`. Sourced with the repository's top as current folder.
#
#   run CMD...                 runs it; $rc, $out and $err hold exit code, stdout and stderr
#   ok NAME CMD...             passes when CMD succeeds
#   is NAME GOT WANTED         equal strings
#   contains NAME TEXT PART    PART occurs in TEXT
#   fails NAME CODE PART CMD... exits with CODE, says exactly one line on stderr, and PART is in it
#   skip NAME WHY              counts as skipped
#   skip_all WHY               ends the suite, skipped
#   $tmp                       a folder of its own, removed at the end
#   at_exit CMD                run at the end, last first
#   start_daemon DIR [ARG...]  otaserve for a workspace on a free port of 127.0.0.1, or on $daemon_listen; sets $daemon_pid and $daemon_url
#   stop_daemon                ends it and waits
set -u
OTA_TOP=${OTA_TOP:-$PWD}
OTA_BIN=${OTA_BIN:-$OTA_TOP/build/debug}
OTA_SHARED=${OTA_SHARED:-$OTA_TOP/../shared}
PATH=$OTA_BIN:$PATH
export LC_ALL=C PATH
unset OTA_HOME
tap_n=0 tap_failed=0 tap_exit=
tmp=$(mktemp -d "${TMPDIR:-/tmp}/ota-test.XXXXXX")
out= err= rc=0 daemon_pid= daemon_url=

tap_cleanup() {
    tap_rc=$?
    trap - EXIT
    eval "$tap_exit"
    [ -n "$daemon_pid" ] && stop_daemon
    chmod -R u+rwX "$tmp" 2>/dev/null
    rm -rf "$tmp"
    exit $tap_rc
}
trap tap_cleanup EXIT
trap 'exit 130' INT TERM
at_exit() { tap_exit="$*; $tap_exit"; }

tap_result() { # 0|1 name
    tap_n=$((tap_n + 1))
    if [ "$1" -eq 0 ]; then echo "ok $tap_n - $2"; else
        echo "not ok $tap_n - $2"
        tap_failed=1
    fi
}
tap_explain() { printf '%s\n' "$*" | tail -c 4000 | sed 's/^/#   /'; }

run() {
    "$@" >"$tmp/.out" 2>"$tmp/.err" </dev/null
    rc=$?
    out=$(tr -d '\0' <"$tmp/.out")
    err=$(tr -d '\0' <"$tmp/.err")
    return 0
}
ok() {
    tap_name=$1
    shift
    run "$@"
    tap_result "$rc" "$tap_name"
    [ "$rc" -eq 0 ] || tap_explain "$* ended with $rc" "$out" "$err"
}
is() {
    [ "$2" = "$3" ]
    tap_result $? "$1"
    [ "$2" = "$3" ] || tap_explain "got:    $2" "wanted: $3"
}
contains() {
    case $2 in *"$3"*) tap_result 0 "$1" ;; *)
        tap_result 1 "$1"
        tap_explain "wanted: $3" "in:     $2"
        ;;
    esac
}
fails() {
    tap_name=$1 tap_code=$2 tap_part=$3
    shift 3
    run "$@"
    tap_lines=$(printf '%s\n' "$err" | grep -c .)
    case $err in *"$tap_part"*) tap_found=1 ;; *) tap_found=0 ;; esac
    if [ "$rc" -eq "$tap_code" ] && [ "$tap_lines" -eq 1 ] && [ $tap_found -eq 1 ]; then tap_result 0 "$tap_name"; else
        tap_result 1 "$tap_name"
        tap_explain "$*" "exit $rc, wanted $tap_code; $tap_lines lines on stderr, wanted 1; with: $tap_part" "$err"
    fi
}
skip() {
    tap_n=$((tap_n + 1))
    echo "ok $tap_n - $1 # SKIP $2"
}
skip_all() {
    echo "ok 1 - $(basename "$0" .sh) # SKIP $1"
    echo 1..1
    exit 0
}
done_testing() {
    echo "1..$tap_n"
    exit "$tap_failed"
}

start_daemon() {
    tap_ws=$1
    shift
    : >"$tmp/daemon.out"
    otaserve -C "$tap_ws" --listen "${daemon_listen:-127.0.0.1:0}" "$@" >"$tmp/daemon.out" 2>"$tmp/daemon.log" </dev/null &
    daemon_pid=$!
    for _ in $(seq 200); do
        daemon_url=$(sed -nE 's/.*boards use (https:[^ ]+).*/\1/p' "$tmp/daemon.out")
        [ -n "$daemon_url" ] && return 0
        kill -0 "$daemon_pid" 2>/dev/null || break
        sleep 0.05
    done
    tap_explain "otaserve did not start:" "$(cat "$tmp/daemon.log")"
    daemon_pid=
    return 1
}
stop_daemon() {
    kill "$daemon_pid" 2>/dev/null
    wait "$daemon_pid" 2>/dev/null
    daemon_pid=
}
