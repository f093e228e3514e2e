/* SPDX-License-Identifier: Apache-2.0 */
/* Loads and verifies what state/repo publishes; see repo_set.h. */
#include "store/repo_set.h"

#include <stdio.h>
#include <string.h>

#define ROOTS_MAX 999999999ull
#define UNUSED_ROOTS_MAX 7u /* as one change may bring */

size_t ota_repo_role_cap(const char *role) {
    if (strcmp(role, "timestamp") == 0)
        return OTA_CAP_TIMESTAMP;
    if (strcmp(role, "root") == 0 || strcmp(role, "targets") == 0 || strcmp(role, "snapshot") == 0 ||
        strcmp(role, "rollout") == 0)
        return OTA_METADATA_MAX;
    return OTA_CAP_PRODUCT;
}

void ota_repo_set_free(struct ota_repo_set **set) {
    struct ota_repo_set *s = *set;
    if (!s)
        return;
    ota_role_file_free(&s->root);
    ota_role_file_free(&s->timestamp);
    ota_role_file_free(&s->snapshot);
    ota_role_file_free(&s->targets);
    ota_role_file_free(&s->rollout);
    for (size_t i = 0; i < OTA_PRODUCTS_MAX; i++)
        ota_role_file_free(&s->product[i]);
    free(s);
    *set = NULL;
}

struct ota_role_file *ota_repo_set_find(struct ota_repo_set *s, const char *role) {
    struct ota_role_file *top[] = {&s->root, &s->timestamp, &s->snapshot, &s->targets, &s->rollout};
    for (size_t i = 0; i < OTA_ARRAY_LEN(top); i++)
        if (strcmp(top[i]->name, role) == 0)
            return top[i];
    for (size_t i = 0; i < s->product_count; i++)
        if (strcmp(s->product[i].name, role) == 0)
            return &s->product[i];
    return NULL;
}

const struct ota_signers *ota_repo_set_signers(const struct ota_repo_set *s, const char *role) {
    for (int i = 0; i < OTA_ROLE_COUNT; i++)
        if (strcmp(ota_role_name((enum ota_role)i), role) == 0)
            return &s->top[i];
    for (size_t i = 0; i < s->delegations.count; i++)
        if (strcmp(s->delegations.delegation[i].name, role) == 0)
            return &s->delegations.delegation[i].signers;
    return NULL;
}

enum ota_status ota_repo_set_root(const struct ota_workspace *w, uint64_t version, struct ota_buf *out,
                                  struct ota_err *err) {
    OTA_CLEAN_FREE char *path =
        ota_workspace_path(w, "state/repo/metadata/%llu.root.json", (unsigned long long)version);
    return ota_fs_read(path, OTA_CAP_ROOT, out, err);
}

/* version 0: the file without a number. */
static enum ota_status read_role(const struct ota_workspace *w, struct ota_role_file *f, uint64_t version,
                                 const char *role, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf wire = {0};
    OTA_CLEAN_FREE char *path =
        version ? ota_workspace_path(w, "state/repo/metadata/%llu.%s.json", (unsigned long long)version, role)
                : ota_workspace_path(w, "state/repo/metadata/%s.json", role);
    OTA_TRY(ota_fs_read(path, ota_repo_role_cap(role), &wire, err));
    ota_role_file_set(f, role, ota_buf_span(&wire));
    return OTA_OK;
}

/* Roots are kept for ever, so the newest is the last of an unbroken row. */
static enum ota_status newest_root(const struct ota_workspace *w, uint64_t *version, struct ota_err *err) {
    uint64_t n = 0;
    for (bool there = true; there && n < ROOTS_MAX; n += there) {
        OTA_CLEAN_FREE char *path =
            ota_workspace_path(w, "state/repo/metadata/%llu.root.json", (unsigned long long)n + 1);
        there = ota_fs_exists(path);
    }
    if (n == 0)
        return ota_err_set(err, OTA_NOT_FOUND, "%s/state/repo: no signed repository there; make one: otactl init",
                           w->dir);
    *version = n;
    return OTA_OK;
}

static enum ota_status load_listed(const struct ota_workspace *w, const struct ota_role_entries *entries,
                                   const char *role, const char *type, const struct ota_signers *signers,
                                   struct ota_role_file *f, struct ota_err *err) {
    const struct ota_meta_entry *e = ota_role_entries_find(entries, role);
    if (!e)
        return ota_err_set(err, OTA_METADATA_FIELD, "role %s is delegated or needed, but not listed", role);
    OTA_TRY(read_role(w, f, e->version, role, err));
    OTA_TRY(ota_role_file_open(f, type, signers, err));
    return ota_role_file_match(f, e, err);
}

static enum ota_status load_delegated(const struct ota_workspace *w, struct ota_repo_set *s,
                                      const struct ota_delegation *d, struct ota_err *err) {
    if (strcmp(d->name, "rollout") == 0)
        return load_listed(w, &s->listed, d->name, "targets", &d->signers, &s->rollout, err);
    if (s->product_count == OTA_PRODUCTS_MAX)
        return ota_err_set(err, OTA_TOO_LARGE, "role targets: more than %u products", OTA_PRODUCTS_MAX);
    OTA_TRY(load_listed(w, &s->listed, d->name, "targets", &d->signers, &s->product[s->product_count], err));
    s->product_count++;
    return OTA_OK;
}

