/* SPDX-License-Identifier: Apache-2.0 */
/* otactl keys list, keys new: which keys there are and where, and a new one. */
#include <stdio.h>
#include <string.h>

#include "ctl/cmd.h"
#include "ctl/key_roles.h"
#include "ctl/output_file.h"
#include "host/fs.h"

#define SHOWN 16 /* of a keyid */

/* ---- keys list -------------------------------------------------------------------------------------------- */

struct listing {
    struct ota_key_roles *roles;
    struct ota_key_files files;
};
static void listing_free(struct listing *l) {
    free(l->roles);
    ota_key_files_free(&l->files);
}

static const char *place(const struct listing *l, int file) {
    return file < 0 ? "elsewhere" : l->files.entry[file].token ? "token" : "file";
}

static bool named(const struct listing *l, size_t file) {
    const struct ota_key *key = l->files.entry[file].key;
    return key && ota_key_roles_name(l->roles, ota_key_public(key)->keyid);
}

static cJSON *role_json(const struct listing *l, size_t i) {
    const struct ota_role_by *by = &l->roles->role[i].by;
    cJSON *role = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(role, "name", l->roles->role[i].name);
    (void)cJSON_AddNumberToObject(role, "threshold", by->threshold);
    cJSON *keys = cJSON_AddArrayToObject(role, "keys");
    for (size_t k = 0; k < by->count; k++) {
        int file = ota_key_files_find(&l->files, by->key[k].keyid);
        cJSON *key = cJSON_CreateObject();
        (void)cJSON_AddStringToObject(key, "keyid", by->key[k].keyid);
        (void)cJSON_AddStringToObject(key, "where", place(l, file));
        if (file >= 0)
            (void)cJSON_AddStringToObject(key, "file", l->files.entry[file].file);
        else
            (void)cJSON_AddNullToObject(key, "file");
        (void)cJSON_AddItemToArray(keys, key);
    }
    return role;
}

static void list_json(const struct listing *l) {
    cJSON *tree = cJSON_CreateObject();
    cJSON *roles = cJSON_AddArrayToObject(tree, "roles");
    for (size_t i = 0; i < l->roles->count; i++)
        (void)cJSON_AddItemToArray(roles, role_json(l, i));
    cJSON *unused = cJSON_AddArrayToObject(tree, "unused");
    for (size_t i = 0; i < l->files.count; i++) {
        if (named(l, i))
            continue;
        cJSON *item = cJSON_CreateObject();
        const struct ota_key *key = l->files.entry[i].key;
        (void)cJSON_AddStringToObject(item, "file", l->files.entry[i].file);
        (void)cJSON_AddItemToObject(item, "keyid",
                                    key ? cJSON_CreateString(ota_key_public(key)->keyid) : cJSON_CreateNull());
        (void)cJSON_AddItemToObject(item, "reason",
                                    key ? cJSON_CreateNull() : cJSON_CreateString(l->files.entry[i].reason));
        (void)cJSON_AddItemToArray(unused, item);
    }
    ota_ctl_print_json(&tree);
}

static void list_role(const struct listing *l, size_t i) {
    const struct ota_role_by *by = &l->roles->role[i].by;
    for (size_t k = 0; k < by->count; k++) {
        int file = ota_key_files_find(&l->files, by->key[k].keyid);
        OTA_CLEAN_FREE char *wanted = ota_sprintf("%u of %zu", by->threshold, by->count);
        printf("%-32s  %-6s  %.*s  ", k ? "" : l->roles->role[i].name, k ? "" : wanted, SHOWN, by->key[k].keyid);
        if (file < 0)
            printf("elsewhere\n");
        else
            printf("%skeys/%s\n", l->files.entry[file].token ? "token, by " : "", l->files.entry[file].file);
    }
}

