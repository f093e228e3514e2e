/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Public keys of Secure Boot v2: as a signature block carries them (host/signature.h), and their digest, which eFuse
 * keeps. The ESP32-C2 has room for the first 16 bytes of it only.
 */
#ifndef OTA_HOST_BOOT_KEY_H
#define OTA_HOST_BOOT_KEY_H

#include "host/buf.h"
#include "ota/image.h"

#define OTA_BOOT_KEY_AREA_MAX 776u
#define OTA_BOOT_SIGNATURE_MAX 384u
#define OTA_SHA384_LEN 48u
#define OTA_BOOT_DIGEST_C2 16u

enum ota_boot_scheme {
    OTA_BOOT_UNKNOWN,
    OTA_BOOT_RSA3072,
    OTA_BOOT_ECDSA192, /* gone from ESP-IDF 6.1: read, never made */
    OTA_BOOT_ECDSA256,
    OTA_BOOT_ECDSA384
};

/* Where a block keeps what depends on its scheme. */
struct ota_boot_layout {
    const char *name;        /* "rsa3072", "ecdsa256", ... */
    uint8_t version, hash;   /* bytes 1 and 2 of the block */
    uint8_t curve;           /* first byte of the key area; 0: RSA */
    size_t digest_len;       /* at 4 */
    size_t key_at, key_len;  /* public key; its SHA-256 is the eFuse's digest */
    size_t number_len;       /* of n, of X, of r: bytes */
    size_t signature_at;     /* RSA: one number; ECDSA: r then s */
    const char *group, *key; /* OpenSSL's name of the curve, and of the key for people */
};
/* Never NULL; of UNKNOWN the name is "unknown" and all else zero. */
const struct ota_boot_layout *ota_boot_layout(enum ota_boot_scheme scheme);
/* "rsa3072", "ecdsa256", "ecdsa384"; UNKNOWN for another word. */
enum ota_boot_scheme ota_boot_scheme_by_name(const char *name);
/* Does Secure Boot v2 of the chip, or its check of signed apps, know the scheme in any ESP-IDF from 5.5 on? */
bool ota_boot_scheme_suits(enum ota_boot_scheme scheme, const struct ota_chip *chip);
/* How many keys the chip's eFuses hold, and how many blocks it looks at. */
unsigned ota_boot_key_count(const struct ota_chip *chip);
/* Bytes of a digest that the chip's eFuses keep. */
size_t ota_boot_digest_len(const struct ota_chip *chip);

struct ota_boot_digest {
    uint8_t byte[OTA_SHA256_LEN];
    size_t len; /* that count: 32, or 16 as on the ESP32-C2 */
};
struct ota_boot_key {
    enum ota_boot_scheme scheme;
    uint8_t area[OTA_BOOT_KEY_AREA_MAX]; /* as the block has it */
    struct ota_boot_digest digest;
};

/* Does the chip have Secure Boot V1, and its signatures of apps? Source: SOC_SECURE_BOOT_V1. */
bool ota_boot_v1_suits(const struct ota_chip *chip);
/* Of the ESP32, whose version 2 knows no ECDSA: a P-256 key can only be one of Secure Boot V1. */
bool ota_boot_key_is_v1(const struct ota_boot_key *key, const struct ota_chip *chip);

struct evp_pkey_st;
/* KEY: of a kind that Secure Boot does not take; `name` is for messages. */
OTA_MUST_USE enum ota_status ota_boot_key_from(const struct evp_pkey_st *pkey, const char *name,
                                               struct ota_boot_key *out, struct ota_err *err);
/* From the key area of a block. KEY: no such key, or RSA's R and m' are not those of its n: the chip would compute
 * nonsense. */
OTA_MUST_USE enum ota_status ota_boot_key_from_area(enum ota_boot_scheme scheme, const uint8_t *area,
                                                    struct ota_boot_key *out, struct ota_err *err);
/* "-----BEGIN PUBLIC KEY-----" is in there. */
bool ota_boot_key_is_public_pem(struct ota_span pem);
OTA_MUST_USE enum ota_status ota_boot_key_from_pem(struct ota_span pem, const char *name, struct ota_boot_key *out,
                                                   struct ota_err *err);
/* `signature` as the block has it, over a digest of the scheme's length. */
bool ota_boot_key_verifies(const struct ota_boot_key *key, const uint8_t *digest, const uint8_t *signature);
/* Of version 1: r || s, big-endian, by a P-256 key. */
bool ota_boot_key_verifies_v1(const struct ota_boot_key *key, const uint8_t digest[OTA_SHA256_LEN],
                              const uint8_t rs[64]);

#endif
