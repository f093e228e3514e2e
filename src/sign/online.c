/* SPDX-License-Identifier: Apache-2.0 */
/* Verifies a proposal and signs what is due; see online.h. */
#include "sign/online.h"

#include <string.h>

#include "host/crypto.h"
#include "host/role_file.h"
#include "sign/online_rollout.h"
#include "sign/online_root.h"
#include "sign/role.h"

struct round {
    const struct ota_keyring *keys;
    const struct ota_online_proposal *in;
    struct ota_online_answer *out;
    struct ota_last_signed past; /* as it was; versions: as they are signed */
    bool behind;                 /* newer ones than the current files were signed and are lost */
    struct ota_online_roots roots;
    struct ota_role_delegations delegations;
    const struct ota_delegation *rollout_by, *product_by[OTA_PRODUCTS_MAX]; /* into delegations */
    size_t product_count;
    struct ota_role_file targets, snapshot, timestamp, rollout, product[OTA_PRODUCTS_MAX];
    struct ota_role_entries before; /* what the current snapshot lists */
    struct ota_rollout channels;
    struct ota_role_entries next;
};

void ota_online_answer_free(struct ota_online_answer *a) {
    ota_buf_free(&a->rollout);
    ota_buf_free(&a->snapshot);
    ota_buf_free(&a->timestamp);
    ota_buf_free(&a->targets);
    ota_buf_free(&a->root);
    for (size_t i = 0; i < OTA_PRODUCTS_MAX; i++)
        ota_buf_free(&a->product[i]);
    memset(a, 0, sizeof *a);
}

static void clean_round(struct round **r) {
    if (!*r)
        return;
    ota_online_roots_free(&(*r)->roots);
    ota_role_file_free(&(*r)->targets);
    ota_role_file_free(&(*r)->snapshot);
    ota_role_file_free(&(*r)->timestamp);
    ota_role_file_free(&(*r)->rollout);
    for (size_t i = 0; i < OTA_PRODUCTS_MAX; i++)
        ota_role_file_free(&(*r)->product[i]);
    free(*r);
}

/* ---- what is given ---------------------------------------------------------------------------------------- */

static enum ota_status open_role(struct ota_role_file *f, const char *name, const char *type, struct ota_span wire,
                                 const struct ota_signers *signers, struct ota_err *err) {
    ota_role_file_set(f, name, wire);
    return ota_role_file_open(f, type, signers, err);
}

static enum ota_status sort_delegations(struct round *r, struct ota_err *err) {
    OTA_TRY(ota_role_delegations_read(&r->targets, &r->delegations, err));
    for (size_t i = 0; i < r->delegations.count; i++) {
        const struct ota_delegation *d = &r->delegations.delegation[i];
        if (strcmp(d->name, "rollout") == 0)
            r->rollout_by = d;
        else if (r->product_count < OTA_PRODUCTS_MAX)
            r->product_by[r->product_count++] = d;
        else
            return ota_err_set(err, OTA_TOO_LARGE, "role targets: more than %u products", OTA_PRODUCTS_MAX);
    }
    if (!r->rollout_by)
        return ota_err_set(err, OTA_DELEGATION, "role targets: delegates to no rollout");
    if (r->product_count != r->in->product_count)
        return ota_err_set(err, OTA_ARGUMENT, "%zu product roles given, targets delegates to %zu", r->in->product_count,
                           r->product_count);
    return OTA_OK;
}

static enum ota_status open_offline(struct round *r, struct ota_err *err) {
    OTA_TRY(ota_online_roots_open(&r->roots, ota_buf_span(&r->keys->root), r->in, err));
    OTA_TRY(open_role(&r->targets, "targets", "targets", r->in->targets, &r->roots.next[OTA_ROLE_TARGETS], err));
    OTA_TRY(sort_delegations(r, err));
    for (size_t i = 0; i < r->product_count; i++)
        OTA_TRY(open_role(&r->product[i], r->product_by[i]->name, "targets", r->in->product[i],
                          &r->product_by[i]->signers, err));
    return OTA_OK;
}

static bool first_time(const struct round *r) {
    return r->in->timestamp.len == 0;
}

static enum ota_status match_entry(const struct ota_role_file *f, const struct ota_role_entries *entries,
                                   struct ota_err *err) {
    const struct ota_meta_entry *e = ota_role_entries_find(entries, f->name);
    if (!e)
        return ota_err_set(err, OTA_METADATA_FIELD, "role %s is not listed", f->name);
    return ota_role_file_match(f, e, err);
}

