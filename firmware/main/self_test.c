/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a new app must be able to do before it is confirmed. A check that says no sends the board back to the old app, and
 * the release is not tried again: it must say no only to a fault of the app, not to a cable that is not plugged in.
 *
 * That the app can be updated again is not tested here: the agent proves it afterwards, by a verified run.
 */

#include <stddef.h>

#include "esp_heap_caps.h"
#include "esp_log.h"
#include "nvs.h"

#include "app.h"

#define TLS_BLOCK 17408u /* one record of TLS, its buffer in one piece */
#define SPACE "self-test"

static const char TAG[] = "self-test";

/* Settings can be read and written: a new ESP-IDF, another partition table or other NVS keys show here. */
static bool settings_work(void) {
    nvs_handle_t h;
    uint32_t wrote = esp_log_timestamp(), read = ~wrote;
    if (nvs_open(SPACE, NVS_READWRITE, &h) != ESP_OK)
        return false;
    const bool ok = nvs_set_u32(h, "mark", wrote) == ESP_OK && nvs_commit(h) == ESP_OK &&
                    nvs_get_u32(h, "mark", &read) == ESP_OK && read == wrote;
    nvs_close(h);
    return ok;
}

/* An app that has grown leaves room for the connection that brings the next one. */
static bool memory_suffices(void) {
    return heap_caps_get_largest_free_block(MALLOC_CAP_INTERNAL | MALLOC_CAP_8BIT) >= TLS_BLOCK;
}

/* Nothing wrote where it should not since the start. */
static bool heap_is_whole(void) {
    return heap_caps_check_integrity_all(true);
}

/* PUT YOUR OWN CHECKS HERE: do sensors answer, does the valve close, can the settings of the version before be read. */
static const struct {
    const char *name;
    bool (*passes)(void);
} checks[] = {
    {"settings", settings_work},
    {"memory", memory_suffices},
    {"heap", heap_is_whole},
};

bool app_self_test(void *ctx) {
    (void)ctx;
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        if (!checks[i].passes()) {
            ESP_LOGE(TAG, "%s: failed", checks[i].name);
            return false;
        }
        ESP_LOGI(TAG, "%s: passed", checks[i].name);
    }
    return true;
}
