/* SPDX-License-Identifier: Apache-2.0 */
/* Signed roles in memory; see role_file.h. */
#include "host/role_file.h"

#include <string.h>

#include "host/crypto.h"

void ota_role_file_free(struct ota_role_file *f) {
    ota_buf_free(&f->wire);
    ota_buf_free(&f->canonical);
    memset(f, 0, sizeof *f);
}

void ota_role_file_set(struct ota_role_file *f, const char *name, struct ota_span wire) {
    struct ota_role_file next = {0}; /* made first: name and bytes may lie in f */
    (void)ota_span_copy(ota_span_str(name), next.name, sizeof next.name);
    ota_buf_append(&next.wire, wire.p, wire.len);
    ota_role_file_free(f);
    *f = next;
}

enum ota_status ota_role_file_parse(struct ota_role_file *f, const char *type, struct ota_err *err) {
    f->canonical.len = 0;
    ota_buf_append(&f->canonical, f->wire.p, f->wire.len);
    if (ota_metadata_parse(f->canonical.p, &f->canonical.len, type, &f->meta, err) != OTA_OK)
        return ota_err_prefix(err, "role %s", f->name);
    return OTA_OK;
}

enum ota_status ota_role_file_open(struct ota_role_file *f, const char *type, const struct ota_signers *signers,
                                   struct ota_err *err) {
    OTA_TRY(ota_role_file_parse(f, type, err));
    if (ota_metadata_verify(&f->meta, signers, &ota_crypto_openssl, err) != OTA_OK)
        return ota_err_prefix(err, "role %s", f->name);
    return OTA_OK;
}

enum ota_status ota_role_file_open_root(struct ota_role_file *f, struct ota_signers signers[OTA_ROLE_COUNT],
                                        struct ota_err *err) {
    OTA_TRY(ota_role_file_parse(f, "root", err));
    for (int role = 0; role < OTA_ROLE_COUNT; role++)
        if (ota_root_signers(&f->meta, (enum ota_role)role, &ota_crypto_openssl, &signers[role], err) != OTA_OK)
            return ota_err_prefix(err, "role root");
    if (ota_metadata_verify(&f->meta, &signers[OTA_ROLE_ROOT], &ota_crypto_openssl, err) != OTA_OK)
        return ota_err_prefix(err, "role root");
    return OTA_OK;
}

enum ota_status ota_role_file_open_next_root(struct ota_role_file *f, uint64_t version, const struct ota_signers *by,
                                             struct ota_signers signers[OTA_ROLE_COUNT], struct ota_err *err) {
    OTA_TRY(ota_role_file_parse(f, "root", err));
    if (f->meta.version != version)
        return ota_err_set(err, OTA_VERSION, "role root: version %llu where %llu must follow",
                           (unsigned long long)f->meta.version, (unsigned long long)version);
    if (ota_metadata_verify(&f->meta, by, &ota_crypto_openssl, err) != OTA_OK)
        return ota_err_prefix(err, "role root: by the keys of version %llu", (unsigned long long)version - 1);
    return ota_role_file_open_root(f, signers, err);
}

enum ota_status ota_role_file_match(const struct ota_role_file *f, const struct ota_meta_entry *entry,
                                    struct ota_err *err) {
    if (f->meta.version != entry->version)
        return ota_err_set(err, OTA_VERSION, "role %s: version %llu, but %llu is the one listed", f->name,
                           (unsigned long long)f->meta.version, (unsigned long long)entry->version);
    if (entry->length != OTA_LENGTH_UNKNOWN && f->wire.len != entry->length)
        return ota_err_set(err, OTA_LENGTH, "role %s: %zu bytes, but %llu are listed", f->name, f->wire.len,
                           (unsigned long long)entry->length);
    if (!entry->has_sha256)
        return OTA_OK;
    uint8_t digest[OTA_SHA256_LEN];
    OTA_TRY(ota_sha256(&ota_crypto_openssl, f->wire.p, f->wire.len, digest, err));
    if (memcmp(digest, entry->sha256, sizeof digest) != 0)
        return ota_err_set(err, OTA_HASH, "role %s: SHA-256 differs from the one listed", f->name);
    return OTA_OK;
}

enum ota_status ota_role_entries_read(const struct ota_role_file *f, struct ota_role_entries *out,
                                      struct ota_err *err) {
    if (ota_meta_entries(&f->meta, out->entry, OTA_SNAPSHOT_ENTRIES_MAX, &out->count, err) != OTA_OK)
        return ota_err_prefix(err, "role %s", f->name);
    return OTA_OK;
}

const struct ota_meta_entry *ota_role_entries_find(const struct ota_role_entries *e, const char *name) {
    for (size_t i = 0; i < e->count; i++)
        if (strcmp(e->entry[i].name, name) == 0)
            return &e->entry[i];
    return NULL;
}

enum ota_status ota_role_delegations_read(const struct ota_role_file *targets, struct ota_role_delegations *out,
                                          struct ota_err *err) {
    bool found = true;
    for (out->count = 0; found; out->count++) {
        if (out->count == OTA_SNAPSHOT_ENTRIES_MAX)
            return ota_err_set(err, OTA_TOO_LARGE, "role targets: more than %u delegations", OTA_SNAPSHOT_ENTRIES_MAX);
        if (ota_targets_delegation_at(&targets->meta, out->count, &ota_crypto_openssl, &out->delegation[out->count],
                                      &found, err) != OTA_OK)
            return ota_err_prefix(err, "role targets");
    }
    out->count--; /* the one that was not found */
    return OTA_OK;
}
