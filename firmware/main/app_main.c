/* SPDX-License-Identifier: Apache-2.0 */
/* What happens at start, in which order. */
#include "esp_log.h"
#include "sdkconfig.h"

#include "app.h"

#define ADDRESS_WAIT_MS 30000u

static const char TAG[] = "app";

void app_main(void) {
    static struct ota_esp_config config = {.hooks = {.self_test = app_self_test, .progress = app_progress}};
    struct esp_netif_obj *netif = NULL;
    struct ota_err err;

    /* First: it may have to put new data partitions into their places, which nothing may have read before. Without it
     * the board works all the same, and the log says why. Nothing here confirms a new app: the agent does. */
    config.trust = app_trust();
    (void)ota_esp_boot(&config, NULL);

    app_settings_open();
#if CONFIG_OTA_APP_CONSOLE
    app_console_start();
#endif
    if (app_network_start(&netif) != ESP_OK)
        ESP_LOGE(TAG, "no network: updates come by bundles alone");
#if CONFIG_OTA_APP_CARD
    app_card_start();
#endif

    /* The application's own work starts here. */

    /* Not for ever: a new app that never gets an address has to be rolled back by the agent, which therefore runs. */
    if (netif && !app_network_wait(ADDRESS_WAIT_MS))
        ESP_LOGW(TAG, "no address after %u s: goes on trying", (unsigned)(ADDRESS_WAIT_MS / 1000u));
    if (ota_esp_start(netif, &err) != OTA_OK)
        ESP_LOGW(TAG, "%s", err.msg);
#if CONFIG_OTA_APP_SOFTAP
    app_rescue_watch();
#endif
}
