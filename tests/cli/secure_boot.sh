#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Secure Boot v2 by the command line: keys, sign, verify, a product's policy; with keys in a token, and with espsecure where it is.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh

cd "$tmp" || exit 1
otadevice sample c5 --chip esp32c5 --version 1.0.0 >/dev/null
otadevice sample c2 --chip esp32c2 --version 1.0.0 >/dev/null
otadevice sample esp32 --chip esp32 --version 1.0.0 >/dev/null
app=c5/thermo.bin
(umask 077 && echo 'four words of mine' >passphrase)
sign() { otactl sign "$@"; }
json() { otactl "$@" --json; }

# ---- keys ----
for scheme in rsa3072 ecdsa256 ecdsa384; do
    ok secure_boot_new_key_$scheme otactl keys new --secure-boot $scheme -o $scheme.pem
    digest=$(otactl keys digest $scheme.pem)
    contains secure_boot_new_key_${scheme}_says_its_digest "$out" "digest $digest"
    is secure_boot_digest_of_both_halves_of_$scheme "$(otactl keys digest $scheme.pem.pub)" "$digest"
    is secure_boot_key_${scheme}_is_private "$(stat -c %a $scheme.pem)" 600
    is secure_boot_public_half_of_$scheme "$(openssl pkey -in $scheme.pem -pubout)" "$(cat $scheme.pem.pub)"
done
otactl keys new --secure-boot ecdsa256 -o second.pem >/dev/null
otactl keys new --secure-boot rsa3072 -o rsa2.pem >/dev/null
fails secure_boot_key_is_never_overwritten 1 "never overwritten" otactl keys new --secure-boot ecdsa256 -o second.pem
fails secure_boot_no_p192_is_made 1 "not made" otactl keys new --secure-boot ecdsa192 -o p192.pem
fails secure_boot_unknown_scheme 2 "rsa3072, ecdsa256 or ecdsa384" otactl keys new --secure-boot rsa2048 -o p192.pem
ok secure_boot_encrypted_key otactl keys new --secure-boot ecdsa256 -o locked.pem --passphrase-file passphrase
contains secure_boot_encrypted_key_is_so "$(cat locked.pem)" "ENCRYPTED PRIVATE KEY"
ok secure_boot_digest_writes_the_bytes otactl keys digest ecdsa256.pem.pub -o digest.bin
is secure_boot_digest_bytes "$(od -An -v -tx1 digest.bin | tr -d ' \n')" "$(otactl keys digest ecdsa256.pem)"
ok secure_boot_digest_of_the_c2 otactl keys digest ecdsa256.pem --chip esp32c2 -o half.bin
is secure_boot_digest_of_the_c2_is_half "$out" "$(otactl keys digest ecdsa256.pem | head -c 32)"
is secure_boot_digest_of_the_c2_is_16_bytes "$(stat -c %s half.bin)" 16
fails secure_boot_digest_of_a_scheme_the_chip_lacks 1 "does not know rsa3072" otactl keys digest rsa3072.pem --chip esp32c2
is secure_boot_digest_json "$(json keys digest ecdsa256.pem | jq -r '.scheme + " " + .digest')" "ecdsa256 $(otactl keys digest ecdsa256.pem)"

# ---- sign ----
for scheme in rsa3072 ecdsa256 ecdsa384; do
    ok secure_boot_sign_$scheme sign --secure-boot $scheme.pem $app -o $scheme.bin
    ok secure_boot_verify_$scheme otactl verify $scheme.bin --secure-boot $scheme.pem.pub
    is secure_boot_signed_${scheme}_is_a_sector_longer "$(stat -c %s $scheme.bin)" $(($(stat -c %s $app) + 4096))
done
is secure_boot_sign_json "$(json sign --secure-boot ecdsa256.pem $app -o j.bin | jq -r '[.kind, .chip, .added, .blocks[0].scheme, .blocks[0].key] | join(" ")')" \
    "app esp32c5 1 ecdsa256 ecdsa256.pem"
