/* SPDX-License-Identifier: Apache-2.0 */
/* Signs a role anew with the keys at hand and publishes it, or leaves a draft; see renewal.h. */
#include "ctl/renewal.h"

#include <string.h>

#include "ctl/cmd.h"
#include "ctl/push.h"
#include "host/key_file.h"
#include "sign/role.h"
#include "sign/role_sign.h"
#include "store/draft.h"

struct round {
    const struct ota_renewal *r;
    const char *role;
    struct ota_role_file old;
    struct ota_signers by;
    struct ota_buf next; /* as signed so far */
    uint32_t have;
};
static void clean_round(struct round *n) {
    ota_role_file_free(&n->old);
    ota_buf_free(&n->next);
}

static bool is_root(const char *role) {
    return strcmp(role, "root") == 0;
}

/* ---- what is signed ---------------------------------------------------------------------------------------- */

static enum ota_status read_signers(struct round *n, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf wire = {0};
    OTA_CLEAN(ota_role_file_free) struct ota_role_file parent = {0};
    OTA_CLEAN_FREE struct ota_role_delegations *d = ota_calloc(1, sizeof *d);
    struct ota_signers top[OTA_ROLE_COUNT];
    bool top_level = is_root(n->role) || strcmp(n->role, "targets") == 0;
    OTA_TRY(ota_repo_role(n->r->w, top_level ? "root" : "targets", &wire, err));
    ota_role_file_set(&parent, top_level ? "root" : "targets", ota_buf_span(&wire));
    if (top_level) {
        OTA_TRY(ota_role_file_open_root(&parent, top, err));
        n->by = top[is_root(n->role) ? OTA_ROLE_ROOT : OTA_ROLE_TARGETS];
        return OTA_OK;
    }
    OTA_TRY(ota_role_file_parse(&parent, "targets", err));
    OTA_TRY(ota_role_delegations_read(&parent, d, err));
    for (size_t i = 0; i < d->count; i++)
        if (strcmp(d->delegation[i].name, n->role) == 0) {
            n->by = d->delegation[i].signers;
            return OTA_OK;
        }
    return ota_err_set(err, OTA_DELEGATION, "role targets delegates to no product %s", n->role);
}

static enum ota_status write_next(struct round *n, struct ota_renewal_result *out, struct ota_err *err) {
    const struct ota_renewal *r = n->r;
    const struct ota_role_keys nobody = {.count = 0};
    const struct ota_metadata *old = &n->old.meta;
    out->version = old->version + 1;
    if (r->ahead && !is_root(n->role) && out->version < r->now) /* roots are a chain without gaps */
        out->version = r->now;
    out->expires = r->now + (r->life ? r->life : is_root(n->role) ? OTA_ROLE_ROOT_LIFE : OTA_ROLE_OFFLINE_LIFE);
    if (is_root(n->role) || strcmp(n->role, "targets") == 0)
        return ota_role_renew(old, out->version, out->expires, OTA_METADATA_MAX, &nobody, &n->next, err);
    return ota_role_renew_product(old, out->version, out->expires, r->counter_floor, &nobody, &n->next, err);
}

/* ---- who signs it ------------------------------------------------------------------------------------------ */

static enum ota_status count_signatures(struct round *n, struct ota_err *err) {
    OTA_CLEAN(ota_role_file_free) struct ota_role_file f = {0};
    uint32_t by;
    OTA_TRY(ota_role_sign_open(ota_buf_span(&n->next), &f, err));
    OTA_TRY(ota_role_signed_by(&f, &n->by, &by, err));
    n->have = (uint32_t)__builtin_popcount(by);
    return OTA_OK;
}

/* *useful: it is one of those that may sign. */
static enum ota_status sign_with(struct round *n, const struct ota_key *key, bool *useful, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf more = {0};
    const uint32_t crc = ota_keyid_crc(ota_span_str(ota_key_public(key)->keyid));
    *useful = false;
    for (size_t i = 0; i < n->by.count && !*useful; i++)
        *useful = n->by.keyid_crc[i] == crc;
    if (!*useful)
        return OTA_OK;
    OTA_TRY(ota_role_add_signature(ota_buf_span(&n->next), key, &more, err));
    ota_buf_free(&n->next);
    n->next = more;
    more = (struct ota_buf){0};
    return count_signatures(n, err);
}

