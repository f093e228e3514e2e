/* SPDX-License-Identifier: Apache-2.0 */
/* The real eFuses, also where the others are virtual. */
#ifndef OTA_TESTS_EFUSE_HAL_H
#define OTA_TESTS_EFUSE_HAL_H

#include <stdbool.h>
#include <stdint.h>

#include "sdkconfig.h"

uint32_t efuse_hal_chip_revision(void);
bool efuse_hal_flash_encryption_enabled(void);
#if CONFIG_SOC_RECOVERY_BOOTLOADER_SUPPORTED
uint32_t efuse_hal_get_recovery_bootloader_address(void);
bool efuse_hal_recovery_bootloader_enabled(void);
#endif

#endif
