/* SPDX-License-Identifier: Apache-2.0 */
/* The search for a target through targets and its delegations. TUF specification 1.0.x section 5.6. */
#include <string.h>

#include "core/trust_private.h"

/* One search. Bit i of `visited`: the role of snapshot entry i was looked at. */
struct search {
    const char *target;
    size_t waiting; /* rows of work.pending in use; the last is next */
    unsigned visits;
    uint32_t visited;
    bool terminated;
};

static size_t role_cap(const char *role) {
    if (strcmp(role, "targets") == 0)
        return OTA_CAP_TARGETS;
    return strcmp(role, OTA_ROLLOUT_ROLE) == 0 ? OTA_CAP_ROLLOUT : OTA_CAP_PRODUCT;
}

enum ota_status ota_trust_record_role(struct ota_trust *t, const char *name, const struct ota_metadata *m,
                                      struct ota_err *err) {
    uint8_t digest[OTA_SHA256_LEN];
    struct ota_role_record *r = NULL;
    OTA_TRY(ota_sha256(t->cfg.crypto, m->signed_value.raw.p, m->signed_value.raw.len, digest, err));
    for (size_t i = 0; i < t->role_count && !r; i++)
        if (strcmp(t->roles[i].name, name) == 0)
            r = &t->roles[i];
    if (r && m->version < r->version)
        return ota_err_set(err, OTA_ROLLBACK, "version %llu is older than %llu, which is trusted already",
                           (unsigned long long)m->version, (unsigned long long)r->version);
    if (r && m->version == r->version) {
        if (memcmp(digest, r->sha256, sizeof digest) != 0)
            return ota_err_set(err, OTA_ROLLBACK, "version %llu has other contents than before",
                               (unsigned long long)m->version);
        return OTA_OK;
    }
    if (!r) {
        if (t->role_count == OTA_ARRAY_LEN(t->roles))
            return ota_err_set(err, OTA_TOO_LARGE, "more than %u roles", OTA_SNAPSHOT_ENTRIES_MAX);
        r = &t->roles[t->role_count++];
        memset(r, 0, sizeof *r);
        memcpy(r->name, name, strlen(name));
    }
    r->version = m->version;
    r->expires = m->expires;
    memcpy(r->sha256, digest, sizeof digest);
    t->roles_changed = true;
    return OTA_OK;
}

/* Who signs a role, and by whose word. `from` is the delegation that leads there; NULL: targets, by root's. */
static const struct ota_signers *signers_of(const struct ota_trust *t, const struct ota_delegation *from) {
    return from ? &from->signers : &t->signers[OTA_ROLE_TARGETS];
}

/* Records are kept by name, and a role below another may bear any: were it recorded, rollout's key could pass its own
 * file off as the product's. Its versions are bounded by the snapshot alone. */
static bool is_recorded(const struct ota_delegation *from) {
    return !from || !from->nested;
}

static enum ota_status verify_role(struct ota_trust *t, const struct ota_meta_entry *entry,
                                   const struct ota_delegation *from, struct ota_metadata *role, size_t *len,
                                   struct ota_err *err) {
    OTA_TRY(ota_metadata_parse(t->cfg.buf, len, "targets", role, err));
    OTA_TRY(ota_metadata_verify(role, signers_of(t, from), t->cfg.crypto, err));
    if (role->version != entry->version)
        return ota_err_set(err, OTA_VERSION, "version %llu, the snapshot names %llu", (unsigned long long)role->version,
                           (unsigned long long)entry->version);
    OTA_TRY(ota_trust_check_expiry(t, entry->name, role->version, role->expires, err));
    return is_recorded(from) ? ota_trust_record_role(t, entry->name, role, err) : OTA_OK;
}

/* Fetches and verifies the role that `from` leads to (NULL: targets) into buf[0..*len). *again: this search saw it
 * before, nothing was done. */