contains secure_boot_sign_warns_of_a_loose_page "$(sign --secure-boot ecdsa256.pem $app -o j.bin)" "last MMU page"
cp ecdsa256.bin before.bin
ok secure_boot_sign_again_does_nothing sign --secure-boot ecdsa256.pem ecdsa256.bin -o ecdsa256.bin
contains secure_boot_sign_again_says_so "$out" "already signed by that key; there was nothing to do"
ok secure_boot_sign_again_left_it cmp before.bin ecdsa256.bin
ok secure_boot_sign_again_elsewhere_copies sign --secure-boot ecdsa256.pem ecdsa256.bin -o copy.bin
ok secure_boot_copy_is_the_same cmp before.bin copy.bin
fails secure_boot_other_key_wants_append 1 "add --append" sign --secure-boot second.pem ecdsa256.bin -o x.bin
is secure_boot_refused_writes_nothing "$(ls x.bin 2>/dev/null)" ""
ok secure_boot_append sign --secure-boot second.pem --append ecdsa256.bin -o two.bin
ok secure_boot_both_keys_hold otactl verify two.bin --secure-boot ecdsa256.pem --secure-boot second.pem
ok secure_boot_three_at_once sign --secure-boot ecdsa256.pem --secure-boot second.pem --secure-boot locked.pem --passphrase-file passphrase $app -o three.bin
is secure_boot_three_blocks "$(json verify three.bin | jq -r '[.blocks[] | .valid] | join(" ")')" "true true true"
otactl keys new --secure-boot ecdsa256 -o fourth.pem >/dev/null
fails secure_boot_no_fourth_block 1 "looks at three signatures" sign --secure-boot fourth.pem --append three.bin -o x.bin
fails secure_boot_no_second_scheme 1 "built for one scheme" sign --secure-boot rsa3072.pem --append ecdsa256.bin -o x.bin
fails secure_boot_esp32_reads_one_block 1 "looks at one signature only" sign --secure-boot rsa3072.pem --secure-boot rsa2.pem esp32/thermo.bin -o x.bin
contains secure_boot_esp32_wants_revision_3 "$(sign --secure-boot rsa3072.pem esp32/thermo.bin -o y.bin)" "from revision 3.0 on"
fails secure_boot_esp32_knows_no_ecdsa 1 "does not know ecdsa256" sign --secure-boot ecdsa256.pem esp32/thermo.bin -o x.bin
fails secure_boot_c2_knows_no_rsa 1 "does not know rsa3072" sign --secure-boot rsa3072.pem c2/thermo.bin -o x.bin
fails secure_boot_table_is_refused 1 "is a partition table" sign --secure-boot rsa3072.pem c5/partition_table/partition-table.bin -o x.bin
fails secure_boot_sign_locked_without_passphrase 1 "locked.pem" sign --secure-boot locked.pem $app -o x.bin
cp second.pem open.pem && chmod 644 open.pem
fails secure_boot_key_open_to_others 1 "chmod 600" sign --secure-boot open.pem $app -o x.bin
openssl genrsa 2048 2>/dev/null >small.pem && chmod 600 small.pem
fails secure_boot_small_rsa_key 1 "RSA-3072, P-256 and P-384" sign --secure-boot small.pem $app -o x.bin
fails secure_boot_sign_wants_an_output 2 "Add -o FILE" sign --secure-boot ecdsa256.pem $app
fails secure_boot_sign_mixes_with_no_role_option 2 "for roles and drafts" sign --secure-boot ecdsa256.pem --key x $app -o x.bin
fails secure_boot_output_alone_signs_nothing 2 "--secure-boot KEY" sign $app -o x.bin
fails secure_boot_no_such_image 1 "none.bin" sign --secure-boot ecdsa256.pem none.bin -o x.bin
head -c 100000 $app >cut.bin
fails secure_boot_cut_image 1 "cut.bin" sign --secure-boot ecdsa256.pem cut.bin -o x.bin
ok secure_boot_bootloader sign --secure-boot rsa3072.pem esp32/bootloader/bootloader.bin -o boot.bin
is secure_boot_bootloader_padding "$(head -c $(($(stat -c %s boot.bin) - 4096)) boot.bin | tail -c +$(($(stat -c %s esp32/bootloader/bootloader.bin) + 1)) | tr -d '\377' | wc -c)" 0

