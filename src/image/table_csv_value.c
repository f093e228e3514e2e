/* SPDX-License-Identifier: Apache-2.0 */
/* Cells of a partition table's CSV: integers as Python's int(text, 0) reads them, and the words of types. */
#include <string.h>

#include "host/printable.h"
#include "image/table_csv.h"

#define NUMBER_LIMIT (INT64_C(1) << 40) /* beyond every flash; larger values stay there */
#define TYPE_WORDS 4u

/* ---- integers ------------------------------------------------------------------------------------------ */

static unsigned digit_of(uint8_t c) {
    return c >= '0' && c <= '9'   ? (unsigned)(c - '0')
           : c >= 'a' && c <= 'z' ? (unsigned)(c - 'a') + 10
           : c >= 'A' && c <= 'Z' ? (unsigned)(c - 'A') + 10
                                  : 99;
}

/* Takes "0x", "0o" or "0b"; 0 where a decimal number begins. */
static unsigned take_prefix(struct ota_span *s) {
    unsigned base = 0;
    if (s->len >= 2 && s->p[0] == '0')
        base = (s->p[1] | 0x20) == 'x' ? 16 : (s->p[1] | 0x20) == 'o' ? 8 : (s->p[1] | 0x20) == 'b' ? 2 : 0;
    if (base) {
        s->p += 2;
        s->len -= 2;
    }
    return base;
}

/* One underscore may stand between digits, and behind a prefix. */
static bool read_digits(struct ota_span s, unsigned base, bool underscore_first, int64_t *out) {
    bool after_digit = underscore_first, any = false;
    *out = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] == '_' && after_digit && i + 1 < s.len) {
            after_digit = false;
            continue;
        }
        unsigned d = digit_of(s.p[i]);
        if (d >= base)
            return false;
        *out = *out * base + d;
        if (*out > NUMBER_LIMIT)
            *out = NUMBER_LIMIT;
        after_digit = any = true;
    }
    return any && after_digit;
}

/* int(text, 0) */
static bool read_integer(struct ota_span s, int64_t *out) {
    s = ota_table_csv_strip(s);
    bool negative = s.len && s.p[0] == '-';
    if (s.len && (s.p[0] == '-' || s.p[0] == '+')) {
        s.p++;
        s.len--;
    }
    unsigned base = take_prefix(&s);
    if (!read_digits(s, base ? base : 10, base != 0, out))
        return false;
    if (!base && s.p[0] == '0' && *out != 0)
        return false; /* "010": eight or ten? */
    *out = negative ? -*out : *out;
    return true;
}

bool ota_table_csv_number(struct ota_span text, int64_t *out) {
    int64_t factor = 1;
    for (; text.len; text.len--) {
        uint8_t c = text.p[text.len - 1] | 0x20;
        if (c != 'k' && c != 'm')
            break;
        factor *= c == 'k' ? 1024 : 1024 * 1024;
        if (factor > NUMBER_LIMIT)
            factor = NUMBER_LIMIT;
    }
    if (!read_integer(text, out))
        return false;
    if (*out > NUMBER_LIMIT / factor || *out < -NUMBER_LIMIT / factor)
        *out = *out < 0 ? -NUMBER_LIMIT : NUMBER_LIMIT;
    else
        *out *= factor;
    return true;
}

/* ---- words --------------------------------------------------------------------------------------------- */

static bool equal_lowered(struct ota_span text, const char *word) {
    if (strlen(word) != text.len)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.p[i];
        if ((c >= 'A' && c <= 'Z' ? c | 0x20 : c) != (uint8_t)word[i])
            return false;
    }
    return true;
}

/* The names are the core's: it is asked for each value. NULL where it has only a number. */
static const char *type_word(unsigned type, char buf[8]) {
    const struct ota_partition p = {.type = (uint8_t)type};
    return type < TYPE_WORDS ? ota_partition_type_name(&p, buf) : NULL;
}

static const char *subtype_word(uint8_t type, unsigned subtype, char buf[8]) {
    const struct ota_partition p = {.type = type, .subtype = (uint8_t)subtype};
    const char *name = ota_partition_subtype_name(&p, buf);
    return strncmp(name, "0x", 2) == 0 ? NULL : name;
}

static void list_word(struct ota_buf *out, const char *word) {
    if (word)
        ota_buf_printf(out, "%s%s", out->len ? ", " : "", word);
}

static enum ota_status unknown_word(const char *column, struct ota_span text, const struct ota_buf *words,
                                    struct ota_err *err) {
    return ota_err_set(err, OTA_TABLE_FORMAT, "%s \"%.*s\" is neither a number nor one of: %s", column,
                       (int)(text.len < 32 ? text.len : 32), (const char *)text.p, ota_buf_text(words));
}

