/* SPDX-License-Identifier: Apache-2.0 */
/* The signed files between a root and one product's releases: all that a board needs to judge them without a server. */
#ifndef OTA_STORE_REPO_CHAIN_H
#define OTA_STORE_REPO_CHAIN_H

#include "host/role_file.h"
#include "store/repo.h"

struct ota_repo_chain {
    size_t root_count;
    struct ota_role_file *root; /* ascending, from the oldest there is without a gap */
    struct ota_role_file timestamp, snapshot, targets, rollout, product;
    size_t release_count; /* that the product's role lists, ascending */
    struct ota_release *release;
    uint64_t expires;  /* the first of root, targets and the product's role to end: nobody signs those by itself */
    const char *bound; /* which one */
};
/* Through any transport, verified like a board that trusts `trusted` would, but for expiry: that of the online roles
 * matters to no one who holds the files, that of the others stands in *out. DELEGATION when there is no such product.
 * Free *out also after an error. */
OTA_MUST_USE enum ota_status ota_repo_chain_fetch(const struct ota_transport *transport, struct ota_span trusted,
                                                  const char *product, struct ota_repo_chain *out, struct ota_err *err);
void ota_repo_chain_free(struct ota_repo_chain *c);

/* "metadata/<v>.<role>.json", of timestamp without a version; below a repository. */
#define OTA_REPO_ROLE_PATH_MAX 64u
void ota_repo_role_path(const struct ota_role_file *f, char out[OTA_REPO_ROLE_PATH_MAX]);

#endif
