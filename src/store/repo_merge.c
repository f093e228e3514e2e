/* SPDX-License-Identifier: Apache-2.0 */
/* Fetches, verifies and places a newer repository; see repo_merge.h. */
#include "store/repo_merge.h"

#include <stdio.h>
#include <string.h>

#include "host/crypto.h"
#include "host/err_place.h"
#include "store/repo_commit.h"
#include "store/repo_unpack.h"
#include "store/repo_verify.h"

#define ROOTS_MAX 1024u

struct merge {
    const struct ota_workspace *w;
    const struct ota_transport *from;
    struct ota_repo_set *here;
    struct ota_repo_commit next; /* what the source has: roots above ours, and every role */
    struct ota_signers top[OTA_ROLE_COUNT];
    struct ota_role_entries listed;
    struct ota_role_delegations delegations;
    size_t product_count;
    struct ota_repo_merged *done;
};
static void merge_free(struct merge **m) {
    if (!*m)
        return;
    ota_repo_set_free(&(*m)->here);
    ota_repo_commit_free(&(*m)->next);
    free(*m);
}

/* ---- fetching ---------------------------------------------------------------------------------------------- */

static enum ota_status read_body(struct merge *m, size_t cap, struct ota_buf *out, struct ota_err *err) {
    uint8_t chunk[4096];
    for (size_t got = 1; got;) {
        OTA_TRY(m->from->read(m->from->ctx, chunk, sizeof chunk, &got, err));
        if (got > cap - out->len)
            return ota_err_set(err, OTA_TOO_LARGE, "larger than the %zu bytes it may have", cap);
        ota_buf_append(out, chunk, got);
    }
    return OTA_OK;
}

/* NOT_FOUND for what is not there. */
static enum ota_status fetch(struct merge *m, enum ota_address address, const char *path, size_t cap,
                             struct ota_buf *out, struct ota_err *err) {
    const struct ota_request request = {.address = address, .path = path};
    struct ota_response answer = {0};
    enum ota_status s = m->from->open(m->from->ctx, &request, &answer, err);
    if (s == OTA_OK) {
        if (answer.status == 200)
            s = read_body(m, cap, out, err);
        else if (answer.status == 404)
            s = ota_err_set(err, OTA_NOT_FOUND, "is missing there");
        else
            s = ota_err_set(err, OTA_HTTP, "the server answered %d", answer.status);
        m->from->close(m->from->ctx);
    }
    return s == OTA_OK ? s : ota_err_place(err, path, 0);
}

static enum ota_status fetch_role(struct merge *m, const char *role, uint64_t version, struct ota_role_file *f,
                                  struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf wire = {0};
    char path[OTA_ROLE_NAME_MAX + 32];
    if (version)
        (void)snprintf(path, sizeof path, "%llu.%s.json", (unsigned long long)version, role);
    else
        (void)snprintf(path, sizeof path, "%s.json", role);
    OTA_TRY(fetch(m, OTA_ADDRESS_METADATA, path, ota_repo_role_cap(role), &wire, err));
    ota_role_file_set(f, role, ota_buf_span(&wire));
    return OTA_OK;
}

/* ---- verifying --------------------------------------------------------------------------------------------- */

static enum ota_status follow_root(struct merge *m, const struct ota_role_file *known, uint64_t version,
                                   struct ota_err *err) {
    OTA_CLEAN(ota_role_file_free) struct ota_role_file next = {0};
    struct ota_repo_commit *n = &m->next;
    struct ota_signers by = m->top[OTA_ROLE_ROOT];
    OTA_TRY(fetch_role(m, "root", version, &next, err));
    if (n->root_count == ROOTS_MAX)
        return ota_err_set(err, OTA_TOO_LARGE, "more than %u roots are newer than the one here", ROOTS_MAX);
    struct ota_role_file *f = ota_repo_commit_add_root(n, ota_buf_span(&next.wire));
    OTA_TRY(ota_role_file_open_next_root(f, version, &by, m->top, err));
    if (version == known->meta.version && !ota_span_equal(ota_buf_span(&f->wire), ota_buf_span(&known->wire)))
        return ota_err_set(err, OTA_KEY, "root %llu there is not the one in keys/root.json",
                           (unsigned long long)version);
    return OTA_OK;
}

