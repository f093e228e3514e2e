/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_TESTS_ESP_OTA_OPS_H
#define OTA_TESTS_ESP_OTA_OPS_H

#include "esp_app_desc.h"
#include "esp_partition.h"

#define ESP_ERR_OTA_PARTITION_CONFLICT 0x1501
#define ESP_ERR_OTA_SELECT_INFO_INVALID 0x1502
#define ESP_ERR_OTA_VALIDATE_FAILED 0x1503
#define ESP_ERR_OTA_SMALL_SEC_VER 0x1504
#define ESP_ERR_OTA_ROLLBACK_FAILED 0x1505
#define ESP_ERR_OTA_ROLLBACK_INVALID_STATE 0x1506

const esp_partition_t *esp_ota_get_running_partition(void);
esp_err_t esp_ota_get_partition_description(const esp_partition_t *partition, esp_app_desc_t *app_desc);
esp_err_t esp_ota_set_boot_partition(const esp_partition_t *partition);
bool esp_ota_check_rollback_is_possible(void);
esp_err_t esp_ota_mark_app_valid_cancel_rollback(void);
esp_err_t esp_ota_mark_app_invalid_rollback(void);
uint8_t esp_ota_get_app_partition_count(void);

#endif
