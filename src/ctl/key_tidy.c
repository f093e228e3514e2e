/* SPDX-License-Identifier: Apache-2.0 */
/* Moves keys that nothing names any more out of the way; see key_tidy.h. */
#include "ctl/key_tidy.h"

#include <string.h>

#include "host/fs.h"
#include "sign/key_scan.h"
#include "store/draft.h"

/* A keyid is hex of its own length: finding it in a role's bytes is finding it named. */
static enum ota_status is_published(const struct ota_workspace *w, const char *keyid, bool *named,
                                    struct ota_err *err) {
    static const char *const roles[] = {"root", "targets"};
    for (size_t i = 0; i < OTA_ARRAY_LEN(roles) && !*named; i++) {
        OTA_CLEAN(ota_buf_free) struct ota_buf wire = {0};
        OTA_TRY(ota_repo_role(w, roles[i], &wire, err));
        const char *body = strstr(ota_buf_text(&wire), "\"signed\"");
        *named = body && strstr(body, keyid);
    }
    return OTA_OK;
}

/* A draft that cannot be opened must not cost a key. */
static enum ota_status is_drafted(const struct ota_workspace *w, const char *keyid, bool *named, struct ota_err *err) {
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names ids = {0};
    OTA_TRY(ota_draft_list(w, &ids, err));
    for (size_t i = 0; i < ids.count && !*named; i++) {
        OTA_CLEAN(ota_draft_free) struct ota_draft *d = NULL;
        static const char *const roles[] = {"root", "targets"};
        struct ota_err ignored;
        *named = ota_draft_open(w, ids.name[i], &d, &ignored) != OTA_OK;
        for (size_t k = 0; d && k < OTA_ARRAY_LEN(roles) && !*named; k++) {
            const struct ota_role_file *f = ota_draft_role(d, roles[k]);
            *named = f && strstr(ota_buf_text(&f->wire), keyid);
        }
    }
    return OTA_OK;
}

static enum ota_status retire(const struct ota_workspace *w, const struct ota_key_place *key, struct ota_err *err) {
    OTA_CLEAN_FREE char *from = ota_workspace_path(w, "keys/%s", key->file);
    OTA_CLEAN_FREE char *folder = ota_workspace_path(w, "keys/retired");
    OTA_CLEAN_FREE char *to = ota_sprintf("%s/%.8s.%s", folder, key->keyid, key->file);
    OTA_TRY(ota_fs_mkdirs(folder, 0700, err));
    return ota_fs_rename(from, to, err);
}

enum ota_status ota_ctl_key_tidy(const struct ota_workspace *w, struct ota_err *err) {
    OTA_CLEAN_FREE char *dir = ota_workspace_path(w, "keys");
    OTA_CLEAN_FREE struct ota_key_list *keys = ota_calloc(1, sizeof *keys);
    OTA_TRY(ota_key_scan(dir, keys, err));
    for (size_t i = 0; i < keys->count; i++) {
        bool named = keys->key[i].keyid[0] == '\0';
        OTA_TRY(is_published(w, keys->key[i].keyid, &named, err));
        OTA_TRY(is_drafted(w, keys->key[i].keyid, &named, err));
        if (!named)
            OTA_TRY(retire(w, &keys->key[i], err));
    }
    return OTA_OK;
}
