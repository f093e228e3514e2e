/* SPDX-License-Identifier: Apache-2.0 */
/* The first repository of a workspace; see sign.h. */
#include <string.h>

#include "host/fs.h"
#include "sign/online.h"
#include "sign/role.h"
#include "sign/sign.h"

struct keys {
    struct ota_key *top[OTA_ROLE_COUNT];
    struct ota_key *rollout;
    size_t count;
    struct ota_key *product[OTA_PRODUCTS_MAX];
};

static void clean_keys(struct keys *k) {
    for (size_t i = 0; i < OTA_ROLE_COUNT; i++)
        ota_key_free(&k->top[i]);
    ota_key_free(&k->rollout);
    for (size_t i = 0; i < k->count; i++)
        ota_key_free(&k->product[i]);
}

static enum ota_status ensure_key(const struct ota_workspace *w, const char *role, struct ota_key **out,
                                  struct ota_err *err) {
    OTA_CLEAN_FREE char *path = ota_workspace_path(w, "keys/%s.pem", role);
    return ota_key_ensure(out, path, err);
}

static enum ota_status ensure_keys(const struct ota_workspace *w, struct keys *k, struct ota_err *err) {
    for (int role = 0; role < OTA_ROLE_COUNT; role++)
        OTA_TRY(ensure_key(w, ota_role_name((enum ota_role)role), &k->top[role], err));
    OTA_TRY(ensure_key(w, "rollout", &k->rollout, err));
    for (; k->count < w->config.product_count; k->count++) {
        const char *name = w->config.product[k->count].name;
        if (strncmp(name, "tls-", 4) == 0)
            return ota_err_set(err, OTA_CONFIG, "product %s: names that begin with tls- are taken by files in keys/",
                               name);
        OTA_TRY(ensure_key(w, name, &k->product[k->count], err));
    }
    return OTA_OK;
}

static enum ota_status write_role(const char *repo, uint64_t version, const char *role, const struct ota_buf *file,
                                  struct ota_err *err) {
    OTA_CLEAN_FREE char *path = version
                                    ? ota_sprintf("%s/metadata/%llu.%s.json", repo, (unsigned long long)version, role)
                                    : ota_sprintf("%s/metadata/%s.json", repo, role);
    return ota_fs_write(path, file->p, file->len, 0644, err);
}

static struct ota_role_keys signed_by(const struct ota_key *key) {
    return (struct ota_role_keys){.count = 1, .key = {key}};
}

static enum ota_status make_root(const struct keys *k, uint64_t now, struct ota_buf *out, struct ota_err *err) {
    struct ota_role_root root = {.version = 1, .expires = now + OTA_ROLE_ROOT_LIFE};
    for (size_t i = 0; i < OTA_ROLE_COUNT; i++)
        root.by[i] = ota_role_by_key(ota_key_public(k->top[i]));
    const struct ota_role_keys by = signed_by(k->top[OTA_ROLE_ROOT]);
    return ota_role_root(&root, &by, out, err);
}

static enum ota_status make_targets(const struct ota_workspace *w, const struct keys *k, uint64_t now,
                                    struct ota_buf *out, struct ota_err *err) {
    OTA_CLEAN_FREE struct ota_role_targets *targets = ota_calloc(1, sizeof *targets);
    targets->version = 1;
    targets->expires = now + OTA_ROLE_OFFLINE_LIFE;
    targets->count = k->count;
    targets->rollout = ota_role_by_key(ota_key_public(k->rollout));
    for (size_t i = 0; i < k->count; i++) {
        memcpy(targets->product[i].name, w->config.product[i].name, sizeof targets->product[i].name);
        targets->product[i].by = ota_role_by_key(ota_key_public(k->product[i]));
    }
    const struct ota_role_keys by = signed_by(k->top[OTA_ROLE_TARGETS]);
    return ota_role_targets(targets, &by, out, err);
}

/* The offline roles and what follows from them, all of the first repository. */
struct first {
    struct ota_buf root, targets;
    struct ota_buf product[OTA_PRODUCTS_MAX];
    struct ota_online_answer online;
};
static void clean_first(struct first *f) {
    ota_buf_free(&f->root);
    ota_buf_free(&f->targets);
    for (size_t i = 0; i < OTA_PRODUCTS_MAX; i++)
        ota_buf_free(&f->product[i]);
    ota_online_answer_free(&f->online);
}

