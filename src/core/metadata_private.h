/* SPDX-License-Identifier: Apache-2.0 */
/* What the readers of metadata share among themselves. */
#ifndef OTA_CORE_METADATA_PRIVATE_H
#define OTA_CORE_METADATA_PRIVATE_H

#include "ota/metadata.h"

/* The signers a role object {"keyids","threshold"} names, looked up in `keys`. */
OTA_MUST_USE enum ota_status ota_signers_read(const struct ota_value *keys, const struct ota_value *role,
                                              const struct ota_crypto *crypto, struct ota_signers *out,
                                              struct ota_err *err);
/* A role's name: 1..OTA_ROLE_NAME_MAX bytes without control bytes. */
OTA_MUST_USE enum ota_status ota_role_name_copy(struct ota_span name, char out[OTA_ROLE_NAME_MAX + 1],
                                                struct ota_err *err);

#endif
