/* SPDX-License-Identifier: Apache-2.0 */
/* ota.conf: `key = value` lines, `#` comments, `[product NAME]` sections. man ota.conf(5). */
#ifndef OTA_HOST_CONFIG_H
#define OTA_HOST_CONFIG_H

#include "ota/release.h"

#define OTA_CONFIG_MAX (64u * 1024u)
#define OTA_BOOT_KEYS_MAX 3u
#define OTA_BOOT_WORD_MAX 255u

struct ota_product_config {
    char name[OTA_NAME_MAX + 1];
    char chip[OTA_CHIP_NAME_MAX + 1];
    uint8_t channel_count; /* channels = beta stable */
    char channel[OTA_CHANNELS_MAX][OTA_NAME_MAX + 1];
    char default_channel[OTA_NAME_MAX + 1]; /* default_channel = stable; "" : push offers to nobody */
    char auto_channel[OTA_NAME_MAX + 1];    /* auto = stable; drop-ins go here; "" : nowhere */
    /* secure_boot = FILE_OR_DIGEST... or signed_apps = FILE_OR_DIGEST; host/boot_policy.h reads what they name */
    uint8_t boot_key_count;
    char boot_key[OTA_BOOT_KEYS_MAX][OTA_BOOT_WORD_MAX + 1];
    bool signed_apps; /* it was the second */
    bool signed_data; /* signed_data = yes */
};

struct ota_config {
    char listen[128]; /* listen = 0.0.0.0:8443 */
    char url[256];    /* url = https://host:8443 ; what boards use */
    char server[256]; /* server = URL of a remote workspace; "" : this folder */
    uint8_t product_count;
    struct ota_product_config product[OTA_PRODUCTS_MAX];
};

/* `name` is the file name for messages ("ota.conf:3: unknown key \"lsten\"; did you mean \"listen\"?"). Unknown keys
 * and sections, repeated keys and values out of range are CONFIG errors with file, line and remedy. */
OTA_MUST_USE enum ota_status ota_config_parse(struct ota_span text, const char *name, struct ota_config *out,
                                              struct ota_err *err);
const struct ota_product_config *ota_config_product(const struct ota_config *c, const char *name); /* NULL */

#endif
