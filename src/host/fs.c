/* SPDX-License-Identifier: Apache-2.0 */
/* Bounded reads, atomic writes, folders, locks. */
#include "host/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "host/err_place.h"

/* In a message that names the path once, or twice. */
#define SHORT(path) OTA_SHORT_PATH(path, 150)
#define SHORTER(path) OTA_SHORT_PATH(path, 100)

static enum ota_status status_of(int error) {
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        return OTA_NOT_FOUND;
    case EEXIST:
    case ENOTEMPTY:
        return OTA_EXISTS;
    case EACCES:
    case EPERM:
    case EROFS:
        return OTA_PERMISSION;
    case ENOSPC:
    case EDQUOT:
        return OTA_NO_SPACE;
    default:
        return OTA_IO;
    }
}

enum ota_status ota_fs_errno(struct ota_err *err, const char *path, const char *what) {
    int error = errno;
    return ota_err_set(err, status_of(error), "%s: %s: %s", SHORT(path), what, strerror(error));
}

/* A regular file opened for reading; its size in *size. */
static enum ota_status open_regular(const char *path, uint64_t max, int *out, uint64_t *size, struct ota_err *err) {
    OTA_CLEAN_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    if (fd < 0)
        return ota_fs_errno(err, path, "cannot open");
    if (fstat(fd, &st))
        return ota_fs_errno(err, path, "cannot examine");
    if (S_ISDIR(st.st_mode))
        return ota_err_set(err, OTA_IO, "%s: is a folder; a file is wanted here", SHORT(path));
    if (!S_ISREG(st.st_mode))
        return ota_err_set(err, OTA_IO, "%s: is not a regular file", SHORT(path));
    if ((uint64_t)st.st_size > max)
        return ota_err_set(err, OTA_TOO_LARGE, "%s: %llu bytes; at most %llu are accepted here", SHORT(path),
                           (unsigned long long)st.st_size, (unsigned long long)max);
    *size = (uint64_t)st.st_size;
    *out = fd;
    fd = -1;
    return OTA_OK;
}

