/* SPDX-License-Identifier: Apache-2.0 */
/* Beginning uploads, and what is known of them; see upload.h. */
#include "store/upload.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

#include "host/crypto.h"
#include "host/fs.h"
#include "host/words.h"
#include "store/upload_files.h"

#define LOCK_WAIT_MS 2000
#define WANTED_MAX 4096u
#define GIVES_WAY_S 600u /* an upload nobody went on with makes room for the same token's next one */

/* ---- wanted -------------------------------------------------------------------------------------------- */

static int by_digest(const void *a, const void *b) {
    const struct ota_upload_file *x = a, *y = b;
    return strcmp(x->sha256, y->sha256);
}

static enum ota_status check_wanted(struct ota_upload_wanted *wanted, struct ota_err *err) {
    uint8_t digest[OTA_SHA256_LEN];
    uint64_t total = 0;
    if (wanted->count == 0 || wanted->count > OTA_UPLOAD_FILES_MAX)
        return ota_err_set(err, OTA_ARGUMENT, "a release has 1 to %u files", OTA_UPLOAD_FILES_MAX);
    qsort(wanted->file, wanted->count, sizeof wanted->file[0], by_digest);
    for (size_t i = 0; i < wanted->count; i++) {
        const struct ota_upload_file *f = &wanted->file[i];
        if (!ota_hex_decode(ota_span_str(f->sha256), digest, sizeof digest))
            return ota_err_set(err, OTA_ARGUMENT, "\"%.70s\" is no SHA-256 in 64 lower-case digits", f->sha256);
        if (i > 0 && strcmp(f->sha256, f[-1].sha256) == 0)
            return ota_err_set(err, OTA_ARGUMENT, "%s is listed twice", f->sha256);
        if (f->length == 0 || f->length > OTA_IMAGE_LENGTH_MAX)
            return ota_err_set(err, OTA_ARGUMENT, "%s: a file has 1 to %u bytes", f->sha256, OTA_IMAGE_LENGTH_MAX);
        total += f->length;
    }
    if (total > OTA_UPLOAD_BYTES_MAX)
        return ota_err_set(err, OTA_TOO_LARGE, "%llu bytes are over the cap of %u for one release",
                           (unsigned long long)total, OTA_UPLOAD_BYTES_MAX);
    return OTA_OK;
}

static void write_wanted(const struct ota_upload_wanted *wanted, struct ota_buf *out) {
    ota_buf_printf(out, "token %s\nproduct %s\n", wanted->token, wanted->product);
    for (size_t i = 0; i < wanted->count; i++)
        ota_buf_printf(out, "file %s %u\n", wanted->file[i].sha256, wanted->file[i].length);
}

static bool parse_line(struct ota_span line, struct ota_upload_wanted *out) {
    struct ota_span key = ota_words_take(&line, ' ');
    if (ota_span_equal_str(key, "token"))
        return ota_span_copy(line, out->token, sizeof out->token);
    if (ota_span_equal_str(key, "product"))
        return ota_span_copy(line, out->product, sizeof out->product);
    if (!ota_span_equal_str(key, "file") || out->count == OTA_UPLOAD_FILES_MAX)
        return false;
    struct ota_upload_file *f = &out->file[out->count++];
    return ota_span_copy(ota_words_take(&line, ' '), f->sha256, sizeof f->sha256) &&
           ota_words_number(line, OTA_IMAGE_LENGTH_MAX, &f->length);
}

/* Our own file: one that does not read is not there. */
static bool read_wanted(const struct ota_workspace *w, const char *id, struct ota_upload_wanted *out) {
    OTA_CLEAN_FREE char *path = ota_upload_path(w, id, "wanted");
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    struct ota_err ignored;
    memset(out, 0, sizeof *out);
    if (ota_fs_read(path, WANTED_MAX, &text, &ignored) != OTA_OK)
        return false;
    for (struct ota_span rest = ota_buf_span(&text); rest.len;)
        if (!parse_line(ota_words_take(&rest, '\n'), out))
            return false;
    return out->count > 0;
}

static bool same_wanted(const struct ota_upload_wanted *a, const struct ota_upload_wanted *b) {
    OTA_CLEAN(ota_buf_free) struct ota_buf x = {0};
    OTA_CLEAN(ota_buf_free) struct ota_buf y = {0};
    write_wanted(a, &x);
    write_wanted(b, &y);
    return ota_span_equal(ota_buf_span(&x), ota_buf_span(&y));
}

/* ---- counting ------------------------------------------------------------------------------------------ */

