/* SPDX-License-Identifier: Apache-2.0 */
/* otactl nvs build, show, new-keys: what nvs_partition_gen.py does, and what a partition holds. */
#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "ctl/cmd.h"
#include "ctl/cmd_nvs.h"
#include "ctl/output_file.h"
#include "host/crypto.h"
#include "host/err_place.h"
#include "host/fs.h"
#include "host/json_tree.h"
#include "host/printable.h"
#include "image/nvs_csv.h"
#include "image/table_csv.h"

#define VALUE_MAX (1024u * 1024u)

enum ota_status ota_ctl_nvs_size(const struct ota_args *args, uint32_t absent, uint32_t *out, struct ota_err *err) {
    const char *text = ota_args_get(args, "size");
    int64_t value = absent;
    if (text && (!ota_table_csv_number(ota_span_str(text), &value) || value <= 0))
        return ota_err_set(err, OTA_USAGE, "--size \"%.20s\" is no size, such as 0x6000 or 24K", text);
    if (value % OTA_NVS_PAGE || value > OTA_NVS_SIZE_MAX || value == 0)
        return ota_err_set(err, OTA_USAGE, "--size %s: whole pages of %u bytes are wanted, at most %u KiB",
                           text ? text : "is missing", OTA_NVS_PAGE, OTA_NVS_SIZE_MAX / 1024u);
    *out = (uint32_t)value;
    return OTA_OK;
}

enum ota_status ota_ctl_nvs_keys(const struct ota_args *args, uint8_t key[OTA_NVS_KEY_LEN], bool *given,
                                 struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf bytes = {0};
    const char *path = ota_args_get(args, "keys");
    *given = path != NULL;
    if (!path)
        return OTA_OK;
    OTA_TRY(ota_fs_read_secret(path, OTA_NVS_PAGE, &bytes, err));
    enum ota_status st = ota_nvs_key_read(ota_buf_span(&bytes), key, err);
    OPENSSL_cleanse(bytes.p, bytes.len);
    return st == OTA_OK ? OTA_OK : ota_err_place(err, path, 0);
}

/* ---- build --------------------------------------------------------------------------------------------- */

static enum ota_status read_value(const void *ctx, const char *path, struct ota_buf *out, struct ota_err *err) {
    const struct ota_args *args = ctx;
    OTA_TRY(ota_ctl_output_check_input(ota_args_get(args, "output"), path, err));
    return ota_fs_read(path, VALUE_MAX, out, err);
}

static enum ota_status read_all(const struct ota_args *args, struct ota_nvs_csv *csv, struct ota_err *err) {
    for (size_t i = 0; i < ota_args_operands(args); i++) {
        OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
        const char *path = ota_args_operand(args, i);
        OTA_TRY(ota_fs_read(path, OTA_NVS_CSV_MAX, &text, err));
        OTA_TRY(ota_nvs_csv_read(csv, ota_buf_span(&text), path, err));
    }
    return OTA_OK;
}

static enum ota_status encrypt(const struct ota_args *args, const struct ota_nvs_writer *w, struct ota_err *err) {
    uint8_t key[OTA_NVS_KEY_LEN];
    bool given;
    OTA_TRY(ota_ctl_nvs_keys(args, key, &given, err));
    enum ota_status st = given ? ota_nvs_encrypt(w->image, w->size, key, err) : OTA_OK;
    OPENSSL_cleanse(key, sizeof key);
    return st;
}

static enum ota_status write_all(const struct ota_args *args, const char *path, const struct ota_nvs_writer *w,
                                 struct ota_err *err) {
    if (w->page == SIZE_MAX)
        return ota_err_set(err, OTA_ARGUMENT, "%s: no rows", ota_args_operand(args, 0));
    OTA_TRY(encrypt(args, w, err));
    return ota_ctl_output_write(path, (struct ota_span){w->image, w->size}, 0600, err);
}

