/* SPDX-License-Identifier: Apache-2.0 */
#include "double/clock.h"

#include <stddef.h>

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

/* ---- the one timer there is ------------------------------------------------------------------------------ */

static struct esp_timer {
    esp_timer_create_args_t args;
    int64_t due_us; /* 0: not armed */
} timer;

esp_err_t esp_timer_create(const esp_timer_create_args_t *create_args, esp_timer_handle_t *out_handle) {
    timer = (struct esp_timer){*create_args, 0};
    *out_handle = &timer;
    return ESP_OK;
}

esp_err_t esp_timer_start_once(esp_timer_handle_t t, uint64_t timeout_us) {
    if (t->due_us)
        return ESP_ERR_INVALID_STATE;
    t->due_us = double_clock.uptime_us + (int64_t)timeout_us;
    return ESP_OK;
}

esp_err_t esp_timer_stop(esp_timer_handle_t t) {
    const bool armed = t->due_us != 0;
    t->due_us = 0;
    return armed ? ESP_OK : ESP_ERR_INVALID_STATE;
}

void double_clock_pass(int64_t us) {
    double_clock.uptime_us += us;
    if (timer.due_us == 0 || double_clock.uptime_us < timer.due_us)
        return;
    timer.due_us = 0;
    timer.args.callback(timer.args.arg);
}
