/* SPDX-License-Identifier: Apache-2.0 */
/* An esp_err_t as the core's error: "<what>: ESP_ERR_TIMEOUT (0x107)". */
#ifndef OTA_ESP_FAILED_H
#define OTA_ESP_FAILED_H

#include "esp_err.h"
#include "ota/err.h"

/* Fills *err and returns `code`. */
enum ota_status ota_esp_failed(struct ota_err *err, enum ota_status code, esp_err_t why, const char *fmt, ...)
    OTA_PRINTF(4, 5);

#endif
