/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_TESTS_ESP_EFUSE_TABLE_H
#define OTA_TESTS_ESP_EFUSE_TABLE_H

#include "esp_efuse.h"

extern const esp_efuse_desc_t *ESP_EFUSE_BOOTLOADER_ANTI_ROLLBACK_EN[];
extern const esp_efuse_desc_t *ESP_EFUSE_BOOTLOADER_ANTI_ROLLBACK_SECURE_VERSION[];

#endif
