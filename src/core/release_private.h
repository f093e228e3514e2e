/* SPDX-License-Identifier: Apache-2.0 */
/* What the release files share. */
#ifndef OTA_CORE_RELEASE_PRIVATE_H
#define OTA_CORE_RELEASE_PRIVATE_H

#include "ota/release.h"

#define OTA_RELEASE_FILE "release.txt"

/* The steps among themselves: order, no label twice (so one app at most). */
OTA_MUST_USE enum ota_status ota_release_check_steps(const struct ota_release *r, struct ota_err *err);

#endif
