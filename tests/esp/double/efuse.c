/* SPDX-License-Identifier: Apache-2.0 */
#include "double/chip.h"
#include "esp_efuse.h"
#include "esp_efuse_table.h"
#include "esp_rom_sys.h"
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

uint32_t esp_rom_get_bootloader_offset(void) {
    const struct ota_efuse *e = double_chip.efuse;
    return double_chip.boot.recovery ? e->recovery_offset : e->chip->bootloader_offset;
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

static const esp_efuse_desc_t boot_version = {0, 4}, boot_en = {4, 1};
const esp_efuse_desc_t *ESP_EFUSE_BOOTLOADER_ANTI_ROLLBACK_SECURE_VERSION[] = {&boot_version, NULL};
const esp_efuse_desc_t *ESP_EFUSE_BOOTLOADER_ANTI_ROLLBACK_EN[] = {&boot_en, NULL};

esp_err_t esp_efuse_read_field_cnt(const esp_efuse_desc_t *field[], size_t *out_cnt) {
    *out_cnt = 0;
    for (int i = field[0]->bit; i < field[0]->bit + field[0]->count; i++)
        *out_cnt += double_chip.boot_fuses >> i & 1u;
    return ESP_OK;
}

bool esp_efuse_read_field_bit(const esp_efuse_desc_t *field[]) {
    return (double_chip.boot_fuses >> field[0]->bit & 1u) != 0;
}
