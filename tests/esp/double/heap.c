/* SPDX-License-Identifier: Apache-2.0 */
#include "double/heap.h"

#include "esp_heap_caps.h"
#include "esp_system.h"

struct double_heap double_heap = DOUBLE_HEAP_USUAL;

size_t heap_caps_get_largest_free_block(uint32_t caps) {
    return caps == MALLOC_CAP_DEFAULT ? double_heap.block : 0;
}

uint32_t esp_get_minimum_free_heap_size(void) {
    return double_heap.minimum;
}
