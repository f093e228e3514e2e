/* SPDX-License-Identifier: Apache-2.0 */
/* The clock port over the operating system. */
#include "host/clock.h"

#include <stddef.h>
#include <time.h>

/* 2024-01-01T00:00:00Z: a machine without a clock battery starts at its image's date or in 1970. */
#define EARLIEST 1704067200

static bool now(void *ctx, uint64_t *unix_seconds) {
    struct timespec ts;
    (void)ctx;
    if (clock_gettime(CLOCK_REALTIME, &ts) != 0 || ts.tv_sec < EARLIEST)
        return false;
    *unix_seconds = (uint64_t)ts.tv_sec;
    return true;
}

static uint64_t uptime_ms(void *ctx) {
    struct timespec ts = {0, 0};
    (void)ctx;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000u + (uint64_t)ts.tv_nsec / 1000000u;
}

const struct ota_clock ota_clock_system = {.ctx = NULL, .now = now, .uptime_ms = uptime_ms};
