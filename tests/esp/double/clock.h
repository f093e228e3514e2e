/* SPDX-License-Identifier: Apache-2.0 */
/* The chip's time. */
#ifndef OTA_TESTS_DOUBLE_CLOCK_H
#define OTA_TESTS_DOUBLE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct double_clock {
    bool set; /* time() is this one's, not this machine's */
    time_t now;
    int64_t uptime_us;
};
extern struct double_clock double_clock;
/* Time goes by, and what is due happens. */
void double_clock_pass(int64_t us);

#endif
