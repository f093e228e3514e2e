/* SPDX-License-Identifier: Apache-2.0 */
/* Fetches and verifies a chain of roles; see repo_chain.h. */
#include "store/repo_chain.h"

#include <stdio.h>
#include <string.h>

#include "store/repo_set.h"

#define CHUNK 16384u
#define ROOTS_MAX 1024u

struct fetch {
    const struct ota_transport *from;
    struct ota_repo_chain *out;
    struct ota_signers top[OTA_ROLE_COUNT];
    struct ota_role_entries listed;
    struct ota_role_delegations delegations;
};

void ota_repo_chain_free(struct ota_repo_chain *c) {
    struct ota_role_file *const single[] = {&c->timestamp, &c->snapshot, &c->targets, &c->rollout, &c->product};
    for (size_t i = 0; i < c->root_count; i++)
        ota_role_file_free(&c->root[i]);
    free(c->root);
    for (size_t i = 0; i < OTA_ARRAY_LEN(single); i++)
        ota_role_file_free(single[i]);
    free(c->release);
    memset(c, 0, sizeof *c);
}

void ota_repo_role_path(const struct ota_role_file *f, char out[OTA_REPO_ROLE_PATH_MAX]) {
    if (strcmp(f->name, "timestamp") == 0)
        (void)snprintf(out, OTA_REPO_ROLE_PATH_MAX, "metadata/%s.json", f->name);
    else
        (void)snprintf(out, OTA_REPO_ROLE_PATH_MAX, "metadata/%llu.%s.json", (unsigned long long)f->meta.version,
                       f->name);
}

/* ---- fetching --------------------------------------------------------------------------------------------- */

static enum ota_status read_body(const struct ota_transport *from, size_t cap, struct ota_buf *out,
                                 struct ota_err *err) {
    uint8_t chunk[CHUNK];
    for (size_t got = 1; got;) {
        OTA_TRY(from->read(from->ctx, chunk, sizeof chunk, &got, err));
        if (out->len + got > cap)
            return ota_err_set(err, OTA_TOO_LARGE, "larger than its cap of %zu bytes", cap);
        ota_buf_append(out, chunk, got);
    }
    return OTA_OK;
}

static enum ota_status read_path(const struct ota_transport *from, const char *path, size_t cap, struct ota_buf *out,
                                 struct ota_err *err) {
    const struct ota_request req = {.address = OTA_ADDRESS_METADATA, .path = path};
    struct ota_response resp = {0};
    OTA_TRY(from->open(from->ctx, &req, &resp, err));
    enum ota_status s = resp.status == 200   ? read_body(from, cap, out, err)
                        : resp.status == 404 ? ota_err_set(err, OTA_NOT_FOUND, "is missing")
                                             : ota_err_set(err, OTA_HTTP, "the server answered %d", resp.status);
    from->close(from->ctx);
    return s;
}

/* version 0: the file without a number. */
static enum ota_status fetch_role(const struct fetch *c, const char *role, uint64_t version, struct ota_role_file *f,
                                  struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf wire = {0};
    char path[OTA_REPO_ROLE_PATH_MAX];
    if (version)
        (void)snprintf(path, sizeof path, "%llu.%s.json", (unsigned long long)version, role);
    else
        (void)snprintf(path, sizeof path, "%s.json", role);
    if (read_path(c->from, path, ota_repo_role_cap(role), &wire, err) != OTA_OK)
        return ota_err_prefix(err, "metadata/%s", path);
    ota_role_file_set(f, role, ota_buf_span(&wire));
    return OTA_OK;
}

/* ---- roots ------------------------------------------------------------------------------------------------ */

/* *first: the lowest version that leads to `trusted` without a gap. */
static enum ota_status find_oldest(const struct fetch *c, uint64_t trusted, uint64_t *first, struct ota_err *err) {
    enum ota_status s = OTA_OK;
    for (*first = trusted; s == OTA_OK && *first > 1 && trusted - *first < ROOTS_MAX;) {
        OTA_CLEAN(ota_role_file_free) struct ota_role_file f = {0};
        s = fetch_role(c, "root", *first - 1, &f, err);
        *first -= s == OTA_OK;
    }
    return s == OTA_NOT_FOUND ? OTA_OK : s;
}

static enum ota_status add_root(struct fetch *c, struct ota_role_file *f, uint64_t version, struct ota_err *err) {
    struct ota_repo_chain *out = c->out;
    const struct ota_signers by = c->top[OTA_ROLE_ROOT];
    if (out->root_count == ROOTS_MAX)
        return ota_err_set(err, OTA_TOO_LARGE, "more than %u roots", ROOTS_MAX);
    if (out->root_count)
        OTA_TRY(ota_role_file_open_next_root(f, version, &by, c->top, err));
    else
        OTA_TRY(ota_role_file_open_root(f, c->top, err));
    if (f->meta.version != version)
        return ota_err_set(err, OTA_VERSION, "metadata/%llu.root.json is root %llu", (unsigned long long)version,
                           (unsigned long long)f->meta.version);
    out->root[out->root_count++] = *f;
    *f = (struct ota_role_file){.name = ""};
    return OTA_OK;
}

