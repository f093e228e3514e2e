/* SPDX-License-Identifier: Apache-2.0 */
/* When the board opens its access point: the button is held at start, or later, or the network stays away. */
#include "driver/gpio.h"
#include "esp_log.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "sdkconfig.h"

#include "app.h"
#include "softap.h"

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

static bool opened; /* for this outage: it closes when nobody comes, and once was enough */

static bool network_stays_away(void) {
    const uint32_t down_s = app_network_down_s();
    opened = opened && down_s > 0;
    return CONFIG_OTA_APP_SOFTAP_AFTER_S > 0 && down_s > CONFIG_OTA_APP_SOFTAP_AFTER_S && !opened;
}

static const char *wait_for_need(void) {
    for (unsigned held = 0; held < HELD_LOOKS;) {
        if (network_stays_away())
            return "the network stays away";
        vTaskDelay(pdMS_TO_TICKS(LOOK_MS));
        held = is_pressed() ? held + 1u : 0;
    }
    return "the button is held";
}

static void open_and_wait(const char *why) {
    ESP_LOGW(TAG, "opens the access point: %s", why);
    opened = true;
    app_softap_start();
    while (app_softap_is_open())
        vTaskDelay(pdMS_TO_TICKS(1000));
}

void app_rescue_watch(void) {
    if (CONFIG_OTA_APP_SOFTAP_BUTTON_GPIO >= 0)
        prepare_button();
    if (app_softap_was_open())
        open_and_wait("it was open before the reset");
    for (;;)
        open_and_wait(wait_for_need());
}
