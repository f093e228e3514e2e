/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_TESTS_ESP_CRT_BUNDLE_H
#define OTA_TESTS_ESP_CRT_BUNDLE_H

#include "esp_err.h"

/* Of double_http.bundle. */
esp_err_t esp_crt_bundle_attach(void *conf);

#endif
