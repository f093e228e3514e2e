/* SPDX-License-Identifier: Apache-2.0 */
/* From a proposal to published files; see repo_commit.h. */
#include "store/repo_commit.h"

#include <string.h>

#include "host/transport.h"
#include "store/repo_verify.h"

enum { ANSWER_ROLLOUT, ANSWER_SNAPSHOT, ANSWER_TIMESTAMP, ANSWER_TARGETS, ANSWER_PRODUCTS };
#define ROOTS_SENT 8u /* OTA_ONLINE_ROOTS_MAX of the signer */
#define SIGN_PARTS 5u /* between roots and products */

void ota_repo_commit_free(struct ota_repo_commit *c) {
    ota_role_file_free(&c->timestamp);
    ota_role_file_free(&c->snapshot);
    ota_role_file_free(&c->rollout);
    ota_role_file_free(&c->targets);
    for (size_t i = 0; i < OTA_PRODUCTS_MAX; i++)
        ota_role_file_free(&c->product[i]);
    for (size_t i = 0; i < c->root_count; i++)
        ota_role_file_free(&c->root[i]);
    free(c->root);
}

struct ota_role_file *ota_repo_commit_add_root(struct ota_repo_commit *c, struct ota_span wire) {
    struct ota_role_file *more = ota_calloc(c->root_count + 1, sizeof *more);
    if (c->root_count)
        memcpy(more, c->root, c->root_count * sizeof *more);
    free(c->root);
    c->root = more;
    ota_role_file_set(&more[c->root_count], "root", wire);
    return &more[c->root_count++];
}

/* The version is wanted for the file's name; ota_repo_commit_verify() judges the rest. */
static enum ota_status take_role(const struct ota_buf *part, const char *name, const char *type,
                                 struct ota_role_file *f, struct ota_err *err) {
    if (part->len == 0)
        return OTA_OK;
    ota_role_file_set(f, name, ota_buf_span(part));
    if (ota_role_file_parse(f, type, err) != OTA_OK)
        return ota_err_prefix(err, "from the signer");
    return OTA_OK;
}

static enum ota_status take_answer(const struct ota_signer_message *answer, const struct ota_repo_set *set,
                                   struct ota_repo_commit *c, struct ota_err *err) {
    if (answer->type != OTA_SIGNER_SIGNED || answer->count != ANSWER_PRODUCTS + set->product_count)
        return ota_err_set(err, OTA_INTERNAL, "the signer answered SIGN with type %u, %zu parts", answer->type,
                           answer->count);
    OTA_TRY(take_role(&answer->part[ANSWER_ROLLOUT], "rollout", "targets", &c->rollout, err));
    OTA_TRY(take_role(&answer->part[ANSWER_SNAPSHOT], "snapshot", "snapshot", &c->snapshot, err));
    OTA_TRY(take_role(&answer->part[ANSWER_TIMESTAMP], "timestamp", "timestamp", &c->timestamp, err));
    OTA_TRY(take_role(&answer->part[ANSWER_TARGETS], "targets", "targets", &c->targets, err));
    for (size_t i = 0; i < set->product_count; i++)
        OTA_TRY(take_role(&answer->part[ANSWER_PRODUCTS + i], set->product[i].name, "targets", &c->product[i], err));
    return OTA_OK;
}

/* ---- the roots of a proposal: published ones, as far back as there is room, then the new ones --------------- */

struct chain {
    size_t count, published; /* published: how many of them are */
    struct ota_buf root[ROOTS_SENT];
};
static void clean_chain(struct chain *c) {
    for (size_t i = 0; i < ROOTS_SENT; i++)
        ota_buf_free(&c->root[i]);
}

/* The signer may know an older root than the published one: then it was not told, or its folder is from a backup. */
static enum ota_status read_chain(const struct ota_repo_proposal *p, struct chain *c, struct ota_err *err) {
    const size_t added = p->change ? p->change->root_count : 0;
    const uint64_t newest = p->set->root.meta.version, room = ROOTS_SENT - added;
    for (uint64_t v = newest > room ? newest - room + 1 : 1; v <= newest; v++)
        OTA_TRY(ota_repo_set_root(p->w, v, &c->root[c->count++], err));
    c->published = c->count;
    for (size_t i = 0; i < added; i++)
        ota_buf_append(&c->root[c->count++], p->change->root[i].wire.p, p->change->root[i].wire.len);
    return OTA_OK;
}

/* The roles that were handed over are published with what was signed for them. */
static void add_change(const struct ota_repo_change *change, const struct ota_repo_set *set,
                       struct ota_repo_commit *c) {
    for (size_t i = 0; i < change->root_count; i++)
        (void)ota_repo_commit_add_root(c, ota_buf_span(&change->root[i].wire));
    if (change->targets.wire.len)
        ota_role_file_set(&c->targets, "targets", ota_buf_span(&change->targets.wire));
    for (size_t i = 0; i < change->product_count; i++)
        for (size_t k = 0; k < set->product_count; k++)
            if (strcmp(set->product[k].name, change->product[i].name) == 0)
                ota_role_file_set(&c->product[k], change->product[i].name, ota_buf_span(&change->product[i].wire));
}

