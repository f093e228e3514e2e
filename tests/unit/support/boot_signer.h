/* SPDX-License-Identifier: Apache-2.0 */
/* Signs images for Secure Boot v2 with keys made on the spot, in any block and with any mix of keys, as otactl does
 * not. */
#ifndef OTA_TESTS_BOOT_SIGNER_H
#define OTA_TESTS_BOOT_SIGNER_H

#include "sign/boot_private.h"

struct boot_signer {
    struct ota_boot_private *key;
    uint8_t digest[OTA_SHA256_LEN]; /* what an eFuse holds of it */
};
void boot_signer_make(struct boot_signer *s, enum ota_boot_scheme scheme);
void boot_signer_free(struct boot_signer *s);

/* Block 0: pads the image and appends the signature sector. Another block goes into the sector that is there. */
void boot_sign(struct boot_signer *s, struct ota_buf *image, unsigned block);
/* Version 1, by a P-256 key: 68 bytes behind the image. */
void boot_sign_v1(struct boot_signer *s, struct ota_buf *image);
/* The CRC of a block that was edited. */
void boot_sign_reseal(struct ota_buf *image, unsigned block);

#endif
