/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wi-Fi station. Name and password come from the default NVS partition, namespace "wifi", strings "ssid" and "password";
 * for development from the configuration. The driver runs without them too, so that the access point can open.
 */
#include <string.h>

#include "esp_check.h"
#include "esp_event.h"
#include "esp_log.h"
#include "esp_netif.h"
#include "esp_random.h"
#include "esp_timer.h"
#include "esp_wifi.h"
#include "nvs.h"
#include "sdkconfig.h"

#include "app.h"

#if CONFIG_OTA_APP_SOFTAP
#include "softap.h"
#define ACCESS_POINT_IS_OPEN app_softap_is_open()
#else
#define ACCESS_POINT_IS_OPEN false
#endif

#define BACKOFF_FIRST_MS 500u
#define BACKOFF_LAST_MS 60000u

static const char TAG[] = "wifi";
static esp_timer_handle_t retry;
static uint32_t backoff_ms = BACKOFF_FIRST_MS;
static bool known; /* there is a network to join */

/* ---- credentials --------------------------------------------------------------------------------------- */

static bool read_text(nvs_handle_t h, const char *key, char *out, size_t cap) {
    return nvs_get_str(h, key, out, &cap) == ESP_OK;
}

/* An open network has no password. */
static bool read_settings(char ssid[33], char password[65]) {
    nvs_handle_t h;
    if (nvs_open("wifi", NVS_READONLY, &h) != ESP_OK)
        return false;
    const bool found = read_text(h, "ssid", ssid, 33) && ssid[0];
    if (found && !read_text(h, "password", password, 65))
        password[0] = '\0';
    nvs_close(h);
    return found;
}

/* A name or key of full length fills its field without a NUL. */
static bool find_network(wifi_config_t *config) {
    char ssid[33] = CONFIG_OTA_APP_WIFI_SSID, password[65] = CONFIG_OTA_APP_WIFI_PASSWORD;
    (void)read_settings(ssid, password);
    memset(config, 0, sizeof *config);
    memcpy(config->sta.ssid, ssid, strnlen(ssid, sizeof config->sta.ssid));
    memcpy(config->sta.password, password, strnlen(password, sizeof config->sta.password));
    config->sta.threshold.authmode = password[0] ? WIFI_AUTH_WPA2_PSK : WIFI_AUTH_OPEN;
    config->sta.scan_method = WIFI_ALL_CHANNEL_SCAN; /* the strongest of several with this name */
    config->sta.sort_method = WIFI_CONNECT_AP_BY_SIGNAL;
    return ssid[0] != '\0';
}

/* ---- connecting ------------------------------------------------------------------------------------------ */

/* Up to a quarter more each time: boards that an access point lost do not come back in step. Each try takes the radio
 * away from whoever uploads through the board's own access point. */
static void connect_later(uint8_t reason) {
    if (ACCESS_POINT_IS_OPEN)
        backoff_ms = BACKOFF_LAST_MS;
    const uint32_t wait_ms = backoff_ms + esp_random() % (backoff_ms / 4u);
    ESP_LOGW(TAG, "not connected (reason %u): tries again in %u ms", reason, (unsigned)wait_ms);
    (void)esp_timer_stop(retry);
    ESP_ERROR_CHECK_WITHOUT_ABORT(esp_timer_start_once(retry, wait_ms * 1000ull));
    backoff_ms = backoff_ms * 2u < BACKOFF_LAST_MS ? backoff_ms * 2u : BACKOFF_LAST_MS;
}

static void connect(void *ctx) {
    (void)ctx;
    const esp_err_t e = esp_wifi_connect();
    if (e == ESP_OK)
        return;
    ESP_LOGW(TAG, "connect: %s", esp_err_to_name(e));
    connect_later(0); /* no event follows */
}

static void on_wifi(void *ctx, esp_event_base_t base, int32_t id, void *data) {
    (void)ctx;
    (void)base;
    if (!known)
        return;
    if (id == WIFI_EVENT_STA_START)
        connect(NULL);
    else if (id == WIFI_EVENT_STA_CONNECTED)
        backoff_ms = BACKOFF_FIRST_MS;
    else if (id == WIFI_EVENT_STA_DISCONNECTED)
        connect_later(((const wifi_event_sta_disconnected_t *)data)->reason);
}

/* ---- start ----------------------------------------------------------------------------------------------- */

static esp_err_t start_driver(wifi_config_t *config) {
    const wifi_init_config_t init = WIFI_INIT_CONFIG_DEFAULT();
    const esp_timer_create_args_t timer = {.callback = connect, .name = "wifi"};
    ESP_RETURN_ON_ERROR(esp_timer_create(&timer, &retry), TAG, "timer");
    ESP_RETURN_ON_ERROR(esp_wifi_init(&init), TAG, "driver");
    ESP_RETURN_ON_ERROR(esp_wifi_set_storage(WIFI_STORAGE_RAM), TAG, "storage");
    ESP_RETURN_ON_ERROR(esp_event_handler_register(WIFI_EVENT, ESP_EVENT_ANY_ID, on_wifi, NULL), TAG, "events");
    ESP_RETURN_ON_ERROR(esp_wifi_set_mode(WIFI_MODE_STA), TAG, "mode");
    if (known)
        ESP_RETURN_ON_ERROR(esp_wifi_set_config(WIFI_IF_STA, config), TAG, "name or password");
    return esp_wifi_start();
}

esp_err_t app_net_start(esp_netif_t **netif) {
    static wifi_config_t config;
    esp_netif_t *made = esp_netif_create_default_wifi_sta();
    known = find_network(&config);
    if (!known)
        ESP_LOGE(TAG,
                 "no network is known: write strings ssid and password into namespace \"wifi\" of the nvs partition, "
                 "or set OTA_APP_WIFI_SSID for development");
    ESP_RETURN_ON_ERROR(app_network_address(made), TAG, "address");
    ESP_RETURN_ON_ERROR(start_driver(&config), TAG, "station");
    *netif = made;
    return ESP_OK;
}
