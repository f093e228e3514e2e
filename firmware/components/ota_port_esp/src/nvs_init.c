/* SPDX-License-Identifier: Apache-2.0 */
#include "nvs_init.h"

#include "nvs_flash.h"
#include "sdkconfig.h"

#ifdef CONFIG_NVS_ENCRYPTION
#include <string.h>

#include "esp_partition.h"
#include "nvs_sec_provider.h"

/* A page of NVS: header, two bits of each entry's state, entries. Encrypted are the entries alone. */
#define PAGE 0x1000u
#define STATES_AT 32u
#define ENTRIES_AT 64u
#define ENTRIES 126u
#define ENTRY 32u
#define KEY_AT 8u
#define KEY_MAX 16u
#define WRITTEN 2u

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

static bool page_holds(const esp_partition_t *p, size_t page, const uint8_t *entry, size_t n) {
    uint8_t states[ENTRY], at[ENTRY];
    if (esp_partition_read_raw(p, page + STATES_AT, states, sizeof states) != ESP_OK)
        return false;
    for (size_t i = 0; i < ENTRIES; i++)
        if (((unsigned)states[i / 4u] >> (i % 4u * 2u) & 3u) == WRITTEN &&
            esp_partition_read_raw(p, page + ENTRIES_AT + i * ENTRY, at, sizeof at) == ESP_OK &&
            memcmp(at, entry, 4) == 0 && memcmp(at + KEY_AT, entry + KEY_AT, n - KEY_AT) == 0)
            return true;
    return false;
}

/* A namespace is an entry of namespace 0: one byte, its number, under its name. */
bool ota_esp_nvs_would_be_lost(const char *label, const char *name_space) {
    uint8_t entry[KEY_AT + KEY_MAX] = {0, 0x01, 1, 0xFF};
    const esp_partition_t *p = esp_partition_find_first(ESP_PARTITION_TYPE_DATA, ESP_PARTITION_SUBTYPE_DATA_NVS, label);
    bool holds = false;
    memcpy(entry + KEY_AT, name_space, strnlen(name_space, KEY_MAX - 1u));
    for (size_t page = 0; p && !holds && page + PAGE <= p->size; page += PAGE)
        holds = page_holds(p, page, entry, sizeof entry);
    return holds;
}
#else
bool ota_esp_nvs_would_be_lost(const char *label, const char *name_space) {
    (void)label;
    (void)name_space;
    return false;
}

esp_err_t ota_esp_nvs_init(const char *label) {
    return nvs_flash_init_partition(label);
}
#endif
