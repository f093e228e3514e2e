/* SPDX-License-Identifier: Apache-2.0 */
/* What is trusted between runs: loading it, the time it is judged by, and the end of a run. */
#include "ota/trust.h"

#include <string.h>

#include "core/trust_private.h"

size_t ota_trust_room(const struct ota_trust *t) {
    return t->cfg.cap - t->key_bytes;
}

enum ota_status ota_trust_keep_keys(struct ota_trust *t, struct ota_signers *s, size_t used, struct ota_err *err) {
    for (size_t i = 0; i < s->count; i++) {
        struct ota_span *text = &s->key[i].text;
        if (text->len == 0)
            continue;
        if (text->len > ota_trust_room(t) - used)
            return ota_err_set(err, OTA_TOO_LARGE, "no room left for public keys beside the metadata");
        t->key_bytes += text->len;
        uint8_t *kept = t->cfg.buf + ota_trust_room(t);
        memcpy(kept, text->p, text->len);
        text->p = kept;
    }
    return OTA_OK;
}

const struct ota_meta_entry *ota_trust_entry(const struct ota_trust *t, const char *role) {
    for (size_t i = 0; i < t->snapshot_count; i++)
        if (strcmp(t->snapshot[i].name, role) == 0)
            return &t->snapshot[i];
    return NULL;
}

void ota_trust_set_time(struct ota_trust *t) {
    uint64_t clock = 0;
    t->time_unverified = !t->cfg.clock->now(t->cfg.clock->ctx, &clock);
    t->now = t->cfg.build_time > t->ts.floor ? t->cfg.build_time : t->ts.floor;
    if (!t->time_unverified && clock > t->now)
        t->now = clock;
}

bool ota_trust_whole_run_due(const struct ota_trust *t) {
    return !t->time_unverified && (t->now < t->ts.whole || t->now - t->ts.whole >= OTA_WHOLE_RUN_EVERY_S);
}

enum ota_status ota_trust_check_expiry(const struct ota_trust *t, const char *role, uint64_t version, uint64_t expires,
                                       struct ota_err *err) {
    if (t->now < expires)
        return OTA_OK;
    char then[OTA_TIME_TEXT_MAX], now[OTA_TIME_TEXT_MAX];
    ota_time_format(expires, then);
    ota_time_format(t->now, now);
    return ota_err_set(err, OTA_EXPIRED,
                       "%s version %llu expired on %s, it is %s here: have the repository sign it again", role,
                       (unsigned long long)version, then, now);
}

/* A board that was of another product once keeps a record of that role, and nobody may ever renew it. */
static bool is_followed(const struct ota_trust *t, const char *role) {
    return !t->cfg.product || strcmp(role, t->cfg.product) == 0 || strcmp(role, OTA_ROLLOUT_ROLE) == 0 ||
           strcmp(role, ota_role_name(OTA_ROLE_TARGETS)) == 0;
}

bool ota_trust_role_current(const struct ota_trust *t, const struct ota_role_record *r) {
    const struct ota_meta_entry *entry = ota_trust_entry(t, r->name);
    return entry && entry->version == r->version && is_followed(t, r->name);
}

enum ota_status ota_trust_check_issued(const struct ota_trust *t, uint64_t issued, struct ota_err *err) {
    const char *role = "root";
    uint64_t earliest = t->root_expires;
    for (size_t i = 0; i < t->role_count; i++) {
        const struct ota_role_record *r = &t->roles[i];
        if (strcmp(r->name, OTA_ROLLOUT_ROLE) == 0 || !ota_trust_role_current(t, r) || r->expires >= earliest)
            continue;
        role = r->name;
        earliest = r->expires;
    }
    if (issued <= earliest)
        return OTA_OK;
    char then[OTA_TIME_TEXT_MAX], limit[OTA_TIME_TEXT_MAX];
    ota_time_format(issued, then);
    ota_time_format(earliest, limit);
    return ota_err_set(err, OTA_ISSUED,
                       "timestamp claims to be issued on %s, after %s expires on %s: check the server's clock", then,
                       role, limit);
}

/* ---- loading ---- */

