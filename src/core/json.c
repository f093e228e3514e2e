/* SPDX-License-Identifier: Apache-2.0 */
/* Compact JSON into a fixed buffer. */
#include <string.h>

#include "core/utf8.h"
#include "ota/scan.h"

void ota_json_init(struct ota_json *j, char *p, size_t cap, bool canonical) {
    *j = (struct ota_json){.p = p, .cap = cap, .canonical = canonical};
}

static void put(struct ota_json *j, const void *p, size_t n) {
    if (j->bad || n > j->cap - j->len) {
        j->bad = true;
        return;
    }
    if (n)
        memcpy(j->p + j->len, p, n);
    j->len += n;
}

/* Before a value: the comma that the value before it left due. */
static void begin_value(struct ota_json *j) {
    if (j->comma)
        put(j, ",", 1);
    j->comma = true;
}

static void open_container(struct ota_json *j, const char *bracket) {
    begin_value(j);
    put(j, bracket, 1);
    j->comma = false;
}
static void close_container(struct ota_json *j, const char *bracket) {
    put(j, bracket, 1);
    j->comma = true;
}

void ota_json_object(struct ota_json *j) {
    open_container(j, "{");
}
void ota_json_object_end(struct ota_json *j) {
    close_container(j, "}");
}
void ota_json_array(struct ota_json *j) {
    open_container(j, "[");
}
void ota_json_array_end(struct ota_json *j) {
    close_container(j, "]");
}

static void put_control(struct ota_json *j, uint8_t b) {
    static const char letters[] = "btn\0fr"; /* for 8, 9, 10, (11), 12, 13 */
    if (b >= 8 && b <= 13 && b != 11) {
        char text[2] = {'\\', letters[b - 8]};
        put(j, text, sizeof text);
        return;
    }
    char text[7];
    ota_format(text, sizeof text, "\\u%04x", (unsigned)b);
    put(j, text, 6);
}

static void put_string(struct ota_json *j, struct ota_span s) {
    put(j, "\"", 1);
    for (size_t i = 0; i < s.len;) {
        uint8_t b = s.p[i];
        /* Neither form can carry a NUL: the scanner refuses it. */
        size_t n = b ? ota_utf8_length(s.p + i, s.len - i) : 0;
        if (n == 0) {
            put(j, "\xEF\xBF\xBD", 3);
            i++;
            continue;
        }
        if (b == '"' || b == '\\')
            put(j, "\\", 1);
        if (b < 0x20 && !j->canonical)
            put_control(j, b);
        else
            put(j, s.p + i, n);
        i += n;
    }
    put(j, "\"", 1);
}

void ota_json_key(struct ota_json *j, const char *key) {
    begin_value(j);
    put_string(j, ota_span_str(key));
    put(j, ":", 1);
    j->comma = false;
}

void ota_json_str(struct ota_json *j, const char *s) {
    ota_json_span(j, ota_span_str(s));
}
void ota_json_span(struct ota_json *j, struct ota_span s) {
    begin_value(j);
    put_string(j, s);
}

void ota_json_u64(struct ota_json *j, uint64_t v) {
    char text[24];
    begin_value(j);
    put(j, text, ota_format(text, sizeof text, "%llu", (unsigned long long)v));
}

void ota_json_bool(struct ota_json *j, bool v) {
    ota_json_raw(j, ota_span_str(v ? "true" : "false"));
}
void ota_json_null(struct ota_json *j) {
    ota_json_raw(j, ota_span_str("null"));
}

void ota_json_hex(struct ota_json *j, const uint8_t *p, size_t n) {
    char pair[3];
    begin_value(j);
    put(j, "\"", 1);
    for (size_t i = 0; i < n; i++) {
        ota_hex_encode(p + i, 1, pair);
        put(j, pair, 2);
    }
    put(j, "\"", 1);
}

void ota_json_raw(struct ota_json *j, struct ota_span value) {
    begin_value(j);
    put(j, value.p, value.len);
}

void ota_json_put_str(struct ota_json *j, const char *key, const char *value) {
    ota_json_key(j, key);
    ota_json_str(j, value);
}

void ota_json_put_u64(struct ota_json *j, const char *key, uint64_t value) {
    ota_json_key(j, key);
    ota_json_u64(j, value);
}

void ota_json_put_bool(struct ota_json *j, const char *key, bool value) {
    ota_json_key(j, key);
    ota_json_bool(j, value);
}
