/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_ESP_BUILD_TIME_H
#define OTA_ESP_BUILD_TIME_H

#include <stdint.h>

/* Unix seconds at which the running app was certainly built already; 0: a reproducible build that was given none
 * (OTA_ESP_BUILD_TIME, from SOURCE_DATE_EPOCH). */
uint64_t ota_esp_build_time(void);

#endif
