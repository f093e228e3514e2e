/* SPDX-License-Identifier: Apache-2.0 */
/* What the board is: the chip's eFuses, and how bootloader and app were built. */
#include <string.h>

#include "build_time.h"
#include "esp_app_desc.h"
#include "esp_efuse.h"
#include "esp_idf_version.h"
#include "esp_rom_sys.h"
#include "esp_secure_boot.h"
#include "hal/efuse_hal.h"
#include "ota_esp_ports.h"
#include "sdkconfig.h"

#if CONFIG_SOC_BOOTLOADER_ANTI_ROLLBACK_SUPPORTED
#include "esp_efuse_table.h"
#endif
#if ESP_IDF_VERSION < ESP_IDF_VERSION_VAL(6, 0, 0)
#include "esp_flash_encrypt.h"
#define FLASH_IS_ENCRYPTED esp_flash_encryption_enabled
#else
#define FLASH_IS_ENCRYPTED esp_efuse_is_flash_encryption_enabled
#endif

#ifdef CONFIG_SECURE_BOOT_V1_ENABLED
#define SECURE_BOOT_SCHEME 1
#else
#define SECURE_BOOT_SCHEME 2
#endif

/* A build with virtual eFuses answers for those. */
static struct ota_boot_config boot_config(void) {
    return (struct ota_boot_config) {
        .flash_encryption = FLASH_IS_ENCRYPTED(), .secure_boot = esp_secure_boot_enabled() ? SECURE_BOOT_SCHEME : 0,
        .table_offset = CONFIG_PARTITION_TABLE_OFFSET,
#if defined(CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE) || defined(CONFIG_BOOTLOADER_APP_ROLLBACK_CONFIRM_BY_APP)
        .rollback = true,
#endif
#ifdef CONFIG_BOOTLOADER_APP_ANTI_ROLLBACK
        .anti_rollback = true,
#endif
    };
}

/* The eFuse is burnt by provisioning or never. A P4 before v3.0 has other things in those bits, and no such ROM. */
static void find_recovery(struct ota_board *b) {
#if CONFIG_SOC_RECOVERY_BOOTLOADER_SUPPORTED
    const uint32_t offset = efuse_hal_get_recovery_bootloader_address();
    if (!b->chip->recovery || b->revision < b->chip->recovery_rev_min || !efuse_hal_recovery_bootloader_enabled())
        return;
    if (offset < b->table_offset + OTA_SECTOR || offset >= ota_esp_flash.size) {
        ota_log(&ota_esp_log, OTA_LOG_WARNING, "the eFuse's recovery bootloader at 0x%x cannot be one: ignored",
                (unsigned)offset);
        return;
    }
    b->recovery = true;
    b->recovery_offset = offset;
    b->on_recovery = esp_rom_get_bootloader_offset() == offset;
#else
    (void)b;
#endif
}

/* What the ROM compares bootloaders with: a bit for each version, and one that says whether it looks. */
static uint8_t boot_secure_version(void) {
#if CONFIG_SOC_BOOTLOADER_ANTI_ROLLBACK_SUPPORTED
#if CONFIG_IDF_TARGET_ESP32C5
    const esp_efuse_desc_t **const part[] = {ESP_EFUSE_BOOTLOADER_ANTI_ROLLBACK_SECURE_VERSION_LO,
                                             ESP_EFUSE_BOOTLOADER_ANTI_ROLLBACK_SECURE_VERSION_HI};
#else
    const esp_efuse_desc_t **const part[] = {ESP_EFUSE_BOOTLOADER_ANTI_ROLLBACK_SECURE_VERSION};
#endif
    size_t version = 0;
    if (!esp_efuse_read_field_bit(ESP_EFUSE_BOOTLOADER_ANTI_ROLLBACK_EN))
        return 0;
    for (size_t i = 0; i < OTA_ARRAY_LEN(part); i++) {
        size_t bits = 0;
        if (esp_efuse_read_field_cnt(part[i], &bits) == ESP_OK)
            version += bits;
    }
    return (uint8_t)version;
#else
    return 0;
#endif
}

static void append(char *out, size_t cap, const char *field, size_t field_len) {
    size_t n = strlen(out);
    for (size_t i = 0; i < field_len && field[i] && n + 1 < cap; i++)
        out[n++] = field[i] > ' ' && field[i] < 0x7f && field[i] != '/' ? field[i] : '-';
    out[n] = '\0';
}

/* "thermo/1.4.2", also as User-Agent. */
static const char *agent_name(void) {
    static char name[sizeof((esp_app_desc_t *)0)->project_name + sizeof((esp_app_desc_t *)0)->version + 2];
    const esp_app_desc_t *d = esp_app_get_description();
    name[0] = '\0';
    append(name, sizeof name, d->project_name[0] ? d->project_name : "esp-idf", sizeof d->project_name);
    (void)strcat(name, "/");
    append(name, sizeof name, d->version[0] ? d->version : "0", sizeof d->version);
    return name;
}

enum ota_status ota_esp_board(struct ota_board *out, struct ota_err *err) {
    const struct ota_chip *chip = ota_chip_by_id(CONFIG_IDF_FIRMWARE_CHIP_ID);
    if (!chip)
        return ota_err_set(err, OTA_UNSUPPORTED, "chip id 0x%04x (%s) is unknown to this agent",
                           (unsigned)CONFIG_IDF_FIRMWARE_CHIP_ID, CONFIG_IDF_TARGET);
    *out = (struct ota_board){
        .chip = chip,
        .revision = (uint16_t)efuse_hal_chip_revision(),
        .table_offset = CONFIG_PARTITION_TABLE_OFFSET,
        .boot = boot_config(),
        .boot_secure_version = boot_secure_version(),
        .build_time = ota_esp_build_time(),
        .agent = agent_name(),
    };
#ifdef CONFIG_BOOTLOADER_APP_ANTI_ROLLBACK
    out->secure_version = esp_efuse_read_secure_version();
#endif
    find_recovery(out);
    return OTA_OK;
}
