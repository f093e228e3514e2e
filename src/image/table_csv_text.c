/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a partition table's CSV: encodings, ends of lines, variables. */
#include <string.h>

#include "image/table_csv.h"

enum encoding { UTF_8, UTF_16_LE, UTF_16_BE, UTF_32_LE, UTF_32_BE };

static const struct {
    const char *mark;
    size_t length;
    enum encoding encoding;
} marks[] = {
    {"\xEF\xBB\xBF", 3, UTF_8},     {"\xFF\xFE\0\0", 4, UTF_32_LE}, /* before UTF-16, whose mark it begins with */
    {"\0\0\xFE\xFF", 4, UTF_32_BE}, {"\xFF\xFE", 2, UTF_16_LE},     {"\xFE\xFF", 2, UTF_16_BE},
};

static enum encoding take_mark(struct ota_span *text) {
    for (size_t i = 0; i < OTA_ARRAY_LEN(marks); i++)
        if (text->len >= marks[i].length && memcmp(text->p, marks[i].mark, marks[i].length) == 0) {
            text->p += marks[i].length;
            text->len -= marks[i].length;
            return marks[i].encoding;
        }
    return UTF_8;
}

static size_t width_of(enum encoding e) {
    return e == UTF_8 ? 1 : e == UTF_16_LE || e == UTF_16_BE ? 2 : 4;
}

/* One unit: a byte, or a number of 16 or 32 bits. */
static uint32_t unit_at(const uint8_t *p, enum encoding e) {
    switch (e) {
    case UTF_16_LE:
        return ota_le16(p);
    case UTF_16_BE:
        return (uint32_t)p[0] << 8 | p[1];
    case UTF_32_LE:
        return ota_le32(p);
    case UTF_32_BE:
        return ota_be32(p);
    case UTF_8:
        break;
    }
    return p[0];
}

