/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and judges the roles that were handed over; see repo_change.h. */
#include "store/repo_change.h"

#include <string.h>

void ota_repo_change_free(struct ota_repo_change *c) {
    for (size_t i = 0; i < OTA_REPO_ROOTS_MAX; i++)
        ota_role_file_free(&c->root[i]);
    ota_role_file_free(&c->targets);
    for (size_t i = 0; i < OTA_PRODUCTS_MAX; i++)
        ota_role_file_free(&c->product[i]);
}

/* ---- reading ---------------------------------------------------------------------------------------------- */

/* "<version>.<role>.json" */
static bool read_name(const char *file, uint64_t *version, char role[OTA_ROLE_NAME_MAX + 1]) {
    size_t n = strlen(file), digits = strspn(file, "0123456789");
    if (digits == 0 || digits > 15 || file[0] == '0' || file[digits] != '.' || n < digits + 7 ||
        strcmp(file + n - 5, ".json") != 0)
        return false;
    *version = strtoull(file, NULL, 10);
    return ota_span_copy((struct ota_span){(const uint8_t *)file + digits + 1, n - digits - 6}, role,
                         OTA_ROLE_NAME_MAX + 1);
}

/* Where a role of this name belongs; NULL for those nobody hands over, or when there is no room. */
static struct ota_role_file *find_place(struct ota_repo_change *c, const char *role) {
    if (strcmp(role, "root") == 0)
        return c->root_count < OTA_REPO_ROOTS_MAX ? &c->root[c->root_count++] : NULL;
    if (strcmp(role, "targets") == 0)
        return c->targets.wire.len == 0 ? &c->targets : NULL;
    if (ota_name_reserved(ota_span_str(role)) || !ota_name_valid(ota_span_str(role)))
        return NULL;
    for (size_t i = 0; i < c->product_count; i++)
        if (strcmp(c->product[i].name, role) == 0)
            return NULL;
    return c->product_count < OTA_PRODUCTS_MAX ? &c->product[c->product_count++] : NULL;
}

static enum ota_status read_one(struct ota_repo_change *c, const char *metadata, const char *file, const char *role,
                                uint64_t version, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf wire = {0};
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", metadata, file);
    struct ota_role_file *f = find_place(c, role);
    if (!f)
        return ota_err_set(err, OTA_ARGUMENT,
                           "%s: may not be handed over; a change holds roots, one targets, and one role per product",
                           path);
    OTA_TRY(ota_fs_read(path, ota_repo_role_cap(role), &wire, err));
    ota_role_file_set(f, role, ota_buf_span(&wire));
    OTA_TRY(ota_role_file_parse(f, strcmp(role, "root") == 0 ? "root" : "targets", err));
    if (f->meta.version != version)
        return ota_err_set(err, OTA_VERSION, "%s: holds version %llu", path, (unsigned long long)f->meta.version);
    return OTA_OK;
}

static enum ota_status read_release(struct ota_repo_change *c, const char *metadata, const struct ota_fs_names *names,
                                    const char *product, struct ota_err *err) {
    for (size_t i = 0; i < names->count; i++) {
        char role[OTA_ROLE_NAME_MAX + 1];
        uint64_t version;
        if (!read_name(names->name[i], &version, role))
            continue;
        if (strcmp(role, "root") == 0)
            return ota_err_set(err, OTA_ARGUMENT, "%s/%s: a release brings the role of its product and no root",
                               metadata, names->name[i]);
        if (strcmp(role, product) != 0)
            continue;
        if (c->product_count)
            return ota_err_set(err, OTA_EXISTS, "%s: more than one role of product %s", metadata, product);
        if (ota_name_reserved(ota_span_str(product)))
            return ota_err_set(err, OTA_DELEGATION, "role targets delegates to no product %s", product);
        OTA_TRY(read_one(c, metadata, names->name[i], role, version, err));
    }
    return c->product_count ? OTA_OK : ota_err_set(err, OTA_NOT_FOUND, "%s: no role of product %s", metadata, product);
}

static int compare_versions(const void *a, const void *b) {
    const struct ota_role_file *x = a, *y = b;
    return (x->meta.version > y->meta.version) - (x->meta.version < y->meta.version);
}

