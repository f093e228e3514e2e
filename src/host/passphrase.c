/* SPDX-License-Identifier: Apache-2.0 */
/* Passphrases from files and terminals; see passphrase.h. */
#include "host/passphrase.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ui.h>
#include <string.h>

#include "host/fs.h"

#define FILE_MAX 4096u
#define TRIES 3

struct ota_passphrase ota_passphrase_source(const char *file) {
    const char *named = getenv("OTA_PASSPHRASE_FILE");
    return (struct ota_passphrase){
        .file = file                ? file
                : named && named[0] ? named
                                    : NULL,
        .may_ask = isatty(STDIN_FILENO) && isatty(STDERR_FILENO),
    };
}

void ota_secret_free(struct ota_buf *secret) {
    if (secret->p)
        OPENSSL_cleanse(secret->p, secret->cap);
    ota_buf_free(secret);
}

enum ota_status ota_passphrase_read_file(const char *path, struct ota_buf *out, struct ota_err *err) {
    OTA_CLEAN(ota_secret_free) struct ota_buf text = {0};
    OTA_TRY(ota_fs_read_secret(path, FILE_MAX, &text, err));
    size_t n = text.len ? strcspn((const char *)text.p, "\r\n") : 0;
    if (n == 0)
        return ota_err_set(err, OTA_ARGUMENT, "%s: its first line is empty; a passphrase or PIN is wanted there", path);
    if (n > OTA_PASSPHRASE_MAX)
        return ota_err_set(err, OTA_TOO_LARGE, "%s: its first line is longer than %u bytes", path, OTA_PASSPHRASE_MAX);
    ota_buf_append(out, text.p, n);
    return OTA_OK;
}

static void clean_ui(UI **ui) {
    UI_free(*ui);
}

/* One line from /dev/tty without echo. OpenSSL's UI puts the terminal back in order when a signal comes. */
static enum ota_status ask(const char *prompt, struct ota_buf *out, struct ota_err *err) {
    OTA_CLEAN(clean_ui) UI *ui = UI_new_method(UI_OpenSSL());
    ota_buf_reserve(out, OTA_PASSPHRASE_MAX + 1);
    if (!ui || UI_add_input_string(ui, prompt, 0, (char *)out->p, 1, OTA_PASSPHRASE_MAX) < 0)
        return ota_err_set(err, OTA_INTERNAL, "cannot ask for a passphrase");
    int rc = UI_process(ui);
    ERR_clear_error();
    if (rc == -2)
        return ota_err_set(err, OTA_INTERRUPTED, "stopped while asking for a passphrase");
    if (rc != 0)
        return ota_err_set(err, OTA_ARGUMENT, "no passphrase was given, or one longer than %u bytes",
                           OTA_PASSPHRASE_MAX);
    out->len = strlen((const char *)out->p);
    return OTA_OK;
}

static enum ota_status no_source(const char *what, struct ota_err *err) {
    return ota_err_set(err, OTA_PERMISSION,
                       "%s: wants a passphrase, and there is no terminal to ask on; put it into a file (chmod 600) "
                       "and name that: --passphrase-file FILE or $OTA_PASSPHRASE_FILE",
                       what);
}

enum ota_status ota_passphrase_get(const struct ota_passphrase *from, const char *what, struct ota_buf *out,
                                   struct ota_err *err) {
    if (from && from->known) {
        ota_buf_append(out, from->known->p, from->known->len);
        return OTA_OK;
    }
    if (from && from->file)
        return ota_passphrase_read_file(from->file, out, err);
    if (!from || !from->may_ask)
        return no_source(what, err);
    OTA_CLEAN_FREE char *prompt = ota_sprintf("Passphrase of %s: ", what);
    return ask(prompt, out, err);
}

static enum ota_status check_length(const struct ota_buf *passphrase, const char *where, struct ota_err *err) {
    size_t characters = 0;
    for (size_t i = 0; i < passphrase->len; i++)
        characters += (passphrase->p[i] & 0xC0) != 0x80; /* UTF-8 continuation bytes count for nothing */
    if (characters < OTA_PASSPHRASE_MIN)
        return ota_err_set(err, OTA_ARGUMENT, "%s: shorter than %u characters; several words are easy to keep", where,
                           OTA_PASSPHRASE_MIN);
    return OTA_OK;
}

static enum ota_status ask_twice(const char *what, struct ota_buf *out, struct ota_err *err) {
    OTA_CLEAN(ota_secret_free) struct ota_buf again = {0};
    OTA_CLEAN_FREE char *prompt = ota_sprintf("New passphrase for %s: ", what);
    OTA_TRY(ask(prompt, out, err));
    OTA_TRY(check_length(out, "the passphrase", err));
    OTA_TRY(ask("The same once more: ", &again, err));
    if (again.len != out->len || memcmp(again.p, out->p, out->len) != 0)
        return ota_err_set(err, OTA_ARGUMENT, "the two passphrases differ");
    return OTA_OK;
}

enum ota_status ota_passphrase_choose(const struct ota_passphrase *from, const char *what, struct ota_buf *out,
                                      struct ota_err *err) {
    if (from && from->file) {
        OTA_TRY(ota_passphrase_read_file(from->file, out, err));
        return check_length(out, from->file, err);
    }
    if (!from || !from->may_ask)
        return no_source(what, err);
    enum ota_status st = OTA_OK;
    for (int i = 0; i < TRIES; i++) {
        st = ask_twice(what, out, err);
        if (st != OTA_ARGUMENT)
            break;
    }
    return st;
}
