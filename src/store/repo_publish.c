/* SPDX-License-Identifier: Apache-2.0 */
/* Publishes what was handed over in state/incoming; see repo.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "store/repo_commit.h"
#include "store/repo_folder.h"
#include "store/repo_request.h"
#include "store/repo_verify.h"

struct job {
    const struct ota_workspace *w;
    const char *id;
    char *dir; /* state/incoming/<id> */
    struct ota_repo_request request;
    struct ota_repo_set *set;
    struct ota_repo_change change; /* the roles handed over */
    struct ota_repo_commit commit;
};
static void clean_job(struct job *j) {
    free(j->dir);
    ota_repo_set_free(&j->set);
    ota_repo_change_free(&j->change);
    ota_repo_commit_free(&j->commit);
}

/* ---- reading what was handed over ------------------------------------------------------------------------- */

static enum ota_status read_request(struct job *j, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/request", j->dir);
    OTA_TRY(ota_fs_read(path, OTA_REPO_REQUEST_MAX, &text, err));
    return ota_repo_request_parse(ota_buf_span(&text), &j->request, err);
}

static enum ota_status read_release(const struct job *j, struct ota_err *err) {
    struct ota_release r;
    bool found;
    if (j->request.change)
        return OTA_OK;
    OTA_TRY(ota_release_read(&j->change.product[0].meta, j->request.product, j->request.counter, &r, &found, err));
    if (!found)
        return ota_err_set(err, OTA_NOT_FOUND, "role %s does not list release %u, which was to be published",
                           j->request.product, j->request.counter);
    return OTA_OK;
}

/* ---- judging ---------------------------------------------------------------------------------------------- */

/* Never the release's fault, whatever was being done. */
static bool is_trouble_here(enum ota_status s) {
    static const enum ota_status here[] = {OTA_IO,          OTA_NO_SPACE, OTA_PERMISSION, OTA_MEMORY,
                                           OTA_INTERRUPTED, OTA_BUSY,     OTA_TIMEOUT,    OTA_INTERNAL};
    for (size_t i = 0; i < OTA_ARRAY_LEN(here); i++)
        if (s == here[i])
            return true;
    return false;
}

/* What the signer says of this release. All else it says (the clock, its keys, another root, an older repository) may
 * be over at the next try. EXPIRED is about a role not published yet, and there is but one. */
static bool signer_blames_release(const struct ota_signer *signer, enum ota_status s) {
    static const enum ota_status blame[] = {OTA_CHANNEL,       OTA_COUNTER,        OTA_SIGNATURE,
                                            OTA_METADATA_TYPE, OTA_METADATA_FIELD, OTA_EXPIRED,
                                            OTA_ARGUMENT,      OTA_TOO_LARGE,      OTA_DELEGATION};
    for (size_t i = 0; i < OTA_ARRAY_LEN(blame); i++)
        if (s == blame[i])
            return signer->fd >= 0;
    return false;
}

static enum ota_status read_handed_over(struct job *j, struct ota_err *err) {
    OTA_TRY(ota_repo_folder_check(j->dir, err));
    OTA_TRY(read_request(j, err));
    return ota_repo_change_read(j->dir, &j->request, &j->change, err);
}

static enum ota_status compare(struct job *j, bool *published, struct ota_err *err) {
    OTA_TRY(ota_repo_change_apply(j->w, &j->change, j->set, published, err));
    return read_release(j, err);
}

static enum ota_status sign(struct job *j, struct ota_signer *signer, struct ota_err *err) {
    const struct ota_repo_proposal proposal = {
        .w = j->w, .set = j->set, .change = &j->change, .wanted = j->request.wanted};
    return ota_repo_propose(signer, &proposal, &j->commit, err);
}

/* Those that were handed over, and what they hang from. */
static enum ota_status verify_products(const struct job *j, const char *overlay, struct ota_err *err) {
    if (j->change.product_count == 0)
        return ota_repo_commit_verify(j->w, j->set, overlay, "", err);
    for (size_t i = 0; i < j->change.product_count; i++)
        OTA_TRY(ota_repo_commit_verify(j->w, j->set, overlay, j->change.product[i].name, err));
    return OTA_OK;
}

/* Where what is published does not verify either (an older image is damaged, another role has expired), the release
 * is not to blame. */
static enum ota_status verify(const struct job *j, const char *overlay, bool *verdict, struct ota_err *err) {
    struct ota_err why;
    enum ota_status s = verify_products(j, overlay, err);
    if (s != OTA_OK && !is_trouble_here(s))
        *verdict = verify_products(j, NULL, &why) == OTA_OK;
    return s;
}

/* Where boards do not look. Beside a release's images; a change's folder holds what was handed over and nothing else. */
static enum ota_status try_out(const struct job *j, bool *verdict, struct ota_err *err) {
    OTA_CLEAN_FREE char *overlay = j->request.change ? ota_workspace_path(j->w, "state/.change") : ota_strdup(j->dir);
    if (j->request.change)
        OTA_TRY(ota_fs_remove_tree(overlay, err));
    OTA_TRY(ota_repo_commit_write(&j->commit, overlay, err));
    OTA_TRY(verify(j, overlay, verdict, err));
    return j->request.change ? ota_fs_remove_tree(overlay, err) : OTA_OK;
}

