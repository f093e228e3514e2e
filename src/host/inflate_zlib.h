/* SPDX-License-Identifier: Apache-2.0 */
/* The inflate port over zlib. */
#ifndef OTA_HOST_INFLATE_ZLIB_H
#define OTA_HOST_INFLATE_ZLIB_H

#include "ota/ports.h"

#define OTA_Z_WINDOW_BITS 12 /* 4 KiB: what a board has room for */

/* zlib (RFC 1950) with a window of at most 4 KiB, streamed. One use at a time. */
struct ota_inflate {
    void *ctx;
    enum ota_status (*begin)(void *ctx, struct ota_err *err);
    /* Takes from in[0..*in_len) and gives to out[0..*out_len); both become what was used. *end: the stream is complete
     * and its Adler-32 right. Bad data: HASH. No progress and not *end: it wants more input. */
    enum ota_status (*run)(void *ctx, const uint8_t *in, size_t *in_len, uint8_t *out, size_t *out_len, bool *end,
                           struct ota_err *err);
    void (*end)(void *ctx); /* also after a failed begin */
};

struct ota_inflate_zlib;
struct ota_inflate_zlib *ota_inflate_zlib_new(void);
void ota_inflate_zlib_free(struct ota_inflate_zlib **z);
/* Lives as long as *z. */
const struct ota_inflate *ota_inflate_zlib_port(const struct ota_inflate_zlib *z);

#endif
