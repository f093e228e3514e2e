#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Keys in a PKCS#11 token (SoftHSM): a product's, root's, and the timestamp's that otaserve-signer uses; and what is said when it fails.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh

module=
for m in /usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so /usr/lib*/libsofthsm2.so; do [ -e "$m" ] && module=$m; done
[ -n "$module" ] && command -v softhsm2-util pkcs11-tool >/dev/null || skip_all "needs softhsm2 and opensc"
compgen -G '/usr/lib/*/engines-3/pkcs11.so' >/dev/null || compgen -G '/usr/lib/*/ossl-modules/pkcs11.so' >/dev/null ||
    skip_all "OpenSSL has no PKCS#11 here: libengine-pkcs11-openssl (Debian 12) or pkcs11-provider (Debian 13)"

mkdir "$tmp/tokens"
printf 'directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n' "$tmp" >"$tmp/softhsm.conf"
export SOFTHSM2_CONF=$tmp/softhsm.conf OTA_PKCS11_MODULE=$module
pin=$tmp/pin wrong=$tmp/wrong-pin
(umask 077 && echo 471147 >"$pin" && echo 999999 >"$wrong")
hsm() { pkcs11-tool --module "$module" --token-label fleet --login --pin 471147 "$@" >/dev/null 2>&1; }
softhsm2-util --init-token --free --label fleet --pin 471147 --so-pin 47114711 >/dev/null || skip_all "softhsm2-util makes no token"

ws=$tmp/ws
otactl init "$ws" --product thermo --chip esp32c3 --url https://localhost:1 >/dev/null
otadevice sample "$tmp/build" --chip esp32c3 --version 1.0.0 >/dev/null
uri() { # object [query]: what a .uri file says
    printf 'pkcs11:token=fleet;object=%s?pin-source=file:%s%s\n' "$1" "$pin" "${2:-}"
}
into_token() { # role id: the key of a role moves into the token
    softhsm2-util --import "$ws/keys/$1.pem" --token fleet --label "$1" --id "$2" --pin 471147 >/dev/null &&
        (umask 077 && uri "$1" >"$ws/keys/$1.uri") && rm "$ws/keys/$1.pem"
}

# ---- a product's key ----
ok hsm_product_key_is_in_the_token into_token thermo a1
ok hsm_push_signs_in_the_token otactl -C "$ws" push "$tmp/build"
contains hsm_push_is_published "$out" "Published as thermo release 1."
is hsm_push_engine_is_quiet "$err" ""
ok hsm_a_board_accepts_it otactl verify "$ws/state/repo"

# ---- an online key, in the signer ----
ok hsm_timestamp_key_is_in_the_token into_token timestamp a2
ok hsm_daemon_starts_with_the_timestamp_key_in_the_token start_daemon "$ws"
ok hsm_push_through_the_daemon otactl -C "$ws" push "$tmp/build"
ok hsm_push_again_through_the_same_signer otactl -C "$ws" push "$tmp/build"
ok hsm_online_role_is_accepted otactl verify "$daemon_url" --root "$ws/keys/root.json" --ca "$ws/keys/ca.crt"
stop_daemon
is hsm_daemon_ends_without_a_complaint "$(grep -ciE 'leak|sanitizer|error' "$tmp/daemon.log")" 0

# ---- root's key, and a key that was made in the token ----
ok hsm_root_key_is_in_the_token into_token root a3
ok hsm_change_of_root otactl -C "$ws" root rotate snapshot
ok hsm_root_is_signed_in_the_token otactl -C "$ws" sign root --yes
contains hsm_root_signature_counts "$out" "root version 2: 1 of 1 signatures"
hsm --keypairgen --key-type EC:prime256v1 --label made --id a4
jq -cjS '.signatures = []' "$ws/state/repo/metadata/1.root.json" >"$tmp/1.root.json"
ok hsm_uri_as_an_argument env -C "$tmp" OTA_PKCS11_PIN_FILE="$pin" otactl sign 1.root.json --key 'pkcs11:token=fleet;object=root' --yes
fails hsm_key_made_there_that_root_does_not_name 1 "no role here names" \
    env OTA_PKCS11_PIN_FILE="$pin" otactl -C "$ws" sign root --key 'pkcs11:token=fleet;object=made' --yes
