/* SPDX-License-Identifier: Apache-2.0 */
/* What the chip's heap is asked about itself. */
#ifndef OTA_TESTS_DOUBLE_HEAP_H
#define OTA_TESTS_DOUBLE_HEAP_H

#include <stdint.h>

#define DOUBLE_HEAP_USUAL \
    { .block = 65536, .minimum = 91234 }

struct double_heap {
    uint32_t block;   /* the largest that is free */
    uint32_t minimum; /* free bytes, since the boot */
};
extern struct double_heap double_heap;

#endif
