/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zlib streams by the tinfl that every chip has in its ROM. It writes into a circular dictionary, which is also how large
 * a window may be: a stream whose header asks for more is refused by tinfl itself.
 *
 *   dictionary, 4096 bytes:   | ... | given out | pending | where the next byte goes ... |
 *                                   start       next
 *
 * tinfl wants all of the room up to the dictionary's end at each call, so what it gave waits there until the caller has
 * taken it.
 */
#include "ota_esp_ports.h"
#include "sdkconfig.h"

#if CONFIG_OTA_INFLATE

#include <stdlib.h>
#include <string.h>

#include "miniz.h"

#define WINDOW 4096u
#define FLAGS (TINFL_FLAG_PARSE_ZLIB_HEADER | TINFL_FLAG_HAS_MORE_INPUT | TINFL_FLAG_COMPUTE_ADLER32)

/* 11 KiB of tables and the dictionary: on the heap between begin() and end(). */
struct stream {
    tinfl_decompressor tinfl;
    uint8_t dictionary[WINDOW];
    size_t start, next; /* start == next: nothing is pending */
    bool done;
};

static struct stream *stream;

static void end(void *ctx) {
    (void)ctx;
    free(stream);
    stream = NULL;
}

static enum ota_status begin(void *ctx, struct ota_err *err) {
    end(ctx);
    stream = calloc(1, sizeof *stream); /* zeros: a distance behind the beginning must not show what lay there before */
    if (!stream)
        return ota_err_set(err, OTA_MEMORY, "no %u bytes in one piece for inflating", (unsigned)sizeof *stream);
    tinfl_init(&stream->tinfl);
    return OTA_OK;
}

/* Takes from *in, which becomes what is left; fills what is free behind `next`. */
static enum ota_status fill(struct stream *s, struct ota_span *in, bool *hungry, struct ota_err *err) {
    size_t taken = in->len, given = WINDOW - s->next;
    const tinfl_status rc =
        tinfl_decompress(&s->tinfl, in->p, &taken, s->dictionary, s->dictionary + s->next, &given, FLAGS);
    in->p += taken;
    in->len -= taken;
    s->next += given;
    *hungry = rc == TINFL_STATUS_NEEDS_MORE_INPUT;
    s->done = rc == TINFL_STATUS_DONE;
    if (rc == TINFL_STATUS_ADLER32_MISMATCH)
        return ota_err_set(err, OTA_HASH, "the zlib stream's Adler-32 is wrong");
    if (rc < TINFL_STATUS_DONE)
        return ota_err_set(err, OTA_HASH, "no zlib stream with a window of at most 4 KiB");
    return OTA_OK;
}

static size_t give(struct stream *s, uint8_t *out, size_t room) {
    const size_t pending = s->next - s->start;
    const size_t n = pending < room ? pending : room;
    memcpy(out, s->dictionary + s->start, n);
    s->start += n;
    if (s->start == s->next && s->next == WINDOW)
        s->start = s->next = 0;
    return n;
}

static enum ota_status run(void *ctx, const uint8_t *in, size_t *in_len, uint8_t *out, size_t *out_len, bool *ended,
                           struct ota_err *err) {
    struct stream *s = stream;
    struct ota_span rest = {in, *in_len};
    enum ota_status status = OTA_OK;
    size_t given = give(s, out, *out_len);
    bool hungry = false;
    (void)ctx;
    while (status == OTA_OK && s->start == s->next && !s->done && !hungry) { /* all is given, and there may be more */
        status = fill(s, &rest, &hungry, err);
        given += give(s, out + given, *out_len - given);
    }
    *in_len -= rest.len;
    *out_len = given;
    *ended = status == OTA_OK && s->done && s->start == s->next;
    return status;
}

static const struct ota_inflate port = {.begin = begin, .run = run, .end = end};
const struct ota_inflate *const ota_esp_inflate = &port;

#else

const struct ota_inflate *const ota_esp_inflate = NULL;

#endif
