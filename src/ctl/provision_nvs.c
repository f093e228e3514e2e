/* SPDX-License-Identifier: Apache-2.0 */
/* The nvs partition of a board: what the config CSV says of its row, then its networks. */
#include <openssl/crypto.h>
#include <string.h>

#include "ctl/provision_list.h"
#include "host/fs.h"
#include "host/passphrase.h"

#define VALUE_FILE_MAX (1024u * 1024u)
#define SSID_MAX 32u /* 802.11 */
#define PASSPHRASE_MIN 8u
#define PSK_HEX 64u /* instead of a passphrase of 8 to 63 */

/* ---- networks ------------------------------------------------------------------------------------------ */

/* IEEE 802.11-2020, J.4: printable ASCII, 8 to 63 of it. */
static enum ota_status check_passphrase(const char *what, const char *text, struct ota_err *err) {
    size_t n = strlen(text);
    if (n < PASSPHRASE_MIN || n >= PSK_HEX)
        return ota_err_set(err, OTA_ARGUMENT, "%s has %zu bytes; WPA2 takes %u to %u", what, n, PASSPHRASE_MIN,
                           PSK_HEX - 1);
    for (const char *p = text; *p; p++)
        if (*p < 0x20 || *p > 0x7E)
            return ota_err_set(err, OTA_ARGUMENT, "%s: WPA2 takes printable ASCII alone, and byte %zu is none", what,
                               (size_t)(p - text) + 1);
    return OTA_OK;
}

/* The driver takes 64 bytes for the key itself. */
static enum ota_status check_password(const char *text, struct ota_err *err) {
    if (strlen(text) != PSK_HEX)
        return check_passphrase("password", text, err);
    return strspn(text, "0123456789abcdefABCDEF") == PSK_HEX
               ? OTA_OK
               : ota_err_set(err, OTA_ARGUMENT,
                             "password has %u bytes, which is a key of hexadecimal digits alone; a passphrase has %u "
                             "to %u",
                             PSK_HEX, PASSPHRASE_MIN, PSK_HEX - 1);
}

static enum ota_status check_networks(const struct ota_provision_board *b, struct ota_err *err) {
    const char *ssid = b->text[OTA_COLUMN_SSID], *password = b->text[OTA_COLUMN_PASSWORD];
    const char *softap = b->text[OTA_COLUMN_SOFTAP];
    if (password && !ssid)
        return ota_err_set(err, OTA_ARGUMENT, "a password without an ssid");
    if (ssid && strlen(ssid) > SSID_MAX)
        return ota_err_set(err, OTA_ARGUMENT, "the ssid has %zu bytes; at most %u are possible", strlen(ssid),
                           SSID_MAX);
    if (password)
        OTA_TRY(check_password(password, err));
    return softap ? check_passphrase("softap_password", softap, err) : OTA_OK;
}

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

/* As mfg_gen does it: the rows of the config with this board's values are a CSV of nvs_partition_gen. */
static enum ota_status write_csv(const struct ota_provision_list *l, const struct ota_provision_board *b,
                                 struct ota_buf *out, struct ota_err *err) {
    ota_buf_str(out, "key,type,encoding,value\n");
    for (size_t k = 0; k < l->key_count; k++) {
        const struct ota_provision_key *key = &l->key[k];
        if (key->opens) {
            ota_buf_printf(out, "%s,namespace,,\n", key->name);
            continue;
        }
        if (strchr(b->value[k], '\n')) /* what begins with # in its next line would be taken for a comment */
            return ota_err_set(err, OTA_ARGUMENT, "\"%s\" has more than one line; name a file for it (type file)",
                               key->name);
        ota_buf_printf(out, "%s,%s,%s,", key->name, key->file ? "file" : "data", key->encoding);
        quote(out, b->value[k]);
    }
    return OTA_OK;
}

static enum ota_status put_keys(const struct ota_provision_list *l, const struct ota_provision_board *b,
                                struct ota_nvs_writer *w, struct ota_err *err) {
    OTA_CLEAN(ota_secret_free) struct ota_buf text = {0};
    OTA_CLEAN(ota_nvs_csv_free) struct ota_nvs_csv csv = {.writer = w, .read_file = read_value};
    OTA_TRY(write_csv(l, b, &text, err));
    return ota_nvs_csv_read(&csv, ota_buf_span(&text), "nvs", err);
}

enum ota_status ota_provision_nvs(const struct ota_provision_list *l, const struct ota_provision_board *b,
                                  uint32_t size, struct ota_buf *out, struct ota_err *err) {
    OTA_CLEAN(ota_nvs_writer_free) struct ota_nvs_writer w = {0};
    enum ota_status st = check_networks(b, err);
    if (st == OTA_OK && l->key_count == 0 && !b->text[OTA_COLUMN_SSID] && !b->text[OTA_COLUMN_SOFTAP])
        return OTA_OK;
    if (st == OTA_OK && size == 0)
        st =
            ota_err_set(err, OTA_CONFIG,
                        "the partition table has no nvs for these values; add a row to its CSV: nvs, data, nvs, , 24K");
    if (st == OTA_OK)
        st = ota_nvs_writer_init(&w, size, err);
    if (st == OTA_OK && l->key_count)
        st = put_keys(l, b, &w, err);
    if (st == OTA_OK)
        st = put_networks(&w, b, err);
    if (st == OTA_OK)
        ota_buf_append(out, w.image, w.size);
    if (w.image)
        OPENSSL_cleanse(w.image, w.size);
    return st == OTA_OK ? OTA_OK : ota_provision_blame(l, b, err);
}
