/* SPDX-License-Identifier: Apache-2.0 */
/* Temporary file, fsync, name; see bundle_file.h. */
#include "ctl/bundle_file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>

#include "host/fs.h"

/* ---- interrupts -------------------------------------------------------------------------------------------- */

static const char *volatile unfinished; /* the file to remove */

/* A server may keep us waiting: nobody gets around to looking at a flag then. */
static void remove_and_end(int number) {
    if (unfinished)
        (void)unlink(unfinished);
    (void)raise(number); /* its action is the default again */
}

static void watch(const char *temp) {
    static const int ending[] = {SIGHUP, SIGINT, SIGTERM};
    const struct sigaction end = {.sa_handler = remove_and_end, .sa_flags = (int)SA_RESETHAND};
    unfinished = temp;
    for (size_t i = 0; i < OTA_ARRAY_LEN(ending); i++) {
        struct sigaction before;
        if (sigaction(ending[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL)
            (void)sigaction(ending[i], &end, NULL);
    }
}

/* ---- the file ---------------------------------------------------------------------------------------------- */

static enum ota_status write_out(void *ctx, const void *p, size_t n, struct ota_err *err) {
    const struct ota_bundle_file *f = ctx;
    for (const uint8_t *at = p; n > 0;) {
        ssize_t done = write(f->fd, at, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return ota_fs_errno(err, f->path, "cannot write");
        at += done;
        n -= (size_t)done;
    }
    return OTA_OK;
}

static enum ota_status taken(const struct ota_bundle_file *f, struct ota_err *err) {
    return ota_err_set(err, OTA_EXISTS, "%s: exists; name another file, or add --force to replace it", f->path);
}

enum ota_status ota_bundle_file_open(struct ota_bundle_file *f, const char *path, bool replace, struct ota_err *err) {
    *f = (struct ota_bundle_file){.path = path, .fd = -1, .replace = replace};
    f->sink = (struct ota_bundle_sink){.ctx = f, .write = write_out};
    if (ota_fs_is_dir(path))
        return ota_err_set(err, OTA_IO, "%s: is a folder; name a file", path);
    if (!replace && ota_fs_exists(path))
        return taken(f, err);
    f->temp = ota_sprintf("%s.new-%ld", path, (long)getpid());
    watch(f->temp);
    f->fd = open(f->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0644);
    return f->fd < 0 ? ota_fs_errno(err, f->temp, "cannot create it") : OTA_OK;
}

/* link() rather than rename() where nothing may be replaced: it fails when the name is taken. */
static enum ota_status give_name(const struct ota_bundle_file *f, struct ota_err *err) {
    if (f->replace)
        return ota_fs_rename(f->temp, f->path, err);
    if (link(f->temp, f->path) == 0)
        return ota_fs_remove(f->temp, err);
    if (errno == EEXIST)
        return taken(f, err);
    if (errno != EPERM && errno != ENOTSUP) /* a stick's file system knows no links */
        return ota_fs_errno(err, f->path, "cannot create it");
    return ota_fs_exists(f->path) ? taken(f, err) : ota_fs_rename(f->temp, f->path, err);
}

enum ota_status ota_bundle_file_finish(struct ota_bundle_file *f, struct ota_err *err) {
    if (fsync(f->fd) != 0)
        return ota_fs_errno(err, f->path, "cannot sync");
    int fd = f->fd;
    f->fd = -1;
    if (close(fd) != 0)
        return ota_fs_errno(err, f->path, "cannot write");
    OTA_TRY(give_name(f, err));
    unfinished = NULL;
    free(f->temp);
    f->temp = NULL;
    return ota_fs_sync_folder_of(f->path, err);
}

void ota_bundle_file_close(struct ota_bundle_file *f) {
    struct ota_err ignored;
    if (f->fd >= 0)
        (void)close(f->fd);
    f->fd = -1;
    if (f->temp)
        (void)!ota_fs_remove(f->temp, &ignored);
    unfinished = NULL;
    free(f->temp);
    f->temp = NULL;
}
