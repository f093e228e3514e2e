/* SPDX-License-Identifier: Apache-2.0 */
#include "double/http_parser.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool fail(struct double_parser *p) {
    p->state = PARSE_FAILED;
    return false;
}

static void finish(struct double_parser *p, const struct double_parser_calls *c) {
    p->state = PARSE_STATUS;
    c->complete(c->ctx);
}

static bool status_line(struct double_parser *p, const struct double_parser_calls *c) {
    int minor, code, used = 0;
    if (p->line_len == 0) /* empty lines before it are skipped */
        return true;
    if (sscanf(p->line, "HTTP/1.%1d %3d%n", &minor, &code, &used) != 2 || (p->line[used] && p->line[used] != ' '))
        return fail(p);
    c->begin(c->ctx);
    p->status = code;
    p->keep_alive = minor == 1;
    p->chunked = p->has_length = false;
    p->length = -1;
    p->state = PARSE_FIELDS;
    if (p->line[used] && p->line[used + 1])
        c->status(c->ctx, code);
    return true;
}

static bool content_length(struct double_parser *p, const char *value) {
    char *end;
    if (p->has_length || !isdigit((unsigned char)value[0]) || strlen(value) > 18)
        return false;
    p->length = strtoll(value, &end, 10);
    p->has_length = true;
    return *end == '\0';
}

static bool field_line(struct double_parser *p, const struct double_parser_calls *c) {
    char *colon = strchr(p->line, ':'), *value = colon ? colon + 1 : NULL;
    if (!colon || strcspn(p->line, " ") < (size_t)(colon - p->line))
        return fail(p);
    *colon = '\0';
    while (*value == ' ' || *value == '\t')
        value++;
    if (strcasecmp(p->line, "Content-Length") == 0 && !content_length(p, value))
        return fail(p);
    if (strcasecmp(p->line, "Transfer-Encoding") == 0)
        p->chunked = strcasecmp(value, "chunked") == 0;
    if (strcasecmp(p->line, "Connection") == 0)
        p->keep_alive = strcasecmp(value, "close") != 0;
    c->field(c->ctx, p->line, value);
    return true;
}

static bool ends_with_its_head(int status) {
    return status < 200 || status == 204 || status == 304;
}

/* A Content-Length counts whatever the status: a 304's body is awaited, and a 1xx swallows the answer behind it. */
static bool head_ends(struct double_parser *p, const struct double_parser_calls *c) {
    if (p->chunked && p->has_length)
        return fail(p);
    c->head(c->ctx);
    p->left = p->length;
    if (p->chunked)
        p->state = PARSE_CHUNK_SIZE;
    else if (p->has_length && p->length > 0)
        p->state = PARSE_BODY;
    else if (p->has_length || ends_with_its_head(p->status))
        finish(p, c);
    else
        p->state = PARSE_TO_EOF;
    if (p->state == PARSE_TO_EOF)
        p->keep_alive = false;
    return true;
}

static bool chunk_size(struct double_parser *p) {
    char *end;
    if (!isxdigit((unsigned char)p->line[0]))
        return fail(p);
    p->left = strtoll(p->line, &end, 16);
    if (*end && *end != ';')
        return fail(p);
    p->state = p->left ? PARSE_CHUNK : PARSE_TRAILER;
    return true;
}

static bool line_ends(struct double_parser *p, const struct double_parser_calls *c) {
    p->line[p->line_len] = '\0';
    switch (p->state) {
    case PARSE_STATUS:
        return status_line(p, c);
    case PARSE_FIELDS:
        return p->line_len ? field_line(p, c) : head_ends(p, c);
    case PARSE_CHUNK_SIZE:
        return chunk_size(p);
    case PARSE_CHUNK_END:
        p->state = PARSE_CHUNK_SIZE;
        return p->line_len == 0 || fail(p);
    case PARSE_TRAILER:
        if (p->line_len)
            return field_line(p, c);
        finish(p, c);
        return true;
    default:
        return fail(p);
    }
}

static size_t take_line(struct double_parser *p, const struct double_parser_calls *c, const char *in, size_t n) {
    const char *end = memchr(in, '\n', n);
    const size_t len = end ? (size_t)(end - in) : n;
    if (p->line_len + len >= 80u * 1024u) {
        (void)fail(p);
        return n;
    }
    memcpy(p->line + p->line_len, in, len);
    p->line_len += len;
    if (!end)
        return n;
    if (p->line_len && p->line[p->line_len - 1] == '\r')
        p->line_len--;
    (void)line_ends(p, c);
    p->line_len = 0;
    return len + 1;
}

static size_t take_body(struct double_parser *p, const struct double_parser_calls *c, const char *in, size_t n) {
    if (p->state != PARSE_TO_EOF && n > (uint64_t)p->left)
        n = (size_t)p->left;
    c->body(c->ctx, in, n);
    if (p->state == PARSE_TO_EOF)
        return n;
    p->left -= (int64_t)n;
    if (p->left == 0 && p->state == PARSE_BODY)
        finish(p, c);
    else if (p->left == 0)
        p->state = PARSE_CHUNK_END;
    return n;
}

bool double_parser_feed(struct double_parser *p, const struct double_parser_calls *c, const char *in, size_t n) {
    if (p->state == PARSE_FAILED)
        return false;
    if (n == 0 && p->state == PARSE_TO_EOF) {
        finish(p, c);
        return true;
    }
    if (n == 0)
        return (p->state == PARSE_STATUS && p->line_len == 0) || fail(p);
    while (n && p->state != PARSE_FAILED) {
        const bool body = p->state == PARSE_BODY || p->state == PARSE_TO_EOF || p->state == PARSE_CHUNK;
        const size_t taken = body ? take_body(p, c, in, n) : take_line(p, c, in, n);
        in += taken;
        n -= taken;
    }
    return p->state != PARSE_FAILED;
}
