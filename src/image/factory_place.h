/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the files of a build may go: the bootloader's place, the table's sector and every partition take one file at
 * their beginning; what no row has (before the bootloader, between and behind partitions) takes any that do not run
 * into something else. Flash is erased by sectors, so no two share one.
 *
 *   | free | bootloader ... | table | nvs | ... | ota_0 ... | free | ota_id | storage ... | free
 *   0      chip's offset    table_offset
 */
#ifndef OTA_IMAGE_FACTORY_PLACE_H
#define OTA_IMAGE_FACTORY_PLACE_H

#include "image/factory_build.h"

/* What was placed. */
struct ota_factory_piece {
    uint32_t offset, length;
    const char *path; /* borrowed of the build */
};
struct ota_factory_places {
    const struct ota_table *table;
    uint32_t bootloader_offset, table_offset, flash_size;
    size_t count;
    struct ota_factory_piece piece[OTA_FACTORY_PARTS_MAX];
};

/* Takes note of `length` bytes of `part`. SLOT_SIZE beyond the flash or larger than its room, CONFIG where no file may
 * begin, or with another file in its sectors. */
OTA_MUST_USE enum ota_status ota_factory_places_add(struct ota_factory_places *p, const struct ota_factory_part *part,
                                                    size_t length, struct ota_err *err);

#endif
