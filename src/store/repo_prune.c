/* SPDX-License-Identifier: Apache-2.0 */
/* Removes what nobody can need any more; see repo_prune.h. */
#include "store/repo_prune.h"

#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "store/repo_set.h"
#include "store/repo_verify.h"

#define GRACE_SECONDS (30 * 86400)
#define KEPT_NEWEST 16u

/* ---- metadata --------------------------------------------------------------------------------------------- */

struct numbered {
    unsigned long long version;
    const char *role; /* in name, ends before ".json" */
    size_t role_len;
    char *name; /* borrowed */
    time_t written;
};

/* "<version>.<role>.json" */
static bool parse_name(char *name, struct numbered *out) {
    size_t digits = strspn(name, "0123456789"), n = strlen(name);
    if (digits == 0 || digits > 15 || name[digits] != '.' || n < digits + 7 || strcmp(name + n - 5, ".json") != 0)
        return false;
    *out = (struct numbered){
        .version = strtoull(name, NULL, 10), .role = name + digits + 1, .role_len = n - digits - 6, .name = name};
    return true;
}

static int compare_roles(const struct numbered *a, const struct numbered *b) {
    return ota_span_compare((struct ota_span){(const uint8_t *)a->role, a->role_len},
                            (struct ota_span){(const uint8_t *)b->role, b->role_len});
}

/* By role, newest first. */
static int compare_numbered(const void *a, const void *b) {
    const struct numbered *x = a, *y = b;
    int by_role = compare_roles(x, y);
    return by_role ? by_role : (x->version < y->version) - (x->version > y->version);
}

static enum ota_status list_metadata(const char *dir, const struct ota_fs_names *names, struct numbered *out,
                                     size_t *count, struct ota_err *err) {
    for (size_t i = 0; i < names->count; i++) {
        OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", dir, names->name[i]);
        struct stat st;
        if (!parse_name(names->name[i], &out[*count]))
            continue;
        if (stat(path, &st) != 0)
            return ota_fs_errno(err, path, "cannot examine");
        out[(*count)++].written = st.st_mtime;
    }
    qsort(out, *count, sizeof *out, compare_numbered);
    return OTA_OK;
}

static bool is_root(const struct numbered *f) {
    return f->role_len == 4 && memcmp(f->role, "root", 4) == 0;
}

static bool is_published(struct ota_repo_set *set, const struct numbered *f) {
    char role[OTA_ROLE_NAME_MAX + 1];
    if (!ota_span_copy((struct ota_span){(const uint8_t *)f->role, f->role_len}, role, sizeof role))
        return false;
    const struct ota_role_file *current = ota_repo_set_find(set, role);
    return current && current->meta.version == f->version;
}

static enum ota_status prune_metadata(const char *dir, struct ota_repo_set *set, time_t now, struct ota_err *err) {
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names names = {0};
    size_t count = 0, newer = 0;
    OTA_TRY(ota_fs_list(dir, &names, err));
    OTA_CLEAN_FREE struct numbered *file = ota_calloc(names.count + 1, sizeof *file);
    OTA_TRY(list_metadata(dir, &names, file, &count, err));
    for (size_t i = 0; i < count; i++) {
        newer = i > 0 && compare_roles(&file[i], &file[i - 1]) == 0 ? newer + 1 : 0;
        if (newer < KEPT_NEWEST || is_root(&file[i]) || is_published(set, &file[i]) ||
            now - file[i - 1].written < GRACE_SECONDS)
            continue;
        OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", dir, file[i].name);
        OTA_TRY(ota_fs_remove(path, err));
    }
    return OTA_OK;
}

/* ---- images ----------------------------------------------------------------------------------------------- */

static enum ota_status add_path(void *ctx, const struct ota_repo_image *image, struct ota_err *err) {
    struct ota_buf *paths = ctx;
    (void)err;
    ota_buf_printf(paths, "%s\n", image->path);
    return OTA_OK;
}

