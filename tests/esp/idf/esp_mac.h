/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_TESTS_ESP_MAC_H
#define OTA_TESTS_ESP_MAC_H

#include <stdint.h>

#include "esp_err.h"

typedef enum { ESP_MAC_WIFI_STA, ESP_MAC_BASE = 5, ESP_MAC_EFUSE_FACTORY } esp_mac_type_t;

/* 30:ae:a4:12:34:56. */
esp_err_t esp_read_mac(uint8_t *mac, esp_mac_type_t type);

#endif
