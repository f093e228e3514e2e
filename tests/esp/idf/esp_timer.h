/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_TESTS_ESP_TIMER_H
#define OTA_TESTS_ESP_TIMER_H

#include <stdint.h>

int64_t esp_timer_get_time(void); /* microseconds since boot */

#endif
