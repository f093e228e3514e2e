/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_TESTS_ESP_HEAP_CAPS_H
#define OTA_TESTS_ESP_HEAP_CAPS_H

#include <stddef.h>
#include <stdint.h>

#define MALLOC_CAP_DEFAULT (1u << 12)

size_t heap_caps_get_largest_free_block(uint32_t caps);

#endif