/* A new targets may name other keys for it. The snapshot vouches for its bytes in any case. */
static enum ota_status open_rollout(struct round *r, struct ota_err *err) {
    const struct ota_meta_entry *e = ota_role_entries_find(&r->before, "rollout");
    ota_role_file_set(&r->rollout, "rollout", r->in->rollout);
    OTA_TRY(ota_role_file_parse(&r->rollout, "targets", err));
    if (e && !e->has_sha256)
        return ota_err_set(err, OTA_METADATA_FIELD, "role snapshot: lists rollout without its SHA-256");
    return match_entry(&r->rollout, &r->before, err);
}

static enum ota_status open_current(struct round *r, struct ota_err *err) {
    const struct ota_online_proposal *in = r->in;
    if ((in->snapshot.len == 0) != first_time(r) || (in->rollout.len == 0) != first_time(r))
        return ota_err_set(err, OTA_ARGUMENT, "timestamp, snapshot and rollout are given together or not at all");
    if (first_time(r))
        return OTA_OK;
    struct ota_role_entries listed;
    OTA_TRY(open_role(&r->timestamp, "timestamp", "timestamp", in->timestamp, &r->roots.published[OTA_ROLE_TIMESTAMP],
                      err));
    OTA_TRY(ota_role_entries_read(&r->timestamp, &listed, err));
    OTA_TRY(open_role(&r->snapshot, "snapshot", "snapshot", in->snapshot, &r->roots.published[OTA_ROLE_SNAPSHOT], err));
    OTA_TRY(match_entry(&r->snapshot, &listed, err));
    OTA_TRY(ota_role_entries_read(&r->snapshot, &r->before, err));
    return open_rollout(r, err);
}

