/* SPDX-License-Identifier: Apache-2.0 */
/* A folder in state/incoming: may it be one handed over. Private to src/store. */
#ifndef OTA_STORE_REPO_FOLDER_H
#define OTA_STORE_REPO_FOLDER_H

#include "host/buf.h"

/* Its name: 1 to 64 of A-Z a-z 0-9 '-' '_' '.', not '.' first. */
bool ota_repo_id_valid(const char *id);
/* What is in it: folders and regular files of this user and nothing else. A link would let its maker have signed
 * roles written, and files published, from or to places that only this user reaches. ARGUMENT. */
OTA_MUST_USE enum ota_status ota_repo_folder_check(const char *dir, struct ota_err *err);

#endif
