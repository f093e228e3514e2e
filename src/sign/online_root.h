/* SPDX-License-Identifier: Apache-2.0 */
/* The root chain of a proposal: from the root the signer knows to the last one. Private to src/sign. */
#ifndef OTA_SIGN_ONLINE_ROOT_H
#define OTA_SIGN_ONLINE_ROOT_H

#include "host/role_file.h"
#include "sign/online.h"

struct ota_online_roots {
    struct ota_role_file last;
    struct ota_signers published[OTA_ROLE_COUNT]; /* of the root the current files are under */
    struct ota_signers next[OTA_ROLE_COUNT];      /* of the last: what is signed now is signed under it */
    bool changed;                                 /* the two are not the same root */
    const struct ota_span *adopt; /* the published root, when it is newer than the known one; else NULL */
};
void ota_online_roots_free(struct ota_online_roots *r);
/* KEY when the known root is not among those given, ROLLBACK when the published one is older than the known one. */
OTA_MUST_USE enum ota_status ota_online_roots_open(struct ota_online_roots *r, struct ota_span known,
                                                   const struct ota_online_proposal *in, struct ota_err *err);

#endif
