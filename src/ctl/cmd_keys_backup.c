/* SPDX-License-Identifier: Apache-2.0 */
/* otactl keys backup, keys restore: private keys out of keys/ into one encrypted file, and back. */
#include <stdio.h>
#include <string.h>

#include "ctl/cmd.h"
#include "ctl/key_backup_file.h"
#include "ctl/output_file.h"
#include "host/fs.h"
#include "sign/key_backup.h"

#define ROLES_MAX 16u

static void print_names(const char *verb, const char *path, const cJSON *list) {
    const cJSON *name;
    printf("%s %s:", path, verb);
    cJSON_ArrayForEach(name, list) {
        printf(" %s", name->valuestring);
    }
    printf("\n");
}

/* ---- backup ----------------------------------------------------------------------------------------------- */

enum ota_status ota_cmd_keys_backup(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(ota_workspace_close) struct ota_workspace w = {0};
    const struct ota_passphrase from = ota_passphrase_source(ota_args_get(args, "passphrase-file"));
    const char *path = ota_args_get(args, "output");
    const char *role[ROLES_MAX] = {"root"};
    size_t count = ota_args_operands(args), saved;
    for (size_t i = 0; i < count; i++)
        role[i] = ota_args_operand(args, i);
    if (path)
        OTA_TRY(ota_ctl_output_check_new(path, err));
    OTA_TRY(ota_ctl_workspace(args, &w, err));
    OTA_TRY(ota_key_backup_place(&w, path, "otactl keys backup -o FILE", err));
    OTA_TRY(ota_key_backup_write(&w, role, count ? count : 1, path, &from, &saved, err));
    cJSON *tree = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(tree, "file", path);
    cJSON *roles = cJSON_AddArrayToObject(tree, "roles");
    for (size_t i = 0; i < (count ? count : 1); i++)
        (void)cJSON_AddItemToArray(roles, cJSON_CreateString(role[i]));
    (void)cJSON_AddNumberToObject(tree, "keys", (double)saved);
    if (ota_ctl_json(args)) {
        ota_ctl_print_json(&tree);
        return OTA_OK;
    }
    print_names("holds, encrypted and read back", path, roles);
    printf("Keep it and its passphrase in different places. To bring it back: otactl keys restore FILE\n");
    cJSON_Delete(tree);
    return OTA_OK;
}

/* ---- restore ---------------------------------------------------------------------------------------------- */

struct restore {
    const struct ota_args *args;
    struct ota_workspace w;
    struct ota_key_roles *roles;
    struct ota_key_files files;
    struct ota_buf text;
    cJSON *restored, *there;
};
static void restore_free(struct restore *r) {
    ota_workspace_close(&r->w);
    free(r->roles);
    ota_key_files_free(&r->files);
    ota_secret_free(&r->text);
    cJSON_Delete(r->restored);
    cJSON_Delete(r->there);
}

static bool wanted(const struct ota_args *args, const char *role) {
    size_t n = ota_args_operands(args);
    for (size_t i = 1; i < n; i++)
        if (strcmp(ota_args_operand(args, i), role) == 0)
            return true;
    return n == 1;
}

/* <role>.pem, or where that is another key of the role's, <role>.<start of keyid>.pem. */
static char *free_name(const struct restore *r, const char *role, const char *keyid) {
    OTA_CLEAN_FREE char *plain = ota_sprintf("%s.pem", role);
    OTA_CLEAN_FREE char *path = ota_workspace_path(&r->w, "keys/%s", plain);
    return ota_fs_exists(path) ? ota_sprintf("%s.%.8s.pem", role, keyid) : OTA_STEAL(plain);
}

static enum ota_status restore_one(struct restore *r, const struct ota_key *key, struct ota_err *err) {
    const char *keyid = ota_key_public(key)->keyid;
    const char *role = ota_key_roles_name(r->roles, keyid);
    if (!role)
        return ota_err_set(err, OTA_KEY,
                           "%s: no role of this workspace names the key %.16s; is it the backup of another one, or "
                           "older than a rotation?",
                           ota_args_operand(r->args, 0), keyid);
    if (!wanted(r->args, role))
        return OTA_OK;
    int there = ota_key_files_find(&r->files, keyid);
    if (there >= 0) {
        (void)cJSON_AddItemToArray(r->there, cJSON_CreateString(r->files.entry[there].file));
        return OTA_OK;
    }
    OTA_CLEAN_FREE char *name = free_name(r, role, keyid);
    OTA_CLEAN_FREE char *path = ota_workspace_path(&r->w, "keys/%s", name);
    OTA_TRY(ota_key_save(key, path, err));
    (void)cJSON_AddItemToArray(r->restored, cJSON_CreateString(name));
    return OTA_OK;
}

static enum ota_status restore_all(struct restore *r, struct ota_err *err) {
    const struct ota_passphrase from = ota_passphrase_source(ota_args_get(r->args, "passphrase-file"));
    const char *path = ota_args_operand(r->args, 0);
    OTA_CLEAN(ota_secret_free) struct ota_buf passphrase = {0};
    const struct ota_passphrase known = {.known = &passphrase};
    OTA_TRY(ota_fs_read_secret(path, OTA_KEY_BACKUP_MAX, &r->text, err));
    struct ota_span rest = ota_buf_span(&r->text), pem;
    size_t blocks = 0;
    for (; ota_key_backup_next(&rest, &pem); blocks++) {
        OTA_CLEAN(ota_key_free) struct ota_key *key = NULL;
        bool encrypted = memmem(pem.p, pem.len, "ENCRYPTED", strlen("ENCRYPTED")) != NULL;
        if (encrypted && passphrase.len == 0)
            OTA_TRY(ota_passphrase_get(&from, path, &passphrase, err));
        OTA_TRY(ota_key_read_pem(&key, pem, path, &known, err));
        OTA_TRY(restore_one(r, key, err));
    }
    return blocks ? OTA_OK : ota_err_set(err, OTA_KEY, "%s: holds no private key", path);
}

enum ota_status ota_cmd_keys_restore(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(restore_free)
    struct restore r = {.args = args, .restored = cJSON_CreateArray(), .there = cJSON_CreateArray()};
    OTA_TRY(ota_ctl_workspace(args, &r.w, err));
    OTA_TRY(ota_key_roles_read(&r.w, &r.roles, err));
    OTA_TRY(ota_key_files_load(&r.w, NULL, &r.files, err));
    OTA_TRY(restore_all(&r, err));
    if (cJSON_GetArraySize(r.restored) + cJSON_GetArraySize(r.there) == 0)
        return ota_err_set(err, OTA_NOT_FOUND, "%s: holds no key of the roles asked for", ota_args_operand(args, 0));
    if (!ota_ctl_json(args)) {
        if (cJSON_GetArraySize(r.restored))
            print_names("restored", "keys/", r.restored);
        if (cJSON_GetArraySize(r.there))
            print_names("has already", "keys/", r.there);
        return OTA_OK;
    }
    cJSON *tree = cJSON_CreateObject();
    (void)cJSON_AddItemToObject(tree, "restored", OTA_STEAL(r.restored));
    (void)cJSON_AddItemToObject(tree, "there", OTA_STEAL(r.there));
    ota_ctl_print_json(&tree);
    return OTA_OK;
}
