/* SPDX-License-Identifier: Apache-2.0 */
#include "double/nvs.h"

#include <string.h>

#include "esp_partition.h"
#include "support/unit.h"

struct double_nvs double_nvs;

static struct double_nvs_partition *find(const char *label) {
    for (size_t i = 0; i < DOUBLE_NVS_PARTITIONS_MAX; i++)
        if (double_nvs.partition[i].label && strcmp(double_nvs.partition[i].label, label) == 0)
            return &double_nvs.partition[i];
    return NULL;
}

static esp_err_t read_keys(const void *scheme_data, nvs_sec_cfg_t *cfg) {
    (void)scheme_data;
    if (double_nvs.read_keys == ESP_OK)
        memset(cfg, 0x4B, sizeof *cfg);
    return double_nvs.read_keys;
}

static esp_err_t generate_keys(const void *scheme_data, nvs_sec_cfg_t *cfg) {
    double_nvs.keys_generated++;
    double_nvs.read_keys = ESP_OK;
    return read_keys(scheme_data, cfg);
}

void double_nvs_reset(void) {
    double_nvs = (struct double_nvs){
        .scheme = {.nvs_flash_key_gen = generate_keys, .nvs_flash_read_cfg = read_keys},
    };
}

struct double_nvs_partition *double_nvs_put(const char *label, const struct ota_kv *store) {
    for (size_t i = 0; i < DOUBLE_NVS_PARTITIONS_MAX; i++) {
        struct double_nvs_partition *p = &double_nvs.partition[i];
        if (p->label)
            continue;
        *p = (struct double_nvs_partition){.label = label, .store = store};
        return p;
    }
    fail_msg("no room for NVS partition %s", label);
    return NULL;
}

void double_nvs_reboot(void) {
    for (size_t i = 0; i < DOUBLE_NVS_PARTITIONS_MAX; i++)
        double_nvs.partition[i].initialised = double_nvs.partition[i].open = false;
}

/* ---- nvs_flash ----------------------------------------------------------------------------------------- */

/* By label and subtype; a partition that flash encryption encrypts is refused. */
static esp_err_t init(const char *label, const nvs_sec_cfg_t *keys) {
    struct double_nvs_partition *p = find(label);
    const esp_partition_t *row =
        esp_partition_find_first(ESP_PARTITION_TYPE_DATA, ESP_PARTITION_SUBTYPE_DATA_NVS, label);
    if (!row)
        return ESP_ERR_NOT_FOUND;
    if (row->encrypted)
        return ESP_ERR_NVS_WRONG_ENCRYPTION;
    if (!p)
        return ESP_ERR_NOT_FOUND;
    if (p->initialised)
        return ESP_OK;
    if (p->unusable != ESP_OK)
        return p->unusable;
    p->initialised = true;
    p->keys = keys ? *keys : (nvs_sec_cfg_t){{0}, {0}};
    return ESP_OK;
}

esp_err_t nvs_flash_init_partition(const char *partition_label) {
    return init(partition_label, NULL);
}

esp_err_t nvs_flash_secure_init_partition(const char *partition_label, nvs_sec_cfg_t *cfg) {
    return init(partition_label, cfg);
}

esp_err_t nvs_flash_deinit_partition(const char *partition_label) {
    struct double_nvs_partition *p = find(partition_label);
    if (!p || !p->initialised)
        return ESP_ERR_NVS_NOT_INITIALIZED;
    p->initialised = p->open = false;
    return ESP_OK;
}

esp_err_t nvs_flash_erase_partition(const char *part_name) {
    struct double_nvs_partition *p = find(part_name);
    if (!p)
        return ESP_ERR_NOT_FOUND;
    p->initialised = p->open = false;
    p->unusable = ESP_OK;
    if (p->erase)
        p->erase(p->erase_ctx);
    return ESP_OK;
}

nvs_sec_scheme_t *nvs_flash_get_default_security_scheme(void) {
    return &double_nvs.scheme;
}

esp_err_t nvs_flash_read_security_cfg_v2(nvs_sec_scheme_t *scheme_cfg, nvs_sec_cfg_t *cfg) {
    if (!scheme_cfg || !cfg || !scheme_cfg->nvs_flash_read_cfg)
        return ESP_ERR_INVALID_ARG;
    return scheme_cfg->nvs_flash_read_cfg(scheme_cfg->scheme_data, cfg);
}

esp_err_t nvs_flash_generate_keys_v2(nvs_sec_scheme_t *scheme_cfg, nvs_sec_cfg_t *cfg) {
    if (!scheme_cfg || !cfg || !scheme_cfg->nvs_flash_key_gen)
        return ESP_ERR_INVALID_ARG;
    return scheme_cfg->nvs_flash_key_gen(scheme_cfg->scheme_data, cfg);
}

/* ---- nvs ----------------------------------------------------------------------------------------------- */

