/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The canonicaliser: one pass over JSON that checks every rule of ota/scan.h and writes the canonical form over its own
 * input. The write position never passes the read position, because no construct grows: white space vanishes, an
 * escape becomes at most as many bytes as it had.
 *
 * No recursion: open containers stand in a stack of OTA_SCAN_DEPTH_MAX rows.
 */
#include <string.h>

#include "core/utf8.h"
#include "ota/scan.h"

/* An open container. Its last key lies at `key` in the output; key_len counts canonical bytes. */
struct level {
    bool object, has_key;
    size_t key, key_len;
};

struct canon {
    uint8_t *buf;
    size_t len, in, out;
    bool wire; /* else the input claims to be canonical already */
    size_t depth;
    struct level level[OTA_SCAN_DEPTH_MAX];
};

static enum ota_status fail(const struct canon *c, enum ota_status code, const char *what, struct ota_err *err) {
    return ota_err_set(err, code, "byte %zu: %s", c->in, what);
}

static void skip_space(struct canon *c) {
    if (!c->wire)
        return;
    while (c->in < c->len &&
           (c->buf[c->in] == ' ' || c->buf[c->in] == '\t' || c->buf[c->in] == '\n' || c->buf[c->in] == '\r'))
        c->in++;
}

/* Next byte without taking it; 0 at the end (a NUL is never valid outside of strings, nor inside). */
static uint8_t peek(const struct canon *c) {
    return c->in < c->len ? c->buf[c->in] : 0;
}

static void emit(struct canon *c, uint8_t byte) {
    c->buf[c->out++] = byte;
}

static void take(struct canon *c) {
    emit(c, c->buf[c->in++]);
}

static enum ota_status read_hex4(struct canon *c, uint32_t *unit, struct ota_err *err) {
    *unit = 0;
    for (int i = 0; i < 4; i++, c->in++) {
        uint8_t b = peek(c);
        uint8_t lower = b | 0x20;
        if (b >= '0' && b <= '9')
            *unit = *unit << 4 | (uint32_t)(b - '0');
        else if (lower >= 'a' && lower <= 'f')
            *unit = *unit << 4 | (uint32_t)(lower - 'a' + 10);
        else
            return fail(c, OTA_JSON_UTF8, "\\u needs four hex digits", err);
    }
    return OTA_OK;
}

/* After "\u": one code point, of one unit or of a surrogate pair. */
static enum ota_status read_code_point(struct canon *c, uint32_t *cp, struct ota_err *err) {
    OTA_TRY(read_hex4(c, cp, err));
    if (*cp == 0)
        return fail(c, OTA_JSON_UTF8, "\\u0000 is not allowed", err);
    if (*cp < 0xD800 || *cp > 0xDFFF)
        return OTA_OK;
    uint32_t low;
    if (*cp > 0xDBFF || c->len - c->in < 2 || c->buf[c->in] != '\\' || c->buf[c->in + 1] != 'u')
        return fail(c, OTA_JSON_UTF8, "lone surrogate", err);
    c->in += 2;
    OTA_TRY(read_hex4(c, &low, err));
    if (low < 0xDC00 || low > 0xDFFF)
        return fail(c, OTA_JSON_UTF8, "lone surrogate", err);
    *cp = 0x10000 + ((*cp - 0xD800) << 10) + (low - 0xDC00);
    return OTA_OK;
}

static void emit_code_point(struct canon *c, uint32_t cp) {
    if (cp == '"' || cp == '\\')
        emit(c, '\\');
    uint8_t utf8[4];
    size_t n = ota_utf8_encode(cp, utf8);
    for (size_t i = 0; i < n; i++)
        emit(c, utf8[i]);
}

