/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of an NVS CSV into a partition. Source: esp-idf-nvs-partition-gen 0.2. */
#include "image/nvs_csv.h"

#include <string.h>

#include "host/err_place.h"
#include "host/json_tree.h"

enum { KEY, TYPE, ENCODING, VALUE, NAMES };
static const char *const names[NAMES] = {"key", "type", "encoding", "value"};

void ota_nvs_csv_free(struct ota_nvs_csv *c) {
    free(c->ap_ssid);
    free(c->ap_passwd);
    c->ap_ssid = c->ap_passwd = NULL;
}

/* ---- header -------------------------------------------------------------------------------------------- */

struct header {
    size_t column[NAMES];
    size_t count; /* up to the last one that has a name */
};

static enum ota_status read_header(const struct ota_nvs_csv_record *r, struct header *h, struct ota_err *err) {
    for (size_t n = 0; n < NAMES; n++) {
        size_t i = 0;
        while (i < r->count && strcmp(ota_buf_text(&r->column[i]), names[n]) != 0)
            i++;
        if (i == r->count)
            return ota_err_set(err, OTA_ARGUMENT,
                               "the first line names no column \"%s\"; it is: key,type,encoding,value", names[n]);
        h->column[n] = i;
    }
    for (h->count = r->count; r->column[h->count - 1].len == 0;)
        h->count--;
    return OTA_OK;
}

/* NULL for a column that a short row does not have. */
static const char *cell(const struct header *h, const struct ota_nvs_csv_record *r, size_t name) {
    return h->column[name] < r->count ? ota_buf_text(&r->column[h->column[name]]) : NULL;
}

/* The generator drops what no column is named for: half of a password that holds a comma. */
static enum ota_status check_count(const struct header *h, const struct ota_nvs_csv_record *r, struct ota_err *err) {
    for (size_t i = h->count; i < r->count; i++)
        if (r->column[i].len)
            return ota_err_set(err, OTA_ARGUMENT, "%zu columns; put quotes around the value if it holds a comma",
                               i + 1);
    return OTA_OK;
}

/* ---- rows ---------------------------------------------------------------------------------------------- */

static enum ota_status check_key(const char *key, struct ota_err *err) {
    size_t n = strlen(key);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)key[i] < 0x20 || (unsigned char)key[i] > 0x7E)
            return ota_err_set(err, OTA_ARGUMENT, "character %zu of the key is not printable ASCII", i + 1);
    if (n == 0 || n > OTA_NVS_KEY_MAX)
        return ota_err_set(err, OTA_ARGUMENT, "key \"%.40s\" has %zu characters; 1 to %u are possible", key, n,
                           OTA_NVS_KEY_MAX);
    return OTA_OK;
}

static enum ota_status open_namespace(struct ota_nvs_csv *c, const char *name, struct ota_err *err) {
    uint8_t before = c->writer->namespaces;
    if (strcmp(c->current, name) == 0)
        return OTA_OK;
    OTA_TRY(ota_nvs_namespace(c->writer, name, err));
    if (c->writer->namespaces == before)
        return ota_err_set(err, OTA_ARGUMENT,
                           "namespace \"%s\" was there before \"%s\"; move its rows together: the generator would put "
                           "these into \"%s\"",
                           name, c->current, c->current);
    (void)ota_format(c->current, sizeof c->current, "%s", name);
    return OTA_OK;
}

static enum ota_status put_file(struct ota_nvs_csv *c, const char *key, const char *encoding, const char *path,
                                struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf bytes = {0};
    if (ota_nvs_csv_is_wifi(key))
        return ota_err_set(err, OTA_ARGUMENT, "key \"%s\" takes no file; write the value into the CSV, type data", key);
    if (!c->read_file)
        return ota_err_set(err, OTA_ARGUMENT, "key \"%s\": files are not read here", key);
    OTA_TRY(c->read_file(c->read_ctx, path, &bytes, err));
    return ota_nvs_csv_put(c->writer, key, encoding, ota_buf_span(&bytes), true, err);
}

static enum ota_status put_row(struct ota_nvs_csv *c, const struct header *h, const struct ota_nvs_csv_record *r,
                               struct ota_err *err) {
    const char *key = cell(h, r, KEY), *type = cell(h, r, TYPE);
    const char *encoding = cell(h, r, ENCODING), *value = cell(h, r, VALUE);
    OTA_TRY(check_count(h, r, err));
    OTA_TRY(check_key(key ? key : "", err));
    if (type && strcmp(type, "namespace") == 0)
        return open_namespace(c, key, err);
    if (!type || (strcmp(type, "data") != 0 && strcmp(type, "file") != 0))
        return ota_err_set(err, OTA_ARGUMENT, "key \"%s\": type \"%.20s\" is none of: namespace, data, file", key,
                           type ? type : "");
    if (!encoding || !value)
        return ota_err_set(err, OTA_ARGUMENT, "key \"%s\": the row ends before its value", key);
    if (!c->current[0])
        return ota_err_set(err, OTA_ARGUMENT, "key \"%s\" is in no namespace; a row NAME,namespace,, comes first", key);
    if (type[0] == 'f')
        return put_file(c, key, encoding, value, err);
    OTA_TRY(ota_nvs_csv_wifi_before(c, key, value, err));
    OTA_TRY(ota_nvs_csv_put(c->writer, key, encoding, ota_span_str(value), false, err));
    return ota_nvs_csv_wifi_after(c, key, err);
}

/* ---- the file ------------------------------------------------------------------------------------------ */

static enum ota_status check_text(struct ota_span *text, struct ota_err *err) {
    if (text->len > OTA_NVS_CSV_MAX)
        return ota_err_set(err, OTA_TOO_LARGE, "%zu bytes; a CSV has at most %u", text->len, OTA_NVS_CSV_MAX);
    if (!ota_utf8_valid(*text))
        return ota_err_set(err, OTA_ARGUMENT, "not UTF-8 text; save it as UTF-8, or name binary values as files");
    if (text->len >= 3 && memcmp(text->p, "\xEF\xBB\xBF", 3) == 0)
        *text = (struct ota_span){text->p + 3, text->len - 3};
    return OTA_OK;
}

static enum ota_status read_rows(struct ota_nvs_csv *c, struct ota_nvs_csv_lines *lines, struct ota_nvs_csv_record *r,
                                 struct ota_err *err) {
    struct header h = {0};
    bool more = true, headed = false;
    while (more) {
        OTA_TRY(ota_nvs_csv_next(lines, r, &more, err));
        if (more)
            OTA_TRY(headed ? put_row(c, &h, r, err) : read_header(r, &h, err));
        headed = true;
    }
    return OTA_OK;
}

enum ota_status ota_nvs_csv_read(struct ota_nvs_csv *c, struct ota_span text, const char *name, struct ota_err *err) {
    OTA_CLEAN(ota_nvs_csv_record_free) struct ota_nvs_csv_record record = {0};
    if (check_text(&text, err) != OTA_OK)
        return name ? ota_err_place(err, name, 0) : err->code;
    struct ota_nvs_csv_lines lines = {.rest = text};
    c->writer->as_generator = true;
    if (read_rows(c, &lines, &record, err) != OTA_OK)
        return name ? ota_err_place(err, name, record.line) : err->code;
    return OTA_OK;
}
