#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A board fetches nothing from a server it cannot authenticate: another CA, an expired certificate, another name. Its flash stays as it was.
. "$OTA_TOP/tests/tap.sh"
. "$OTA_TOP/tests/net/board.sh"

pki=$tmp/pki
ok tls_trust_pki_is_made "$OTA_TOP/certs/make.sh" "$pki"
make_fleet esp32c3
cp "$pki/ca.crt" "$ws/keys/ca.crt"
access=$tmp/access.log

# Serves with certificate NAME of the test PKI, on a port of its own. $daemon_url is by name; $1 of visit() may say by address.
serve_with() {
    [ -n "$daemon_pid" ] && stop_daemon
    cp "$pki/$1.crt" "$ws/keys/server.crt"
    cp "$pki/$1.pem" "$ws/keys/tls-server.pem"
    : >"$access"
    start_daemon "$ws" --access-log "$access"
}
create_board() { # CA HOST
    rm -f "$board"
    otadevice create -C "$ws" --from "$tmp/build-1.0.0" -o "$board" --ca "$pki/$1.crt" --url "https://$2:${daemon_url##*:}" >"$tmp/create.out" 2>&1 ||
        tap_explain "create failed" "$(cat "$tmp/create.out")"
}
# Digest of everything an update may write: table, bootloader, both slots, otadata, storage.
flash_digest() {
    for label in @partition-table @bootloader ota_0 ota_1 otadata storage; do
        otadevice read "$board" "$label" -o "$tmp/part" >/dev/null || echo "cannot read $label"
        sha256sum <"$tmp/part"
    done
}
refused() { # name, CA, host, reason
    create_board "$2" "$3"
    : >"$access"
    run otadevice run --flash "$board" --once # its first boot: the bootloader enters the slot it chose into otadata
    before=$(flash_digest)
    run otadevice run --flash "$board" --once --json
    is "tls_trust_$1_fails_as_tls" "$rc $(jq -r .error.code <<<"$out")" '1 tls'
    last=$(printf '%s\n' "$err" | tail -1)
    if grep -qE -- "$4" <<<"$last"; then tap_result 0 "tls_trust_$1_is_named"; else
        tap_result 1 "tls_trust_$1_is_named"
        tap_explain "wanted: $4" "$err"
    fi
    is "tls_trust_$1_fetches_nothing" "$(cat "$access")" ""
    is "tls_trust_$1_leaves_the_flash" "$(flash_digest)" "$before"
    is "tls_trust_$1_old_app_runs" "$(running_version)" 1.0.0
}

serve_with server
push_release 2.0.0
for host in localhost 127.0.0.1; do
    create_board ca "$host"
    ok "tls_trust_right_certificate_updates_by_$host" otadevice run --flash "$board" --once
    is "tls_trust_board_by_${host}_runs_the_new_release" "$(running_version)" 2.0.0
done
refused wrong_ca other-ca localhost 'issuer certificate|self.signed certificate'

serve_with expired
refused expired_certificate ca localhost 'certificate has expired'

serve_with wrong-name
refused wrong_name ca localhost "subject name .*'localhost'"
refused wrong_address ca 127.0.0.1 "subject name .*'127\.0\.0\.1'"

# The same board updates as soon as the certificate is right: nothing was kept against it.
cp "$pki/server.crt" "$ws/keys/server.crt"
cp "$pki/server.pem" "$ws/keys/tls-server.pem"
kill -HUP "$daemon_pid"
for _ in $(seq 100); do
    curl -s --cacert "$pki/ca.crt" -o /dev/null "https://localhost:${daemon_url##*:}/healthz" && break
    sleep 0.05
done
ok tls_trust_same_board_updates_after_a_new_certificate_and_sighup otadevice run --flash "$board" --once
is tls_trust_same_board_runs_the_new_release "$(running_version)" 2.0.0
done_testing
