/* SPDX-License-Identifier: Apache-2.0 */
/* One refresh: root chain, timestamp, snapshot. TUF specification 1.0.x sections 5.3 to 5.5. */
#include <string.h>

#include "core/trust_private.h"

/* Timestamp bytes that a conditional request brought: they wait in buf while the next root is looked for. */
struct held {
    bool present;
    size_t len;
};

/* ---- root chain ---- */

struct verdict {
    bool timestamp_rotated, snapshot_rotated;
};

static size_t key_text_bytes(const struct ota_signers *s) {
    size_t n = 0;
    for (size_t i = 0; i < s->count; i++)
        n += s->key[i].text.len;
    return n;
}

/* Our file names carry versions; a repository that does not promise so would be read wrongly. */
static enum ota_status check_consistent_snapshot(const struct ota_metadata *root, struct ota_err *err) {
    struct ota_value v;
    bool consistent;
    OTA_TRY(ota_scan_get(&root->signed_value, "consistent_snapshot", &v, err));
    OTA_TRY(ota_scan_bool(&v, "consistent_snapshot", &consistent, err));
    return consistent ? OTA_OK : ota_err_set(err, OTA_UNSUPPORTED, "consistent_snapshot is not true");
}

/* All that can be wrong with a successor, before anything of it is taken over. */
static enum ota_status judge_root(struct ota_trust *t, const struct ota_metadata *root, size_t len,
                                  struct verdict *verdict, struct ota_err *err) {
    const struct ota_crypto *crypto = t->cfg.crypto;
    struct ota_signers *s = &t->work.signers;
    bool rotated[OTA_ROLE_COUNT];
    size_t texts = 0;
    if (root->version != t->root_version + 1)
        return ota_err_set(err, OTA_VERSION, "version %llu where %llu must follow", (unsigned long long)root->version,
                           (unsigned long long)t->root_version + 1);
    if (ota_metadata_verify(root, &t->signers[OTA_ROLE_ROOT], crypto, err) != OTA_OK)
        return ota_err_prefix(err, "by the keys of version %llu", (unsigned long long)t->root_version);
    for (int role = 0; role < OTA_ROLE_COUNT; role++) {
        OTA_TRY(ota_root_signers(root, (enum ota_role)role, crypto, s, err));
        rotated[role] = !ota_signers_keep(&t->signers[role], s);
        texts += key_text_bytes(s);
        if (role == OTA_ROLE_ROOT && ota_metadata_verify(root, s, crypto, err) != OTA_OK)
            return ota_err_prefix(err, "by its own keys");
    }
    if (texts > t->cfg.cap - len)
        return ota_err_set(err, OTA_TOO_LARGE, "no room left for public keys beside the metadata");
    *verdict = (struct verdict){rotated[OTA_ROLE_TIMESTAMP], rotated[OTA_ROLE_SNAPSHOT]};
    return check_consistent_snapshot(root, err);
}

enum ota_status ota_trust_accept_root(struct ota_trust *t, size_t len, struct ota_err *err) {
    struct ota_metadata root;
    struct verdict verdict = {false, false};
    OTA_TRY(ota_metadata_parse(t->cfg.buf, &len, "root", &root, err));
    OTA_TRY(judge_root(t, &root, len, &verdict, err));
    OTA_TRY(ota_trust_take_root(t, &root, len, verdict.timestamp_rotated, verdict.snapshot_rotated, err));
    ota_log(t->cfg.log, OTA_LOG_INFO, "root version %llu is trusted now", (unsigned long long)root.version);
    return OTA_OK;
}

static enum ota_status walk_roots(struct ota_trust *t, bool no_cache, struct held *held, struct ota_err *err) {
    char file[OTA_TRUST_FILE_MAX];
    for (unsigned i = 0; i < OTA_ROOT_ROTATIONS_MAX; i++) {
        struct ota_trust_wanted wanted = {
            .file = file, .cap = OTA_CAP_ROOT, .length = OTA_LENGTH_UNKNOWN, .no_cache = no_cache};
        struct ota_response resp;
        size_t len;
        ota_trust_file(t->root_version + 1, "root", file);
        OTA_TRY(ota_trust_fetch(t, &wanted, &resp, &len, err));
        if (resp.status == 404 || resp.status == 403)
            return OTA_OK;
        if (resp.status != 200)
            return ota_trust_bad_status(file, resp.status, err);
        held->present = false;
        if (ota_trust_accept_root(t, len, err) != OTA_OK)
            return ota_err_prefix(err, "%s", file);
    }
    return OTA_OK;
}

/* ---- timestamp ---- */

/* May a 304 end the run: everything a whole run stored is there and unexpired, and that run was not a day ago. */
static bool all_fresh(const struct ota_trust *t) {
    if (ota_trust_whole_run_due(t))
        return false;
    if (!t->ts.etag[0] || t->snapshot_version == 0 || t->snapshot_version != t->ts.snapshot_version)
        return false;
    if (t->now >= t->ts.expires || t->now >= t->snapshot_expires || t->now >= t->root_expires)
        return false;
    for (size_t i = 0; i < t->role_count; i++)
        if (t->now >= t->roles[i].expires && ota_trust_role_current(t, &t->roles[i]))
            return false;
    return true;
}

