/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_TESTS_NVS_FLASH_H
#define OTA_TESTS_NVS_FLASH_H

#include "nvs.h"

typedef struct {
    uint8_t eky[32], tky[32];
} nvs_sec_cfg_t;
typedef struct {
    int scheme_id;
    void *scheme_data;
    esp_err_t (*nvs_flash_key_gen)(const void *scheme_data, nvs_sec_cfg_t *cfg);
    esp_err_t (*nvs_flash_read_cfg)(const void *scheme_data, nvs_sec_cfg_t *cfg);
} nvs_sec_scheme_t;

esp_err_t nvs_flash_init_partition(const char *partition_label);
esp_err_t nvs_flash_secure_init_partition(const char *partition_label, nvs_sec_cfg_t *cfg);
esp_err_t nvs_flash_deinit_partition(const char *partition_label);
esp_err_t nvs_flash_erase_partition(const char *part_name);
nvs_sec_scheme_t *nvs_flash_get_default_security_scheme(void);
esp_err_t nvs_flash_read_security_cfg_v2(nvs_sec_scheme_t *scheme_cfg, nvs_sec_cfg_t *cfg);
esp_err_t nvs_flash_generate_keys_v2(nvs_sec_scheme_t *scheme_cfg, nvs_sec_cfg_t *cfg);

#endif
