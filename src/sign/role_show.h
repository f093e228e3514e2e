/* SPDX-License-Identifier: Apache-2.0 */
/* What a person is shown before a role is signed: version, expiry, the keys that come and go, the releases. */
#ifndef OTA_SIGN_ROLE_SHOW_H
#define OTA_SIGN_ROLE_SHOW_H

#include "host/role_file.h"

/* Appends lines about `f` (f->name: root, targets, a product, ...). `before` is what it replaces, or NULL: then all of
 * it is new. Fails on a role that could not be published. */
OTA_MUST_USE enum ota_status ota_role_show(const struct ota_role_file *f, const struct ota_role_file *before,
                                           struct ota_buf *out, struct ota_err *err);

#endif
