/* SPDX-License-Identifier: Apache-2.0 */
/* Looks for the keys of the online roles; see restore_keys.h. */
#include "ctl/restore_keys.h"

#include "ctl/key_roles.h"

static void note_missing(const char *role, const struct ota_role_by *by, const struct ota_key_files *files,
                         struct ota_buf *out) {
    size_t here = 0;
    for (size_t i = 0; i < by->count; i++)
        here += ota_key_files_find(files, by->key[i].keyid) >= 0;
    for (size_t i = 0; i < by->count && here < by->threshold; i++)
        if (ota_key_files_find(files, by->key[i].keyid) < 0)
            ota_buf_printf(out, "%s%s.%.8s.pem", out->len ? ", " : "", role, by->key[i].keyid);
}

enum ota_status ota_ctl_restore_keys(const struct ota_workspace *w, struct ota_err *err) {
    OTA_CLEAN_FREE struct ota_key_roles *roles = NULL;
    OTA_CLEAN(ota_key_files_free) struct ota_key_files files = {0};
    OTA_CLEAN(ota_buf_free) struct ota_buf missing = {0};
    OTA_TRY(ota_key_roles_read(w, &roles, err));
    OTA_TRY(ota_key_files_load(w, NULL, &files, err));
    for (size_t i = 0; i < roles->count; i++)
        if (ota_key_role_online(roles->role[i].name))
            note_missing(roles->role[i].name, &roles->role[i].by, &files, &missing);
    if (missing.len == 0)
        return OTA_OK;
    return ota_err_set(err, OTA_KEY,
                       "keys/ lacks keys that were made after the backup: %s; copy them there and run this again, or "
                       "replace them: otactl root rotate ROLE",
                       ota_buf_text(&missing));
}
