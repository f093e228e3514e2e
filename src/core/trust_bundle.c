/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a bundle, one after the other in the buffer, judged as TUF wants it but for expiry of what online keys
 * sign: a bundle lies in a drawer for months. Roots are taken over for good; timestamp, snapshot and rollout are
 * checked and not kept, targets and the product's role raise what is known of them once the whole chain is right.
 */
#include <string.h>

#include "core/trust_private.h"

enum ota_status ota_trust_bundle_begin(struct ota_trust *t, struct ota_trust_bundle *b, struct ota_err *err) {
    memset(b, 0, sizeof *b);
    if (t->stale || t->ts_changed || t->roles_changed)
        return ota_trust_load(t, err);
    ota_trust_set_time(t);
    return OTA_OK;
}

enum ota_status ota_trust_bundle_root(struct ota_trust *t, size_t len, uint64_t version, struct ota_err *err) {
    if (version <= t->root_version)
        return OTA_OK;
    return ota_trust_accept_root(t, len, err);
}

enum ota_status ota_trust_bundle_timestamp(struct ota_trust *t, struct ota_trust_bundle *b, size_t len,
                                           struct ota_err *err) {
    struct ota_metadata m;
    size_t count;
    ota_trust_set_time(t);
    OTA_TRY(ota_trust_check_expiry(t, "root", t->root_version, t->root_expires, err));
    OTA_TRY(ota_metadata_parse(t->cfg.buf, &len, "timestamp", &m, err));
    OTA_TRY(ota_metadata_verify(&m, &t->signers[OTA_ROLE_TIMESTAMP], t->cfg.crypto, err));
    OTA_TRY(ota_meta_entries(&m, &b->snapshot, 1, &count, err));
    if (count != 1 || strcmp(b->snapshot.name, "snapshot") != 0)
        return ota_err_set(err, OTA_METADATA_FIELD, "\"meta\" does not name snapshot.json alone");
    return OTA_OK;
}

/* Length and hash as the parent says, where it does; then signatures and version. */
static enum ota_status verify(struct ota_trust *t, const struct ota_meta_entry *entry, const struct ota_signers *by,
                              const char *type, size_t len, struct ota_metadata *out, struct ota_err *err) {
    uint8_t digest[OTA_SHA256_LEN];
    if (entry->length != OTA_LENGTH_UNKNOWN && entry->length != len)
        return ota_err_set(err, OTA_LENGTH, "%zu bytes, %llu signed", len, (unsigned long long)entry->length);
    if (entry->has_sha256) {
        OTA_TRY(ota_sha256(t->cfg.crypto, t->cfg.buf, len, digest, err));
        if (memcmp(digest, entry->sha256, sizeof digest) != 0)
            return ota_err_set(err, OTA_HASH, "SHA-256 differs from the signed one");
    }
    OTA_TRY(ota_metadata_parse(t->cfg.buf, &len, type, out, err));
    OTA_TRY(ota_metadata_verify(out, by, t->cfg.crypto, err));
    if (out->version != entry->version)
        return ota_err_set(err, OTA_VERSION, "version %llu, its parent names %llu", (unsigned long long)out->version,
                           (unsigned long long)entry->version);
    return OTA_OK;
}

static const struct ota_meta_entry *entry_of(const struct ota_meta_entry *entries, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(entries[i].name, name) == 0)
            return &entries[i];
    return NULL;
}

static enum ota_status take_entry(struct ota_trust *t, size_t count, const char *name, struct ota_meta_entry *out,
                                  struct ota_err *err) {
    const struct ota_meta_entry *entry = entry_of(t->work.entries, count, name);
    if (!entry)
        return ota_err_set(err, OTA_METADATA_FIELD, "snapshot does not name role %s", name);
    *out = *entry;
    return OTA_OK;
}

enum ota_status ota_trust_bundle_snapshot(struct ota_trust *t, struct ota_trust_bundle *b, size_t len,
                                          struct ota_err *err) {
    struct ota_metadata m;
    size_t count;
    OTA_TRY(verify(t, &b->snapshot, &t->signers[OTA_ROLE_SNAPSHOT], "snapshot", len, &m, err));
    OTA_TRY(ota_meta_entries(&m, t->work.entries, OTA_ARRAY_LEN(t->work.entries), &count, err));
    OTA_TRY(take_entry(t, count, "targets", &b->targets, err));
    OTA_TRY(take_entry(t, count, OTA_ROLLOUT_ROLE, &b->rollout, err));
    return take_entry(t, count, t->cfg.product, &b->product, err);
}

/* The first delegation that matches: the one a search from targets would follow first. */
static enum ota_status delegate(struct ota_trust *t, const struct ota_metadata *targets, const char *path,
                                const char *role, struct ota_delegation *out, struct ota_err *err) {
    bool found;
    OTA_TRY(ota_targets_delegation(targets, path, 0, t->cfg.crypto, out, &found, err));
    if (!found || strcmp(out->name, role) != 0)
        return ota_err_set(err, OTA_DELEGATION, "targets does not let role %s speak for %s first", role, path);
    return OTA_OK;
}

enum ota_status ota_trust_bundle_targets(struct ota_trust *t, struct ota_trust_bundle *b, size_t len,
                                         const char *release, const char *channel, struct ota_err *err) {
    struct ota_metadata m;
    OTA_TRY(verify(t, &b->targets, &t->signers[OTA_ROLE_TARGETS], "targets", len, &m, err));
    OTA_TRY(ota_trust_check_expiry(t, "targets", m.version, m.expires, err));
    OTA_TRY(ota_trust_record_role(t, "targets", &m, err));
    OTA_TRY(delegate(t, &m, release, t->cfg.product, &b->by_product, err));
    OTA_TRY(delegate(t, &m, channel, OTA_ROLLOUT_ROLE, &b->by_rollout, err));
    OTA_TRY(ota_trust_keep_keys(t, &b->by_product.signers, len, err));
    return ota_trust_keep_keys(t, &b->by_rollout.signers, len, err);
}

enum ota_status ota_trust_bundle_rollout(struct ota_trust *t, struct ota_trust_bundle *b, size_t len,
                                         struct ota_metadata *role, struct ota_err *err) {
    return verify(t, &b->rollout, &b->by_rollout.signers, "targets", len, role, err);
}

enum ota_status ota_trust_bundle_product(struct ota_trust *t, struct ota_trust_bundle *b, size_t len,
                                         struct ota_metadata *role, struct ota_err *err) {
    OTA_TRY(verify(t, &b->product, &b->by_product.signers, "targets", len, role, err));
    OTA_TRY(ota_trust_check_expiry(t, t->cfg.product, role->version, role->expires, err));
    OTA_TRY(ota_trust_record_role(t, t->cfg.product, role, err));
    if (t->roles_changed)
        OTA_TRY(ota_trust_store_roles(t, err));
    t->roles_changed = false;
    return OTA_OK;
}

/* Of the keys in the buffer only those of the trusted root stay; the bundle may have brought a new one. */
void ota_trust_bundle_end(struct ota_trust *t) {
    t->key_bytes = 0;
    for (size_t role = 0; role < OTA_ROLE_COUNT; role++)
        for (size_t i = 0; i < t->signers[role].count; i++)
            t->key_bytes += t->signers[role].key[i].text.len;
    if (t->roles_changed)
        t->stale = true; /* what was taken over of a chain that did not hold is forgotten */
}