static enum ota_status read_change(struct ota_repo_change *c, const char *metadata, const struct ota_fs_names *names,
                                   struct ota_err *err) {
    for (size_t i = 0; i < names->count; i++) {
        char role[OTA_ROLE_NAME_MAX + 1];
        uint64_t version;
        if (!read_name(names->name[i], &version, role))
            return ota_err_set(err, OTA_ARGUMENT, "%s/%s: is not named as a role is: N.NAME.json", metadata,
                               names->name[i]);
        OTA_TRY(read_one(c, metadata, names->name[i], role, version, err));
    }
    qsort(c->root, c->root_count, sizeof c->root[0], compare_versions);
    return names->count ? OTA_OK : ota_err_set(err, OTA_NOT_FOUND, "%s: no role in it", metadata);
}

enum ota_status ota_repo_change_read(const char *dir, const struct ota_repo_request *request,
                                     struct ota_repo_change *out, struct ota_err *err) {
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names names = {0};
    OTA_CLEAN_FREE char *metadata = ota_sprintf("%s/metadata", dir);
    OTA_TRY(ota_fs_list(metadata, &names, err));
    return request->change ? read_change(out, metadata, &names, err)
                           : read_release(out, metadata, &names, request->product, err);
}

/* ---- judging ---------------------------------------------------------------------------------------------- */

/* *same: it is what is published under this version. */
static enum ota_status compare(const struct ota_role_file *next, const struct ota_role_file *current, bool *same,
                               struct ota_err *err) {
    *same = ota_span_equal(ota_buf_span(&next->wire), ota_buf_span(&current->wire));
    if (*same || next->meta.version > current->meta.version)
        return OTA_OK;
    return ota_err_set(err, OTA_ROLLBACK, "role %s: version %llu, but %llu is published already; push again",
                       next->name, (unsigned long long)next->meta.version, (unsigned long long)current->meta.version);
}

/* Published roots of a change that was cut short are passed over; they must be those. */
static enum ota_status check_published_root(const struct ota_workspace *w, const struct ota_role_file *f,
                                            struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf wire = {0};
    OTA_TRY(ota_repo_set_root(w, f->meta.version, &wire, err));
    if (ota_span_equal(ota_buf_span(&f->wire), ota_buf_span(&wire)))
        return OTA_OK;
    return ota_err_set(err, OTA_ROLLBACK, "role root: another version %llu is published already; make it again",
                       (unsigned long long)f->meta.version);
}

static enum ota_status apply_roots(const struct ota_workspace *w, struct ota_repo_change *c, struct ota_repo_set *set,
                                   struct ota_err *err) {
    uint64_t last = set->root.meta.version;
    size_t kept = 0;
    for (size_t i = 0; i < c->root_count; i++) {
        struct ota_role_file *f = &c->root[i];
        if (f->meta.version <= set->root.meta.version) {
            OTA_TRY(check_published_root(w, f, err));
            ota_role_file_free(f);
            continue;
        }
        struct ota_signers by = set->top[OTA_ROLE_ROOT];
        OTA_TRY(ota_role_file_open_next_root(f, ++last, &by, set->top, err));
        if (kept != i) {
            c->root[kept] = *f;
            *f = (struct ota_role_file){.name = ""};
        }
        kept++;
    }
    c->root_count = kept;
    return OTA_OK;
}

static struct ota_role_file *find_product(struct ota_repo_change *c, const char *name) {
    for (size_t i = 0; i < c->product_count; i++)
        if (strcmp(c->product[i].name, name) == 0)
            return &c->product[i];
    return NULL;
}

enum ota_status ota_repo_releases_check(const struct ota_role_file *f, struct ota_err *err) {
    uint32_t counter[OTA_RELEASES_MAX];
    struct ota_release r;
    size_t count;
    bool found;
    OTA_TRY(ota_release_counters(&f->meta, f->name, counter, OTA_RELEASES_MAX, &count, err));
    for (size_t i = 0; i < count; i++) {
        OTA_TRY(ota_release_read(&f->meta, f->name, counter[i], &r, &found, err));
        if (!found)
            return ota_err_set(err, OTA_METADATA_FIELD, "role %s: img/%s/%u/ has no release.txt", f->name, f->name,
                               counter[i]);
    }
    return OTA_OK;
}

