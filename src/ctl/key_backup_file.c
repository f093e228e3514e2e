/* SPDX-License-Identifier: Apache-2.0 */
/* Backups of keys; see key_backup_file.h. */
#include "ctl/key_backup_file.h"

#include <string.h>

#include "host/fs.h"
#include "sign/key_backup.h"

enum ota_status ota_key_backup_place(const struct ota_workspace *w, const char *path, const char *usage,
                                     struct ota_err *err) {
    if (!path || !path[0])
        return ota_err_set(err, OTA_USAGE, "a place that outlives this machine is wanted: %s", usage);
    if (ota_fs_exists(path))
        return ota_err_set(err, OTA_EXISTS, "%s: exists; it is never overwritten", path);
    const char *slash = strrchr(path, '/');
    OTA_CLEAN_FREE char *folder = slash ? ota_sprintf("%.*s", (int)(slash - path + 1), path) : ota_strdup(".");
    OTA_CLEAN_FREE char *real = realpath(folder, NULL);
    if (!real)
        return ota_fs_errno(err, folder, "cannot put a file there");
    size_t n = strlen(w->dir);
    if (strncmp(real, w->dir, n) == 0 && (real[n] == '/' || real[n] == '\0'))
        return ota_err_set(err, OTA_ARGUMENT,
                           "%s: lies in the workspace and would be lost or stolen with it; name a place outside, best "
                           "on another medium",
                           path);
    return OTA_OK;
}

/* One role's keys, those in tokens left out: they have their own way of backup. */
static enum ota_status add_role(const struct ota_key_files *files, const char *role, const struct ota_buf *passphrase,
                                struct ota_buf *out, size_t *saved, struct ota_err *err) {
    size_t before = *saved;
    bool token = false;
    if (strncmp(role, "tls-", 4) == 0)
        return ota_err_set(err, OTA_USAGE,
                           "%s: TLS keys sign nothing and are no part of a backup; copy keys/tls-*.pem yourself. Lost "
                           "ones can be made anew, but boards then need the new CA",
                           role);
    for (size_t i = 0; i < files->count; i++) {
        if (strcmp(files->entry[i].role, role) != 0)
            continue;
        token |= files->entry[i].token;
        if (files->entry[i].token)
            continue;
        if (!files->entry[i].key)
            return ota_err_set(err, OTA_KEY, "%s", files->entry[i].reason);
        OTA_TRY(ota_key_backup_add(out, role, files->entry[i].key, passphrase, err));
        (*saved)++;
    }
    if (*saved == before)
        return ota_err_set(err, OTA_NOT_FOUND,
                           token ? "%s: its key lies in a token, which has its own way of backup"
                                 : "%s: no key of it lies in keys/ (\"otactl keys list\" shows "
                                   "where keys are)",
                           role);
    return OTA_OK;
}

/* What a person does years later: open each key with the passphrase. */
static enum ota_status read_back(const char *path, const struct ota_buf *passphrase, const struct ota_key_files *files,
                                 size_t wanted, struct ota_err *err) {
    const struct ota_passphrase known = {.known = passphrase};
    OTA_CLEAN(ota_secret_free) struct ota_buf text = {0};
    OTA_TRY(ota_fs_read_secret(path, OTA_KEY_BACKUP_MAX, &text, err));
    struct ota_span rest = ota_buf_span(&text), pem;
    size_t good = 0;
    while (ota_key_backup_next(&rest, &pem)) {
        OTA_CLEAN(ota_key_free) struct ota_key *key = NULL;
        OTA_TRY(ota_key_read_pem(&key, pem, path, &known, err));
        good += ota_key_files_find(files, ota_key_public(key)->keyid) >= 0;
    }
    return good == wanted ? OTA_OK
                          : ota_err_set(err, OTA_READBACK, "%s: reads back other keys than were written", path);
}

static enum ota_status fill(const struct ota_key_files *files, const char *const *role, size_t count, const char *path,
                            const struct ota_passphrase *from, size_t *saved, struct ota_err *err) {
    OTA_CLEAN(ota_secret_free) struct ota_buf passphrase = {0};
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    struct ota_err ignored;
    OTA_TRY(ota_passphrase_choose(from, path, &passphrase, err));
    for (size_t i = 0; i < count; i++)
        OTA_TRY(add_role(files, role[i], &passphrase, &text, saved, err));
    OTA_TRY(ota_fs_write_new(path, text.p, text.len, 0600, err));
    enum ota_status st = read_back(path, &passphrase, files, *saved, err);
    if (st != OTA_OK)
        (void)!ota_fs_remove(path, &ignored);
    return st;
}

enum ota_status ota_key_backup_write(const struct ota_workspace *w, const char *const *role, size_t count,
                                     const char *path, const struct ota_passphrase *from, size_t *saved,
                                     struct ota_err *err) {
    OTA_CLEAN(ota_key_files_free) struct ota_key_files files = {0};
    *saved = 0;
    OTA_TRY(ota_key_files_load(w, NULL, &files, err));
    return fill(&files, role, count, path, from, saved, err);
}
