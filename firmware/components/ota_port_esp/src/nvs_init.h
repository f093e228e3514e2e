/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_ESP_NVS_INIT_H
#define OTA_ESP_NVS_INIT_H

#include <stdbool.h>

#include "esp_err.h"

/* nvs_flash_init_partition(), with NVS encryption's keys where the build has it: that call alone would take encrypted entries for
 * garbage. Keys are made when there are none yet, and only then: others' entries depend on them. */
esp_err_t ota_esp_nvs_init(const char *label);

/*
 * NVS erases every entry that it cannot read: an app with NVS encryption destroys what one without it kept, and the other way
 * round, at its first start, be it on trial. So a release must never switch CONFIG_NVS_ENCRYPTION.
 *
 * True: this build encrypts, and `label` holds `name_space` in plain: not to be initialised. Of the other direction nothing
 * can be told: what was encrypted looks like what is damaged.
 */
bool ota_esp_nvs_would_be_lost(const char *label, const char *name_space);

#endif
