/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_TESTS_ESP_NETIF_H
#define OTA_TESTS_ESP_NETIF_H

#include "esp_err.h"

/* name: NULL, it is not up. */
struct esp_netif_obj {
    const char *name;
};
typedef struct esp_netif_obj esp_netif_t;
esp_err_t esp_netif_get_netif_impl_name(esp_netif_t *esp_netif, char *name);

#endif
