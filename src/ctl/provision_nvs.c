/* SPDX-License-Identifier: Apache-2.0 */
/* The nvs partition of a board: what the config CSV says of its row, then its networks. */
#include <openssl/crypto.h>
#include <string.h>

#include "ctl/provision_list.h"
#include "host/err_place.h"
#include "host/fs.h"
#include "host/passphrase.h"

#define VALUE_FILE_MAX (1024u * 1024u)

/* ---- networks ------------------------------------------------------------------------------------------ */

static enum ota_status put_networks(struct ota_nvs_writer *w, const struct ota_provision_board *b,
                                    struct ota_err *err) {
    const char *ssid = b->text[OTA_COLUMN_SSID], *password = b->text[OTA_COLUMN_PASSWORD];
    if (ssid) {
        OTA_TRY(ota_nvs_namespace(w, "wifi", err));
        OTA_TRY(ota_nvs_put_string(w, "ssid", ssid, err));
        if (password)
            OTA_TRY(ota_nvs_put_string(w, "password", password, err));
    }
    if (b->text[OTA_COLUMN_SOFTAP]) {
        OTA_TRY(ota_nvs_namespace(w, "softap", err));
        OTA_TRY(ota_nvs_put_string(w, "password", b->text[OTA_COLUMN_SOFTAP], err));
    }
    return OTA_OK;
}

/* ---- keys of the config ---------------------------------------------------------------------------------- */

static enum ota_status read_value(const void *ctx, const char *path, struct ota_buf *out, struct ota_err *err) {
    (void)ctx;
    return ota_fs_read(path, VALUE_FILE_MAX, out, err);
}

static void quote(struct ota_buf *out, const char *value) {
    ota_buf_str(out, "\"");
    for (const char *p = value; *p; p++)
        ota_buf_printf(out, *p == '"' ? "\"%c" : "%c", *p);
    ota_buf_str(out, "\"\n");
}

/* As mfg_gen does it: a row of the config with this board's value is one of nvs_partition_gen's CSV. */
static enum ota_status write_row(const struct ota_provision_key *key, const char *value, struct ota_buf *out,
                                 struct ota_err *err) {
    ota_buf_str(out, "key,type,encoding,value\n");
    if (key->opens) {
        ota_buf_printf(out, "%s,namespace,,\n", key->name);
        return OTA_OK;
    }
    if (strchr(value, '\n')) /* what begins with # in its next line would be taken for a comment */
        return ota_err_set(err, OTA_ARGUMENT, "key \"%s\" has more than one line; name a file for it (type file)",
                           key->name);
    ota_buf_printf(out, "%s,%s,%s,", key->name, key->file ? "file" : "data", key->encoding);
    quote(out, value);
    return OTA_OK;
}

/* What no value could cure is the config's. */
static enum ota_status blame(const struct ota_provision_list *l, const struct ota_provision_board *b,
                             const struct ota_provision_key *key, struct ota_err *err) {
    if (key->opens)
        return ota_err_place(err, l->config_name, key->line);
    if (strncmp(err->msg, "key \"", 5) != 0)
        (void)ota_err_prefix(err, "key \"%s\"", key->name);
    return ota_provision_blame(l, b, err);
}

static enum ota_status put_key(const struct ota_provision_key *key, const char *value, struct ota_nvs_csv *csv,
                               struct ota_err *err) {
    OTA_CLEAN(ota_secret_free) struct ota_buf text = {0};
    OTA_TRY(write_row(key, value, &text, err));
    return ota_nvs_csv_read(csv, ota_buf_span(&text), NULL, err);
}

static enum ota_status put_keys(const struct ota_provision_list *l, const struct ota_provision_board *b,
                                struct ota_nvs_writer *w, struct ota_err *err) {
    OTA_CLEAN(ota_nvs_csv_free) struct ota_nvs_csv csv = {.writer = w, .read_file = read_value};
    for (size_t k = 0; k < l->key_count; k++)
        if (put_key(&l->key[k], b->value[k], &csv, err) != OTA_OK)
            return blame(l, b, &l->key[k], err);
    return OTA_OK;
}

/* ---- the partition --------------------------------------------------------------------------------------- */

static enum ota_status fill(const struct ota_provision_list *l, const struct ota_provision_board *b,
                            struct ota_nvs_writer *w, struct ota_buf *out, struct ota_err *err) {
    OTA_TRY(put_keys(l, b, w, err));
    if (put_networks(w, b, err) != OTA_OK)
        return ota_provision_blame(l, b, err);
    ota_buf_append(out, w->image, w->size);
    return OTA_OK;
}

enum ota_status ota_provision_nvs(const struct ota_provision_list *l, const struct ota_provision_board *b,
                                  uint32_t size, struct ota_buf *out, struct ota_err *err) {
    OTA_CLEAN(ota_nvs_writer_free) struct ota_nvs_writer w = {0};
    enum ota_status st = ota_provision_check_networks(b, err);
    if (st == OTA_OK && l->key_count == 0 && !b->text[OTA_COLUMN_SSID] && !b->text[OTA_COLUMN_SOFTAP])
        return OTA_OK;
    if (st == OTA_OK && size == 0)
        st =
            ota_err_set(err, OTA_CONFIG,
                        "the partition table has no nvs for these values; add a row to its CSV: nvs, data, nvs, , 24K");
    if (st == OTA_OK)
        st = ota_nvs_writer_init(&w, size, err);
    if (st != OTA_OK)
        return ota_provision_blame(l, b, err);
    st = fill(l, b, &w, out, err);
    OPENSSL_cleanse(w.image, w.size);
    return st;
}
