/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A board as the factory flashes it: the images of an idf.py build folder at their offsets, eFuses as the build's
 * boot configuration wants them.
 */
#ifndef OTA_SIM_FACTORY_H
#define OTA_SIM_FACTORY_H

#include "image/factory_images.h"
#include "image/identity.h"
#include "sim/board.h"

struct ota_factory_options {
    const char *flash_size;               /* "4MB"; NULL: what the build says */
    bool no_storage;                      /* data partitions stay empty */
    const char *image;                    /* a whole flash image instead of the build's files; NULL */
    const struct ota_boot_policy *policy; /* ota.conf's; NULL */
};

struct ota_factory {
    struct ota_efuse efuse; /* mac is the caller's */
    struct ota_factory_flash chip;
    char version[33]; /* of the app */
};
void ota_factory_free(struct ota_factory *f);

/* Reads and checks the folder and its images, whose bootloader's keys are burnt under Secure Boot V2. NOT_FOUND, JSON_*,
 * CONFIG, TABLE_*, IMAGE_*, SIGNATURE, SLOT_SIZE. Free it also after an error. */
OTA_MUST_USE enum ota_status ota_factory_open(struct ota_factory *f, const char *folder,
                                              const struct ota_factory_options *o, struct ota_err *err);
/* The identity that the flash holds. JOURNAL, CONFIG. */
OTA_MUST_USE enum ota_status ota_factory_identity(const struct ota_factory *f, struct ota_id_record *out,
                                                  struct ota_err *err);
/* Would ROM and bootloader start the app, and are the agent's partitions there. */
OTA_MUST_USE enum ota_status ota_factory_check(struct ota_factory *f, struct ota_err *err);
/* The file of the board: flash and eFuses, readable by its owner alone, for it holds the token. EXISTS. */
OTA_MUST_USE enum ota_status ota_factory_write(const struct ota_factory *f, const char *path, struct ota_err *err);
/* Is a file byte for byte what ota_factory_write() makes. */
bool ota_factory_is(const struct ota_factory *f, const char *path);

#endif
