/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chip under the doubles of ESP-IDF's calls: cells with a NOR flash's rules, eFuses, and what the running app keeps in its
 * memory. Reset goes through the simulator's ROM and bootloader.
 *
 * Flash encryption is a sum with bytes that depend on the address, 16 at a time: erased cells read as noise, plain bytes too.
 */
#ifndef OTA_TESTS_DOUBLE_CHIP_H
#define OTA_TESTS_DOUBLE_CHIP_H

#include "esp_flash.h"
#include "esp_partition.h"
#include "sim/board.h"
#include "sim/rom.h"

#define DOUBLE_PARTITIONS_MAX 100u

struct double_partition {
    esp_partition_t info;
    bool user_registered;
};

struct double_chip {
    const struct ota_flash *cells; /* what lies in them, encrypted or not */
    struct ota_efuse *efuse;
    struct ota_flash plain;   /* the whole chip as ROM and cache see it: decrypted when encryption is on */
    struct ota_rom_boot boot; /* of the last reset */
    uint16_t id;              /* of a build for another chip; 0: the board's */
    uint32_t boot_fuses;      /* of the bootloader's anti-rollback: bits 0..3 the version, 4 whether the ROM looks */
    bool idf_5_5;             /* esp_ota_set_boot_partition() of before 6.0 */

    /* The app's memory. */
    bool loaded; /* partitions */
    struct double_partition partition[DOUBLE_PARTITIONS_MAX];
    size_t count;
    uint32_t running; /* where the app runs from */
    uint32_t bootloader_offset;
    bool protected; /* dangerous writes would abort */

    bool find_fails; /* the next esp_partition_find() has no memory for an iterator */

    /* What was seen. */
    unsigned unprotected_calls; /* times the protection was switched off */
    unsigned iterators;         /* not released yet */
    unsigned boot_calls;        /* esp_ota_* that write otadata */

    /* Faults. */
    esp_err_t read_fault, write_fault, erase_fault; /* of the next calls, ESP_OK: none */
    unsigned fail_after;                            /* calls that succeed before */
};
extern struct double_chip double_chip;

/* Both borrowed. Nothing of the app's memory is left, power is on. */
void double_chip_put(const struct ota_flash *cells, struct ota_efuse *efuse);
/* Forgets what the app had in its memory. */
void double_chip_reset(void);
/* Reset, ROM, bootloader, app. NO_BOOT. */
OTA_MUST_USE enum ota_status double_chip_boot(const struct ota_log *log, struct ota_err *err);
/* As a programmer with a key does: the sectors are erased first. */
void double_chip_program(uint32_t offset, struct ota_span bytes, bool encrypted);
const esp_partition_t *double_chip_row(const char *label);
bool double_chip_is_encrypted(void);

/* Error of the next call of its kind, if there is one. */
esp_err_t double_chip_fault(esp_err_t *fault);

#endif
