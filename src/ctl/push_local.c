/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A push into the workspace it is made in.
 *
 *   state/lock held:  wait for releases of this product that are on their way -> (counter, sign)
 *                     -> fill state/incoming/.tmp-<id> -> rename to state/incoming/<id>
 *   then:             a running daemon publishes and answers with <id>.done or <id>.refused; where none runs, this process is the publisher
 *
 * The rename hands over: before it nothing has happened, after it the daemon or the next push finishes the job.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "ctl/progress.h"
#include "ctl/push.h"
#include "host/crypto.h"
#include "host/fs.h"
#include "store/draft.h"

#define LOCK_WAIT_MS 120000

/* ---- earlier pushes ---------------------------------------------------------------------------------------- */

/* A release still on its way is not in the product role yet: the next one must be signed on top of it. One that is
 * refused is out of the way as well. */
static enum ota_status finish_pending(const struct ota_push *p, struct ota_err *err) {
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names names = {0};
    OTA_CLEAN(ota_buf_free) struct ota_buf remarks = {0}; /* the daemon's log has them */
    OTA_TRY(ota_repo_incoming(p->w, &names, &remarks, err));
    for (size_t i = 0; i < names.count; i++) {
        OTA_CLEAN_FREE char *folder = ota_workspace_path(p->w, "state/incoming/%s", names.name[i]);
        struct ota_err why;
        if (!ota_repo_incoming_is_of(p->w, names.name[i], p->product->name))
            continue;
        enum ota_status st = ota_push_see_other(p->w, names.name[i], &why);
        if (st != OTA_OK && ota_fs_exists(folder))
            return ota_err_set(err, st,
                               "an earlier push is in the way; to drop it, remove the folder %s; it cannot be "
                               "published: %s",
                               folder, why.msg); /* the longer half last, where it may be cut */
    }
    return OTA_OK;
}

/* ---- handing over -------------------------------------------------------------------------------------- */

/* Sorts by age; a second push in the same second differs in its counter. */
static enum ota_status make_id(const struct ota_push *p, char **out, struct ota_err *err) {
    uint8_t salt[4];
    char hex[2 * sizeof salt + 1];
    OTA_TRY(ota_crypto_openssl.random(ota_crypto_openssl.ctx, salt, sizeof salt, err));
    ota_hex_encode(salt, sizeof salt, hex);
    *out = ota_sprintf("%010llu-%s-%u-%s", (unsigned long long)ota_ctl_now(), p->product->name,
                       p->build.release.counter, hex);
    return OTA_OK;
}

static enum ota_status fill_folder(const struct ota_push *p, const char *folder, const struct ota_buf *role,
                                   uint64_t version, struct ota_err *err) {
    char user[OTA_CTL_USER_MAX];
    struct ota_progress_bar bar;
    OTA_CLEAN_FREE char *metadata = ota_sprintf("%s/metadata", folder);
    OTA_CLEAN_FREE char *file = ota_sprintf("%s/%llu.%s.json", metadata, (unsigned long long)version, p->product->name);
    const struct ota_build_request request = {
        .channel = p->channel, .permille = p->permille, .groups = "*", .by = ota_ctl_user(user)};
    OTA_TRY(ota_fs_mkdirs(metadata, 0755, err));
    OTA_TRY(ota_fs_write(file, role->p, role->len, 0644, err));
    const struct ota_build_progress progress = ota_progress_start(&bar, "copying");
    enum ota_status st = ota_build_write(&p->build, folder, &progress, err);
    ota_progress_end(&bar);
    OTA_TRY(st);
    return ota_build_write_request(&p->build, folder, &request, err);
}

/* Ctrl-C waits for these milliseconds, so that no half-filled folder stays behind. */
static enum ota_status hand_over(const struct ota_push *p, const char *id, const struct ota_buf *role, uint64_t version,
                                 struct ota_err *err) {
    OTA_CLEAN_FREE char *temp = ota_workspace_path(p->w, "state/incoming/.tmp-%s", id);
    OTA_CLEAN_FREE char *folder = ota_workspace_path(p->w, "state/incoming/%s", id);
    struct ota_err ignored;
    sigset_t before;
    ota_push_hold_stop(&before);
    enum ota_status st = fill_folder(p, temp, role, version, err);
    if (st == OTA_OK)
        st = ota_fs_rename(temp, folder, err);
    if (st != OTA_OK)
        (void)!ota_fs_remove_tree(temp, &ignored);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    return st;
}

enum ota_status ota_push_lock(const struct ota_workspace *w, int *fd, struct ota_err *err) {
    OTA_CLEAN_FREE char *lock = ota_workspace_path(w, "state/lock");
    enum ota_status st = ota_fs_lock(lock, LOCK_WAIT_MS, fd, err);
    if (st == OTA_BUSY)
        return ota_err_set(err, OTA_BUSY, "another push to this workspace is still under way (%s)", lock);
    return st;
}

/* ---- the place ----------------------------------------------------------------------------------------- */

static enum ota_status read_current(struct ota_push *p, struct ota_push_current *c, struct ota_err *err) {
    OTA_TRY(ota_ctl_product_role(p->w, p->product->name, &c->role, err));
    OTA_TRY(ota_repo_role(p->w, "targets", &c->targets, err));
    enum ota_status st = ota_repo_role(p->w, "rollout", &c->rollout, err);
    return st == OTA_NOT_FOUND ? OTA_OK : st;
}

static enum ota_status enter(struct ota_push *p, struct ota_err *err) {
    OTA_TRY(ota_push_lock(p->w, &p->lock, err));
    return finish_pending(p, err);
}

static enum ota_status publish(struct ota_push *p, const struct ota_buf *role, uint64_t version, struct ota_err *err) {
    OTA_CLEAN_FREE char *id = NULL;
    OTA_TRY(make_id(p, &id, err));
    OTA_TRY(hand_over(p, id, role, version, err));
    return ota_push_see_own(p, id, err);
}

static void leave(struct ota_push *p) {
    if (p->lock >= 0)
        (void)close(p->lock);
    p->lock = -1;
}

/* The same content, but where releases wait for signatures (`push --unsigned`). */
static enum ota_status keep_as_draft(struct ota_push *p, const struct ota_buf *role, uint64_t version,
                                     struct ota_err *err) {
    OTA_CLEAN_FREE char *id = ota_sprintf("%s-%u", p->product->name, p->build.release.counter);
    OTA_CLEAN_FREE char *folder = NULL;
    struct ota_err ignored;
    if (ota_draft_exists(p->w, id))
        return ota_err_set(err, OTA_EXISTS,
                           "%s waits for signatures already: sign and publish it first, or drop it: otactl publish "
                           "--drop %s",
                           id, id);
    OTA_TRY(ota_draft_prepare(p->w, id, &folder, err));
    enum ota_status st = fill_folder(p, folder, role, version, err);
    if (st == OTA_OK)
        return ota_draft_place(p->w, id, err);
    (void)!ota_fs_remove_tree(folder, &ignored);
    return st;
}

const struct ota_push_place ota_push_local = {
    .read = read_current,
    .enter = enter,
    .publish = publish,
    .leave = leave,
};

const struct ota_push_place ota_push_draft = {
    .read = read_current,
    .enter = enter,
    .publish = keep_as_draft,
    .leave = leave,
};
