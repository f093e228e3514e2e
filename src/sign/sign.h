/* SPDX-License-Identifier: Apache-2.0 */
/* What otactl signs with offline keys: the first repository of a workspace, and releases. */
#ifndef OTA_SIGN_SIGN_H
#define OTA_SIGN_SIGN_H

#include "host/workspace.h"
#include "ota/release.h"
#include "sign/role.h"

/* Makes keys/ (what is missing of it) and state/repo with version 1 of every role: one delegation per product of
 * ota.conf, no release, no channel. EXISTS when state/repo is there. After a crash there is either no state/repo or a
 * whole one, and calling again finishes. `now` in unix seconds. */
OTA_MUST_USE enum ota_status ota_sign_create(const struct ota_workspace *w, uint64_t now, struct ota_err *err);

struct ota_sign_release {
    struct ota_role_keys by;           /* of the product; none: it is signed later */
    const struct ota_release *release; /* the new one; its counter above every listed one */
    struct ota_span role;              /* current product role, wire bytes, verified by the caller */
    struct ota_span rollout;           /* current rollout role, likewise; empty: no channel is in use */
    uint64_t now;                      /* unix seconds */
};
/* The next version of the product role, signed, into *out and its number into *version: the new release, the one
 * below it, and what channels (and boards on their way to the new release) still need. COUNTER, TOO_LARGE (with the
 * remedy), and what ota_release_check() says. */
OTA_MUST_USE enum ota_status ota_sign_release(const struct ota_sign_release *in, struct ota_buf *out, uint64_t *version,
                                              struct ota_err *err);
/* The counter the next release of this product gets: one above the highest listed and the role's floor. `role` as above. */
OTA_MUST_USE enum ota_status ota_sign_next_counter(struct ota_span role, const char *product, uint32_t *counter,
                                                   struct ota_err *err);

#endif
