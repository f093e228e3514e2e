/* SPDX-License-Identifier: Apache-2.0 */
/* Boards and their values, from CSVs. Source of the form: ESP-IDF tools/mass_mfg. */
#include "ctl/provision_list.h"

#include <openssl/crypto.h>
#include <string.h>
#include <strings.h>

#include "host/args.h"
#include "host/err_place.h"
#include "host/fs.h"
#include "host/json_tree.h"
#include "host/passphrase.h"
#include "store/provision.h"

#define CSV_MAX (64u * 1024u * 1024u)
#define BOARDS_MAX 100000u

static const char *const column_names[OTA_COLUMNS + 1] = {
    [OTA_COLUMN_ID] = "id",
    [OTA_COLUMN_MAC] = "mac",
    [OTA_COLUMN_SSID] = "ssid",
    [OTA_COLUMN_PASSWORD] = "password",
    [OTA_COLUMN_SOFTAP] = "softap_password",
    [OTA_COLUMN_CHANNEL] = "channel",
    [OTA_COLUMN_GROUPS] = "groups",
    [OTA_COLUMN_URL] = "url",
};

static void free_text(char *text) {
    if (text)
        OPENSSL_cleanse(text, strlen(text));
    free(text);
}

void ota_provision_list_free(struct ota_provision_list *l) {
    for (size_t i = 0; i < l->count; i++) {
        for (size_t c = 0; c < OTA_COLUMNS; c++)
            free_text(l->board[i].text[c]);
        for (size_t k = 0; l->board[i].value && k < l->key_count; k++)
            free_text(l->board[i].value[k]);
        free(l->board[i].value);
    }
    free(l->board);
    free(l->key);
    free(l->name);
    free(l->config_name);
    *l = (struct ota_provision_list){0};
}

enum ota_status ota_provision_blame(const struct ota_provision_list *l, const struct ota_provision_board *b,
                                    struct ota_err *err) {
    return b->line ? ota_err_place(err, l->name, b->line) : err->code;
}

/* ---- the config CSV ------------------------------------------------------------------------------------ */

enum ota_status ota_provision_read_text(const char *path, bool secret, size_t max, struct ota_buf *out,
                                        struct ota_span *text, struct ota_err *err) {
    OTA_TRY(secret ? ota_fs_read_secret(path, max, out, err) : ota_fs_read(path, max, out, err));
    *text = ota_buf_span(out);
    if (!ota_utf8_valid(*text))
        return ota_err_set(err, OTA_ARGUMENT, "%s: not UTF-8 text; save it as UTF-8", OTA_SHORT_PATH(path, 150));
    if (text->len >= 3 && memcmp(text->p, "\xEF\xBB\xBF", 3) == 0)
        *text = (struct ota_span){text->p + 3, text->len - 3};
    return OTA_OK;
}

static const char *cell(const struct ota_nvs_csv_record *r, size_t i) {
    return i < r->count ? ota_buf_text(&r->column[i]) : "";
}

static enum ota_status check_key(const struct ota_provision_list *l, const char *name, bool opens,
                                 struct ota_err *err) {
    size_t n = strlen(name);
    if (n == 0 || n > OTA_NVS_KEY_MAX)
        return ota_err_set(err, OTA_ARGUMENT, "\"%.40s\" has %zu characters; a key or namespace has 1 to %u", name, n,
                           OTA_NVS_KEY_MAX);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)name[i] < 0x20 || (unsigned char)name[i] > 0x7E)
            return ota_err_set(err, OTA_ARGUMENT, "character %zu of the key is not printable ASCII", i + 1);
    for (size_t i = 0; i < l->key_count; i++)
        if (!opens && !l->key[i].opens && strcmp(l->key[i].name, name) == 0)
            return ota_err_set(err, OTA_ARGUMENT,
                               "key \"%s\" is in line %u already; a column of the CSV can fill one key only", name,
                               l->key[i].line);
    if (!opens && l->key_count == 0)
        return ota_err_set(err, OTA_ARGUMENT, "key \"%s\" is in no namespace; a row NAME,namespace, comes first", name);
    return OTA_OK;
}

