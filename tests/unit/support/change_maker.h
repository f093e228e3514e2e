/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of a signed workspace: roots and targets with other keys, handed over or left as drafts. */
#ifndef OTA_TESTS_CHANGE_MAKER_H
#define OTA_TESTS_CHANGE_MAKER_H

#include "sign/role.h"
#include "support/signed_workspace.h"

/* What is published, to be changed; versions are the next ones already. */
struct change {
    struct ota_role_root root;
    struct ota_role_targets targets;
};
/* Borrowed until the next call. */
struct change *change_begin(const struct signed_workspace *s);
/* A fresh key for one role alone; saved as keys/<file> unless that is NULL. The caller frees. */
struct ota_key *change_rotate(const struct signed_workspace *s, struct ota_role_by *by, const char *file);
/* keys/<role>.pem. The caller frees. */
struct ota_key *change_load_key(const struct signed_workspace *s, const char *role);

/* Fills state/<where> ("incoming/x") with the roles signed so; NULL: the role is not part of the change. */
void change_write(const struct signed_workspace *s, const char *where, const struct change *c,
                  const struct ota_role_keys *root_by, const struct ota_role_keys *targets_by);

#endif