static enum ota_status load(const struct ota_workspace *w, uint64_t root, struct ota_repo_set *s, struct ota_err *err) {
    struct ota_role_entries entries;
    OTA_TRY(read_role(w, &s->root, root, "root", err));
    OTA_TRY(ota_role_file_open_root(&s->root, s->top, err));
    OTA_TRY(read_role(w, &s->timestamp, 0, "timestamp", err));
    OTA_TRY(ota_role_file_open(&s->timestamp, "timestamp", &s->top[OTA_ROLE_TIMESTAMP], err));
    OTA_TRY(ota_role_entries_read(&s->timestamp, &entries, err));
    OTA_TRY(load_listed(w, &entries, "snapshot", "snapshot", &s->top[OTA_ROLE_SNAPSHOT], &s->snapshot, err));
    OTA_TRY(ota_role_entries_read(&s->snapshot, &s->listed, err));
    OTA_TRY(load_listed(w, &s->listed, "targets", "targets", &s->top[OTA_ROLE_TARGETS], &s->targets, err));
    OTA_TRY(ota_role_delegations_read(&s->targets, &s->delegations, err));
    for (size_t i = 0; i < s->delegations.count; i++)
        OTA_TRY(load_delegated(w, s, &s->delegations.delegation[i], err));
    if (s->rollout.wire.len == 0)
        return ota_err_set(err, OTA_DELEGATION, "role targets: delegates to no rollout");
    return OTA_OK;
}

/* ---- keys/root.json ---------------------------------------------------------------------------------------- */

enum ota_status ota_repo_known_root(const struct ota_workspace *w, struct ota_role_file *f,
                                    struct ota_signers top[OTA_ROLE_COUNT], struct ota_err *err) {
    OTA_CLEAN_FREE char *path = ota_workspace_path(w, "keys/root.json");
    OTA_CLEAN(ota_buf_free) struct ota_buf wire = {0};
    OTA_TRY(ota_fs_read(path, OTA_CAP_ROOT, &wire, err));
    ota_role_file_set(f, "root", ota_buf_span(&wire));
    return ota_role_file_open_root(f, top, err) == OTA_OK ? OTA_OK : ota_err_prefix(err, "keys/root.json");
}

static enum ota_status follow_chain(const struct ota_workspace *w, struct ota_role_file *f,
                                    struct ota_signers top[OTA_ROLE_COUNT], uint64_t last, struct ota_err *err) {
    while (f->meta.version < last) {
        const struct ota_signers by = top[OTA_ROLE_ROOT];
        const uint64_t next = f->meta.version + 1;
        OTA_TRY(read_role(w, f, next, "root", err));
        OTA_TRY(ota_role_file_open_next_root(f, next, &by, top, err));
    }
    return OTA_OK;
}

/* Whoever may write state/ could make a whole repository under keys of his own, for a person's offline key to sign on
 * top of. So it must lead on from the root that keys/ vouches for. */
static enum ota_status check_known(const struct ota_workspace *w, const struct ota_repo_set *s, bool may_be_older,
                                   struct ota_err *err) {
    OTA_CLEAN(ota_role_file_free) struct ota_role_file known = {0};
    struct ota_signers top[OTA_ROLE_COUNT];
    enum ota_status found = ota_repo_known_root(w, &known, top, err);
    if (found == OTA_NOT_FOUND ||
        (found == OTA_PERMISSION && may_be_older)) /* no keys/, or not ours: only to look at */
        return OTA_OK;
    OTA_TRY(found);
    if (s->root.meta.version < known.meta.version)
        return may_be_older
                   ? OTA_OK
                   : ota_err_set(err, OTA_ROLLBACK,
                                 "its newest root is older than keys/root.json; bring the newer files back from "
                                 "where they still are: otactl restore --merge SOURCE");
    if (follow_chain(w, &known, top, s->root.meta.version, err) != OTA_OK)
        return ota_err_prefix(err, "does not lead on from keys/root.json");
    if (!ota_span_equal(ota_buf_span(&known.wire), ota_buf_span(&s->root.wire)))
        return ota_err_set(err, OTA_KEY, "its root %llu is not keys/root.json; if it is the right one, copy it there",
                           (unsigned long long)s->root.meta.version);
    return OTA_OK;
}

/* ---- the newest -------------------------------------------------------------------------------------------- */

static enum ota_status load_under(const struct ota_workspace *w, uint64_t root, bool may_be_older,
                                  struct ota_repo_set **out, struct ota_err *err) {
    OTA_CLEAN(ota_repo_set_free) struct ota_repo_set *s = ota_calloc(1, sizeof *s);
    OTA_TRY(load(w, root, s, err));
    OTA_TRY(check_known(w, s, may_be_older, err));
    *out = OTA_STEAL(s);
    return OTA_OK;
}

/* Where roots and timestamp could not be placed at once (repo_place.c), a crash leaves roots that nothing was signed
 * under yet. */
static enum ota_status load_under_newest(const struct ota_workspace *w, bool may_be_older, struct ota_repo_set **out,
                                         struct ota_err *err) {
    uint64_t newest = 0;
    struct ota_err ignored;
    OTA_TRY(newest_root(w, &newest, err));
    enum ota_status s = load_under(w, newest, may_be_older, out, err);
    for (uint64_t n = newest; s == OTA_SIGNATURE && --n > 0 && newest - n <= UNUSED_ROOTS_MAX;)
        if (load_under(w, n, may_be_older, out, &ignored) == OTA_OK)
            return OTA_OK;
    return s;
}

static enum ota_status load_set(const struct ota_workspace *w, bool may_be_older, struct ota_repo_set **out,
                                struct ota_err *err) {
    *out = NULL;
    return load_under_newest(w, may_be_older, out, err) == OTA_OK ? OTA_OK : ota_err_prefix(err, "state/repo");
}

enum ota_status ota_repo_set_load(const struct ota_workspace *w, struct ota_repo_set **out, struct ota_err *err) {
    return load_set(w, false, out, err);
}

enum ota_status ota_repo_set_load_older(const struct ota_workspace *w, struct ota_repo_set **out, struct ota_err *err) {
    return load_set(w, true, out, err);
}
