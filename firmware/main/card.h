/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SD cards: app_card_start() looks at each card that is put in, and installs the bundles that lie in its root folder.
 *
 *   card.c        when a card is looked at
 *   card_files.c  what is on it                  card_bad.c   what was wrong each time is not read for ever
 *   card_sdmmc.c, card_sdspi.c   one of them: how the card is connected
 */
#ifndef APP_CARD_H
#define APP_CARD_H

#include <stdbool.h>
#include <stdint.h>

#include "esp_err.h"
#include "ota/err.h"

#define APP_CARD_FOLDER "/sdcard"

/* One card at a time. Nothing is ever written to it, and it is not formatted. */
esp_err_t app_card_mount(void);
void app_card_unmount(void);

/* A number of all bundles in the folder, their names, sizes and times; 0: there is none. */
uint32_t app_card_number(const char *folder);
/* False: not now. Reboots when one is installed. */
bool app_card_try_all(const char *folder);

/* `file`: a number of its name, size and time. */
bool app_card_bad_is_enough(uint32_t file);
/* The file was read and refused for this. */
void app_card_bad_note(uint32_t file, enum ota_status why);

#endif
