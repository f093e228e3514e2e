/* SPDX-License-Identifier: Apache-2.0 */
/* Secure Boot signatures as `sign --secure-boot` and `verify` show them. */
#ifndef OTA_CTL_BOOT_VIEW_H
#define OTA_CTL_BOOT_VIEW_H

#include <cjson/cJSON.h>

#include "host/boot_rules.h"

/* A key somebody named, and what the digest of it is. */
struct ota_boot_named {
    const char *name;
    struct ota_boot_key key;
};

/* Lines "  block 0  ecdsa256  valid  <digest>  NAME", the name of the key if it is among those; then, where boards never
 * look at the block, "  ignored: WHY". `rules->chip` NULL: nothing is known of the boards. */
void ota_boot_view_print(const struct ota_signatures *s, const struct ota_boot_rules *rules,
                         const struct ota_boot_named *named, size_t count);
/* blocks[{scheme, valid, key_digest, key (null: none that was named), ignored (null: boards look at it)}] */
cJSON *ota_boot_view_json(const struct ota_signatures *s, const struct ota_boot_rules *rules,
                          const struct ota_boot_named *named, size_t count);
/* "app", "bootloader", "data". */
const char *ota_boot_view_kind(enum ota_image_kind kind);

#endif
