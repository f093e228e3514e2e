/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a workspace that was brought back can go on signing. Private to src/ctl. */
#ifndef OTA_CTL_RESTORE_KEYS_H
#define OTA_CTL_RESTORE_KEYS_H

#include "host/workspace.h"

/* KEY naming every file that keys/ lacks of those the online roles are signed with: they were made after the backup. */
OTA_MUST_USE enum ota_status ota_ctl_restore_keys(const struct ota_workspace *w, struct ota_err *err);

#endif
