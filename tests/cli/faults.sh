#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# One call fails: each write, fsync, rename, link, open and allocation that makes a file, one after the other (tests/cli/faulty.c). Then exit
# code 1, one line that says so, nothing half written, nothing left behind, what was there before as it was; and the same command succeeds.
# Without memory otactl ends at once, as if it were killed: files that are whole may stay. Of allocations, and where a database is written as
# well, only every OTA_FAULT_STRIDE-th (29) is tried; tests/long/faults.sh tries more. `tests/cli/faults.sh VERB...` tries these verbs.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh

faulty=$OTA_BIN/tests/faulty-otactl
[ -x "$faulty" ] || skip_all 'tests/faulty-otactl was not built'
stride=${OTA_FAULT_STRIDE:-29}
cd "$tmp" || exit 1

# ---- what all begin with ------------------------------------------------------------------------------------
mkdir before before/out && cd before || exit 1
printf 'nvs,data,nvs,0x9000,16K\notadata,data,ota,0xd000,8K\nota_0,app,ota_0,0x10000,128K\nota_1,app,ota_1,0x30000,128K\nota_state,data,nvs,0x50000,48K\nota_id,data,nvs,0x5c000,16K\n' >p.csv
printf 'key,type,encoding,value\nota,namespace,,\na,data,u8,1\nb,file,binary,data.bin\n' >n.csv
printf 'data' >data.bin
otactl keys new --secure-boot ecdsa256 -o key.pem >/dev/null
otactl nvs new-keys -o keys.bin >/dev/null
otactl init ws --product thermo --chip esp32c3 --url https://ota.example:8443 >/dev/null || skip_all 'otactl init failed'
otadevice sample build --chip esp32c3 --version 1.0.0 --size 100000 >/dev/null
otactl table build p.csv -o build/partition_table/partition-table.bin >/dev/null
jq 'del(.flash_files["0x320000"])' build/flasher_args.json >args && mv args build/flasher_args.json
cd ..

# ---- verbs: how each is called, and what it has made when it is done ------------------------------------------
sign() { "$1" sign --secure-boot key.pem data.bin -o out/file; }
sign_made() { otactl verify out/file --secure-boot key.pem.pub >/dev/null; }
keys_new() { "$1" keys new --secure-boot ecdsa256 -o out/key; }
keys_new_made() { [ "$(otactl keys digest out/key)" = "$(otactl keys digest out/key.pub)" ]; }
keys_digest() { "$1" keys digest key.pem -o out/file; }
keys_digest_made() { [ "$(od -An -v -tx1 out/file | tr -d ' \n')" = "$(otactl keys digest key.pem.pub)" ]; }
table_build() { "$1" table build p.csv -o out/file; }
table_build_made() { cmp -s out/file build/partition_table/partition-table.bin; }
nvs_build() { "$1" nvs build n.csv --size 24K --keys keys.bin -o out/file; }
nvs_build_made() { [ "$(otactl nvs show out/file --keys keys.bin | grep -c '^ota ')" = 2 ] && [ "$(stat -c %s out/file)" = 24576 ]; }
nvs_identity() { "$1" -C ws nvs identity --id b1 -o out/id.bin; }
nvs_identity_made() { agrees out/id.bin b1; }
provision() { "$1" -C ws provision build --id b1 --id b2 -o out; }
provision_made() {
    [ "$(jq -r .id out/boards.jsonl | tr '\n' ' ')" = 'b1 b2 ' ] && agrees out/b1.bin b1 && agrees out/b2.bin b2 &&
        [ "$(jq -r '.files[0].sha256' out/boards.jsonl)" = "$(sha256sum out/b1.bin out/b2.bin | cut -d' ' -f1)" ]
}
# The file holds the token that the workspace knows the board by, and the CA whole.
cat >agrees.py <<'END'
import hashlib, re, sqlite3, sys

data = open(sys.argv[1], "rb").read()
found = re.findall(rb"ota_[A-Za-z0-9_-]{43}(?=\0)", data)
known = sqlite3.connect("ws/state/fleet.db").execute("SELECT token FROM device WHERE id = ?", (sys.argv[2],)).fetchone()
sys.exit(not (known and len(found) == 1 and hashlib.sha256(found[0]).digest() == known[0] and b"-----END CERTIFICATE-----" in data))
END
agrees() { python3 ../agrees.py "$1" "$2"; }

