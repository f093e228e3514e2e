/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otactl keys move-offline: a key leaves this machine.
 *
 * The plain key goes only when its encrypted copy was written, synced, read back, and has made a signature that
 * verifies with the public key that the role names. Metadata does not change, so no board notices.
 */
#include <stdio.h>
#include <string.h>

#include "ctl/cmd.h"
#include "ctl/key_backup_file.h"
#include "host/crypto.h"
#include "host/fs.h"
#include "host/key_file.h"
#include "sign/role_sign.h"

/* Never the start of a role, which is a JSON object. */
#define TEST_MESSAGE "otactl keys move-offline: a test signature"

struct move {
    struct ota_workspace w;
    const char *name; /* as in keys/, without .pem */
    const char *to;
    char role[OTA_ROLE_NAME_MAX + 1];
    char *file; /* keys/<name>.pem, whole path */
    struct ota_key_roles *roles;
    struct ota_key *key;
};
static void move_free(struct move *m) {
    ota_workspace_close(&m->w);
    free(m->file);
    free(m->roles);
    ota_key_free(&m->key);
}

static enum ota_status find_role(struct move *m, struct ota_err *err) {
    OTA_CLEAN_FREE char *base = ota_sprintf("%s.pem", m->name);
    if (!ota_key_file_role(base, m->role))
        return ota_err_set(err, OTA_USAGE, "\"%s\" is no role's key: root, targets or a product", m->name);
    if (ota_key_role_online(m->role))
        return ota_err_set(err, OTA_ARGUMENT,
                           "%s is signed by otaserve itself, every day or whenever a channel changes: its key stays "
                           "here (or in a token: keys/%s.uri). It cannot add an image, only choose among signed ones",
                           m->role, m->role);
    m->file = ota_workspace_path(&m->w, "keys/%s", base);
    return OTA_OK;
}

static enum ota_status load(struct move *m, const struct ota_passphrase *from, struct ota_err *err) {
    OTA_CLEAN_FREE char *uri = ota_workspace_path(&m->w, "keys/%s.uri", m->name);
    if (!ota_fs_exists(m->file) && ota_fs_exists(uri))
        return ota_err_set(err, OTA_NOT_FOUND,
                           "keys/%s.uri: that key lies in a token already; take the token away and remove the file",
                           m->name);
    if (!ota_fs_exists(m->file))
        return ota_err_set(err, OTA_NOT_FOUND, "keys/%s.pem: is not here (\"otactl keys list\" shows which keys are)",
                           m->name);
    OTA_TRY(ota_key_load_with(&m->key, m->file, from, err));
    const struct ota_role_by *by = ota_key_roles_find(m->roles, m->role);
    if (!by || !ota_role_by_names(by, ota_key_public(m->key)->keyid))
        return ota_err_set(err, OTA_KEY, "keys/%s.pem: role %s does not name this key; it can simply be removed",
                           m->name, m->role);
    return OTA_OK;
}

/* With the public key as boards get it, not the one the copy brings along. */
static enum ota_status verify_test(const struct ota_role_by *by, const char *keyid,
                                   const struct ota_key_signature *made, bool *valid, struct ota_err *err) {
    const struct ota_span der = {made->der, made->len};
    struct ota_signers signers;
    *valid = false;
    OTA_TRY(ota_role_by_signers(by, &signers, err));
    for (size_t i = 0; i < by->count; i++)
        if (strcmp(by->key[i].keyid, keyid) == 0)
            return ota_crypto_openssl.verify(ota_crypto_openssl.ctx, &signers.key[i], ota_span_str(TEST_MESSAGE), der,
                                             valid, err);
    return OTA_OK;
}

static enum ota_status prove(const struct move *m, const struct ota_buf *passphrase, struct ota_err *err) {
    const struct ota_passphrase known = {.known = passphrase};
    OTA_CLEAN(ota_key_free) struct ota_key *copy = NULL;
    struct ota_key_signature made;
    bool valid;
    OTA_TRY(ota_key_load_with(&copy, m->to, &known, err));
    OTA_TRY(ota_key_sign(copy, ota_span_str(TEST_MESSAGE), &made, err));
    OTA_TRY(verify_test(ota_key_roles_find(m->roles, m->role), ota_key_public(m->key)->keyid, &made, &valid, err));
    return valid ? OTA_OK
                 : ota_err_set(err, OTA_READBACK, "%s: what it signs does not verify; the key stays here", m->to);
}

