/* SPDX-License-Identifier: Apache-2.0 */
/* Keys that were rotated out. Private to src/ctl. */
#ifndef OTA_CTL_KEY_TIDY_H
#define OTA_CTL_KEY_TIDY_H

#include "host/workspace.h"

/* Moves key files whose key no published role or waiting draft names to keys/retired/ (0700). Files that cannot be
 * opened stay where they are. */
OTA_MUST_USE enum ota_status ota_ctl_key_tidy(const struct ota_workspace *w, struct ota_err *err);

#endif