/* Keys of all four roles; those of schemes that borrow text are kept at the end of buf. */
enum ota_status ota_trust_adopt_root(struct ota_trust *t, const struct ota_metadata *root, size_t len,
                                     struct ota_err *err) {
    t->key_bytes = 0;
    for (int role = 0; role < OTA_ROLE_COUNT; role++)
        OTA_TRY(ota_root_signers(root, (enum ota_role)role, t->cfg.crypto, &t->signers[role], err));
    for (int role = 0; role < OTA_ROLE_COUNT; role++)
        OTA_TRY(ota_trust_keep_keys(t, &t->signers[role], len, err));
    t->root_version = root->version;
    t->root_expires = root->expires;
    return OTA_OK;
}

static enum ota_status parse_embedded_root(struct ota_trust *t, struct ota_metadata *root, size_t *len,
                                           struct ota_err *err) {
    if (t->cfg.root.len > ota_trust_room(t))
        return ota_err_set(err, OTA_TOO_LARGE, "larger than its cap of %zu bytes", ota_trust_room(t));
    *len = t->cfg.root.len;
    if (*len)
        memcpy(t->cfg.buf, t->cfg.root.p, *len);
    return ota_metadata_parse(t->cfg.buf, len, "root", root, err);
}

/* Is this what reading damaged bytes gives? A port that failed is another matter: falling back to an older state then
 * would let a moment without memory undo a key rotation. */
static bool means_damage(enum ota_status status) {
    if (ota_status_is_json(status))
        return true;
    switch (status) {
    case OTA_METADATA_TYPE:
    case OTA_METADATA_FIELD:
    case OTA_SPEC_VERSION:
    case OTA_KEY:
    case OTA_SIGNATURE:
    case OTA_TOO_LARGE:
        return true;
    default:
        return false;
    }
}

/* NOT_FOUND when the store has none. */
static enum ota_status parse_stored_root(struct ota_trust *t, struct ota_metadata *root, size_t *len,
                                         struct ota_err *err) {
    const struct ota_kv *kv = t->cfg.kv;
    OTA_TRY(kv->get(kv->ctx, OTA_KV_ROOT, t->cfg.buf, ota_trust_room(t), len, err));
    return ota_metadata_parse_canonical(t->cfg.buf, *len, "root", root, err);
}

static enum ota_status check_own_signatures(struct ota_trust *t, const struct ota_metadata *root, struct ota_err *err) {
    OTA_TRY(ota_root_signers(root, OTA_ROLE_ROOT, t->cfg.crypto, &t->work.signers, err));
    return ota_metadata_verify(root, &t->work.signers, t->cfg.crypto, err);
}

/* The stored root; without one, or when it is damaged, the one the board was given. */
static enum ota_status open_root(struct ota_trust *t, struct ota_metadata *root, size_t *len, bool *damaged,
                                 struct ota_err *err) {
    struct ota_err reason;
    enum ota_status status = parse_stored_root(t, root, len, &reason);
    if (status == OTA_OK)
        status = check_own_signatures(t, root, &reason);
    *damaged = means_damage(status);
    if (status == OTA_OK)
        return OTA_OK;
    if (status != OTA_NOT_FOUND && !*damaged) {
        *err = reason;
        return ota_err_prefix(err, "stored root");
    }
    if (*damaged)
        ota_log(t->cfg.log, OTA_LOG_WARNING, "the stored root is damaged (%s); starting from the built-in one",
                reason.msg);
    status = parse_embedded_root(t, root, len, err);
    if (status == OTA_OK)
        status = check_own_signatures(t, root, err);
    return status == OTA_OK ? OTA_OK : ota_err_prefix(err, "built-in root");
}

static enum ota_status read_stored_snapshot(struct ota_trust *t, struct ota_metadata *m, struct ota_err *err) {
    const struct ota_kv *kv = t->cfg.kv;
    size_t len;
    OTA_TRY(kv->get(kv->ctx, OTA_KV_SNAPSHOT, t->cfg.buf, ota_trust_room(t), &len, err));
    OTA_TRY(ota_metadata_parse_canonical(t->cfg.buf, len, "snapshot", m, err));
    OTA_TRY(ota_metadata_verify(m, &t->signers[OTA_ROLE_SNAPSHOT], t->cfg.crypto, err));
    return ota_meta_entries(m, t->snapshot, OTA_ARRAY_LEN(t->snapshot), &t->snapshot_count, err);
}

