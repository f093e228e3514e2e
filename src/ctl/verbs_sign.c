/* SPDX-License-Identifier: Apache-2.0 */
/* Options and help of the verbs that sign and verify images as well as roles; see verbs.c. */
#include "ctl/verbs_sign.h"

/* clang-format off */

const struct ota_option ota_verb_verify_options[] = {
    {"root", 0, "FILE", "the trusted root.json; default: the newest\nof the workspace", false},
    {"ca", 0, "FILE", "CA certificate of the server; default:\nkeys/ca.crt of the workspace, else the system's", false},
    {"secure-boot", 0, "KEY", "of an image: this key must have signed it; a\npublic key's file, or any form of a key", true},
    {"product", 0, "NAME", "of an image: the keys that ota.conf requires for\nit must have signed", false},
    PASSPHRASE_OPTION,
    {NULL, 0, NULL, NULL, false},
};
const char ota_verb_verify_details[] =
    "Checks a whole repository like a board that has nothing but the root: every\n"
    "signature, version, expiry, length and digest, down to each image. DIR is a\n"
    "folder with metadata/ and targets/ (state/repo of a workspace); URL is what\n"
    "boards use.\n\n"
    "Of an image (a file) it checks structure, checksum and digest as push does, then\n"
    "every Secure Boot signature: V2 with RSA-3072, P-192, P-256 and P-384 (all blocks),\n"
    "V1 by a P-256 key that --secure-boot names. It fails when the file or a block is\n"
    "damaged, or when a key that was asked for has not signed in a block that the chip\n"
    "looks at: the first one on esp32 and esp32c2 (and for a product with signed_apps),\n"
    "else three, of a scheme that it knows. Blocks that it ignores are marked.\n\n"
    "JSON: repository, ok, found (one line per thing verified). Of an image: file, ok,\n"
    "kind, v1, v1_key, blocks (scheme, valid, key_digest, key, ignored: why, or null).";

const struct ota_option ota_verb_keys_new_options[] = {
    {"output", 'o', "FILE", "the new key; FILE.pub is its public half", false},
    {"secure-boot", 0, "SCHEME", "a key that signs images: rsa3072, ecdsa256 or\necdsa384", false},
    {"encrypt", 0, NULL, "ask for a passphrase", false},
    {"passphrase-file", 0, "FILE", "encrypt with the first line of FILE (chmod 600);\ndefault: $OTA_PASSPHRASE_FILE", false},
    {NULL, 0, NULL, NULL, false},
};
const char ota_verb_keys_new_details[] =
    "Makes a P-256 signing key in a file of its own, PKCS#8. With a passphrase it is\n"
    "encrypted (scrypt, AES-256). Needs no workspace: made on the machine that will\n"
    "sign, the key never lies anywhere else; FILE.pub goes to \"otactl root add-key\".\n\n"
    "With --secure-boot it is a key for \"otactl sign --secure-boot\": boards with Secure\n"
    "Boot V2 hold its digest in eFuse, for ever. P-192 keys and V1 are not made.\n\n"
    "JSON: file, keyid, public, encrypted; with --secure-boot file, scheme, digest,\n"
    "public, encrypted.";

const struct ota_option ota_verb_keys_digest_options[] = {
    {"chip", 0, "CHIP", "as this chip keeps it: the esp32c2 16 bytes", false},
    {"output", 'o', "FILE", "write the bytes there, for espefuse", false},
    PASSPHRASE_OPTION,
    {NULL, 0, NULL, NULL, false},
};
const char ota_verb_keys_digest_details[] =
    "Prints what eFuses hold of a Secure Boot V2 key: the SHA-256 of the public key as\n"
    "signature blocks carry it. KEY is a public key's file, a private key's PEM file or\n"
    ".uri file, or a pkcs11: URI. Burn it with espefuse; ota.conf takes it, too.\n\n"
    "JSON: key, scheme, digest.";

const struct ota_option ota_verb_sign_options[] = {
    {"key", 0, "KEY", "a key: PEM file, .uri file or pkcs11: URI; default:\nthose in keys/ that the roles name", true},
    PASSPHRASE_OPTION,
    {"previous", 0, "FILE", "the role that this one replaces, or its root or\ntargets: for a file without a workspace", false},
    {"yes", 'y', NULL, "sign without asking; a must without a terminal", false},
    {"secure-boot", 0, "KEY", "sign an image for Secure Boot V2 with this key;\nonce for each of up to three", true},
    {"output", 'o', "FILE", "the signed image; may be the image itself", false},
    {"append", 0, NULL, "keep the signatures that the image has", false},
    {"public-key", 0, "FILE", "the key of a signature that was made elsewhere", true},
    {"signature", 0, "FILE", "that signature: RSA 384 bytes, ECDSA DER; in the\nsame order", true},
    {"pad-only", 0, NULL, "write what a signature made elsewhere must cover:\nthe padded image, without signatures", false},
    {"chip", 0, "CHIP", "of a data file: hold to the limits of this chip", false},
    {"data", 0, NULL, "it is data, whatever it looks like", false},
    {NULL, 0, NULL, NULL, false},
};
const char ota_verb_sign_details[] =
    "Shows what a role says: version, expiry, the releases with each image's digest, or\n"
    "the keys that come (+) and go (-). Asks, then adds a signature by each key that may\n"
    "sign. What is signed never changes, and a key signs a role once.\n\n"
    "DRAFT is a change or release of the workspace that waits for signatures\n"
    "(\"otactl publish\" lists them). FILE is an exported draft, or a single role file.\n"
    "Neither needs a workspace when --key is given.\n\n"
    "JSON: draft (null: a file), complete, roles (role, version, by (whose\n"
    "keys), signatures, needed; a root twice: by the keys before it and by its own).\n"
    "What is shown goes to stderr then.\n\n"
    "With --secure-boot it signs an image as espsecure does, without a workspace: an\n"
    "app, a bootloader, or any other file for a data partition that boards verify\n"
    "(subtype undefined). It pads with FF to 4096 bytes and adds one sector with the\n"
    "signatures: RSA-3072 (PSS), ECDSA with P-256 or P-384. KEY is a PEM file, a .uri\n"
    "file or a pkcs11: URI. A key that signed before does not sign again. A signature\n"
    "made elsewhere covers the padded file, as --pad-only writes it.\n\n"
    "Refused, because no chip would take it: a damaged image or signature; bytes behind\n"
    "the image, where the signature belongs; a scheme that the chip lacks; two schemes\n"
    "in one file; a second signature for esp32 and esp32c2, a fourth for others; a\n"
    "bootloader over the chip's limit; a V1 signature. Partition tables are refused, too:\n"
    "nobody looks at a signature there. JSON wants --data: it may be a role by mistake.\n\n"
    "JSON then: file, output, kind, chip, added (signatures), blocks (scheme, valid,\n"
    "key_digest, key, ignored), remarks.";
/* clang-format on */