fails hsm_key_cannot_be_moved_offline 1 "lies in a token already" otactl -C "$ws" keys move-offline root --to "$tmp/root.pem" --passphrase-file "$pin"
(umask 077 && echo 'four words of mine' >"$tmp/passphrase")
fails hsm_key_cannot_be_backed_up 1 "its own way of backup" otactl -C "$ws" keys backup -o "$tmp/backup" --passphrase-file "$tmp/passphrase"
is hsm_keys_list_says_token "$(otactl -C "$ws" keys list --json | jq -r '[.roles[] | select(.keys[0].where == "token") | .name] | join(" ")')" "root thermo timestamp"

# ---- what goes wrong ----
try() { (umask 077 && printf '%s\n' "$1" >"$ws/keys/thermo.uri"); }
push_fails() { # name part
    fails "$1" 1 "$2" otactl -C "$ws" push "$tmp/build"
}
try "pkcs11:token=fleet;object=thermo?pin-source=file:$wrong"
push_fails hsm_wrong_pin "wrong PIN"
case $err in *999999*) tap_result 1 hsm_no_pin_in_messages ;; *) tap_result 0 hsm_no_pin_in_messages ;; esac
try "pkcs11:token=fleet;object=thermo"
push_fails hsm_no_pin_names_the_remedy "pin-source=file:FILE"
ok hsm_pin_file_of_the_environment env OTA_PKCS11_PIN_FILE="$pin" otactl -C "$ws" push "$tmp/build"
try "pkcs11:token=elsewhere;object=thermo?pin-source=file:$pin"
push_fails hsm_no_such_token "no token elsewhere is present"
try "pkcs11:token=fleet;object=nothing?pin-source=file:$pin"
push_fails hsm_no_such_key 'token fleet has no private key "nothing"'
hsm --keypairgen --key-type EC:secp384r1 --label big --id b1
try "pkcs11:token=fleet;object=big?pin-source=file:$pin"
push_fails hsm_key_of_another_curve "not a P-256 key"
try "pkcs11:token=fleet;object=thermo?pin-source=file:$pin&module-path=$tmp/none.so"
push_fails hsm_missing_module "No such file"
echo nonsense >"$tmp/nonsense.so"
try "pkcs11:token=fleet;object=thermo?pin-source=file:$pin&module-path=$tmp/nonsense.so"
push_fails hsm_module_that_is_none "file too short"
try "pkcs11:token=fleet;object=thermo?pin-value=471147"
push_fails hsm_pin_in_the_uri_is_refused "pin-source=file:FILE"
chmod 644 "$pin"
try "pkcs11:token=fleet;object=thermo?pin-source=file:$pin"
push_fails hsm_pin_file_open_to_others "chmod 600"
chmod 600 "$pin"
hsm --keypairgen --key-type EC:prime256v1 --label other --id b2
try "pkcs11:token=fleet;object=other?pin-source=file:$pin"
push_fails hsm_key_that_the_role_does_not_name "thermo"
try "$(uri thermo)"
ok hsm_right_again otactl -C "$ws" push "$tmp/build"

# ---- a product key that was never outside the token ----
hsm --keypairgen --key-type EC:prime256v1 --label born --id a5
ok hsm_drop_the_change_of_root otactl -C "$ws" publish --drop root
ok hsm_product_takes_a_key_born_there otactl -C "$ws" product rotate-key thermo --key "pkcs11:token=fleet;object=born?pin-source=file:$pin"
ok hsm_push_with_the_key_born_there otactl -C "$ws" push "$tmp/build" --key "pkcs11:token=fleet;object=born?pin-source=file:$pin"
ok hsm_a_board_follows_to_the_key_born_there otactl verify "$ws/state/repo" --root "$ws/state/repo/metadata/1.root.json"
(umask 077 && uri born >"$ws/keys/thermo.uri")
ok hsm_push_finds_the_key_born_there otactl -C "$ws" push "$tmp/build"

done_testing
