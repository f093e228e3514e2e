/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secure Boot v2 as ROM and bootloader do it: an image boots when one signature block that the chip looks at is whole,
 * made over these bytes, by a key whose digest is in eFuse. host/signature.h shows the block. Source: ESP-IDF
 * secure_boot_v2/secure_boot_signatures_bootloader.c, esptool espsecure.
 *
 *   ESP32, ESP32-C2   one key, the first block; other chips: three of each, any pair
 *   ESP32-C2          eFuse has room for 16 bytes of a digest
 */
#ifndef OTA_SIM_SECURE_BOOT_H
#define OTA_SIM_SECURE_BOOT_H

#include "host/signature.h"

#define OTA_SECURE_BOOT_KEYS_MAX 3u

struct ota_secure_boot_keys {
    uint8_t count; /* 0: none is burnt yet, and nothing is enforced */
    uint8_t digest[OTA_SECURE_BOOT_KEYS_MAX][OTA_SHA256_LEN];
};

/* What the chip burns when a signed bootloader starts first: the keys of its blocks. Source: ESP-IDF
 * bootloader_support/src/secure_boot_v2/secure_boot.c. */
void ota_secure_boot_burn(const struct ota_chip *chip, const struct ota_signatures *bootloader,
                          struct ota_secure_boot_keys *keys);
/* `src` begins with an image of `length` bytes, its appended SHA-256 included; the signature sector lies on the next
 * sector boundary. SIGNATURE says what is wrong with the first block; FLASH or what src->read says. */
OTA_MUST_USE enum ota_status ota_secure_boot_check(const struct ota_chip *chip, const struct ota_secure_boot_keys *keys,
                                                   const struct ota_source *src, uint32_t length, struct ota_err *err);

#endif