static enum ota_status read_escape(struct canon *c, struct ota_err *err) {
    static const char letters[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";
    c->in++;
    uint8_t b = peek(c);
    uint32_t cp;
    const char *at = b ? strchr(letters, b) : NULL;
    if (!c->wire && b != '"' && b != '\\')
        return fail(c, OTA_JSON_UTF8, "escape that canonical form does not have", err);
    if (at) {
        cp = (uint8_t)values[at - letters];
        c->in++;
    } else if (b == 'u') {
        c->in++;
        OTA_TRY(read_code_point(c, &cp, err));
    } else {
        return fail(c, OTA_JSON_UTF8, "unknown escape", err);
    }
    emit_code_point(c, cp);
    return OTA_OK;
}

/* A string with its quotes; *start and *len give its canonical content. */
static enum ota_status read_string(struct canon *c, size_t *start, size_t *len, struct ota_err *err) {
    if (peek(c) != '"')
        return fail(c, OTA_JSON_SYNTAX, "expected a string", err);
    take(c);
    *start = c->out;
    for (;;) {
        if (c->in >= c->len)
            return fail(c, OTA_JSON_SYNTAX, "string without an end", err);
        uint8_t b = c->buf[c->in];
        if (b == '"')
            break;
        if (b == '\\') {
            OTA_TRY(read_escape(c, err));
            continue;
        }
        if (b == 0 || (c->wire && b < 0x20))
            return fail(c, OTA_JSON_SYNTAX, "control byte in a string", err);
        size_t n = ota_utf8_length(c->buf + c->in, c->len - c->in);
        if (n == 0)
            return fail(c, OTA_JSON_UTF8, "bad UTF-8", err);
        while (n--)
            take(c);
    }
    *len = c->out - *start;
    take(c);
    return OTA_OK;
}

static enum ota_status read_number(struct canon *c, struct ota_err *err) {
    bool negative = peek(c) == '-';
    if (negative)
        take(c);
    size_t start = c->out;
    while (peek(c) >= '0' && peek(c) <= '9') {
        if (c->out - start == OTA_SCAN_DIGITS_MAX)
            return fail(c, OTA_JSON_NUMBER, "more than 15 digits", err);
        take(c);
    }
    size_t digits = c->out - start;
    if (digits == 0)
        return fail(c, OTA_JSON_SYNTAX, "'-' without a number", err);
    if (c->buf[start] == '0' && (digits > 1 || negative))
        return fail(c, OTA_JSON_NUMBER, "leading zero or -0", err);
    if (peek(c) == '.' || peek(c) == 'e' || peek(c) == 'E')
        return fail(c, OTA_JSON_NUMBER, "floats and exponents are not allowed", err);
    return OTA_OK;
}

static enum ota_status read_word(struct canon *c, const char *word, struct ota_err *err) {
    size_t n = strlen(word);
    if (c->len - c->in < n || memcmp(c->buf + c->in, word, n) != 0)
        return fail(c, OTA_JSON_SYNTAX, "not a JSON value", err);
    while (n--)
        take(c);
    return OTA_OK;
}

static enum ota_status read_scalar(struct canon *c, struct ota_err *err) {
    size_t start, len;
    switch (peek(c)) {
    case '"':
        return read_string(c, &start, &len, err);
    case 't':
        return read_word(c, "true", err);
    case 'f':
        return read_word(c, "false", err);
    case 'n':
        return read_word(c, "null", err);
    default:
        if (peek(c) == '-' || (peek(c) >= '0' && peek(c) <= '9'))
            return read_number(c, err);
        return fail(c, OTA_JSON_SYNTAX, c->in < c->len ? "not a JSON value" : "ends too early", err);
    }
}

/* Orders two canonical key contents by their decoded bytes: a backslash only ever hides the byte after it. */
static int compare_keys(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len) {
    size_t i = 0, k = 0;
    for (; i < a_len && k < b_len; i++, k++) {
        i += a[i] == '\\';
        k += b[k] == '\\';
        if (a[i] != b[k])
            return a[i] < b[k] ? -1 : 1;
    }
    return (i < a_len) - (k < b_len);
}

static enum ota_status read_key(struct canon *c, struct ota_err *err) {
    struct level *level = &c->level[c->depth - 1];
    size_t start, len;
    OTA_TRY(read_string(c, &start, &len, err));
    if (len > OTA_SCAN_KEY_MAX)
        return fail(c, OTA_TOO_LARGE, "object key over 256 bytes", err);
    if (level->has_key) {
        int order = compare_keys(c->buf + level->key, level->key_len, c->buf + start, len);
        if (order == 0)
            return fail(c, OTA_JSON_KEYS, "the same key twice in one object", err);
        if (order > 0)
            return fail(c, OTA_JSON_KEYS, "object keys are not sorted", err);
    }
    level->has_key = true;
    level->key = start;
    level->key_len = len;
    skip_space(c);
    if (peek(c) != ':')
        return fail(c, OTA_JSON_SYNTAX, "expected ':'", err);
    take(c);
    skip_space(c);
    return OTA_OK;
}

/* Takes '{' or '['. *empty: it closed at once. */
static enum ota_status open_container(struct canon *c, bool *empty, struct ota_err *err) {
    if (c->depth == OTA_SCAN_DEPTH_MAX)
        return fail(c, OTA_JSON_DEPTH, "nested deeper than 16", err);
    bool object = peek(c) == '{';
    c->level[c->depth++] = (struct level){.object = object};
    take(c);
    skip_space(c);
    *empty = peek(c) == (object ? '}' : ']');
    if (*empty) {
        take(c);
        c->depth--;
        return OTA_OK;
    }
    return object ? read_key(c, err) : OTA_OK;
}

/* After a value: closes containers, or stands at the next value of the innermost one. *done: nothing is open. */
static enum ota_status after_value(struct canon *c, bool *done, struct ota_err *err) {
    for (;;) {
        *done = c->depth == 0;
        if (*done)
            return OTA_OK;
        bool object = c->level[c->depth - 1].object;
        skip_space(c);
        if (peek(c) == ',') {
            take(c);
            skip_space(c);
            return object ? read_key(c, err) : OTA_OK;
        }
        if (peek(c) != (object ? '}' : ']'))
            return fail(c, OTA_JSON_SYNTAX, object ? "expected ',' or '}'" : "expected ',' or ']'", err);
        take(c);
        c->depth--;
    }
}

static enum ota_status run(struct canon *c, struct ota_err *err) {
    bool done = false;
    skip_space(c);
    while (!done) {
        if (peek(c) == '{' || peek(c) == '[') {
            bool empty = false;
            OTA_TRY(open_container(c, &empty, err));
            if (!empty)
                continue;
        } else {
            OTA_TRY(read_scalar(c, err));
        }
        OTA_TRY(after_value(c, &done, err));
    }
    skip_space(c);
    if (c->in != c->len)
        return fail(c, OTA_JSON_TRAILING, "bytes after the JSON value", err);
    return OTA_OK;
}

enum ota_status ota_scan_canonicalize(uint8_t *buf, size_t *len, struct ota_err *err) {
    struct canon c = {.buf = buf, .len = *len, .wire = true};
    OTA_TRY(run(&c, err));
    *len = c.out;
    return OTA_OK;
}

enum ota_status ota_scan_check_canonical(uint8_t *buf, size_t len, struct ota_err *err) {
    struct canon c = {.buf = buf, .len = len, .wire = false};
    return run(&c, err);
}
