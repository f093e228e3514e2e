/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a file says about its Secure Boot signatures. Source: esptool espsecure, ESP-IDF secure_boot.h.
 *
 *   version 2   image padded to 4096 | sector: up to 3 blocks of 1216 B at 0, 1216, 2432, rest FF
 *   block       E7 | scheme 2 RSA, 3 ECDSA | hash id | 0 | digest of all before the sector | public key | signature | CRC-32 | 0*16
 *   version 1   68 B behind the image: u32 0 | r || s
 *
 * Reads and checks CRC and digest and names the key; whether the signature holds is for who has to trust it.
 */
#ifndef OTA_IMAGE_SIGNATURE_H
#define OTA_IMAGE_SIGNATURE_H

#include "ota/ports.h"

#define OTA_SIGNATURE_BLOCKS_MAX 3u

struct ota_signature_block {
    const char *scheme; /* "rsa3072", "ecdsa192", "ecdsa256", "ecdsa384", "unknown" */
    bool crc_ok;
    bool digest_ok;                     /* it was made over these bytes */
    uint8_t key_digest[OTA_SHA256_LEN]; /* what the eFuse holds; zero for an unknown scheme */
};
struct ota_signatures {
    bool v1;      /* a version 1 signature follows the image */
    size_t count; /* version 2 blocks */
    struct ota_signature_block block[OTA_SIGNATURE_BLOCKS_MAX];
};
/* image_length: where a version 1 signature would stand. A file without signatures is OTA_OK; fails only when it
 * cannot be read. */
OTA_MUST_USE enum ota_status ota_signatures_read(const struct ota_source *src, uint64_t image_length,
                                                 const struct ota_crypto *crypto, struct ota_signatures *out,
                                                 struct ota_err *err);

#endif