# ---- data ----
printf 'settings' >data.bin
ok secure_boot_data sign --secure-boot ecdsa256.pem data.bin -o data-signed.bin
is secure_boot_data_is_two_sectors "$(stat -c %s data-signed.bin)" 8192
ok secure_boot_data_verifies otactl verify data-signed.bin --secure-boot ecdsa256.pem.pub
# ESP-IDF looks at the last whole sector that was written.
{ cat data-signed.bin && head -c 4095 /dev/zero; } >data-more.bin
ok secure_boot_data_with_less_than_a_sector_behind otactl verify data-more.bin --secure-boot ecdsa256.pem.pub
{ cat data-signed.bin && head -c 4096 /dev/zero; } >data-gap.bin
fails secure_boot_data_with_a_sector_behind 1 "is not signed, so not by" otactl verify data-gap.bin --secure-boot ecdsa256.pem.pub
fails secure_boot_data_holds_to_a_chip 1 "does not know ecdsa256" sign --secure-boot ecdsa256.pem --chip esp32c3 data.bin -o x.bin
fails secure_boot_signs_with_no_public_key 2 "ecdsa256.pem.pub is a public key" sign --secure-boot ecdsa256.pem.pub data.bin -o x.bin
printf '\n{"signed": {}}' >role.json
fails secure_boot_of_a_role 2 "role.json is JSON: a role is signed without --secure-boot" sign --secure-boot ecdsa256.pem role.json -o x.bin
ok secure_boot_of_json_by_its_owners_word sign --secure-boot ecdsa256.pem --data role.json -o x.bin
printf '\351not an image' >odd.bin
fails secure_boot_data_that_looks_like_an_image 1 "add --data" sign --secure-boot ecdsa256.pem odd.bin -o x.bin
ok secure_boot_data_by_its_owners_word sign --secure-boot ecdsa256.pem --data odd.bin -o x.bin

# ---- signatures made elsewhere: by openssl ----
head -c $(($(stat -c %s ecdsa256.bin) - 4096)) ecdsa256.bin >before.bin
ok secure_boot_pad_only sign --pad-only $app -o padded.bin
ok secure_boot_padded_is_what_we_sign cmp padded.bin before.bin
ok secure_boot_pad_only_of_a_signed_file sign --pad-only two.bin -o again.bin
ok secure_boot_padded_is_without_signatures cmp padded.bin again.bin
printf x >short.bin
ok secure_boot_pad_only_of_data sign --pad-only short.bin -o short-padded.bin
is secure_boot_pads_with_ff "$(tail -c 4095 short-padded.bin | tr -d '\377' | wc -c) $(stat -c %s short-padded.bin)" "0 4096"
fails secure_boot_pad_only_signs_nothing 2 "leave the keys away" sign --pad-only --secure-boot ecdsa256.pem $app -o x.bin
openssl dgst -sha256 -sign ecdsa256.pem padded.bin >ec.sig
openssl dgst -sha384 -sign ecdsa384.pem padded.bin >ec384.sig
openssl dgst -sha256 -sign rsa3072.pem -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 padded.bin >rsa.sig
ok secure_boot_external_p256 sign --public-key ecdsa256.pem.pub --signature ec.sig $app -o ext.bin
ok secure_boot_external_p256_verifies otactl verify ext.bin --secure-boot ecdsa256.pem.pub
ok secure_boot_external_p384 sign --public-key ecdsa384.pem.pub --signature ec384.sig padded.bin -o ext.bin
ok secure_boot_external_rsa sign --public-key rsa3072.pem.pub --signature rsa.sig $app -o ext.bin
ok secure_boot_external_rsa_verifies otactl verify ext.bin --secure-boot rsa3072.pem.pub
fails secure_boot_external_of_another_key 1 "not of this file" sign --public-key second.pem.pub --signature ec.sig $app -o x2.bin
fails secure_boot_external_of_another_kind 1 "384 bytes" sign --public-key rsa3072.pem.pub --signature ec.sig $app -o x2.bin
fails secure_boot_external_without_signature 2 "wants its --signature" sign --public-key second.pem.pub $app -o x2.bin

