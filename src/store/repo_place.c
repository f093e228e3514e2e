/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a verified commit to what boards see; see repo_commit.h.
 *
 * Without a new root the timestamp is the switch: what it does not name yet nobody reads. A new root may name other
 * keys for targets, snapshot and timestamp, so that between root and timestamp no order of writing is right: boards
 * would find either files their root does not vouch for, or a root that does not vouch for the files. So the folder is
 * copied (by links), completed, and changes places with the old one in one step.
 */
#include <string.h>
#include <sys/stat.h>

#include "store/repo_commit.h"

static enum ota_status link_all(const char *from, const char *to, struct ota_err *err) {
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names names = {0};
    OTA_TRY(ota_fs_list(from, &names, err));
    for (size_t i = 0; i < names.count; i++) {
        OTA_CLEAN_FREE char *source = ota_sprintf("%s/%s", from, names.name[i]);
        OTA_CLEAN_FREE char *target = ota_sprintf("%s/%s", to, names.name[i]);
        if (names.name[i][0] != '.' && ota_fs_is_file(source)) /* a dot: half-written */
            OTA_TRY(ota_fs_link(source, target, err));
    }
    return OTA_OK;
}

/* <next>/metadata as it is to be. Writing replaces a name, so the linked files stay as they are. */
static enum ota_status prepare(const struct ota_repo_commit *c, const char *metadata, const char *next,
                               struct ota_err *err) {
    OTA_CLEAN_FREE char *folder = ota_sprintf("%s/metadata", next);
    struct stat st;
    if (stat(metadata, &st) != 0)
        return ota_fs_errno(err, metadata, "cannot examine");
    OTA_TRY(ota_fs_remove_tree(next, err));
    OTA_TRY(ota_fs_mkdirs(folder, st.st_mode & 0777, err));
    OTA_TRY(link_all(metadata, folder, err));
    return ota_repo_commit_write(c, next, err);
}

/* UNSUPPORTED: this file system cannot. */
static enum ota_status replace_folder(const struct ota_workspace *w, const struct ota_repo_commit *c,
                                      struct ota_err *err) {
    OTA_CLEAN_FREE char *metadata = ota_workspace_path(w, "state/repo/metadata");
    OTA_CLEAN_FREE char *next = ota_workspace_path(w, "state/.repo-next");
    OTA_CLEAN_FREE char *folder = ota_sprintf("%s/metadata", next);
    struct ota_err ignored;
    OTA_TRY(prepare(c, metadata, next, err));
    enum ota_status s = ota_fs_exchange(folder, metadata, err);
    (void)!ota_fs_remove_tree(next, &ignored); /* what stays of it goes the next time */
    return s;
}

enum ota_status ota_repo_commit_place(const struct ota_workspace *w, const struct ota_repo_commit *c,
                                      struct ota_err *err) {
    OTA_CLEAN_FREE char *repo = ota_workspace_path(w, "state/repo");
    enum ota_status s = c->root_count ? replace_folder(w, c, err) : OTA_UNSUPPORTED;
    return s == OTA_UNSUPPORTED ? ota_repo_commit_write(c, repo, err) : s;
}