struct census {
    struct ota_upload_wanted *wanted;
    char same[OTA_UPLOAD_ID_LEN + 1];   /* "": none */
    char oldest[OTA_UPLOAD_ID_LEN + 1]; /* unfinished, of the same token, left alone for GIVES_WAY_S */
    uint64_t oldest_touched;
    unsigned of_token;
    uint64_t bytes;   /* that all unfinished ones may come to */
    uint64_t missing; /* of these, not on disk yet */
};

static uint64_t touched(const struct ota_workspace *w, const char *id) {
    OTA_CLEAN_FREE char *path = ota_upload_path(w, id, "wanted");
    struct stat st;
    return stat(path, &st) == 0 ? (uint64_t)st.st_mtime : 0;
}

static uint64_t missing_bytes(const struct ota_upload *u) {
    uint64_t missing = 0;
    for (size_t i = 0; i < u->wanted.count; i++)
        missing += u->wanted.file[i].length - u->have[i];
    return missing;
}

static enum ota_status describe(const struct ota_workspace *w, const char *id, struct ota_upload *out,
                                struct ota_err *err);

static void count_one(const struct ota_workspace *w, const char *id, struct census *c) {
    struct ota_upload u;
    struct ota_err ignored;
    if (describe(w, id, &u, &ignored) != OTA_OK || u.state == OTA_UPLOAD_PUBLISHED)
        return;
    for (size_t i = 0; i < u.wanted.count; i++)
        c->bytes += u.wanted.file[i].length;
    c->missing += missing_bytes(&u);
    if (strcmp(u.wanted.token, c->wanted->token) != 0)
        return;
    c->of_token++;
    if (u.state != OTA_UPLOAD_QUEUED && same_wanted(&u.wanted, c->wanted))
        memcpy(c->same, u.id, sizeof c->same);
    uint64_t at = touched(w, id);
    if (u.state != OTA_UPLOAD_QUEUED && at + GIVES_WAY_S < (uint64_t)time(NULL) &&
        (!c->oldest[0] || at < c->oldest_touched)) {
        memcpy(c->oldest, u.id, sizeof c->oldest);
        c->oldest_touched = at;
    }
}

static enum ota_status take_census(const struct ota_workspace *w, struct census *c, struct ota_err *err) {
    OTA_CLEAN_FREE char *dir = ota_workspace_path(w, "state/uploads");
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names names = {0};
    OTA_TRY(ota_fs_list(dir, &names, err));
    for (size_t i = 0; i < names.count; i++)
        if (ota_upload_id_valid(names.name[i]))
            count_one(w, names.name[i], c);
    return OTA_OK;
}

static enum ota_status check_room(const struct ota_workspace *w, const struct census *c, uint64_t length,
                                  struct ota_err *err) {
    OTA_CLEAN_FREE char *state = ota_workspace_path(w, "state");
    struct statvfs fs;
    if (c->bytes + length > OTA_UPLOADS_BYTES_MAX)
        return ota_err_set(err, OTA_NO_SPACE,
                           "uploads that are not finished take %llu MiB already; they are dropped when nobody goes on "
                           "with them for a day",
                           (unsigned long long)(c->bytes >> 20));
    if (statvfs(state, &fs) != 0)
        return ota_fs_errno(err, state, "cannot tell how much is free");
    uint64_t available = (uint64_t)fs.f_bavail * fs.f_frsize;
    if (available < OTA_UPLOADS_KEEP_FREE + c->missing + length)
        return ota_err_set(err, OTA_NO_SPACE, "the server's disk has no room for %llu more MiB",
                           (unsigned long long)(length >> 20) + 1);
    return OTA_OK;
}

/* ---- beginning ----------------------------------------------------------------------------------------- */

static enum ota_status remove_upload(const struct ota_workspace *w, const char *id, struct ota_err *err) {
    OTA_CLEAN_FREE char *dir = ota_workspace_path(w, "state/uploads/%s", id);
    return ota_fs_remove_tree(dir, err);
}

static enum ota_status make_upload(const struct ota_workspace *w, const struct ota_upload_wanted *wanted,
                                   char id[OTA_UPLOAD_ID_LEN + 1], struct ota_err *err) {
    uint8_t random[OTA_UPLOAD_ID_LEN / 2];
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    OTA_TRY(ota_crypto_openssl.random(ota_crypto_openssl.ctx, random, sizeof random, err));
    ota_hex_encode(random, sizeof random, id);
    OTA_CLEAN_FREE char *dir = ota_workspace_path(w, "state/uploads/%s", id);
    OTA_CLEAN_FREE char *path = ota_upload_path(w, id, "wanted");
    write_wanted(wanted, &text);
    OTA_TRY(ota_fs_mkdirs(dir, 0700, err));
    return ota_fs_write(path, text.p, text.len, 0600, err);
}

