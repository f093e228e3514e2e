/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rescue: the board's own access point, with the page that takes a bundle. Who gets in knows the WPA2 password, which
 * stands in the default NVS partition, namespace "softap", string "password"; a board without one opens nothing. What
 * is uploaded must be signed all the same.
 */
#include "softap.h"

#include <stdio.h>
#include <string.h>

#include "esp_check.h"
#include "esp_event.h"
#include "esp_log.h"
#include "esp_mac.h"
#include "esp_netif.h"
#include "esp_wifi.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "nvs.h"

#include "app.h"
#include "ota_esp_page.h"

#define SPACE "softap"
#define KEY_PASSWORD "password"
#define KEY_OPEN "open" /* u8 1: a reset does not end it, so that the page sees how its update went */
#define PASSWORD_MIN 8u /* WPA2's */
#define PASSWORD_MAX 63u

#define STATIONS_MAX 2u
#define IDLE_S 600u  /* without a station */
#define OPEN_S 3600u /* whoever is there */
#define STACK_SIZE 4096u

static const char TAG[] = "softap";

static struct {
    char password[PASSWORD_MAX + 1], address[16];
    const char *hosts[2];
    esp_netif_t *netif; /* stays when it was made */
    wifi_mode_t before; /* WIFI_MODE_NULL: the driver did not run */
    volatile bool open;
} ap;

/* ---- what is kept -------------------------------------------------------------------------------------- */

static bool read_password(void) {
    nvs_handle_t h;
    size_t cap = sizeof ap.password;
    esp_err_t e = nvs_open(SPACE, NVS_READONLY, &h);
    if (e == ESP_OK) {
        e = nvs_get_str(h, KEY_PASSWORD, ap.password, &cap);
        nvs_close(h);
    }
    if (e == ESP_OK && strlen(ap.password) >= PASSWORD_MIN)
        return true;
    ESP_LOGW(TAG,
             "no access point: write a string \"%s\" of %u to %u characters into namespace \"%s\" of the nvs partition",
             KEY_PASSWORD, PASSWORD_MIN, PASSWORD_MAX, SPACE);
    return false;
}

static void remember(bool open) {
    nvs_handle_t h;
    if (nvs_open(SPACE, NVS_READWRITE, &h) != ESP_OK)
        return;
    const esp_err_t e = open ? nvs_set_u8(h, KEY_OPEN, 1) : nvs_erase_key(h, KEY_OPEN);
    if (e == ESP_OK)
        (void)nvs_commit(h);
    nvs_close(h);
}

bool app_softap_was_open(void) {
    nvs_handle_t h;
    uint8_t open = 0;
    if (nvs_open(SPACE, NVS_READONLY, &h) != ESP_OK)
        return false;
    (void)nvs_get_u8(h, KEY_OPEN, &open);
    nvs_close(h);
    return open == 1;
}

/* ---- the access point ---------------------------------------------------------------------------------- */

/* "thermo-A1B2C3": what stands on the board's label, and the end of its address. */
static void name_it(wifi_ap_config_t *config) {
    const char *product = ota_esp_identity()->product;
    uint8_t mac[6] = {0};
    char name[sizeof config->ssid + 1];
    (void)esp_read_mac(mac, ESP_MAC_WIFI_SOFTAP);
    (void)snprintf(name, sizeof name, "%.25s-%02X%02X%02X", product ? product : "ota", mac[3], mac[4], mac[5]);
    config->ssid_len = (uint8_t)strlen(name);
    memcpy(config->ssid, name, config->ssid_len);
}

static esp_err_t once(esp_err_t e) {
    return e == ESP_ERR_INVALID_STATE ? ESP_OK : e;
}

/* A board on Ethernet has no Wi-Fi driver yet. */
static esp_err_t prepare(void) {
    const wifi_init_config_t init = WIFI_INIT_CONFIG_DEFAULT();
    ESP_RETURN_ON_ERROR(esp_netif_init(), TAG, "esp_netif");
    ESP_RETURN_ON_ERROR(once(esp_event_loop_create_default()), TAG, "event loop");
    if (esp_wifi_get_mode(&ap.before) == ESP_ERR_WIFI_NOT_INIT) {
        ap.before = WIFI_MODE_NULL;
        ESP_RETURN_ON_ERROR(esp_wifi_init(&init), TAG, "driver");
    }
    if (!ap.netif)
        ap.netif = esp_netif_create_default_wifi_ap();
    return esp_wifi_set_storage(WIFI_STORAGE_RAM); /* or the driver would write the password into its own NVS */
}