/* keys/root.json is the root this workspace believes; the repository's own may be older or, with old keys, newer. */
static enum ota_status follow_roots(struct merge *m, struct ota_err *err) {
    OTA_CLEAN(ota_role_file_free) struct ota_role_file known = {0};
    struct ota_signers ignored[OTA_ROLE_COUNT];
    OTA_TRY(ota_repo_known_root(m->w, &known, ignored, err));
    memcpy(m->top, m->here->top, sizeof m->top);
    uint64_t version = m->here->root.meta.version;
    enum ota_status s = OTA_OK;
    while (s == OTA_OK)
        s = follow_root(m, &known, ++version, err);
    if (s == OTA_NOT_FOUND && version > known.meta.version)
        return OTA_OK;
    if (s == OTA_NOT_FOUND)
        return ota_err_set(err, OTA_ROLLBACK,
                           "the source has no root %llu, and keys/root.json is root %llu: the source is not newer "
                           "than the change of root that was lost",
                           (unsigned long long)version, (unsigned long long)known.meta.version);
    return s;
}

static enum ota_status take(struct merge *m, const struct ota_role_entries *entries, const char *role, const char *type,
                            const struct ota_signers *by, struct ota_role_file *f, struct ota_err *err) {
    const struct ota_meta_entry *e = ota_role_entries_find(entries, role);
    if (!e)
        return ota_err_set(err, OTA_METADATA_FIELD, "role %s is not listed there", role);
    OTA_TRY(fetch_role(m, role, e->version, f, err));
    OTA_TRY(ota_role_file_open(f, type, by, err));
    return ota_role_file_match(f, e, err);
}

static enum ota_status take_delegated(struct merge *m, struct ota_err *err) {
    for (size_t i = 0; i < m->delegations.count; i++) {
        const struct ota_delegation *d = &m->delegations.delegation[i];
        if (strcmp(d->name, "rollout") == 0) {
            OTA_TRY(take(m, &m->listed, d->name, "targets", &d->signers, &m->next.rollout, err));
            continue;
        }
        if (m->product_count == OTA_PRODUCTS_MAX)
            return ota_err_set(err, OTA_TOO_LARGE, "more than %u products there", OTA_PRODUCTS_MAX);
        OTA_TRY(take(m, &m->listed, d->name, "targets", &d->signers, &m->next.product[m->product_count], err));
        m->product_count++;
    }
    return OTA_OK;
}

static enum ota_status take_roles(struct merge *m, struct ota_err *err) {
    struct ota_role_entries entries;
    struct ota_repo_commit *n = &m->next;
    OTA_TRY(fetch_role(m, "timestamp", 0, &n->timestamp, err));
    OTA_TRY(ota_role_file_open(&n->timestamp, "timestamp", &m->top[OTA_ROLE_TIMESTAMP], err));
    OTA_TRY(ota_role_entries_read(&n->timestamp, &entries, err));
    OTA_TRY(take(m, &entries, "snapshot", "snapshot", &m->top[OTA_ROLE_SNAPSHOT], &n->snapshot, err));
    OTA_TRY(ota_role_entries_read(&n->snapshot, &m->listed, err));
    OTA_TRY(take(m, &m->listed, "targets", "targets", &m->top[OTA_ROLE_TARGETS], &n->targets, err));
    OTA_TRY(ota_role_delegations_read(&n->targets, &m->delegations, err));
    return take_delegated(m, err);
}

/* Nothing here may get lost: it was signed after the backup was brought back, and boards may have seen it. */
static enum ota_status check_newer(const struct merge *m, struct ota_err *err) {
    for (size_t i = 0; i < m->here->listed.count; i++) {
        const struct ota_meta_entry *mine = &m->here->listed.entry[i];
        const struct ota_meta_entry *theirs = ota_role_entries_find(&m->listed, mine->name);
        if (!theirs || theirs->version < mine->version)
            return ota_err_set(err, OTA_ROLLBACK,
                               "role %s is at version %llu here and %llu there: the source is not the newer one as a "
                               "whole; run restore --merge without it",
                               mine->name, (unsigned long long)mine->version,
                               (unsigned long long)(theirs ? theirs->version : 0));
    }
    return OTA_OK;
}

/* ---- placing ----------------------------------------------------------------------------------------------- */

