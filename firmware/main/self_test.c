/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a new app must be able to do before it is confirmed. A check that says no sends the board back to the old app, and
 * the release is not tried again: it must say no only to a fault of the app, not to a cable that is not plugged in.
 *
 * That the app can be updated again, with network, TLS and memory for it, is not tested here: the agent proves it
 * afterwards, by a verified run.
 */

#include <stddef.h>

#include "esp_heap_caps.h"
#include "esp_log.h"
#include "esp_partition.h"
#include "nvs.h"

#include "app.h"

#define SPACE "self-test"

static const char TAG[] = "self-test";

static bool reads_back(nvs_handle_t h) {
    uint32_t wrote = esp_log_timestamp(), read = ~wrote;
    const esp_err_t e = nvs_set_u32(h, "mark", wrote);
    if (e == ESP_ERR_NVS_NOT_ENOUGH_SPACE)
        return true; /* full, which is no fault of the new app */
    return e == ESP_OK && nvs_commit(h) == ESP_OK && nvs_get_u32(h, "mark", &read) == ESP_OK && read == wrote;
}

/* Settings can be read and written: a new ESP-IDF, another partition table or other NVS keys show here. */
static bool settings_work(void) {
    nvs_handle_t h;
    const esp_err_t e = nvs_open(SPACE, NVS_READWRITE, &h);
    if (e != ESP_OK)
        return e == ESP_ERR_NVS_NOT_ENOUGH_SPACE;
    const bool ok = reads_back(h);
    nvs_close(h);
    return ok;
}

/* What the table names is there, and decrypts where it should. */
static bool partitions_can_be_read(void) {
    uint8_t head[32];
    bool ok = true;
    esp_partition_iterator_t it = esp_partition_find(ESP_PARTITION_TYPE_DATA, ESP_PARTITION_SUBTYPE_ANY, NULL);
    for (; it; it = esp_partition_next(it))
        ok = esp_partition_read(esp_partition_get(it), 0, head, sizeof head) == ESP_OK && ok;
    return ok;
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
    {"partitions", partitions_can_be_read},
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
