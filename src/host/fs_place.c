/* SPDX-License-Identifier: Apache-2.0 */
/* Where a file may be written; see fs.h. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "host/err_place.h"
#include "host/fs.h"

#define SHORT(path) OTA_SHORT_PATH(path, 150)

/* rename() takes the place of whatever has the name, but for a folder. */
enum ota_status ota_fs_check_replaceable(const char *path, mode_t mode, struct ota_err *err) {
    const char *what = S_ISDIR(mode)    ? "a folder"
                       : S_ISFIFO(mode) ? "a FIFO"
                       : S_ISSOCK(mode) ? "a socket"
                                        : "a device";
    return S_ISREG(mode) ? OTA_OK
                         : ota_err_set(err, OTA_IO, "%s: is %s, which no file takes the place of; name a file",
                                       SHORT(path), what);
}

enum ota_status ota_fs_place(const char *path, char **place, struct ota_err *err) {
    struct stat st, name;
    bool there = lstat(path, &name) == 0;
    if (stat(path, &st)) {
        if (errno != ENOENT)
            return ota_fs_errno(err, path, "cannot examine");
        if (there)
            return ota_err_set(err, OTA_NOT_FOUND, "%s: is a link to a file that is missing; name that file",
                               SHORT(path));
        *place = ota_strdup(path);
        return OTA_OK;
    }
    OTA_TRY(ota_fs_check_replaceable(path, st.st_mode, err));
    *place = there && S_ISLNK(name.st_mode) ? realpath(path, NULL) : ota_strdup(path);
    return *place ? OTA_OK : ota_fs_errno(err, path, "cannot follow the link");
}

bool ota_fs_same_file(const char *a, const char *b) {
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}
