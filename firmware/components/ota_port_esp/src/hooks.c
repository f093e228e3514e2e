/* SPDX-License-Identifier: Apache-2.0 */
/* Between the agent's hooks and the application's: what others know and want is brought up to date on the way. */
#include "ota_esp_private.h"

static const struct ota_hooks *app(void) {
    return &ota_esp_config->hooks;
}

static bool may_start(void *ctx, const struct ota_release *release) {
    (void)ctx;
    ota_esp_publish(); /* there is something to show before the first sector came */
    return !app()->may_start || app()->may_start(app()->ctx, release);
}

static bool accept_image(void *ctx, const char *label, struct ota_span head) {
    (void)ctx;
    return !app()->accept_image || app()->accept_image(app()->ctx, label, head);
}

static bool before_activate(void *ctx, const char *label) {
    (void)ctx;
    return !app()->before_activate || app()->before_activate(app()->ctx, label);
}

static bool self_test(void *ctx) {
    (void)ctx;
    ota_esp_publish(); /* the board is undecided from here on */
    return !app()->self_test || app()->self_test(app()->ctx);
}

/* Between two sectors: the agent can be told something here, so that nobody waits for the end of a download. */
static void progress(void *ctx, const char *label, uint32_t done, uint32_t total) {
    (void)ctx;
    ota_esp_serve();
    ota_esp_publish();
    if (app()->progress)
        app()->progress(app()->ctx, label, done, total);
}

struct ota_hooks ota_esp_hooks(void) {
    return (struct ota_hooks){
        .may_start = may_start,
        .accept_image = accept_image,
        .before_activate = before_activate,
        .self_test = self_test,
        .progress = progress,
    };
}
