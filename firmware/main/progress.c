/* SPDX-License-Identifier: Apache-2.0 */
/* An update seen from outside: the LED changes with every sector. The log has the lines for people. */
#include "driver/gpio.h"
#include "sdkconfig.h"

#include "app.h"

static void blink(bool on) {
    static bool ready;
    if (!ready)
        ready = gpio_set_direction((gpio_num_t)CONFIG_OTA_APP_LED_GPIO, GPIO_MODE_OUTPUT) == ESP_OK;
    if (ready)
        (void)gpio_set_level((gpio_num_t)CONFIG_OTA_APP_LED_GPIO, on);
}

void app_progress(void *ctx, const char *label, uint32_t done, uint32_t total) {
    (void)ctx;
    (void)label;
    if (CONFIG_OTA_APP_LED_GPIO >= 0)
        blink(done < total && (done / 4096u) % 2u == 0);
}
