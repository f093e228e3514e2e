/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the interface has an address. */
#include "esp_check.h"
#include "esp_event.h"
#include "esp_log.h"
#include "esp_netif.h"
#include "esp_timer.h"
#include "freertos/FreeRTOS.h"
#include "freertos/event_groups.h"
#include "sdkconfig.h"

#include "app.h"

#define UP BIT0

static const char TAG[] = "net";
static EventGroupHandle_t state;
static esp_netif_t *interface;
static volatile uint32_t down_since_s; /* uptime */

static uint32_t uptime_s(void) {
    return (uint32_t)(esp_timer_get_time() / 1000000);
}

static bool is_up(void) {
    return (xEventGroupGetBits(state) & UP) != 0;
}

static void came_up(const ip_event_got_ip_t *event) {
    if (event->esp_netif != interface)
        return;
    ESP_LOGI(TAG, "address " IPSTR ", gateway " IPSTR, IP2STR(&event->ip_info.ip), IP2STR(&event->ip_info.gw));
    const bool again = !is_up();
    xEventGroupSetBits(state, UP);
    /* A new app waits for its proof. Others poll when it is their turn: the boards behind one access point lose and find
     * their address together. */
    if (again && ota_esp_undecided())
        ota_esp_check();
}

static void went_down(void) {
    if (!is_up())
        return;
    down_since_s = uptime_s();
    xEventGroupClearBits(state, UP);
    ESP_LOGW(TAG, "address lost");
}

static void on_ip(void *ctx, esp_event_base_t base, int32_t id, void *data) {
    (void)ctx;
    (void)base;
    if (id == IP_EVENT_STA_GOT_IP || id == IP_EVENT_ETH_GOT_IP)
        came_up(data);
    else if (id == IP_EVENT_STA_LOST_IP || id == IP_EVENT_ETH_LOST_IP)
        went_down();
}

esp_err_t app_network_start(esp_netif_t **netif) {
    static StaticEventGroup_t memory;
    state = xEventGroupCreateStatic(&memory);
    ESP_RETURN_ON_ERROR(esp_netif_init(), TAG, "esp_netif");
    ESP_RETURN_ON_ERROR(esp_event_loop_create_default(), TAG, "event loop");
    ESP_RETURN_ON_ERROR(esp_event_handler_register(IP_EVENT, ESP_EVENT_ANY_ID, on_ip, NULL), TAG, "events");
#if CONFIG_OTA_APP_SNTP
    app_clock_sync_start();
#endif
    return app_net_start(netif);
}

/* ---- for others ------------------------------------------------------------------------------------------ */

void app_network_watch(esp_netif_t *netif) {
    interface = netif;
}

bool app_network_wait(uint32_t wait_ms) {
    return (xEventGroupWaitBits(state, UP, pdFALSE, pdTRUE, pdMS_TO_TICKS(wait_ms)) & UP) != 0;
}

uint32_t app_network_down_s(void) {
    return is_up() ? 0 : uptime_s() - down_since_s + 1u;
}
