/* SPDX-License-Identifier: Apache-2.0 */
/* Lists the keys of a folder; see key_scan.h. */
#include "sign/key_scan.h"

#include <string.h>

#include "host/fs.h"
#include "host/key_file.h"
#include "sign/key.h"

static void look_at(const char *keys, const char *file, struct ota_key_place *out) {
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", keys, file);
    OTA_CLEAN(ota_key_free) struct ota_key *key = NULL;
    struct ota_err ignored; /* who holds a key is asked of all of them; whoever needs this one is told what is wrong */
    memset(out, 0, sizeof *out);
    (void)ota_span_copy(ota_span_str(file), out->file, sizeof out->file);
    out->token = strcmp(file + strlen(file) - 4, ".uri") == 0;
    if (ota_key_load(&key, path, &ignored) == OTA_OK)
        memcpy(out->keyid, ota_key_public(key)->keyid, sizeof out->keyid);
}

enum ota_status ota_key_scan(const char *keys, struct ota_key_list *out, struct ota_err *err) {
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names names = {0};
    char role[OTA_ROLE_NAME_MAX + 1];
    out->count = 0;
    OTA_TRY(ota_fs_list(keys, &names, err));
    for (size_t i = 0; i < names.count; i++) {
        if (!ota_key_file_role(names.name[i], role))
            continue;
        if (out->count == OTA_KEY_LIST_MAX)
            return ota_err_set(err, OTA_TOO_LARGE, "%s: more than %u keys; move those nobody needs away", keys,
                               OTA_KEY_LIST_MAX);
        look_at(keys, names.name[i], &out->key[out->count++]);
    }
    return OTA_OK;
}
