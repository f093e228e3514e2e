/* SPDX-License-Identifier: Apache-2.0 */
/* Files that verbs make from another file. */
#include "ctl/output_file.h"

#include <sys/stat.h>

#include "host/fs.h"

static bool same_file(const char *a, const char *b) {
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

enum ota_status ota_ctl_output_check(const char *path, const char *input, struct ota_err *err) {
    if (same_file(path, input))
        return ota_err_set(err, OTA_USAGE, "--output %s is the input itself; name another file", path);
    return OTA_OK;
}

enum ota_status ota_ctl_output_write(const char *path, const char *input, struct ota_span bytes, struct ota_err *err) {
    OTA_TRY(ota_ctl_output_check(path, input, err));
    return ota_fs_write(path, bytes.p, bytes.len, 0644, err);
}