# ---- verify ----
fails secure_boot_verify_unsigned 1 "is not signed" otactl verify $app --secure-boot ecdsa256.pem.pub
ok secure_boot_verify_unsigned_image_alone otactl verify $app
contains secure_boot_verify_says_unsigned "$out" "not signed for Secure Boot"
fails secure_boot_verify_missing_key 1 "is signed, but not by second.pem.pub" otactl verify ecdsa256.bin --secure-boot ecdsa256.pem.pub --secure-boot second.pem.pub
cp ecdsa256.bin bent.bin && printf 'x' | dd of=bent.bin bs=1 seek=$(($(stat -c %s bent.bin) - 4096 + 101)) conv=notrunc 2>/dev/null
fails secure_boot_verify_damaged_block 1 "signature block" otactl verify bent.bin
fails secure_boot_sign_on_a_damaged_block 1 "does not hold" sign --secure-boot second.pem --append bent.bin -o x2.bin
fails secure_boot_verify_nothing 1 "nothing to verify" otactl verify data.bin
fails secure_boot_verify_no_such_file 2 "no such file" otactl verify none.bin --secure-boot second.pem.pub
# Blocks that the chip never looks at: a second one of the C2, and one of a scheme that it lacks.
sign --secure-boot ecdsa256.pem c2/thermo.bin -o c2-one.bin >/dev/null
sign --secure-boot ecdsa256.pem --secure-boot second.pem --data c2/thermo.bin -o c2-two.bin >/dev/null
sign --secure-boot ecdsa256.pem --data esp32/thermo.bin -o esp32-ec.bin >/dev/null
ok secure_boot_verify_first_block otactl verify c2-two.bin --secure-boot ecdsa256.pem.pub
contains secure_boot_verify_marks_what_is_ignored "$out" "  ignored: boards look at the first signature only"
fails secure_boot_verify_block_that_is_never_read 1 "the signature by second.pem.pub, block 1, does not count: boards look at the first" otactl verify c2-two.bin --secure-boot second.pem.pub
is secure_boot_verify_json_of_ignored "$(json verify c2-two.bin | jq -c '[.blocks[].ignored]')" '[null,"boards look at the first signature only"]'
fails secure_boot_verify_scheme_that_the_chip_lacks 1 "does not count: the esp32 does not know ecdsa256" otactl verify esp32-ec.bin --secure-boot ecdsa256.pem.pub
# A chip looks right behind the image, whatever the end of the file says.
sign --pad-only $app -o pad.bin >/dev/null
{ cat pad.bin && head -c 4096 /dev/zero; } >gap.bin
sign --secure-boot ecdsa256.pem --data gap.bin -o gap-signed.bin >/dev/null
fails secure_boot_verify_signature_in_another_place 1 "is not signed, so not by" otactl verify gap-signed.bin --secure-boot ecdsa256.pem.pub
is secure_boot_verify_nothing_is_ignored "$(json verify two.bin | jq -c '[.blocks[].ignored]')" '[null,null]'
is secure_boot_verify_json "$(json verify two.bin --secure-boot second.pem.pub | jq -c '[.ok, .kind, .v1, (.blocks | map(.key))]')" '[true,"app",false,[null,"second.pem.pub"]]'
# Version 1: 4 zeros, then r and s of 32 bytes, behind the image.
openssl ecparam -name prime256v1 -genkey -noout -out v1.pem && chmod 600 v1.pem
openssl dgst -sha256 -sign v1.pem esp32/thermo.bin >v1.der
rs=$(openssl asn1parse -inform DER -in v1.der | sed -nE 's/.*INTEGER +:(.*)/\1/p' | while read -r n; do printf '%64s' "$n" | tr ' ' 0 | tail -c 64; done)
{ cat esp32/thermo.bin && printf '\0\0\0\0' && printf '%s' "$rs" | sed 's/../\\x&/g' | xargs -0 printf '%b'; } >v1.bin
ok secure_boot_verify_v1 otactl verify v1.bin --secure-boot v1.pem
contains secure_boot_verify_v1_says_whose "$out" "version 1  valid  v1.pem"
fails secure_boot_verify_v1_of_another_key 1 "not by second.pem" otactl verify v1.bin --secure-boot second.pem
fails secure_boot_v1_is_not_signed_again 1 "V1" sign --secure-boot rsa3072.pem v1.bin -o x2.bin

