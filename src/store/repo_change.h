/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The roles somebody handed over: a product's with a new release in it, or a change of roots, targets and products.
 * Private to src/store.
 */
#ifndef OTA_STORE_REPO_CHANGE_H
#define OTA_STORE_REPO_CHANGE_H

#include "store/repo_request.h"
#include "store/repo_set.h"

#define OTA_REPO_ROOTS_MAX 7u /* in one change: the signer takes eight with the published one */

struct ota_repo_change {
    size_t root_count;
    struct ota_role_file root[OTA_REPO_ROOTS_MAX]; /* ascending */
    struct ota_role_file targets;                  /* wire.len 0: none */
    size_t product_count;
    struct ota_role_file product[OTA_PRODUCTS_MAX];
};
void ota_repo_change_free(struct ota_repo_change *c);

/* Reads <dir>/metadata. Of a release: the role of its product alone; the folder may hold online roles of a publication
 * that was cut short. Who signed what is not looked at yet. */
OTA_MUST_USE enum ota_status ota_repo_change_read(const char *dir, const struct ota_repo_request *request,
                                                  struct ota_repo_change *out, struct ota_err *err);

/* All releases that a product role lists can be read. The signer reads every product's for whatever it signs, and what
 * it stumbles over there it does not blame on the release at hand: nothing of anybody would be published any more. */
OTA_MUST_USE enum ota_status ota_repo_releases_check(const struct ota_role_file *f, struct ota_err *err);

/* Verifies the change against what is published, as the signer will, and puts its roles into the set, which thereby
 * becomes what is to be; set->root stays the published one, set->top becomes the last root's. *published: there is
 * nothing in it that is not published already. ROLLBACK, DELEGATION, SIGNATURE, VERSION, ... */
OTA_MUST_USE enum ota_status ota_repo_change_apply(const struct ota_workspace *w, struct ota_repo_change *c,
                                                   struct ota_repo_set *set, bool *published, struct ota_err *err);

#endif
