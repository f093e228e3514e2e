/* SPDX-License-Identifier: Apache-2.0 */
/* A copy of the repository for a web server without a daemon; see repo.h. */
#include <string.h>
#include <sys/stat.h>

#include "host/transport.h"
#include "store/repo_set.h"
#include "store/repo_verify.h"

struct copy {
    const struct ota_workspace *w;
    const char *dir;
    uint64_t bytes;
};

/* Files but timestamp.json never change under their name. */
static enum ota_status copy_file(struct copy *c, const char *path, struct ota_err *err) {
    OTA_CLEAN_FREE char *from = ota_workspace_path(c->w, "state/repo/%s", path);
    OTA_CLEAN_FREE char *to = ota_sprintf("%s/%s", c->dir, path);
    OTA_CLEAN_FREE char *folder = ota_sprintf("%.*s", (int)(strrchr(to, '/') - to), to);
    struct stat st;
    if (stat(from, &st) != 0)
        return ota_fs_errno(err, from, "cannot examine");
    c->bytes += (uint64_t)st.st_size;
    OTA_TRY(ota_fs_mkdirs(folder, 0755, err));
    return ota_fs_copy(from, to, 0644, err);
}

static enum ota_status copy_role(struct copy *c, const struct ota_role_file *f, struct ota_err *err) {
    OTA_CLEAN_FREE char *path = ota_sprintf("metadata/%llu.%s.json", (unsigned long long)f->meta.version, f->name);
    return copy_file(c, path, err);
}

static enum ota_status copy_image(void *ctx, const struct ota_repo_image *image, struct ota_err *err) {
    OTA_CLEAN_FREE char *path = ota_sprintf("targets/%s", image->path);
    return copy_file(ctx, path, err);
}

static enum ota_status copy_product(struct copy *c, const struct ota_role_file *f, struct ota_err *err) {
    OTA_TRY(ota_repo_each_image(f, copy_image, c, err));
    return copy_role(c, f, err);
}

/* The order in which a board never finds a name without its file. */
static enum ota_status copy_all(struct copy *c, const struct ota_repo_set *set, struct ota_err *err) {
    for (size_t i = 0; i < set->product_count; i++)
        OTA_TRY(copy_product(c, &set->product[i], err));
    OTA_TRY(copy_role(c, &set->targets, err));
    OTA_TRY(copy_role(c, &set->rollout, err));
    OTA_TRY(copy_role(c, &set->snapshot, err));
    for (uint64_t version = 1; version <= set->root.meta.version; version++) {
        OTA_CLEAN_FREE char *path = ota_sprintf("metadata/%llu.root.json", (unsigned long long)version);
        OTA_TRY(copy_file(c, path, err));
    }
    return copy_file(c, "metadata/timestamp.json", err);
}

/* A folder of something else is left alone. */
static enum ota_status check_folder(const char *dir, struct ota_err *err) {
    OTA_CLEAN_FREE char *timestamp = ota_sprintf("%s/metadata/timestamp.json", dir);
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names names = {0};
    OTA_TRY(ota_fs_mkdirs(dir, 0755, err));
    if (ota_fs_exists(timestamp))
        return OTA_OK;
    OTA_TRY(ota_fs_list(dir, &names, err));
    if (names.count > 0)
        return ota_err_set(err, OTA_EXISTS, "%s: not empty, and no earlier copy of a repository; name another folder",
                           dir);
    return OTA_OK;
}

enum ota_status ota_repo_export(const struct ota_workspace *w, const char *dir, uint64_t *bytes, struct ota_err *err) {
    OTA_CLEAN(ota_repo_set_free) struct ota_repo_set *set = NULL;
    struct copy c = {.w = w, .dir = dir};
    struct ota_dir_transport there;
    OTA_TRY(ota_repo_set_load(w, &set, err));
    OTA_TRY(check_folder(dir, err));
    OTA_TRY(copy_all(&c, set, err));
    ota_dir_transport_init(&there, dir, NULL);
    if (ota_repo_verify(&there.port, ota_buf_span(&set->root.wire), true, NULL, NULL, err) != OTA_OK)
        return ota_err_prefix(err, "the copy in %s", dir);
    *bytes = c.bytes;
    return OTA_OK;
}
