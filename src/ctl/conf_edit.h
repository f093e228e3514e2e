/* SPDX-License-Identifier: Apache-2.0 */
/* Sections of ota.conf put in and taken out, comments and everything else left as they are. Private to src/ctl. */
#ifndef OTA_CTL_CONF_EDIT_H
#define OTA_CTL_CONF_EDIT_H

#include "host/workspace.h"

/* Appends [product NAME]. `channels` NULL: beta and stable. CONFIG when the file would not be valid then; nothing is
 * written. */
OTA_MUST_USE enum ota_status ota_conf_add_product(const struct ota_workspace *w, const char *name, const char *chip,
                                                  const char *channels, struct ota_err *err);
/* Takes [product NAME] out, up to the next section. Absent: OK. */
OTA_MUST_USE enum ota_status ota_conf_remove_product(const struct ota_workspace *w, const char *name,
                                                     struct ota_err *err);

#endif