# ---- what a failure may leave: nothing, but for whole files that the next run goes on from ---------------------
whole() { # verb kind
    find out -mindepth 1 -printf '%P %s\n' | sort | while read -r name size; do
        case $1:$2:$name in
        *:file) cmp -s out/file ../before/out/file || "$1_made" || echo "out/file is neither the old one nor the new one" ;;
        keys_new:memory:key*) openssl pkey -in "out/$name" -noout 2>/dev/null || openssl pkey -pubin -in "out/$name" -noout || echo "$name is cut" ;;
        nvs_identity:*:id.bin) [ "$size" = 16384 ] || echo "$name is cut" ;;
        provision:*:.lock) ;;
        provision:*:boards.jsonl) jq -e .id out/boards.jsonl >/dev/null 2>&1 || [ "$size" = 0 ] || echo "boards.jsonl is cut" ;;
        provision:*:b[12].bin) [ "$size" = $((0x60000)) ] || echo "$name is cut" ;;
        *) echo "out/$name is left" ;;
        esac
    done
    find ws build -name '*tmp-*' -o -name '*.new-*' | sed 's/$/ is left/'
}
judge() { # verb kind exit-code ignored call
    if [ "$3" -eq 0 ]; then
        case " $4 " in *" $5 "*) ;; *) echo "ended with 0" ;; esac
        "$1_made" || echo "ended with 0, and the result is not there"
    else
        [ "$3" -eq 1 ] || echo "ended with $3"
        [ "$(wc -l <err.txt)" -eq 1 ] || echo "said: $(head -c 400 err.txt)"
        whole "$1" "$2"
    fi
    case $1:$2:$3 in
    nvs_identity:*:0 | keys_new:*:0) ;; # no second time
    nvs_identity:memory:1) "$1_made" 2>/dev/null || { "$1" otactl >/dev/null && "$1_made"; } || echo "again: failed" ;;
    keys_new:memory:1) [ -e out/key ] || "$1" otactl >/dev/null || echo "again: failed" ;;
    *) "$1" otactl >/dev/null 2>err.txt || echo "again: $(head -n 3 err.txt)" && "$1_made" || echo "again: the result is not there" ;;
    esac
}

# One fault after the other, until there are fewer. A call whose failure the verb may pass over is named in `ignored`.
sweep() { # verb kind stride [ignored]
    local verb=$1 kind=$2 step=$3 ignored=${4:-} faults=0 passed= call rc
    local wrong="$tmp/$verb.$kind"
    : >"$wrong"
    rm -f before/out/file
    case $verb in keys_new | nvs_identity | provision) ;; *) printf 'an older one' >before/out/file ;; esac
    for ((n = 1; ; n += step)); do
        rm -rf run log && cp -a before run && cd run || exit 1
        OTA_FAULT=$kind:$n OTA_FAULT_LOG=$tmp/log $verb "$faulty" >out.txt 2>err.txt
        rc=$?
        [ -e ../log ] || { cd .. && break; }
        faults=$((faults + 1)) call=$(cat ../log)
        [ $rc -eq 0 ] && passed="$passed $call"
        judge "$verb" "$kind" $rc "$ignored" "$call" >../what 2>&1
        cd ..
        sed "s/^/$kind:$n ($call): /" what >>"$wrong"
    done
    echo "# $verb: $faults faults of $kind${passed:+; passed over:$passed}"
    is "faults_of_${kind}_in_${verb}" "$(head -n 20 "$wrong")" ""
    is "faults_of_${kind}_in_${verb}_came" "$([ $faults -gt 0 ] && echo yes)" yes
}
# SQLite finds other ways when it cannot open, write or cut a file beside the database.
for verb in ${*:-sign keys_new keys_digest table_build nvs_build nvs_identity provision}; do
    case $verb in
    nvs_identity) sweep "$verb" disk "$stride" 'open pwrite ftruncate' && sweep "$verb" memory "$stride" ;;
    provision) sweep "$verb" disk "$stride" 'open pwrite ftruncate' && sweep "$verb" memory $((stride == 1 ? 1 : 3 * stride)) ;;
    *) sweep "$verb" disk 1 && sweep "$verb" memory "$stride" ;;
    esac
done
done_testing
