/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sections of ota.conf put in and taken out, comments and everything else left as they are. Private to src/ctl.
 *
 * A draft says what its publishing does, one line each; doing it twice changes nothing:
 *
 *   add NAME CHIP CHANNEL...      appends [product NAME]
 *   remove NAME                   takes [product NAME] out, up to the next section
 */
#ifndef OTA_CTL_CONF_EDIT_H
#define OTA_CTL_CONF_EDIT_H

#include "host/buf.h"
#include "host/workspace.h"

/* *before: ota.conf as it is; *after: with those lines applied. CONFIG when it would not be valid then. */
OTA_MUST_USE enum ota_status ota_conf_apply(const struct ota_workspace *w, const char *lines, struct ota_buf *before,
                                            struct ota_buf *after, struct ota_err *err);
/* Writes the file, whole or not at all. */
OTA_MUST_USE enum ota_status ota_conf_write(const struct ota_workspace *w, const struct ota_buf *text,
                                            struct ota_err *err);

#endif
