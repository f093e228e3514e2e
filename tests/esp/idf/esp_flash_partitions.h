/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_TESTS_ESP_FLASH_PARTITIONS_H
#define OTA_TESTS_ESP_FLASH_PARTITIONS_H

#include <stdint.h>

#include "sdkconfig.h"

#define ESP_PRIMARY_BOOTLOADER_OFFSET CONFIG_BOOTLOADER_OFFSET_IN_FLASH
#define ESP_PRIMARY_PARTITION_TABLE_OFFSET CONFIG_PARTITION_TABLE_OFFSET

typedef struct {
    uint32_t offset;
    uint32_t size;
} esp_partition_pos_t;

#endif
