/* SPDX-License-Identifier: Apache-2.0 */
/* The part of http_parser that esp_http_client uses, byte by byte. */
#ifndef OTA_TESTS_DOUBLE_HTTP_PARSER_H
#define OTA_TESTS_DOUBLE_HTTP_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum double_parse {
    PARSE_STATUS,
    PARSE_FIELDS,
    PARSE_BODY,   /* `left` bytes */
    PARSE_TO_EOF, /* until the connection ends */
    PARSE_CHUNK_SIZE,
    PARSE_CHUNK,
    PARSE_CHUNK_END,
    PARSE_TRAILER,
    PARSE_FAILED
};

struct double_parser {
    enum double_parse state;
    char line[90 * 1024];
    size_t line_len;
    int status;
    bool keep_alive, chunked, has_length;
    int64_t length; /* Content-Length, -1 without */
    int64_t left;
};

struct double_parser_calls {
    void *ctx;
    void (*begin)(void *ctx);
    void (*status)(void *ctx, int code);
    void (*field)(void *ctx, const char *key, const char *value); /* of a trailer, too */
    void (*head)(void *ctx);
    void (*body)(void *ctx, const char *p, size_t n);
    void (*complete)(void *ctx);
};

/* n = 0: the connection ended. false: the answer is false, now and for ever. */
bool double_parser_feed(struct double_parser *p, const struct double_parser_calls *c, const char *in, size_t n);

#endif
