/* SPDX-License-Identifier: Apache-2.0 */
/* Records of a CSV as Python's csv module cuts them, over lines of which those with '#' first were taken out. */
#include <string.h>

#include "image/nvs_csv.h"

void ota_nvs_csv_record_free(struct ota_nvs_csv_record *r) {
    for (size_t i = 0; i < OTA_NVS_CSV_COLUMNS; i++)
        ota_buf_free(&r->column[i]);
}

/* The next line without its end: LF, CR LF or CR. */
static bool take_line(struct ota_nvs_csv_lines *l, struct ota_span *out) {
    do {
        if (l->rest.len == 0)
            return false;
        size_t n = 0;
        while (n < l->rest.len && l->rest.p[n] != '\n' && l->rest.p[n] != '\r')
            n++;
        *out = (struct ota_span){l->rest.p, n};
        if (n < l->rest.len)
            n += l->rest.p[n] == '\r' && n + 1 < l->rest.len && l->rest.p[n + 1] == '\n' ? 2 : 1;
        l->rest = (struct ota_span){l->rest.p + n, l->rest.len - n};
        l->line++;
    } while (out->len && out->p[0] == '#');
    return true;
}

/* Columns past the last one kept are read and dropped. */
static void put(struct ota_nvs_csv_record *r, size_t column, uint8_t c) {
    if (column < OTA_NVS_CSV_COLUMNS)
        ota_buf_append(&r->column[column], &c, 1);
}

static enum ota_status quoted(struct ota_nvs_csv_lines *l, struct ota_nvs_csv_record *r, size_t column,
                              struct ota_span *line, struct ota_err *err) {
    for (;;) {
        if (line->len == 0) {
            if (!take_line(l, line))
                return ota_err_set(err, OTA_ARGUMENT, "a quote is opened here and never closed");
            put(r, column, '\n');
            continue;
        }
        uint8_t c = line->p[0];
        bool twice = c == '"' && line->len > 1 && line->p[1] == '"';
        *line = (struct ota_span){line->p + (twice ? 2 : 1), line->len - (twice ? 2 : 1)};
        if (c == '"' && !twice)
            break;
        put(r, column, c);
    }
    if (line->len && line->p[0] != ',')
        return ota_err_set(err, OTA_ARGUMENT,
                           "text behind the closing quote of column %zu; a quote inside quotes is "
                           "written twice",
                           column + 1);
    return OTA_OK;
}

static enum ota_status cut(struct ota_nvs_csv_lines *l, struct ota_nvs_csv_record *r, struct ota_span line,
                           struct ota_err *err) {
    for (r->count = 1;; r->count++) {
        size_t column = r->count - 1;
        if (line.len && line.p[0] == '"') {
            line = (struct ota_span){line.p + 1, line.len - 1};
            OTA_TRY(quoted(l, r, column, &line, err));
        }
        for (; line.len && line.p[0] != ','; line = (struct ota_span){line.p + 1, line.len - 1})
            put(r, column, line.p[0]);
        if (line.len == 0)
            break;
        line = (struct ota_span){line.p + 1, line.len - 1};
    }
    r->columns = r->count;
    if (r->count > OTA_NVS_CSV_COLUMNS)
        r->count = OTA_NVS_CSV_COLUMNS;
    return OTA_OK;
}

enum ota_status ota_nvs_csv_next(struct ota_nvs_csv_lines *l, struct ota_nvs_csv_record *r, bool *more,
                                 struct ota_err *err) {
    struct ota_span line = {0};
    for (size_t i = 0; i < OTA_NVS_CSV_COLUMNS; i++) {
        r->column[i].len = 0;
        ota_buf_str(&r->column[i], ""); /* its NUL */
    }
    do {
        *more = take_line(l, &line);
    } while (*more && line.len == 0);
    r->line = l->line;
    return *more ? cut(l, r, line, err) : OTA_OK;
}
