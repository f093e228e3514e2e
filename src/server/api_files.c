/* SPDX-License-Identifier: Apache-2.0 */
/* PUT /api/v1/releases/{id}/files/{sha256}: one part of a file, straight to disk. */
#include <string.h>

#include "host/buf.h"
#include "server/api.h"
#include "server/problem.h"

/* The body on its way. What goes wrong is told when it has ended: it is short (OTA_UPLOAD_PART_MAX). */
struct incoming {
    struct ota_upload_writer writer;
    struct ota_err err; /* code OK: none */
};

static bool take(void *ctx, const char *data, size_t size) {
    struct incoming *in = ctx;
    if (in->err.code == OTA_OK)
        (void)!ota_upload_write(&in->writer, data, size, &in->err);
    return true;
}

static void let_go(void *ctx) {
    struct incoming *in = ctx;
    ota_upload_writer_close(&in->writer);
    free(in);
}

static bool number(const char **p, uint64_t *out) {
    size_t digits = strspn(*p, "0123456789");
    *out = 0;
    if (digits == 0 || digits > 15)
        return false;
    for (size_t i = 0; i < digits; i++)
        *out = *out * 10 + (uint64_t)(*(*p)++ - '0');
    return true;
}

/* "bytes FIRST-LAST/LENGTH" (RFC 9110 14.4), agreeing with Content-Length. */
static bool read_range(const struct ota_exchange *x, uint64_t *from, uint64_t *end, uint64_t *length) {
    const char *p = ota_exchange_header(x, MHD_HTTP_HEADER_CONTENT_RANGE);
    const char *body = ota_exchange_header(x, MHD_HTTP_HEADER_CONTENT_LENGTH);
    uint64_t last, sent;
    if (!p || !body || strncmp(p, "bytes ", 6) != 0)
        return false;
    p += 6;
    if (!number(&p, from) || *p++ != '-' || !number(&p, &last) || *p++ != '/' || !number(&p, length) || *p)
        return false;
    *end = last + 1;
    return number(&body, &sent) && !*body && *end > *from && sent == *end - *from;
}

enum MHD_Result ota_api_file_begin(struct ota_api *a, struct ota_exchange *x, const struct ota_api_target *t) {
    struct ota_fleet_token token;
    struct ota_upload upload;
    struct ota_err err;
    enum MHD_Result rc;
    uint64_t from, end, length;
    if (!ota_api_allow(a, x, OTA_TOKEN_PUSH, &token, &rc))
        return rc;
    if (!read_range(x, &from, &end, &length))
        return ota_problem_answer(
            x, MHD_HTTP_BAD_REQUEST, OTA_ARGUMENT,
            "a part needs Content-Range: bytes FIRST-LAST/LENGTH and a Content-Length that agrees");
    if (ota_upload_read(a->w, t->id, token.name, &upload, &err) != OTA_OK)
        return ota_api_failed(x, &err);
    struct incoming *in = ota_calloc(1, sizeof *in);
    if (ota_upload_write_begin(a->w, &upload, t->sha256, from, end, length, &in->writer, &err) != OTA_OK) {
        free(in);
        return ota_api_failed(x, &err);
    }
    x->sink = (struct ota_body_sink){.take = take, .free = let_go, .ctx = in};
    return MHD_YES;
}

static enum MHD_Result done(struct ota_exchange *x) {
    struct MHD_Response *r = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    enum MHD_Result rc = ota_exchange_answer(x, MHD_HTTP_NO_CONTENT, r, 0);
    if (r)
        MHD_destroy_response(r);
    return rc;
}

enum MHD_Result ota_api_file_end(struct ota_exchange *x) {
    struct incoming *in = x->sink.ctx;
    if (in->err.code != OTA_OK || ota_upload_write_end(&in->writer, &in->err) != OTA_OK)
        return ota_api_failed(x, &in->err);
    return done(x);
}