/* One product as it is to be; *same when that is as it is. */
static enum ota_status settle_product(struct ota_repo_change *c, struct ota_repo_set *set,
                                      const struct ota_delegation *d, struct ota_role_file *out, bool *same,
                                      struct ota_err *err) {
    const struct ota_role_file *next = find_product(c, d->name), *current = ota_repo_set_find(set, d->name);
    *same = true;
    if (!next && !current)
        return ota_err_set(err, OTA_DELEGATION, "product %s is new, and its role is not handed over with it", d->name);
    if (next && current)
        OTA_TRY(compare(next, current, same, err));
    *same = next ? current && *same : true;
    ota_role_file_set(out, d->name, ota_buf_span(next ? &next->wire : &current->wire));
    OTA_TRY(ota_role_file_open(out, "targets", &d->signers, err));
    return next ? ota_repo_releases_check(out, err) : OTA_OK;
}

static void free_products(struct ota_role_file (*p)[OTA_PRODUCTS_MAX]) {
    for (size_t i = 0; i < OTA_PRODUCTS_MAX; i++)
        ota_role_file_free(&(*p)[i]);
}

/* A snapshot never loses a role. */
static enum ota_status check_kept(const struct ota_repo_set *set, struct ota_err *err) {
    for (size_t i = 0; i < set->product_count; i++)
        if (!ota_repo_set_signers(set, set->product[i].name))
            return ota_err_set(err, OTA_ROLLBACK,
                               "role targets does not delegate to product %s any more; a retired product keeps an "
                               "empty role",
                               set->product[i].name);
    return OTA_OK;
}

/* In the order the new targets delegates them. */
static enum ota_status settle_products(struct ota_repo_change *c, struct ota_repo_set *set, bool *same,
                                       struct ota_err *err) {
    OTA_CLEAN(free_products) struct ota_role_file product[OTA_PRODUCTS_MAX] = {0};
    size_t count = 0;
    OTA_TRY(check_kept(set, err));
    for (size_t i = 0; i < set->delegations.count; i++) {
        const struct ota_delegation *d = &set->delegations.delegation[i];
        bool as_it_is;
        if (strcmp(d->name, "rollout") == 0)
            continue;
        if (count == OTA_PRODUCTS_MAX)
            return ota_err_set(err, OTA_TOO_LARGE, "role targets: more than %u products", OTA_PRODUCTS_MAX);
        OTA_TRY(settle_product(c, set, d, &product[count++], &as_it_is, err));
        *same = *same && as_it_is;
    }
    for (size_t i = 0; i < c->product_count; i++)
        if (!ota_repo_set_signers(set, c->product[i].name))
            return ota_err_set(err, OTA_DELEGATION, "role targets delegates to no product %s", c->product[i].name);
    free_products(&set->product);
    memcpy(set->product, product, sizeof product);
    memset(product, 0, sizeof product);
    set->product_count = count;
    return OTA_OK;
}

static enum ota_status settle_targets(const struct ota_repo_change *c, struct ota_repo_set *set, bool *same,
                                      struct ota_err *err) {
    *same = true;
    if (c->targets.wire.len) {
        OTA_TRY(compare(&c->targets, &set->targets, same, err));
        ota_role_file_set(&set->targets, "targets", ota_buf_span(&c->targets.wire));
    }
    if (ota_role_file_open(&set->targets, "targets", &set->top[OTA_ROLE_TARGETS], err) != OTA_OK) {
        if (c->targets.wire.len == 0)
            return ota_err_prefix(err, "the new root names other keys for targets, and no new targets is handed over");
        return err->code;
    }
    return ota_role_delegations_read(&set->targets, &set->delegations, err);
}

enum ota_status ota_repo_change_apply(const struct ota_workspace *w, struct ota_repo_change *c,
                                      struct ota_repo_set *set, bool *published, struct ota_err *err) {
    bool same;
    OTA_TRY(apply_roots(w, c, set, err));
    OTA_TRY(settle_targets(c, set, &same, err));
    OTA_TRY(settle_products(c, set, &same, err));
    *published = same && c->root_count == 0;
    return OTA_OK;
}