static enum ota_status add_key(struct ota_provision_list *l, const struct ota_nvs_csv_record *r, struct ota_err *err) {
    const char *name = cell(r, 0), *type = cell(r, 1), *encoding = cell(r, 2), *tag = cell(r, 3);
    bool opens = strcmp(type, "namespace") == 0;
    OTA_TRY(check_key(l, name, opens, err));
    if (!opens && strcmp(type, "data") != 0 && strcmp(type, "file") != 0)
        return ota_err_set(err, OTA_ARGUMENT, "key \"%s\": type \"%.20s\" is none of: namespace, data, file", name,
                           type);
    if (r->columns > 4 || (tag[0] && strcmp(tag, "REPEAT") != 0))
        return ota_err_set(err, OTA_ARGUMENT, "key \"%s\": behind its encoding only REPEAT may follow", name);
    if (strlen(encoding) >= sizeof l->key->encoding)
        return ota_err_set(err, OTA_ARGUMENT, "key \"%s\": \"%.40s\" is no encoding", name, encoding);
    if (!opens)
        OTA_TRY(ota_nvs_csv_check_encoding(name, encoding, type[0] == 'f', err));
    if (type[0] == 'f' && ota_nvs_csv_is_wifi(name))
        return ota_err_set(err, OTA_ARGUMENT, "key \"%s\" takes no file; its type is data", name);
    l->key = ota_realloc(l->key, l->key_count + 1, sizeof *l->key);
    struct ota_provision_key *k = &l->key[l->key_count++];
    *k = (struct ota_provision_key){.line = r->line, .opens = opens, .file = type[0] == 'f', .repeat = tag[0] != 0};
    (void)ota_format(k->name, sizeof k->name, "%s", name);
    (void)ota_format(k->encoding, sizeof k->encoding, "%s", encoding);
    return OTA_OK;
}

enum ota_status ota_provision_list_config(struct ota_provision_list *l, const char *path, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf bytes = {0};
    OTA_CLEAN(ota_nvs_csv_record_free) struct ota_nvs_csv_record r = {0};
    struct ota_nvs_csv_lines lines = {0};
    bool more = true;
    OTA_TRY(ota_provision_read_text(path, false, CSV_MAX, &bytes, &lines.rest, err));
    l->config_name = ota_strdup(path);
    while (more) {
        enum ota_status st = ota_nvs_csv_next(&lines, &r, &more, err);
        if (st == OTA_OK && more)
            st = add_key(l, &r, err);
        if (st != OTA_OK)
            return ota_err_place(err, path, r.line);
    }
    return l->key_count ? OTA_OK : ota_err_set(err, OTA_ARGUMENT, "%s: no rows", OTA_SHORT_PATH(path, 150));
}

/* ---- the CSV of boards --------------------------------------------------------------------------------- */

#define NONE SIZE_MAX

struct header {
    size_t columns;
    size_t at[OTA_COLUMNS]; /* of what has a meaning here */
    size_t *key_at;         /* of each key of the config */
    bool secrets;           /* may be in it */
};
static void header_free(struct header *h) {
    free(h->key_at);
}

static size_t find_column(const struct ota_nvs_csv_record *r, const char *name) {
    for (size_t i = 0; i < r->count; i++)
        if (strcmp(ota_buf_text(&r->column[i]), name) == 0)
            return i;
    return NONE;
}

/* The column that differs in capitals, or NULL. */
static const char *lower_case(const char *name) {
    for (size_t c = 0; c < OTA_COLUMNS; c++)
        if (strcasecmp(column_names[c], name) == 0)
            return column_names[c];
    return NULL;
}

