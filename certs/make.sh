#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes the test PKI: certs/make.sh DIR. P-256 throughout; the keys have no password. See README.md for what each file is for.
# A real workspace does not need this: `otactl init` makes its own CA and server certificate.
set -eu
[ $# -eq 1 ] || { echo "usage: certs/make.sh DIR" >&2; exit 2; }
here=$(cd "$(dirname "$0")/.." && pwd -P)
case $(realpath -m "$1")/ in "$here"/build/*) ;; "$here"/*)
    echo "certs/make.sh: $1 lies in the source tree; private keys do not belong there" >&2
    exit 2
    ;;
esac
umask 077
mkdir -p "$1"
cd "$1"
db=$(mktemp -d ./.ca.XXXXXX)
trap 'rm -rf "$db"' EXIT
trap 'exit 130' INT TERM

# `openssl ca` is the one command that takes both dates in every OpenSSL 3.
cat >"$db/openssl.cnf" <<CONF
[ca]
default_ca = test
[test]
database = $db/index.txt
new_certs_dir = $db
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
email_in_dn = no
[any]
commonName = supplied
[req]
distinguished_name = dn
[dn]
[authority]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = \${ENV::SAN}
CONF
: >"$db/index.txt"
export SAN=DNS:unused

quietly() { "$@" >"$db/log" 2>&1 || { cat "$db/log" >&2; exit 1; }; }
key() { quietly openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.pem"; }
request() { # file, common name
    key "$1"
    quietly openssl req -new -config "$db/openssl.cnf" -key "$1.pem" -subj "/CN=$2" -out "$db/$1.csr"
}
issue() { # file, extensions, not before, not after, then options of `openssl ca`
    file=$1 extensions=$2 from=$3 to=$4
    shift 4
    quietly openssl ca -batch -notext -config "$db/openssl.cnf" -in "$db/$file.csr" -out "$file.crt" -extensions "$extensions" \
        -startdate "$from" -enddate "$to" "$@"
}
authority() { # file, common name
    request "$1" "$2"
    issue "$1" authority 20200101000000Z 20500101000000Z -selfsign -keyfile "$1.pem"
}
server() { # file, subjectAltName, not before, not after
    request "$1" "otaserve test"
    SAN=$2
    issue "$1" server "$3" "$4" -cert ca.crt -keyfile ca.pem
}

authority ca "otaserve test CA"
authority other-ca "unrelated test CA"
server server "DNS:localhost,IP:127.0.0.1" 20200101000000Z 20490101000000Z
server expired "DNS:localhost,IP:127.0.0.1" 20200101000000Z 20210101000000Z
server wrong-name "DNS:updates.example.net,IP:192.0.2.1" 20200101000000Z 20490101000000Z