static enum ota_status take_root(struct fetch *c, const struct ota_role_file *trusted, uint64_t version,
                                 struct ota_err *err) {
    OTA_CLEAN(ota_role_file_free) struct ota_role_file f = {0};
    OTA_TRY(fetch_role(c, "root", version, &f, err));
    if (version == trusted->meta.version && !ota_span_equal(ota_buf_span(&f.wire), ota_buf_span(&trusted->wire)))
        return ota_err_set(err, OTA_KEY, "its root %llu is not the one that is trusted", (unsigned long long)version);
    return add_root(c, &f, version, err);
}

/* Those before the trusted one vouch for nothing here: boards that know nothing newer follow them to it. */
static enum ota_status take_roots(struct fetch *c, struct ota_span given, struct ota_err *err) {
    OTA_CLEAN(ota_role_file_free) struct ota_role_file trusted = {0};
    struct ota_signers ignored[OTA_ROLE_COUNT];
    uint64_t version;
    ota_role_file_set(&trusted, "root", given);
    OTA_TRY(ota_role_file_open_root(&trusted, ignored, err));
    OTA_TRY(find_oldest(c, trusted.meta.version, &version, err));
    c->out->root = ota_calloc(ROOTS_MAX, sizeof *c->out->root);
    enum ota_status s = OTA_OK;
    while (s == OTA_OK)
        s = take_root(c, &trusted, version++, err);
    return s == OTA_NOT_FOUND && version - 1 > trusted.meta.version ? OTA_OK : s;
}

/* ---- what they sign --------------------------------------------------------------------------------------- */

static enum ota_status take(const struct fetch *c, const struct ota_role_entries *entries, const char *role,
                            const char *type, const struct ota_signers *by, struct ota_role_file *f,
                            struct ota_err *err) {
    const struct ota_meta_entry *e = ota_role_entries_find(entries, role);
    if (!e)
        return ota_err_set(err, OTA_METADATA_FIELD, "role %s is not listed", role);
    OTA_TRY(fetch_role(c, role, e->version, f, err));
    OTA_TRY(ota_role_file_open(f, type, by, err));
    return ota_role_file_match(f, e, err);
}

static enum ota_status take_delegated(const struct fetch *c, const char *role, struct ota_role_file *f,
                                      struct ota_err *err) {
    for (size_t i = 0; i < c->delegations.count; i++) {
        const struct ota_delegation *d = &c->delegations.delegation[i];
        if (strcmp(d->name, role) == 0)
            return take(c, &c->listed, role, "targets", &d->signers, f, err);
    }
    return ota_err_set(err, OTA_DELEGATION, "this repository has no product %s", role);
}

static enum ota_status take_roles(struct fetch *c, const char *product, struct ota_err *err) {
    struct ota_repo_chain *out = c->out;
    struct ota_role_entries entries;
    OTA_TRY(fetch_role(c, "timestamp", 0, &out->timestamp, err));
    OTA_TRY(ota_role_file_open(&out->timestamp, "timestamp", &c->top[OTA_ROLE_TIMESTAMP], err));
    OTA_TRY(ota_role_entries_read(&out->timestamp, &entries, err));
    OTA_TRY(take(c, &entries, "snapshot", "snapshot", &c->top[OTA_ROLE_SNAPSHOT], &out->snapshot, err));
    OTA_TRY(ota_role_entries_read(&out->snapshot, &c->listed, err));
    OTA_TRY(take(c, &c->listed, "targets", "targets", &c->top[OTA_ROLE_TARGETS], &out->targets, err));
    OTA_TRY(ota_role_delegations_read(&out->targets, &c->delegations, err));
    OTA_TRY(take_delegated(c, "rollout", &out->rollout, err));
    return take_delegated(c, product, &out->product, err);
}

static enum ota_status read_releases(struct ota_repo_chain *out, struct ota_err *err) {
    uint32_t counter[OTA_RELEASES_MAX];
    size_t count;
    OTA_TRY(ota_release_counters(&out->product.meta, out->product.name, counter, OTA_RELEASES_MAX, &count, err));
    out->release = ota_calloc(count + 1, sizeof *out->release);
    for (size_t i = 0; i < count; i++) {
        bool found;
        OTA_TRY(ota_release_read(&out->product.meta, out->product.name, counter[i], &out->release[out->release_count],
                                 &found, err));
        out->release_count += found;
    }
    return OTA_OK;
}

static void find_end(struct ota_repo_chain *out) {
    const struct ota_role_file *offline[] = {&out->root[out->root_count - 1], &out->targets, &out->product};
    out->expires = UINT64_MAX;
    for (size_t i = 0; i < OTA_ARRAY_LEN(offline); i++) {
        if (offline[i]->meta.expires >= out->expires)
            continue;
        out->expires = offline[i]->meta.expires;
        out->bound = offline[i]->name;
    }
}

enum ota_status ota_repo_chain_fetch(const struct ota_transport *transport, struct ota_span trusted,
                                     const char *product, struct ota_repo_chain *out, struct ota_err *err) {
    OTA_CLEAN_FREE struct fetch *c = ota_calloc(1, sizeof *c);
    memset(out, 0, sizeof *out);
    c->from = transport;
    c->out = out;
    if (ota_name_reserved(ota_span_str(product)))
        return ota_err_set(err, OTA_DELEGATION, "this repository has no product %s", product);
    OTA_TRY(take_roots(c, trusted, err));
    OTA_TRY(take_roles(c, product, err));
    OTA_TRY(read_releases(out, err));
    find_end(out);
    return OTA_OK;
}