static enum ota_status load_snapshot(struct ota_trust *t, struct ota_err *err) {
    struct ota_metadata m;
    struct ota_err reason;
    enum ota_status status = read_stored_snapshot(t, &m, &reason);
    if (status == OTA_OK) {
        t->snapshot_version = m.version;
        t->snapshot_expires = m.expires;
        return OTA_OK;
    }
    t->snapshot_count = 0;
    t->snapshot_version = t->snapshot_expires = 0;
    if (status != OTA_NOT_FOUND && !means_damage(status)) {
        *err = reason;
        return ota_err_prefix(err, "stored snapshot");
    }
    if (status != OTA_NOT_FOUND)
        ota_log(t->cfg.log, OTA_LOG_WARNING, "the stored snapshot is not usable (%s); it is fetched again", reason.msg);
    return OTA_OK;
}

enum ota_status ota_trust_load(struct ota_trust *t, struct ota_err *err) {
    struct ota_metadata root;
    size_t len;
    bool damaged;
    t->key_bytes = 0;
    t->ts_changed = t->roles_changed = false;
    t->stale = true;
    OTA_TRY(open_root(t, &root, &len, &damaged, err));
    OTA_TRY(ota_trust_adopt_root(t, &root, len, err));
    OTA_TRY(ota_trust_load_records(t, err));
    if (damaged) /* an unchanged timestamp must not keep us from walking the root chain again */
        t->ts.etag[0] = '\0';
    OTA_TRY(ota_trust_end_rotation(t, err));
    OTA_TRY(load_snapshot(t, err));
    ota_trust_set_time(t);
    t->stale = false;
    return OTA_OK;
}

enum ota_status ota_trust_init(struct ota_trust *t, const struct ota_trust_config *cfg, struct ota_err *err) {
    memset(t, 0, sizeof *t);
    t->cfg = *cfg;
    return ota_trust_load(t, err);
}

enum ota_status ota_trust_root(struct ota_trust *t, struct ota_metadata *root, struct ota_err *err) {
    size_t len;
    bool damaged;
    return open_root(t, root, &len, &damaged, err);
}

/* ---- the end of a run ---- */

static bool is_verified(const struct ota_trust *t, const char *role) {
    for (size_t i = 0; i < t->role_count; i++)
        if (strcmp(t->roles[i].name, role) == 0)
            return ota_trust_role_current(t, &t->roles[i]);
    return false;
}

bool ota_trust_complete(const struct ota_trust *t) {
    return t->ts.snapshot_version == t->snapshot_version && is_verified(t, "targets") &&
           (!t->cfg.product || is_verified(t, t->cfg.product));
}

enum ota_status ota_trust_finish(struct ota_trust *t, bool whole, struct ota_err *err) {
    if (t->stale)
        return OTA_OK;
    OTA_TRY(ota_trust_check_issued(t, t->issued, err));
    if (t->issued > t->ts.floor && ota_trust_complete(t)) {
        t->ts.floor = t->issued;
        t->ts_changed = true;
    }
    if (t->roles_changed)
        OTA_TRY(ota_trust_store_roles(t, err));
    t->roles_changed = false;
    if (whole && t->etag[0] && strcmp(t->ts.etag, t->etag) != 0) {
        memcpy(t->ts.etag, t->etag, sizeof t->etag);
        t->ts_changed = true;
    }
    /* Kept with the record, so that a board that sleeps deeply between two polls knows it, too; written once a day at
     * most. */
    if (whole && t->etag[0] && (t->ts_changed || ota_trust_whole_run_due(t))) {
        t->ts.whole = t->now;
        t->ts_changed = true;
    }
    /* Last: an ETag in the store promises that everything else is there. */
    if (t->ts_changed)
        OTA_TRY(ota_trust_store_timestamp(t, err));
    t->ts_changed = false;
    return OTA_OK;
}