static enum ota_status parse_roles(struct ota_repo_commit *c, struct ota_err *err) {
    for (size_t i = 0; i < c->root_count; i++)
        OTA_TRY(ota_role_file_parse(&c->root[i], "root", err));
    if (c->targets.wire.len)
        OTA_TRY(ota_role_file_parse(&c->targets, "targets", err));
    for (size_t i = 0; i < OTA_PRODUCTS_MAX; i++)
        if (c->product[i].wire.len)
            OTA_TRY(ota_role_file_parse(&c->product[i], "targets", err));
    return OTA_OK;
}

enum ota_status ota_repo_propose(struct ota_signer *signer, const struct ota_repo_proposal *p,
                                 struct ota_repo_commit *out, struct ota_err *err) {
    OTA_CLEAN(ota_signer_message_free) struct ota_signer_message answer = {0};
    OTA_CLEAN(clean_chain) struct chain chain = {0};
    const struct ota_repo_set *set = p->set;
    struct ota_span part[1 + ROOTS_SENT + SIGN_PARTS + OTA_PRODUCTS_MAX];
    size_t n = 0;
    OTA_TRY(read_chain(p, &chain, err));
    OTA_CLEAN_FREE char *flags =
        ota_sprintf("clock-ok=%d roots=%zu published=%zu", p->clock_ok, chain.count, chain.published);
    part[n++] = ota_span_str(flags);
    for (size_t i = 0; i < chain.count; i++)
        part[n++] = ota_buf_span(&chain.root[i]);
    part[n++] = ota_buf_span(&set->targets.wire);
    part[n++] = ota_buf_span(&set->snapshot.wire);
    part[n++] = ota_buf_span(&set->timestamp.wire);
    part[n++] = ota_buf_span(&set->rollout.wire);
    part[n++] = ota_span_str(p->wanted);
    for (size_t i = 0; i < set->product_count; i++)
        part[n++] = ota_buf_span(&set->product[i].wire);
    OTA_TRY(ota_signer_call(signer, OTA_SIGNER_SIGN, part, n, &answer, err));
    OTA_TRY(take_answer(&answer, set, out, err));
    if (!p->change)
        return OTA_OK;
    add_change(p->change, set, out);
    return parse_roles(out, err);
}

void ota_repo_confirm(const struct ota_workspace *w, struct ota_signer *signer) {
    OTA_CLEAN(ota_repo_set_free) struct ota_repo_set *set = NULL;
    OTA_CLEAN(ota_repo_commit_free) struct ota_repo_commit none = {0};
    struct ota_err ignored; /* boards have what they need; the next proposal says the same */
    if (ota_repo_set_load(w, &set, &ignored) != OTA_OK)
        return;
    const struct ota_repo_proposal proposal = {.w = w, .set = set, .wanted = ""};
    (void)!ota_repo_propose(signer, &proposal, &none, &ignored);
}

bool ota_repo_commit_empty(const struct ota_repo_commit *c) {
    return c->timestamp.wire.len == 0; /* whatever changes, timestamp changes */
}

static enum ota_status write_role(const struct ota_role_file *f, const char *dir, struct ota_err *err) {
    if (f->wire.len == 0)
        return OTA_OK;
    OTA_CLEAN_FREE char *path =
        ota_sprintf("%s/metadata/%llu.%s.json", dir, (unsigned long long)f->meta.version, f->name);
    return ota_fs_write(path, f->wire.p, f->wire.len, 0644, err);
}

enum ota_status ota_repo_commit_write(const struct ota_repo_commit *c, const char *dir, struct ota_err *err) {
    OTA_CLEAN_FREE char *metadata = ota_sprintf("%s/metadata", dir);
    OTA_CLEAN_FREE char *timestamp = ota_sprintf("%s/timestamp.json", metadata);
    OTA_TRY(ota_fs_mkdirs(metadata, 0755, err));
    for (size_t i = 0; i < OTA_PRODUCTS_MAX; i++)
        OTA_TRY(write_role(&c->product[i], dir, err));
    OTA_TRY(write_role(&c->targets, dir, err));
    OTA_TRY(write_role(&c->rollout, dir, err));
    OTA_TRY(write_role(&c->snapshot, dir, err));
    for (size_t i = 0; i < c->root_count; i++)
        OTA_TRY(write_role(&c->root[i], dir, err));
    return ota_fs_write(timestamp, c->timestamp.wire.p, c->timestamp.wire.len, 0644, err);
}

enum ota_status ota_repo_commit_verify(const struct ota_workspace *w, const struct ota_repo_set *set,
                                       const char *overlay, const char *product, struct ota_err *err) {
    OTA_CLEAN_FREE char *repo = ota_workspace_path(w, "state/repo");
    struct ota_dir_transport transport;
    ota_dir_transport_init(&transport, repo, overlay);
    const struct ota_repo_check check = {
        .transport = &transport.port,
        .root = ota_buf_span(&set->root.wire),
        .with_images = true,
        .product = product,
    };
    return ota_repo_verify_part(&check, err);
}
