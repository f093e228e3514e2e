/* SPDX-License-Identifier: Apache-2.0 */
/* See boot_view.h. */
#include "ctl/boot_view.h"

#include <stdio.h>
#include <string.h>

#include "host/printable.h"

static const char *name_of(const uint8_t *digest, const struct ota_boot_named *named, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (memcmp(named[i].key.digest.byte, digest, OTA_SHA256_LEN) == 0)
            return named[i].name;
    return NULL;
}

static const char *state(const struct ota_signature_block *b) {
    return b->valid ? "valid" : !b->crc_ok ? "damaged" : !b->digest_ok ? "of other bytes" : "does not verify";
}

void ota_boot_view_print(const struct ota_signatures *s, const struct ota_boot_rules *rules,
                         const struct ota_boot_named *named, size_t count) {
    char hex[OTA_SHA256_HEX_LEN + 1], why[64];
    for (size_t i = 0; i < s->count; i++) {
        const char *name = name_of(s->block[i].key_digest, named, count);
        ota_hex_encode(s->block[i].key_digest, OTA_SHA256_LEN, hex);
        const char *ignored = ota_boot_rules_ignored(rules, s, i, why);
        ota_print_line(stdout, "  block %zu  %s  %s  %s%s%s%s%s", i, ota_boot_layout(s->block[i].scheme)->name,
                       state(&s->block[i]), hex, name ? "  " : "", name ? name : "", ignored ? "  ignored: " : "",
                       ignored ? ignored : "");
    }
}

cJSON *ota_boot_view_json(const struct ota_signatures *s, const struct ota_boot_rules *rules,
                          const struct ota_boot_named *named, size_t count) {
    char hex[OTA_SHA256_HEX_LEN + 1], why[64];
    cJSON *blocks = cJSON_CreateArray();
    for (size_t i = 0; i < s->count; i++) {
        cJSON *b = cJSON_CreateObject();
        const char *name = name_of(s->block[i].key_digest, named, count);
        ota_hex_encode(s->block[i].key_digest, OTA_SHA256_LEN, hex);
        (void)cJSON_AddStringToObject(b, "scheme", ota_boot_layout(s->block[i].scheme)->name);
        (void)cJSON_AddBoolToObject(b, "valid", s->block[i].valid);
        (void)cJSON_AddStringToObject(b, "key_digest", hex);
        (void)cJSON_AddItemToObject(b, "key", name ? cJSON_CreateString(name) : cJSON_CreateNull());
        const char *ignored = ota_boot_rules_ignored(rules, s, i, why);
        (void)cJSON_AddItemToObject(b, "ignored", ignored ? cJSON_CreateString(ignored) : cJSON_CreateNull());
        (void)cJSON_AddItemToArray(blocks, b);
    }
    return blocks;
}

const char *ota_boot_view_kind(enum ota_image_kind kind) {
    return kind == OTA_IMAGE_APP ? "app" : kind == OTA_IMAGE_BOOTLOADER ? "bootloader" : "data";
}