static enum ota_status copy_out(const struct move *m, const struct ota_passphrase *from, struct ota_err *err) {
    OTA_CLEAN(ota_secret_free) struct ota_buf passphrase = {0};
    struct ota_err ignored;
    OTA_TRY(ota_passphrase_choose(from, m->to, &passphrase, err));
    OTA_TRY(ota_key_save_encrypted(m->key, m->to, &passphrase, err));
    enum ota_status st = prove(m, &passphrase, err);
    if (st != OTA_OK)
        (void)!ota_fs_remove(m->to, &ignored);
    return st;
}

/* ---- telling ---------------------------------------------------------------------------------------------- */

/* Products first: they are stolen for images. Root last: it repairs all others. */
static char *next_step(const struct move *m) {
    for (size_t i = 0; i < m->roles->count; i++) {
        const char *role = m->roles->role[i].name;
        OTA_CLEAN_FREE char *path = ota_workspace_path(&m->w, "keys/%s.pem", role);
        if (!ota_key_role_online(role) && strcmp(role, "root") != 0 && strcmp(role, "targets") != 0 &&
            ota_fs_exists(path))
            return ota_strdup(role);
    }
    static const char *const last[] = {"targets", "root"};
    for (size_t i = 0; i < OTA_ARRAY_LEN(last); i++) {
        OTA_CLEAN_FREE char *path = ota_workspace_path(&m->w, "keys/%s.pem", last[i]);
        if (ota_fs_exists(path))
            return ota_strdup(last[i]);
    }
    return NULL;
}

static void tell_holder(const struct move *m) {
    if (strcmp(m->role, "root") == 0)
        printf("From now on a change of root's keys or of other roles' keys wants it: make the change with \"otactl "
               "root ...\",\n"
               "sign the draft where the key is (otactl sign export, sign, sign import), then \"otactl publish\".\n");
    else if (strcmp(m->role, "targets") == 0)
        printf("From now on adding, rotating or retiring a product wants it: otactl sign DRAFT --key FILE.\n");
    else
        printf("From now on a release of %s wants it:\n"
               "  otactl push BUILD_DIR --key FILE        where the file can be read, or\n"
               "  otactl push BUILD_DIR --unsigned        then sign export, sign, sign import, publish\n"
               "The inbox images/ releases %s no more, and a person renews its role: \"otactl status\" says when.\n",
               m->role, m->role);
}

static void tell(const struct move *m, const char *next) {
    printf("%s: the key of %s, encrypted, read back and tried. keys/%s.pem is gone.\n", m->to, m->role, m->name);
    printf("Take it off this machine, and keep a second copy: without it nobody can sign for %s.\n\n", m->role);
    tell_holder(m);
    printf("\nOld copies may survive on this disk and in its backups. A key that was never here: otactl %s %s\n",
           strcmp(m->role, "root") == 0 || strcmp(m->role, "targets") == 0 ? "root rotate" : "product rotate-key",
           m->role);
    if (next)
        printf("Next: otactl keys move-offline %s --to FILE\n", next);
    else
        printf("All offline keys are away: a stolen server can only choose among releases that were signed.\n");
}

enum ota_status ota_cmd_keys_move_offline(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(move_free) struct move m = {.name = ota_args_operand(args, 0), .to = ota_args_get(args, "to")};
    const struct ota_passphrase from = ota_passphrase_source(ota_args_get(args, "passphrase-file"));
    OTA_TRY(ota_ctl_workspace(args, &m.w, err));
    OTA_TRY(find_role(&m, err));
    OTA_TRY(ota_key_backup_place(&m.w, m.to, "otactl keys move-offline ROLE --to FILE", err));
    OTA_TRY(ota_key_roles_read(&m.w, &m.roles, err));
    OTA_TRY(load(&m, &from, err));
    OTA_TRY(copy_out(&m, &from, err));
    OTA_TRY(ota_fs_remove_secret(m.file, err));
    OTA_CLEAN_FREE char *next = next_step(&m);
    if (!ota_ctl_json(args)) {
        tell(&m, next);
        return OTA_OK;
    }
    cJSON *tree = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(tree, "role", m.role);
    (void)cJSON_AddStringToObject(tree, "keyid", ota_key_public(m.key)->keyid);
    (void)cJSON_AddStringToObject(tree, "file", m.to);
    (void)cJSON_AddItemToObject(tree, "next", next ? cJSON_CreateString(next) : cJSON_CreateNull());
    ota_ctl_print_json(&tree);
    return OTA_OK;
}
