/* SPDX-License-Identifier: Apache-2.0 */
#include "eth.h"

#include "esp_check.h"
#include "esp_event.h"
#include "esp_log.h"
#include "esp_netif.h"

#include "app.h"

static const char TAG[] = "eth";

static void on_eth(void *ctx, esp_event_base_t base, int32_t id, void *data) {
    (void)ctx;
    (void)base;
    (void)data;
    if (id == ETHERNET_EVENT_CONNECTED)
        ESP_LOGI(TAG, "link is up");
    else if (id == ETHERNET_EVENT_DISCONNECTED)
        ESP_LOGW(TAG, "link is down");
}

esp_err_t app_eth_start(esp_eth_mac_t *mac, esp_eth_phy_t *phy, esp_netif_t **netif) {
    const esp_netif_config_t defaults = ESP_NETIF_DEFAULT_ETH();
    esp_eth_handle_t driver = NULL;
    ESP_RETURN_ON_FALSE(mac && phy, ESP_ERR_NO_MEM, TAG, "no memory for MAC or PHY, or a wrong pin");
    const esp_eth_config_t config = ETH_DEFAULT_CONFIG(mac, phy);
    ESP_RETURN_ON_ERROR(esp_eth_driver_install(&config, &driver), TAG, "driver: is the PHY there, and clocked?");
    esp_netif_t *made = esp_netif_new(&defaults);
    ESP_RETURN_ON_FALSE(made, ESP_ERR_NO_MEM, TAG, "no memory for the interface");
    ESP_RETURN_ON_ERROR(esp_netif_attach(made, esp_eth_new_netif_glue(driver)), TAG, "interface");
    ESP_RETURN_ON_ERROR(esp_event_handler_register(ETH_EVENT, ESP_EVENT_ANY_ID, on_eth, NULL), TAG, "events");
    ESP_RETURN_ON_ERROR(app_network_address(made), TAG, "address");
    ESP_RETURN_ON_ERROR(esp_eth_start(driver), TAG, "start");
    *netif = made;
    return ESP_OK;
}
