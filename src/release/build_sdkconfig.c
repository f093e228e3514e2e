/* SPDX-License-Identifier: Apache-2.0 */
/* The boot configuration of a build: config/sdkconfig.json, whose names lack the CONFIG_ prefix. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/json_tree.h"
#include "release/build_parts.h"

#define SDKCONFIG_MAX (1024u * 1024u)
#define TABLE_OFFSET_MAX 0x1000000u

/* An option that is absent is off: kconfig leaves out what its dependencies hide. */
static enum ota_status read_flag(const cJSON *tree, const char *path, const char *name, bool *out,
                                 struct ota_err *err) {
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(tree, name);
    if (v && !cJSON_IsBool(v))
        return ota_err_set(err, OTA_CONFIG, "%s: %s is not true or false", path, name);
    *out = cJSON_IsTrue(v);
    return OTA_OK;
}

/* A number, or the text "0x8000". */
static bool read_offset(const cJSON *v, uint32_t *out) {
    double number = cJSON_IsNumber(v) ? v->valuedouble : -1;
    if (cJSON_IsString(v)) {
        char *end = NULL;
        errno = 0;
        unsigned long long parsed = strtoull(v->valuestring, &end, 0);
        if (errno || end == v->valuestring || *end || v->valuestring[0] == '-' || parsed > TABLE_OFFSET_MAX)
            return false;
        number = (double)parsed;
    }
    if (!(number >= 0x1000 && number <= TABLE_OFFSET_MAX))
        return false;
    *out = (uint32_t)number;
    return *out == number && *out % OTA_SECTOR == 0;
}

static enum ota_status read_table_offset(struct ota_candidates *c, const cJSON *tree, const char *path,
                                         struct ota_err *err) {
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(tree, "PARTITION_TABLE_OFFSET");
    uint32_t offset = 0;
    if (!v)
        return ota_err_set(err, OTA_CONFIG, "%s: PARTITION_TABLE_OFFSET is missing; this is not an sdkconfig.json",
                           path);
    if (!read_offset(v, &offset))
        return ota_err_set(err, OTA_CONFIG, "%s: PARTITION_TABLE_OFFSET is no flash sector", path);
    if (c->table_offset_known && c->table_offset != offset)
        return ota_err_set(err, OTA_CONFIG, "%s puts the partition table at 0x%x, the build at 0x%x; build again", path,
                           offset, c->table_offset);
    c->table_offset = offset;
    c->table_offset_known = true;
    return OTA_OK;
}

/* Which signatures the firmware verifies; a version 1 scheme has no name here. */
static enum ota_status read_scheme(struct ota_candidates *c, const cJSON *tree, const char *path, struct ota_err *err) {
    bool rsa, ecdsa, p256, p384;
    OTA_TRY(read_flag(tree, path, "SECURE_SIGNED_APPS_RSA_SCHEME", &rsa, err));
    OTA_TRY(read_flag(tree, path, "SECURE_SIGNED_APPS_ECDSA_V2_SCHEME", &ecdsa, err));
    OTA_TRY(read_flag(tree, path, "SECURE_BOOT_ECDSA_KEY_LEN_256_BITS", &p256, err));
    OTA_TRY(read_flag(tree, path, "SECURE_BOOT_ECDSA_KEY_LEN_384_BITS", &p384, err));
    c->scheme = rsa             ? OTA_BOOT_RSA3072
                : ecdsa && p384 ? OTA_BOOT_ECDSA384
                : ecdsa && p256 ? OTA_BOOT_ECDSA256
                                : OTA_BOOT_UNKNOWN;
    return OTA_OK;
}

enum ota_status ota_build_read_sdkconfig(struct ota_candidates *c, const char *path, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    OTA_CLEAN(ota_json_tree_free) cJSON *tree = NULL;
    bool v1, v2, signed_only;
    OTA_TRY(ota_fs_read(path, SDKCONFIG_MAX, &text, err));
    OTA_TRY(ota_json_tree_parse(ota_buf_span(&text), path, SDKCONFIG_MAX, &tree, err));
    if (!cJSON_IsObject(tree))
        return ota_err_set(err, OTA_CONFIG, "%s: not a JSON object", path);
    OTA_TRY(read_table_offset(c, tree, path, err));
    OTA_TRY(read_flag(tree, path, "BOOTLOADER_APP_ROLLBACK_ENABLE", &c->boot.rollback, err));
    OTA_TRY(read_flag(tree, path, "BOOTLOADER_APP_ANTI_ROLLBACK", &c->boot.anti_rollback, err));
    OTA_TRY(read_flag(tree, path, "SECURE_FLASH_ENC_ENABLED", &c->boot.flash_encryption, err));
    OTA_TRY(read_flag(tree, path, "SECURE_BOOT_V1_ENABLED", &v1, err));
    OTA_TRY(read_flag(tree, path, "SECURE_BOOT_V2_ENABLED", &v2, err));
    OTA_TRY(read_flag(tree, path, "SECURE_SIGNED_ON_UPDATE_NO_SECURE_BOOT", &signed_only, err));
    OTA_TRY(read_flag(tree, path, "SECURE_SIGNED_DATA_PARTITION", &c->signed_data, err));
    OTA_TRY(read_flag(tree, path, "SECURE_BOOT_BUILD_SIGNED_BINARIES", &c->signs, err));
    OTA_TRY(read_scheme(c, tree, path, err));
    c->boot.secure_boot = v2 ? 2 : v1 ? 1 : 0;
    c->boot.table_offset = c->table_offset;
    c->signed_app = v1 || v2 || signed_only;
    c->boot_known = true;
    return OTA_OK;
}
