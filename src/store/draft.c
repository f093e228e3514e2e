/* SPDX-License-Identifier: Apache-2.0 */
/* Drafts on disk: listed, written, handed over; see draft.h. */
#include "store/draft.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "store/draft_private.h"
#include "store/repo_folder.h"

char *ota_draft_path(const struct ota_workspace *w, const char *id) {
    return ota_workspace_path(w, "state/drafts/%s", id);
}

bool ota_draft_exists(const struct ota_workspace *w, const char *id) {
    OTA_CLEAN_FREE char *dir = ota_draft_path(w, id);
    OTA_CLEAN_FREE char *request = ota_sprintf("%s/request", dir);
    return ota_repo_id_valid(id) && ota_fs_is_file(request);
}

enum ota_status ota_draft_list(const struct ota_workspace *w, struct ota_fs_names *out, struct ota_err *err) {
    OTA_CLEAN_FREE char *dir = ota_workspace_path(w, "state/drafts");
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names all = {0};
    *out = (struct ota_fs_names){0};
    if (!ota_fs_exists(dir))
        return OTA_OK;
    OTA_TRY(ota_fs_list(dir, &all, err));
    out->name = ota_calloc(all.count + 1, sizeof *out->name);
    for (size_t i = 0; i < all.count; i++)
        if (ota_draft_exists(w, all.name[i]))
            out->name[out->count++] = ota_strdup(all.name[i]);
    return OTA_OK;
}

/* ---- writing ---------------------------------------------------------------------------------------------- */

static enum ota_status write_role(const char *dir, const struct ota_draft_file *f, struct ota_err *err) {
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/metadata/%llu.%s.json", dir, (unsigned long long)f->version, f->role);
    return ota_fs_write(path, f->wire.p, f->wire.len, 0644, err);
}

static enum ota_status write_text(const char *dir, const char *name, struct ota_span text, struct ota_err *err) {
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", dir, name);
    return ota_fs_write(path, text.p, text.len, 0644, err);
}

static enum ota_status fill(const char *dir, const struct ota_draft_change *c, struct ota_err *err) {
    OTA_CLEAN_FREE char *request = ota_sprintf("change %s\nby %s\n", c->text, c->user);
    for (size_t i = 0; i < c->count; i++)
        OTA_TRY(write_role(dir, &c->file[i], err));
    if (c->conf.len)
        OTA_TRY(write_text(dir, OTA_DRAFT_CONF, c->conf, err));
    return write_text(dir, "request", ota_span_str(request), err);
}

static char *path_before(const struct ota_workspace *w, const char *id) {
    return ota_workspace_path(w, "state/drafts/.tmp-%s", id);
}

enum ota_status ota_draft_prepare(const struct ota_workspace *w, const char *id, char **folder, struct ota_err *err) {
    OTA_CLEAN_FREE char *temp = path_before(w, id);
    OTA_CLEAN_FREE char *metadata = ota_sprintf("%s/metadata", temp);
    if (!ota_repo_id_valid(id))
        return ota_err_set(err, OTA_ARGUMENT, "state/drafts: \"%s\" cannot name a draft", id);
    OTA_TRY(ota_fs_remove_tree(temp, err)); /* of one that was killed */
    OTA_TRY(ota_fs_mkdirs(metadata, 0755, err));
    *folder = OTA_STEAL(temp);
    return OTA_OK;
}

enum ota_status ota_draft_place(const struct ota_workspace *w, const char *id, struct ota_err *err) {
    OTA_CLEAN_FREE char *dir = ota_draft_path(w, id);
    OTA_CLEAN_FREE char *temp = path_before(w, id);
    enum ota_status s = ota_fs_exists(dir) ? ota_fs_exchange(temp, dir, err) : ota_fs_rename(temp, dir, err);
    if (s == OTA_UNSUPPORTED) {
        OTA_TRY(ota_fs_remove_tree(dir, err));
        s = ota_fs_rename(temp, dir, err);
    }
    OTA_TRY(s);
    return ota_fs_remove_tree(temp, err);
}

enum ota_status ota_draft_write(const struct ota_workspace *w, const char *id, const struct ota_draft_change *change,
                                struct ota_err *err) {
    OTA_CLEAN_FREE char *folder = NULL;
    OTA_TRY(ota_draft_prepare(w, id, &folder, err));
    OTA_TRY(fill(folder, change, err));
    return ota_draft_place(w, id, err);
}

enum ota_status ota_draft_update(const struct ota_workspace *w, const char *id, const struct ota_draft_file *file,
                                 struct ota_err *err) {
    OTA_CLEAN_FREE char *dir = ota_draft_path(w, id);
    return write_role(dir, file, err);
}

/* It loses its name before its files. */
static enum ota_status move_away(const struct ota_workspace *w, const char *id, struct ota_err *err) {
    OTA_CLEAN_FREE char *dir = ota_draft_path(w, id);
    OTA_CLEAN_FREE char *temp = path_before(w, id);
    OTA_TRY(ota_fs_remove_tree(temp, err));
    OTA_TRY(ota_fs_rename(dir, temp, err));
    return ota_fs_remove_tree(temp, err);
}

enum ota_status ota_draft_remove(const struct ota_workspace *w, const char *id, struct ota_err *err) {
    if (!ota_draft_exists(w, id))
        return ota_err_set(err, OTA_NOT_FOUND, "there is no draft \"%s\"", id);
    return move_away(w, id, err);
}

/* ---- handing over ----------------------------------------------------------------------------------------- */

/* What is handed over last is published last, however long it lay here. */
static enum ota_status touch(const char *path, struct ota_err *err) {
    return utimensat(AT_FDCWD, path, NULL, 0) == 0 ? OTA_OK : ota_fs_errno(err, path, "cannot set its time");
}

enum ota_status ota_draft_submit(const struct ota_workspace *w, const char *id, char **incoming, struct ota_err *err) {
    OTA_CLEAN(ota_draft_free) struct ota_draft *d = NULL;
    OTA_TRY(ota_draft_open(w, id, &d, err));
    OTA_TRY(ota_draft_check(d, err));
    OTA_CLEAN_FREE char *dir = ota_draft_path(w, id);
    OTA_CLEAN_FREE char *request = ota_sprintf("%s/request", dir);
    OTA_CLEAN_FREE char *folder = ota_workspace_path(w, "state/incoming");
    OTA_CLEAN_FREE char *name = ota_sprintf("%010llu-%.48s", (unsigned long long)time(NULL), id);
    OTA_CLEAN_FREE char *target = ota_sprintf("%s/%s", folder, name);
    OTA_TRY(ota_fs_mkdirs(folder, 0755, err));
    OTA_TRY(touch(request, err));
    OTA_TRY(ota_fs_rename(dir, target, err));
    *incoming = OTA_STEAL(name);
    return OTA_OK;
}
