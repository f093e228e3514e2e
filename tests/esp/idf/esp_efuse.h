/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_TESTS_ESP_EFUSE_H
#define OTA_TESTS_ESP_EFUSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "esp_err.h"

typedef struct {
    int bit, count;
} esp_efuse_desc_t;

bool esp_efuse_is_flash_encryption_enabled(void); /* since 6.0 */
uint32_t esp_efuse_read_secure_version(void);
bool esp_efuse_check_secure_version(uint32_t secure_version);
bool esp_efuse_read_field_bit(const esp_efuse_desc_t *field[]);
esp_err_t esp_efuse_read_field_cnt(const esp_efuse_desc_t *field[], size_t *out_cnt);

#endif