static void build_report(const struct ota_args *args, const char *path, const struct ota_nvs_writer *w) {
    if (!ota_ctl_json(args)) {
        ota_print_line(stdout, "%s: %zu bytes, %zu of %zu pages used", path, w->size, w->page + 1,
                       w->size / OTA_NVS_PAGE);
        if (w->size < 3 * OTA_NVS_PAGE)
            ota_print_line(stderr, "note: a partition below 0x3000 bytes must be flagged readonly in the table");
        return;
    }
    cJSON *tree = cJSON_CreateObject();
    OTA_CLEAN_FREE char *safe = ota_strdup(path);
    (void)ota_printable_clean(safe);
    (void)cJSON_AddStringToObject(tree, "output", safe);
    (void)cJSON_AddNumberToObject(tree, "size", (double)w->size);
    (void)cJSON_AddNumberToObject(tree, "pages_used", (double)(w->page + 1));
    ota_ctl_print_json(&tree);
}

enum ota_status ota_cmd_nvs_build(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(ota_nvs_writer_free) struct ota_nvs_writer w = {0};
    static const char *const inputs[] = {"keys", NULL};
    OTA_CLEAN(ota_nvs_csv_free)
    struct ota_nvs_csv csv = {.writer = &w, .read_file = read_value, .read_ctx = args};
    const char *path = ota_args_get(args, "output");
    uint32_t size;
    if (!path || !path[0] || !ota_args_has(args, "size"))
        return ota_err_set(err, OTA_USAGE,
                           "nvs build wants a file and its size: otactl nvs build CSV --size 24K -o FILE");
    OTA_TRY(ota_ctl_output_check(args, inputs, true, err));
    OTA_TRY(ota_ctl_nvs_size(args, 0, &size, err));
    OTA_TRY(ota_nvs_writer_init(&w, size, err));
    OTA_TRY(read_all(args, &csv, err));
    OTA_TRY(write_all(args, path, &w, err));
    build_report(args, path, &w);
    return OTA_OK;
}

/* ---- show ---------------------------------------------------------------------------------------------- */

#define NAMESPACES 256u

struct showing {
    struct ota_span image;
    bool values;
    cJSON *items; /* NULL: text */
    char name[NAMESPACES][OTA_NVS_KEY_MAX + 1];
};

static void learn(void *ctx, const struct ota_nvs_item *item) {
    struct showing *s = ctx;
    if (item->ns == 0 && item->type == OTA_NVS_U8)
        memcpy(s->name[item->value[0]], item->key, sizeof item->key);
}

static char *number_text(const struct ota_nvs_item *item) {
    unsigned bits = 8u * (item->type & 0x0Fu);
    uint64_t value = ota_le64(item->value);
    if (bits < 64)
        value &= (UINT64_C(1) << bits) - 1;
    if (item->type & 0x10u && bits < 64 && value >> (bits - 1) & 1)
        value |= ~((UINT64_C(1) << bits) - 1);
    return item->type & 0x10u ? ota_sprintf("%" PRId64, (int64_t)value) : ota_sprintf("%" PRIu64, value);
}

/* What stands in strings and blobs may be secret, and is shown on demand only. NULL: not shown. */
static char *value_text(const struct showing *s, const struct ota_nvs_item *item) {
    OTA_CLEAN(ota_buf_free) struct ota_buf bytes = {0};
    struct ota_err why;
    if (item->type <= OTA_NVS_I64 && item->type != OTA_NVS_STRING)
        return number_text(item);
    if (!s->values)
        return NULL;
    if (item->type == OTA_NVS_STRING) {
        ota_buf_append(&bytes, item->value, item->length ? item->length - 1 : 0);
        return ota_utf8_valid(ota_buf_span(&bytes)) ? ota_strdup(ota_buf_text(&bytes)) : ota_strdup("?");
    }
    if (ota_nvs_get_blob(s->image, s->name[item->ns], item->key, &bytes, &why) != OTA_OK)
        return ota_strdup("?");
    char *hex = ota_calloc(2 * bytes.len + 1, 1);
    ota_hex_encode(bytes.p, bytes.len, hex);
    return hex;
}

static size_t length_of(const struct ota_nvs_item *item) {
    return item->type == OTA_NVS_BLOB     ? ota_le32(item->value)
           : item->type == OTA_NVS_STRING ? (item->length ? item->length - 1 : 0)
           : item->type < OTA_NVS_STRING  ? item->type & 0x0Fu
                                          : item->length;
}

