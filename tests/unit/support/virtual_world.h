/* SPDX-License-Identifier: Apache-2.0 */
/* A flash chip and a virtual board in a folder of their own, for the tests of src/sim. */
#ifndef OTA_TESTS_VIRTUAL_WORLD_H
#define OTA_TESTS_VIRTUAL_WORLD_H

#include "sim/board.h"
#include "sim/rom.h"
#include "support/boot_signer.h"

#define VIRTUAL_FLASH_SIZE 0x200000u
#define VIRTUAL_SLOT_SIZE 0x40000u
#define VIRTUAL_FACTORY 0x20000u /* where the rows of virtual_rows() begin */
#define VIRTUAL_OTA_0 0x60000u
#define VIRTUAL_OTA_1 0xA0000u
#define VIRTUAL_OTA_2 0xE0000u
#define VIRTUAL_TEST 0x120000u
#define VIRTUAL_OTADATA 0xD000u

/* Rows of the table, one bit each; otadata is there unless left out. */
enum {
    HAS_FACTORY = 1,
    HAS_OTA_0 = 2,
    HAS_OTA_1 = 4,
    HAS_OTA_2 = 8,
    HAS_TEST = 16,
    NO_OTADATA = 32,
    SMALL_OTADATA = 64
};

struct virtual_world {
    char dir[64], path[96];
    struct ota_virtual_board board;
    struct ota_rom_boot boot; /* of the last virtual_boot() */
    char log[4096];
};

/* A chip of VIRTUAL_FLASH_SIZE erased bytes and `extra` bytes FF behind it, closed. */
void virtual_chip(struct virtual_world *w, uint32_t extra);
/* An ESP32-C3 with rollback, a bootloader and a table of these rows; open for writing. Its apps are missing yet. */
void virtual_make(struct virtual_world *w, const char *chip, unsigned rows);
void virtual_free(struct virtual_world *w);

/* An app at `offset`; version NULL: what is there is erased. */
void virtual_app(struct virtual_world *w, uint32_t offset, const char *version, uint32_t secure_version);
void virtual_bootloader(struct virtual_world *w, uint32_t offset);
/* Changes byte `at` of the image that lies at `offset`, which stays sound: checksum and SHA-256 follow. */
void virtual_bend(struct virtual_world *w, uint32_t offset, uint32_t at, uint8_t value);
/* Signs the image that lies at `offset` for Secure Boot v2. */
void virtual_sign(struct virtual_world *w, uint32_t offset, struct boot_signer *by);
/* Entry 0 or 1 of otadata. */
void virtual_entry(struct virtual_world *w, unsigned index, uint32_t seq, enum ota_slot_state state);
void virtual_bad_crc(struct virtual_world *w, unsigned index);
struct ota_otadata_entry virtual_read_entry(struct virtual_world *w, unsigned index);
/* Clears a bit at `offset`, as a fault would. */
void virtual_damage(struct virtual_world *w, uint32_t offset);
/* From reset to the app; its log in w->log. */
enum ota_status virtual_boot(struct virtual_world *w, struct ota_err *err);
/* The same, which must succeed with the app of this version. */
void virtual_boots(struct virtual_world *w, const char *label, const char *version);

#endif