static enum ota_status check_column(const struct ota_provision_list *l, const struct ota_nvs_csv_record *r, size_t i,
                                    struct ota_err *err) {
    const char *name = cell(r, i);
    if (find_column(r, name) != i)
        return ota_err_set(err, OTA_ARGUMENT, "two columns are named \"%.40s\"", name);
    for (size_t k = 0; k < l->key_count; k++)
        if (!l->key[k].opens && strcmp(l->key[k].name, name) == 0)
            return OTA_OK;
    for (size_t c = 0; c < OTA_COLUMNS; c++)
        if (strcmp(column_names[c], name) == 0)
            return OTA_OK;
    const char *near = lower_case(name), *separator = strpbrk(name, ";\t|");
    if (separator)
        return ota_err_set(err, OTA_ARGUMENT, "\"%.40s\" is one column; put commas between columns, not %s", name,
                           *separator == '\t'  ? "tabs"
                           : *separator == ';' ? "semicolons"
                                               : "bars");
    if (near)
        return ota_err_set(err, OTA_ARGUMENT, "column \"%.40s\" is not known; write \"%s\"", name, near);
    near = ota_args_nearest(name, column_names);
    if (near)
        return ota_err_set(err, OTA_ARGUMENT, "column \"%.40s\" is not known; did you mean \"%s\"?", name, near);
    return ota_err_set(err, OTA_ARGUMENT,
                       "column \"%.40s\" is not known; name its key, type and encoding in a config CSV (--config)",
                       name);
}

/* A number is none; what a file's name names is in that file. */
static bool may_be_secret(const struct ota_provision_key *k) {
    static const char *const numbers[] = {"u8", "i8", "u16", "i16", "u32", "i32", "u64", "i64"};
    for (size_t i = 0; i < OTA_ARRAY_LEN(numbers); i++)
        if (strcmp(k->encoding, numbers[i]) == 0)
            return false;
    return !k->opens && !k->file;
}

static enum ota_status read_header(const struct ota_provision_list *l, const struct ota_nvs_csv_record *r,
                                   struct header *h, struct ota_err *err) {
    h->columns = r->columns;
    if (r->columns > OTA_NVS_CSV_COLUMNS)
        return ota_err_set(err, OTA_ARGUMENT, "%zu columns; at most %u are read", r->columns, OTA_NVS_CSV_COLUMNS);
    for (size_t i = 0; i < r->count; i++)
        OTA_TRY(check_column(l, r, i, err));
    for (size_t c = 0; c < OTA_COLUMNS; c++)
        h->at[c] = find_column(r, column_names[c]);
    h->secrets = h->at[OTA_COLUMN_PASSWORD] != NONE || h->at[OTA_COLUMN_SOFTAP] != NONE;
    h->key_at = ota_calloc(l->key_count + 1, sizeof *h->key_at);
    for (size_t k = 0; k < l->key_count; k++) {
        h->key_at[k] = l->key[k].opens ? NONE : find_column(r, l->key[k].name);
        if (!l->key[k].opens && h->key_at[k] == NONE)
            return ota_err_set(err, OTA_ARGUMENT, "no column \"%s\", which %s names in line %u", l->key[k].name,
                               l->config_name, l->key[k].line);
        h->secrets = h->secrets || may_be_secret(&l->key[k]);
        for (size_t c = 0; c < OTA_COLUMNS; c++) /* it is the config's, not ours; but an id is an id */
            if (c != OTA_COLUMN_ID && h->at[c] == h->key_at[k])
                h->at[c] = NONE;
    }
    return h->at[OTA_COLUMN_ID] != NONE
               ? OTA_OK
               : ota_err_set(err, OTA_ARGUMENT, "the first line names no column \"id\", which every board needs");
}

static enum ota_status take_value(const struct ota_provision_list *l, struct ota_provision_board *b, size_t k,
                                  const char *text, struct ota_err *err) {
    bool repeats = l->key[k].repeat && b != &l->board[0];
    const char *first = repeats ? l->board[0].value[k] : text;
    if (repeats && text[0] && strcmp(text, first) != 0)
        return ota_err_set(err, OTA_ARGUMENT,
                           "\"%s\" repeats the first board's value (REPEAT in %s:%u), but has another here",
                           l->key[k].name, l->config_name, l->key[k].line);
    b->value[k] = ota_strdup(first);
    return OTA_OK;
}