/* Stopped meanwhile: an access point is on the air as soon as the mode has one, and without a configuration it is open to
 * anyone. A station connects again by its WIFI_EVENT_STA_START. */
static esp_err_t on_the_air(void) {
    wifi_config_t config = {.ap = {
                                .channel = 1, /* a station that is connected decides */
                                .authmode = WIFI_AUTH_WPA2_PSK,
                                .pairwise_cipher = WIFI_CIPHER_TYPE_CCMP,
                                .max_connection = STATIONS_MAX,
                                .beacon_interval = 100,
                                .pmf_cfg = {.capable = true},
                            }};
    esp_netif_ip_info_t ip;
    name_it(&config.ap);
    memcpy(config.ap.password, ap.password, strlen(ap.password));
    if (ap.before != WIFI_MODE_NULL)
        ESP_RETURN_ON_ERROR(esp_wifi_stop(), TAG, "stop");
    ESP_RETURN_ON_ERROR(esp_wifi_set_mode(ap.before == WIFI_MODE_NULL ? WIFI_MODE_AP : WIFI_MODE_APSTA), TAG, "mode");
    ESP_RETURN_ON_ERROR(esp_wifi_set_config(WIFI_IF_AP, &config), TAG, "name or password");
    ESP_RETURN_ON_ERROR(esp_wifi_start(), TAG, "start");
    ESP_RETURN_ON_ERROR(esp_netif_get_ip_info(ap.netif, &ip), TAG, "address");
    (void)esp_ip4addr_ntoa(&ip.ip, ap.address, sizeof ap.address);
    ap.hosts[0] = ap.address;
    ESP_LOGI(TAG, "join the Wi-Fi network %.*s and open http://%s/", config.ap.ssid_len, (const char *)config.ap.ssid,
             ap.address);
    return ESP_OK;
}

static void off_the_air(void) {
    if (ap.before != WIFI_MODE_NULL) {
        ESP_ERROR_CHECK_WITHOUT_ABORT(esp_wifi_set_mode(ap.before));
        ESP_ERROR_CHECK_WITHOUT_ABORT(esp_wifi_start()); /* it may have been stopped for the access point */
        return;
    }
    (void)esp_wifi_stop();
    (void)esp_wifi_deinit();
}

/* ---- how long ------------------------------------------------------------------------------------------- */

static bool somebody_is_there(void) {
    wifi_sta_list_t list;
    return esp_wifi_ap_get_sta_list(&list) == ESP_OK && list.num > 0;
}

static void stay_open(void) {
    for (unsigned idle = 0, s = 0; idle < IDLE_S && s < OPEN_S; s++) {
        vTaskDelay(pdMS_TO_TICKS(1000));
        idle = somebody_is_there() ? 0 : idle + 1u;
    }
}

/* An update that is taken ends it by the reboot. */
static void keep_open(void *ctx) {
    struct ota_err err;
    (void)ctx;
    if (ota_esp_page_start(ap.hosts, ap.address, 0, &err) == OTA_OK) {
        remember(true);
        stay_open();
        ota_esp_page_stop(); /* after the end of an upload */
        remember(false);
        ESP_LOGI(TAG, "the access point closes: nobody used it");
    } else {
        ESP_LOGE(TAG, "the access point closes: %s", err.msg);
    }
    off_the_air();
    ap.open = false;
    vTaskDelete(NULL);
}

void app_softap_start(void) {
    if (ap.open || !read_password())
        return;
    if (prepare() != ESP_OK)
        return;
    ap.open = true;
    if (on_the_air() == ESP_OK &&
        xTaskCreate(keep_open, "softap", STACK_SIZE, NULL, tskIDLE_PRIORITY + 1, NULL) == pdPASS)
        return;
    ESP_LOGE(TAG, "no access point");
    off_the_air();
    ap.open = false;
}

bool app_softap_is_open(void) {
    return ap.open;
}
