/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Would the chip start what stands in its flash, and go on doing so? Every image that ROM or bootloader may start is
 * judged in its place, as a release would be, whoever brought it:
 *
 *   bootloader            must be there, and a recovery bootloader is held to the same
 *   factory, else ota_0   must be there: with a blank otadata it starts first
 *   tee_0                 must be there when the table has it: a bootloader with TEE starts nothing without it
 *   otadata, TEE otadata  what a build brings is blank, for else it chooses another app
 *   other slots           empty, or sound
 *   signatures            by host/boot_rules.h; all share a key with the bootloader, whose keys Secure Boot V2 burns
 *                         into eFuse when it starts first
 *
 * A flash that was loaded may be of a board that has run: its otadata chooses, and another slot may hold anything. Of
 * that one only bootloaders are judged; what starts is for a trial boot to say.
 *
 * Source: ESP-IDF bootloader_utility.c, bootloader_utility_tee.c, secure_boot_v2/secure_boot.c.
 */
#ifndef OTA_IMAGE_FACTORY_IMAGES_H
#define OTA_IMAGE_FACTORY_IMAGES_H

#include "host/boot_policy.h"
#include "image/factory_flash.h"

struct ota_factory_images {
    char version[33];                 /* of the app that starts first; "": the flash was loaded */
    struct ota_signatures bootloader; /* whose keys will be in eFuse */
};
/* `policy` is ota.conf's; NULL: nothing is known of it. CHIP, CONFIG, IMAGE_*, SIGNATURE, SLOT_SIZE. */
OTA_MUST_USE enum ota_status ota_factory_images_check(const struct ota_factory_flash *f,
                                                      const struct ota_factory_build *b,
                                                      const struct ota_boot_policy *policy,
                                                      struct ota_factory_images *out, struct ota_err *err);

#endif
