/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The board of fake_board.h under the simulator's ROM, bootloader and esp_ota_ops (sim/rom.h, sim/otaops.h) instead of the short ones of
 * fake_boot.c: those have what ESP-IDF does with holes, factory, secure versions and apps that do not verify.
 */
#ifndef OTA_TESTS_FAKE_CHIP_H
#define OTA_TESTS_FAKE_CHIP_H

#include "fake_world.h"
#include "sim/otaops.h"
#include "sim/rom.h"

struct fake_chip {
    struct ota_virtual_board sim; /* its flash is the fake board's; its file holds nothing but eFuses */
    struct ota_rom_boot boot;     /* of the last reset */
    struct ota_otaops ops;
};

/* From the world's next reset on. */
void fake_chip_put(struct fake_chip *c, struct world *w);
void fake_chip_free(struct fake_chip *c);
/* ROM and bootloader; then the board's boot port is this chip's. False: nothing boots. */
bool fake_chip_boot(struct fake_chip *c, struct fake_board *b);

/* The factory table, to be changed and flashed: also into w->one, so that it is what the board came with. */
struct ota_table fake_chip_table(const struct world *w);
void fake_chip_flash_table(struct world *w, const struct ota_table *t);
void fake_chip_row(struct ota_table *t, uint8_t type, uint8_t subtype, uint32_t offset, uint32_t size,
                   const char *label);

struct ota_otadata_entry fake_chip_entry(const struct world *w, unsigned index);
void fake_chip_set_entry(struct world *w, unsigned index, uint32_t seq, enum ota_slot_state state);
/* An app of this anti-rollback version. The caller frees it. */
struct ota_buf fake_chip_app(const char *version, uint32_t secure_version);

#endif
