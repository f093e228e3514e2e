/* SPDX-License-Identifier: Apache-2.0 */
/* What a draft holds and whose signatures it still needs; see draft.h. */
#include <stdio.h>
#include <string.h>

#include "host/crypto.h"
#include "store/draft_private.h"
#include "store/repo_folder.h"

#define CONF_MAX 16384u

void ota_draft_free(struct ota_draft **draft) {
    struct ota_draft *d = *draft;
    if (!d)
        return;
    free(d->text);
    ota_buf_free(&d->conf);
    ota_repo_change_free(&d->change);
    ota_repo_set_free(&d->set);
    free(d);
    *draft = NULL;
}

/* ---- needs ------------------------------------------------------------------------------------------------ */

/* One key at a time: which of them signed. */
static void count_signatures(struct ota_draft_need *n) {
    for (size_t i = 0; i < n->signers.count; i++) {
        const struct ota_signers one = {
            .threshold = 1, .count = 1, .keyid_crc = {n->signers.keyid_crc[i]}, .key = {n->signers.key[i]}};
        struct ota_err ignored;
        if (ota_metadata_verify(&n->role->meta, &one, &ota_crypto_openssl, &ignored) != OTA_OK)
            continue;
        n->signed_by |= 1u << i;
        n->have++;
    }
}

void ota_draft_by(const char *role, const char *parent, uint64_t version, char out[OTA_DRAFT_BY_MAX + 1]) {
    if (strcmp(role, parent) == 0)
        (void)snprintf(out, OTA_DRAFT_BY_MAX + 1, "%s %llu", parent, (unsigned long long)version);
    else
        (void)snprintf(out, OTA_DRAFT_BY_MAX + 1, "%s of %s %llu", role, parent, (unsigned long long)version);
}

static void add_need(struct ota_draft *d, const struct ota_role_file *f, const struct ota_signers *signers,
                     const char *role, const char *parent, uint64_t version) {
    struct ota_draft_need *n = &d->need[d->need_count++];
    *n = (struct ota_draft_need){.role = f, .signers = *signers};
    ota_draft_by(role, parent, version, n->by);
    count_signatures(n);
}

static enum ota_status read_signers(const struct ota_role_file *root, struct ota_signers top[OTA_ROLE_COUNT],
                                    struct ota_err *err) {
    for (int role = 0; role < OTA_ROLE_COUNT; role++)
        if (ota_root_signers(&root->meta, (enum ota_role)role, &ota_crypto_openssl, &top[role], err) != OTA_OK)
            return ota_err_prefix(err, "role root");
    return OTA_OK;
}

static enum ota_status replaced(const struct ota_role_file *f, uint64_t published, struct ota_err *err) {
    return ota_err_set(err, OTA_ROLLBACK, "role %s: the draft is version %llu, and version %llu is published", f->name,
                       (unsigned long long)f->meta.version, (unsigned long long)published);
}

/* *last: whose signers `top` holds afterwards. */
static enum ota_status need_roots(struct ota_draft *d, struct ota_signers top[OTA_ROLE_COUNT], uint64_t *last,
                                  struct ota_err *err) {
    memcpy(top, d->set->top, sizeof d->set->top);
    *last = d->set->root.meta.version;
    for (size_t i = 0; i < d->change.root_count; i++) {
        const struct ota_role_file *f = &d->change.root[i];
        if (f->meta.version != *last + 1)
            return replaced(f, *last, err);
        add_need(d, f, &top[OTA_ROLE_ROOT], "root", "root", *last);
        OTA_TRY(read_signers(f, top, err));
        *last = f->meta.version;
        add_need(d, f, &top[OTA_ROLE_ROOT], "root", "root", *last);
    }
    return OTA_OK;
}

static enum ota_status need_targets(struct ota_draft *d, const struct ota_signers top[OTA_ROLE_COUNT], uint64_t root,
                                    struct ota_role_delegations *delegations, struct ota_err *err) {
    const struct ota_role_file *f = d->change.targets.wire.len ? &d->change.targets : &d->set->targets;
    if (f == &d->change.targets) {
        if (f->meta.version <= d->set->targets.meta.version)
            return replaced(f, d->set->targets.meta.version, err);
        add_need(d, f, &top[OTA_ROLE_TARGETS], "targets", "root", root);
    } else if (ota_metadata_verify(&f->meta, &top[OTA_ROLE_TARGETS], &ota_crypto_openssl, err) != OTA_OK) {
        return ota_err_prefix(err, "the new root names other keys for targets, and the draft holds no new targets");
    }
    return ota_role_delegations_read(f, delegations, err);
}

static const struct ota_signers *signers_of(const struct ota_role_delegations *delegations, const char *role) {
    for (size_t i = 0; i < delegations->count; i++)
        if (strcmp(delegations->delegation[i].name, role) == 0)
            return &delegations->delegation[i].signers;
    return NULL;
}

