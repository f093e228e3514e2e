/* SPDX-License-Identifier: Apache-2.0 */
/* Files: bounded reads, atomic writes, folders, locks. Every error names the path and, where there is one, the
 * remedy. */
#ifndef OTA_HOST_FS_H
#define OTA_HOST_FS_H

#include <sys/types.h>

#include "host/buf.h"
#include "ota/ports.h"

/* A whole regular file of at most max bytes (checked before allocating): NOT_FOUND, TOO_LARGE, IO (a folder, a
 * device), PERMISSION. */
OTA_MUST_USE enum ota_status ota_fs_read(const char *path, size_t max, struct ota_buf *out, struct ota_err *err);
/* The same for a secret: PERMISSION unless it belongs to this user or root and is closed to everybody else. */
OTA_MUST_USE enum ota_status ota_fs_read_secret(const char *path, size_t max, struct ota_buf *out, struct ota_err *err);
/* PERMISSION when group or others may write into the folder. */
OTA_MUST_USE enum ota_status ota_fs_check_folder_unshared(const char *path, struct ota_err *err);
/* Temp file beside it, fsync, rename, fsync of the folder: old or new contents, never between. IO where the name is a
 * folder's, a device's, a FIFO's or a socket's. A link is replaced itself. */
OTA_MUST_USE enum ota_status ota_fs_write(const char *path, const void *p, size_t n, mode_t mode, struct ota_err *err);
/* The same for a name that must be free: EXISTS, also when two processes try at once. Free again after a failure. */
OTA_MUST_USE enum ota_status ota_fs_write_new(const char *path, const void *p, size_t n, mode_t mode,
                                              struct ota_err *err);
/* Where a file that a person names so is to be written: there, or where its links lead. The caller's to free. IO as
 * above, NOT_FOUND for a link to nothing. */
OTA_MUST_USE enum ota_status ota_fs_place(const char *path, char **place, struct ota_err *err);
/* IO for what rename() would take the place of, but is no regular file. */
OTA_MUST_USE enum ota_status ota_fs_check_replaceable(const char *path, mode_t mode, struct ota_err *err);
/* Both are there and are one, by whatever links. */
bool ota_fs_same_file(const char *a, const char *b);
/* Overwrites the file, then removes it. A disk may keep older copies of its blocks all the same. */
OTA_MUST_USE enum ota_status ota_fs_remove_secret(const char *path, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_fs_mkdirs(const char *path, mode_t mode, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_fs_rename(const char *from, const char *to,
                                           struct ota_err *err); /* + fsync of both folders */
/* Makes it last that a name appeared in, or went from, the folder of `path`. */
OTA_MUST_USE enum ota_status ota_fs_sync_folder_of(const char *path, struct ota_err *err);
/* Both names change places at once, so that whoever looks finds one or the other whole; UNSUPPORTED where the file
 * system cannot. + fsync of both folders */
OTA_MUST_USE enum ota_status ota_fs_exchange(const char *a, const char *b, struct ota_err *err);
/* A second name for a file, or a copy of it where the file system knows no links. */
OTA_MUST_USE enum ota_status ota_fs_link(const char *from, const char *to, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_fs_remove(const char *path, struct ota_err *err); /* absent: OK */
OTA_MUST_USE enum ota_status ota_fs_remove_tree(const char *path,
                                                struct ota_err *err); /* absent: OK; follows no links */
OTA_MUST_USE enum ota_status ota_fs_copy(const char *from, const char *to, mode_t mode,
                                         struct ota_err *err); /* atomic */
bool ota_fs_exists(const char *path);
bool ota_fs_is_dir(const char *path);
bool ota_fs_is_file(const char *path);

/* Names in a folder without "." and "..", sorted bytewise. Free with ota_fs_names_free(). */
struct ota_fs_names {
    char **name;
    size_t count;
};
OTA_MUST_USE enum ota_status ota_fs_list(const char *path, struct ota_fs_names *out, struct ota_err *err);
void ota_fs_names_free(struct ota_fs_names *names);

/* flock on a file that is created as needed; the lock ends with the fd. wait_ms 0: BUSY at once; <0: for ever. */
OTA_MUST_USE enum ota_status ota_fs_lock(const char *path, int wait_ms, int *fd, struct ota_err *err);

/* errno as status and message: "<path>: <what>: <strerror>". */
enum ota_status ota_fs_errno(struct ota_err *err, const char *path, const char *what);

/* A file as random-access source; keeps an fd until closed. Refuses folders and devices, and sizes over max (before
 * reading). */
struct ota_file_source {
    int fd;
    char *path;
    struct ota_source source;
};
OTA_MUST_USE enum ota_status ota_file_source_open(struct ota_file_source *f, const char *path, uint64_t max,
                                                  struct ota_err *err);
void ota_file_source_close(struct ota_file_source *f);
/* Bytes in memory as one; *bytes stays where it is as long as the source is used. */
struct ota_source ota_span_source(const struct ota_span *bytes);
/* SHA-256 and length of a source. */
OTA_MUST_USE enum ota_status ota_source_sha256(const struct ota_source *s, const struct ota_crypto *crypto,
                                               uint8_t out[OTA_SHA256_LEN], struct ota_err *err);

#endif
