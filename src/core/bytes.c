/* SPDX-License-Identifier: Apache-2.0 */
/* Byte order, spans, hex, base64, CRC-32, bounded records. */
#include "ota/bytes.h"

#include <string.h>

uint16_t ota_le16(const uint8_t *p) {
    return (uint16_t)(p[0] | p[1] << 8);
}
uint32_t ota_le32(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
uint64_t ota_le64(const uint8_t *p) {
    return (uint64_t)ota_le32(p) | (uint64_t)ota_le32(p + 4) << 32;
}
uint32_t ota_be32(const uint8_t *p) {
    return (uint32_t)p[3] | (uint32_t)p[2] << 8 | (uint32_t)p[1] << 16 | (uint32_t)p[0] << 24;
}
void ota_put_le16(uint8_t *p, uint16_t v) {
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}
void ota_put_le32(uint8_t *p, uint32_t v) {
    ota_put_le16(p, (uint16_t)v);
    ota_put_le16(p + 2, (uint16_t)(v >> 16));
}
void ota_put_le64(uint8_t *p, uint64_t v) {
    ota_put_le32(p, (uint32_t)v);
    ota_put_le32(p + 4, (uint32_t)(v >> 32));
}

struct ota_span ota_span_str(const char *s) {
    return (struct ota_span){(const uint8_t *)s, strlen(s)};
}
bool ota_span_equal(struct ota_span a, struct ota_span b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}
bool ota_span_equal_str(struct ota_span a, const char *s) {
    return ota_span_equal(a, ota_span_str(s));
}
int ota_span_compare(struct ota_span a, struct ota_span b) {
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n ? memcmp(a.p, b.p, n) : 0;
    return c ? c : (a.len > b.len) - (a.len < b.len);
}
bool ota_span_copy(struct ota_span a, char *out, size_t cap) {
    if (a.len >= cap || (a.len && memchr(a.p, 0, a.len))) {
        if (cap)
            out[0] = '\0';
        return false;
    }
    if (a.len)
        memcpy(out, a.p, a.len);
    out[a.len] = '\0';
    return true;
}

void ota_hex_encode(const uint8_t *p, size_t n, char *out) {
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = "0123456789abcdef"[p[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[p[i] & 15];
    }
    out[2 * n] = '\0';
}

static int hex_digit(uint8_t c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool ota_hex_decode(struct ota_span hex, uint8_t *out, size_t n) {
    if (hex.len != 2 * n)
        return false;
    for (size_t i = 0; i < n; i++) {
        int hi = hex_digit(hex.p[2 * i]), lo = hex_digit(hex.p[2 * i + 1]);
        if (hi < 0 || lo < 0)
            return false;
        out[i] = (uint8_t)(hi << 4 | lo);
    }
    return true;
}

static int base64_digit(uint8_t c) {
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool ota_base64_decode(struct ota_span text, uint8_t *out, size_t cap, size_t *len) {
    uint32_t bits = 0;
    unsigned count = 0, padding = 0;
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.p[i];
        if (c == '\n' || c == '\r' || c == ' ' || c == '\t')
            continue;
        int digit = c == '=' ? 0 : base64_digit(c);
        if (digit < 0 || (padding && c != '='))
            return false;
        padding += c == '=';
        bits = bits << 6 | (uint32_t)digit;
        if (++count % 4)
            continue;
        if (padding > 2 || n + 3 - padding > cap)
            return false;
        for (unsigned k = 0; k < 3 - padding; k++)
            out[n++] = (uint8_t)(bits >> (16 - 8 * k));
        if ((padding == 1 && (bits & 0xFF)) || (padding == 2 && (bits & 0xFFFF)))
            return false;
        if (padding)
            count = 0, bits = 0;
    }
    *len = n;
    return count % 4 == 0 && padding <= 2;
}

uint32_t ota_crc32(uint32_t crc, const void *data, size_t len) {
    const uint8_t *p = data;
    crc = ~crc;
    for (size_t i = 0; i < len; i++) {
        crc ^= p[i];
        for (int k = 0; k < 8; k++)
            crc = crc >> 1 ^ (0xEDB88320u & (0u - (crc & 1)));
    }
    return ~crc;
}

bool ota_equal_secret(const void *a, const void *b, size_t len) {
    const volatile uint8_t *x = a, *y = b;
    uint8_t diff = 0;
    for (size_t i = 0; i < len; i++)
        diff |= (uint8_t)(x[i] ^ y[i]);
    return diff == 0;
}

void ota_write_bytes(struct ota_writer *w, const void *p, size_t n) {
    if (w->bad || n > w->cap - w->len) {
        w->bad = true;
        return;
    }
    if (n)
        memcpy(w->p + w->len, p, n);
    w->len += n;
}
void ota_write_u8(struct ota_writer *w, uint8_t v) {
    ota_write_bytes(w, &v, 1);
}
void ota_write_u16(struct ota_writer *w, uint16_t v) {
    uint8_t b[2];
    ota_put_le16(b, v);
    ota_write_bytes(w, b, sizeof b);
}
void ota_write_u32(struct ota_writer *w, uint32_t v) {
    uint8_t b[4];
    ota_put_le32(b, v);
    ota_write_bytes(w, b, sizeof b);
}
void ota_write_u64(struct ota_writer *w, uint64_t v) {
    uint8_t b[8];
    ota_put_le64(b, v);
    ota_write_bytes(w, b, sizeof b);
}
void ota_write_str(struct ota_writer *w, const char *s) {
    size_t n = strlen(s);
    if (n > 255) {
        w->bad = true;
        return;
    }
    ota_write_u8(w, (uint8_t)n);
    ota_write_bytes(w, s, n);
}

void ota_read_bytes(struct ota_reader *r, void *p, size_t n) {
    if (r->bad || n > r->len - r->pos) {
        r->bad = true;
        memset(p, 0, n);
        return;
    }
    if (n)
        memcpy(p, r->p + r->pos, n);
    r->pos += n;
}
uint8_t ota_read_u8(struct ota_reader *r) {
    uint8_t v;
    ota_read_bytes(r, &v, 1);
    return v;
}
uint16_t ota_read_u16(struct ota_reader *r) {
    uint8_t b[2];
    ota_read_bytes(r, b, sizeof b);
    return ota_le16(b);
}
uint32_t ota_read_u32(struct ota_reader *r) {
    uint8_t b[4];
    ota_read_bytes(r, b, sizeof b);
    return ota_le32(b);
}
uint64_t ota_read_u64(struct ota_reader *r) {
    uint8_t b[8];
    ota_read_bytes(r, b, sizeof b);
    return ota_le64(b);
}
void ota_read_str(struct ota_reader *r, char *out, size_t cap) {
    uint8_t n = ota_read_u8(r);
    out[0] = '\0';
    if (n >= cap || r->bad) {
        r->bad = true;
        return;
    }
    ota_read_bytes(r, out, n);
    r->bad = r->bad || memchr(out, '\0', n) != NULL;
    out[r->bad ? 0 : n] = '\0';
}
