/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of a workspace; see keyring.h. */
#include "sign/keyring.h"

#include <string.h>

#include "host/fs.h"
#include "host/key_file.h"
#include "host/role_file.h"
#include "host/words.h"

#define REASON_MAX 180u

void ota_keyring_free(struct ota_keyring *k) {
    for (size_t i = 0; i < k->count; i++) {
        ota_key_free(&k->entry[i].key);
        free(k->entry[i].file);
    }
    ota_buf_free(&k->root);
    ota_buf_free(&k->unusable);
    memset(k, 0, sizeof *k);
}

static void keep(struct ota_keyring *k, const char *file, const char *role, struct ota_key *key) {
    k->entry[k->count].key = key;
    k->entry[k->count].file = ota_strdup(file);
    (void)ota_format(k->entry[k->count].role, sizeof k->entry[0].role, "%s", role);
    k->count++;
}

enum ota_status ota_keyring_add(struct ota_keyring *k, const char *role, const char *reference,
                                const struct ota_passphrase *passphrase, struct ota_err *err) {
    struct ota_key *key = NULL;
    if (k->count == OTA_KEYRING_MAX)
        return ota_err_set(err, OTA_TOO_LARGE, "more than %u keys", OTA_KEYRING_MAX);
    OTA_TRY(ota_key_load_with(&key, reference, passphrase, err));
    keep(k, reference, role, key);
    return OTA_OK;
}

static enum ota_status load_one(struct ota_keyring *k, const char *dir, const char *file, struct ota_err *err) {
    char role[OTA_ROLE_NAME_MAX + 1];
    struct ota_key *key = NULL;
    struct ota_err why;
    if (!ota_key_file_role(file, role) || strcmp(role, "root") == 0)
        return OTA_OK;
    if (k->count == OTA_KEYRING_MAX)
        return ota_err_set(err, OTA_TOO_LARGE, "%s: more than %u keys; move those of retired products away", dir,
                           OTA_KEYRING_MAX);
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", dir, file);
    if (ota_key_load(&key, path, &why) != OTA_OK) {
        ota_buf_printf(&k->unusable, "%s\n", why.msg);
        return OTA_OK;
    }
    keep(k, file, role, key);
    return OTA_OK;
}

static enum ota_status load_all(struct ota_keyring *k, const char *dir, struct ota_err *err) {
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names names = {0};
    OTA_TRY(ota_fs_check_folder_unshared(dir, err));
    OTA_TRY(ota_fs_list(dir, &names, err));
    for (size_t i = 0; i < names.count; i++)
        OTA_TRY(load_one(k, dir, names.name[i], err));
    OTA_CLEAN_FREE char *root = ota_sprintf("%s/root.json", dir);
    return ota_fs_exists(root) ? ota_fs_read(root, OTA_CAP_ROOT, &k->root, err) : OTA_OK;
}

enum ota_status ota_keyring_load(struct ota_keyring *k, const char *dir, struct ota_err *err) {
    memset(k, 0, sizeof *k);
    enum ota_status s = load_all(k, dir, err);
    if (s != OTA_OK)
        ota_keyring_free(k);
    return s;
}

/* The key that `by` names at `index`. */
static const struct ota_key *find(const struct ota_keyring *k, const struct ota_signers *by, size_t index) {
    for (size_t i = 0; i < k->count; i++) {
        const char *keyid = ota_key_public(k->entry[i].key)->keyid;
        if (ota_keyid_crc(ota_span_str(keyid)) == by->keyid_crc[index])
            return k->entry[i].key;
    }
    return NULL;
}

void ota_keyring_for(const struct ota_keyring *k, const struct ota_signers *by, struct ota_role_keys *out) {
    *out = (struct ota_role_keys){.count = 0};
    for (size_t i = 0; i < by->count; i++) {
        const struct ota_key *key = find(k, by, i);
        if (key)
            out->key[out->count++] = key;
    }
}

/* What is wrong with a file named after the role; "" when there is none. */
static struct ota_span find_reason(const struct ota_keyring *k, const char *role) {
    OTA_CLEAN_FREE char *name = ota_sprintf("/%s.", role);
    struct ota_span left = ota_buf_span(&k->unusable);
    while (left.len) {
        struct ota_span line = ota_words_take(&left, '\n');
        if (memmem(line.p, line.len, name, strlen(name)))
            return line;
    }
    return (struct ota_span){NULL, 0};
}

/* The keys of roles that a person signs may well be elsewhere. */
static void describe_remedy(const char *role, char *out, size_t cap) {
    if (strcmp(role, "timestamp") == 0 || strcmp(role, "snapshot") == 0 || strcmp(role, "rollout") == 0)
        (void)ota_format(out, cap, "put back keys/%s.pem, or replace it: otactl root rotate %s", role, role);
    else
        (void)ota_format(out, cap, "name them with --key FILE, or push --unsigned and sign where they are");
}

enum ota_status ota_keyring_need(const struct ota_keyring *k, const char *role, const struct ota_signers *by,
                                 struct ota_role_keys *out, struct ota_err *err) {
    ota_keyring_for(k, by, out);
    if (out->count >= by->threshold) {
        out->count = by->threshold;
        return OTA_OK;
    }
    char remedy[96];
    struct ota_span reason = find_reason(k, role);
    if (reason.len)
        return ota_err_set(err, OTA_KEY, "role %s cannot be signed: %.*s", role,
                           (int)(reason.len > REASON_MAX ? REASON_MAX : reason.len), (const char *)reason.p);
    describe_remedy(role, remedy, sizeof remedy);
    return ota_err_set(err, OTA_KEY, "role %s needs %u signature%s, and %zu of its %u keys are at hand; %s", role,
                       by->threshold, by->threshold == 1 ? "" : "s", out->count, by->count, remedy);
}

enum ota_status ota_keyring_check(const struct ota_keyring *k, struct ota_err *err) {
    OTA_CLEAN(ota_role_file_free) struct ota_role_file root = {0};
    struct ota_signers top[OTA_ROLE_COUNT];
    if (k->root.len == 0)
        return ota_err_set(err, OTA_NOT_FOUND,
                           "keys/root.json is missing, the root that signing starts from; it is a copy of the newest "
                           "state/repo/metadata/N.root.json");
    ota_role_file_set(&root, "root", ota_buf_span(&k->root));
    if (ota_role_file_open_root(&root, top, err) != OTA_OK)
        return ota_err_prefix(err, "keys/root.json");
    return OTA_OK;
}

enum ota_status ota_keyring_product(const struct ota_keyring *k, struct ota_span targets, const char *product,
                                    struct ota_role_keys *out, struct ota_err *err) {
    OTA_CLEAN(ota_role_file_free) struct ota_role_file f = {0};
    OTA_CLEAN_FREE struct ota_role_delegations *d = ota_calloc(1, sizeof *d);
    ota_role_file_set(&f, "targets", targets);
    OTA_TRY(ota_role_file_parse(&f, "targets", err));
    OTA_TRY(ota_role_delegations_read(&f, d, err));
    for (size_t i = 0; i < d->count; i++)
        if (strcmp(d->delegation[i].name, product) == 0)
            return ota_keyring_need(k, product, &d->delegation[i].signers, out, err);
    return ota_err_set(err, OTA_DELEGATION, "role targets: delegates to no product %s", product);
}
