/* SPDX-License-Identifier: Apache-2.0 */
#include "double/chip.h"
#include "esp_efuse.h"
#include "hal/efuse_hal.h"

unsigned double_state_offset;

unsigned short double_chip_id(void) {
    return double_chip.id ? double_chip.id : double_chip.efuse->chip->id;
}

uint32_t efuse_hal_chip_revision(void) {
    return double_chip.efuse->revision;
}

bool efuse_hal_flash_encryption_enabled(void) {
    return double_chip_is_encrypted();
}

#if CONFIG_SOC_RECOVERY_BOOTLOADER_SUPPORTED
uint32_t efuse_hal_get_recovery_bootloader_address(void) {
    return double_chip.efuse->recovery_offset;
}

bool efuse_hal_recovery_bootloader_enabled(void) {
    return double_chip.efuse->recovery;
}
#endif

bool esp_efuse_is_flash_encryption_enabled(void) {
    return double_chip_is_encrypted();
}

uint32_t esp_efuse_read_secure_version(void) {
    return double_chip.efuse->secure_version;
}

bool esp_efuse_check_secure_version(uint32_t secure_version) {
    return secure_version >= double_chip.efuse->secure_version;
}