static void show_item(void *ctx, const struct ota_nvs_item *item) {
    struct showing *s = ctx;
    if (item->ns == 0 || item->type == OTA_NVS_BLOB_DATA)
        return; /* the directory, and parts of what its index shows */
    OTA_CLEAN_FREE char *value = value_text(s, item);
    OTA_CLEAN_FREE char *ns = ota_strdup(s->name[item->ns]);
    OTA_CLEAN_FREE char *key = ota_strdup(item->key);
    (void)ota_printable_clean(ns);
    (void)ota_printable_clean(key);
    if (!s->items) {
        ota_print_line(stdout, "%-15s  %-15s  %-7s %8zu  %s", ns[0] ? ns : "?", key, ota_nvs_type_name(item->type),
                       length_of(item), value ? value : "");
    } else {
        cJSON *row = cJSON_CreateObject();
        (void)cJSON_AddStringToObject(row, "namespace", ns);
        (void)cJSON_AddStringToObject(row, "key", key);
        (void)cJSON_AddStringToObject(row, "type", ota_nvs_type_name(item->type));
        (void)cJSON_AddNumberToObject(row, "length", (double)length_of(item));
        if (value && item->type < OTA_NVS_STRING)
            (void)cJSON_AddRawToObject(row, "value", value);
        else if (value)
            (void)cJSON_AddStringToObject(row, "value", value);
        cJSON_AddItemToArray(s->items, row);
    }
}

static enum ota_status decrypt(const struct ota_args *args, struct ota_buf *image, struct ota_err *err) {
    uint8_t key[OTA_NVS_KEY_LEN];
    bool given;
    OTA_TRY(ota_ctl_nvs_keys(args, key, &given, err));
    enum ota_status st = given ? ota_nvs_decrypt(image->p, image->len, key, err) : OTA_OK;
    OPENSSL_cleanse(key, sizeof key);
    return st;
}

enum ota_status ota_cmd_nvs_show(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf bytes = {0};
    const char *path = ota_args_operand(args, 0);
    OTA_CLEAN_FREE struct showing *s = ota_calloc(1, sizeof *s);
    OTA_TRY(ota_fs_read(path, OTA_NVS_SIZE_MAX, &bytes, err));
    OTA_TRY(decrypt(args, &bytes, err));
    s->image = ota_buf_span(&bytes);
    s->values = ota_args_has(args, "values");
    if (ota_nvs_each(s->image, learn, s, err) != OTA_OK)
        return ota_err_place(err, path, 0);
    if (!ota_ctl_json(args)) {
        printf("NAMESPACE        KEY              TYPE      LENGTH  VALUE\n");
        return ota_nvs_each(s->image, show_item, s, err);
    }
    cJSON *tree = cJSON_CreateObject();
    OTA_CLEAN_FREE char *safe = ota_strdup(path);
    (void)ota_printable_clean(safe);
    (void)cJSON_AddStringToObject(tree, "file", safe);
    (void)cJSON_AddNumberToObject(tree, "size", (double)bytes.len);
    s->items = cJSON_AddArrayToObject(tree, "items");
    enum ota_status st = ota_nvs_each(s->image, show_item, s, err);
    ota_ctl_print_json(&tree);
    return st;
}

/* ---- new-keys ------------------------------------------------------------------------------------------ */

enum ota_status ota_cmd_nvs_new_keys(const struct ota_args *args, struct ota_err *err) {
    const char *path = ota_args_get(args, "output");
    uint8_t key[OTA_NVS_KEY_LEN], bytes[OTA_NVS_PAGE];
    if (!path || !path[0])
        return ota_err_set(err, OTA_USAGE, "nvs new-keys wants a file to write: otactl nvs new-keys -o FILE");
    OTA_TRY(ota_ctl_output_check_new(path, err));
    OTA_TRY(ota_crypto_openssl.random(ota_crypto_openssl.ctx, key, sizeof key, err));
    ota_nvs_key_write(key, bytes);
    enum ota_status st = ota_fs_write_new(path, bytes, sizeof bytes, 0600, err);
    OPENSSL_cleanse(key, sizeof key);
    OPENSSL_cleanse(bytes, sizeof bytes);
    OTA_TRY(st);
    if (!ota_ctl_json(args)) {
        ota_print_line(stdout, "%s: new keys. Keep them secret; one board needs them in its partition nvs_keys", path);
        return OTA_OK;
    }
    cJSON *tree = cJSON_CreateObject();
    OTA_CLEAN_FREE char *safe = ota_strdup(path);
    (void)ota_printable_clean(safe);
    (void)cJSON_AddStringToObject(tree, "file", safe);
    ota_ctl_print_json(&tree);
    return OTA_OK;
}