static enum ota_status check_packed(const struct ota_repo_image *image, const struct ota_buf *bytes,
                                    struct ota_err *err) {
    OTA_CLEAN(ota_repo_unpack_free) struct ota_repo_unpack *unpack = NULL;
    OTA_TRY(ota_repo_unpack_begin(image, &unpack, err));
    OTA_TRY(ota_repo_unpack_feed(unpack, bytes->p, bytes->len, err));
    return ota_repo_unpack_end(unpack, err);
}

static enum ota_status bring_image(void *ctx, const struct ota_repo_image *image, struct ota_err *err) {
    struct merge *m = ctx;
    OTA_CLEAN_FREE char *path = ota_workspace_path(m->w, "state/repo/targets/%s", image->path);
    OTA_CLEAN_FREE char *folder = ota_sprintf("%.*s", (int)(strrchr(path, '/') - path), path);
    OTA_CLEAN(ota_buf_free) struct ota_buf bytes = {0};
    uint8_t digest[OTA_SHA256_LEN];
    if (ota_fs_exists(path))
        return OTA_OK;
    OTA_TRY(fetch(m, OTA_ADDRESS_TARGETS, image->path, (size_t)image->length, &bytes, err));
    OTA_TRY(ota_sha256(&ota_crypto_openssl, bytes.p, bytes.len, digest, err));
    if (bytes.len != image->length || memcmp(digest, image->sha256, sizeof digest) != 0)
        return ota_err_set(err, OTA_HASH, "%s: not what was signed", image->path);
    if (image->plain_length && check_packed(image, &bytes, err) != OTA_OK)
        return ota_err_place(err, image->path, 0);
    m->done->images++;
    OTA_TRY(ota_fs_mkdirs(folder, 0755, err));
    return ota_fs_write(path, bytes.p, bytes.len, 0644, err);
}

static enum ota_status bring_images(struct merge *m, struct ota_err *err) {
    for (size_t i = 0; i < m->product_count; i++)
        OTA_TRY(ota_repo_each_image(&m->next.product[i], bring_image, m, err));
    return OTA_OK;
}

static void count_roles(struct merge *m) {
    m->done->roots = m->next.root_count;
    for (size_t i = 0; i < m->listed.count; i++) {
        const struct ota_meta_entry *mine = ota_role_entries_find(&m->here->listed, m->listed.entry[i].name);
        m->done->roles += !mine || mine->version < m->listed.entry[i].version;
    }
}

enum ota_status ota_repo_merge(const struct ota_workspace *w, const struct ota_transport *from,
                               struct ota_repo_merged *out, struct ota_err *err) {
    OTA_CLEAN(merge_free) struct merge *m = ota_calloc(1, sizeof *m);
    *out = (struct ota_repo_merged){.newer = false};
    m->w = w;
    m->from = from;
    m->done = out;
    OTA_TRY(ota_repo_set_load_older(w, &m->here, err));
    OTA_TRY(follow_roots(m, err));
    OTA_TRY(take_roles(m, err));
    if (m->next.timestamp.meta.version <= m->here->timestamp.meta.version && m->next.root_count == 0)
        return OTA_OK;
    OTA_TRY(check_newer(m, err));
    OTA_TRY(bring_images(m, err));
    OTA_TRY(ota_repo_commit_place(w, &m->next, err));
    count_roles(m);
    out->newer = true;
    return OTA_OK;
}

enum ota_status ota_repo_adopt_root(const struct ota_workspace *w, struct ota_err *err) {
    OTA_CLEAN(ota_repo_set_free) struct ota_repo_set *set = NULL;
    OTA_CLEAN(ota_role_file_free) struct ota_role_file known = {0};
    OTA_CLEAN_FREE char *path = ota_workspace_path(w, "keys/root.json");
    struct ota_signers ignored[OTA_ROLE_COUNT];
    OTA_TRY(ota_repo_set_load_older(w, &set, err)); /* that it follows is looked at there */
    OTA_TRY(ota_repo_known_root(w, &known, ignored, err));
    const uint64_t here = set->root.meta.version;
    if (here == known.meta.version)
        return OTA_OK;
    if (here > known.meta.version)
        return ota_fs_write(path, set->root.wire.p, set->root.wire.len, 0600, err);
    return ota_err_set(err, OTA_ROLLBACK,
                       "state/repo ends with root %llu, and boards may have root %llu (keys/root.json): only a place "
                       "that still has the newer files can bring them back: otactl restore --merge SOURCE",
                       (unsigned long long)here, (unsigned long long)known.meta.version);
}
