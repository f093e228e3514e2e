/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's lines among the application's: esp_log_level_set("ota", ...) applies to them. */
#include "esp_log.h"
#include "ota_esp_ports.h"

static const char tag[] = "ota";

static void line(void *ctx, enum ota_log_level level, const char *text) {
    (void)ctx;
    switch (level) {
    case OTA_LOG_ERROR:
        ESP_LOGE(tag, "%s", text);
        break;
    case OTA_LOG_WARNING:
        ESP_LOGW(tag, "%s", text);
        break;
    case OTA_LOG_INFO:
        ESP_LOGI(tag, "%s", text);
        break;
    case OTA_LOG_DEBUG:
        ESP_LOGD(tag, "%s", text);
        break;
    }
}

const struct ota_log ota_esp_log = {.line = line};