static uint64_t later(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

static enum ota_status check_base(struct round *r, struct ota_err *err) {
    if (first_time(r) && r->past.known)
        return ota_err_set(err, OTA_ROLLBACK,
                           "something was signed before, but the current repository is left out; bring it back from a "
                           "backup, then: otactl restore --merge");
    if (first_time(r))
        return OTA_OK;
    OTA_TRY(ota_last_signed_accepts(&r->past, r->in->timestamp, r->timestamp.meta.version, err));
    OTA_TRY(ota_last_signed_behind(&r->past, r->in->timestamp, r->timestamp.meta.version, &r->behind, err));
    r->past.timestamp = later(r->past.timestamp, r->timestamp.meta.version);
    r->past.snapshot = later(r->past.snapshot, r->snapshot.meta.version);
    r->past.rollout = later(r->past.rollout, r->rollout.meta.version);
    return OTA_OK;
}

/* ---- what must hold --------------------------------------------------------------------------------------- */

static enum ota_status last_issued(const struct round *r, uint64_t *issued, struct ota_err *err) {
    bool found = false;
    *issued = 0;
    if (first_time(r))
        return OTA_OK;
    return ota_timestamp_issued(&r->timestamp.meta, issued, &found, err);
}

static enum ota_status check_clock(const struct round *r, struct ota_err *err) {
    uint64_t issued;
    char now[OTA_TIME_TEXT_MAX], then[OTA_TIME_TEXT_MAX];
    OTA_TRY(last_issued(r, &issued, err));
    issued = later(issued, r->past.issued);
    ota_time_format(r->in->now, now);
    ota_time_format(issued, then);
    if (r->in->now < issued && !r->in->clock_ok)
        return ota_err_set(
            err, OTA_CLOCK,
            "the clock says %s, but something was signed at %s already; set this machine's clock, or, if it "
            "is right, run once: otaserve --clock-ok",
            now, then);
    /* Boards refuse such an `issued`, so that a clock gone wild cannot push their floor past everything that is
     * signed. */
    ota_time_format(r->roots.last.meta.expires, then);
    if (r->in->now > r->roots.last.meta.expires)
        return ota_err_set(err, OTA_ISSUED,
                           "the clock says %s, but role root expired at %s; set the clock, or sign a "
                           "new root",
                           now, then);
    ota_time_format(r->targets.meta.expires, then);
    if (r->in->now > r->targets.meta.expires && !r->in->clock_ok)
        return ota_err_set(err, OTA_ISSUED,
                           "the clock says %s, but role targets expired at %s; set this machine's clock, or, if it is "
                           "right, run once: otaserve --clock-ok",
                           now, then);
    return OTA_OK;
}

static enum ota_status check_not_lowered(const struct round *r, const struct ota_role_file *f, struct ota_err *err) {
    const struct ota_meta_entry *e = ota_role_entries_find(&r->before, f->name);
    if (e && f->meta.version < e->version)
        return ota_err_set(err, OTA_ROLLBACK, "role %s: version %llu, but %llu was published already", f->name,
                           (unsigned long long)f->meta.version, (unsigned long long)e->version);
    if (e && f->meta.version == e->version)
        return ota_role_file_match(f, e, err);
    if (f->meta.expires < r->in->now)
        return ota_err_set(err, OTA_EXPIRED, "role %s: the new version %llu has expired already; sign it again",
                           f->name, (unsigned long long)f->meta.version);
    return OTA_OK;
}

static bool delegated(const struct round *r, const char *name) {
    for (size_t i = 0; i < r->delegations.count; i++)
        if (strcmp(r->delegations.delegation[i].name, name) == 0)
            return true;
    return false;
}

static enum ota_status check_versions(const struct round *r, struct ota_err *err) {
    OTA_TRY(check_not_lowered(r, &r->targets, err));
    for (size_t i = 0; i < r->product_count; i++)
        OTA_TRY(check_not_lowered(r, &r->product[i], err));
    for (size_t i = 0; i < r->before.count; i++) {
        const char *name = r->before.entry[i].name;
        if (strcmp(name, "targets") != 0 && !delegated(r, name))
            return ota_err_set(err, OTA_ROLLBACK,
                               "role %s was published, but targets does not delegate to it any more; a retired "
                               "product keeps an empty role",
                               name);
    }
    return OTA_OK;
}

/* ---- what is due ------------------------------------------------------------------------------------------ */

static bool ends_within(const struct ota_role_file *f, uint64_t now, uint64_t seconds) {
    return f->meta.expires < now + seconds;
}

static uint64_t earlier(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

/* When something signed now ends, that usually lasts `usual` seconds. What stands on an expired role is worth nothing,
 * so that a long life ends with the first offline role. */
static uint64_t end_of(const struct round *r, uint64_t usual) {
    const uint64_t now = r->in->now;
    if (r->in->life <= usual)
        return now + usual;
    uint64_t end = earlier(now + r->in->life, earlier(r->roots.last.meta.expires, r->targets.meta.expires));
    for (size_t i = 0; i < r->product_count; i++)
        end = earlier(end, r->product[i].meta.expires);
    return later(end, now + usual);
}

/* A long life that was signed within the last day is long enough. */
static bool too_short(const struct round *r, const struct ota_role_file *f, uint64_t usual) {
    return r->in->life > usual && f->meta.expires + OTA_ROLE_DAY < end_of(r, usual);
}

/* By the keys that are named for it now. */
static bool signed_by(const struct ota_role_file *f, const struct ota_signers *signers) {
    struct ota_err ignored;
    return ota_metadata_verify(&f->meta, signers, &ota_crypto_openssl, &ignored) == OTA_OK;
}

static uint64_t next_version(uint64_t *last, uint64_t now) {
    return *last = later(*last + 1, now);
}

/* Not one that is new: it is published as it came. An expired role is renewed only when someone vouches for the
 * clock. */
static enum ota_status renew(struct round *r, struct ota_role_file *f, const struct ota_signers *signers, size_t cap,
                             struct ota_buf *out, struct ota_err *err) {
    struct ota_role_keys by;
    struct ota_err missing;
    const struct ota_meta_entry *published = ota_role_entries_find(&r->before, f->name);
    uint64_t now = r->in->now;
    if (!published || published->version != f->meta.version || !ends_within(f, now, OTA_ROLE_OFFLINE_RENEW) ||
        (f->meta.expires < now && !r->in->clock_ok) ||
        ota_keyring_need(r->keys, f->name, signers, &by, &missing) != OTA_OK)
        return OTA_OK;
    OTA_TRY(ota_role_renew(&f->meta, f->meta.version + 1, now + OTA_ROLE_OFFLINE_LIFE, cap, &by, out, err));
    return open_role(f, f->name, "targets", ota_buf_span(out), signers, err);
}

static enum ota_status renew_offline(struct round *r, struct ota_err *err) {
    OTA_TRY(renew(r, &r->targets, &r->roots.next[OTA_ROLE_TARGETS], OTA_CAP_TARGETS, &r->out->targets, err));
    OTA_TRY(
        ota_role_delegations_read(&r->targets, &r->delegations, err)); /* same content; keys point into the new bytes */
    for (size_t i = 0; i < r->product_count; i++)
        OTA_TRY(renew(r, &r->product[i], &r->product_by[i]->signers, OTA_CAP_PRODUCT, &r->out->product[i], err));
    return OTA_OK;
}

static enum ota_status list_role(struct round *r, const struct ota_role_file *f, struct ota_err *err) {
    return ota_role_entry(f->name, f->meta.version, ota_buf_span(&f->wire), &r->next.entry[r->next.count++], err);
}

static void clean_products(struct ota_online_product (*p)[OTA_PRODUCTS_MAX]) {
    for (size_t i = 0; i < OTA_PRODUCTS_MAX; i++)
        ota_stones_free(&(*p)[i].listed);
}

/* The channels as they will be; *changed against the current role. */
static enum ota_status decide_channels(struct round *r, bool *changed, struct ota_err *err) {
    OTA_CLEAN(clean_products) struct ota_online_product product[OTA_PRODUCTS_MAX] = {0};
    for (size_t i = 0; i < r->product_count; i++) {
        product[i].name = r->product[i].name;
        OTA_TRY(ota_stones_read(&r->product[i].meta, product[i].name, &product[i].listed, err));
    }
    if (!first_time(r))
        OTA_TRY(ota_rollout_read(&r->rollout.meta, &r->channels, err));
    ota_online_withdraw(&r->channels, product, r->product_count, changed);
    OTA_TRY(ota_online_want(&r->channels, r->in->wanted, r->in->now, product, r->product_count, changed, err));
    return ota_online_check(&r->channels, product, r->product_count, err);
}

static enum ota_status sign_rollout(struct round *r, struct ota_err *err) {
    const uint64_t now = r->in->now;
    bool due = first_time(r) || r->behind || ends_within(&r->rollout, now, OTA_ROLE_ONLINE_RENEW) ||
               too_short(r, &r->rollout, OTA_ROLE_ONLINE_LIFE) || !signed_by(&r->rollout, &r->rollout_by->signers);
    OTA_TRY(decide_channels(r, &due, err));
    if (!due)
        return list_role(r, &r->rollout, err);
    struct ota_role_keys by;
    OTA_TRY(ota_keyring_need(r->keys, "rollout", &r->rollout_by->signers, &by, err));
    const struct ota_role_rollout role = {next_version(&r->past.rollout, now), end_of(r, OTA_ROLE_ONLINE_LIFE),
                                          &r->channels};
    OTA_TRY(ota_role_rollout(&role, &by, &r->out->rollout, err));
    return ota_role_entry("rollout", role.version, ota_buf_span(&r->out->rollout), &r->next.entry[r->next.count++],
                          err);
}

static bool listed_before(const struct round *r, const struct ota_meta_entry *e) {
    const struct ota_meta_entry *old = ota_role_entries_find(&r->before, e->name);
    return old && old->version == e->version && old->has_sha256 &&
           memcmp(old->sha256, e->sha256, sizeof e->sha256) == 0;
}

/* *snapshot is what timestamp must speak of afterwards. */
static enum ota_status sign_snapshot(struct round *r, struct ota_meta_entry *snapshot, struct ota_err *err) {
    const uint64_t now = r->in->now;
    bool due = first_time(r) || r->behind || ends_within(&r->snapshot, now, OTA_ROLE_ONLINE_RENEW) ||
               too_short(r, &r->snapshot, OTA_ROLE_ONLINE_LIFE) ||
               !signed_by(&r->snapshot, &r->roots.next[OTA_ROLE_SNAPSHOT]);
    OTA_TRY(list_role(r, &r->targets, err));
    for (size_t i = 0; i < r->product_count; i++)
        OTA_TRY(list_role(r, &r->product[i], err));
    for (size_t i = 0; i < r->next.count; i++)
        due = due || !listed_before(r, &r->next.entry[i]);
    if (!due)
        return ota_role_entry("snapshot", r->snapshot.meta.version, ota_buf_span(&r->snapshot.wire), snapshot, err);
    struct ota_role_keys by;
    OTA_TRY(ota_keyring_need(r->keys, "snapshot", &r->roots.next[OTA_ROLE_SNAPSHOT], &by, err));
    const struct ota_role_snapshot role = {next_version(&r->past.snapshot, now), end_of(r, OTA_ROLE_ONLINE_LIFE),
                                           r->next.count, r->next.entry};
    OTA_TRY(ota_role_snapshot(&role, &by, &r->out->snapshot, err));
    return ota_role_entry("snapshot", role.version, ota_buf_span(&r->out->snapshot), snapshot, err);
}

static enum ota_status sign_timestamp(struct round *r, const struct ota_meta_entry *snapshot, struct ota_err *err) {
    const uint64_t now = r->in->now;
    uint64_t issued;
    OTA_TRY(last_issued(r, &issued, err));
    bool fresh = !first_time(r) && now >= issued && now < issued + OTA_ROLE_TIMESTAMP_AGE &&
                 !too_short(r, &r->timestamp, OTA_ROLE_TIMESTAMP_LIFE);
    if (fresh && r->out->snapshot.len == 0 && !r->roots.changed) /* boards look for a new root when it changes */
        return OTA_OK;
    struct ota_role_keys by;
    OTA_TRY(ota_keyring_need(r->keys, "timestamp", &r->roots.next[OTA_ROLE_TIMESTAMP], &by, err));
    const struct ota_role_timestamp role = {next_version(&r->past.timestamp, now), end_of(r, OTA_ROLE_TIMESTAMP_LIFE),
                                            now, *snapshot};
    return ota_role_timestamp(&role, &by, &r->out->timestamp, err);
}

static enum ota_status sign_due(struct round *r, struct ota_err *err) {
    struct ota_meta_entry snapshot;
    OTA_TRY(renew_offline(r, err));
    OTA_TRY(sign_rollout(r, err));
    OTA_TRY(sign_snapshot(r, &snapshot, err));
    return sign_timestamp(r, &snapshot, err);
}

/* ---- what is remembered ----------------------------------------------------------------------------------- */

static enum ota_status digest(struct ota_span wire, uint8_t out[OTA_SHA256_LEN], struct ota_err *err) {
    return ota_sha256(&ota_crypto_openssl, wire.p, wire.len, out, err);
}

static enum ota_status remember_answer(struct round *r, struct ota_err *err) {
    OTA_TRY(digest(ota_buf_span(&r->out->timestamp), r->past.last, err));
    r->past.issued = r->in->now;
    return digest(first_time(r) ? ota_buf_span(&r->out->timestamp) : r->in->timestamp, r->past.base, err);
}

/* Nothing was due. A repository that is the last one signed, or a later one than is remembered, is the only one to go
 * on from now. */
static enum ota_status remember_base(struct round *r, struct ota_err *err) {
    uint8_t base[OTA_SHA256_LEN];
    OTA_TRY(digest(r->in->timestamp, base, err));
    bool lost_answer =
        r->past.known && memcmp(base, r->past.last, sizeof base) != 0 && r->timestamp.meta.version < r->past.timestamp;
    if (lost_answer)
        return OTA_OK;
    memcpy(r->past.last, base, sizeof base);
    memcpy(r->past.base, base, sizeof base);
    return last_issued(r, &r->past.issued, err);
}

static enum ota_status remember(struct round *r, struct ota_last_signed *past, struct ota_err *err) {
    OTA_TRY(r->out->timestamp.len ? remember_answer(r, err) : remember_base(r, err));
    *past = r->past;
    past->known = true;
    return OTA_OK;
}

enum ota_status ota_online_sign(const struct ota_keyring *keys, const struct ota_online_proposal *in,
                                struct ota_last_signed *past, struct ota_online_answer *out, struct ota_err *err) {
    OTA_CLEAN(clean_round) struct round *r = ota_calloc(1, sizeof *r);
    r->keys = keys;
    r->in = in;
    r->out = out;
    r->past = *past;
    OTA_TRY(open_offline(r, err));
    OTA_TRY(open_current(r, err));
    OTA_TRY(check_base(r, err));
    OTA_TRY(check_clock(r, err));
    OTA_TRY(check_versions(r, err));
    if (r->roots.adopt)
        ota_buf_append(&out->root, r->roots.adopt->p, r->roots.adopt->len);
    enum ota_status s = sign_due(r, err);
    if (s == OTA_OK)
        s = remember(r, past, err);
    if (s != OTA_OK)
        ota_online_answer_free(out);
    return s;
}
