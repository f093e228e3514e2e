/* SPDX-License-Identifier: Apache-2.0 */
#include "failed.h"

#include <stdarg.h>

#include "ota/bytes.h"

enum ota_status ota_esp_failed(struct ota_err *err, enum ota_status code, esp_err_t why, const char *fmt, ...) {
    char what[OTA_ERR_MSG_MAX / 2];
    va_list args;
    va_start(args, fmt);
    (void)ota_vformat(what, sizeof what, fmt, args);
    va_end(args);
    return ota_err_set(err, code, "%s: %s (0x%x)", what, esp_err_to_name(why), (unsigned)why);
}
