/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of a workspace; see keyring.h. */
#include "sign/keyring.h"

#include <string.h>

#include "host/fs.h"

static const char *const online[] = {"rollout", "snapshot", "timestamp"};

void ota_keyring_free(struct ota_keyring *k) {
    for (size_t i = 0; i < k->count; i++)
        ota_key_free(&k->entry[i].key);
    ota_buf_free(&k->root);
    memset(k, 0, sizeof *k);
}

/* "<role>.pem" of a role that is signed without a person. */
static bool role_of(const char *file, char role[OTA_ROLE_NAME_MAX + 1]) {
    size_t n = strlen(file);
    if (n < 5 || strcmp(file + n - 4, ".pem") != 0)
        return false;
    struct ota_span name = {(const uint8_t *)file, n - 4};
    return ota_name_valid(name) && ota_span_copy(name, role, OTA_ROLE_NAME_MAX + 1) && strcmp(role, "root") != 0 &&
           strcmp(role, "tls-ca") != 0 && strcmp(role, "tls-server") != 0;
}

static enum ota_status load_one(struct ota_keyring *k, const char *dir, const char *file, struct ota_err *err) {
    char role[OTA_ROLE_NAME_MAX + 1];
    if (!role_of(file, role))
        return OTA_OK;
    if (k->count == OTA_KEYRING_MAX)
        return ota_err_set(err, OTA_TOO_LARGE, "%s: more than %u keys; move those of retired products away", dir,
                           OTA_KEYRING_MAX);
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", dir, file);
    OTA_TRY(ota_key_load(&k->entry[k->count].key, path, err));
    memcpy(k->entry[k->count].name, role, sizeof role);
    k->count++;
    return OTA_OK;
}

static enum ota_status load_all(struct ota_keyring *k, const char *dir, struct ota_err *err) {
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names names = {0};
    OTA_TRY(ota_fs_check_folder_unshared(dir, err));
    OTA_TRY(ota_fs_list(dir, &names, err));
    for (size_t i = 0; i < names.count; i++)
        OTA_TRY(load_one(k, dir, names.name[i], err));
    for (size_t i = 0; i < OTA_ARRAY_LEN(online); i++)
        if (!ota_keyring_find(k, online[i]))
            return ota_err_set(err, OTA_NOT_FOUND, "%s/%s.pem is missing: without it nothing can be signed; restore it",
                               dir, online[i]);
    OTA_CLEAN_FREE char *root = ota_sprintf("%s/root.json", dir);
    if (ota_fs_read(root, OTA_CAP_ROOT, &k->root, err) != OTA_OK)
        return ota_err_prefix(err, "the root that signing starts from (a copy of state/repo/metadata/N.root.json)");
    return OTA_OK;
}

enum ota_status ota_keyring_load(struct ota_keyring *k, const char *dir, struct ota_err *err) {
    memset(k, 0, sizeof *k);
    enum ota_status s = load_all(k, dir, err);
    if (s != OTA_OK)
        ota_keyring_free(k);
    return s;
}

const struct ota_key *ota_keyring_find(const struct ota_keyring *k, const char *role) {
    for (size_t i = 0; i < k->count; i++)
        if (strcmp(k->entry[i].name, role) == 0)
            return k->entry[i].key;
    return NULL;
}

const struct ota_key *ota_keyring_for(const struct ota_keyring *k, const char *role,
                                      const struct ota_signers *signers) {
    const struct ota_key *key = ota_keyring_find(k, role);
    for (size_t i = 0; key && i < signers->count; i++)
        if (strcmp(signers->keyid[i], ota_key_public(key)->keyid) == 0)
            return key;
    return NULL;
}
