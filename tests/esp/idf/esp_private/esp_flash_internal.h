/* SPDX-License-Identifier: Apache-2.0 */
/* Where it lies since 6.0; 5.5 has it beside the public headers. */
#ifndef OTA_TESTS_ESP_FLASH_INTERNAL_H
#define OTA_TESTS_ESP_FLASH_INTERNAL_H

#include "esp_flash.h"

esp_err_t esp_flash_set_dangerous_write_protection(esp_flash_t *chip, const bool protect);

#endif
