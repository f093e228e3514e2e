/* SPDX-License-Identifier: Apache-2.0 */
/* Reader of config/sdkconfig.json; see build_config.h. */
#include "host/build_config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/fs.h"
#include "host/json_tree.h"

#define SDKCONFIG_MAX (1024u * 1024u)
#define TABLE_OFFSET_MAX 0x1000000u
#define RECOVERY_OFFSET_MAX 0x8000000u /* the largest flash chip there is */

struct config {
    const cJSON *tree;
    const char *path; /* for messages */
    const struct ota_chip *chip;
};

/* An option that is absent is off: kconfig leaves out what its dependencies hide. */
static enum ota_status read_flag(const struct config *c, const char *name, bool *out, struct ota_err *err) {
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(c->tree, name);
    if (v && !cJSON_IsBool(v))
        return ota_err_set(err, OTA_CONFIG, "%s: %s is not true or false", c->path, name);
    *out = cJSON_IsTrue(v);
    return OTA_OK;
}

/* A sector of flash: a number, or the text "0x8000". */
static bool parse_sector(const cJSON *v, uint32_t max, uint32_t *out) {
    double number = cJSON_IsNumber(v) ? v->valuedouble : -1;
    if (cJSON_IsString(v)) {
        char *end = NULL;
        errno = 0;
        unsigned long long parsed = strtoull(v->valuestring, &end, 0);
        if (errno || end == v->valuestring || *end || v->valuestring[0] == '-' || parsed > max)
            return false;
        number = (double)parsed;
    }
    if (!(number >= OTA_SECTOR && number <= max))
        return false;
    *out = (uint32_t)number;
    return *out == number && *out % OTA_SECTOR == 0;
}

static enum ota_status read_sector(const struct config *c, const char *name, uint32_t max, uint32_t *out,
                                   struct ota_err *err) {
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(c->tree, name);
    if (!v)
        return ota_err_set(err, OTA_CONFIG, "%s: %s is missing; this is not an sdkconfig.json", c->path, name);
    if (!parse_sector(v, max, out))
        return ota_err_set(err, OTA_CONFIG, "%s: %s is no flash sector", c->path, name);
    return OTA_OK;
}

/* ---- signatures ---------------------------------------------------------------------------------------- */

static enum ota_status read_scheme(const struct config *c, enum ota_boot_scheme *out, struct ota_err *err) {
    bool rsa, ecdsa, p192, p256, p384;
    OTA_TRY(read_flag(c, "SECURE_SIGNED_APPS_RSA_SCHEME", &rsa, err));
    OTA_TRY(read_flag(c, "SECURE_SIGNED_APPS_ECDSA_V2_SCHEME", &ecdsa, err));
    OTA_TRY(read_flag(c, "SECURE_BOOT_ECDSA_KEY_LEN_192_BITS", &p192, err));
    OTA_TRY(read_flag(c, "SECURE_BOOT_ECDSA_KEY_LEN_256_BITS", &p256, err));
    OTA_TRY(read_flag(c, "SECURE_BOOT_ECDSA_KEY_LEN_384_BITS", &p384, err));
    *out = rsa             ? OTA_BOOT_RSA3072
           : ecdsa && p384 ? OTA_BOOT_ECDSA384
           : ecdsa && p256 ? OTA_BOOT_ECDSA256
           : ecdsa && p192 ? OTA_BOOT_ECDSA192
                           : OTA_BOOT_UNKNOWN;
    return OTA_OK;
}

/* What kconfig never writes comes from a hand or from another build: no half of it can be believed. */
static enum ota_status check_version(const struct config *c, bool v1, bool v2, bool ecdsa_v1, struct ota_err *err) {
    bool enabled;
    OTA_TRY(read_flag(c, "SECURE_BOOT", &enabled, err));
    if (v1 && v2)
        return ota_err_set(err, OTA_CONFIG,
                           "%s: SECURE_BOOT_V1_ENABLED and SECURE_BOOT_V2_ENABLED contradict each other; build again",
                           c->path);
    if (enabled && !v1 && !v2)
        return ota_err_set(err, OTA_CONFIG,
                           "%s: SECURE_BOOT is true, but neither SECURE_BOOT_V1_ENABLED nor SECURE_BOOT_V2_ENABLED is; "
                           "build again",
                           c->path);
    if ((v1 || ecdsa_v1) && !ota_boot_v1_suits(c->chip))
        return ota_err_set(err, OTA_CONFIG, "%s: %s is Secure Boot V1, which the %s does not have; build again",
                           c->path, v1 ? "SECURE_BOOT_V1_ENABLED" : "SECURE_SIGNED_APPS_ECDSA_SCHEME", c->chip->name);
    return OTA_OK;
}

