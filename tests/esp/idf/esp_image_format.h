/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_TESTS_ESP_IMAGE_FORMAT_H
#define OTA_TESTS_ESP_IMAGE_FORMAT_H

#include "esp_err.h"
#include "esp_flash_partitions.h"

#define ESP_ERR_IMAGE_FLASH_FAIL 0x2001
#define ESP_ERR_IMAGE_INVALID 0x2002

typedef enum { ESP_IMAGE_VERIFY, ESP_IMAGE_VERIFY_SILENT } esp_image_load_mode_t;
typedef struct {
    uint32_t start_addr;
    uint32_t image_len;
} esp_image_metadata_t;

esp_err_t esp_image_verify(esp_image_load_mode_t mode, const esp_partition_pos_t *part, esp_image_metadata_t *data);
void esp_image_bootloader_offset_set(const uint32_t offset);

#endif
