/* SPDX-License-Identifier: Apache-2.0 */
/* What a build folder says about the board it is for: chip, flash size, boot configuration, images and their places.
 * Used by factory.c alone. */
#ifndef OTA_SIM_FACTORY_BUILD_H
#define OTA_SIM_FACTORY_BUILD_H

#include "sim/board.h"

#define OTA_FACTORY_IMAGES_MAX 64u

struct ota_factory_image {
    uint32_t offset;
    char *path;
};

struct ota_factory_build {
    uint32_t flash_size;
    struct ota_efuse efuse; /* revision: the lowest that bootloader and app accept */
    size_t image_count;
    struct ota_factory_image image[OTA_FACTORY_IMAGES_MAX];
};
void ota_factory_build_free(struct ota_factory_build *b);
/* Free it also after an error. */
OTA_MUST_USE enum ota_status ota_factory_build_open(struct ota_factory_build *b, const char *folder,
                                                    const char *flash_size, struct ota_err *err);
/* The file that goes to `offset`, or NULL. */
const char *ota_factory_build_at(const struct ota_factory_build *b, uint32_t offset);

#endif
