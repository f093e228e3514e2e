/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a proposal to published files: shared by publishing and renewing. Private to src/store.
 *
 *   propose   ask the signer; what it signed goes to <overlay>/metadata, where boards do not look
 *   verify    overlay over repository, like a board
 *   place     roles before those that name them, timestamp last: each write leaves the old or the new whole. A new root
 *             comes with all that is signed under it, in a copy of the folder that takes its place at once
 */
#ifndef OTA_STORE_REPO_COMMIT_H
#define OTA_STORE_REPO_COMMIT_H

#include "store/repo_change.h"

struct ota_repo_commit {
    struct ota_role_file timestamp, snapshot, rollout, targets; /* wire.len 0: unchanged */
    struct ota_role_file product[OTA_PRODUCTS_MAX];
    size_t root_count;
    struct ota_role_file *root; /* ascending */
};
void ota_repo_commit_free(struct ota_repo_commit *c);
/* Copies; good until the next one is added. */
struct ota_role_file *ota_repo_commit_add_root(struct ota_repo_commit *c, struct ota_span wire);

struct ota_repo_proposal {
    const struct ota_workspace *w;
    const struct ota_repo_set *set;       /* as it is to be: ota_repo_change_apply() */
    const struct ota_repo_change *change; /* what was put into it; NULL: nothing */
    bool clock_ok;
    const char *wanted; /* lines of host/signer_link.h, "" for none */
};
/* *out: what was signed, and the roles of the change. */
OTA_MUST_USE enum ota_status ota_repo_propose(struct ota_signer *signer, const struct ota_repo_proposal *p,
                                              struct ota_repo_commit *out, struct ota_err *err);
bool ota_repo_commit_empty(const struct ota_repo_commit *c);
/* Writes the roles below `dir`/metadata. */
OTA_MUST_USE enum ota_status ota_repo_commit_write(const struct ota_repo_commit *c, const char *dir,
                                                   struct ota_err *err);
/* Puts the roles into state/repo. */
OTA_MUST_USE enum ota_status ota_repo_commit_place(const struct ota_workspace *w, const struct ota_repo_commit *c,
                                                   struct ota_err *err);
/* Tells the signer what is published now, by a proposal that wants nothing: from then on it accepts nothing older
 * (sign/online.h). */
void ota_repo_confirm(const struct ota_workspace *w, struct ota_signer *signer);
/* Verifies `overlay` over state/repo from the current root on; product as in repo_verify.h. */
OTA_MUST_USE enum ota_status ota_repo_commit_verify(const struct ota_workspace *w, const struct ota_repo_set *set,
                                                    const char *overlay, const char *product, struct ota_err *err);

#endif