static enum ota_status sign_offline(const struct ota_workspace *w, const struct keys *k, uint64_t now, struct first *f,
                                    struct ota_err *err) {
    OTA_TRY(make_root(k, now, &f->root, err));
    OTA_TRY(make_targets(w, k, now, &f->targets, err));
    const struct ota_role_product none = {.version = 1, .expires = now + OTA_ROLE_OFFLINE_LIFE};
    for (size_t i = 0; i < k->count; i++) {
        const struct ota_role_keys by = signed_by(k->product[i]);
        OTA_TRY(ota_role_product(&none, &by, &f->product[i], err));
    }
    return OTA_OK;
}

static enum ota_status sign_online(const struct ota_workspace *w, uint64_t now, struct first *f, struct ota_err *err) {
    OTA_CLEAN_FREE char *dir = ota_workspace_path(w, "keys");
    OTA_CLEAN_FREE char *pinned = ota_workspace_path(w, "keys/root.json");
    OTA_TRY(ota_fs_write(pinned, f->root.p, f->root.len, 0600, err));
    OTA_CLEAN(ota_keyring_free) struct ota_keyring ring = {0};
    OTA_TRY(ota_keyring_load(&ring, dir, err));
    struct ota_online_proposal proposal = {
        .now = now,
        .root_count = 1,
        .root = {ota_buf_span(&f->root)},
        .targets = ota_buf_span(&f->targets),
        .product_count = w->config.product_count,
    };
    for (size_t i = 0; i < proposal.product_count; i++)
        proposal.product[i] = ota_buf_span(&f->product[i]);
    struct ota_last_signed past = {0}; /* without state/repo there is nothing to go on from, whatever the file says */
    OTA_TRY(ota_online_sign(&ring, &proposal, &past, &f->online, err));
    return ota_last_signed_write(dir, &past, err);
}

static enum ota_status write_repo(const struct ota_workspace *w, const char *repo, uint64_t now, const struct first *f,
                                  struct ota_err *err) {
    OTA_CLEAN_FREE char *metadata = ota_sprintf("%s/metadata", repo);
    OTA_CLEAN_FREE char *images = ota_sprintf("%s/targets/img", repo);
    OTA_TRY(ota_fs_remove_tree(repo, err));
    OTA_TRY(ota_fs_mkdirs(metadata, 0755, err));
    OTA_TRY(ota_fs_mkdirs(images, 0755, err));
    OTA_TRY(write_role(repo, 1, "root", &f->root, err));
    OTA_TRY(write_role(repo, 1, "targets", &f->targets, err));
    for (size_t i = 0; i < w->config.product_count; i++)
        OTA_TRY(write_role(repo, 1, w->config.product[i].name, &f->product[i], err));
    OTA_TRY(write_role(repo, now, "rollout", &f->online.rollout, err));
    OTA_TRY(write_role(repo, now, "snapshot", &f->online.snapshot, err));
    return write_role(repo, 0, "timestamp", &f->online.timestamp, err);
}

enum ota_status ota_sign_create(const struct ota_workspace *w, uint64_t now, struct ota_err *err) {
    OTA_CLEAN_FREE char *dir = ota_workspace_path(w, "keys");
    OTA_CLEAN_FREE char *repo = ota_workspace_path(w, "state/repo");
    OTA_CLEAN_FREE char *temp = ota_workspace_path(w, "state/.repo-tmp");
    OTA_CLEAN(clean_keys) struct keys keys = {0};
    OTA_CLEAN(clean_first) struct first first = {0};
    if (ota_fs_exists(repo))
        return ota_err_set(err, OTA_EXISTS, "%s: exists; a signed repository is never overwritten", repo);
    OTA_TRY(ota_fs_mkdirs(dir, 0700, err));
    OTA_TRY(ensure_keys(w, &keys, err));
    OTA_TRY(sign_offline(w, &keys, now, &first, err));
    OTA_TRY(sign_online(w, now, &first, err));
    OTA_TRY(write_repo(w, temp, now, &first, err));
    return ota_fs_rename(temp, repo, err);
}
