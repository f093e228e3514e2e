/* SPDX-License-Identifier: Apache-2.0 */
/* The ROM's tinfl, over zlib. A decompressor has no end: there is one stream at a time. */
#ifndef OTA_TESTS_MINIZ_H
#define OTA_TESTS_MINIZ_H

#include <stddef.h>
#include <stdint.h>

enum { TINFL_FLAG_PARSE_ZLIB_HEADER = 1, TINFL_FLAG_HAS_MORE_INPUT = 2, TINFL_FLAG_COMPUTE_ADLER32 = 8 };

typedef enum {
    TINFL_STATUS_BAD_PARAM = -3,
    TINFL_STATUS_ADLER32_MISMATCH = -2,
    TINFL_STATUS_FAILED = -1,
    TINFL_STATUS_DONE = 0,
    TINFL_STATUS_NEEDS_MORE_INPUT = 1,
    TINFL_STATUS_HAS_MORE_OUTPUT = 2
} tinfl_status;

typedef struct {
    uint32_t m_state;
    uint8_t tables[10990];
} tinfl_decompressor;

#define tinfl_init(r) ((r)->m_state = 0)

tinfl_status tinfl_decompress(tinfl_decompressor *r, const uint8_t *in, size_t *in_size, uint8_t *out_start,
                              uint8_t *out_next, size_t *out_size, uint32_t flags);

#endif
