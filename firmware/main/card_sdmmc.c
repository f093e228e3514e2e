/* SPDX-License-Identifier: Apache-2.0 */
/* A card on the SDMMC peripheral (ESP32, S3, P4). */
#include "driver/sdmmc_host.h"
#include "esp_vfs_fat.h"
#include "sdkconfig.h"
#include "soc/soc_caps.h"

#include "card.h"

static sdmmc_card_t *card;

#if SOC_SDMMC_USE_GPIO_MATRIX
static void set_pins(sdmmc_slot_config_t *slot) {
    slot->clk = (gpio_num_t)CONFIG_OTA_APP_CARD_CLK;
    slot->cmd = (gpio_num_t)CONFIG_OTA_APP_CARD_CMD;
    slot->d0 = (gpio_num_t)CONFIG_OTA_APP_CARD_D0;
    slot->d1 = (gpio_num_t)CONFIG_OTA_APP_CARD_D1;
    slot->d2 = (gpio_num_t)CONFIG_OTA_APP_CARD_D2;
    slot->d3 = (gpio_num_t)CONFIG_OTA_APP_CARD_D3;
}
#else
/* Slot 1 of the ESP32 has its own: CLK 14, CMD 15, D0 2, D1 4, D2 12, D3 13. */
static void set_pins(sdmmc_slot_config_t *slot) {
    (void)slot;
}
#endif

#if SOC_SDMMC_IO_POWER_EXTERNAL
#include "sd_pwr_ctrl_by_on_chip_ldo.h"
/* Made once, as the slot is powered by it for good. */
static esp_err_t power(sdmmc_host_t *host) {
    static sd_pwr_ctrl_handle_t handle;
    const sd_pwr_ctrl_ldo_config_t config = {.ldo_chan_id = CONFIG_OTA_APP_CARD_LDO};
    if (config.ldo_chan_id < 0)
        return ESP_OK;
    const esp_err_t e = handle ? ESP_OK : sd_pwr_ctrl_new_on_chip_ldo(&config, &handle);
    host->pwr_ctrl_handle = handle;
    return e;
}
#else
static esp_err_t power(sdmmc_host_t *host) {
    (void)host;
    return ESP_OK;
}
#endif

esp_err_t app_card_mount(void) {
    const esp_vfs_fat_mount_config_t mount = {.format_if_mount_failed = false, .max_files = 2};
    sdmmc_host_t host = SDMMC_HOST_DEFAULT();
    sdmmc_slot_config_t slot = SDMMC_SLOT_CONFIG_DEFAULT();
    slot.width = CONFIG_OTA_APP_CARD_WIDTH;
    slot.flags |= SDMMC_SLOT_FLAG_INTERNAL_PULLUP; /* weak ones: the board should have its own */
    set_pins(&slot);
    const esp_err_t e = power(&host);
    return e == ESP_OK ? esp_vfs_fat_sdmmc_mount(APP_CARD_FOLDER, &host, &slot, &mount, &card) : e;
}

void app_card_unmount(void) {
    (void)esp_vfs_fat_sdcard_unmount(APP_CARD_FOLDER, card);
}
