/* SPDX-License-Identifier: Apache-2.0 */
/* The status table backwards. */
#include "host/status_name.h"

enum ota_status ota_status_by_name(struct ota_span name) {
    for (int code = OTA_OK + 1; code < OTA_STATUS_COUNT; code++)
        if (ota_span_equal_str(name, ota_status_name((enum ota_status)code)))
            return (enum ota_status)code;
    return OTA_INTERNAL;
}