# ---- the policy of a product ----
ws=$tmp/ws
otactl init "$ws" --product thermo --chip esp32c5 --url https://localhost:1 >/dev/null
cp ecdsa256.pem.pub "$ws/keys/boot.pub"
echo 'secure_boot = keys/boot.pub' >>"$ws/ota.conf"
fails secure_boot_policy_refuses_an_unsigned_push 1 "carries no Secure Boot signature, which ota.conf requires" otactl -C "$ws" push c5
sign --secure-boot second.pem $app -o $app >/dev/null
fails secure_boot_policy_refuses_another_key 1 "by keys/boot.pub" otactl -C "$ws" push c5
fails secure_boot_policy_in_verify 1 "by keys/boot.pub" otactl -C "$ws" verify $app --product thermo
sign --secure-boot ecdsa256.pem --append $app -o $app >/dev/null
ok secure_boot_policy_takes_it_signed otactl -C "$ws" push c5
ok secure_boot_policy_in_verify_holds otactl -C "$ws" verify $app --product thermo
sed -i 's/^secure_boot/signed_apps/' "$ws/ota.conf"
fails secure_boot_verify_of_signed_apps_reads_block_0 1 "does not count: boards look at the first signature only" otactl -C "$ws" verify $app --product thermo --secure-boot ecdsa256.pem.pub
fails secure_boot_policy_of_signed_apps_reads_block_0 1 "another block than the first" otactl -C "$ws" push c5
sed -i "s|^signed_apps.*|secure_boot = $(otactl keys digest ecdsa256.pem)|" "$ws/ota.conf"
ok secure_boot_policy_by_digest otactl -C "$ws" push c5
# Data partitions of subtype undefined, which boards verify when they are built so.
table=c5/partition_table/partition-table.bin
otactl table show $table --csv | sed 's/^storage,data,[a-z0-9]*,/storage,data,undefined,/' >undefined.csv
otactl table build undefined.csv -o $table >/dev/null
cp c5/storage.bin plain-storage.bin
push_data() { otactl -C "$ws" push c5 --with storage --compatible "$@"; }
ok secure_boot_policy_leaves_data_alone push_data
echo 'signed_data = yes' >>"$ws/ota.conf"
fails secure_boot_policy_refuses_unsigned_data 1 "storage.bin: carries no Secure Boot signature, which ota.conf requires" push_data
sign --secure-boot second.pem --data plain-storage.bin -o c5/storage.bin >/dev/null
fails secure_boot_policy_refuses_data_by_another_key 1 "storage.bin: carries no valid signature by" push_data
sign --secure-boot ecdsa256.pem --data plain-storage.bin -o c5/storage.bin >/dev/null
ok secure_boot_policy_takes_signed_data push_data --json
is secure_boot_policy_takes_it_as_signed "$(jq -r '.steps[] | select(.label == "storage") | .sha256' <<<"$out")" "$(sha256sum <c5/storage.bin | cut -d' ' -f1)"
ok secure_boot_policy_of_data_in_verify otactl -C "$ws" verify c5/storage.bin --product thermo
fails secure_boot_policy_of_data_in_verify_refuses 1 "plain-storage.bin: " otactl -C "$ws" verify plain-storage.bin --product thermo
sed -i '/^signed_data/d' "$ws/ota.conf"
sed -i 's|^secure_boot.*|secure_boot = keys/thermo.pem|' "$ws/ota.conf"
fails secure_boot_verify_of_another_chip 1 "is for esp32c2, but product thermo is esp32c5" otactl -C "$ws" verify c2-one.bin --product thermo
fails secure_boot_policy_names_no_private_key 1 "neither a public key" otactl -C "$ws" push c5

