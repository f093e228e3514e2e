/* SPDX-License-Identifier: Apache-2.0 */
/* What Kconfig would have written, for the two builds of tests/esp: plain, and secure (OTA_ESP_SECURE). */
#ifndef OTA_TESTS_SDKCONFIG_H
#define OTA_TESTS_SDKCONFIG_H

#define CONFIG_IDF_TARGET "esp32c3"
#define CONFIG_IDF_TARGET_ESP32C3 1
#define CONFIG_IDF_FIRMWARE_CHIP_ID double_chip_id() /* a board of any chip: double/efuse.c */
unsigned short double_chip_id(void);
#define CONFIG_BOOTLOADER_OFFSET_IN_FLASH 0x0
#define CONFIG_PARTITION_TABLE_OFFSET 0x8000
#define CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE 1
#ifdef OTA_ESP_SECURE
#define CONFIG_BOOTLOADER_APP_ANTI_ROLLBACK 1
#define CONFIG_SECURE_BOOT 1
#define CONFIG_SECURE_BOOT_V2_ENABLED 1
#define CONFIG_SECURE_SIGNED_ON_UPDATE 1
#define CONFIG_SECURE_FLASH_ENC_ENABLED 1
#define CONFIG_NVS_ENCRYPTION 1
#define CONFIG_SOC_RECOVERY_BOOTLOADER_SUPPORTED 1
#endif

#endif
