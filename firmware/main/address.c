/* SPDX-License-Identifier: Apache-2.0 */
/* The static address, if the configuration names one. */
#include "esp_check.h"
#include "esp_netif.h"
#include "sdkconfig.h"

#include "app.h"

static const char TAG[] = "net";

static esp_err_t parse(const char *what, const char *text, esp_ip4_addr_t *out) {
    ESP_RETURN_ON_FALSE(esp_netif_str_to_ip4(text, out) == ESP_OK, ESP_ERR_INVALID_ARG, TAG,
                        "static %s \"%s\" is no IPv4 address", what, text);
    return ESP_OK;
}

static esp_err_t set_static(esp_netif_t *netif) {
    esp_netif_ip_info_t ip = {0};
    esp_netif_dns_info_t dns = {.ip.type = ESP_IPADDR_TYPE_V4};
    ESP_RETURN_ON_ERROR(parse("address", CONFIG_OTA_APP_STATIC_IP, &ip.ip), TAG, "configuration");
    ESP_RETURN_ON_ERROR(parse("netmask", CONFIG_OTA_APP_STATIC_NETMASK, &ip.netmask), TAG, "configuration");
    ESP_RETURN_ON_ERROR(parse("gateway", CONFIG_OTA_APP_STATIC_GATEWAY, &ip.gw), TAG, "configuration");
    ESP_RETURN_ON_ERROR(esp_netif_dhcpc_stop(netif), TAG, "DHCP client");
    ESP_RETURN_ON_ERROR(esp_netif_set_ip_info(netif, &ip), TAG, "static address");
    if (CONFIG_OTA_APP_STATIC_DNS[0] == '\0')
        return ESP_OK;
    ESP_RETURN_ON_ERROR(parse("DNS server", CONFIG_OTA_APP_STATIC_DNS, &dns.ip.u_addr.ip4), TAG, "configuration");
    return esp_netif_set_dns_info(netif, ESP_NETIF_DNS_MAIN, &dns);
}

esp_err_t app_network_address(esp_netif_t *netif) {
    app_network_watch(netif);
    return CONFIG_OTA_APP_STATIC_IP[0] ? set_static(netif) : ESP_OK;
}
