/* SPDX-License-Identifier: Apache-2.0 */
/* Signs images for Secure Boot v2 with keys made on the spot, as espsecure does. */
#ifndef OTA_TESTS_BOOT_SIGNER_H
#define OTA_TESTS_BOOT_SIGNER_H

#include <openssl/evp.h>

#include "host/buf.h"

enum boot_scheme { BOOT_RSA3072, BOOT_ECDSA256, BOOT_ECDSA384 };

struct boot_signer {
    enum boot_scheme scheme;
    EVP_PKEY *key;
    uint8_t digest[OTA_SHA256_LEN]; /* what an eFuse holds of it; known once it has signed */
};
void boot_signer_make(struct boot_signer *s, enum boot_scheme scheme);
void boot_signer_free(struct boot_signer *s);

/* Block 0: pads the image and appends the signature sector. Another block goes into the sector that is there. */
void boot_sign(struct boot_signer *s, struct ota_buf *image, unsigned block);
/* The CRC of a block that was edited. */
void boot_sign_reseal(struct ota_buf *image, unsigned block);

#endif
