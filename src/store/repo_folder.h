/* SPDX-License-Identifier: Apache-2.0 */
/* A folder in state/incoming: may it be one handed over. Private to src/store. */
#ifndef OTA_STORE_REPO_FOLDER_H
#define OTA_STORE_REPO_FOLDER_H

#include "host/buf.h"

/* Its name: 1 to 64 of A-Z a-z 0-9 '-' '_' '.', not '.' first. */
bool ota_repo_id_valid(const char *id);

#endif