sed 's/esp32c5/esp32c3/; s|^secure_boot.*|secure_boot = keys/boot.pub|' "$ws/ota.conf" >ota.c3 && mkdir -p c3/keys && cp ota.c3 c3/ota.conf && cp "$ws/keys/boot.pub" c3/keys
fails secure_boot_policy_names_no_key_the_chip_lacks 1 "keys/boot.pub is a key of P-256, which the esp32c3 does not know" otactl -C c3 push c5

# The inbox is held to it as well.
sed -i 's|^secure_boot.*|secure_boot = keys/boot.pub|' "$ws/ota.conf"
ok secure_boot_daemon_starts start_daemon "$ws"
cp ecdsa384.bin "$ws/images/.thermo" && mv "$ws/images/.thermo" "$ws/images/thermo.bin"
for _ in $(seq 200); do grep -q 'boot.pub' "$tmp/daemon.log" && break; sleep 0.1; done
contains secure_boot_policy_holds_the_inbox "$(cat "$tmp/daemon.log")" "by keys/boot.pub"
stop_daemon

# ---- keys in a token ----
module=
for m in /usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so /usr/lib*/libsofthsm2.so; do [ -e "$m" ] && module=$m; done
if [ -n "$module" ] && command -v softhsm2-util >/dev/null &&
    { compgen -G '/usr/lib/*/engines-3/pkcs11.so' || compgen -G '/usr/lib/*/ossl-modules/pkcs11.so'; } >/dev/null; then
    mkdir tokens
    printf 'directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n' "$tmp" >softhsm.conf
    export SOFTHSM2_CONF=$tmp/softhsm.conf OTA_PKCS11_MODULE=$module
    (umask 077 && echo 471147 >pin)
    softhsm2-util --init-token --free --label boot --pin 471147 --so-pin 47114711 >/dev/null
    n=0
    for scheme in rsa3072 ecdsa256 ecdsa384; do
        n=$((n + 1))
        softhsm2-util --import $scheme.pem --token boot --label $scheme --id a$n --pin 471147 >/dev/null
        uri="pkcs11:token=boot;object=$scheme?pin-source=file:$tmp/pin"
        ok secure_boot_token_digest_$scheme otactl keys digest "$uri"
        is secure_boot_token_is_the_same_key_$scheme "$out" "$(otactl keys digest $scheme.pem)"
        ok secure_boot_token_signs_$scheme sign --secure-boot "$uri" padded.bin -o token-$scheme.bin
        ok secure_boot_token_signature_verifies_$scheme otactl verify token-$scheme.bin --secure-boot $scheme.pem.pub
    done
    (umask 077 && echo "pkcs11:token=boot;object=ecdsa256?pin-source=file:$tmp/pin" >boot.uri)
    ok secure_boot_token_by_uri_file sign --secure-boot boot.uri padded.bin -o token.bin
    sign --secure-boot boot.uri --data plain-storage.bin -o c5/storage.bin >/dev/null
    echo 'signed_data = yes' >>"$ws/ota.conf"
    ok secure_boot_token_signs_data_that_push_takes push_data
    sed -i '/^signed_data/d' "$ws/ota.conf"
    fails secure_boot_token_without_such_a_key 1 'no private key "none"' sign --secure-boot "pkcs11:token=boot;object=none?pin-source=file:$tmp/pin" padded.bin -o x2.bin
