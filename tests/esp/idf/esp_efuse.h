/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_TESTS_ESP_EFUSE_H
#define OTA_TESTS_ESP_EFUSE_H

#include <stdbool.h>
#include <stdint.h>

bool esp_efuse_is_flash_encryption_enabled(void); /* since 6.0 */
uint32_t esp_efuse_read_secure_version(void);
bool esp_efuse_check_secure_version(uint32_t secure_version);

#endif