esp_err_t nvs_open_from_partition(const char *part_name, const char *namespace_name, nvs_open_mode_t open_mode,
                                  nvs_handle_t *out_handle) {
    struct double_nvs_partition *p = find(part_name);
    if (!p || !p->initialised)
        return ESP_ERR_NVS_NOT_INITIALIZED;
    if (strlen(namespace_name) > 15)
        return ESP_ERR_NVS_INVALID_NAME;
    if (p->name_space && strcmp(p->name_space, namespace_name) != 0)
        return ESP_ERR_NVS_NOT_FOUND;
    if (!p->name_space && open_mode == NVS_READONLY)
        return ESP_ERR_NVS_NOT_FOUND;
    p->open = true;
    *out_handle = (nvs_handle_t)(p - double_nvs.partition) + 1u;
    return ESP_OK;
}

void nvs_close(nvs_handle_t handle) {
    if (handle >= 1 && handle <= DOUBLE_NVS_PARTITIONS_MAX)
        double_nvs.partition[handle - 1].open = false;
}

static const struct ota_kv *store_of(nvs_handle_t handle) {
    if (handle < 1 || handle > DOUBLE_NVS_PARTITIONS_MAX || !double_nvs.partition[handle - 1].open)
        return NULL;
    return double_nvs.partition[handle - 1].store;
}

static esp_err_t taken(esp_err_t *fault) {
    esp_err_t now = *fault;
    *fault = ESP_OK;
    return now;
}

static esp_err_t code_of(enum ota_status status) {
    switch (status) {
    case OTA_OK:
        return ESP_OK;
    case OTA_NOT_FOUND:
        return ESP_ERR_NVS_NOT_FOUND;
    case OTA_TOO_LARGE:
        return ESP_ERR_NVS_INVALID_LENGTH;
    default:
        return ESP_ERR_NVS_NOT_ENOUGH_SPACE;
    }
}

/* A NULL value asks for the length alone. */
esp_err_t nvs_get_blob(nvs_handle_t handle, const char *key, void *out_value, size_t *length) {
    static uint8_t room[65536];
    const struct ota_kv *kv = store_of(handle);
    struct ota_err err;
    size_t n = 0;
    if (!kv)
        return ESP_ERR_NVS_INVALID_HANDLE;
    esp_err_t rc = taken(&double_nvs.get_fault);
    if (rc == ESP_OK)
        rc = code_of(kv->get(kv->ctx, key, room, sizeof room, &n, &err));
    if (rc != ESP_OK)
        return rc;
    if (out_value && *length < n) {
        *length = n;
        return ESP_ERR_NVS_INVALID_LENGTH;
    }
    if (out_value)
        memcpy(out_value, room, n);
    *length = n;
    return ESP_OK;
}

esp_err_t nvs_get_str(nvs_handle_t handle, const char *key, char *out_value, size_t *length) {
    return nvs_get_blob(handle, key, out_value, length); /* its NUL is stored with it */
}

esp_err_t nvs_set_blob(nvs_handle_t handle, const char *key, const void *value, size_t length) {
    const struct ota_kv *kv = store_of(handle);
    struct ota_err err;
    if (!kv)
        return ESP_ERR_NVS_INVALID_HANDLE;
    if (!value || strlen(key) == 0)
        return ESP_ERR_INVALID_ARG;
    if (strlen(key) > 15)
        return ESP_ERR_NVS_KEY_TOO_LONG;
    if (length > 508000)
        return ESP_ERR_NVS_VALUE_TOO_LONG;
    esp_err_t rc = taken(&double_nvs.set_fault);
    if (rc != ESP_OK)
        return rc;
    double_nvs.uncommitted++;
    return code_of(kv->set(kv->ctx, key, value, length, &err));
}

esp_err_t nvs_set_str(nvs_handle_t handle, const char *key, const char *value) {
    return nvs_set_blob(handle, key, value, strlen(value) + 1);
}

/* Absent: ESP_ERR_NVS_NOT_FOUND. */
esp_err_t nvs_erase_key(nvs_handle_t handle, const char *key) {
    const struct ota_kv *kv = store_of(handle);
    struct ota_err err;
    uint8_t byte;
    size_t n;
    if (!kv)
        return ESP_ERR_NVS_INVALID_HANDLE;
    esp_err_t rc = taken(&double_nvs.set_fault);
    if (rc != ESP_OK)
        return rc;
    if (kv->get(kv->ctx, key, &byte, 1, &n, &err) == OTA_NOT_FOUND)
        return ESP_ERR_NVS_NOT_FOUND;
    double_nvs.uncommitted++;
    return code_of(kv->erase(kv->ctx, key, &err));
}

esp_err_t nvs_commit(nvs_handle_t handle) {
    if (!store_of(handle))
        return ESP_ERR_NVS_INVALID_HANDLE;
    double_nvs.commits++;
    double_nvs.uncommitted = 0;
    return ESP_OK;
}
