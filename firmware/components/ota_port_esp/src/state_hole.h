/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ota_state on a board in the field whose table has no such row: CONFIG_OTA_STATE_OFFSET names a hole that it lives in.
 * The agent is shown a row there, so that it stages nothing in it and takes only a new table that has ota_state at this
 * very place; with that table installed nothing of this is in use any more, and the records are where they were.
 */
#ifndef OTA_ESP_STATE_HOLE_H
#define OTA_ESP_STATE_HOLE_H

#include "ota/table.h"

/* After ota_esp_flash_open(). False: the table has the row, no place was configured, or it is not free (which is logged): a
 * partition or the ROM's recovery bootloader lies there. */
bool ota_esp_state_hole_register(void);
/* Adds the row, if there is a registered place. */
void ota_esp_state_hole_show(struct ota_table *t);

#endif