static enum ota_status find_or_make(const struct ota_workspace *w, struct ota_upload_wanted *wanted,
                                    struct ota_upload *out, bool *fresh, struct ota_err *err) {
    struct census c = {.wanted = wanted};
    uint64_t length = 0;
    OTA_TRY(take_census(w, &c, err));
    *fresh = !c.same[0];
    if (!*fresh)
        return describe(w, c.same, out, err);
    for (size_t i = 0; i < wanted->count; i++)
        length += wanted->file[i].length;
    if (c.of_token >= OTA_UPLOADS_PER_TOKEN && c.oldest[0])
        OTA_TRY(remove_upload(w, c.oldest, err));
    else if (c.of_token >= OTA_UPLOADS_PER_TOKEN)
        return ota_err_set(err, OTA_BUSY, "token %s has %u uploads under way; wait until one ends", wanted->token,
                           c.of_token);
    OTA_TRY(check_room(w, &c, length, err));
    OTA_TRY(make_upload(w, wanted, out->id, err));
    return describe(w, out->id, out, err);
}

enum ota_status ota_upload_begin(const struct ota_workspace *w, struct ota_upload_wanted *wanted,
                                 struct ota_upload *out, bool *fresh, struct ota_err *err) {
    OTA_CLEAN_FREE char *dir = ota_workspace_path(w, "state/uploads");
    OTA_CLEAN_FREE char *lock = ota_workspace_path(w, "state/uploads/.lock");
    OTA_CLEAN_FD int held = -1;
    OTA_TRY(check_wanted(wanted, err));
    OTA_TRY(ota_fs_mkdirs(dir, 0700, err));
    OTA_TRY(ota_fs_lock(lock, LOCK_WAIT_MS, &held, err));
    return find_or_make(w, wanted, out, fresh, err);
}

/* ---- looking ------------------------------------------------------------------------------------------- */

static enum ota_status describe(const struct ota_workspace *w, const char *id, struct ota_upload *out,
                                struct ota_err *err) {
    char wanted_id[OTA_UPLOAD_ID_LEN + 1];
    memcpy(wanted_id, id, sizeof wanted_id); /* may lie in *out */
    memset(out, 0, sizeof *out);
    memcpy(out->id, wanted_id, sizeof out->id);
    if (!read_wanted(w, out->id, &out->wanted))
        return ota_err_set(err, OTA_NOT_FOUND, "there is no upload %s", out->id);
    OTA_TRY(ota_upload_settle(w, out, err));
    for (size_t i = 0; i < out->wanted.count; i++) {
        const struct ota_upload_file *f = &out->wanted.file[i];
        OTA_CLEAN_FREE char *whole = ota_upload_find(w, out, f);
        out->have[i] = whole ? f->length : ota_upload_part_length(w, out->id, f);
    }
    return OTA_OK;
}

enum ota_status ota_upload_read(const struct ota_workspace *w, const char *id, const char *token,
                                struct ota_upload *out, struct ota_err *err) {
    if (!ota_upload_id_valid(id))
        return ota_err_set(err, OTA_NOT_FOUND, "there is no such upload");
    OTA_TRY(describe(w, id, out, err));
    if (strcmp(out->wanted.token, token) != 0)
        return ota_err_set(err, OTA_NOT_FOUND, "there is no upload %s", id);
    return OTA_OK;
}

/* ---- housekeeping -------------------------------------------------------------------------------------- */

/* Also moves it on. One that cannot be read just now may be another time. */
static bool is_over(const struct ota_workspace *w, const char *id) {
    struct ota_upload u;
    struct ota_err ignored;
    bool queued = describe(w, id, &u, &ignored) == OTA_OK && u.state == OTA_UPLOAD_QUEUED;
    return !queued && touched(w, id) + OTA_UPLOAD_LIFE_S < (uint64_t)time(NULL);
}

/* Under the lock: one that is being made has no "wanted" yet. */
void ota_uploads_sweep(const struct ota_workspace *w) {
    OTA_CLEAN_FREE char *dir = ota_workspace_path(w, "state/uploads");
    OTA_CLEAN_FREE char *lock = ota_workspace_path(w, "state/uploads/.lock");
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names names = {0};
    OTA_CLEAN_FD int held = -1;
    struct ota_err ignored;
    if (!ota_fs_exists(dir) || ota_fs_lock(lock, 0, &held, &ignored) != OTA_OK ||
        ota_fs_list(dir, &names, &ignored) != OTA_OK)
        return;
    for (size_t i = 0; i < names.count; i++)
        if (ota_upload_id_valid(names.name[i]) && is_over(w, names.name[i]))
            (void)!remove_upload(w, names.name[i], &ignored);
}
