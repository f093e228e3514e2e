/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_TESTS_ESP_SECURE_BOOT_H
#define OTA_TESTS_ESP_SECURE_BOOT_H

#include <stdbool.h>
#include <stdint.h>

#include "esp_err.h"

bool esp_secure_boot_enabled(void);
uint32_t esp_secure_boot_sig_block_size(void);
/* Signature behind so many bytes at src_addr, on the next sector's border: ESP_ERR_INVALID_STATE when it is not right. */
esp_err_t esp_secure_boot_verify_signature(uint32_t src_addr, uint32_t length);

#endif