static enum ota_status need_products(struct ota_draft *d, const struct ota_role_delegations *delegations,
                                     struct ota_err *err) {
    const uint64_t targets = d->change.targets.wire.len ? d->change.targets.meta.version : d->set->targets.meta.version;
    for (size_t i = 0; i < d->change.product_count; i++) {
        const struct ota_role_file *f = &d->change.product[i];
        const struct ota_role_file *current = ota_repo_set_find(d->set, f->name);
        const struct ota_signers *signers = signers_of(delegations, f->name);
        if (!signers)
            return ota_err_set(err, OTA_DELEGATION, "role targets delegates to no product %s", f->name);
        if (current && f->meta.version <= current->meta.version)
            return replaced(f, current->meta.version, err);
        add_need(d, f, signers, f->name, "targets", targets);
    }
    return OTA_OK;
}

static enum ota_status find_needs(struct ota_draft *d, struct ota_err *err) {
    OTA_CLEAN_FREE struct ota_role_delegations *delegations = ota_calloc(1, sizeof *delegations);
    struct ota_signers top[OTA_ROLE_COUNT];
    uint64_t root;
    OTA_TRY(need_roots(d, top, &root, err));
    OTA_TRY(need_targets(d, top, root, delegations, err));
    return need_products(d, delegations, err);
}

/* ---- opening ---------------------------------------------------------------------------------------------- */

static enum ota_status read_draft(const struct ota_workspace *w, const char *id, struct ota_draft *d,
                                  struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    OTA_CLEAN_FREE char *dir = ota_draft_path(w, id);
    OTA_CLEAN_FREE char *request = ota_sprintf("%s/request", dir);
    OTA_CLEAN_FREE char *conf = ota_sprintf("%s/" OTA_DRAFT_CONF, dir);
    OTA_TRY(ota_repo_folder_check(dir, err));
    OTA_TRY(ota_fs_read(request, OTA_REPO_REQUEST_MAX, &text, err));
    OTA_TRY(ota_repo_request_parse(ota_buf_span(&text), &d->request, err));
    d->text = d->request.change ? ota_strdup(d->request.text)
                                : ota_sprintf("release %u of %s", d->request.counter, d->request.product);
    OTA_TRY(ota_repo_change_read(dir, &d->request, &d->change, err));
    if (ota_fs_exists(conf))
        OTA_TRY(ota_fs_read(conf, CONF_MAX, &d->conf, err));
    return ota_repo_set_load(w, &d->set, err);
}

/* Nobody's signature would help. */
static enum ota_status refuse(const char *id, struct ota_err *err) {
    const struct ota_err why = *err;
    return ota_err_set(err, why.code, "draft %s: %s; drop it (otactl publish --drop %s) and make it again", id, why.msg,
                       id);
}

enum ota_status ota_draft_open(const struct ota_workspace *w, const char *id, struct ota_draft **out,
                               struct ota_err *err) {
    if (!ota_draft_exists(w, id))
        return ota_err_set(err, OTA_NOT_FOUND, "there is no draft \"%s\"; see: otactl publish", id);
    OTA_CLEAN(ota_draft_free) struct ota_draft *d = ota_calloc(1, sizeof *d);
    if (read_draft(w, id, d, err) != OTA_OK)
        return ota_err_prefix(err, "draft %s", id);
    if (find_needs(d, err) != OTA_OK)
        return refuse(id, err);
    *out = OTA_STEAL(d);
    return OTA_OK;
}

const char *ota_draft_text(const struct ota_draft *d) {
    return d->text;
}

const char *ota_draft_conf(const struct ota_draft *d) {
    return d->conf.len ? ota_buf_text(&d->conf) : "";
}

size_t ota_draft_need_count(const struct ota_draft *d) {
    return d->need_count;
}

const struct ota_draft_need *ota_draft_need(const struct ota_draft *d, size_t index) {
    return &d->need[index];
}

bool ota_draft_complete(const struct ota_draft *d) {
    for (size_t i = 0; i < d->need_count; i++)
        if (d->need[i].have < d->need[i].signers.threshold)
            return false;
    return true;
}

const struct ota_role_file *ota_draft_role(const struct ota_draft *d, const char *role) {
    if (strcmp(role, "root") == 0)
        return d->change.root_count ? &d->change.root[d->change.root_count - 1] : NULL;
    if (strcmp(role, "targets") == 0)
        return d->change.targets.wire.len ? &d->change.targets : NULL;
    for (size_t i = 0; i < d->change.product_count; i++)
        if (strcmp(d->change.product[i].name, role) == 0)
            return &d->change.product[i];
    return NULL;
}

enum ota_status ota_draft_check(const struct ota_draft *d, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf missing = {0};
    for (size_t i = 0; i < d->need_count; i++) {
        const struct ota_draft_need *n = &d->need[i];
        if (n->have < n->signers.threshold)
            ota_buf_printf(&missing, "%s%s has %u of %u signatures by the keys of %s", missing.len ? "; " : "",
                           n->role->name, n->have, n->signers.threshold, n->by);
    }
    return missing.len ? ota_err_set(err, OTA_SIGNATURE, "not signed yet: %s; see otactl sign", ota_buf_text(&missing))
                       : OTA_OK;
}
