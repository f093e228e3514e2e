/* SPDX-License-Identifier: Apache-2.0 */
#include "double/clock.h"

#include "esp_timer.h"

struct double_clock double_clock;

/* In the place of the C library's, for the whole program. */
time_t time(time_t *out) {
    struct timespec ts = {0, 0};
    (void)clock_gettime(CLOCK_REALTIME, &ts);
    const time_t t = double_clock.set ? double_clock.now : ts.tv_sec;
    if (out)
        *out = t;
    return t;
}

int64_t esp_timer_get_time(void) {
    return double_clock.uptime_us;
}