static enum ota_status fetch_timestamp(struct ota_trust *t, const char *etag, struct held *held, bool *unchanged,
                                       struct ota_err *err) {
    const struct ota_trust_wanted wanted = {
        .file = "timestamp.json", .cap = OTA_CAP_TIMESTAMP, .length = OTA_LENGTH_UNKNOWN, .if_none_match = etag};
    struct ota_response resp;
    OTA_TRY(ota_trust_fetch(t, &wanted, &resp, &held->len, err));
    *unchanged = etag && resp.status == 304;
    held->present = resp.status == 200;
    if (!held->present && !*unchanged)
        return ota_trust_bad_status(wanted.file, resp.status, err);
    if (held->present)
        memcpy(t->etag, resp.etag, sizeof t->etag);
    return OTA_OK;
}

static enum ota_status older(const char *what, uint64_t got, uint64_t trusted, struct ota_err *err) {
    return ota_err_set(err, OTA_ROLLBACK, "%s version %llu is older than %llu, which is trusted already", what,
                       (unsigned long long)got, (unsigned long long)trusted);
}

static enum ota_status check_timestamp_rollback(const struct ota_trust *t, const struct ota_metadata *m,
                                                const struct ota_meta_entry *snapshot, struct ota_err *err) {
    if (m->version < t->ts.version)
        return older("timestamp", m->version, t->ts.version, err);
    if (snapshot->version < t->ts.snapshot_version)
        return older("snapshot", snapshot->version, t->ts.snapshot_version, err);
    if (snapshot->version < t->snapshot_version)
        return older("snapshot", snapshot->version, t->snapshot_version, err);
    return OTA_OK;
}

/* A version that is trusted already, with other contents: the one that was trusted first stays (TUF 5.4.3). Its hash
 * of the snapshot is not kept; the snapshot's version and signatures still decide. No ETag of this answer is kept, so
 * that it never stands for the trusted contents. */
static enum ota_status keep_timestamp(struct ota_trust *t, struct ota_meta_entry *snapshot, struct ota_err *err) {
    if (t->ts.snapshot_version <
        t->snapshot_version) /* the power went before the timestamp of the newer one was kept */
        return older("snapshot", t->ts.snapshot_version, t->snapshot_version, err);
    ota_log(t->cfg.log, OTA_LOG_WARNING, "timestamp.json: version %llu has other contents than before; ignored",
            (unsigned long long)t->ts.version);
    t->etag[0] = '\0';
    snapshot->version = t->ts.snapshot_version;
    snapshot->length = OTA_LENGTH_UNKNOWN;
    snapshot->has_sha256 = false;
    return ota_trust_check_expiry(t, "timestamp", t->ts.version, t->ts.expires, err);
}

/* The verified timestamp in buf becomes the one of this run; what it says of the snapshot goes to *snapshot. */
static enum ota_status accept_timestamp(struct ota_trust *t, size_t len, struct ota_meta_entry *snapshot,
                                        struct ota_err *err) {
    struct ota_metadata m;
    uint8_t digest[OTA_SHA256_LEN];
    uint64_t issued = 0;
    size_t count;
    bool found;
    OTA_TRY(ota_metadata_parse(t->cfg.buf, &len, "timestamp", &m, err));
    OTA_TRY(ota_metadata_verify(&m, &t->signers[OTA_ROLE_TIMESTAMP], t->cfg.crypto, err));
    OTA_TRY(ota_meta_entries(&m, snapshot, 1, &count, err));
    if (count != 1 || strcmp(snapshot->name, "snapshot") != 0)
        return ota_err_set(err, OTA_METADATA_FIELD, "\"meta\" does not name snapshot.json alone");
    OTA_TRY(ota_timestamp_issued(&m, &issued, &found, err));
    OTA_TRY(ota_sha256(t->cfg.crypto, m.signed_value.raw.p, m.signed_value.raw.len, digest, err));
    if (m.version == t->ts.version && memcmp(digest, t->ts.sha256, sizeof digest) != 0)
        return keep_timestamp(t, snapshot, err);
    OTA_TRY(check_timestamp_rollback(t, &m, snapshot, err));
    OTA_TRY(ota_trust_check_expiry(t, "timestamp", m.version, m.expires, err));
    if (found && issued > t->root_expires)
        return ota_trust_check_issued(t, issued, err);
    t->issued =
        issued; /* of a known version, too: the run that brought it may have been too short to raise the floor */
    if (m.version == t->ts.version)
        return OTA_OK;
    t->ts.version = m.version;
    t->ts.expires = m.expires;
    t->ts.snapshot_version = snapshot->version;
    memcpy(t->ts.sha256, digest, sizeof digest);
    t->ts.etag[0] = '\0';
    t->ts_changed = true;
    return OTA_OK;
}

/* ---- snapshot ---- */

