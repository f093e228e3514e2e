/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_TESTS_ESP_ROM_SYS_H
#define OTA_TESTS_ESP_ROM_SYS_H

#include <stdint.h>

#include "sdkconfig.h"

#if CONFIG_SOC_RECOVERY_BOOTLOADER_SUPPORTED
uint32_t esp_rom_get_bootloader_offset(void); /* of the one that the ROM started */
#endif

#endif
