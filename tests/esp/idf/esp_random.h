/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_TESTS_ESP_RANDOM_H
#define OTA_TESTS_ESP_RANDOM_H

#include <stddef.h>
#include <stdint.h>

uint32_t esp_random(void);
void esp_fill_random(void *buf, size_t len);

#endif
