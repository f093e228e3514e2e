/* SPDX-License-Identifier: Apache-2.0 */
/* Growable bytes and allocation that does not fail. */
#include "host/buf.h"

#include <stdio.h>
#include <string.h>

static void out_of_memory(void) {
    static const char text[] = "out of memory\n";
    ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1);
    (void)ignored;
    _exit(1);
}

void ota_buf_free(struct ota_buf *b) {
    free(b->p);
    *b = (struct ota_buf){0};
}

void ota_buf_reserve(struct ota_buf *b, size_t more) {
    if (more >= SIZE_MAX / 4 || b->len >= SIZE_MAX / 4)
        out_of_memory();
    size_t need = b->len + more + 1;
    if (need <= b->cap)
        return;
    size_t cap = b->cap ? b->cap : 64;
    while (cap < need)
        cap *= 2;
    uint8_t *p = realloc(b->p, cap);
    if (!p)
        out_of_memory();
    b->p = p;
    b->cap = cap;
}

void ota_buf_append(struct ota_buf *b, const void *p, size_t n) {
    ota_buf_reserve(b, n);
    if (n)
        memcpy(b->p + b->len, p, n);
    b->len += n;
    b->p[b->len] = 0;
}

void ota_buf_str(struct ota_buf *b, const char *s) {
    ota_buf_append(b, s, strlen(s));
}

void ota_buf_printf(struct ota_buf *b, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    OTA_CLEAN_FREE char *text = ota_vsprintf(fmt, args);
    va_end(args);
    ota_buf_str(b, text);
}

struct ota_span ota_buf_span(const struct ota_buf *b) {
    return (struct ota_span){b->p, b->len};
}

const char *ota_buf_text(const struct ota_buf *b) {
    return b->p ? (const char *)b->p : "";
}

char *ota_vsprintf(const char *fmt, va_list args) {
    char *text = NULL;
    if (vasprintf(&text, fmt, args) < 0)
        out_of_memory();
    return text;
}

char *ota_sprintf(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    char *text = ota_vsprintf(fmt, args);
    va_end(args);
    return text;
}

char *ota_strdup(const char *s) {
    char *copy = strdup(s);
    if (!copy)
        out_of_memory();
    return copy;
}

void *ota_realloc(void *old, size_t n, size_t size) {
    void *p = size && n > SIZE_MAX / size ? NULL : realloc(old, n && size ? n * size : 1);
    if (!p)
        out_of_memory();
    return p;
}

void *ota_calloc(size_t n, size_t size) {
    void *p = calloc(n ? n : 1, size ? size : 1);
    if (!p)
        out_of_memory();
    return p;
}
