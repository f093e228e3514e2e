/* SPDX-License-Identifier: Apache-2.0 */
/* Small conveniences over the ports. */
#include "ota/ports.h"

#define LOG_LINE_MAX 320u

enum ota_status ota_sha256(const struct ota_crypto *c, const void *p, size_t n, uint8_t out[OTA_SHA256_LEN],
                           struct ota_err *err) {
    struct ota_sha256 h;
    OTA_TRY(c->sha256_begin(c->ctx, &h, err));
    enum ota_status status = c->sha256_update(c->ctx, &h, p, n, err);
    if (status != OTA_OK) {
        c->sha256_abort(c->ctx, &h);
        return status;
    }
    return c->sha256_end(c->ctx, &h, out, err);
}

void ota_log(const struct ota_log *log, enum ota_log_level level, const char *fmt, ...) {
    if (!log || !log->line)
        return;
    char text[LOG_LINE_MAX];
    va_list args;
    va_start(args, fmt);
    ota_vformat(text, sizeof text, fmt, args);
    va_end(args);
    log->line(log->ctx, level, text);
}
