/* SPDX-License-Identifier: Apache-2.0 */
/* The file a bundle is written to: it takes its name when it is whole. Private to src/ctl. */
#ifndef OTA_CTL_BUNDLE_FILE_H
#define OTA_CTL_BUNDLE_FILE_H

#include "image/bundle_write.h"

struct ota_bundle_file {
    const char *path; /* borrowed */
    char *temp;       /* beside it */
    int fd;
    bool replace;
    struct ota_bundle_sink sink;
};
/* EXISTS unless `replace`. One at a time: SIGHUP, SIGINT and SIGTERM end the process as ever, but not before the file
 * without a name is gone. */
OTA_MUST_USE enum ota_status ota_bundle_file_open(struct ota_bundle_file *f, const char *path, bool replace,
                                                  struct ota_err *err);
/* On disk, under its name. EXISTS when somebody else took that meanwhile. */
OTA_MUST_USE enum ota_status ota_bundle_file_finish(struct ota_bundle_file *f, struct ota_err *err);
/* Also one that never was opened, if zeroed but for fd -1. What was not finished leaves no trace. */
void ota_bundle_file_close(struct ota_bundle_file *f);

#endif
