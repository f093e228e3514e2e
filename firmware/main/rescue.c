/* SPDX-License-Identifier: Apache-2.0 */
/* When the board opens its access point: the button is held at start, or later, or the network stays away. */
#include "driver/gpio.h"
#include "esp_log.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "sdkconfig.h"

#include "app.h"

#define LOOK_MS 250u
#define HELD_LOOKS (3000u / LOOK_MS)

static const char TAG[] = "app";

static void prepare_button(void) {
    const gpio_config_t config = {
        .pin_bit_mask = 1ull << (CONFIG_OTA_APP_SOFTAP_BUTTON_GPIO & 63),
        .mode = GPIO_MODE_INPUT,
        .pull_up_en = GPIO_PULLUP_ENABLE,
    };
    ESP_ERROR_CHECK_WITHOUT_ABORT(gpio_config(&config));
}

static bool is_pressed(void) {
    return CONFIG_OTA_APP_SOFTAP_BUTTON_GPIO >= 0 && gpio_get_level((gpio_num_t)CONFIG_OTA_APP_SOFTAP_BUTTON_GPIO) == 0;
}

static bool network_stays_away(void) {
    return CONFIG_OTA_APP_SOFTAP_AFTER_S > 0 && app_network_down_s() > CONFIG_OTA_APP_SOFTAP_AFTER_S;
}

static void wait_for_need(void) {
    for (unsigned held = 0; held < HELD_LOOKS && !network_stays_away();) {
        vTaskDelay(pdMS_TO_TICKS(LOOK_MS));
        held = is_pressed() ? held + 1u : 0;
    }
}

void app_rescue_watch(void) {
    if (CONFIG_OTA_APP_SOFTAP_BUTTON_GPIO >= 0)
        prepare_button();
    wait_for_need();
    ESP_LOGW(TAG, "opens the access point: %s", network_stays_away() ? "the network stays away" : "the button is held");
    app_softap_start(); /* until the next reset */
}
