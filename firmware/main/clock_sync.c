/* SPDX-License-Identifier: Apache-2.0 */
/* Time of day by SNTP. Updates do without it; expired metadata is noticed earlier with it. */
#include "esp_log.h"
#include "esp_netif_sntp.h"
#include "sdkconfig.h"

#include "app.h"

#if CONFIG_LWIP_DHCP_GET_NTP_SRV
#define FROM_DHCP true
#else
#define FROM_DHCP false
#endif

void app_clock_sync_start(void) {
    esp_sntp_config_t config = ESP_NETIF_SNTP_DEFAULT_CONFIG(CONFIG_OTA_APP_SNTP_SERVER);
    config.server_from_dhcp = FROM_DHCP;
    config.wait_for_sync = false;
    const esp_err_t e = esp_netif_sntp_init(&config);
    if (e != ESP_OK)
        ESP_LOGW("app", "SNTP: %s", esp_err_to_name(e));
}
