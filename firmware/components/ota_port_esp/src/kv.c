/* SPDX-License-Identifier: Apache-2.0 */
/* Records as blobs of namespace "ota" in partition ota_state. NVS keeps the old value of a key until the new one is whole. */
#include <string.h>

#include "failed.h"
#include "nvs_flash.h"
#include "nvs_init.h"
#include "ota_esp_ports.h"
#include "state_hole.h"

#define NAMESPACE "ota"

static nvs_handle_t handle;
static bool is_open;

static enum ota_status failed(struct ota_err *err, esp_err_t rc, const char *key) {
    if (rc == ESP_ERR_NVS_NOT_ENOUGH_SPACE)
        return ota_err_set(err, OTA_KV, "%s: %s is full", key, OTA_STATE_LABEL);
    return ota_esp_failed(err, OTA_KV, rc, "%s: %s", OTA_STATE_LABEL, key);
}

static enum ota_status check_key(const char *key, struct ota_err *err) {
    if (!is_open)
        return ota_err_set(err, OTA_KV, "%s: %s is not open", key, OTA_STATE_LABEL);
    if (key[0] == '\0' || strlen(key) > OTA_KV_KEY_MAX)
        return ota_err_set(err, OTA_ARGUMENT, "%s: a key has 1 to %u characters", key, OTA_KV_KEY_MAX);
    return OTA_OK;
}

static enum ota_status kv_get(void *ctx, const char *key, void *p, size_t cap, size_t *len, struct ota_err *err) {
    uint8_t none;
    size_t n = cap;
    (void)ctx;
    OTA_TRY(check_key(key, err));
    if (!p || cap == 0) { /* without a buffer NVS only tells the length */
        p = &none;
        n = 0;
    }
    esp_err_t rc = nvs_get_blob(handle, key, p, &n);
    if (rc == ESP_ERR_NVS_NOT_FOUND)
        return ota_err_set(err, OTA_NOT_FOUND, "%s has no %s", OTA_STATE_LABEL, key);
    if (rc == ESP_ERR_NVS_INVALID_LENGTH)
        return ota_err_set(err, OTA_TOO_LARGE, "%s has more than %zu bytes", key, cap);
    if (rc != ESP_OK)
        return failed(err, rc, key);
    *len = n;
    return OTA_OK;
}

static enum ota_status commit(const char *key, esp_err_t rc, struct ota_err *err) {
    if (rc == ESP_OK)
        rc = nvs_commit(handle);
    return rc == ESP_OK ? OTA_OK : failed(err, rc, key);
}

static enum ota_status kv_set(void *ctx, const char *key, const void *p, size_t len, struct ota_err *err) {
    (void)ctx;
    OTA_TRY(check_key(key, err));
    return commit(key, nvs_set_blob(handle, key, len ? p : "", len), err);
}

static enum ota_status kv_erase(void *ctx, const char *key, struct ota_err *err) {
    (void)ctx;
    OTA_TRY(check_key(key, err));
    esp_err_t rc = nvs_erase_key(handle, key);
    return rc == ESP_ERR_NVS_NOT_FOUND ? OTA_OK : commit(key, rc, err);
}

const struct ota_kv ota_esp_kv = {.get = kv_get, .set = kv_set, .erase = kv_erase};

/* Every page in use, as a power cut in a partition that is too small leaves it; or written by a newer NVS. NVS itself advises to
 * erase. What only cannot be read is not erased: the records keep the board from older releases. */
static bool unusable(esp_err_t rc) {
    return rc == ESP_ERR_NVS_NO_FREE_PAGES || rc == ESP_ERR_NVS_NEW_VERSION_FOUND;
}

static esp_err_t init(void) {
    esp_err_t rc = ota_esp_nvs_init(OTA_STATE_LABEL);
    if (!unusable(rc))
        return rc;
    ota_log(&ota_esp_log, OTA_LOG_WARNING,
            "%s: %s: NVS cannot use it; it is erased, and trust begins anew from the first root", OTA_STATE_LABEL,
            esp_err_to_name(rc));
    rc = nvs_flash_erase_partition(OTA_STATE_LABEL);
    return rc == ESP_OK ? ota_esp_nvs_init(OTA_STATE_LABEL) : rc;
}

enum ota_status ota_esp_kv_open(struct ota_err *err) {
    if (is_open)
        nvs_close(handle);
    is_open = false;
    (void)ota_esp_state_hole_register(); /* without either NVS says which partition it misses */
    if (ota_esp_nvs_would_be_lost(OTA_STATE_LABEL, NAMESPACE))
        return ota_err_set(err, OTA_KV,
                           "%s was written without NVS encryption, and this app would erase it: a release must not "
                           "switch CONFIG_NVS_ENCRYPTION",
                           OTA_STATE_LABEL);
    esp_err_t rc = init();
    if (rc == ESP_ERR_NOT_FOUND || rc == ESP_ERR_NVS_PART_NOT_FOUND)
        return ota_err_set(err, OTA_NOT_FOUND, "the partition table has no %s (data, nvs)", OTA_STATE_LABEL);
    if (rc == ESP_ERR_NVS_WRONG_ENCRYPTION)
        return ota_err_set(err, OTA_KV, "%s has the flag `encrypted`, which NVS cannot use: it has keys of its own",
                           OTA_STATE_LABEL);
    if (rc == ESP_OK)
        rc = nvs_open_from_partition(OTA_STATE_LABEL, NAMESPACE, NVS_READWRITE, &handle);
    if (rc != ESP_OK)
        return failed(err, rc, "namespace " NAMESPACE);
    is_open = true;
    return OTA_OK;
}
