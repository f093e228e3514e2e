/* SPDX-License-Identifier: Apache-2.0 */
/* The core's snprintf: bounded, no stdio, no allocation. */
#include <string.h>

#include "ota/bytes.h"

struct sink {
    char *p;
    size_t cap, len;
    bool cut;
};

static void put(struct sink *s, char c) {
    if (s->len + 1 < s->cap)
        s->p[s->len++] = c;
    else
        s->cut = true;
}

static void put_run(struct sink *s, const char *text, size_t n) {
    for (size_t i = 0; i < n; i++)
        put(s, text[i]);
}

static void put_number(struct sink *s, unsigned long long v, unsigned base, bool negative, int width, bool zeros) {
    char digits[22];
    int n = 0;
    do {
        digits[n++] = "0123456789abcdef"[v % base];
        v /= base;
    } while (v);
    int used = n + (negative ? 1 : 0);
    if (!zeros)
        for (int pad = used; pad < width; pad++)
            put(s, ' ');
    if (negative)
        put(s, '-');
    if (zeros)
        for (int pad = used; pad < width; pad++)
            put(s, '0');
    while (n > 0)
        put(s, digits[--n]);
}

/* One conversion's flags; `size` counts 'l's, 3 means size_t. */
struct spec {
    bool zeros, left;
    int width, precision;
    int size;
};

static const char *read_spec(const char *f, struct spec *spec, va_list *args) {
    *spec = (struct spec){.precision = -1};
    for (; *f == '0' || *f == '-'; f++)
        *(*f == '0' ? &spec->zeros : &spec->left) = true;
    if (*f == '*') {
        spec->width = va_arg(*args, int);
        f++;
    }
    for (; *f >= '0' && *f <= '9'; f++)
        spec->width = spec->width * 10 + (*f - '0');
    if (*f == '.') {
        f++;
        spec->precision = 0;
        if (*f == '*') {
            spec->precision = va_arg(*args, int);
            f++;
        }
        for (; *f >= '0' && *f <= '9'; f++)
            spec->precision = spec->precision * 10 + (*f - '0');
    }
    for (; *f == 'l'; f++)
        spec->size++;
    if (*f == 'z') {
        spec->size = 3;
        f++;
    }
    return f;
}

static unsigned long long unsigned_arg(const struct spec *spec, va_list *args) {
    switch (spec->size) {
    case 0:
        return va_arg(*args, unsigned);
    case 1:
        return va_arg(*args, unsigned long);
    case 2:
        return va_arg(*args, unsigned long long);
    default:
        return va_arg(*args, size_t);
    }
}

static long long signed_arg(const struct spec *spec, va_list *args) {
    switch (spec->size) {
    case 0:
        return va_arg(*args, int);
    case 1:
        return va_arg(*args, long);
    default:
        return va_arg(*args, long long);
    }
}

static void put_text(struct sink *s, const struct spec *spec, const char *text) {
    size_t n = 0;
    if (!text)
        text = "(null)";
    while ((spec->precision < 0 || n < (size_t)spec->precision) && text[n])
        n++;
    size_t pad = spec->width > 0 && (size_t)spec->width > n ? (size_t)spec->width - n : 0;
    for (size_t i = 0; !spec->left && i < pad; i++)
        put(s, ' ');
    put_run(s, text, n);
    for (size_t i = 0; spec->left && i < pad; i++)
        put(s, ' ');
}

static void put_conversion(struct sink *s, char c, const struct spec *spec, va_list *args) {
    switch (c) {
    case 's':
        put_text(s, spec, va_arg(*args, const char *));
        break;
    case 'c':
        put(s, (char)va_arg(*args, int));
        break;
    case 'd':
    case 'i': {
        long long v = signed_arg(spec, args);
        put_number(s, v < 0 ? 0ULL - (unsigned long long)v : (unsigned long long)v, 10, v < 0, spec->width,
                   spec->zeros);
        break;
    }
    case 'u':
        put_number(s, unsigned_arg(spec, args), 10, false, spec->width, spec->zeros);
        break;
    case 'x':
        put_number(s, unsigned_arg(spec, args), 16, false, spec->width, spec->zeros);
        break;
    case 'o':
        put_number(s, unsigned_arg(spec, args), 8, false, spec->width, spec->zeros);
        break;
    default:
        put(s, c);
    }
}

/* Text that was cut must not end inside a UTF-8 sequence. */
static void trim_partial_character(struct sink *s) {
    size_t back = 0;
    while (back < 3 && back < s->len && ((uint8_t)s->p[s->len - 1 - back] & 0xC0) == 0x80)
        back++;
    if (back >= s->len)
        return;
    uint8_t lead = (uint8_t)s->p[s->len - 1 - back];
    size_t want = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
    if (back < want)
        s->len -= back + 1;
}

size_t ota_vformat(char *out, size_t cap, const char *fmt, va_list args) {
    struct sink s = {.p = out, .cap = cap};
    va_list copy;
    if (cap == 0)
        return 0;
    va_copy(copy, args);
    for (const char *f = fmt; *f; f++) {
        if (*f != '%') {
            put(&s, *f);
            continue;
        }
        struct spec spec;
        f = read_spec(f + 1, &spec, &copy);
        if (!*f)
            break;
        put_conversion(&s, *f, &spec, &copy);
    }
    va_end(copy);
    if (s.cut)
        trim_partial_character(&s);
    out[s.len] = '\0';
    return s.len;
}

size_t ota_format(char *out, size_t cap, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    size_t n = ota_vformat(out, cap, fmt, args);
    va_end(args);
    return n;
}
