/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_TESTS_ESP_RANDOM_H
#define OTA_TESTS_ESP_RANDOM_H

#include <stddef.h>

void esp_fill_random(void *buf, size_t len);

#endif
