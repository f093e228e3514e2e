/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is on a card: every file in its root folder whose name ends in .otab (.OTA where FatFs knows short names alone) is
 * tried once per card and start, in the order of names. One that is installed reboots the board, which then looks again:
 * a release with a partition table wants its bundle a second time.
 */
#include "card.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "esp_log.h"
#include "ota/bytes.h"
#include "ota_esp.h"

#define FILES_MAX 16u
#define NAME_MAX_LEN 100u /* longer names are left alone */
#define PATH_CAP 128u     /* ota_esp_install_file() takes no longer ones */

static const char TAG[] = "card";

/* ---- what is on it -------------------------------------------------------------------------------------- */

/* From one bundle to the next, by name. */
struct walk {
    const char *folder;
    char name[NAME_MAX_LEN + 1u], path[PATH_CAP];
    unsigned files;
};

static bool is_bundle(const char *name) {
    const char *dot = strrchr(name, '.');
    return name[0] != '.' && strlen(name) <= NAME_MAX_LEN && dot &&
           (strcasecmp(dot, ".otab") == 0 || strcasecmp(dot, ".ota") == 0);
}

/* The first name behind the last one: folders come in no order, and memory for all of them there is not. False: none, or
 * enough. */
static bool next(struct walk *w) {
    char found[NAME_MAX_LEN + 1u] = "";
    DIR *dir = opendir(w->folder);
    for (struct dirent *e; dir && (e = readdir(dir)) != NULL;)
        if (is_bundle(e->d_name) && strcmp(e->d_name, w->name) > 0 && (!found[0] || strcmp(e->d_name, found) < 0))
            memcpy(found, e->d_name, strlen(e->d_name) + 1u);
    if (dir)
        (void)closedir(dir);
    if (!found[0])
        return false;
    if (w->files++ == FILES_MAX) {
        ESP_LOGW(TAG, "%s and what follows is not looked at: %u bundles on a card are enough", found, FILES_MAX);
        return false;
    }
    memcpy(w->name, found, sizeof found);
    (void)snprintf(w->path, sizeof w->path, "%s/%s", w->folder, found);
    return true;
}

/* 0: it cannot be read. */
static uint32_t number_of(const char *path) {
    struct stat st;
    if (stat(path, &st) != 0)
        return 0;
    const uint32_t facts[] = {(uint32_t)st.st_size, (uint32_t)st.st_mtime};
    const uint32_t n = ota_crc32(ota_crc32(0, path, strlen(path)), facts, sizeof facts);
    return n ? n : 1;
}

uint32_t app_card_number(const char *folder) {
    struct walk w = {.folder = folder};
    uint32_t n = 0;
    while (next(&w)) {
        const uint32_t one = number_of(w.path);
        n = ota_crc32(n, &one, sizeof one);
    }
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

bool app_card_try_all(const char *folder) {
    struct walk w = {.folder = folder};
    while (next(&w))
        if (!try_file(w.path))
            return false;
    return true;
}
