/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encrypted NVS partitions: each written entry of 32 bytes by itself with XTS-AES-256, the tweak its byte address in
 * the partition; page headers, bitmaps and blank entries stay plain. Source: ESP-IDF nvs_encrypted_partition.cpp,
 * nvs_flash.h (nvs_sec_cfg_t), esp-idf-nvs-partition-gen.
 *
 *   keys partition   4096 B   data key 32 | tweak key 32 | crc-F of both | FF
 */
#ifndef OTA_IMAGE_NVS_ENCRYPT_H
#define OTA_IMAGE_NVS_ENCRYPT_H

#include "image/nvs.h"

#define OTA_NVS_KEY_LEN 64u

/* The keys of a keys partition, or 64 bytes alone. KEY: of another length, damaged, or both halves equal. */
OTA_MUST_USE enum ota_status ota_nvs_key_read(struct ota_span bytes, uint8_t key[OTA_NVS_KEY_LEN], struct ota_err *err);
/* The partition of these keys. */
void ota_nvs_key_write(const uint8_t key[OTA_NVS_KEY_LEN], uint8_t out[OTA_NVS_PAGE]);
/* Every written entry of a partition of whole pages, in place. */
OTA_MUST_USE enum ota_status ota_nvs_encrypt(uint8_t *image, size_t size, const uint8_t key[OTA_NVS_KEY_LEN],
                                             struct ota_err *err);
OTA_MUST_USE enum ota_status ota_nvs_decrypt(uint8_t *image, size_t size, const uint8_t key[OTA_NVS_KEY_LEN],
                                             struct ota_err *err);

#endif
