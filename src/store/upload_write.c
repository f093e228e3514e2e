/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of an upload on their way to disk; see upload.h. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "host/crypto.h"
#include "host/fs.h"
#include "store/upload_files.h"

void ota_upload_writer_close(struct ota_upload_writer *u) {
    if (u->fd >= 0)
        (void)close(u->fd);
    free(u->path);
    u->path = NULL;
    u->fd = -1;
}

static const struct ota_upload_file *find_wanted(const struct ota_upload *u, const char *sha256) {
    for (size_t i = 0; i < u->wanted.count; i++)
        if (strcmp(u->wanted.file[i].sha256, sha256) == 0)
            return &u->wanted.file[i];
    return NULL;
}

/* The lock keeps a second writer out; it ends with the descriptor, also when this process is killed. */
static enum ota_status open_part(struct ota_upload_writer *out, off_t *size, struct ota_err *err) {
    OTA_CLEAN_FREE char *part = ota_sprintf("%s.part", out->path);
    struct stat st;
    out->fd = open(part, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (out->fd < 0)
        return ota_fs_errno(err, part, "cannot open");
    if (flock(out->fd, LOCK_EX | LOCK_NB) != 0)
        return ota_err_set(err, OTA_BUSY, "%s is being uploaded by somebody else just now", out->file.sha256);
    if (fstat(out->fd, &st) != 0 || !S_ISREG(st.st_mode))
        return ota_err_set(err, OTA_IO, "%s: not a regular file", part);
    *size = st.st_size;
    return OTA_OK;
}

static enum ota_status begin(struct ota_upload_writer *out, uint64_t from, struct ota_err *err) {
    off_t size = 0;
    OTA_TRY(open_part(out, &size, err));
    if (ota_fs_exists(out->path)) /* completed before the lock was ours */
        return ota_err_set(err, OTA_EXISTS, "%s is here already", out->file.sha256);
    if ((uint64_t)size != from)
        return ota_err_set(err, OTA_LENGTH, "%s goes on at byte %llu, not at %llu", out->file.sha256,
                           (unsigned long long)size, (unsigned long long)from);
    return OTA_OK;
}

enum ota_status ota_upload_write_begin(const struct ota_workspace *w, const struct ota_upload *u, const char *sha256,
                                       uint64_t from, uint64_t end, uint64_t length, struct ota_upload_writer *out,
                                       struct ota_err *err) {
    const struct ota_upload_file *f = find_wanted(u, sha256);
    *out = (struct ota_upload_writer){.fd = -1, .at = from, .end = end};
    if (!f)
        return ota_err_set(err, OTA_NOT_FOUND, "upload %s does not want this file", u->id);
    if (length != f->length || from >= end || end > length)
        return ota_err_set(err, OTA_LENGTH, "%s was announced with %u bytes", f->sha256, f->length);
    if (end - from > OTA_UPLOAD_PART_MAX)
        return ota_err_set(err, OTA_TOO_LARGE, "a part has at most %u bytes", OTA_UPLOAD_PART_MAX);
    if (u->state == OTA_UPLOAD_QUEUED || u->state == OTA_UPLOAD_PUBLISHED)
        return ota_err_set(err, OTA_EXISTS, "upload %s was handed over already", u->id);
    OTA_CLEAN_FREE char *whole = ota_upload_find(w, u, f);
    if (whole)
        return ota_err_set(err, OTA_EXISTS, "%s is here already", f->sha256);
    out->file = *f;
    out->path = ota_upload_path(w, u->id, f->sha256);
    enum ota_status st = begin(out, from, err);
    if (st != OTA_OK)
        ota_upload_writer_close(out);
    return st;
}

enum ota_status ota_upload_write(struct ota_upload_writer *u, const void *p, size_t n, struct ota_err *err) {
    const uint8_t *at = p;
    if (n > u->end - u->at)
        return ota_err_set(err, OTA_LENGTH, "%s: more bytes than were announced", u->file.sha256);
    while (n) {
        ssize_t wrote = pwrite(u->fd, at, n, (off_t)u->at);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return ota_fs_errno(err, u->path, "cannot write");
        at += wrote;
        u->at += (uint64_t)wrote;
        n -= (size_t)wrote;
    }
    return OTA_OK;
}

/* So that it counts as one that somebody goes on with. */
static void touch(const struct ota_upload_writer *u) {
    OTA_CLEAN_FREE char *wanted = ota_sprintf("%.*swanted", (int)(strrchr(u->path, '/') + 1 - u->path), u->path);
    (void)utimensat(AT_FDCWD, wanted, NULL, AT_SYMLINK_NOFOLLOW);
}

static enum ota_status check_digest(const struct ota_upload_writer *u, const char *part, struct ota_err *err) {
    OTA_CLEAN(ota_file_source_close) struct ota_file_source f = {.fd = -1};
    uint8_t got[OTA_SHA256_LEN];
    char hex[OTA_SHA256_HEX_LEN + 1];
    OTA_TRY(ota_file_source_open(&f, part, u->file.length, err));
    OTA_TRY(ota_source_sha256(&f.source, &ota_crypto_openssl, got, err));
    ota_hex_encode(got, sizeof got, hex);
    if (strcmp(hex, u->file.sha256) == 0)
        return OTA_OK;
    struct ota_err ignored;
    (void)!ota_fs_remove(part, &ignored);
    return ota_err_set(err, OTA_HASH, "%s: the bytes that came have the digest %s; send them anew", u->file.sha256,
                       hex);
}

enum ota_status ota_upload_write_end(struct ota_upload_writer *u, struct ota_err *err) {
    OTA_CLEAN_FREE char *part = ota_sprintf("%s.part", u->path);
    if (u->at != u->end)
        return ota_err_set(err, OTA_TRUNCATED, "%s: the part ended at byte %llu", u->file.sha256,
                           (unsigned long long)u->at);
    touch(u);
    if (u->end < u->file.length)
        return OTA_OK;
    if (fsync(u->fd) != 0)
        return ota_fs_errno(err, part, "cannot sync");
    OTA_TRY(check_digest(u, part, err));
    return ota_fs_rename(part, u->path, err);
}
