/* SPDX-License-Identifier: Apache-2.0 */
/* Values of an NVS CSV: what each encoding makes of a text. */
#include <string.h>

#include "host/json_tree.h"
#include "image/nvs_csv.h"

#define BLOB_MAX (1024u * 1024u)

/* The secret itself stays out of messages: a value may be a password. */
static enum ota_status wrong(struct ota_err *err, const char *key, const char *encoding, const char *wanted) {
    return ota_err_set(err, OTA_ARGUMENT, "key \"%s\": the value is no %s; %s", key, encoding, wanted);
}

static bool is_blank(uint8_t c) {
    return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1C && c <= 0x1F);
}

static struct ota_span strip(struct ota_span s) {
    while (s.len && is_blank(s.p[0]))
        s = (struct ota_span){s.p + 1, s.len - 1};
    while (s.len && is_blank(s.p[s.len - 1]))
        s.len--;
    return s;
}

/* ---- numbers ------------------------------------------------------------------------------------------- */

/* int(text) of Python: decimal, a sign, single underscores between digits, blanks around. */
static bool read_decimal(struct ota_span s, bool *negative, uint64_t *out) {
    bool after_digit = false;
    s = strip(s);
    *out = 0;
    *negative = s.len && s.p[0] == '-';
    if (s.len && (s.p[0] == '-' || s.p[0] == '+'))
        s = (struct ota_span){s.p + 1, s.len - 1};
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] == '_' && after_digit && i + 1 < s.len) {
            after_digit = false;
            continue;
        }
        if (s.p[i] < '0' || s.p[i] > '9' || *out > (UINT64_MAX - (s.p[i] - '0')) / 10)
            return false;
        *out = *out * 10 + (s.p[i] - '0');
        after_digit = true;
    }
    return after_digit;
}

static const struct {
    const char *name;
    enum ota_nvs_type type;
} numbers[] = {
    {"u8", OTA_NVS_U8},   {"i8", OTA_NVS_I8},   {"u16", OTA_NVS_U16}, {"i16", OTA_NVS_I16},
    {"u32", OTA_NVS_U32}, {"i32", OTA_NVS_I32}, {"u64", OTA_NVS_U64}, {"i64", OTA_NVS_I64},
};

static bool same_word(const char *text, const char *lower) {
    for (; *text && *lower; text++, lower++)
        if ((*text >= 'A' && *text <= 'Z' ? *text | 0x20 : *text) != *lower)
            return false;
    return *text == *lower;
}

static enum ota_status put_number(struct ota_nvs_writer *w, const char *key, enum ota_nvs_type type,
                                  struct ota_span value, struct ota_err *err) {
    const char *name = ota_nvs_type_name((uint8_t)type);
    bool is_signed = (type & 0x10u) != 0, negative;
    uint64_t n;
    if (!read_decimal(value, &negative, &n))
        return wrong(err, key, name, "write a decimal number that fits it");
    /* In 64 bits: -N for an unsigned type, and N above the largest of the signed one, would change places. */
    uint64_t most = !is_signed ? (negative ? 0 : UINT64_MAX) : (uint64_t)INT64_MAX + (negative ? 1 : 0);
    if (n > most)
        return wrong(err, key, name, "it does not fit");
    return ota_nvs_put_number(w, key, type, (int64_t)(negative ? 0 - n : n), err);
}

/* ---- strings and blobs --------------------------------------------------------------------------------- */

static enum ota_status put_string(struct ota_nvs_writer *w, const char *key, struct ota_span value, bool file,
                                  struct ota_err *err) {
    (void)file;
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    if (!ota_utf8_valid(value))
        return wrong(err, key, "string", "it is not UTF-8, or holds a NUL; take binary or hex2bin");
    ota_buf_append(&text, value.p, value.len);
    return ota_nvs_put_string(w, key, ota_buf_text(&text), err);
}

static enum ota_status put_hex(struct ota_nvs_writer *w, const char *key, struct ota_span value, bool file,
                               struct ota_err *err) {
    (void)file;
    OTA_CLEAN(ota_buf_free) struct ota_buf bytes = {0};
    value = strip(value);
    OTA_CLEAN(ota_buf_free) struct ota_buf lower = {0};
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.p[i];
        c = c >= 'A' && c <= 'F' ? c | 0x20 : c;
        ota_buf_append(&lower, &c, 1);
    }
    ota_buf_reserve(&bytes, value.len / 2 + 1);
    if (value.len % 2 || !ota_hex_decode(ota_buf_span(&lower), bytes.p, value.len / 2))
        return wrong(err, key, "hex2bin", "write two hexadecimal digits for each byte");
    return ota_nvs_put_blob(w, key, bytes.p, value.len / 2, err);
}

static enum ota_status put_base64(struct ota_nvs_writer *w, const char *key, struct ota_span value, bool file,
                                  struct ota_err *err) {
    (void)file;
    OTA_CLEAN(ota_buf_free) struct ota_buf bytes = {0};
    size_t length = 0;
    ota_buf_reserve(&bytes, value.len + 1);
    if (value.len && !ota_base64_decode(value, bytes.p, value.len + 1, &length))
        return wrong(err, key, "base64", "write A-Z a-z 0-9 + / in groups of four, filled with =");
    return ota_nvs_put_blob(w, key, bytes.p, length, err);
}

