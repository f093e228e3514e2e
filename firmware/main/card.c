/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a card is looked at: at start and when one is put in. It stays mounted while a new app is on trial, which proves
 * itself by reading its bundle again; otherwise it may be pulled whenever the log is quiet.
 */
#include "card.h"

#include "driver/gpio.h"
#include "esp_log.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "sdkconfig.h"

#include "app.h"

#define LOOK_S 60u /* where no switch says that a card is in */
#define RETRY_FIRST_S 60u
#define RETRY_LAST_S 3600u
#define STACK_SIZE 8192u /* a bundle is judged on it, and FatFs reads */

static const char TAG[] = "card";

/* ---- is one in ------------------------------------------------------------------------------------------ */

#if CONFIG_OTA_APP_CARD_DETECT_GPIO >= 0
#define HAS_SWITCH true
static void prepare_switch(void) {
    const gpio_config_t config = {
        .pin_bit_mask = 1ull << CONFIG_OTA_APP_CARD_DETECT_GPIO,
        .mode = GPIO_MODE_INPUT,
        .pull_up_en = GPIO_PULLUP_ENABLE,
    };
    ESP_ERROR_CHECK_WITHOUT_ABORT(gpio_config(&config));
}
static bool may_be_in(void) {
    return gpio_get_level((gpio_num_t)CONFIG_OTA_APP_CARD_DETECT_GPIO) == 0;
}
#else
#define HAS_SWITCH false
static void prepare_switch(void) {
}
static bool may_be_in(void) {
    return true;
}
#endif

/* Seconds, or until the switch says that the card is out. */
static void wait_with_card(uint32_t seconds) {
    for (uint32_t i = 0; i < seconds && may_be_in(); i++)
        vTaskDelay(pdMS_TO_TICKS(1000));
}

/* ---- looking --------------------------------------------------------------------------------------------- */

/* While no card is in, the drivers would complain with each look. */
static esp_err_t mount_quietly(void) {
    static const char *const tags[] = {"vfs_fat_sdmmc", "sdmmc_common", "sdmmc_sd",
                                       "sdmmc_cmd",     "sdmmc_req",    "sdspi_transaction"};
    esp_log_level_t before[sizeof tags / sizeof *tags];
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        before[i] = esp_log_level_get(tags[i]);
        esp_log_level_set(tags[i], ESP_LOG_NONE);
    }
    const esp_err_t e = app_card_mount();
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        esp_log_level_set(tags[i], before[i]);
    return e;
}

/* What a bus without a card answers: nothing, or noise. */
static bool is_none(esp_err_t e) {
    return e == ESP_ERR_TIMEOUT || e == ESP_ERR_INVALID_RESPONSE || e == ESP_ERR_INVALID_CRC;
}

/* Each reason is said once. */
static esp_err_t mount(void) {
    static esp_err_t said = ESP_OK;
    const esp_err_t e = mount_quietly();
    if (e != ESP_OK && e != said && (HAS_SWITCH || !is_none(e)))
        ESP_LOGW(TAG, "no bundle can be read: %s",
                 e == ESP_FAIL ? "the card has no FAT file system" : esp_err_to_name(e));
    said = e;
    return e;
}

/* False: look again, something could not be done now. *known: what lies on the card that was dealt with. */
static bool look(uint32_t *known) {
    bool done = true;
    if (mount() != ESP_OK) {
        *known = 0;
        return !HAS_SWITCH; /* its contacts may not have settled */
    }
    while (ota_esp_undecided() && may_be_in())
        vTaskDelay(pdMS_TO_TICKS(1000));
    const uint32_t all = app_card_number(APP_CARD_FOLDER);
    if (all != *known) {
        done = app_card_try_all(APP_CARD_FOLDER);
        *known = done ? all : 0;
    }
    app_card_unmount();
    return done;
}

static void watch(void *ctx) {
    uint32_t known = 0, retry_s = RETRY_FIRST_S;
    (void)ctx;
    for (;;) {
        if (!may_be_in()) {
            known = 0;
            vTaskDelay(pdMS_TO_TICKS(1000));
        } else if (look(&known)) {
            retry_s = RETRY_FIRST_S;
            wait_with_card(HAS_SWITCH ? UINT32_MAX : LOOK_S);
        } else {
            wait_with_card(retry_s);
            retry_s = retry_s < RETRY_LAST_S / 2u ? retry_s * 2u : RETRY_LAST_S;
        }
    }
}

void app_card_start(void) {
    prepare_switch();
    if (xTaskCreate(watch, "card", STACK_SIZE, NULL, tskIDLE_PRIORITY + 1, NULL) != pdPASS)
        ESP_LOGE(TAG, "no memory for its task: no bundles from cards");
}
