/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the repository, what waits to get into it, and whether a daemon runs; see repo.h. */
#include "store/repo.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "host/rollout.h"
#include "store/repo_folder.h"
#include "store/repo_request.h"
#include "store/repo_set.h"

#define LEFTOVER_SECONDS 3600 /* nobody fills a folder or waits for an answer that long */

enum ota_status ota_repo_role(const struct ota_workspace *w, const char *role, struct ota_buf *out,
                              struct ota_err *err) {
    OTA_CLEAN(ota_repo_set_free) struct ota_repo_set *set = NULL;
    OTA_TRY(ota_repo_set_load(w, &set, err));
    const struct ota_role_file *f = ota_repo_set_find(set, role);
    if (!f)
        return ota_err_set(err, OTA_NOT_FOUND, "state/repo: no role %s", role);
    out->len = 0;
    ota_buf_append(out, f->wire.p, f->wire.len);
    return OTA_OK;
}

/* ---- ota_repo_read ---------------------------------------------------------------------------------------- */

static void add_role(const struct ota_repo_set *s, const struct ota_role_file *f, struct ota_repo_info *out) {
    struct ota_repo_role_info *r = &out->role[out->role_count++];
    const struct ota_signers *by = ota_repo_set_signers(s, f->name);
    memcpy(r->name, f->name, sizeof r->name);
    r->version = f->meta.version;
    r->expires = f->meta.expires;
    r->length = f->wire.len;
    r->threshold = by->threshold;
    r->key_count = by->count;
    memcpy(r->keyid_crc, by->keyid_crc, sizeof r->keyid_crc);
}

static enum ota_status add_releases(const struct ota_role_file *f, struct ota_repo_info *out, struct ota_err *err) {
    uint32_t counter[OTA_RELEASES_MAX];
    size_t count;
    OTA_TRY(ota_release_counters(&f->meta, f->name, counter, OTA_RELEASES_MAX, &count, err));
    struct ota_release *grown = ota_calloc(out->release_count + count + 1, sizeof *grown);
    if (out->release_count)
        memcpy(grown, out->release, out->release_count * sizeof *grown);
    free(out->release);
    out->release = grown;
    for (size_t i = 0; i < count; i++) {
        bool found;
        OTA_TRY(ota_release_read(&f->meta, f->name, counter[i], &grown[out->release_count], &found, err));
        out->release_count += found;
    }
    return OTA_OK;
}

static int compare_releases(const void *a, const void *b) {
    const struct ota_release *x = a, *y = b;
    int by_name = strcmp(x->product, y->product);
    return by_name ? by_name : (x->counter > y->counter) - (x->counter < y->counter);
}

static enum ota_status add_channels(const struct ota_role_file *f, struct ota_repo_info *out, struct ota_err *err) {
    OTA_CLEAN_FREE struct ota_rollout *rollout = ota_calloc(1, sizeof *rollout);
    OTA_TRY(ota_rollout_read(&f->meta, rollout, err));
    for (size_t i = 0; i < rollout->count; i++) {
        struct ota_repo_channel_info *c = &out->channel[out->channel_count++];
        memcpy(c->product, rollout->entry[i].product, sizeof c->product);
        memcpy(c->name, rollout->entry[i].name, sizeof c->name);
        c->channel = rollout->entry[i].channel;
    }
    return OTA_OK;
}

static enum ota_status describe(const struct ota_repo_set *s, struct ota_repo_info *out, struct ota_err *err) {
    const struct ota_role_file *first[] = {&s->root, &s->targets}, *last[] = {&s->rollout, &s->snapshot, &s->timestamp};
    for (size_t i = 0; i < OTA_ARRAY_LEN(first); i++)
        add_role(s, first[i], out);
    for (size_t i = 0; i < s->product_count; i++) {
        add_role(s, &s->product[i], out);
        OTA_TRY(add_releases(&s->product[i], out, err));
    }
    for (size_t i = 0; i < OTA_ARRAY_LEN(last); i++)
        add_role(s, last[i], out);
    if (out->release_count)
        qsort(out->release, out->release_count, sizeof *out->release, compare_releases);
    return add_channels(&s->rollout, out, err);
}

enum ota_status ota_repo_read(const struct ota_workspace *w, struct ota_repo_info *out, struct ota_err *err) {
    OTA_CLEAN(ota_repo_set_free) struct ota_repo_set *set = NULL;
    memset(out, 0, sizeof *out);
    OTA_TRY(ota_repo_set_load_older(w, &set, err));
    enum ota_status s = describe(set, out, err);
    if (s != OTA_OK)
        ota_repo_info_free(out);
    return s;
}

void ota_repo_info_free(struct ota_repo_info *info) {
    free(info->release);
    memset(info, 0, sizeof *info);
}

/* ---- state/incoming --------------------------------------------------------------------------------------- */

struct waiting {
    char *id; /* borrowed */
    struct timespec since;
};

