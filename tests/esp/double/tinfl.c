/* SPDX-License-Identifier: Apache-2.0 */
/* As the ROM does it: the room behind `next` ends where a dictionary of a power of two ends, and a stream whose window is
 * larger fails; a failed one stays so. */
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <zlib.h>

#include "miniz.h"

enum { BEGUN = 1, RUNNING, DONE, FAILED };

static z_stream z;

static void begin(tinfl_decompressor *r) {
    if (z.state)
        (void)inflateReset(&z);
    else
        (void)inflateInit2(&z, MAX_WBITS);
    r->m_state = BEGUN;
}

static bool window_fits(const uint8_t *in, size_t dictionary) {
    return ((size_t)1 << (8 + (in[0] >> 4))) <= dictionary;
}

static tinfl_status status_of(tinfl_decompressor *r, int rc) {
    if (rc == Z_STREAM_END) {
        r->m_state = DONE;
        return TINFL_STATUS_DONE;
    }
    if (rc != Z_OK && rc != Z_BUF_ERROR) {
        r->m_state = FAILED;
        return z.msg && strcmp(z.msg, "incorrect data check") == 0 ? TINFL_STATUS_ADLER32_MISMATCH
                                                                   : TINFL_STATUS_FAILED;
    }
    return z.avail_out == 0 ? TINFL_STATUS_HAS_MORE_OUTPUT : TINFL_STATUS_NEEDS_MORE_INPUT;
}

tinfl_status tinfl_decompress(tinfl_decompressor *r, const uint8_t *in, size_t *in_size, uint8_t *out_start,
                              uint8_t *out_next, size_t *out_size, uint32_t flags) {
    const size_t dictionary = (size_t)(out_next - out_start) + *out_size, given = *in_size, room = *out_size;
    *in_size = *out_size = 0;
    if ((dictionary & (dictionary - 1)) != 0 || !(flags & TINFL_FLAG_HAS_MORE_INPUT) ||
        !(flags & TINFL_FLAG_PARSE_ZLIB_HEADER) || given > UINT_MAX)
        return TINFL_STATUS_BAD_PARAM;
    if (r->m_state == FAILED || r->m_state == DONE)
        return r->m_state == DONE ? TINFL_STATUS_DONE : TINFL_STATUS_FAILED;
    if (r->m_state == 0)
        begin(r);
    if (given == 0 && r->m_state == BEGUN)
        return TINFL_STATUS_NEEDS_MORE_INPUT;
    if (r->m_state == BEGUN && !window_fits(in, dictionary)) {
        r->m_state = FAILED;
        return TINFL_STATUS_FAILED;
    }
    r->m_state = RUNNING;
    z.next_in = (Bytef *)(uintptr_t)in;
    z.avail_in = (uInt)given;
    z.next_out = out_next;
    z.avail_out = (uInt)room;
    const int rc = inflate(&z, Z_NO_FLUSH);
    *in_size = given - z.avail_in;
    *out_size = room - z.avail_out;
    return status_of(r, rc);
}
