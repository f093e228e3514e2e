/* SPDX-License-Identifier: Apache-2.0 */
/* zlib's inflate behind the port: a stream that wants a larger window than a board has is refused here as well. */
#include "host/inflate_zlib.h"

#include <limits.h>
#include <zlib.h>

#include "host/buf.h"

struct ota_inflate_zlib {
    struct ota_inflate port;
    z_stream stream;
    bool begun, ended;
};

static void end(void *ctx) {
    struct ota_inflate_zlib *z = ctx;
    if (z->begun)
        (void)inflateEnd(&z->stream);
    z->begun = false;
}

static enum ota_status begin(void *ctx, struct ota_err *err) {
    struct ota_inflate_zlib *z = ctx;
    end(z);
    z->stream = (z_stream){.next_in = Z_NULL};
    z->ended = false;
    if (inflateInit2(&z->stream, OTA_Z_WINDOW_BITS) != Z_OK)
        return ota_err_set(err, OTA_MEMORY, "zlib cannot begin");
    z->begun = true;
    return OTA_OK;
}

static uInt at_most(size_t n) {
    return n < UINT_MAX ? (uInt)n : UINT_MAX;
}

static enum ota_status run(void *ctx, const uint8_t *in, size_t *in_len, uint8_t *out, size_t *out_len, bool *ended,
                           struct ota_err *err) {
    struct ota_inflate_zlib *z = ctx;
    const uInt given = at_most(*in_len), room = at_most(*out_len);
    *in_len = *out_len = 0;
    *ended = z->ended;
    if (z->ended)
        return OTA_OK;
    z->stream.next_in = (Bytef *)(uintptr_t)in; /* declared const only with ZLIB_CONST; it is read and no more */
    z->stream.avail_in = given;
    z->stream.next_out = out;
    z->stream.avail_out = room;
    int rc = inflate(&z->stream, Z_NO_FLUSH);
    *in_len = given - z->stream.avail_in;
    *out_len = room - z->stream.avail_out;
    *ended = z->ended = rc == Z_STREAM_END;
    if (rc == Z_OK || rc == Z_STREAM_END || rc == Z_BUF_ERROR)
        return OTA_OK;
    if (rc == Z_MEM_ERROR)
        return ota_err_set(err, OTA_MEMORY, "zlib has no memory");
    return ota_err_set(err, OTA_HASH, "no zlib stream with a window of at most 4 KiB: %s",
                       z->stream.msg ? z->stream.msg : "it wants a dictionary");
}

struct ota_inflate_zlib *ota_inflate_zlib_new(void) {
    struct ota_inflate_zlib *z = ota_calloc(1, sizeof *z);
    z->port = (struct ota_inflate){.ctx = z, .begin = begin, .run = run, .end = end};
    return z;
}

void ota_inflate_zlib_free(struct ota_inflate_zlib **z) {
    if (*z)
        end(*z);
    free(*z);
    *z = NULL;
}

const struct ota_inflate *ota_inflate_zlib_port(const struct ota_inflate_zlib *z) {
    return &z->port;
}
