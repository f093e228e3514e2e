/* SPDX-License-Identifier: Apache-2.0 */
/* Text of others on a terminal; see printable.h. */
#include "host/printable.h"

#include <stdarg.h>
#include <string.h>

#include "core/utf8.h"
#include "host/buf.h"

/* A well-formed sequence of n bytes. */
static bool sequence_printable(const uint8_t *p, size_t n) {
    if (n == 1)
        return p[0] >= 0x20 && p[0] != 0x7F;
    if (n == 2)
        return p[0] != 0xC2 || p[1] >= 0xA0;
    if (n != 3 || p[0] != 0xE2)
        return true;
    if (p[1] == 0x80)
        return !(p[2] == 0x8E || p[2] == 0x8F || (p[2] >= 0xAA && p[2] <= 0xAE));
    return !(p[1] == 0x81 && p[2] >= 0xA6 && p[2] <= 0xA9);
}

bool ota_printable(const char *text) {
    struct ota_span s = ota_span_str(text);
    for (size_t i = 0, n; i < s.len; i += n) {
        n = ota_utf8_length(s.p + i, s.len - i);
        if (n == 0 || !sequence_printable(s.p + i, n))
            return false;
    }
    return true;
}

size_t ota_printable_clean(char *text) {
    struct ota_span s = ota_span_str(text);
    size_t kept = 0;
    for (size_t i = 0, n; i < s.len; i += n ? n : 1) {
        n = ota_utf8_length(s.p + i, s.len - i);
        if (n && sequence_printable(s.p + i, n)) {
            memmove(text + kept, text + i, n);
            kept += n;
        } else {
            text[kept++] = '?';
        }
    }
    text[kept] = '\0';
    return kept;
}

void ota_print_line(FILE *out, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    OTA_CLEAN_FREE char *line = ota_vsprintf(fmt, args);
    va_end(args);
    (void)ota_printable_clean(line);
    (void)fprintf(out, "%s\n", line);
}