/* No role vanishes and none gets older. */
static enum ota_status check_snapshot_rollback(const struct ota_trust *t, const struct ota_meta_entry *entries,
                                               size_t count, struct ota_err *err) {
    for (size_t i = 0; i < t->snapshot_count; i++) {
        const struct ota_meta_entry *old = &t->snapshot[i], *new = NULL;
        for (size_t k = 0; k < count && !new; k++)
            if (strcmp(entries[k].name, old->name) == 0)
                new = &entries[k];
        if (!new)
            return ota_err_set(err, OTA_ROLLBACK, "snapshot does not name role %s any more", old->name);
        if (new->version < old->version)
            return older(old->name, new->version, old->version, err);
    }
    return OTA_OK;
}

static enum ota_status accept_snapshot(struct ota_trust *t, const struct ota_meta_entry *wanted, size_t len,
                                       struct ota_err *err) {
    struct ota_metadata m;
    size_t count;
    OTA_TRY(ota_metadata_parse(t->cfg.buf, &len, "snapshot", &m, err));
    OTA_TRY(ota_metadata_verify(&m, &t->signers[OTA_ROLE_SNAPSHOT], t->cfg.crypto, err));
    if (m.version != wanted->version)
        return ota_err_set(err, OTA_VERSION, "snapshot is version %llu, the timestamp names %llu",
                           (unsigned long long)m.version, (unsigned long long)wanted->version);
    OTA_TRY(ota_meta_entries(&m, t->work.entries, OTA_ARRAY_LEN(t->work.entries), &count, err));
    OTA_TRY(check_snapshot_rollback(t, t->work.entries, count, err));
    OTA_TRY(ota_trust_check_expiry(t, "snapshot", m.version, m.expires, err));
    OTA_TRY(t->cfg.kv->set(t->cfg.kv->ctx, OTA_KV_SNAPSHOT, t->cfg.buf, len, err));
    memcpy(t->snapshot, t->work.entries, count * sizeof t->snapshot[0]);
    t->snapshot_count = count;
    t->snapshot_version = m.version;
    t->snapshot_expires = m.expires;
    return OTA_OK;
}

static enum ota_status refresh_snapshot(struct ota_trust *t, const struct ota_meta_entry *wanted, struct ota_err *err) {
    char file[OTA_TRUST_FILE_MAX];
    size_t len;
    if (wanted->version == t->snapshot_version)
        return ota_trust_check_expiry(t, "snapshot", t->snapshot_version, t->snapshot_expires, err);
    ota_trust_file(wanted->version, "snapshot", file);
    OTA_TRY(ota_trust_fetch_entry(t, wanted, file, OTA_CAP_SNAPSHOT, &len, err));
    if (accept_snapshot(t, wanted, len, err) != OTA_OK)
        return ota_err_prefix(err, "%s", file);
    return OTA_OK;
}

/* ---- the run ---- */

static enum ota_status begin_run(struct ota_trust *t, struct ota_err *err) {
    t->authenticated = true;
    t->retry_after = 0;
    t->issued = 0;
    t->etag[0] = '\0';
    if (t->stale || t->ts_changed || t->roles_changed)
        return ota_trust_load(t, err);
    ota_trust_set_time(t);
    return OTA_OK;
}

/* Timestamp and snapshot by the keys of the trusted root. */
static enum ota_status follow_root(struct ota_trust *t, struct held *held, struct ota_err *err) {
    struct ota_meta_entry snapshot;
    bool unchanged;
    ota_trust_set_time(t);
    OTA_TRY(ota_trust_check_expiry(t, "root", t->root_version, t->root_expires, err));
    if (!held->present)
        OTA_TRY(fetch_timestamp(t, NULL, held, &unchanged, err));
    if (accept_timestamp(t, held->len, &snapshot, err) != OTA_OK)
        return ota_err_prefix(err, "timestamp.json");
    return refresh_snapshot(t, &snapshot, err);
}

/* Keys that are not the trusted root's: a cache on the way may still hold the "not found" from before the root that names
 * them, and is passed over. */
static bool finds_hidden_root(struct ota_trust *t) {
    const uint64_t known = t->root_version;
    struct held none = {false, 0};
    struct ota_err unkept;
    return walk_roots(t, true, &none, &unkept) == OTA_OK && t->root_version > known;
}

enum ota_status ota_trust_refresh(struct ota_trust *t, bool if_changed, bool *unchanged, struct ota_err *err) {
    struct held held = {false, 0};
    *unchanged = false;
    OTA_TRY(begin_run(t, err));
    if (if_changed && all_fresh(t)) {
        OTA_TRY(fetch_timestamp(t, t->ts.etag, &held, unchanged, err));
        if (*unchanged)
            return OTA_OK;
    }
    OTA_TRY(walk_roots(t, false, &held, err));
    enum ota_status status = follow_root(t, &held, err);
    if (status != OTA_SIGNATURE || !finds_hidden_root(t))
        return status;
    held.present = false;
    return follow_root(t, &held, err);
}
