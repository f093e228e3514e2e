/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From reset to the app: what the chip's ROM and ESP-IDF's second-stage bootloader do, traps included.
 * Source: ESP-IDF bootloader_support/src/bootloader_utility.c, bootloader_common_loader.c, flash_partitions.c.
 *
 *   ROM          bootloader at the chip's offset, by its checksum alone (Secure Boot v2: SHA-256 and signature too); else the recovery bootloader, where chip and eFuse have one
 *   bootloader   partition table (MD5, end, flash size of the bootloader's header) -> otadata -> slot -> whole image check -> app
 *
 * With rollback every pass turns PENDING_VERIFY into ABORTED, and NEW into PENDING_VERIFY before the image is looked
 * at.
 */
#ifndef OTA_SIM_ROM_H
#define OTA_SIM_ROM_H

#include "ota/agent.h"
#include "sim/secure_boot.h"

struct ota_rom {
    const struct ota_flash *flash;
    const struct ota_board *board;
    const struct ota_crypto *crypto;
    const struct ota_log *log;
    const struct ota_secure_boot_keys *keys; /* in eFuse; enforced under Secure Boot v2 */
};

struct ota_rom_boot {
    struct ota_table table;
    const struct ota_partition *app; /* a row of `table` */
    struct ota_image image;          /* of the app */
    bool recovery;                   /* the recovery bootloader did it */
    uint32_t flash_size;             /* as the header of that bootloader has it */
    uint32_t secure_version;         /* what the anti-rollback eFuse must be raised to */
};

/* NO_BOOT when nothing boots (a real board would reset for ever): the message says what was tried last. FLASH. */
OTA_MUST_USE enum ota_status ota_rom_start(const struct ota_rom *rom, struct ota_rom_boot *out, struct ota_err *err);

#endif
