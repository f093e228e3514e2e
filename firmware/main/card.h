/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SD cards: app_card_start() looks at each card that is put in, and installs the bundles that lie in its root folder.
 *
 *   card.c       when a card is looked at, what is on it
 *   card_bad.c   files that are wrong by themselves are not read for ever
 *   card_sdmmc.c, card_sdspi.c   one of them: how the card is connected
 */
#ifndef APP_CARD_H
#define APP_CARD_H

#include <stdbool.h>
#include <stdint.h>

#include "esp_err.h"
#include "sdmmc_cmd.h"

#include "ota/err.h"

#define APP_CARD_FOLDER "/sdcard"

/* Nothing is ever written to the card, which is not formatted either. */
esp_err_t app_card_mount(sdmmc_card_t **card);
void app_card_unmount(sdmmc_card_t *card);

/* `file`: a number of its name, size and time. */
bool app_card_bad_is_enough(uint32_t file);
/* The file was read and refused for this. */
void app_card_bad_note(uint32_t file, enum ota_status why);

#endif
