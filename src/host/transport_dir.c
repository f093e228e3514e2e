/* SPDX-License-Identifier: Apache-2.0 */
/* A repository folder as transport: for verifying before anything is published, and `verify DIR`. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "host/buf.h"
#include "host/fs.h"
#include "host/transport.h"

/* Paths come from metadata that may be hostile: nothing may lead out of the folder. */
static bool path_safe(const char *path) {
    if (path[0] == '\0' || path[0] == '/')
        return false;
    for (const char *p = path; *p;) {
        size_t n = strcspn(p, "/");
        if (n == 0 || (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
            return false;
        p += n;
        if (*p == '/' && *++p == '\0')
            return false;
    }
    return true;
}

/* A regular file, or -1 with errno; *full is the path tried. */
static int open_below(const char *dir, const char *part, const char *path, struct stat *st, char **full) {
    *full = ota_sprintf("%s/%s/%s", dir, part, path);
    OTA_CLEAN_FD int fd = open(*full, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return -1;
    if (fstat(fd, st) != 0 || !S_ISREG(st->st_mode)) {
        errno = ENOENT;
        return -1;
    }
    int result = fd;
    fd = -1;
    return result;
}

static void dir_close(void *ctx) {
    struct ota_dir_transport *t = ctx;
    if (t->fd >= 0)
        (void)close(t->fd);
    t->fd = -1;
}

static enum ota_status answer(struct ota_response *resp, int status) {
    *resp = (struct ota_response){.status = status, .length = 0, .total = 0};
    return OTA_OK;
}

static enum ota_status answer_file(struct ota_dir_transport *t, const struct ota_request *req, uint64_t size,
                                   struct ota_response *resp, struct ota_err *err) {
    if (req->range_from && req->range_from >= size)
        return answer(resp, 416);
    /* Without ETags an If-Range can never match: the whole file is sent. */
    uint64_t from = req->if_range ? 0 : req->range_from;
    if (lseek(t->fd, (off_t)from, SEEK_SET) < 0) {
        enum ota_status status = ota_fs_errno(err, req->path, "cannot seek");
        dir_close(t);
        return status;
    }
    t->left = size - from;
    *resp = (struct ota_response){
        .status = from ? 206 : 200, .length = t->left, .range_from = from, .total = size, .authenticated = false};
    return OTA_OK;
}

static enum ota_status dir_open(void *ctx, const struct ota_request *req, struct ota_response *resp,
                                struct ota_err *err) {
    struct ota_dir_transport *t = ctx;
    const char *part = req->address == OTA_ADDRESS_METADATA ? "metadata" : "targets";
    const char *roots[] = {t->overlay, t->dir};
    struct stat st;
    t->left = 0;
    if (req->address == OTA_ADDRESS_API || !path_safe(req->path))
        return answer(resp, 404);
    for (size_t i = 0; i < OTA_ARRAY_LEN(roots); i++) {
        OTA_CLEAN_FREE char *full = NULL;
        if (!roots[i])
            continue;
        t->fd = open_below(roots[i], part, req->path, &st, &full);
        if (t->fd >= 0)
            return answer_file(t, req, (uint64_t)st.st_size, resp, err);
        if (errno != ENOENT && errno != ENOTDIR)
            return ota_fs_errno(err, full, "cannot open");
    }
    return answer(resp, 404);
}

static enum ota_status dir_read(void *ctx, void *p, size_t cap, size_t *got, struct ota_err *err) {
    struct ota_dir_transport *t = ctx;
    size_t want = t->left < cap ? (size_t)t->left : cap;
    *got = 0;
    if (want == 0)
        return OTA_OK;
    ssize_t n;
    do {
        n = read(t->fd, p, want);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return ota_fs_errno(err, t->dir, "cannot read");
    if (n == 0)
        return ota_err_set(err, OTA_TRUNCATED, "the file got shorter while it was read");
    t->left -= (uint64_t)n;
    *got = (size_t)n;
    return OTA_OK;
}

void ota_dir_transport_init(struct ota_dir_transport *t, const char *dir, const char *overlay) {
    *t = (struct ota_dir_transport){.dir = dir, .overlay = overlay, .fd = -1};
    t->port = (struct ota_transport){.ctx = t, .open = dir_open, .read = dir_read, .close = dir_close};
}
