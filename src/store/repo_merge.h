/* SPDX-License-Identifier: Apache-2.0 */
/* Bringing back what a backup lacks, from a place that still has it. */
#ifndef OTA_STORE_REPO_MERGE_H
#define OTA_STORE_REPO_MERGE_H

#include "store/repo.h"

struct ota_repo_merged {
    bool newer; /* else nothing was brought in: the source has nothing that is not here */
    size_t roots, roles, images;
};
/* Verifies the repository behind `from` like a board whose root is keys/root.json, but for expiry, and puts what is newer
 * into state/repo: images, roles, roots, timestamp last. ROLLBACK when something here is newer than there. The caller
 * holds state/publish.lock; the signer is not asked. */
OTA_MUST_USE enum ota_status ota_repo_merge(const struct ota_workspace *w, const struct ota_transport *from,
                                            struct ota_repo_merged *out, struct ota_err *err);

/* Takes state/repo's root for keys/root.json, however many lie between the two: the signer follows only a few by itself.
 * ROLLBACK when state/repo's is the older one, KEY or SIGNATURE when it does not follow. */
OTA_MUST_USE enum ota_status ota_repo_adopt_root(const struct ota_workspace *w, struct ota_err *err);

#endif
