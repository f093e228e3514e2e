/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a file says about its Secure Boot signatures, and whether they hold. Source: esptool espsecure, ESP-IDF
 * rom/secure_boot.h and secure_boot_v2/. All numbers are little-endian, also within keys and signatures.
 *
 *   version 2   image padded to 4096 | sector: up to 3 blocks of 1216 B at 0, 1216, 2432, rest FF
 *   block       E7 | version | hash id | 0 | digest of all before the sector | public key | signature | 0 | CRC-32 at 1196 | 0*16
 *     rsa3072     version 2, hash 0   SHA-256 at 4   n 36, e 420, R 424, m' 808 (776 B)    PSS 812, salt 32 (384 B)
 *     ecdsa192    version 3, hash 0   SHA-256 at 4   curve 1 at 36, X Y 37 (65 B)          r s 101 (24 + 24 of 64 B)
 *     ecdsa256    version 3, hash 0   SHA-256 at 4   curve 2 at 36, X Y 37 (65 B)          r s 101 (64 B)
 *     ecdsa384    version 3, hash 1   SHA-384 at 4   curve 3 at 52, X Y 53 (97 B)          r s 149 (96 B)
 *   version 1   68 B behind the image: u32 0 | r || s, big-endian; ECDSA P-256 with SHA-256 over all before it
 *
 * R = 2^6144 mod n and m' = -1/n mod 2^32 are what the chip's RSA engine starts from; eFuse keeps the SHA-256 of the
 * public key as the block carries it. Whether anybody trusts that key is for who knows the boards.
 */
#ifndef OTA_HOST_SIGNATURE_H
#define OTA_HOST_SIGNATURE_H

#include "host/boot_key.h"

#define OTA_SIGNATURE_BLOCKS_MAX 3u
#define OTA_SIGNATURE_BLOCK_LEN 1216u
#define OTA_SIGNATURE_BLOCK_MAGIC 0xE7u
#define OTA_SIGNATURE_CRC_AT 1196u
#define OTA_SIGNATURE_V1_LEN 68u

struct ota_signature_block {
    enum ota_boot_scheme scheme;
    bool crc_ok;
    bool digest_ok;                     /* it was made over these bytes */
    bool valid;                         /* both, and the signature is by the key that the block carries */
    uint8_t key_digest[OTA_SHA256_LEN]; /* what the eFuse holds; zero for an unknown scheme */
};
struct ota_signatures {
    bool v1;      /* a version 1 signature follows the image */
    size_t count; /* version 2 blocks */
    struct ota_signature_block block[OTA_SIGNATURE_BLOCKS_MAX];
};
/* image_length: where a version 1 signature would stand. A file without signatures is OTA_OK; fails only when it
 * cannot be read. The signature sector is the last of the file. */
OTA_MUST_USE enum ota_status ota_signatures_read(const struct ota_source *src, uint64_t image_length,
                                                 struct ota_signatures *out, struct ota_err *err);
/* The sector behind the first image_length bytes, where a chip looks for it; what the file holds behind that does not
 * count. */
OTA_MUST_USE enum ota_status ota_signatures_read_behind(const struct ota_source *src, uint64_t image_length,
                                                        struct ota_signatures *out, struct ota_err *err);
/* Of data, where ESP-IDF looks at the last whole sector that was written, and knows version 2 only. */
OTA_MUST_USE enum ota_status ota_signatures_read_data(const struct ota_source *src, struct ota_signatures *out,
                                                      struct ota_err *err);
/* The valid block by that key, or -1. */
int ota_signatures_find(const struct ota_signatures *s, const struct ota_boot_digest *key);
/* Have the first `blocks` blocks of both a valid one by the same key? */
bool ota_signatures_share_key(const struct ota_signatures *a, const struct ota_signatures *b, unsigned blocks);
/* Is the version 1 signature at image_length by this P-256 key? */
OTA_MUST_USE enum ota_status ota_signature_v1_check(const struct ota_source *src, uint64_t image_length,
                                                    const struct ota_boot_key *key, bool *valid, struct ota_err *err);

/* The digests that blocks are made over: of the first `length` bytes. */
struct ota_signature_digests {
    uint8_t sha256[OTA_SHA256_LEN], sha384[OTA_SHA384_LEN];
};
OTA_MUST_USE enum ota_status ota_signature_digest(const struct ota_source *src, uint64_t length,
                                                  struct ota_signature_digests *out, struct ota_err *err);
/* The one that a scheme signs. */
struct ota_span ota_signature_digest_for(const struct ota_signature_digests *d, enum ota_boot_scheme scheme);

#endif
