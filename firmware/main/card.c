/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bundles on an SD card: every file in its root folder whose name ends in .otab (.OTA where FatFs knows short names alone)
 * is tried once per card and start, in the order of names. One that is installed reboots the board, which then looks
 * again: a release with a partition table wants its bundle a second time. The card stays mounted while a new app is on
 * trial, which proves itself by reading the file again; otherwise it may be pulled whenever the log is quiet.
 */
#include "card.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "driver/gpio.h"
#include "esp_log.h"
#include "esp_rom_crc.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "sdkconfig.h"

#include "app.h"

#define LOOK_S 60u /* where no switch says that a card is in */
#define RETRY_FIRST_S 60u
#define RETRY_LAST_S 3600u
#define FILES_MAX 16u
#define NAME_MAX_LEN 100u /* longer names are left alone */
#define PATH_CAP (sizeof APP_CARD_FOLDER + 1u + NAME_MAX_LEN + 1u)
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

/* ---- what is on it -------------------------------------------------------------------------------------- */

static bool is_bundle(const char *name) {
    const char *dot = strrchr(name, '.');
    return name[0] != '.' && strlen(name) <= NAME_MAX_LEN && dot &&
           (strcasecmp(dot, ".otab") == 0 || strcasecmp(dot, ".ota") == 0);
}

/* The first name behind `name`, in its place; "": none. */
static void next_name(char name[NAME_MAX_LEN + 1u]) {
    char found[NAME_MAX_LEN + 1u] = "";
    DIR *folder = opendir(APP_CARD_FOLDER);
    for (struct dirent *e; folder && (e = readdir(folder)) != NULL;)
        if (is_bundle(e->d_name) && strcmp(e->d_name, name) > 0 && (!found[0] || strcmp(e->d_name, found) < 0))
            (void)snprintf(found, sizeof found, "%s", e->d_name);
    if (folder)
        (void)closedir(folder);
    memcpy(name, found, sizeof found);
}

static void path_of(const char *name, char path[PATH_CAP]) {
    (void)snprintf(path, PATH_CAP, "%s/%s", APP_CARD_FOLDER, name);
}

/* 0: it cannot be read. */
static uint32_t number_of(const char *path) {
    struct stat st;
    if (stat(path, &st) != 0)
        return 0;
    const uint32_t facts[] = {(uint32_t)st.st_size, (uint32_t)st.st_mtime};
    uint32_t n = esp_rom_crc32_le(0, (const uint8_t *)path, strlen(path));
    n = esp_rom_crc32_le(n, (const uint8_t *)facts, sizeof facts);
    return n ? n : 1;
}

/* Of all of them; 0: none. */
static uint32_t number_of_all(void) {
    char name[NAME_MAX_LEN + 1u] = "", path[PATH_CAP];
    uint32_t n = 0;
    unsigned files = 0;
    for (next_name(name); name[0] && files < FILES_MAX; next_name(name), files++) {
        path_of(name, path);
        const uint32_t one = number_of(path);
        n = esp_rom_crc32_le(n, (const uint8_t *)&one, sizeof one);
    }
    if (name[0])
        ESP_LOGW(TAG, "%s and what follows is not looked at: %u bundles on a card are enough", name, FILES_MAX);
    return n;
}

/* ---- installing ------------------------------------------------------------------------------------------ */

/* False: not now. */
static bool try_file(const char *path) {
    struct ota_err err;
    const uint32_t file = number_of(path);
    if (app_card_bad_is_enough(file)) {
        ESP_LOGW(TAG, "%s: was wrong each time it was read: replace it", path);
        return true;
    }
    const enum ota_status status = ota_esp_install_file(path, &err); /* reboots when it is installed */
    if (status == OTA_OK) {
        ESP_LOGI(TAG, "%s: all of it is there already", path);
    } else if (status == OTA_BUSY) {
        ESP_LOGI(TAG, "%s: not yet: %s", path, err.msg);
    } else {
        ESP_LOGW(TAG, "%s: not installed: %s", path, err.msg);
        app_card_bad_note(file, status);
    }
    return status != OTA_BUSY;
}

static bool try_all(void) {
    char name[NAME_MAX_LEN + 1u] = "", path[PATH_CAP];
    unsigned files = 0;
    for (next_name(name); name[0] && files < FILES_MAX; next_name(name), files++) {
        path_of(name, path);
        if (!try_file(path))
            return false;
    }
    return true;
}

/* ---- looking --------------------------------------------------------------------------------------------- */

/* While no card is in, the drivers would complain with each look. */
static esp_err_t mount_quietly(sdmmc_card_t **card) {
    static const char *const tags[] = {"vfs_fat_sdmmc", "sdmmc_common", "sdmmc_sd",
                                       "sdmmc_cmd",     "sdmmc_req",    "sdspi_transaction"};
    esp_log_level_t before[sizeof tags / sizeof *tags];
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        before[i] = esp_log_level_get(tags[i]);
        esp_log_level_set(tags[i], ESP_LOG_NONE);
    }
    const esp_err_t e = app_card_mount(card);
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        esp_log_level_set(tags[i], before[i]);
    return e;
}

/* No card answers with ESP_ERR_TIMEOUT; ESP_FAIL is one without a FAT on it. Each is said once. */
static esp_err_t mount(sdmmc_card_t **card) {
    static esp_err_t said = ESP_ERR_TIMEOUT;
    const esp_err_t e = mount_quietly(card);
    if (e != ESP_OK && e != said && (HAS_SWITCH || e != ESP_ERR_TIMEOUT))
        ESP_LOGW(TAG, "no bundle can be read: %s",
                 e == ESP_FAIL ? "the card has no FAT file system" : esp_err_to_name(e));
    said = e;
    return e;
}

/* False: look again, something could not be done now. *known: what lies on the card that was dealt with. */
static bool look(uint32_t *known) {
    sdmmc_card_t *card;
    bool done = true;
    if (mount(&card) != ESP_OK) {
        *known = 0;
        return true;
    }
    while (ota_esp_undecided() && may_be_in())
        vTaskDelay(pdMS_TO_TICKS(1000));
    const uint32_t all = number_of_all();
    if (all != *known) {
        done = try_all();
        *known = done ? all : 0;
    }
    app_card_unmount(card);
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
