/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of an HTTP answer, read strictly: RFC 9110 sections 8.6, 8.8.3, 10.2.3, 14.4; RFC 9112. Line by line for a
 * transport that sees the wire (libcurl), field by field for one whose client takes lines apart (esp_http_client).
 */
#ifndef OTA_HTTP_HEAD_H
#define OTA_HTTP_HEAD_H

#include "ota/ports.h"

#ifdef __cplusplus
extern "C" {
#endif

#define OTA_HTTP_HEAD_MAX 16384u
#define OTA_HTTP_LINES_MAX 100u

struct ota_http_head {
    bool complete;
    size_t bytes, lines; /* of all heads of this answer, interim ones (1xx) too */
    bool has_length, chunked, has_range;
    uint64_t range_last;          /* 206: last byte of Content-Range */
    char refused[96];             /* why a line was not taken */
    struct ota_response response; /* `authenticated` is not set here, retry_after from a number of seconds only */
};

/* One line with its line end, as the connection gives it; false when it is refused. An interim answer's head is
 * forgotten when the next one begins. */
bool ota_http_head_line(struct ota_http_head *h, struct ota_span line);
/* The same in parts, in any order; false, or `refused`. */
bool ota_http_head_status(struct ota_http_head *h, uint64_t code);
bool ota_http_head_field(struct ota_http_head *h, struct ota_span name, struct ota_span value);
/* Another head begins: forgets the fields of the one before, which was an interim answer's. */
void ota_http_head_again(struct ota_http_head *h);
/* Whatever the case of its letters. */
bool ota_http_head_is(struct ota_span name, const char *wanted);
/* After the last line: do the parts agree. HTTP. */
OTA_MUST_USE enum ota_status ota_http_head_check(struct ota_http_head *h, bool asked_for_range, struct ota_err *err);

#ifdef __cplusplus
}
#endif

#endif
