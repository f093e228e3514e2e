/* SPDX-License-Identifier: Apache-2.0 */
/* What the Ethernet connections share: eth.c. */
#ifndef ETH_H
#define ETH_H

#include "esp_eth.h"

struct esp_netif_obj;

/* MAC and PHY become one interface, which is started. */
esp_err_t app_eth_start(esp_eth_mac_t *mac, esp_eth_phy_t *phy, struct esp_netif_obj **netif);

#endif