static enum ota_status load_role(struct ota_trust *t, struct search *s, const struct ota_delegation *from,
                                 struct ota_metadata *role, size_t *len, bool *again, struct ota_err *err) {
    char file[OTA_TRUST_FILE_MAX];
    const char *name = from ? from->name : ota_role_name(OTA_ROLE_TARGETS);
    const struct ota_meta_entry *entry = ota_trust_entry(t, name);
    if (!entry)
        return ota_err_set(err, OTA_METADATA_FIELD, "snapshot does not name role %s", name);
    const uint32_t bit = 1u << (entry - t->snapshot);
    *again = s->visited & bit;
    if (*again)
        return OTA_OK;
    s->visited |= bit;
    if (++s->visits > OTA_ROLES_VISITED_MAX)
        return ota_err_set(err, OTA_DELEGATION, "%s: more than %u roles to search", s->target, OTA_ROLES_VISITED_MAX);
    ota_trust_file(entry->version, name, file);
    OTA_TRY(ota_trust_fetch_entry(t, entry, file, role_cap(name), len, err));
    if (verify_role(t, entry, from, role, len, err) != OTA_OK)
        return ota_err_prefix(err, "%s", file);
    return OTA_OK;
}

/* How many of the role's delegations match, up to and with the first terminating one. */
static enum ota_status count_delegations(struct ota_trust *t, const struct search *s, const struct ota_metadata *role,
                                         size_t *count, bool *terminating, struct ota_err *err) {
    *terminating = false;
    for (*count = 0; !*terminating; ++*count) {
        bool found;
        if (s->waiting + *count == OTA_DELEGATIONS_MAX) {
            *terminating = false;
            return ota_err_set(err, OTA_TOO_LARGE, "%s: more than %u delegated roles to search", s->target,
                               OTA_DELEGATIONS_MAX);
        }
        struct ota_delegation *scratch = &t->work.pending[s->waiting + *count];
        OTA_TRY(ota_targets_delegation(role, s->target, *count, t->cfg.crypto, scratch, &found, err));
        if (!found)
            return OTA_OK;
        *terminating = scratch->terminating;
    }
    return OTA_OK;
}

/* Puts the matching delegations on the stack so that the first is visited first. */
static enum ota_status push_delegations(struct ota_trust *t, struct search *s, const struct ota_metadata *role,
                                        bool nested, size_t len, struct ota_err *err) {
    size_t count;
    bool terminating, found;
    OTA_TRY(count_delegations(t, s, role, &count, &terminating, err));
    if (terminating) {
        s->terminated = true;
        s->waiting = 0;
    }
    for (size_t i = 0; i < count; i++) {
        struct ota_delegation *row = &t->work.pending[s->waiting + count - 1 - i];
        OTA_TRY(ota_targets_delegation(role, s->target, i, t->cfg.crypto, row, &found, err));
        row->nested = nested;
        OTA_TRY(ota_trust_keep_keys(t, &row->signers, len, err));
    }
    s->waiting += count;
    return OTA_OK;
}

static enum ota_status not_found(const struct search *s, struct ota_err *err) {
    if (s->terminated)
        return ota_err_set(err, OTA_DELEGATION, "%s is not listed by the role that must list it", s->target);
    return ota_err_set(err, OTA_NOT_FOUND, "%s is not in the repository", s->target);
}

static enum ota_status search(struct ota_trust *t, struct search *s, struct ota_metadata *role,
                              struct ota_target *entry, struct ota_delegation *by, struct ota_err *err) {
    const struct ota_delegation *from = NULL;
    for (;;) {
        size_t len = 0;
        bool again = false, found;
        OTA_TRY(load_role(t, s, from, role, &len, &again, err));
        if (!again) {
            OTA_TRY(ota_targets_find(role, s->target, entry, &found, err));
            if (found)
                break;
            OTA_TRY(push_delegations(t, s, role, from != NULL, len, err));
        }
        if (s->waiting == 0)
            return not_found(s, err);
        from = &t->work.pending[--s->waiting];
    }
    if (!by)
        return OTA_OK;
    if (from) {
        *by = *from;
        return OTA_OK;
    }
    memset(by, 0, sizeof *by);
    memcpy(by->name, "targets", sizeof "targets");
    by->signers = t->signers[OTA_ROLE_TARGETS];
    return OTA_OK;
}

enum ota_status ota_trust_targets(struct ota_trust *t, struct ota_metadata *role, struct ota_err *err) {
    struct search s = {.target = "targets"};
    size_t len;
    bool again;
    return load_role(t, &s, NULL, role, &len, &again, err);
}

enum ota_status ota_trust_open(struct ota_trust *t, const char *target, struct ota_metadata *role,
                               struct ota_target *entry, struct ota_delegation *by, struct ota_err *err) {
    struct search s = {.target = target};
    const size_t own_keys = t->key_bytes;
    enum ota_status status = search(t, &s, role, entry, by, err);
    t->key_bytes = own_keys; /* keys of delegated roles were kept for this search only */
    return status;
}
