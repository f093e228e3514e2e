/* SPDX-License-Identifier: Apache-2.0 */
/* Status line and the few fields that matter; every other field is ignored. */
#include "ota/http_head.h"

#include <string.h>

static bool refuse(struct ota_http_head *h, const char *why) {
    ota_format(h->refused, sizeof h->refused, "%s", why);
    return false;
}

static bool is_digit(uint8_t c) {
    return c >= '0' && c <= '9';
}

/* Decimal digits at the front of *s, at most 18; they are taken off. */
static bool take_number(struct ota_span *s, uint64_t *out) {
    size_t n = 0;
    for (*out = 0; n < s->len && is_digit(s->p[n]); n++) {
        if (n == 18)
            return false;
        *out = *out * 10 + (uint64_t)(s->p[n] - '0');
    }
    s->p += n;
    s->len -= n;
    return n > 0;
}

static uint8_t lower(uint8_t c) {
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

/* Whatever the case of its letters. */
static bool take_text(struct ota_span *s, const char *text) {
    size_t n = strlen(text);
    if (s->len < n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (lower(s->p[i]) != lower((uint8_t)text[i]))
            return false;
    s->p += n;
    s->len -= n;
    return true;
}

bool ota_http_head_is(struct ota_span name, const char *wanted) {
    return take_text(&name, wanted) && name.len == 0;
}

static struct ota_span trimmed(struct ota_span s) {
    while (s.len && (s.p[0] == ' ' || s.p[0] == '\t'))
        s.p++, s.len--;
    while (s.len && strchr(" \t\r\n", s.p[s.len - 1]))
        s.len--;
    return s;
}

/* ---- fields -------------------------------------------------------------------------------------------- */

static bool content_length(struct ota_http_head *h, struct ota_span v) {
    uint64_t n;
    if (!take_number(&v, &n) || v.len || (h->has_length && n != h->response.length))
        return refuse(h, "Content-Length is not one number");
    h->has_length = true;
    h->response.length = n;
    return true;
}

static bool transfer_encoding(struct ota_http_head *h, struct ota_span v) {
    h->chunked = true;
    return ota_http_head_is(v, "chunked") ? true : refuse(h, "Transfer-Encoding is not chunked");
}

static bool content_encoding(struct ota_http_head *h, struct ota_span v) {
    return ota_http_head_is(v, "identity")
               ? true
               : refuse(h, "the body is compressed, which nobody asked for: is a proxy changing files?");
}

/* Strong ones only: a weak one promises nothing about bytes. */
static void etag(struct ota_http_head *h, struct ota_span v) {
    bool good = v.len >= 2 && v.len < OTA_ETAG_MAX && v.p[0] == '"' && v.p[v.len - 1] == '"';
    for (size_t i = 1; good && i + 1 < v.len; i++)
        good = v.p[i] > 0x20 && v.p[i] < 0x7F && v.p[i] != '"';
    if (!good || !ota_span_copy(v, h->response.etag, sizeof h->response.etag))
        h->response.etag[0] = '\0';
}

/* bytes FIRST-LAST/TOTAL, or TOTAL unknown: '*'. */
static bool content_range(struct ota_http_head *h, struct ota_span v) {
    struct ota_response *r = &h->response;
    if (take_text(&v, "bytes */")) /* of a 416 */
        return true;
    r->total = OTA_LENGTH_UNKNOWN;
    if (h->has_range || !take_text(&v, "bytes ") || !take_number(&v, &r->range_from) || !take_text(&v, "-") ||
        !take_number(&v, &h->range_last) || !take_text(&v, "/") ||
        (!take_text(&v, "*") && !take_number(&v, &r->total)) || v.len || r->range_from > h->range_last ||
        h->range_last >= r->total)
        return refuse(h, "Content-Range is not \"bytes FIRST-LAST/TOTAL\"");
    h->has_range = true;
    return true;
}

/* A date is left alone: it means nothing to a board without a clock. */
static void retry_after(struct ota_http_head *h, struct ota_span v) {
    uint64_t n;
    if (take_number(&v, &n) && v.len == 0)
        h->response.retry_after = n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

static bool field(struct ota_http_head *h, struct ota_span name, struct ota_span value) {
    value = trimmed(value);
    if (ota_http_head_is(name, "Content-Length"))
        return content_length(h, value);
    if (ota_http_head_is(name, "Transfer-Encoding"))
        return transfer_encoding(h, value);
    if (ota_http_head_is(name, "Content-Encoding"))
        return content_encoding(h, value);
    if (ota_http_head_is(name, "Content-Range"))
        return content_range(h, value);
    if (ota_http_head_is(name, "ETag"))
        etag(h, value);
    if (ota_http_head_is(name, "Retry-After"))
        retry_after(h, value);
    return true;
}

static bool field_line(struct ota_http_head *h, struct ota_span line) {
    const uint8_t *colon = memchr(line.p, ':', line.len);
    if (!colon)
        return refuse(h, "a header line has no colon");
    const size_t n = (size_t)(colon - line.p);
    return field(h, (struct ota_span){line.p, n}, (struct ota_span){colon + 1, line.len - n - 1});
}

/* ---- lines --------------------------------------------------------------------------------------------- */

static bool counted(struct ota_http_head *h, size_t bytes) {
    h->bytes += bytes;
    h->lines++;
    return h->bytes <= OTA_HTTP_HEAD_MAX && h->lines <= OTA_HTTP_LINES_MAX ? true : refuse(h, "the header is too long");
}

void ota_http_head_again(struct ota_http_head *h) {
    h->has_length = h->chunked = h->has_range = false;
    h->response = (struct ota_response){0};
}

static bool status(struct ota_http_head *h, uint64_t code) {
    if (code < 100 || code > 599)
        return refuse(h, "the status is not a number from 100 to 599");
    h->response.status = (int)code;
    return true;
}

static bool status_line(struct ota_http_head *h, struct ota_span line) {
    uint64_t code;
    ota_http_head_again(h);
    if (!take_text(&line, "HTTP/1.") || line.len < 2)
        return refuse(h, "the answer is not HTTP/1.1");
    line = (struct ota_span){line.p + 2, line.len - 2};
    if (!take_number(&line, &code) || (line.len && line.p[0] != ' '))
        code = 0;
    return status(h, code);
}

bool ota_http_head_status(struct ota_http_head *h, uint64_t code) {
    return counted(h, 0) && status(h, code);
}

bool ota_http_head_field(struct ota_http_head *h, struct ota_span name, struct ota_span value) {
    return counted(h, name.len + value.len) && field(h, name, value);
}

bool ota_http_head_line(struct ota_http_head *h, struct ota_span line) {
    if (!counted(h, line.len))
        return false;
    if (h->complete) /* a trailer of a chunked body says nothing that counts */
        return true;
    line = trimmed(line);
    if (line.len == 0) {
        h->complete = h->response.status >= 200;
        return h->response.status ? true : refuse(h, "the answer has no status line");
    }
    if (h->response.status == 0 ||
        (h->response.status < 200 &&
         ota_span_equal((struct ota_span){line.p, line.len < 5 ? line.len : 5}, ota_span_str("HTTP/"))))
        return status_line(h, line);
    return field_line(h, line);
}

enum ota_status ota_http_head_check(struct ota_http_head *h, bool asked_for_range, struct ota_err *err) {
    struct ota_response *r = &h->response;
    bool bodiless = r->status == 204 || r->status == 304;
    if (h->chunked || !h->has_length)
        r->length = OTA_LENGTH_UNKNOWN;
    if (bodiless)
        r->length = 0;
    if (r->status != 206) {
        r->range_from = 0;
        r->total = r->length;
        return OTA_OK;
    }
    if (!asked_for_range)
        return ota_err_set(err, OTA_HTTP, "answered a part (206) though the whole was asked for");
    if (!h->has_range)
        return ota_err_set(err, OTA_HTTP, "answered a part (206) without Content-Range");
    if (r->length != OTA_LENGTH_UNKNOWN && r->length != h->range_last - r->range_from + 1)
        return ota_err_set(err, OTA_HTTP, "Content-Range says %llu bytes, Content-Length %llu",
                           (unsigned long long)(h->range_last - r->range_from + 1), (unsigned long long)r->length);
    return OTA_OK;
}