static enum ota_status sign_with_given(struct round *n, struct ota_err *err) {
    for (size_t i = 0; i < n->r->key_count; i++) {
        OTA_CLEAN(ota_key_free) struct ota_key *key = NULL;
        bool useful;
        OTA_TRY(ota_key_load_with(&key, n->r->key[i], &n->r->passphrase, err));
        OTA_TRY(sign_with(n, key, &useful, err));
        if (!useful)
            return ota_err_set(err, OTA_KEY, "%s: is no key that may sign role %s", n->r->key[i], n->role);
    }
    return OTA_OK;
}

/* Only files named after the role are worth a passphrase. One that does not open may lack here: the draft says so. */
static enum ota_status sign_with_file(struct round *n, const char *file, struct ota_err *err) {
    char role[OTA_ROLE_NAME_MAX + 1];
    OTA_CLEAN(ota_key_free) struct ota_key *key = NULL;
    OTA_CLEAN_FREE char *path = ota_workspace_path(n->r->w, "keys/%s", file);
    struct ota_err ignored;
    bool useful;
    if (!ota_key_file_role(file, role))
        return OTA_OK;
    bool own = strcmp(role, n->role) == 0;
    if (ota_key_load_with(&key, path, own ? &n->r->passphrase : NULL, &ignored) != OTA_OK)
        return OTA_OK;
    return sign_with(n, key, &useful, err);
}

static enum ota_status sign_with_workspace(struct round *n, struct ota_err *err) {
    OTA_CLEAN_FREE char *dir = ota_workspace_path(n->r->w, "keys");
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names names = {0};
    OTA_TRY(ota_fs_check_folder_unshared(dir, err));
    OTA_TRY(ota_fs_list(dir, &names, err));
    for (size_t i = 0; i < names.count && n->have < n->by.threshold; i++)
        OTA_TRY(sign_with_file(n, names.name[i], err));
    return OTA_OK;
}

/* ---- publishing -------------------------------------------------------------------------------------------- */

static enum ota_status hand_over(struct round *n, struct ota_renewal_result *out, struct ota_err *err) {
    OTA_CLEAN_FREE char *text = ota_sprintf("renew %s", n->role);
    OTA_CLEAN_FREE char *incoming = NULL;
    char user[OTA_CTL_USER_MAX];
    const struct ota_draft_file file = {n->role, out->version, ota_buf_span(&n->next)};
    (void)ota_format(out->draft, sizeof out->draft, "renew-%s", n->role);
    OTA_TRY(ota_draft_write(n->r->w, out->draft, text, ota_ctl_user(user), &file, 1, err));
    out->have = n->have;
    out->threshold = n->by.threshold;
    if (n->have < n->by.threshold)
        return OTA_OK;
    OTA_TRY(ota_draft_submit(n->r->w, out->draft, &incoming, err));
    OTA_TRY(ota_push_see_published(n->r->w, incoming, err));
    out->published = true;
    return OTA_OK;
}

enum ota_status ota_ctl_renew_role(const struct ota_renewal *r, const char *role, struct ota_renewal_result *out,
                                   struct ota_err *err) {
    OTA_CLEAN(clean_round) struct round n = {.r = r, .role = role};
    OTA_CLEAN(ota_buf_free) struct ota_buf wire = {0};
    memset(out, 0, sizeof *out);
    OTA_TRY(ota_repo_role(r->w, role, &wire, err));
    ota_role_file_set(&n.old, role, ota_buf_span(&wire));
    OTA_TRY(ota_role_file_parse(&n.old, is_root(role) ? "root" : "targets", err));
    OTA_TRY(read_signers(&n, err));
    OTA_TRY(write_next(&n, out, err));
    OTA_TRY(sign_with_given(&n, err));
    OTA_TRY(sign_with_workspace(&n, err));
    if (hand_over(&n, out, err) != OTA_OK)
        return ota_err_prefix(err, "role %s", role);
    return OTA_OK;
}
