/* SPDX-License-Identifier: Apache-2.0 */
/* Removes old metadata and images. Private to src/store. */
#ifndef OTA_STORE_REPO_PRUNE_H
#define OTA_STORE_REPO_PRUNE_H

#include "store/repo.h"

/* A numbered file goes when a newer one replaced it over 30 days ago and 16 newer ones exist; roots never. An image
 * goes when no product role that is still there lists it and it is older than 30 days. So whoever holds a snapshot
 * that has not expired finds all it speaks of. */
OTA_MUST_USE enum ota_status ota_repo_prune(const struct ota_workspace *w, struct ota_err *err);

#endif
