/* SPDX-License-Identifier: Apache-2.0 */
/* Keys by role and by file; see key_roles.h. */
#include "ctl/key_roles.h"

#include <string.h>

#include "host/fs.h"
#include "host/key_file.h"
#include "host/role_file.h"
#include "sign/role_sign.h"
#include "store/repo.h"

/* ---- roles ------------------------------------------------------------------------------------------------ */

static void add(struct ota_key_roles *r, const char *name, const struct ota_role_by *by) {
    (void)ota_span_copy(ota_span_str(name), r->role[r->count].name, sizeof r->role[r->count].name);
    r->role[r->count++].by = *by;
}

static enum ota_status read_role(const struct ota_workspace *w, const char *role, struct ota_role_file *f,
                                 struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf wire = {0};
    OTA_TRY(ota_repo_role(w, role, &wire, err)); /* verifies it */
    ota_role_file_set(f, role, ota_buf_span(&wire));
    return ota_role_file_parse(f, role, err);
}

enum ota_status ota_key_roles_read(const struct ota_workspace *w, struct ota_key_roles **out, struct ota_err *err) {
    OTA_CLEAN(ota_role_file_free) struct ota_role_file root_file = {0}, targets_file = {0};
    OTA_CLEAN_FREE struct ota_role_root *root = ota_calloc(1, sizeof *root);
    OTA_CLEAN_FREE struct ota_role_targets *targets = ota_calloc(1, sizeof *targets);
    OTA_CLEAN_FREE struct ota_key_roles *r = ota_calloc(1, sizeof *r);
    OTA_TRY(read_role(w, "root", &root_file, err));
    OTA_TRY(read_role(w, "targets", &targets_file, err));
    OTA_TRY(ota_role_root_read(&root_file.meta, root, err));
    OTA_TRY(ota_role_targets_read(&targets_file.meta, targets, err));
    add(r, "root", &root->by[OTA_ROLE_ROOT]);
    add(r, "targets", &root->by[OTA_ROLE_TARGETS]);
    for (size_t i = 0; i < targets->count; i++)
        add(r, targets->product[i].name, &targets->product[i].by);
    add(r, "rollout", &targets->rollout);
    add(r, "snapshot", &root->by[OTA_ROLE_SNAPSHOT]);
    add(r, "timestamp", &root->by[OTA_ROLE_TIMESTAMP]);
    *out = OTA_STEAL(r);
    return OTA_OK;
}

const struct ota_role_by *ota_key_roles_find(const struct ota_key_roles *r, const char *role) {
    for (size_t i = 0; i < r->count; i++)
        if (strcmp(r->role[i].name, role) == 0)
            return &r->role[i].by;
    return NULL;
}

const char *ota_key_roles_name(const struct ota_key_roles *r, const char *keyid) {
    for (size_t i = 0; i < r->count; i++)
        if (ota_role_by_names(&r->role[i].by, keyid))
            return r->role[i].name;
    return NULL;
}

bool ota_key_role_online(const char *role) {
    return strcmp(role, "snapshot") == 0 || strcmp(role, "timestamp") == 0 || strcmp(role, "rollout") == 0;
}

/* ---- files ------------------------------------------------------------------------------------------------ */

void ota_key_files_free(struct ota_key_files *f) {
    for (size_t i = 0; i < f->count; i++) {
        ota_key_free(&f->entry[i].key);
        free(f->entry[i].file);
        free(f->entry[i].reason);
    }
    *f = (struct ota_key_files){0};
}

static const struct ota_passphrase *passphrase_for(const struct ota_key_ask *ask, const char *role) {
    for (size_t i = 0; ask && i < ask->count; i++)
        if (strcmp(ask->role[i], role) == 0)
            return &ask->from;
    return NULL;
}

static enum ota_status load_one(struct ota_key_files *f, const char *folder, const char *file,
                                const struct ota_key_ask *ask, struct ota_err *err) {
    char role[OTA_ROLE_NAME_MAX + 1];
    struct ota_err why;
    if (!ota_key_file_role(file, role))
        return OTA_OK;
    if (f->count == OTA_CTL_KEY_FILES_MAX)
        return ota_err_set(err, OTA_TOO_LARGE, "%s: more than %u keys", folder, OTA_CTL_KEY_FILES_MAX);
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", folder, file);
    size_t n = f->count++;
    f->entry[n].file = ota_strdup(file);
    f->entry[n].token = strcmp(file + strlen(file) - 4, ".uri") == 0;
    memcpy(f->entry[n].role, role, sizeof role);
    enum ota_status st = ota_key_load_with(&f->entry[n].key, path, passphrase_for(ask, role), &why);
    if (st == OTA_INTERRUPTED)
        return ota_err_set(err, st, "%s", why.msg);
    if (st != OTA_OK)
        f->entry[n].reason = ota_strdup(why.msg);
    return OTA_OK;
}

enum ota_status ota_key_files_load(const struct ota_workspace *w, const struct ota_key_ask *ask,
                                   struct ota_key_files *out, struct ota_err *err) {
    OTA_CLEAN_FREE char *folder = ota_workspace_path(w, "keys");
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names names = {0};
    OTA_CLEAN(ota_key_files_free) struct ota_key_files f = {0};
    OTA_TRY(ota_fs_check_folder_unshared(folder, err));
    OTA_TRY(ota_fs_list(folder, &names, err));
    for (size_t i = 0; i < names.count; i++)
        OTA_TRY(load_one(&f, folder, names.name[i], ask, err));
    *out = f;
    f = (struct ota_key_files){0};
    return OTA_OK;
}

int ota_key_files_find(const struct ota_key_files *f, const char *keyid) {
    for (size_t i = 0; i < f->count; i++)
        if (f->entry[i].key && strcmp(ota_key_public(f->entry[i].key)->keyid, keyid) == 0)
            return (int)i;
    return -1;
}
