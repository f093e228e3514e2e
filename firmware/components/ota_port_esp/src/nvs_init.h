/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_ESP_NVS_INIT_H
#define OTA_ESP_NVS_INIT_H

#include "esp_err.h"

/* nvs_flash_init_partition(), with NVS encryption's keys where the build has it: that call alone would take encrypted entries for
 * garbage. Keys are made when there are none yet, and only then: others' entries depend on them. */
esp_err_t ota_esp_nvs_init(const char *label);

#endif
