/* SPDX-License-Identifier: Apache-2.0 */
/* Status codes that come back as names: from the signer, from answers on disk, from problem+json. */
#ifndef OTA_HOST_STATUS_NAME_H
#define OTA_HOST_STATUS_NAME_H

#include "ota/bytes.h"
#include "ota/err.h"

/* Never OK: "ok" and names that are not known become INTERNAL. */
enum ota_status ota_status_by_name(struct ota_span name);

#endif
