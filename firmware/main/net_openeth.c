/* SPDX-License-Identifier: Apache-2.0 */
/* The network card that emulators of the chip have; no real chip has it. */
#include "esp_idf_version.h"

#include "app.h"
#include "eth.h"

/* Its PHY calls itself a DP83848, and ESP-IDF 5 builds no other one for it. */
#if ESP_IDF_VERSION < ESP_IDF_VERSION_VAL(6, 0, 0)
#define NEW_PHY esp_eth_phy_new_dp83848
#else
#define NEW_PHY esp_eth_phy_new_generic
#endif

esp_err_t app_net_start(struct esp_netif_obj **netif) {
    const eth_mac_config_t mac = ETH_MAC_DEFAULT_CONFIG();
    eth_phy_config_t phy = ETH_PHY_DEFAULT_CONFIG();
    phy.reset_gpio_num = -1;
    phy.autonego_timeout_ms = 100; /* nobody is at the other end to negotiate with */
    return app_eth_start(esp_eth_mac_new_openeth(&mac), NEW_PHY(&phy), netif);
}
