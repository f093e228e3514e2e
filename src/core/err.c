/* SPDX-License-Identifier: Apache-2.0 */
/* The status table and the error object. */
#include "ota/err.h"

#include <stdarg.h>
#include <string.h>

#include "ota/bytes.h"

struct status_row {
    const char *name;
    int exit_code;
    const char *text;
};

static const struct status_row rows[OTA_STATUS_COUNT] = {
#define OTA_X(sym, name, exit_code, text) [OTA_##sym] = {name, exit_code, text},
    OTA_STATUS_TABLE(OTA_X)
#undef OTA_X
};

static const struct status_row *row_of(enum ota_status code) {
    unsigned index = (unsigned)code;
    return &rows[index < OTA_STATUS_COUNT ? index : OTA_INTERNAL];
}

const char *ota_status_name(enum ota_status code) {
    return row_of(code)->name;
}

int ota_status_exit_code(enum ota_status code) {
    return row_of(code)->exit_code;
}

const char *ota_status_text(enum ota_status code) {
    return row_of(code)->text;
}

bool ota_status_is_json(enum ota_status code) {
    switch (code) {
    case OTA_JSON_SYNTAX:
    case OTA_JSON_UTF8:
    case OTA_JSON_NUMBER:
    case OTA_JSON_KEYS:
    case OTA_JSON_DEPTH:
    case OTA_JSON_TRAILING:
        return true;
    default:
        return false;
    }
}

/* Text out of metadata and files stands in messages: it must not begin a line of its own, nor move a terminal. */
static void make_one_line(char *text) {
    for (; *text; text++)
        if ((uint8_t)*text < 0x20 || *text == 0x7f)
            *text = '?';
}

enum ota_status ota_err_set(struct ota_err *err, enum ota_status code, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    err->code = code;
    ota_vformat(err->msg, sizeof err->msg, fmt, args);
    va_end(args);
    make_one_line(err->msg);
    return code;
}

enum ota_status ota_err_prefix(struct ota_err *err, const char *fmt, ...) {
    char prefix[96];
    va_list args;
    va_start(args, fmt);
    size_t n = ota_vformat(prefix, sizeof prefix, fmt, args);
    va_end(args);
    make_one_line(prefix);
    size_t old = strlen(err->msg);
    if (n + 2 + old + 1 > sizeof err->msg)
        old = sizeof err->msg - n - 3;
    memmove(err->msg + n + 2, err->msg, old);
    memcpy(err->msg, prefix, n);
    err->msg[n] = ':';
    err->msg[n + 1] = ' ';
    err->msg[n + 2 + old] = '\0';
    return err->code;
}