/* SECURE_SIGNED_APPS_NO_SECURE_BOOT alone verifies nothing: one of the two below it does. */
static enum ota_status read_signing(const struct config *c, struct ota_signing_config *s, struct ota_err *err) {
    bool v1, v2, on_boot, on_update, ecdsa_v1;
    OTA_TRY(read_flag(c, "SECURE_BOOT_V1_ENABLED", &v1, err));
    OTA_TRY(read_flag(c, "SECURE_BOOT_V2_ENABLED", &v2, err));
    OTA_TRY(read_flag(c, "SECURE_SIGNED_ON_BOOT_NO_SECURE_BOOT", &on_boot, err));
    OTA_TRY(read_flag(c, "SECURE_SIGNED_ON_UPDATE_NO_SECURE_BOOT", &on_update, err));
    OTA_TRY(read_flag(c, "SECURE_SIGNED_APPS_ECDSA_SCHEME", &ecdsa_v1, err));
    OTA_TRY(read_flag(c, "SECURE_SIGNED_DATA_PARTITION", &s->data, err));
    OTA_TRY(read_flag(c, "SECURE_BOOT_BUILD_SIGNED_BINARIES", &s->signs, err));
    OTA_TRY(read_scheme(c, &s->scheme, err));
    OTA_TRY(check_version(c, v1, v2, ecdsa_v1, err));
    s->secure_boot = v2 ? 2 : v1 ? 1 : 0;
    s->apps = s->secure_boot || on_boot || on_update;
    s->v1 = s->apps && !v2 && (v1 || ecdsa_v1);
    return OTA_OK;
}

/* ---- all of it ----------------------------------------------------------------------------------------- */

static enum ota_status read_boot(const struct config *c, struct ota_build_config *out, struct ota_err *err) {
    struct ota_boot_config *boot = &out->boot;
    OTA_TRY(read_sector(c, "PARTITION_TABLE_OFFSET", TABLE_OFFSET_MAX, &boot->table_offset, err));
    OTA_TRY(read_flag(c, "BOOTLOADER_APP_ROLLBACK_ENABLE", &boot->rollback, err));
    OTA_TRY(read_flag(c, "BOOTLOADER_APP_ANTI_ROLLBACK", &boot->anti_rollback, err));
    OTA_TRY(read_flag(c, "SECURE_FLASH_ENC_ENABLED", &boot->flash_encryption, err));
    OTA_TRY(read_flag(c, "NVS_ENCRYPTION", &out->nvs_encryption, err));
    OTA_TRY(read_flag(c, "BOOTLOADER_RECOVERY_ENABLE", &out->recovery, err));
    if (out->recovery)
        OTA_TRY(read_sector(c, "BOOTLOADER_RECOVERY_OFFSET", RECOVERY_OFFSET_MAX, &out->recovery_offset, err));
    OTA_TRY(read_signing(c, &out->signing, err));
    boot->secure_boot = out->signing.secure_boot;
    return OTA_OK;
}

static enum ota_status check_target(const struct config *c, struct ota_err *err) {
    const char *target = ota_json_tree_string(c->tree, "IDF_TARGET");
    if (!target || strcmp(target, c->chip->name) == 0)
        return OTA_OK;
    return ota_err_set(err, OTA_CONFIG, "%s is of a build for %.20s, and this is one for %s; name the build's own",
                       c->path, target, c->chip->name);
}

enum ota_status ota_build_config_read(const char *path, const struct ota_chip *chip, struct ota_build_config *out,
                                      struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    OTA_CLEAN(ota_json_tree_free) cJSON *tree = NULL;
    memset(out, 0, sizeof *out);
    OTA_TRY(ota_fs_read(path, SDKCONFIG_MAX, &text, err));
    OTA_TRY(ota_json_tree_parse(ota_buf_span(&text), path, SDKCONFIG_MAX, &tree, err));
    if (!cJSON_IsObject(tree))
        return ota_err_set(err, OTA_CONFIG, "%s: not a JSON object", path);
    const char *size = ota_json_tree_string(tree, "ESPTOOLPY_FLASHSIZE");
    if (size && !ota_span_copy(ota_span_str(size), out->flash_size, sizeof out->flash_size))
        out->flash_size[0] = 0; /* no size that a flash has */
    const struct config c = {tree, path, chip};
    OTA_TRY(check_target(&c, err));
    return read_boot(&c, out, err);
}
