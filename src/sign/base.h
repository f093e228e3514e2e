/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a new release goes on top of. A release without an app replaces what its channel offers, and boards that have
 * not taken that yet would never see its app. So it is made to be installed over the offered one (from_min), which
 * thereby becomes a stepping stone.
 */
#ifndef OTA_SIGN_BASE_H
#define OTA_SIGN_BASE_H

#include "release/build_compare.h"

/* The roles as published, wire bytes, verified by the caller. */
struct ota_sign_current {
    struct ota_span role;    /* of the product */
    struct ota_span rollout; /* empty: no channel is in use */
};

/* The release that `channel` of the product offers. *found = false: none, or channel is NULL or "". */
OTA_MUST_USE enum ota_status ota_sign_offered(const struct ota_sign_current *now, const char *product,
                                              const char *channel, struct ota_release *out, bool *found,
                                              struct ota_err *err);
/* Fits a release without an app to what `channel` offers: ota_build_set_base(). Offered releases whose images it
 * replaces all need no visit. */
OTA_MUST_USE enum ota_status ota_sign_set_base(struct ota_build *b, const struct ota_sign_current *now,
                                               const char *channel, struct ota_err *err);
/* Holds it against the releases listed: ota_build_compare(). */
OTA_MUST_USE enum ota_status ota_sign_compare(struct ota_build *b, const struct ota_sign_current *now,
                                              const char *channel, const struct ota_transport *targets, unsigned accept,
                                              struct ota_err *err);

#endif
