/* SPDX-License-Identifier: Apache-2.0 */
/* time() begins at 1970 after each power-on until SNTP, an RTC or the application sets it. */
#include <time.h>

#include "build_time.h"
#include "esp_timer.h"
#include "ota_esp_ports.h"

/* 2024-01-01T00:00:00Z, for builds that do not know their time. */
#define EARLIEST 1704067200u

static bool now(void *ctx, uint64_t *unix_seconds) {
    const time_t t = time(NULL);
    const uint64_t built = ota_esp_build_time();
    (void)ctx;
    if (t < 0 || (uint64_t)t < (built ? built : EARLIEST))
        return false;
    *unix_seconds = (uint64_t)t;
    return true;
}

static uint64_t uptime_ms(void *ctx) {
    (void)ctx;
    return (uint64_t)esp_timer_get_time() / 1000u;
}

const struct ota_clock ota_esp_clock = {.now = now, .uptime_ms = uptime_ms};