/* Python's splitlines() ends a line also at VT, FF, the separators 1C to 1E, NEL and the two of U+2028. */
static bool ends_line(uint32_t c) {
    return (c >= '\n' && c <= '\r') || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

/* The character at p; *units is its length. Of UTF-8 only what may end a line is put together, other bytes are passed
 * on one by one. */
static uint32_t character_at(const uint8_t *p, size_t left, enum encoding e, size_t *units) {
    uint32_t c = unit_at(p, e);
    *units = 1;
    if (e == UTF_8 && left >= 2 && memcmp(p, "\xC2\x85", 2) == 0) {
        *units = 2;
        return 0x85;
    }
    if (e == UTF_8 && left >= 3 && (memcmp(p, "\xE2\x80\xA8", 3) == 0 || memcmp(p, "\xE2\x80\xA9", 3) == 0)) {
        *units = 3;
        return 0x2000u + (p[2] - 0x80u);
    }
    if (width_of(e) == 2 && c >= 0xD800 && c < 0xDC00 && left >= 4) {
        uint32_t low = unit_at(p + 2, e);
        if (low >= 0xDC00 && low < 0xE000) {
            *units = 2;
            return 0x10000u + ((c - 0xD800u) << 10) + (low - 0xDC00u);
        }
    }
    return c;
}

static void put_character(struct ota_buf *out, uint32_t c, enum encoding e) {
    const uint8_t tail[] = {(uint8_t)(0x80u | (c >> 12 & 0x3F)), (uint8_t)(0x80u | (c >> 6 & 0x3F)),
                            (uint8_t)(0x80u | (c & 0x3F))};
    bool one = c < 0x80 || (e == UTF_8 && c < 0x100);
    bool bad = !one && ((c >= 0xD800 && c < 0xE000) || c > 0x10FFFF);
    uint8_t head = one           ? (uint8_t)c
                   : c < 0x800   ? 0xC0u | (uint8_t)(c >> 6)
                   : c < 0x10000 ? 0xE0u | (uint8_t)(c >> 12)
                                 : 0xF0u | (uint8_t)(c >> 18);
    size_t follow = one ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    if (bad) {
        ota_buf_str(out, "\xEF\xBF\xBD");
        return;
    }
    ota_buf_append(out, &head, 1);
    ota_buf_append(out, tail + 3 - follow, follow);
}

enum ota_status ota_table_csv_decode(struct ota_span text, struct ota_buf *out, struct ota_err *err) {
    enum encoding e = take_mark(&text);
    size_t width = width_of(e), units;
    bool after_cr = false;
    if (text.len % width)
        return ota_err_set(err, OTA_TABLE_FORMAT, "cut off inside a character of UTF-%zu", 8 * width);
    for (size_t at = 0; at < text.len; at += units * width) {
        uint32_t c = character_at(text.p + at, text.len - at, e, &units);
        if (!ends_line(c))
            put_character(out, c, e);
        else if (c != '\n' || !after_cr)
            ota_buf_str(out, "\n");
        after_cr = c == '\r';
    }
    ota_buf_str(out, "\n");
    return OTA_OK;
}

struct ota_span ota_table_csv_strip(struct ota_span s) {
    while (s.len && (s.p[0] == ' ' || s.p[0] == '\t' || s.p[0] == 0x1F)) {
        s.p++;
        s.len--;
    }
    while (s.len && (s.p[s.len - 1] == ' ' || s.p[s.len - 1] == '\t' || s.p[s.len - 1] == 0x1F))
        s.len--;
    return s;
}

/* ---- variables ----------------------------------------------------------------------------------------- */

static bool is_word(uint8_t c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

/* The name behind a '$' at p[0]; *used is the length of all of it, 0 when that is no variable. */
static struct ota_span variable_at(struct ota_span s, size_t *used) {
    struct ota_span name = {s.p + 1, 0};
    *used = 0;
    if (s.len > 1 && s.p[1] == '{') {
        const uint8_t *end = memchr(s.p, '}', s.len);
        if (!end)
            return name;
        name = (struct ota_span){s.p + 2, (size_t)(end - s.p) - 2};
        *used = name.len + 3;
        return name;
    }
    while (1 + name.len < s.len && is_word(s.p[1 + name.len]))
        name.len++;
    *used = name.len ? name.len + 1 : 0;
    return name;
}

static enum ota_status put_variable(struct ota_span name, const char *(*variable)(const char *name),
                                    struct ota_buf *out, struct ota_err *err) {
    char text[128];
    const char *value = ota_span_copy(name, text, sizeof text) && variable ? variable(text) : NULL;
    if (!value)
        return ota_err_set(err, OTA_TABLE_FORMAT,
                           "the variable %.*s is not set; set it in the environment, or write the value",
                           (int)(name.len < 64 ? name.len : 64), (const char *)name.p);
    if (strlen(value) > OTA_TABLE_CSV_LINE_MAX || strpbrk(value, "\r\n"))
        return ota_err_set(err, OTA_TABLE_FORMAT, "the value of the variable %s has several lines, or a very long one",
                           text);
    ota_buf_str(out, value);
    return OTA_OK;
}

enum ota_status ota_table_csv_expand(struct ota_span line, const char *(*variable)(const char *name),
                                     struct ota_buf *out, struct ota_err *err) {
    for (size_t at = 0, used; at < line.len; at += used) {
        struct ota_span rest = {line.p + at, line.len - at};
        struct ota_span name = {0};
        used = 0;
        if (rest.p[0] == '$')
            name = variable_at(rest, &used);
        if (used) {
            OTA_TRY(put_variable(name, variable, out, err));
        } else {
            used = 1;
            ota_buf_append(out, rest.p, 1);
        }
        if (out->len > OTA_TABLE_CSV_LINE_MAX)
            return ota_err_set(err, OTA_TABLE_FORMAT, "the line is longer than %u bytes", OTA_TABLE_CSV_LINE_MAX);
    }
    return OTA_OK;
}