static struct ota_provision_board *new_board(struct ota_provision_list *l) {
    if ((l->count & (l->count - 1)) == 0) {
        l->board = ota_realloc(l->board, l->count ? 2 * l->count : 1, sizeof *l->board);
    }
    struct ota_provision_board *b = &l->board[l->count++];
    *b = (struct ota_provision_board){.value = ota_calloc(l->key_count + 1, sizeof *b->value)};
    return b;
}

static enum ota_status take_board(struct ota_provision_list *l, const struct header *h,
                                  const struct ota_nvs_csv_record *r, struct ota_err *err) {
    if (r->columns != h->columns)
        return ota_err_set(err, OTA_ARGUMENT, "%zu values, but the first line names %zu columns", r->columns,
                           h->columns);
    if (l->count == BOARDS_MAX)
        return ota_err_set(err, OTA_TOO_LARGE, "more than %u boards; use several files", BOARDS_MAX);
    struct ota_provision_board *b = new_board(l);
    b->line = r->line;
    for (size_t c = 0; c < OTA_COLUMNS; c++)
        if (h->at[c] != NONE && cell(r, h->at[c])[0])
            b->text[c] = ota_strdup(cell(r, h->at[c]));
    for (size_t k = 0; k < l->key_count; k++)
        if (h->key_at[k] != NONE)
            OTA_TRY(take_value(l, b, k, cell(r, h->key_at[k]), err));
    if (!b->text[OTA_COLUMN_ID])
        return ota_err_set(err, OTA_ARGUMENT, "this board has no id");
    return b->text[OTA_COLUMN_MAC] ? ota_provision_mac(&b->text[OTA_COLUMN_MAC], err) : OTA_OK;
}

static enum ota_status read_rows(struct ota_provision_list *l, const char *path, struct ota_nvs_csv_lines *lines,
                                 struct ota_nvs_csv_record *r, struct ota_err *err) {
    OTA_CLEAN(header_free) struct header h = {0};
    bool more = true;
    OTA_TRY(ota_nvs_csv_next(lines, r, &more, err));
    if (!more)
        return ota_err_set(err, OTA_ARGUMENT, "no rows; the first line names the columns: id,...");
    OTA_TRY(read_header(l, r, &h, err));
    for (size_t c = 0; c < OTA_COLUMNS; c++)
        l->named[c] = h.at[c] != NONE;
    if (h.secrets) { /* it is read anew, with the check that secrets have */
        OTA_CLEAN(ota_buf_free) struct ota_buf again = {0};
        OTA_TRY(ota_fs_read_secret(path, CSV_MAX, &again, err));
        OPENSSL_cleanse(again.p, again.len);
    }
    while (more) {
        OTA_TRY(ota_nvs_csv_next(lines, r, &more, err));
        if (more)
            OTA_TRY(take_board(l, &h, r, err));
    }
    return l->count ? OTA_OK : ota_err_set(err, OTA_ARGUMENT, "no board below the first line");
}

enum ota_status ota_provision_list_csv(struct ota_provision_list *l, const char *path, struct ota_err *err) {
    OTA_CLEAN(ota_secret_free) struct ota_buf bytes = {0};
    OTA_CLEAN(ota_nvs_csv_record_free) struct ota_nvs_csv_record r = {0};
    struct ota_nvs_csv_lines lines = {0};
    l->name = ota_strdup(path);
    OTA_TRY(ota_provision_read_text(path, false, CSV_MAX, &bytes, &lines.rest, err));
    enum ota_status st = read_rows(l, path, &lines, &r, err);
    if (st == OTA_PERMISSION)
        return st; /* names the file already */
    return st == OTA_OK ? OTA_OK : ota_err_place(err, path, r.line);
}

enum ota_status ota_provision_list_add(struct ota_provision_list *l, const char *id, struct ota_err *err) {
    OTA_TRY(ota_provision_check_id(id, err));
    for (size_t i = 0; i < l->count; i++)
        if (strcmp(l->board[i].text[OTA_COLUMN_ID], id) == 0)
            return ota_err_set(err, OTA_EXISTS, "--id %s is given twice", id);
    new_board(l)->text[OTA_COLUMN_ID] = ota_strdup(id);
    return OTA_OK;
}
