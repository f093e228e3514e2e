/* SPDX-License-Identifier: Apache-2.0 */
/* From a proposal to published files; see repo_commit.h. */
#include "store/repo_commit.h"

#include <string.h>

#include "host/transport.h"
#include "store/repo_verify.h"

enum { ANSWER_ROLLOUT, ANSWER_SNAPSHOT, ANSWER_TIMESTAMP, ANSWER_TARGETS, ANSWER_PRODUCTS };
#define SIGN_PARTS 7u

void ota_repo_commit_free(struct ota_repo_commit *c) {
    ota_role_file_free(&c->timestamp);
    ota_role_file_free(&c->snapshot);
    ota_role_file_free(&c->rollout);
    ota_role_file_free(&c->targets);
    for (size_t i = 0; i < OTA_PRODUCTS_MAX; i++)
        ota_role_file_free(&c->product[i]);
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

enum ota_status ota_repo_propose(struct ota_signer *signer, const struct ota_repo_proposal *p,
                                 struct ota_repo_commit *out, struct ota_err *err) {
    OTA_CLEAN(ota_signer_message_free) struct ota_signer_message answer = {0};
    const struct ota_repo_set *set = p->set;
    struct ota_span part[SIGN_PARTS + OTA_PRODUCTS_MAX] = {
        ota_span_str(p->clock_ok ? "clock-ok=1" : "clock-ok=0"),
        ota_buf_span(&set->root.wire),
        ota_buf_span(&set->targets.wire),
        ota_buf_span(&set->snapshot.wire),
        ota_buf_span(&set->timestamp.wire),
        ota_buf_span(&set->rollout.wire),
        ota_span_str(p->wanted),
    };
    for (size_t i = 0; i < set->product_count; i++)
        part[SIGN_PARTS + i] = ota_buf_span(&set->product[i].wire);
    OTA_TRY(ota_signer_call(signer, OTA_SIGNER_SIGN, part, SIGN_PARTS + set->product_count, &answer, err));
    return take_answer(&answer, set, out, err);
}

void ota_repo_confirm(const struct ota_workspace *w, struct ota_signer *signer) {
    OTA_CLEAN(ota_repo_set_free) struct ota_repo_set *set = NULL;
    OTA_CLEAN(ota_repo_commit_free) struct ota_repo_commit none = {0};
    struct ota_err ignored; /* boards have what they need; the next proposal says the same */
    if (ota_repo_set_load(w, &set, &ignored) != OTA_OK)
        return;
    const struct ota_repo_proposal proposal = {.set = set, .wanted = ""};
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