static enum ota_status read_all(int fd, const char *path, uint64_t size, struct ota_buf *out, struct ota_err *err) {
    out->len = 0;
    ota_buf_reserve(out, (size_t)size);
    while (out->len < size) {
        ssize_t n = read(fd, out->p + out->len, (size_t)size - out->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ota_fs_errno(err, path, "cannot read");
        if (n == 0)
            break;
        out->len += (size_t)n;
    }
    out->p[out->len] = 0;
    return OTA_OK;
}

enum ota_status ota_fs_read(const char *path, size_t max, struct ota_buf *out, struct ota_err *err) {
    OTA_CLEAN_FD int fd = -1;
    uint64_t size;
    OTA_TRY(open_regular(path, max, &fd, &size, err));
    return read_all(fd, path, size, out, err);
}

enum ota_status ota_fs_read_secret(const char *path, size_t max, struct ota_buf *out, struct ota_err *err) {
    OTA_CLEAN_FD int fd = -1;
    uint64_t size;
    struct stat st;
    OTA_TRY(open_regular(path, max, &fd, &size, err));
    if (fstat(fd, &st))
        return ota_fs_errno(err, path, "cannot examine");
    if (st.st_uid != geteuid() && st.st_uid != 0)
        return ota_err_set(err, OTA_PERMISSION,
                           "%s: belongs to user %u, who can read and change it; chown it to yourself", SHORT(path),
                           (unsigned)st.st_uid);
    if (st.st_mode & 077)
        return ota_err_set(err, OTA_PERMISSION, "%s: other users may open it; chmod 600 %s", SHORTER(path),
                           SHORTER(path));
    return read_all(fd, path, size, out, err);
}

enum ota_status ota_fs_check_folder_unshared(const char *path, struct ota_err *err) {
    struct stat st;
    if (stat(path, &st))
        return ota_fs_errno(err, path, "cannot examine");
    if (st.st_mode & 022)
        return ota_err_set(err, OTA_PERMISSION, "%s: other users may put files there; chmod go-w %s", SHORTER(path),
                           SHORTER(path));
    return OTA_OK;
}

/* The folder part of a path, "." when there is none. */
static char *folder_of(const char *path) {
    const char *slash = strrchr(path, '/');
    if (!slash)
        return ota_strdup(".");
    return slash == path ? ota_strdup("/") : ota_sprintf("%.*s", (int)(slash - path), path);
}

enum ota_status ota_fs_sync_folder_of(const char *path, struct ota_err *err) {
    OTA_CLEAN_FREE char *folder = folder_of(path);
    OTA_CLEAN_FD int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return ota_fs_errno(err, folder, "cannot open");
    if (fsync(fd) && errno != EINVAL)
        return ota_fs_errno(err, folder, "cannot sync");
    return OTA_OK;
}

static enum ota_status write_all(int fd, const char *path, const uint8_t *p, size_t n, struct ota_err *err) {
    while (n) {
        ssize_t done = write(fd, p, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return ota_fs_errno(err, path, "cannot write");
        p += done;
        n -= (size_t)done;
    }
    return OTA_OK;
}

/* A new temporary file beside `path`, to be renamed over it. */
static enum ota_status open_beside(const char *path, mode_t mode, char **temp, int *out, struct ota_err *err) {
    struct stat st;
    if (lstat(path, &st) == 0 && !S_ISLNK(st.st_mode))
        OTA_TRY(ota_fs_check_replaceable(path, st.st_mode, err));
    *temp = ota_sprintf("%s.tmp-XXXXXX", path);
    int fd = mkostemp(*temp, O_CLOEXEC);
    if (fd < 0) {
        free(OTA_STEAL(*temp));
        return ota_fs_errno(err, path, "cannot create");
    }
    *out = fd;
    if (fchmod(fd, mode))
        return ota_fs_errno(err, path, "cannot set permissions");
    return OTA_OK;
}

/* Makes what was written to `temp` durable under `path`. */
static enum ota_status commit(int fd, const char *temp, const char *path, struct ota_err *err) {
    if (fsync(fd))
        return ota_fs_errno(err, path, "cannot sync");
    return ota_fs_rename(temp, path, err);
}

enum ota_status ota_fs_write(const char *path, const void *p, size_t n, mode_t mode, struct ota_err *err) {
    OTA_CLEAN_FREE char *temp = NULL;
    OTA_CLEAN_FD int fd = -1;
    enum ota_status status = open_beside(path, mode, &temp, &fd, err);
    if (status == OTA_OK)
        status = write_all(fd, path, p, n, err);
    if (status == OTA_OK)
        status = commit(fd, temp, path, err);
    if (status != OTA_OK && temp)
        (void)unlink(temp);
    return status;
}

static enum ota_status taken(const char *path, struct ota_err *err) {
    return ota_err_set(err, OTA_EXISTS, "%s: exists; it is never overwritten", SHORT(path));
}

/* link() rather than rename(): it fails when the name is taken. */
static enum ota_status commit_new(int fd, const char *temp, const char *path, struct ota_err *err) {
    if (fsync(fd))
        return ota_fs_errno(err, path, "cannot sync");
    if (link(temp, path))
        return errno == EEXIST ? taken(path, err) : ota_fs_errno(err, path, "cannot create it");
    enum ota_status status = ota_fs_remove(temp, err);
    if (status == OTA_OK)
        status = ota_fs_sync_folder_of(path, err);
    if (status != OTA_OK) /* or the next attempt would meet it */
        (void)unlink(path);
    return status;
}

enum ota_status ota_fs_write_new(const char *path, const void *p, size_t n, mode_t mode, struct ota_err *err) {
    OTA_CLEAN_FREE char *temp = NULL;
    OTA_CLEAN_FD int fd = -1;
    if (ota_fs_exists(path))
        return taken(path, err);
    enum ota_status status = open_beside(path, mode, &temp, &fd, err);
    if (status == OTA_OK)
        status = write_all(fd, path, p, n, err);
    if (status == OTA_OK)
        status = commit_new(fd, temp, path, err);
    if (status != OTA_OK && temp)
        (void)unlink(temp);
    return status;
}

static enum ota_status overwrite(int fd, const char *path, struct ota_err *err) {
    static const uint8_t zeros[512];
    struct stat st;
    if (fstat(fd, &st))
        return ota_fs_errno(err, path, "cannot examine");
    for (off_t left = st.st_size; left > 0; left -= (off_t)sizeof zeros)
        OTA_TRY(write_all(fd, path, zeros, left < (off_t)sizeof zeros ? (size_t)left : sizeof zeros, err));
    return fsync(fd) ? ota_fs_errno(err, path, "cannot sync") : OTA_OK;
}

enum ota_status ota_fs_remove_secret(const char *path, struct ota_err *err) {
    OTA_CLEAN_FD int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return ota_fs_errno(err, path, "cannot open");
    OTA_TRY(overwrite(fd, path, err));
    OTA_TRY(ota_fs_remove(path, err));
    return ota_fs_sync_folder_of(path, err);
}

static enum ota_status pump(int in, int out, const char *from, const char *to, struct ota_err *err) {
    OTA_CLEAN_FREE uint8_t *chunk = ota_calloc(1, 65536);
    for (;;) {
        ssize_t n = read(in, chunk, 65536);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ota_fs_errno(err, from, "cannot read");
        if (n == 0)
            return OTA_OK;
        OTA_TRY(write_all(out, to, chunk, (size_t)n, err));
    }
}

enum ota_status ota_fs_copy(const char *from, const char *to, mode_t mode, struct ota_err *err) {
    OTA_CLEAN_FREE char *temp = NULL;
    OTA_CLEAN_FD int in = -1;
    OTA_CLEAN_FD int out = -1;
    uint64_t size;
    OTA_TRY(open_regular(from, UINT64_MAX, &in, &size, err));
    enum ota_status status = open_beside(to, mode, &temp, &out, err);
    if (status == OTA_OK)
        status = pump(in, out, from, to, err);
    if (status == OTA_OK)
        status = commit(out, temp, to, err);
    if (status != OTA_OK && temp)
        (void)unlink(temp);
    return status;
}

enum ota_status ota_fs_mkdirs(const char *path, mode_t mode, struct ota_err *err) {
    OTA_CLEAN_FREE char *copy = ota_strdup(path);
    for (char *p = copy + 1; *copy; p++) {
        bool last = *p == '\0';
        if (*p != '/' && !last)
            continue;
        *p = '\0';
        if (mkdir(copy, mode) && errno != EEXIST)
            return ota_fs_errno(err, copy, "cannot create folder");
        if (last)
            break;
        *p = '/';
    }
    if (!ota_fs_is_dir(path))
        return ota_err_set(err, OTA_EXISTS, "%s: exists and is not a folder", SHORT(path));
    return OTA_OK;
}

enum ota_status ota_fs_rename(const char *from, const char *to, struct ota_err *err) {
    if (rename(from, to))
        return ota_fs_errno(err, to, "cannot put into place");
    OTA_TRY(ota_fs_sync_folder_of(to, err));
    return ota_fs_sync_folder_of(from, err);
}

enum ota_status ota_fs_exchange(const char *a, const char *b, struct ota_err *err) {
    if (renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) != 0) {
        if (errno == EINVAL || errno == ENOSYS || errno == EXDEV || errno == EBUSY)
            return ota_err_set(err, OTA_UNSUPPORTED, "%s: cannot change places with %s: %s", a, b, strerror(errno));
        return ota_fs_errno(err, b, "cannot replace it");
    }
    OTA_TRY(ota_fs_sync_folder_of(a, err));
    return ota_fs_sync_folder_of(b, err);
}

enum ota_status ota_fs_link(const char *from, const char *to, struct ota_err *err) {
    struct stat st;
    if (link(from, to) == 0)
        return OTA_OK;
    if (errno != EPERM && errno != EMLINK && errno != EXDEV && errno != EOPNOTSUPP)
        return ota_fs_errno(err, to, "cannot create it");
    if (stat(from, &st) != 0)
        return ota_fs_errno(err, from, "cannot examine");
    return ota_fs_copy(from, to, st.st_mode & 0777, err);
}

enum ota_status ota_fs_remove(const char *path, struct ota_err *err) {
    if (unlink(path) && errno != ENOENT)
        return ota_fs_errno(err, path, "cannot remove");
    return OTA_OK;
}

enum ota_status ota_fs_remove_tree(const char *path, struct ota_err *err) {
    struct stat st;
    if (lstat(path, &st))
        return errno == ENOENT ? OTA_OK : ota_fs_errno(err, path, "cannot examine");
    if (!S_ISDIR(st.st_mode))
        return ota_fs_remove(path, err);
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names names = {0};
    OTA_TRY(ota_fs_list(path, &names, err));
    for (size_t i = 0; i < names.count; i++) {
        OTA_CLEAN_FREE char *child = ota_sprintf("%s/%s", path, names.name[i]);
        OTA_TRY(ota_fs_remove_tree(child, err));
    }
    if (rmdir(path) && errno != ENOENT)
        return ota_fs_errno(err, path, "cannot remove folder");
    return OTA_OK;
}

bool ota_fs_exists(const char *path) {
    struct stat st;
    return lstat(path, &st) == 0;
}
bool ota_fs_is_dir(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}
bool ota_fs_is_file(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

enum ota_status ota_fs_list(const char *path, struct ota_fs_names *out, struct ota_err *err) {
    OTA_CLEAN_DIR DIR *dir = opendir(path);
    size_t cap = 0;
    *out = (struct ota_fs_names){0};
    if (!dir)
        return ota_fs_errno(err, path, "cannot list");
    for (;;) {
        errno = 0;
        const struct dirent *e = readdir(dir);
        if (!e)
            break;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (out->count == cap) {
            cap = cap ? cap * 2 : 16;
            char **grown = ota_calloc(cap, sizeof *grown);
            if (out->count)
                memcpy(grown, out->name, out->count * sizeof *grown);
            free(out->name);
            out->name = grown;
        }
        out->name[out->count++] = ota_strdup(e->d_name);
    }
    if (errno) {
        ota_fs_names_free(out);
        return ota_fs_errno(err, path, "cannot list");
    }
    if (out->count)
        qsort(out->name, out->count, sizeof *out->name, compare_names);
    return OTA_OK;
}

void ota_fs_names_free(struct ota_fs_names *names) {
    for (size_t i = 0; i < names->count; i++)
        free(names->name[i]);
    free(names->name);
    *names = (struct ota_fs_names){0};
}

enum ota_status ota_fs_lock(const char *path, int wait_ms, int *out, struct ota_err *err) {
    OTA_CLEAN_FD int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return ota_fs_errno(err, path, "cannot open lock");
    for (int waited = 0; flock(fd, LOCK_EX | (wait_ms < 0 ? 0 : LOCK_NB)); waited += 20) {
        if (errno == EINTR)
            continue;
        if (errno != EWOULDBLOCK)
            return ota_fs_errno(err, path, "cannot lock");
        if (waited >= wait_ms)
            return ota_err_set(err, OTA_BUSY, "%s: held by another process", SHORT(path));
        (void)nanosleep(&(struct timespec){.tv_nsec = 20 * 1000 * 1000}, NULL);
    }
    *out = fd;
    fd = -1;
    return OTA_OK;
}

static enum ota_status source_read(void *ctx, uint64_t off, void *p, size_t n, struct ota_err *err) {
    struct ota_file_source *f = ctx;
    for (size_t done = 0; done < n;) {
        ssize_t got = pread(f->fd, (uint8_t *)p + done, n - done, (off_t)(off + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return ota_fs_errno(err, f->path, "cannot read");
        if (got == 0)
            return ota_err_set(err, OTA_TRUNCATED, "%s: ended at byte %llu", f->path, (unsigned long long)(off + done));
        done += (size_t)got;
    }
    return OTA_OK;
}

enum ota_status ota_file_source_open(struct ota_file_source *f, const char *path, uint64_t max, struct ota_err *err) {
    *f = (struct ota_file_source){.fd = -1};
    OTA_TRY(open_regular(path, max, &f->fd, &f->source.size, err));
    f->path = ota_strdup(path);
    f->source.ctx = f;
    f->source.read = source_read;
    return OTA_OK;
}

void ota_file_source_close(struct ota_file_source *f) {
    if (f->path)
        ota_clean_fd(&f->fd);
    free(f->path);
    *f = (struct ota_file_source){.fd = -1};
}

static enum ota_status span_read(void *ctx, uint64_t off, void *p, size_t n, struct ota_err *err) {
    const struct ota_span *bytes = ctx;
    if (off > bytes->len || n > bytes->len - off)
        return ota_err_set(err, OTA_TRUNCATED, "%zu bytes are too few", bytes->len);
    if (n)
        memcpy(p, bytes->p + off, n);
    return OTA_OK;
}

struct ota_source ota_span_source(const struct ota_span *bytes) {
    return (struct ota_source){.ctx = (void *)(uintptr_t)bytes, .size = bytes->len, .read = span_read};
}

enum ota_status ota_source_sha256(const struct ota_source *s, const struct ota_crypto *crypto,
                                  uint8_t out[OTA_SHA256_LEN], struct ota_err *err) {
    struct ota_sha256 h;
    OTA_CLEAN_FREE uint8_t *chunk = ota_calloc(1, 65536);
    OTA_TRY(crypto->sha256_begin(crypto->ctx, &h, err));
    for (uint64_t off = 0; off < s->size;) {
        size_t n = s->size - off < 65536 ? (size_t)(s->size - off) : 65536;
        enum ota_status status = s->read(s->ctx, off, chunk, n, err);
        if (status == OTA_OK)
            status = crypto->sha256_update(crypto->ctx, &h, chunk, n, err);
        if (status != OTA_OK) {
            crypto->sha256_abort(crypto->ctx, &h);
            return status;
        }
        off += n;
    }
    return crypto->sha256_end(crypto->ctx, &h, out, err);
}
