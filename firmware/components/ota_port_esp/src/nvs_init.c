/* SPDX-License-Identifier: Apache-2.0 */
#include "nvs_init.h"

#include "nvs_flash.h"
#include "sdkconfig.h"

#ifdef CONFIG_NVS_ENCRYPTION
#include <stdbool.h>
#include <string.h>

#include "nvs_sec_provider.h"

/* Chips without an HMAC peripheral do not know the second code. */
static bool no_keys_yet(esp_err_t rc) {
#ifdef ESP_ERR_NVS_SEC_HMAC_KEY_NOT_FOUND
    if (rc == ESP_ERR_NVS_SEC_HMAC_KEY_NOT_FOUND)
        return true;
#endif
    return rc == ESP_ERR_NVS_KEYS_NOT_INITIALIZED;
}

/* nvs_flash_init() makes new keys whenever the old ones cannot be read, damaged ones too. */
static esp_err_t read_keys(nvs_sec_cfg_t *keys) {
    nvs_sec_scheme_t *scheme = nvs_flash_get_default_security_scheme();
    esp_err_t rc = nvs_flash_read_security_cfg_v2(scheme, keys);
    if (no_keys_yet(rc))
        rc = nvs_flash_generate_keys_v2(scheme, keys);
    return rc;
}

esp_err_t ota_esp_nvs_init(const char *label) {
    nvs_sec_cfg_t keys;
    esp_err_t rc = read_keys(&keys);
    if (rc == ESP_OK)
        rc = nvs_flash_secure_init_partition(label, &keys);
    memset(&keys, 0, sizeof keys);
    return rc;
}
#else
esp_err_t ota_esp_nvs_init(const char *label) {
    return nvs_flash_init_partition(label);
}
#endif
