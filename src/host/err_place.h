/* SPDX-License-Identifier: Apache-2.0 */
/* Where a file stands in a message of OTA_ERR_MSG_MAX bytes: a long path loses its beginning, not the file's name, the
 * line or what is wrong. */
#ifndef OTA_HOST_ERR_PLACE_H
#define OTA_HOST_ERR_PLACE_H

#include "ota/err.h"

#define OTA_SHORT_PATH_MAX 160u

/* The path, or "..." and its end, in at most `room` bytes (8 to OTA_SHORT_PATH_MAX). */
struct ota_short_path {
    char text[OTA_SHORT_PATH_MAX + 1];
};
const char *ota_short_path(struct ota_short_path *s, const char *path, size_t room);
/* The same for an argument of ota_err_set(). */
#define OTA_SHORT_PATH(path, room) ota_short_path(&(struct ota_short_path){{0}}, path, room)
/* "<path>:<line>: " before the message, without the line when it is 0. Returns the code. */
enum ota_status ota_err_place(struct ota_err *err, const char *path, unsigned line);

#endif
