/* SPDX-License-Identifier: Apache-2.0 */
/* The application's own store, in the default NVS partition. */
#include "esp_err.h"
#include "esp_log.h"
#include "nvs_flash.h"

#include "app.h"

/* What the agent knows lies in ota_state and ota_id, which this does not touch: a factory reset may erase here. */
void app_settings_open(void) {
    esp_err_t e = nvs_flash_init();
    if (e == ESP_ERR_NVS_NO_FREE_PAGES || e == ESP_ERR_NVS_NEW_VERSION_FOUND) {
        ESP_LOGW("app", "settings cannot be used (%s): erased", esp_err_to_name(e));
        ESP_ERROR_CHECK(nvs_flash_erase());
        e = nvs_flash_init();
    }
    ESP_ERROR_CHECK(e);
}
