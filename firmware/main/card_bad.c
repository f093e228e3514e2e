/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that are wrong by themselves, whatever this board runs: each reading writes an app's slot before it fails. A board
 * that wakes up every few minutes with such a card in it would wear its flash out. The last few are kept in the default
 * NVS partition; a file that is replaced is another one.
 */
#include <string.h>

#include "nvs.h"

#include "card.h"

#define SPACE "card"
#define KEY "bad"
#define FILES 8u
#define READINGS_MAX 3u /* a contact may have been bad */

struct bad {
    uint32_t file, readings;
};

/* Newest first. All zeros: nothing is known. */
static void load(struct bad list[FILES]) {
    nvs_handle_t h;
    size_t len = FILES * sizeof *list;
    memset(list, 0, len);
    if (nvs_open(SPACE, NVS_READONLY, &h) != ESP_OK)
        return;
    if (nvs_get_blob(h, KEY, list, &len) != ESP_OK || len != FILES * sizeof *list)
        memset(list, 0, FILES * sizeof *list);
    nvs_close(h);
}

static void save(const struct bad list[FILES]) {
    nvs_handle_t h;
    if (nvs_open(SPACE, NVS_READWRITE, &h) != ESP_OK)
        return;
    if (nvs_set_blob(h, KEY, list, FILES * sizeof *list) == ESP_OK)
        (void)nvs_commit(h);
    nvs_close(h);
}

static size_t find(const struct bad list[FILES], uint32_t file) {
    size_t i = 0;
    while (i < FILES && (list[i].file != file || list[i].readings == 0))
        i++;
    return i;
}

bool app_card_bad_is_enough(uint32_t file) {
    struct bad list[FILES];
    load(list);
    const size_t i = find(list, file);
    return i < FILES && list[i].readings >= READINGS_MAX;
}

/* What is refused for its metadata costs no flash, and may be right one day: not newer, expired, not now. */
static bool wrote_flash(enum ota_status why) {
    switch (why) {
    case OTA_IO:
    case OTA_TRUNCATED:
    case OTA_LENGTH:
    case OTA_HASH:
    case OTA_BUNDLE:
    case OTA_TABLE_FORMAT:
    case OTA_TABLE_MD5:
        return true;
    default:
        return why >= OTA_IMAGE_MAGIC && why <= OTA_IMAGE_KIND;
    }
}

void app_card_bad_note(uint32_t file, enum ota_status why) {
    struct bad list[FILES];
    if (!wrote_flash(why))
        return;
    load(list);
    size_t i = find(list, file);
    const struct bad it = {file, i < FILES ? list[i].readings + 1u : 1u};
    if (i == FILES)
        i = FILES - 1u;
    memmove(list + 1, list, i * sizeof *list);
    list[0] = it;
    save(list);
}
