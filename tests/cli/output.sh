#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# -o FILE of every verb: never one of its inputs by whatever link, never a device, a FIFO or a socket; a link's target instead of the link.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh

cd "$tmp" || exit 1
cat >p.csv <<'END'
nvs,      data, nvs,     0x9000, 16K,
otadata,  data, ota,     ,       8K,
ota_0,    app,  ota_0,   ,       1M,
ota_1,    app,  ota_1,   ,       1M,
END
printf 'some bytes' >value
printf 'key,type,encoding,value\nota,namespace,,\na,data,u8,1\nb,file,binary,value\n' >n.csv
printf 'data' >data.bin
(umask 077 && echo 'four words of mine' >passphrase)
otactl keys new --secure-boot ecdsa256 -o key.pem >/dev/null
otactl keys new --secure-boot ecdsa256 -o locked.pem --passphrase-file passphrase >/dev/null
otactl nvs new-keys -o keys.bin >/dev/null
otactl sign --pad-only data.bin -o padded.bin >/dev/null
openssl dgst -sha256 -sign key.pem padded.bin >sig
ws=$tmp/ws
otactl init ws --product thermo --chip esp32c3 --url https://localhost:1 >/dev/null
otadevice sample build --chip esp32c3 --version 1.0.0 --size 100000 >/dev/null
otactl -C ws push build >/dev/null
otactl -C ws keys list >/dev/null || skip_all 'no workspace'
cp ws/keys/root.json root.json && cp ws/keys/ca.crt ca.crt

# How each verb is called: everything but its -o.
table() { otactl table build p.csv "$@"; }
nvs() { otactl nvs build n.csv --size 24K --keys keys.bin "$@"; }
digest() { otactl keys digest key.pem "$@"; }
digest_locked() { otactl keys digest locked.pem --passphrase-file passphrase "$@"; }
sign() { otactl sign --secure-boot key.pem data.bin "$@"; }
sign_locked() { otactl sign --secure-boot locked.pem --passphrase-file passphrase data.bin "$@"; }
take() { otactl sign --public-key key.pem.pub --signature sig data.bin "$@"; }
bundle() { otactl -C ws bundle 1 --root root.json --ca ca.crt --force "$@"; }
verbs='table nvs digest sign take bundle read_board'

# ---- an input is never replaced ----
spares() { # verb input part
    before=$(sha256sum "$2")
    fails "output_of_$1_spares_$2" 2 "$3" "$1" -o "$2"
    ln -s "$2" soft && ln "$2" hard && mkdir other && ln -s .. other/up
    fails "output_of_$1_spares_$2_behind_a_link" 2 "$3" "$1" -o soft
    fails "output_of_$1_spares_$2_by_another_name" 2 "$3" "$1" -o hard
    fails "output_of_$1_spares_$2_by_another_path" 2 "$3" "$1" -o "other/up/$2"
    is "output_of_$1_left_$2" "$(sha256sum "$2") $(readlink soft)" "$before $2"
    rm -r soft hard other
}
spares table p.csv 'is the input itself'
spares nvs n.csv 'is the input itself'
spares nvs value 'is the input itself'
spares nvs keys.bin 'the file of --keys'
spares digest key.pem 'is the input itself'
spares digest_locked passphrase 'the file of --passphrase-file'
spares sign key.pem 'the file of --secure-boot'
spares sign_locked passphrase 'the file of --passphrase-file'
spares take key.pem.pub 'the file of --public-key'
spares take sig 'the file of --signature'
spares bundle root.json 'the file of --root'
spares bundle ca.crt 'the file of --ca'
fails output_spares_a_passphrase_that_no_option_names 2 'the file of --passphrase-file' \
    env OTA_PASSPHRASE_FILE=passphrase otactl keys digest locked.pem -o passphrase
otadevice create -C ws --from build -o flash --id b1 >/dev/null
read_board() { otadevice read flash ota_id "$@"; }
spares read_board flash 'is the flash itself'

