/* SPDX-License-Identifier: Apache-2.0 */
/* A board without a network: updates come as bundles. */
#include <stddef.h>

#include "app.h"

esp_err_t app_net_start(struct esp_netif_obj **netif) {
    *netif = NULL;
    return ESP_OK;
}
