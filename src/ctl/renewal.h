/* SPDX-License-Identifier: Apache-2.0 */
/* A role signed anew with the content it has: what renew does, and restore to go on from a backup. Private to src/ctl. */
#ifndef OTA_CTL_RENEWAL_H
#define OTA_CTL_RENEWAL_H

#include "ctl/hand.h"
#include "store/repo.h"

struct ota_renewal {
    const struct ota_workspace *w;
    uint64_t now, life;     /* seconds; life 0: as long as the role usually lasts */
    bool ahead;             /* a version no push has reached: the unix time */
    uint32_t counter_floor; /* of a product; 0: as it is */
    struct ota_hand *hand;
};
struct ota_renewal_result {
    uint64_t version, expires;
    uint32_t have, threshold; /* signatures */
    bool published;           /* else it waits as `draft` */
    char draft[OTA_ROLE_NAME_MAX + 8];
};
/* root, targets or a product. With too few keys it stays a draft, which is no error. The caller holds state/lock. */
OTA_MUST_USE enum ota_status ota_ctl_renew_role(const struct ota_renewal *r, const char *role,
                                                struct ota_renewal_result *out, struct ota_err *err);

#endif