long=$(printf 'folder/%.0s' $(seq 40))
mkdir -p "$long" && cp p.csv "${long}p.csv"
fails output_of_a_long_path_says_what_is_wrong 2 'p.csv is the input itself; name another file' otactl table build "${long}p.csv" -o "${long}p.csv"
rm -r folder

# ---- what lies there is a file, or nothing ----
mkfifo fifo
mkdir folder
python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")'
mknod null c 1 3 2>/dev/null # one of our own: what is tested may replace it
for kind in fifo folder socket null; do
    [ -e $kind ] || { skip output_is_no_$kind 'mknod is not permitted'; continue; }
    ln -s $kind to-$kind
    case $kind in fifo) part='is a FIFO' ;; null) part='is a device' ;; *) part="is a $kind" ;; esac
    for verb in $verbs; do
        fails "output_of_${verb}_is_no_$kind" 1 "$kind: $part" $verb -o $kind
        fails "output_of_${verb}_is_no_${kind}_behind_a_link" 1 "to-$kind: $part" $verb -o to-$kind
    done
    is "output_left_the_$kind" "$(find $kind -maxdepth 0 -printf %y) $(find to-$kind -maxdepth 0 -printf %y)" \
        "$(case $kind in fifo) echo p ;; folder) echo d ;; socket) echo s ;; null) echo c ;; esac) l"
done
is output_left_nothing_behind "$(ls -A | grep -E 'tmp-|new-')" ""
for verb in $verbs; do
    ok "output_of_${verb}_is_a_new_file" $verb -o "$verb.new"
    printf 'an older one' >"$verb.old"
    ln -s "$verb.old" "$verb.link"
    ok "output_of_${verb}_replaces_what_a_link_leads_to" $verb -o "$verb.link"
    is "output_of_${verb}_leaves_the_link" "$(readlink "$verb.link")" "$verb.old"
    # Signatures differ from one to the next.
    ok "output_of_${verb}_is_the_same_there" cmp -n "$(case $verb in sign) echo 4096 ;; *) stat -c %s "$verb.new" ;; esac)" "$verb.old" "$verb.new"
    ln -s nowhere lost
    fails "output_of_${verb}_follows_no_link_to_nothing" 1 'is a link to a file that is missing' $verb -o lost
    rm lost
    [ $verb = read_board ] && continue # says on stdout what it read
    fails "output_of_${verb}_is_not_stdout" 2 'nothing but words goes to stdout' $verb -o -
    run $verb -o /dev/stdout # which is a file here
    is "output_of_${verb}_is_not_where_stdout_goes" "$rc $(grep -c 'is where stdout goes' <<<"$err") $(find /dev/stdout -maxdepth 0 -printf %y)" "2 1 l"
done
for verb in "keys new" "nvs new-keys" "keys backup" "nvs identity --id x" "sign export d1" "bundle 1"; do
    # shellcheck disable=SC2086
    fails "output_of_${verb// /_}_is_not_stdout" 2 'nothing but words goes to stdout' otactl -C ws $verb -o -
done
fails output_of_digest_has_a_name 2 'is empty' digest -o ''
is output_left_no_other_file "$(ls -A | grep -E '^-$|nowhere|tmp-|new-')" ""

# The image may be signed in place, by whatever name; the file of a role as well.
cp data.bin signed.bin && ln -s signed.bin in-place.bin
ok output_of_sign_may_be_the_image otactl sign --secure-boot key.pem in-place.bin -o in-place.bin
is output_of_sign_leaves_the_link "$(readlink in-place.bin)" signed.bin
ok output_of_sign_is_what_it_leads_to otactl verify signed.bin --secure-boot key.pem.pub

# Both halves of a new key.
printf 'of another key' >mine.pub
fails output_of_a_new_key_spares_a_public_half 1 'mine.pub: exists; it is never overwritten' otactl keys new -o mine
is output_of_a_new_key_left_nothing "$(cat mine.pub) $(ls mine 2>/dev/null)" "of another key "
done_testing
