/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From an upload to a release in state/incoming; see upload.h. Everything a board would refuse at once is refused
 * here, so that whoever holds a token and no key moves nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "host/fs.h"
#include "host/printable.h"
#include "host/release_request.h"
#include "store/repo_change.h"
#include "store/repo_verify.h"
#include "store/upload_files.h"

struct hand_over {
    const struct ota_workspace *w;
    struct ota_upload *u;
    const struct ota_upload_release *wanted;
    struct ota_role_file role;
    struct ota_release release;
    char incoming[OTA_UPLOAD_INCOMING_MAX];
    char *temp; /* state/incoming/.tmp-<incoming> */
};
static void clean(struct hand_over *h) {
    ota_role_file_free(&h->role);
    free(h->temp);
}

/* ---- judging ------------------------------------------------------------------------------------------- */

static enum ota_status newest(const struct ota_role_file *f, const char *product, uint32_t *counter,
                              struct ota_err *err) {
    uint32_t listed[OTA_RELEASES_MAX];
    size_t count;
    OTA_TRY(ota_release_counters(&f->meta, product, listed, OTA_RELEASES_MAX, &count, err));
    *counter = count ? listed[count - 1] : 0;
    return OTA_OK;
}

static enum ota_status read_release(struct hand_over *h, const struct ota_role_file *current, struct ota_err *err) {
    const char *product = h->u->wanted.product;
    uint32_t counter, before;
    bool found;
    OTA_TRY(ota_repo_releases_check(&h->role, err));
    OTA_TRY(newest(&h->role, product, &counter, err));
    OTA_TRY(newest(current, product, &before, err));
    if (counter <= before)
        return ota_err_set(err, OTA_COUNTER, "role %s lists no release above %u, which is published already", product,
                           before);
    OTA_TRY(ota_release_read(&h->role.meta, product, counter, &h->release, &found, err));
    if (!found)
        return ota_err_set(err, OTA_NOT_FOUND, "role %s: release %u has no release.txt", product, counter);
    OTA_TRY(ota_release_check(&h->release, err));
    if (!ota_printable(h->release.version))
        return ota_err_set(err, OTA_ARGUMENT, "the version of release %u holds control characters", counter);
    return OTA_OK;
}

static enum ota_status check_channel(const struct hand_over *h, struct ota_err *err) {
    const struct ota_release *r = &h->release;
    if (!h->wanted->channel)
        return OTA_OK;
    for (size_t i = 0; i < r->channel_count; i++)
        if (strcmp(r->channel[i], h->wanted->channel) == 0)
            return OTA_OK;
    return ota_err_set(err, OTA_CHANNEL, "release %u of %s does not allow channel \"%.32s\"", r->counter, r->product,
                       h->wanted->channel);
}

static enum ota_status judge(struct hand_over *h, struct ota_err *err) {
    OTA_CLEAN(ota_repo_set_free) struct ota_repo_set *set = NULL;
    const char *product = h->u->wanted.product;
    if (h->wanted->role.len > ota_repo_role_cap(product))
        return ota_err_set(err, OTA_TOO_LARGE, "role %s: %zu bytes, over the cap of %zu", product, h->wanted->role.len,
                           ota_repo_role_cap(product));
    OTA_TRY(ota_repo_set_load(h->w, &set, err));
    const struct ota_signers *signers = ota_repo_set_signers(set, product);
    const struct ota_role_file *current = ota_repo_set_find(set, product);
    if (!signers || !current || ota_name_reserved(ota_span_str(product)))
        return ota_err_set(err, OTA_DELEGATION, "role targets delegates to no product %s", product);
    ota_role_file_set(&h->role, product, h->wanted->role);
    OTA_TRY(ota_role_file_open(&h->role, "targets", signers, err));
    if (h->role.meta.version <= current->meta.version)
        return ota_err_set(err, OTA_ROLLBACK, "role %s: version %llu, but %llu is published already; push again",
                           product, (unsigned long long)h->role.meta.version,
                           (unsigned long long)current->meta.version);
    OTA_TRY(read_release(h, current, err));
    return check_channel(h, err);
}

/* What is on its way is not in the role published yet, and would make this one too old. */
static enum ota_status check_nothing_pending(const struct hand_over *h, struct ota_err *err) {
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names names = {0};
    OTA_CLEAN(ota_buf_free) struct ota_buf remarks = {0}; /* the publisher logs them */
    OTA_TRY(ota_repo_incoming(h->w, &names, &remarks, err));
    for (size_t i = 0; i < names.count; i++)
        if (ota_repo_incoming_is_of(h->w, names.name[i], h->u->wanted.product))
            return ota_err_set(err, OTA_BUSY, "another release of %s is being published", h->u->wanted.product);
    return OTA_OK;
}

/* ---- filling the folder -------------------------------------------------------------------------------- */

