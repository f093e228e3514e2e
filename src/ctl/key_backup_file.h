/* SPDX-License-Identifier: Apache-2.0 */
/* Writing an encrypted backup of keys and proving that it opens. Private to src/ctl. */
#ifndef OTA_CTL_KEY_BACKUP_FILE_H
#define OTA_CTL_KEY_BACKUP_FILE_H

#include "ctl/key_roles.h"

/* Backs up every key that keys/ holds for the roles (by file name) into the new file `path`, 0600, reads it back with
 * the passphrase and compares. Nothing stays behind on failure. *saved: how many keys. */
OTA_MUST_USE enum ota_status ota_key_backup_write(const struct ota_workspace *w, const char *const *role, size_t count,
                                                  const char *path, const struct ota_passphrase *from, size_t *saved,
                                                  struct ota_err *err);
/* USAGE when `path` is missing, EXISTS when it is taken, ARGUMENT when it lies in the workspace, whose loss it is for.
 */
OTA_MUST_USE enum ota_status ota_key_backup_place(const struct ota_workspace *w, const char *path, const char *usage,
                                                  struct ota_err *err);

#endif
