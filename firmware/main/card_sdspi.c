/* SPDX-License-Identifier: Apache-2.0 */
/* A card on an SPI bus, which it has for itself: every chip. */
#include "driver/sdspi_host.h"
#include "driver/spi_master.h"
#include "esp_vfs_fat.h"
#include "sdkconfig.h"

#include "card.h"

static sdmmc_card_t *card;

#define TRANSFER_MAX 4096

/* Once: unmounting takes the card from the bus, not the bus from its pins. */
static esp_err_t open_bus(int host) {
    static bool open;
    const spi_bus_config_t bus = {
        .mosi_io_num = CONFIG_OTA_APP_CARD_MOSI,
        .miso_io_num = CONFIG_OTA_APP_CARD_MISO,
        .sclk_io_num = CONFIG_OTA_APP_CARD_CLK,
        .quadwp_io_num = -1,
        .quadhd_io_num = -1,
        .max_transfer_sz = TRANSFER_MAX,
    };
    const esp_err_t e = open ? ESP_OK : spi_bus_initialize((spi_host_device_t)host, &bus, SPI_DMA_CH_AUTO);
    open = e == ESP_OK;
    return e;
}

esp_err_t app_card_mount(void) {
    const esp_vfs_fat_mount_config_t mount = {.format_if_mount_failed = false, .max_files = 2};
    const sdmmc_host_t host = SDSPI_HOST_DEFAULT();
    sdspi_device_config_t slot = SDSPI_DEVICE_CONFIG_DEFAULT();
    slot.gpio_cs = (gpio_num_t)CONFIG_OTA_APP_CARD_CS;
    slot.host_id = (spi_host_device_t)host.slot;
    const esp_err_t e = open_bus(host.slot);
    return e == ESP_OK ? esp_vfs_fat_sdspi_mount(APP_CARD_FOLDER, &host, &slot, &mount, &card) : e;
}

void app_card_unmount(void) {
    (void)esp_vfs_fat_sdcard_unmount(APP_CARD_FOLDER, card);
}