static enum ota_status link_image(const struct hand_over *h, const struct ota_repo_image *image, struct ota_err *err) {
    struct ota_upload_file f = {.length = (uint32_t)image->length};
    ota_hex_encode(image->sha256, OTA_SHA256_LEN, f.sha256);
    OTA_CLEAN_FREE char *from = ota_upload_find(h->w, h->u, &f);
    OTA_CLEAN_FREE char *to = ota_sprintf("%s/targets/%s", h->temp, image->path);
    if (!from)
        return ota_err_set(err, OTA_TRUNCATED, "%s of release %u has not been uploaded", f.sha256, h->release.counter);
    if (link(from, to) == 0)
        return OTA_OK;
    return errno == EMLINK || errno == EPERM || errno == EXDEV ? ota_fs_copy(from, to, 0644, err)
                                                               : ota_fs_errno(err, to, "cannot link");
}

static enum ota_status link_images(const struct hand_over *h, struct ota_err *err) {
    struct ota_repo_image image[OTA_REPO_IMAGES_MAX];
    size_t count;
    OTA_CLEAN_FREE char *folder = ota_sprintf("%s/targets/img/%s/%u", h->temp, h->release.product, h->release.counter);
    OTA_TRY(ota_fs_mkdirs(folder, 0755, err));
    OTA_TRY(ota_repo_images(&h->release, image, &count, err));
    for (size_t i = 0; i < count; i++)
        OTA_TRY(link_image(h, &image[i], err));
    return OTA_OK;
}

static enum ota_status fill(const struct hand_over *h, struct ota_err *err) {
    const char *product = h->release.product;
    OTA_CLEAN_FREE char *metadata = ota_sprintf("%s/metadata", h->temp);
    OTA_CLEAN_FREE char *role =
        ota_sprintf("%s/%llu.%s.json", metadata, (unsigned long long)h->role.meta.version, product);
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/request", h->temp);
    OTA_CLEAN_FREE char *by = ota_sprintf("token:%s", h->u->wanted.token);
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    const struct ota_release_request request = {
        .product = product,
        .version = h->release.version,
        .counter = h->release.counter,
        .channel = h->wanted->channel,
        .permille = h->wanted->permille,
        .groups = "*",
        .by = by,
    };
    ota_release_request_write(&request, &text);
    OTA_TRY(link_images(h, err));
    OTA_TRY(ota_fs_mkdirs(metadata, 0755, err));
    OTA_TRY(ota_fs_write(role, h->role.wire.p, h->role.wire.len, 0644, err));
    return ota_fs_write(path, text.p, text.len, 0644, err);
}

/* ---- handing over -------------------------------------------------------------------------------------- */

static enum ota_status note(const struct hand_over *h, struct ota_err *err) {
    OTA_CLEAN_FREE char *result = ota_upload_path(h->w, h->u->id, "result");
    OTA_CLEAN_FREE char *handed = ota_upload_path(h->w, h->u->id, "handed");
    OTA_CLEAN_FREE char *text = ota_sprintf("incoming %s\ncounter %u\n", h->incoming, h->release.counter);
    OTA_TRY(ota_fs_remove(result, err));
    return ota_fs_write(handed, text, strlen(text), 0600, err);
}

static enum ota_status hand_over(struct hand_over *h, struct ota_err *err) {
    OTA_CLEAN_FREE char *folder = ota_workspace_path(h->w, "state/incoming/%s", h->incoming);
    struct ota_err ignored;
    enum ota_status st = fill(h, err);
    if (st == OTA_OK)
        st = note(h, err);
    if (st == OTA_OK)
        st = ota_fs_rename(h->temp, folder, err);
    if (st != OTA_OK)
        (void)!ota_fs_remove_tree(h->temp, &ignored);
    return st;
}

enum ota_status ota_upload_hand_over(const struct ota_workspace *w, struct ota_upload *u,
                                     const struct ota_upload_release *r, struct ota_err *err) {
    OTA_CLEAN(clean) struct hand_over h = {.w = w, .u = u, .wanted = r};
    OTA_CLEAN_FREE char *lock = ota_workspace_path(w, "state/lock");
    OTA_CLEAN_FD int held = -1;
    if (ota_fs_lock(lock, 0, &held, err) != OTA_OK)
        return ota_err_prefix(err, "another release is being pushed");
    OTA_TRY(ota_upload_settle(w, u, err)); /* under the lock: whoever publishes twice at once is told so */
    if (u->state == OTA_UPLOAD_QUEUED || u->state == OTA_UPLOAD_PUBLISHED)
        return ota_err_set(err, OTA_EXISTS, "upload %s was handed over already", u->id);
    OTA_TRY(judge(&h, err));
    OTA_TRY(check_nothing_pending(&h, err));
    (void)ota_format(h.incoming, sizeof h.incoming, "%010llu-%s-%u-%.8s", (unsigned long long)time(NULL),
                     h.release.product, h.release.counter, u->id);
    h.temp = ota_workspace_path(w, "state/incoming/.tmp-%s", h.incoming);
    OTA_TRY(hand_over(&h, err));
    u->state = OTA_UPLOAD_QUEUED;
    u->counter = h.release.counter;
    return OTA_OK;
}