else
    skip secure_boot_keys_in_a_token "needs softhsm2 and OpenSSL's PKCS#11"
fi

# ---- espsecure, both ways ----
espsecure=$(command -v espsecure || command -v espsecure.py)
if [ -n "$espsecure" ]; then
    # 5.x names its verbs with dashes, 4.x with underscores.
    verb() { "$espsecure" --help 2>/dev/null | grep -q "$1_$2" && echo "$1_$2" || echo "$1-$2"; }
    sign_data=$(verb sign data) verify_signature=$(verb verify signature)
    for scheme in rsa3072 ecdsa256 ecdsa384; do
        otactl keys new --secure-boot $scheme -o other-$scheme.pem >/dev/null
        sign --secure-boot $scheme.pem --secure-boot other-$scheme.pem padded.bin -o ours.bin >/dev/null
        ok secure_boot_espsecure_verifies_our_$scheme "$espsecure" "$verify_signature" --version 2 --keyfile $scheme.pem.pub ours.bin
        ok secure_boot_espsecure_verifies_our_second_$scheme "$espsecure" "$verify_signature" --version 2 --keyfile other-$scheme.pem.pub ours.bin
        ok secure_boot_espsecure_signs_$scheme "$espsecure" "$sign_data" --version 2 --keyfile $scheme.pem --output theirs.bin padded.bin
        ok secure_boot_we_verify_espsecures_$scheme otactl verify theirs.bin --secure-boot $scheme.pem.pub
        ok secure_boot_we_append_to_espsecures_$scheme sign --secure-boot other-$scheme.pem --append theirs.bin -o both.bin
        ok secure_boot_espsecure_verifies_both_$scheme "$espsecure" "$verify_signature" --version 2 --keyfile other-$scheme.pem.pub both.bin
    done
else
    skip secure_boot_espsecure_both_ways "espsecure is not installed"
fi
cd "$OTA_TOP" || exit 1

# ---- what espsecure signed, of its own tests ----
images=$OTA_SHARED/images
if [ -e "$images/bootloader_multi_signed_v2_rsa.bin" ]; then
    # They are images for the ESP32, which reads one block of RSA; of the others it is seen that they hold.
    multi=$images/bootloader_multi_signed_v2_rsa.bin
    ok secure_boot_golden_multi_by_pubkey otactl verify "$multi" --secure-boot "$images/rsa_secure_boot_signing_pubkey.pem"
    fails secure_boot_golden_multi_by_pubkey2 1 "block 1, does not count" otactl verify "$multi" --secure-boot "$images/rsa_secure_boot_signing_pubkey2.pem"
    is secure_boot_golden_multi_holds "$(otactl verify "$multi" --json | jq -c '[.blocks[] | .valid, .key_digest[:8]]')" '[true,"cb2791a3",true,"901a7409",true,"27919392"]'
    p256=$images/bootloader_signed_v2_ecdsa256.bin
    fails secure_boot_golden_p256_is_not_the_esp32s 1 "the esp32 does not know ecdsa256" otactl verify "$p256" --secure-boot "$images/ecdsa256_secure_boot_signing_pubkey.pem"
    is secure_boot_golden_p256_holds "$(otactl verify "$p256" --json | jq -c '[.blocks[] | .valid, .key_digest[:8]]')" '[true,"f35cc5db"]'
    fails secure_boot_golden_by_another_key 1 "not by" otactl verify "$images/bootloader_signed_v2_rsa.bin" --secure-boot "$images/rsa_secure_boot_signing_pubkey2.pem"
    contains secure_boot_golden_v1_is_seen "$(otactl verify "$images/hello-world-signed.bin")" "version 1"
    ok secure_boot_golden_digest otactl keys digest "$images/rsa_secure_boot_signing_pubkey.pem" -o "$tmp/golden.digest"
    ok secure_boot_golden_digest_is_espsecures cmp "$tmp/golden.digest" "$images/rsa_public_key_digest.bin"
else
    skip secure_boot_golden_files "$images is not there"
fi
done_testing