static enum ota_status put_binary(struct ota_nvs_writer *w, const char *key, struct ota_span value, bool file,
                                  struct ota_err *err) {
    for (size_t i = 0; !file && i < value.len; i++)
        if (value.p[i] > 0x7E)
            return wrong(err, key, "binary", "it is not ASCII; take hex2bin, or a file");
    return ota_nvs_put_blob(w, key, value.p, value.len, err);
}

static const struct {
    const char *name;
    enum ota_status (*put)(struct ota_nvs_writer *w, const char *key, struct ota_span value, bool file,
                           struct ota_err *err);
} words[] = {{"string", put_string}, {"hex2bin", put_hex}, {"base64", put_base64}, {"binary", put_binary}};

/* "blob_fill(N;0xNN)": N bytes, the value first. "blob_sz_fill" puts the value's length before them. */
static bool read_fill(const char *text, const char *name, uint32_t *length, uint8_t *fill) {
    size_t n = strlen(name), digits;
    if (strncmp(text, name, n) != 0 || text[n] != '(')
        return false;
    text += n + 1;
    digits = strspn(text, "0123456789");
    *length = 0;
    for (size_t i = 0; i < digits && *length <= BLOB_MAX; i++)
        *length = *length * 10 + (uint32_t)(text[i] - '0');
    if (digits == 0 || strncmp(text + digits, ";0x", 3) != 0)
        return false;
    text += digits + 3;
    unsigned value = 0;
    if (strspn(text, "0123456789abcdefABCDEF") != 2 || strcmp(text + 2, ")") != 0)
        return false;
    for (unsigned i = 0; i < 2; i++)
        value = value << 4 | (unsigned)(text[i] <= '9' ? text[i] - '0' : (text[i] | 0x20) - 'a' + 10);
    *fill = (uint8_t)value;
    return true;
}

static enum ota_status put_fill(struct ota_nvs_writer *w, const char *key, struct ota_span value, bool sized,
                                uint32_t length, uint8_t fill, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf bytes = {0};
    uint8_t size[4];
    if (length > BLOB_MAX)
        return ota_err_set(err, OTA_ARGUMENT, "key \"%s\": a blob has at most %u bytes", key, BLOB_MAX);
    if (value.len > length)
        return ota_err_set(err, OTA_ARGUMENT, "key \"%s\": the value has %zu bytes, more than the %u to fill", key,
                           value.len, (unsigned)length);
    ota_put_le32(size, (uint32_t)value.len);
    if (sized)
        ota_buf_append(&bytes, size, sizeof size);
    ota_buf_append(&bytes, value.p, value.len);
    ota_buf_reserve(&bytes, length - value.len + 1);
    memset(bytes.p + bytes.len, fill, length - value.len);
    bytes.len += length - value.len;
    return ota_nvs_put_blob(w, key, bytes.p, bytes.len, err);
}

enum ota_status ota_nvs_csv_check_encoding(const char *key, const char *encoding, bool file, struct ota_err *err) {
    uint32_t length;
    uint8_t fill;
    bool known = !file && (read_fill(encoding, "blob_fill", &length, &fill) ||
                           read_fill(encoding, "blob_sz_fill", &length, &fill));
    for (size_t i = 0; i < OTA_ARRAY_LEN(numbers); i++)
        known = known || same_word(encoding, numbers[i].name);
    for (size_t i = 0; i < OTA_ARRAY_LEN(words); i++)
        known = known || strcmp(encoding, words[i].name) == 0;
    if (known)
        return OTA_OK;
    return ota_err_set(err, OTA_ARGUMENT,
                       "key \"%s\": encoding \"%.24s\" is none of: u8 i8 u16 i16 u32 i32 u64 i64 string hex2bin "
                       "base64 binary%s",
                       key, encoding, file ? "" : " blob_fill(N;0xNN) blob_sz_fill(N;0xNN)");
}

enum ota_status ota_nvs_csv_put(struct ota_nvs_writer *w, const char *key, const char *encoding, struct ota_span value,
                                bool file, struct ota_err *err) {
    uint32_t length;
    uint8_t fill;
    for (size_t i = 0; i < OTA_ARRAY_LEN(numbers); i++)
        if (same_word(encoding, numbers[i].name))
            return put_number(w, key, numbers[i].type, value, err);
    for (size_t i = 0; i < OTA_ARRAY_LEN(words); i++)
        if (strcmp(encoding, words[i].name) == 0)
            return words[i].put(w, key, value, file, err);
    if (!file && read_fill(encoding, "blob_fill", &length, &fill))
        return put_fill(w, key, value, false, length, fill, err);
    if (!file && read_fill(encoding, "blob_sz_fill", &length, &fill))
        return put_fill(w, key, value, true, length, fill, err);
    return ota_nvs_csv_check_encoding(key, encoding, file, err);
}
