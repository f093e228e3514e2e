/* SPDX-License-Identifier: Apache-2.0 */
/* What the Wi-Fi driver wants beside the credentials: the generator adds it to its keys, in any namespace. */
#include <openssl/evp.h>
#include <string.h>

#include "image/nvs_csv.h"

#define AP_INFO 140u
#define PMK 32u
#define PMK_ROUNDS 4096
#define PMK_INFO (100u + PMK)

static bool is_station(const char *key) {
    return strcmp(key, "sta.ssid") == 0 || strcmp(key, "sta.pswd") == 0;
}

static bool is_ap(const char *key) {
    return strcmp(key, "ap.ssid") == 0 || strcmp(key, "ap.passwd") == 0 || strcmp(key, "ap.authmode") == 0;
}

bool ota_nvs_csv_is_wifi(const char *key) {
    return is_station(key) || is_ap(key);
}

static void keep(char **slot, const char *value) {
    free(*slot);
    *slot = value[0] ? ota_strdup(value) : NULL;
}

static enum ota_status put_pmk(struct ota_nvs_csv *c, struct ota_err *err) {
    uint8_t info[PMK_INFO] = {0};
    if (PKCS5_PBKDF2_HMAC_SHA1(c->ap_passwd, (int)strlen(c->ap_passwd), (const unsigned char *)c->ap_ssid,
                               (int)strlen(c->ap_ssid), PMK_ROUNDS, (int)PMK, info + PMK_INFO - PMK) != 1)
        return ota_err_set(err, OTA_INTERNAL, "PBKDF2 is not available in this OpenSSL");
    return ota_nvs_put_blob(c->writer, "ap.pmk_info", info, sizeof info, err);
}

/* Once name, password and mode are known; an access point of mode 0 is open and has none. */
enum ota_status ota_nvs_csv_wifi_before(struct ota_nvs_csv *c, const char *key, const char *value,
                                        struct ota_err *err) {
    if (!is_ap(key))
        return OTA_OK;
    if (strcmp(key, "ap.ssid") == 0)
        keep(&c->ap_ssid, value);
    else if (strcmp(key, "ap.passwd") == 0)
        keep(&c->ap_passwd, value);
    else if (strcmp(value, "0") != 0)
        c->ap_secured = value[0] != '\0';
    return c->ap_ssid && c->ap_passwd && c->ap_secured ? put_pmk(c, err) : OTA_OK;
}

enum ota_status ota_nvs_csv_wifi_after(struct ota_nvs_csv *c, const char *key, struct ota_err *err) {
    static const uint8_t zero[PMK] = {0};
    uint8_t blank[AP_INFO];
    if (!is_station(key) || c->station_done)
        return OTA_OK;
    c->station_done = true;
    memset(blank, 0xFF, sizeof blank);
    OTA_TRY(ota_nvs_put_blob(c->writer, "sta.apinfo", blank, sizeof blank, err));
    OTA_TRY(ota_nvs_put_blob(c->writer, "sta.pmk", zero, PMK, err));
    return ota_nvs_put_blob(c->writer, "sta.apsw", zero, 2, err);
}
