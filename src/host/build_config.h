/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an ESP-IDF build says about itself in config/sdkconfig.json, whose names lack the CONFIG_ prefix. A release and
 * a board's first flash are held to the same reading.
 */
#ifndef OTA_HOST_BUILD_CONFIG_H
#define OTA_HOST_BUILD_CONFIG_H

#include "host/boot_key.h"
#include "ota/release.h"

/* Which Secure Boot signatures the firmware verifies, and of what kind. Source: ESP-IDF bootloader/Kconfig.projbuild,
 * app_update/Kconfig.projbuild. */
struct ota_signing_config {
    uint8_t secure_boot;         /* the version that is enabled, 0: none */
    bool apps;                   /* apps are verified: at boot, on update, or both */
    bool data;                   /* and data partitions of subtype undefined, on update */
    bool v1;                     /* by a version 1 signature */
    bool signs;                  /* the build signs itself: else <project>.bin is the unsigned one */
    enum ota_boot_scheme scheme; /* of version 2; UNKNOWN: version 1, or not known */
};

struct ota_build_config {
    struct ota_boot_config boot;
    struct ota_signing_config signing;
    bool nvs_encryption; /* the app opens its nvs partition as an encrypted one */
    bool recovery;       /* a chip that can has a second bootloader, at: */
    uint32_t recovery_offset;
    char flash_size[8]; /* "4MB"; "": it does not say */
};

/* Of a build for `chip`. NOT_FOUND, JSON_*, CONFIG with the option that is wrong, or the two that contradict each other:
 * nothing that such a file says can be relied on. */
OTA_MUST_USE enum ota_status ota_build_config_read(const char *path, const struct ota_chip *chip,
                                                   struct ota_build_config *out, struct ota_err *err);

#endif
