/* SPDX-License-Identifier: Apache-2.0 */
/* The flash chip of a board as the factory flashes it: the images of a build folder at their offsets, FF elsewhere. */
#ifndef OTA_IMAGE_FACTORY_FLASH_H
#define OTA_IMAGE_FACTORY_FLASH_H

#include "host/buf.h"
#include "image/factory_place.h"

struct ota_factory_flash {
    struct ota_table table;
    struct ota_buf bytes;                   /* the whole chip */
    uint32_t end;                           /* behind the last byte that was placed */
    uint32_t length[OTA_FACTORY_PARTS_MAX]; /* of the build's parts, in their order */
    bool header_set;                        /* the bootloader's header is not that of its file */
    const char *image;                      /* it was loaded from this file, which is borrowed; NULL: filled */
};
void ota_factory_flash_free(struct ota_factory_flash *f);
/* Reads, checks and places the images, the bootloader with the header that the build's flash settings want, so that the
 * bytes are those of esptool merge-bin; `no_storage`: what a release may replace as data stays empty. That header must
 * say a flash that holds the table and that the board has. TABLE_*, SLOT_SIZE, CONFIG, IMAGE_SIGNATURE. Free it also
 * after an error. */
OTA_MUST_USE enum ota_status ota_factory_flash_fill(struct ota_factory_flash *f, const struct ota_factory_build *b,
                                                    bool no_storage, struct ota_err *err);
/* What stands at `offset` of the build's file that goes there; empty when none does, or the flash was loaded. */
struct ota_span ota_factory_flash_at(const struct ota_factory_flash *f, const struct ota_factory_build *b,
                                     uint32_t offset);
/* A whole flash image (esptool merge-bin, otactl provision) instead of the build's files; table and header are its own.
 * As ota_factory_flash_fill(), after which it is called. */
OTA_MUST_USE enum ota_status ota_factory_flash_load(struct ota_factory_flash *f, const struct ota_factory_build *b,
                                                    const char *path, struct ota_err *err);
/* Do table and flash suit the size in the header of the bootloader at `offset`, which `path` brought? TABLE_LAYOUT,
 * CONFIG. */
OTA_MUST_USE enum ota_status ota_factory_flash_check_header(const struct ota_factory_flash *f, uint32_t offset,
                                                            const char *path, struct ota_err *err);
/* Fills a data partition; CONFIG when the table has none of that label and size. */
OTA_MUST_USE enum ota_status ota_factory_flash_put(struct ota_factory_flash *f, const char *label,
                                                   struct ota_span bytes, struct ota_err *err);

#endif
