/* SPDX-License-Identifier: Apache-2.0 */
/* Publishes a release handed over in state/incoming; see repo.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "store/repo_commit.h"
#include "store/repo_folder.h"
#include "store/repo_request.h"
#include "store/repo_verify.h"

#define RELEASES_MAX 64u

struct job {
    const struct ota_workspace *w;
    const char *id;
    char *dir; /* state/incoming/<id> */
    struct ota_repo_request request;
    struct ota_repo_set *set;
    struct ota_role_file next; /* the product role handed over */
    struct ota_repo_commit commit;
};
static void clean_job(struct job *j) {
    free(j->dir);
    ota_repo_set_free(&j->set);
    ota_role_file_free(&j->next);
    ota_repo_commit_free(&j->commit);
}

/* ---- reading what was handed over ------------------------------------------------------------------------- */

static enum ota_status read_request(struct job *j, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/request", j->dir);
    OTA_TRY(ota_fs_read(path, OTA_REPO_REQUEST_MAX, &text, err));
    return ota_repo_request_parse(ota_buf_span(&text), &j->request, err);
}

/* "<version>.<product>.json"; the folder may hold other roles from a publication that was cut short. */
static bool is_role_of(const char *name, const char *product) {
    size_t digits = strspn(name, "0123456789");
    OTA_CLEAN_FREE char *rest = ota_sprintf(".%s.json", product);
    return digits > 0 && strcmp(name + digits, rest) == 0;
}

static enum ota_status read_role(struct job *j, struct ota_err *err) {
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names names = {0};
    OTA_CLEAN(ota_buf_free) struct ota_buf wire = {0};
    OTA_CLEAN_FREE char *metadata = ota_sprintf("%s/metadata", j->dir);
    const char *file = NULL;
    OTA_TRY(ota_fs_list(metadata, &names, err));
    for (size_t i = 0; i < names.count; i++) {
        if (!is_role_of(names.name[i], j->request.product))
            continue;
        if (file)
            return ota_err_set(err, OTA_EXISTS, "%s: more than one role of product %s", metadata, j->request.product);
        file = names.name[i];
    }
    if (!file)
        return ota_err_set(err, OTA_NOT_FOUND, "%s: no role of product %s", metadata, j->request.product);
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", metadata, file);
    OTA_TRY(ota_fs_read(path, ota_repo_role_cap(j->request.product), &wire, err));
    ota_role_file_set(&j->next, j->request.product, ota_buf_span(&wire));
    return ota_role_file_parse(&j->next, "targets", err);
}

/* *published: an earlier run got as far as the timestamp. */
static enum ota_status compare_with_current(struct job *j, bool *published, struct ota_err *err) {
    const struct ota_signers *signers = ota_repo_set_signers(j->set, j->request.product);
    const struct ota_role_file *current = ota_repo_set_find(j->set, j->request.product);
    if (!signers || !current || ota_name_reserved(ota_span_str(j->request.product)))
        return ota_err_set(err, OTA_DELEGATION, "role targets delegates to no product %s", j->request.product);
    OTA_TRY(ota_role_file_open(&j->next, "targets", signers, err));
    *published = ota_span_equal(ota_buf_span(&current->wire), ota_buf_span(&j->next.wire));
    if (*published || j->next.meta.version > current->meta.version)
        return OTA_OK;
    return ota_err_set(err, OTA_ROLLBACK, "role %s: version %llu, but %llu is published already; push again",
                       j->request.product, (unsigned long long)j->next.meta.version,
                       (unsigned long long)current->meta.version);
}

static enum ota_status read_release(const struct job *j, struct ota_err *err) {
    struct ota_release r;
    bool found;
    OTA_TRY(ota_release_read(&j->next.meta, j->request.product, j->request.counter, &r, &found, err));
    if (!found)
        return ota_err_set(err, OTA_NOT_FOUND, "role %s does not list release %u, which was to be published",
                           j->request.product, j->request.counter);
    return OTA_OK;
}

/* ---- judging ---------------------------------------------------------------------------------------------- */

/* Swaps the new role into the set, so that the signer is shown what is to be. */
static void propose_role(struct job *j) {
    struct ota_role_file *current = ota_repo_set_find(j->set, j->request.product);
    ota_role_file_set(current, j->request.product, ota_buf_span(&j->next.wire));
}

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
    static const enum ota_status blame[] = {OTA_CHANNEL,        OTA_COUNTER, OTA_SIGNATURE, OTA_METADATA_TYPE,
                                            OTA_METADATA_FIELD, OTA_EXPIRED, OTA_ARGUMENT,  OTA_TOO_LARGE};
    for (size_t i = 0; i < OTA_ARRAY_LEN(blame); i++)
        if (s == blame[i])
            return signer->fd >= 0;
    return false;
}

static enum ota_status read_handed_over(struct job *j, struct ota_err *err) {
    OTA_TRY(ota_repo_folder_check(j->dir, err));
    OTA_TRY(read_request(j, err));
    return read_role(j, err);
}

static enum ota_status compare(struct job *j, bool *published, struct ota_err *err) {
    OTA_TRY(compare_with_current(j, published, err));
    return read_release(j, err);
}

static enum ota_status sign(struct job *j, struct ota_signer *signer, struct ota_err *err) {
    propose_role(j);
    const struct ota_repo_proposal proposal = {.set = j->set, .wanted = j->request.wanted};
    return ota_repo_propose(signer, &proposal, &j->commit, err);
}

/* Where what is published does not verify either (an older image is damaged, another role has expired), the release
 * is not to blame. */
static enum ota_status verify(const struct job *j, bool *verdict, struct ota_err *err) {
    struct ota_err why;
    enum ota_status s = ota_repo_commit_verify(j->w, j->set, j->dir, j->request.product, err);
    if (s != OTA_OK && !is_trouble_here(s))
        *verdict = ota_repo_commit_verify(j->w, j->set, NULL, j->request.product, &why) == OTA_OK;
    return s;
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
    OTA_TRY(ota_repo_commit_write(&j->commit, j->dir, err));
    return verify(j, verdict, err);
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
    OTA_TRY(ota_release_read(&j->next.meta, j->request.product, counter, &r, &found, err));
    if (!found)
        return OTA_OK;
    OTA_TRY(ota_repo_images(&r, image, &count, err));
    OTA_TRY(make_image_folder(j, counter, err));
    for (size_t i = 0; i < count; i++)
        OTA_TRY(place_image(j, &image[i], err));
    return OTA_OK;
}

static enum ota_status place(const struct job *j, struct ota_err *err) {
    OTA_CLEAN_FREE char *repo = ota_workspace_path(j->w, "state/repo");
    OTA_CLEAN_FREE char *role =
        ota_sprintf("%s/metadata/%llu.%s.json", repo, (unsigned long long)j->next.meta.version, j->request.product);
    uint32_t counter[RELEASES_MAX];
    size_t count;
    OTA_TRY(ota_release_counters(&j->next.meta, j->request.product, counter, RELEASES_MAX, &count, err));
    for (size_t i = 0; i < count; i++)
        OTA_TRY(place_release(j, counter[i], err));
    OTA_TRY(ota_fs_write(role, j->next.wire.p, j->next.wire.len, 0644, err));
    return ota_repo_commit_write(&j->commit, repo, err);
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
