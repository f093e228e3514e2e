/* SPDX-License-Identifier: Apache-2.0 */
/* Re-signs what is due and removes what nobody can need any more; see repo.h. */
#include "store/repo_commit.h"
#include "store/repo_prune.h"

static enum ota_status publish(const struct ota_workspace *w, const struct ota_repo_set *set,
                               const struct ota_repo_commit *c, struct ota_err *err) {
    OTA_CLEAN_FREE char *overlay = ota_workspace_path(w, "state/.renew");
    OTA_TRY(ota_fs_remove_tree(overlay, err));
    OTA_TRY(ota_repo_commit_write(c, overlay, err));
    OTA_TRY(ota_repo_commit_verify(w, set, overlay, "", err));
    OTA_TRY(ota_repo_commit_place(w, c, err));
    return ota_fs_remove_tree(overlay, err);
}

enum ota_status ota_repo_renew(const struct ota_workspace *w, struct ota_signer *signer, bool clock_ok, bool *changed,
                               struct ota_err *err) {
    OTA_CLEAN(ota_repo_set_free) struct ota_repo_set *set = NULL;
    OTA_CLEAN(ota_repo_commit_free) struct ota_repo_commit commit = {0};
    *changed = false;
    OTA_TRY(ota_repo_set_load(w, &set, err));
    const struct ota_repo_proposal proposal = {.w = w, .set = set, .clock_ok = clock_ok, .wanted = ""};
    OTA_TRY(ota_repo_propose(signer, &proposal, &commit, err));
    if (ota_repo_commit_empty(&commit))
        return OTA_OK;
    OTA_TRY(publish(w, set, &commit, err));
    *changed = true;
    ota_repo_confirm(w, signer);
    return ota_repo_prune(w, err);
}
