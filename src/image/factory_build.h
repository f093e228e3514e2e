/* SPDX-License-Identifier: Apache-2.0 */
/* What a build folder says about the board it is for: chip, flash size, boot configuration, images and their places.
 * Source: ESP-IDF flasher_args.json (flash_files), config/sdkconfig.json. */
#ifndef OTA_IMAGE_FACTORY_BUILD_H
#define OTA_IMAGE_FACTORY_BUILD_H

#include "host/build_config.h"
#include "image/flash_settings.h"
#include "ota/agent.h"

#define OTA_FACTORY_PARTS_MAX (OTA_IDF_FILES_MAX + 1u) /* with a bootloader that is not listed */
#define OTA_FACTORY_FLASH_MAX 0x8000000u               /* the largest flash chip there is */

struct ota_factory_part {
    uint32_t offset;
    char *path;
};

struct ota_factory_build {
    const char *folder; /* as it was given, borrowed */
    const struct ota_chip *chip;
    uint16_t revision; /* the lowest that bootloader and app accept: major*100+minor */
    uint32_t flash_size;
    struct ota_flash_settings settings; /* for the bootloader's header */
    struct ota_boot_config boot;
    struct ota_signing_config signing;
    bool recovery;
    uint32_t recovery_offset;
    bool nvs_encryption; /* the app opens its nvs partition as an encrypted one */
    size_t part_count;
    struct ota_factory_part part[OTA_FACTORY_PARTS_MAX];
};
void ota_factory_build_free(struct ota_factory_build *b);
/* `flash_size` ("4MB") instead of what the build says, also in the bootloader's header, as esptool's; NULL. What idf_folder.h says of a folder, CHIP, USAGE. Free it also
 * after an error. */
OTA_MUST_USE enum ota_status ota_factory_build_open(struct ota_factory_build *b, const char *folder,
                                                    const char *flash_size, struct ota_err *err);
/* The file that goes to `offset`, or NULL. */
const char *ota_factory_build_at(const struct ota_factory_build *b, uint32_t offset);

#endif