static enum ota_status add_role_paths(const char *path, const char *product, struct ota_buf *paths,
                                      struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf wire = {0};
    OTA_CLEAN(ota_role_file_free) struct ota_role_file f = {0};
    OTA_TRY(ota_fs_read(path, ota_repo_role_cap(product), &wire, err));
    ota_role_file_set(&f, product, ota_buf_span(&wire));
    OTA_TRY(ota_role_file_parse(&f, "targets", err));
    return ota_repo_each_image(&f, add_path, paths, err);
}

/* Every path that a role of `product` still on disk lists, each with a line feed before and after it. */
static enum ota_status listed_paths(const char *metadata, const char *product, struct ota_buf *paths,
                                    struct ota_err *err) {
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names names = {0};
    OTA_TRY(ota_fs_list(metadata, &names, err));
    ota_buf_str(paths, "\n");
    for (size_t i = 0; i < names.count; i++) {
        struct numbered f;
        OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", metadata, names.name[i]);
        if (parse_name(names.name[i], &f) && f.role_len == strlen(product) && memcmp(f.role, product, f.role_len) == 0)
            OTA_TRY(add_role_paths(path, product, paths, err));
    }
    return OTA_OK;
}

/* `relative` is below targets/. */
static enum ota_status prune_folder(const char *targets, const char *relative, const char *paths, time_t now,
                                    struct ota_err *err) {
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names names = {0};
    OTA_CLEAN_FREE char *dir = ota_sprintf("%s/%s", targets, relative);
    OTA_TRY(ota_fs_list(dir, &names, err));
    for (size_t i = 0; i < names.count; i++) {
        OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", dir, names.name[i]);
        OTA_CLEAN_FREE char *line = ota_sprintf("\n%s/%s\n", relative, names.name[i]);
        struct stat st;
        if (lstat(path, &st) == 0 && S_ISREG(st.st_mode) && now - st.st_mtime >= GRACE_SECONDS && !strstr(paths, line))
            OTA_TRY(ota_fs_remove(path, err));
    }
    (void)rmdir(dir); /* works when it is empty, which is the wish */
    return OTA_OK;
}

static enum ota_status prune_images(const char *repo, const char *product, time_t now, struct ota_err *err) {
    OTA_CLEAN_FREE char *metadata = ota_sprintf("%s/metadata", repo);
    OTA_CLEAN_FREE char *targets = ota_sprintf("%s/targets", repo);
    OTA_CLEAN_FREE char *dir = ota_sprintf("%s/img/%s", targets, product);
    OTA_CLEAN(ota_buf_free) struct ota_buf paths = {0};
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names releases = {0};
    if (!ota_fs_is_dir(dir))
        return OTA_OK;
    OTA_TRY(listed_paths(metadata, product, &paths, err));
    OTA_TRY(ota_fs_list(dir, &releases, err));
    for (size_t i = 0; i < releases.count; i++) {
        OTA_CLEAN_FREE char *relative = ota_sprintf("img/%s/%s", product, releases.name[i]);
        OTA_TRY(prune_folder(targets, relative, ota_buf_text(&paths), now, err));
    }
    return OTA_OK;
}

enum ota_status ota_repo_prune(const struct ota_workspace *w, struct ota_err *err) {
    OTA_CLEAN_FREE char *repo = ota_workspace_path(w, "state/repo");
    OTA_CLEAN_FREE char *metadata = ota_sprintf("%s/metadata", repo);
    OTA_CLEAN_FREE char *images = ota_sprintf("%s/targets/img", repo);
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names products = {0};
    OTA_CLEAN(ota_repo_set_free) struct ota_repo_set *set = NULL;
    time_t now = time(NULL);
    OTA_TRY(ota_repo_set_load(w, &set, err));
    OTA_TRY(prune_metadata(metadata, set, now, err));
    OTA_TRY(ota_fs_list(images, &products, err));
    for (size_t i = 0; i < products.count; i++)
        OTA_TRY(prune_images(repo, products.name[i], now, err));
    return OTA_OK;
}
