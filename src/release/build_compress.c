/* SPDX-License-Identifier: Apache-2.0 */
/* The zlib forms of a release's images. Level 9 and nothing left to chance: equal images give equal bytes, so that a push
 * that was cut off finds its upload again. */
#include <string.h>
#include <zlib.h>

#include "host/crypto.h"
#include "host/inflate_zlib.h"
#include "release/build_parts.h"

#define CHUNK 65536u
#define LEVEL 9
#define MEM_LEVEL 9
#define PERCENT_KEPT 90u  /* a form that saves less is not worth the time of a board, */
#define BYTES_SAVED 4096u /* nor are its 100 bytes in the role that every board fetches */

static void deflate_free(z_stream *z) {
    (void)deflateEnd(z);
}

/* *out stays within `room`; *fits: that was enough. */
static enum ota_status pack(const struct ota_buf *plain, size_t room, const char *shown,
                            const struct ota_build_progress *progress, struct ota_buf *out, bool *fits,
                            struct ota_err *err) {
    OTA_CLEAN(deflate_free) z_stream z = {.next_in = plain->p};
    *fits = false;
    if (deflateInit2(&z, LEVEL, Z_DEFLATED, OTA_Z_WINDOW_BITS, MEM_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
        return ota_err_set(err, OTA_MEMORY, "%s: zlib cannot begin", shown);
    ota_buf_reserve(out, room);
    z.next_out = out->p;
    z.avail_out = (uInt)room;
    for (size_t at = 0; at < plain->len && z.avail_out > 0;) {
        size_t n = plain->len - at < CHUNK ? plain->len - at : CHUNK;
        at += n;
        z.avail_in = (uInt)n;
        *fits = deflate(&z, at == plain->len ? Z_FINISH : Z_NO_FLUSH) == Z_STREAM_END;
        if (progress && progress->bytes)
            progress->bytes(progress->ctx, shown, at, plain->len);
    }
    out->len = room - z.avail_out;
    return OTA_OK;
}

/* Most a form may have to be worth it; 0: none is. */
static size_t worth(size_t length) {
    const size_t most = length * PERCENT_KEPT / 100;
    if (length < BYTES_SAVED)
        return 0;
    return length - BYTES_SAVED < most ? length - BYTES_SAVED : most;
}

static enum ota_status compress_step(struct ota_build *b, size_t index, const struct ota_build_progress *progress,
                                     struct ota_err *err) {
    struct ota_step *step = &b->release.step[index];
    struct ota_buf *packed = &b->packed[index];
    OTA_CLEAN(ota_buf_free) struct ota_buf plain = {0};
    bool fits;
    OTA_TRY(ota_build_read_step(b, index, NULL, &plain, err));
    OTA_TRY(pack(&plain, worth(step->length), step->file, progress, packed, &fits, err));
    if (!fits) {
        ota_buf_free(packed);
        return OTA_OK;
    }
    step->z_length = (uint32_t)packed->len;
    return ota_sha256(&ota_crypto_openssl, packed->p, packed->len, step->z_sha256, err);
}

enum ota_status ota_build_compress(struct ota_build *b, const struct ota_build_progress *progress,
                                   struct ota_err *err) {
    for (size_t i = 0; i < b->release.step_count; i++)
        OTA_TRY(compress_step(b, i, progress, err));
    return OTA_OK;
}
