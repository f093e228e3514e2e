/* SPDX-License-Identifier: Apache-2.0 */
/* What both crypto ports take from the chip itself. */
#ifndef OTA_ESP_CRYPTO_CHIP_H
#define OTA_ESP_CRYPTO_CHIP_H

#include "ota/ports.h"

enum ota_status ota_esp_md5(void *ctx, const void *p, size_t n, uint8_t out[16], struct ota_err *err);
enum ota_status ota_esp_random(void *ctx, void *p, size_t n, struct ota_err *err);

#endif
