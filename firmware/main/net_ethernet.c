/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chip's own Ethernet MAC (ESP32, P4) with any PHY that keeps to IEEE 802.3. Pins of RMII and its clock are those of
 * Espressif's boards; change them here for others. A module on SPI (W5500, DM9051) has a driver of its own, which comes
 * from the component registry since ESP-IDF 6.0: hand its MAC and PHY to app_eth_start() instead.
 */
#include "sdkconfig.h"

#include "app.h"
#include "eth.h"

esp_err_t app_net_start(struct esp_netif_obj **netif) {
    const eth_mac_config_t mac = ETH_MAC_DEFAULT_CONFIG();
    eth_esp32_emac_config_t emac = ETH_ESP32_EMAC_DEFAULT_CONFIG();
    eth_phy_config_t phy = ETH_PHY_DEFAULT_CONFIG();
    emac.smi_gpio.mdc_num = CONFIG_OTA_APP_ETH_MDC_GPIO;
    emac.smi_gpio.mdio_num = CONFIG_OTA_APP_ETH_MDIO_GPIO;
    phy.phy_addr = CONFIG_OTA_APP_ETH_PHY_ADDRESS;
    phy.reset_gpio_num = CONFIG_OTA_APP_ETH_RESET_GPIO;
    return app_eth_start(esp_eth_mac_new_esp32(&emac, &mac), esp_eth_phy_new_generic(&phy), netif);
}