/* *verdict, on failure: it is the release that is wrong, another try would find the same. */
static enum ota_status judge(struct job *j, struct ota_signer *signer, bool *published, bool *verdict,
                             struct ota_err *err) {
    enum ota_status s = read_handed_over(j, err);
    *verdict = !is_trouble_here(s);
    OTA_TRY(s);
    *verdict = false;
    OTA_TRY(ota_repo_set_load(j->w, &j->set, err));
    s = compare(j, published, err);
    *verdict = !is_trouble_here(s);
    if (s != OTA_OK || *published)
        return s;
    s = sign(j, signer, err);
    *verdict = signer_blames_release(signer, s);
    OTA_TRY(s);
    return try_out(j, verdict, err);
}

/* ---- placing ---------------------------------------------------------------------------------------------- */

static enum ota_status sync_path(const char *path, int flags, struct ota_err *err) {
    OTA_CLEAN_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | flags);
    if (fd < 0)
        return ota_fs_errno(err, path, "cannot open");
    if (!(flags & O_DIRECTORY) && fchmod(fd, 0644) != 0)
        return ota_fs_errno(err, path, "cannot set permissions");
    if (fsync(fd) != 0)
        return ota_fs_errno(err, path, "cannot sync");
    return OTA_OK;
}

/* New folders must be on disk before metadata speaks of what is in them. */
static enum ota_status make_image_folder(const struct job *j, uint32_t counter, struct ota_err *err) {
    OTA_CLEAN_FREE char *images = ota_workspace_path(j->w, "state/repo/targets/img");
    OTA_CLEAN_FREE char *product = ota_sprintf("%s/%s", images, j->request.product);
    OTA_CLEAN_FREE char *release = ota_sprintf("%s/%u", product, counter);
    OTA_TRY(ota_fs_mkdirs(release, 0755, err));
    OTA_TRY(sync_path(product, O_DIRECTORY, err));
    return sync_path(images, O_DIRECTORY, err);
}

static enum ota_status place_image(const struct job *j, const struct ota_repo_image *image, struct ota_err *err) {
    OTA_CLEAN_FREE char *from = ota_sprintf("%s/targets/%s", j->dir, image->path);
    OTA_CLEAN_FREE char *to = ota_workspace_path(j->w, "state/repo/targets/%s", image->path);
    if (!ota_fs_exists(from))
        return OTA_OK; /* placed before: it was verified where it is */
    OTA_TRY(sync_path(from, 0, err));
    return ota_fs_rename(from, to, err);
}

static enum ota_status place_release(const struct job *j, uint32_t counter, struct ota_err *err) {
    struct ota_release r;
    struct ota_repo_image image[OTA_REPO_IMAGES_MAX];
    size_t count;
    bool found;
    OTA_TRY(ota_release_read(&j->change.product[0].meta, j->request.product, counter, &r, &found, err));
    if (!found)
        return OTA_OK;
    OTA_TRY(ota_repo_images(&r, image, &count, err));
    OTA_TRY(make_image_folder(j, counter, err));
    for (size_t i = 0; i < count; i++)
        OTA_TRY(place_image(j, &image[i], err));
    return OTA_OK;
}

static enum ota_status place_images(const struct job *j, struct ota_err *err) {
    uint32_t counter[OTA_RELEASES_MAX];
    size_t count;
    OTA_TRY(
        ota_release_counters(&j->change.product[0].meta, j->request.product, counter, OTA_RELEASES_MAX, &count, err));
    for (size_t i = 0; i < count; i++)
        OTA_TRY(place_release(j, counter[i], err));
    return OTA_OK;
}

static enum ota_status place(const struct job *j, struct ota_err *err) {
    if (!j->request.change)
        OTA_TRY(place_images(j, err));
    return ota_repo_commit_place(j->w, &j->commit, err);
}

/* ---- the answer ------------------------------------------------------------------------------------------- */

static enum ota_status answer(const struct job *j, const char *suffix, const char *text, struct ota_err *err) {
    OTA_CLEAN_FREE char *path = ota_sprintf("%s.%s", j->dir, suffix);
    OTA_CLEAN_FREE char *gone = ota_workspace_path(j->w, "state/incoming/.tmp-%s.old", j->id);
    OTA_TRY(ota_fs_write(path, text, strlen(text), 0644, err));
    /* Half a folder must not be taken for a release: it loses its name before its files. */
    OTA_TRY(ota_fs_remove_tree(gone, err));
    OTA_TRY(ota_fs_rename(j->dir, gone, err));
    struct ota_err ignored; /* the answer stands; ota_repo_incoming() goes on trying, and says why it cannot */
    (void)!ota_fs_remove_tree(gone, &ignored);
    return OTA_OK;
}

static enum ota_status refuse(const struct job *j, const struct ota_err *why, struct ota_err *err) {
    OTA_CLEAN_FREE char *text = ota_sprintf("%s\n%s\n", ota_status_name(why->code), why->msg);
    OTA_TRY(answer(j, "refused", text, err));
    *err = *why;
    return why->code;
}

enum ota_status ota_repo_publish(const struct ota_workspace *w, struct ota_signer *signer, const char *id,
                                 struct ota_err *err) {
    if (!ota_repo_id_valid(id))
        return ota_err_set(err, OTA_ARGUMENT, "state/incoming: \"%s\" cannot name a release handed over", id);
    OTA_CLEAN(clean_job) struct job j = {.w = w, .id = id, .dir = ota_workspace_path(w, "state/incoming/%s", id)};
    struct ota_err why;
    bool published = false, verdict = false;
    enum ota_status s = judge(&j, signer, &published, &verdict, &why);
    if (s != OTA_OK && verdict)
        return refuse(&j, &why, err);
    if (s != OTA_OK) {
        *err = why;
        return s;
    }
    if (!published)
        OTA_TRY(place(&j, err));
    ota_repo_confirm(w, signer);
    return answer(&j, "done", "ok\n", err);
}