static enum ota_status take_number(const char *column, int64_t value, uint8_t *out, struct ota_err *err) {
    if (value < 0 || value > UINT8_MAX)
        return ota_err_set(err, OTA_TABLE_FORMAT, "%s is beyond 0 to 255", column);
    *out = (uint8_t)value;
    return OTA_OK;
}

enum ota_status ota_table_csv_type(struct ota_span text, uint8_t *out, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf words = {0};
    char buf[8];
    int64_t value;
    if (text.len == 0)
        return ota_err_set(err, OTA_TABLE_FORMAT, "the column Type is empty; write app, data or a number");
    if (ota_table_csv_number(text, &value))
        return take_number("Type", value, out, err);
    for (unsigned type = 0; type < TYPE_WORDS; type++) {
        list_word(&words, type_word(type, buf));
        if (equal_lowered(text, type_word(type, buf))) {
            *out = (uint8_t)type;
            return OTA_OK;
        }
    }
    return unknown_word("Type", text, &words, err);
}

enum ota_status ota_table_csv_subtype(struct ota_span text, uint8_t type, const struct ota_table_csv_rules *rules,
                                      uint8_t *out, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf words = {0};
    char buf[8];
    int64_t value;
    if (text.len == 0 && type == OTA_PART_APP)
        return ota_err_set(err, OTA_TABLE_FORMAT, "the column SubType of an app is empty; write factory, or ota_0");
    *out = OTA_DATA_UNDEFINED;
    if (text.len == 0)
        return OTA_OK;
    if (ota_table_csv_number(text, &value))
        return take_number("SubType", value, out, err);
    for (unsigned subtype = 0; subtype <= UINT8_MAX; subtype++) {
        const char *word = subtype_word(type, subtype, buf);
        list_word(&words, word);
        if (word && equal_lowered(text, word)) {
            *out = (uint8_t)subtype;
            return OTA_OK;
        }
    }
    for (size_t i = 0; i < rules->extra_count; i++)
        if (rules->extra[i].type == type && equal_lowered(text, rules->extra[i].name)) {
            *out = rules->extra[i].subtype;
            return OTA_OK;
        }
    if (words.len == 0)
        return ota_err_set(err, OTA_TABLE_FORMAT, "SubType \"%.*s\" is no number, and this type has no words",
                           (int)(text.len < 32 ? text.len : 32), (const char *)text.p);
    return unknown_word("SubType", text, &words, err);
}

/* ---- subtypes of a project ----------------------------------------------------------------------------- */

static enum ota_status malformed(const char *text, struct ota_err *err) {
    return ota_err_set(err, OTA_ARGUMENT, "\"%.60s\" is no subtype; write TYPE,NAME,0xNN with app or data first", text);
}

static struct ota_span take_cell(struct ota_span *rest) {
    const uint8_t *comma = rest->len ? memchr(rest->p, ',', rest->len) : NULL;
    struct ota_span cell = {rest->p, comma ? (size_t)(comma - rest->p) : rest->len};
    size_t used = cell.len + (comma ? 1 : 0);
    rest->p += used;
    rest->len -= used;
    return ota_table_csv_strip(cell);
}

enum ota_status ota_table_subtype_read(const char *text, struct ota_table_subtype *out, struct ota_err *err) {
    struct ota_span rest = ota_span_str(text);
    struct ota_span type = take_cell(&rest), name = take_cell(&rest), value = take_cell(&rest);
    char buf[8];
    int64_t number;
    if (!ota_printable(text) || type.len == 0 || digit_of(type.p[0]) < 10 || ota_table_csv_type(type, &out->type, err))
        return malformed(text, err);
    if (value.len > 2 && value.p[0] == '0' && (value.p[1] | 0x20) == 'x')
        value = (struct ota_span){value.p + 2, value.len - 2};
    if (!ota_span_copy(name, out->name, sizeof out->name) || name.len == 0 || value.len == 0 || value.len > 2 ||
        !read_digits(value, 16, false, &number))
        return malformed(text, err);
    if (strpbrk(out->name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") || strchr("km", out->name[name.len - 1]))
        return ota_err_set(err, OTA_ARGUMENT,
                           "the subtype %s: gen_esp32part.py reads no name with capitals or with k or m at its end",
                           out->name);
    out->subtype = (uint8_t)number;
    for (unsigned i = 0; i <= UINT8_MAX; i++) {
        const char *word = subtype_word(out->type, i, buf);
        if (word && (i == out->subtype || strcmp(word, out->name) == 0))
            return ota_err_set(err, OTA_ARGUMENT, "the subtype %s: 0x%02x is %s already", out->name, i, word);
    }
    return OTA_OK;
}