static void list_text(const struct listing *l) {
    bool first = true;
    printf("%-32s  %-6s  %-*s  WHERE\n", "ROLE", "NEEDS", SHOWN, "KEY");
    for (size_t i = 0; i < l->roles->count; i++)
        list_role(l, i);
    for (size_t i = 0; i < l->files.count; i++) {
        const struct ota_key *key = l->files.entry[i].key;
        if (named(l, i))
            continue;
        if (first)
            printf("\nOf no use to any role:\n");
        first = false;
        if (key)
            printf("  keys/%s  %.*s  no role names it\n", l->files.entry[i].file, SHOWN, ota_key_public(key)->keyid);
        else
            printf("  keys/%s  cannot be opened: %s\n", l->files.entry[i].file, l->files.entry[i].reason);
    }
}

enum ota_status ota_cmd_keys_list(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(ota_workspace_close) struct ota_workspace w = {0};
    OTA_CLEAN(listing_free) struct listing l = {0};
    OTA_TRY(ota_ctl_workspace(args, &w, err));
    OTA_TRY(ota_key_roles_read(&w, &l.roles, err));
    OTA_TRY(ota_key_files_load(&w, NULL, &l.files, err));
    if (ota_ctl_json(args))
        list_json(&l);
    else
        list_text(&l);
    return OTA_OK;
}

/* ---- keys new --------------------------------------------------------------------------------------------- */

/* Before anybody types a passphrase. */
static enum ota_status check_free(const char *path, struct ota_err *err) {
    OTA_CLEAN_FREE char *pub = ota_sprintf("%s.pub", path);
    const char *taken = ota_fs_exists(path) ? path : ota_fs_exists(pub) ? pub : NULL;
    return taken ? ota_err_set(err, OTA_EXISTS, "%s: exists; it is never overwritten", taken) : OTA_OK;
}

enum ota_status ota_ctl_save_public(const char *path, struct ota_span pem, struct ota_err *err) {
    OTA_CLEAN_FREE char *pub = ota_sprintf("%s.pub", path);
    struct ota_err ignored;
    enum ota_status st = ota_fs_write_new(pub, pem.p, pem.len, 0644, err);
    if (st != OTA_OK)
        (void)!ota_fs_remove_secret(path, &ignored);
    return st;
}

static enum ota_status save_new(const struct ota_key *key, const char *path, const struct ota_buf *passphrase,
                                struct ota_err *err) {
    OTA_TRY(passphrase->len ? ota_key_save_encrypted(key, path, passphrase, err) : ota_key_save(key, path, err));
    return ota_ctl_save_public(path, ota_span_str(ota_key_public(key)->pem), err);
}

enum ota_status ota_cmd_keys_new(const struct ota_args *args, struct ota_err *err) {
    const struct ota_passphrase from = ota_passphrase_source(ota_args_get(args, "passphrase-file"));
    const char *path = ota_args_get(args, "output");
    OTA_CLEAN(ota_secret_free) struct ota_buf passphrase = {0};
    OTA_CLEAN(ota_key_free) struct ota_key *key = NULL;
    if (!path || !path[0])
        return ota_err_set(err, OTA_USAGE, "keys new wants a place for the key: otactl keys new -o FILE");
    OTA_TRY(ota_ctl_output_check_new(path, err));
    OTA_TRY(check_free(path, err));
    if (from.file || ota_args_has(args, "encrypt"))
        OTA_TRY(ota_passphrase_choose(&from, path, &passphrase, err));
    if (ota_args_has(args, "secure-boot"))
        return ota_ctl_new_boot_key(args, path, &passphrase, err);
    OTA_TRY(ota_key_generate(&key, err));
    OTA_TRY(save_new(key, path, &passphrase, err));
    const char *keyid = ota_key_public(key)->keyid;
    if (!ota_ctl_json(args)) {
        printf("%s: a P-256 signing key, %s; its public half is in %s.pub\nkeyid %s\n", path,
               passphrase.len ? "encrypted" : "not encrypted", path, keyid);
        return OTA_OK;
    }
    cJSON *tree = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(tree, "file", path);
    (void)cJSON_AddStringToObject(tree, "keyid", keyid);
    (void)cJSON_AddStringToObject(tree, "public", ota_key_public(key)->pem);
    (void)cJSON_AddBoolToObject(tree, "encrypted", passphrase.len > 0);
    ota_ctl_print_json(&tree);
    return OTA_OK;
}
