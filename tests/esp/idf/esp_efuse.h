/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_TESTS_ESP_EFUSE_H
#define OTA_TESTS_ESP_EFUSE_H

#include <stdbool.h>
#include <stdint.h>

/* Both only in builds with anti-rollback. */
uint32_t esp_efuse_read_secure_version(void);
bool esp_efuse_check_secure_version(uint32_t secure_version);

#endif
