/* SPDX-License-Identifier: Apache-2.0 */
/* The files of an upload, and how far it has come; see upload.h. */
#include "store/upload_files.h"

#include <string.h>
#include <sys/stat.h>

#include "host/fs.h"
#include "host/status_name.h"
#include "host/words.h"

#define ANSWER_MAX 1024u

bool ota_upload_id_valid(const char *id) {
    uint8_t bytes[OTA_UPLOAD_ID_LEN / 2];
    return ota_hex_decode(ota_span_str(id), bytes, sizeof bytes);
}

char *ota_upload_path(const struct ota_workspace *w, const char *id, const char *name) {
    return ota_workspace_path(w, "state/uploads/%s/%s", id, name);
}

static bool has_length(const char *path, uint32_t length) {
    struct stat st;
    return lstat(path, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == length;
}

/* img/<product>/<counter>/<sha256>.<file>: the name was given when the content had been verified. */
static char *find_in_release(const char *folder, const struct ota_upload_file *f) {
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names names = {0};
    struct ota_err ignored;
    if (ota_fs_list(folder, &names, &ignored) != OTA_OK)
        return NULL;
    for (size_t i = 0; i < names.count; i++) {
        OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", folder, names.name[i]);
        if (strncmp(names.name[i], f->sha256, OTA_SHA256_HEX_LEN) == 0 && has_length(path, f->length))
            return OTA_STEAL(path);
    }
    return NULL;
}

static char *find_published(const struct ota_workspace *w, const char *product, const struct ota_upload_file *f) {
    OTA_CLEAN_FREE char *dir = ota_workspace_path(w, "state/repo/targets/img/%s", product);
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names names = {0};
    struct ota_err ignored;
    char *found = NULL;
    if (!ota_fs_is_dir(dir) || ota_fs_list(dir, &names, &ignored) != OTA_OK)
        return NULL;
    for (size_t i = 0; i < names.count && !found; i++) {
        OTA_CLEAN_FREE char *release = ota_sprintf("%s/%s", dir, names.name[i]);
        found = find_in_release(release, f);
    }
    return found;
}

char *ota_upload_find(const struct ota_workspace *w, const struct ota_upload *u, const struct ota_upload_file *f) {
    OTA_CLEAN_FREE char *own = ota_upload_path(w, u->id, f->sha256);
    return has_length(own, f->length) ? OTA_STEAL(own) : find_published(w, u->wanted.product, f);
}

uint32_t ota_upload_part_length(const struct ota_workspace *w, const char *id, const struct ota_upload_file *f) {
    OTA_CLEAN_FREE char *name = ota_sprintf("%s.part", f->sha256);
    OTA_CLEAN_FREE char *path = ota_upload_path(w, id, name);
    struct stat st;
    if (lstat(path, &st) != 0 || st.st_size < 0 || (uint64_t)st.st_size > f->length)
        return 0;
    return (uint32_t)st.st_size;
}

/* ---- after it was handed over -------------------------------------------------------------------------- */

const char *ota_upload_state_name(enum ota_upload_state s) {
    static const char *const names[] = {"open", "queued", "published", "refused"};
    return names[s];
}

static bool read_handed(const struct ota_workspace *w, const char *id, char *incoming, size_t cap, uint32_t *counter) {
    OTA_CLEAN_FREE char *path = ota_upload_path(w, id, "handed");
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    struct ota_err ignored;
    if (!ota_fs_exists(path) || ota_fs_read(path, ANSWER_MAX, &text, &ignored) != OTA_OK)
        return false;
    struct ota_span rest = ota_buf_span(&text), line = ota_words_take(&rest, '\n');
    if (!ota_span_equal_str(ota_words_take(&line, ' '), "incoming") || !ota_span_copy(line, incoming, cap))
        return false;
    line = ota_words_take(&rest, '\n');
    return ota_span_equal_str(ota_words_take(&line, ' '), "counter") &&
           ota_words_number(line, OTA_COUNTER_MAX, counter);
}

/* Takes over what the publisher wrote for whoever waits. The two answers never both stand: each ends the folder. */
static enum ota_status fetch_answer(const struct ota_workspace *w, const char *incoming, const char *result,
                                    struct ota_err *err) {
    static const char *const suffix[] = {"done", "refused"};
    for (size_t i = 0; i < OTA_ARRAY_LEN(suffix); i++) {
        OTA_CLEAN_FREE char *from = ota_workspace_path(w, "state/incoming/%s.%s", incoming, suffix[i]);
        if (!ota_fs_exists(from))
            continue;
        enum ota_status st = ota_fs_rename(from, result, err);
        if (st != OTA_OK && !ota_fs_exists(result)) /* else another thread was faster */
            return st;
    }
    return OTA_OK;
}

static void drop_files(const struct ota_workspace *w, const struct ota_upload *u) {
    struct ota_err ignored;
    for (size_t i = 0; i < u->wanted.count; i++) {
        OTA_CLEAN_FREE char *path = ota_upload_path(w, u->id, u->wanted.file[i].sha256);
        (void)!ota_fs_remove(path, &ignored);
    }
}

static enum ota_status read_result(const char *path, struct ota_upload *u, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    OTA_TRY(ota_fs_read(path, ANSWER_MAX, &text, err));
    struct ota_span rest = ota_buf_span(&text), name = ota_words_take(&rest, '\n');
    struct ota_span message = ota_words_take(&rest, '\n');
    if (ota_span_equal_str(name, "ok")) {
        u->state = OTA_UPLOAD_PUBLISHED;
        return OTA_OK;
    }
    u->state = OTA_UPLOAD_REFUSED;
    (void)ota_err_set(&u->why, ota_status_by_name(name), "%.*s", (int)message.len, (const char *)message.p);
    return OTA_OK;
}

enum ota_status ota_upload_settle(const struct ota_workspace *w, struct ota_upload *u, struct ota_err *err) {
    char incoming[OTA_UPLOAD_INCOMING_MAX];
    if (!read_handed(w, u->id, incoming, sizeof incoming, &u->counter))
        return OTA_OK;
    OTA_CLEAN_FREE char *folder = ota_workspace_path(w, "state/incoming/%s", incoming);
    OTA_CLEAN_FREE char *result = ota_upload_path(w, u->id, "result");
    if (ota_fs_exists(folder)) {
        u->state = OTA_UPLOAD_QUEUED;
        return OTA_OK;
    }
    OTA_TRY(fetch_answer(w, incoming, result, err));
    if (!ota_fs_exists(result)) /* it never got there */
        return OTA_OK;
    OTA_TRY(read_result(result, u, err));
    if (u->state == OTA_UPLOAD_PUBLISHED)
        drop_files(w, u);
    return OTA_OK;
}
