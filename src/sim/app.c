/* SPDX-License-Identifier: Apache-2.0 */
/* Looking into the running image. */
#include "sim/app.h"

#include <stdio.h>
#include <string.h>

#include "host/buf.h"
#include "image/sample.h"

/* "Jan  1 2026" and "12:00:00", as the compiler writes __DATE__ and __TIME__. */
static uint64_t build_time(const char *date, const char *time_text) {
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char month[4] = "", text[48];
    unsigned day, year, hour, minute, second;
    uint64_t seconds = 0;
    if (sscanf(date, "%3s %2u %4u", month, &day, &year) != 3 ||
        sscanf(time_text, "%2u:%2u:%2u", &hour, &minute, &second) != 3)
        return 0;
    const char *at = strlen(month) == 3 ? strstr(months, month) : NULL;
    if (!at || (at - months) % 3 != 0)
        return 0;
    (void)snprintf(text, sizeof text, "%04u-%02u-%02uT%02u:%02u:%02uZ", year, (unsigned)(at - months) / 3u + 1u, day,
                   hour, minute, second);
    return ota_time_parse(ota_span_str(text), &seconds) ? seconds : 0;
}

static bool carries(const struct ota_buf *bytes, uint32_t length, const char *marker) {
    return memmem(bytes->p, length, marker, strlen(marker)) != NULL;
}

enum ota_status ota_app_read(const struct ota_flash *flash, const struct ota_partition *p,
                             const struct ota_image *image, struct ota_app *out, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf bytes = {0};
    uint32_t length = image->length < p->size ? image->length : p->size;
    ota_buf_reserve(&bytes, length);
    OTA_TRY(flash->read(flash->ctx, p->offset, bytes.p, length, err));
    out->faulty = carries(&bytes, length, OTA_SAMPLE_MARKER_FAIL);
    out->no_network = carries(&bytes, length, OTA_SAMPLE_MARKER_NO_NETWORK);
    out->build_time = build_time(image->app.date, image->app.time);
    return OTA_OK;
}