static int compare_waiting(const void *a, const void *b) {
    const struct waiting *x = a, *y = b;
    if (x->since.tv_sec != y->since.tv_sec)
        return x->since.tv_sec < y->since.tv_sec ? -1 : 1;
    if (x->since.tv_nsec != y->since.tv_nsec)
        return x->since.tv_nsec < y->since.tv_nsec ? -1 : 1;
    return strcmp(x->id, y->id);
}

static bool ends_with(const char *name, const char *suffix) {
    size_t n = strlen(name), m = strlen(suffix);
    return n > m && strcmp(name + n - m, suffix) == 0;
}

/* Half-written releases nobody works on any more, and answers nobody came for. One that cannot be removed is in
 * nobody's way. */
static void remove_leftover(const char *path, const char *name, struct ota_buf *remarks) {
    struct ota_err err;
    struct stat st;
    if (strncmp(name, ".tmp-", 5) != 0 && !ends_with(name, ".done") && !ends_with(name, ".refused"))
        return;
    if (lstat(path, &st) != 0 || time(NULL) - st.st_mtime < LEFTOVER_SECONDS)
        return;
    if (ota_fs_remove_tree(path, &err) != OTA_OK)
        ota_buf_printf(remarks, "a leftover stays: %s\n", err.msg);
}

/* A release is handed over when its folder has its name and holds a request. What nobody hands over like that
 * (another name, a link) is no release, and must not stand before those that are. */
static bool is_waiting(const char *path, const char *name, struct waiting *out, struct ota_buf *remarks) {
    OTA_CLEAN_FREE char *request = ota_sprintf("%s/request", path);
    struct stat st, folder;
    if (name[0] == '.' || lstat(request, &st) != 0 || !S_ISREG(st.st_mode))
        return false;
    out->since = st.st_mtim;
    if (ota_repo_id_valid(name) && lstat(path, &folder) == 0 && S_ISDIR(folder.st_mode))
        return true;
    ota_buf_printf(remarks, "%s: left alone, a release is handed over under a plain name and not as a link\n", path);
    return false;
}

enum ota_status ota_repo_incoming(const struct ota_workspace *w, struct ota_fs_names *out, struct ota_buf *remarks,
                                  struct ota_err *err) {
    OTA_CLEAN_FREE char *dir = ota_workspace_path(w, "state/incoming");
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names all = {0};
    *out = (struct ota_fs_names){0};
    if (!ota_fs_exists(dir))
        return OTA_OK;
    OTA_TRY(ota_fs_list(dir, &all, err));
    OTA_CLEAN_FREE struct waiting *waiting = ota_calloc(all.count + 1, sizeof *waiting);
    size_t count = 0;
    for (size_t i = 0; i < all.count; i++) {
        OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", dir, all.name[i]);
        remove_leftover(path, all.name[i], remarks);
        waiting[count].id = all.name[i];
        count += is_waiting(path, all.name[i], &waiting[count], remarks);
    }
    qsort(waiting, count, sizeof *waiting, compare_waiting);
    out->name = ota_calloc(count + 1, sizeof *out->name);
    for (; out->count < count; out->count++)
        out->name[out->count] = ota_strdup(waiting[out->count].id);
    return OTA_OK;
}

bool ota_repo_incoming_is_of(const struct ota_workspace *w, const char *id, const char *product) {
    OTA_CLEAN_FREE char *path = ota_workspace_path(w, "state/incoming/%s/request", id);
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    struct ota_repo_request request;
    struct ota_err ignored;
    return ota_fs_read(path, OTA_REPO_REQUEST_MAX, &text, &ignored) == OTA_OK &&
           ota_repo_request_parse(ota_buf_span(&text), &request, &ignored) == OTA_OK &&
           strcmp(request.product, product) == 0;
}

enum ota_status ota_repo_daemon(const struct ota_workspace *w, int *lock_fd, struct ota_err *err) {
    OTA_CLEAN_FREE char *state = ota_workspace_path(w, "state");
    OTA_CLEAN_FREE char *lock = ota_workspace_path(w, "state/daemon.lock");
    *lock_fd = -1;
    OTA_TRY(ota_fs_mkdirs(state, 0755, err));
    struct ota_err why;
    enum ota_status s = ota_fs_lock(lock, 0, lock_fd, &why);
    if (s == OTA_OK || s == OTA_BUSY)
        return OTA_OK;
    *err = why;
    return s;
}

enum ota_status ota_repo_daemon_runs(const struct ota_workspace *w, bool *runs, struct ota_err *err) {
    OTA_CLEAN_FREE char *lock = ota_workspace_path(w, "state/daemon.lock");
    OTA_CLEAN_FD int fd = open(lock, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    *runs = false;
    if (fd < 0)
        return errno == ENOENT ? OTA_OK : ota_fs_errno(err, lock, "cannot open");
    if (flock(fd, LOCK_SH | LOCK_NB) == 0)
        return OTA_OK;
    *runs = errno == EWOULDBLOCK;
    return *runs ? OTA_OK : ota_fs_errno(err, lock, "cannot ask for the lock");
}
