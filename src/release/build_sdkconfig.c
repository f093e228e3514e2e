/* SPDX-License-Identifier: Apache-2.0 */
/* The boot configuration of a build, beside what else its folder says. */
#include "release/build_parts.h"

enum ota_status ota_build_read_sdkconfig(struct ota_candidates *c, const struct ota_chip *chip, const char *path,
                                         struct ota_err *err) {
    struct ota_build_config config;
    OTA_TRY(ota_build_config_read(path, chip, &config, err));
    const uint32_t offset = config.boot.table_offset;
    if (c->table_offset_known && c->table_offset != offset)
        return ota_err_set(err, OTA_CONFIG, "%s puts the partition table at 0x%x, the build at 0x%x; build again", path,
                           offset, c->table_offset);
    c->table_offset = offset;
    c->table_offset_known = true;
    c->boot = config.boot;
    c->signing = config.signing;
    c->boot_known = true;
    return OTA_OK;
}
