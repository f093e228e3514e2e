/* SPDX-License-Identifier: Apache-2.0 */
/* `otaserve --images DIR` where there is no workspace yet: says what the images are and which command makes the
 * workspace. */
#ifndef OTA_SERVER_IMAGES_LIST_H
#define OTA_SERVER_IMAGES_LIST_H

#include "ota/err.h"

/* Prints the list to stdout. Never OTA_OK: WORKSPACE with the command to type, or why DIR could not be read. */
OTA_MUST_USE enum ota_status ota_images_list(const char *dir, struct ota_err *err);

#endif
