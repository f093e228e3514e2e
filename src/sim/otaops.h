/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The app's side of slot selection: what esp_ota_ops does on the chip, with its traps where the agent must live with
 * them. Source: ESP-IDF app_update/esp_ota_ops.c (6.0: an entry that names the slot already is rewritten in its own
 * sector).
 *
 *   activate    verifies the image; under anti-rollback a slot with a lower secure version is erased; the state is NEW under rollback, else UNDEFINED
 *   confirm     esp_ota_mark_app_valid acts on the active entry, whatever runs: refused here unless that entry is the running slot's
 *   invalidate  needs another bootable app; the active entry becomes INVALID
 *
 * Entries are rewritten in place: a power cut between erase and write loses that entry, and the other slot or factory
 * boots.
 */
#ifndef OTA_SIM_OTAOPS_H
#define OTA_SIM_OTAOPS_H

#include "sim/board.h"

struct ota_otaops {
    struct ota_virtual_board *board;
    const struct ota_crypto *crypto;
    const struct ota_table *table;
    const struct ota_partition *running; /* a row of `table` */
    struct ota_boot_port port;
};
/* All borrowed. */
void ota_otaops_init(struct ota_otaops *o, struct ota_virtual_board *board, const struct ota_crypto *crypto,
                     const struct ota_table *table, const struct ota_partition *running);

#endif
