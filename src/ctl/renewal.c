/* SPDX-License-Identifier: Apache-2.0 */
/* Signs a role anew with the keys at hand and publishes it, or leaves a draft; see renewal.h. */
#include "ctl/renewal.h"

#include <string.h>

#include "ctl/draft_sign.h"
#include "ctl/push.h"

struct round {
    const struct ota_renewal *r;
    const char *role;
    struct ota_role_file old;
    struct ota_buf next; /* unsigned */
};
static void clean_round(struct round *n) {
    ota_role_file_free(&n->old);
    ota_buf_free(&n->next);
}

static bool is_root(const char *role) {
    return strcmp(role, "root") == 0;
}

/* ---- what is signed ---------------------------------------------------------------------------------------- */

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

/* ---- signing, publishing -------------------------------------------------------------------------------------------- */

static enum ota_status write_draft(struct round *n, struct ota_renewal_result *out, struct ota_err *err) {
    OTA_CLEAN_FREE char *text = ota_sprintf("renew %s", n->role);
    char user[OTA_CTL_USER_MAX];
    const struct ota_draft_file file = {n->role, out->version, ota_buf_span(&n->next)};
    (void)ota_format(out->draft, sizeof out->draft, "renew-%s", n->role);
    const struct ota_draft_change change = {.text = text, .user = ota_ctl_user(user), .count = 1, .file = &file};
    return ota_draft_write(n->r->w, out->draft, &change, err);
}

/* A root, too, is signed by the same keys before and after: its two needs are alike. */
static enum ota_status publish(const struct ota_workspace *w, struct ota_renewal_result *out, struct ota_err *err) {
    OTA_CLEAN(ota_draft_free) struct ota_draft *d = NULL;
    OTA_CLEAN_FREE char *incoming = NULL;
    OTA_TRY(ota_draft_open(w, out->draft, &d, err));
    out->have = ota_draft_need(d, 0)->have;
    out->threshold = ota_draft_need(d, 0)->signers.threshold;
    if (!ota_draft_complete(d))
        return OTA_OK;
    OTA_TRY(ota_draft_submit(w, out->draft, &incoming, err));
    OTA_TRY(ota_push_see_published(w, incoming, err));
    out->published = true;
    return OTA_OK;
}

static enum ota_status sign_and_publish(struct round *n, struct ota_renewal_result *out, struct ota_err *err) {
    OTA_CLEAN(ota_sign_set_delete) struct ota_sign_set *set = ota_calloc(1, sizeof *set);
    struct ota_err ignored;
    size_t made;
    OTA_TRY(write_draft(n, out, err));
    if (ota_ctl_draft_sign(n->r->w, out->draft, n->r->hand, set, &made, err) != OTA_OK) {
        (void)!ota_draft_remove(n->r->w, out->draft, &ignored);
        return err->code;
    }
    return publish(n->r->w, out, err);
}

enum ota_status ota_ctl_renew_role(const struct ota_renewal *r, const char *role, struct ota_renewal_result *out,
                                   struct ota_err *err) {
    OTA_CLEAN(clean_round) struct round n = {.r = r, .role = role};
    OTA_CLEAN(ota_buf_free) struct ota_buf wire = {0};
    memset(out, 0, sizeof *out);
    OTA_TRY(ota_repo_role(r->w, role, &wire, err));
    ota_role_file_set(&n.old, role, ota_buf_span(&wire));
    OTA_TRY(ota_role_file_parse(&n.old, is_root(role) ? "root" : "targets", err));
    OTA_TRY(write_next(&n, out, err));
    return sign_and_publish(&n, out, err) == OTA_OK ? OTA_OK : ota_err_prefix(err, "role %s", role);
}
