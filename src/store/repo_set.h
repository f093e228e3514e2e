/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All roles that state/repo publishes now, verified from its newest root (that anything was signed under) on but for
 * expiry; that root must be keys/root.json or follow it. Private to src/store.
 */
#ifndef OTA_STORE_REPO_SET_H
#define OTA_STORE_REPO_SET_H

#include "host/role_file.h"
#include "store/repo.h"

struct ota_repo_set {
    struct ota_role_file root, timestamp, snapshot, targets, rollout;
    struct ota_signers top[OTA_ROLE_COUNT];
    struct ota_role_entries listed; /* by snapshot */
    struct ota_role_delegations delegations;
    size_t product_count;
    struct ota_role_file product[OTA_PRODUCTS_MAX]; /* in the order targets delegates them */
};
/* *out is NULL on failure. NOT_FOUND when there is no repository; ROLLBACK when keys/root.json is newer, KEY or
 * SIGNATURE when it does not lead here. */
OTA_MUST_USE enum ota_status ota_repo_set_load(const struct ota_workspace *w, struct ota_repo_set **out,
                                               struct ota_err *err);
/* Also one from a backup, older than keys/root.json, for which nothing vouches: to show it, or to bring in what is
 * newer. Nothing is signed on top of it. */
OTA_MUST_USE enum ota_status ota_repo_set_load_older(const struct ota_workspace *w, struct ota_repo_set **out,
                                                     struct ota_err *err);
/* keys/root.json, and whom it names. NOT_FOUND. */
OTA_MUST_USE enum ota_status ota_repo_known_root(const struct ota_workspace *w, struct ota_role_file *f,
                                                 struct ota_signers top[OTA_ROLE_COUNT], struct ota_err *err);
void ota_repo_set_free(struct ota_repo_set **set);
/* root, timestamp, snapshot, targets, rollout or a product; NULL. */
struct ota_role_file *ota_repo_set_find(struct ota_repo_set *set, const char *role);
/* Who may sign a role of the set; NULL when nobody is named. */
const struct ota_signers *ota_repo_set_signers(const struct ota_repo_set *set, const char *role);
/* A published root of any version. */
OTA_MUST_USE enum ota_status ota_repo_set_root(const struct ota_workspace *w, uint64_t version, struct ota_buf *out,
                                               struct ota_err *err);
/* Most a file of this role may be. */
size_t ota_repo_role_cap(const char *role);

#endif
