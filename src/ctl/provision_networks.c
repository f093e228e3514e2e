/* SPDX-License-Identifier: Apache-2.0 */
/* The networks of boards: what can be one, and files that name one for all. */
#include <openssl/crypto.h>
#include <string.h>

#include "ctl/provision_list.h"
#include "host/err_place.h"
#include "host/fs.h"
#include "host/passphrase.h"

#define SECRET_FILE_MAX 4096u
#define SSID_MAX 32u /* 802.11 */
#define PASSPHRASE_MIN 8u
#define PSK_HEX 64u /* instead of a passphrase of 8 to 63 */

/* ---- what 802.11 takes ------------------------------------------------------------------------------------------ */

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

static enum ota_status check_ssid(const char *text, struct ota_err *err) {
    return strlen(text) <= SSID_MAX ? OTA_OK
                                    : ota_err_set(err, OTA_ARGUMENT, "the ssid has %zu bytes; at most %u are possible",
                                                  strlen(text), SSID_MAX);
}

enum ota_status ota_provision_check_networks(const struct ota_provision_board *b, struct ota_err *err) {
    const char *ssid = b->text[OTA_COLUMN_SSID], *password = b->text[OTA_COLUMN_PASSWORD];
    const char *softap = b->text[OTA_COLUMN_SOFTAP];
    if (password && !ssid)
        return ota_err_set(err, OTA_ARGUMENT, "a password without an ssid");
    if (ssid)
        OTA_TRY(check_ssid(ssid, err));
    if (password)
        OTA_TRY(check_password(password, err));
    return softap ? check_passphrase("softap_password", softap, err) : OTA_OK;
}

/* ---- files --------------------------------------------------------------------------------------------- */

struct lines {
    char *line[2]; /* NULL: there is none */
};
static void lines_free(struct lines *l) {
    for (size_t i = 0; i < OTA_ARRAY_LEN(l->line); i++) {
        if (l->line[i])
            OPENSSL_cleanse(l->line[i], strlen(l->line[i]));
        free(l->line[i]);
    }
}

/* One of a text's lines, without its end. */
static char *take_line(struct ota_span *text) {
    const uint8_t *end = memchr(text->p, '\n', text->len);
    size_t n = end ? (size_t)(end - text->p) : text->len;
    char *line = ota_sprintf("%.*s", (int)(n && text->p[n - 1] == '\r' ? n - 1 : n), (const char *)text->p);
    n += end != NULL;
    *text = (struct ota_span){text->p + n, text->len - n};
    return line;
}

/* The first `count` lines; behind them only blank ones. */
static enum ota_status read_lines(const char *path, size_t count, struct lines *out, struct ota_err *err) {
    OTA_CLEAN(ota_secret_free) struct ota_buf bytes = {0};
    struct ota_span text;
    OTA_TRY(ota_provision_read_text(path, true, SECRET_FILE_MAX, &bytes, &text, err));
    for (size_t i = 0; i < count && text.len; i++)
        out->line[i] = take_line(&text);
    for (unsigned number = (unsigned)count + 1; text.len; number++) {
        struct lines more = {{take_line(&text)}};
        bool blank = more.line[0][strspn(more.line[0], " \t")] == '\0';
        lines_free(&more);
        if (blank)
            continue;
        (void)ota_err_set(err, OTA_ARGUMENT, "one line too many: the file has %s",
                          count == 1 ? "the password alone" : "the network's name, then its password");
        return ota_err_place(err, path, number);
    }
    return OTA_OK;
}

/* A board whose row has no value there has none: that is no mistake. */
static enum ota_status check_alone(const struct ota_provision_list *l, enum ota_provision_column column,
                                   const char *name, const char *option, struct ota_err *err) {
    return !l->named[column]
               ? OTA_OK
               : ota_err_set(err, OTA_USAGE, "--%s is for all boards, but %s has a column %s; give one of them", option,
                             OTA_SHORT_PATH(l->name, 90), name);
}

static void fill(struct ota_provision_list *l, enum ota_provision_column column, const char *text) {
    for (size_t i = 0; i < l->count; i++)
        l->board[i].text[column] = ota_strdup(text);
}

enum ota_status ota_provision_list_wifi(struct ota_provision_list *l, const char *path, struct ota_err *err) {
    OTA_CLEAN(lines_free) struct lines file = {{NULL}};
    OTA_TRY(check_alone(l, OTA_COLUMN_SSID, "ssid", "wifi-file", err));
    OTA_TRY(check_alone(l, OTA_COLUMN_PASSWORD, "password", "wifi-file", err));
    OTA_TRY(read_lines(path, 2, &file, err));
    const char *ssid = file.line[0] ? file.line[0] : "", *password = file.line[1] ? file.line[1] : "";
    if (!ssid[0])
        (void)ota_err_set(err, OTA_ARGUMENT, "is empty; it is the name of the network");
    if (!ssid[0] || check_ssid(ssid, err) != OTA_OK)
        return ota_err_place(err, path, 1);
    if (password[0] && check_password(password, err) != OTA_OK)
        return ota_err_place(err, path, 2);
    l->open_network = !password[0];
    fill(l, OTA_COLUMN_SSID, ssid);
    if (password[0])
        fill(l, OTA_COLUMN_PASSWORD, password);
    return OTA_OK;
}

enum ota_status ota_provision_list_softap(struct ota_provision_list *l, const char *path, struct ota_err *err) {
    OTA_CLEAN(lines_free) struct lines file = {{NULL}};
    OTA_TRY(check_alone(l, OTA_COLUMN_SOFTAP, "softap_password", "softap-file", err));
    OTA_TRY(read_lines(path, 1, &file, err));
    const char *password = file.line[0] ? file.line[0] : "";
    if (!password[0])
        (void)ota_err_set(err, OTA_ARGUMENT, "is empty; it is the password");
    if (!password[0] || check_passphrase("softap_password", password, err) != OTA_OK)
        return ota_err_place(err, path, 1);
    fill(l, OTA_COLUMN_SOFTAP, password);
    return OTA_OK;
}
