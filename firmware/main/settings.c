/* SPDX-License-Identifier: Apache-2.0 */
/* The application's own store, in the default NVS partition. */
#include "esp_err.h"
#include "esp_log.h"
#include "nvs_flash.h"

#include "app.h"

static const char TAG[] = "app";

/* What the agent knows lies in ota_state and ota_id, which this does not touch: a factory reset may erase here. A board
 * whose settings cannot be opened goes on without them: one that restarted over and over could not be updated either. */
void app_settings_open(void) {
    esp_err_t e = nvs_flash_init();
    if (e == ESP_ERR_NVS_NO_FREE_PAGES || e == ESP_ERR_NVS_NEW_VERSION_FOUND) {
        ESP_LOGW(TAG, "settings cannot be used (%s): erased", esp_err_to_name(e));
        e = nvs_flash_erase();
        if (e == ESP_OK)
            e = nvs_flash_init();
    }
    if (e != ESP_OK)
        ESP_LOGE(TAG, "no settings: %s", esp_err_to_name(e));
}
