/* SPDX-License-Identifier: Apache-2.0 */
/* config/sdkconfig.json of a build: what it says of boot and signatures, and what is no answer. */
#include "host/build_config.h"

#include <stdlib.h>
#include <unistd.h>

#include "host/fs.h"
#include "support/unit.h"

static struct ota_err err;
static char *path;

static int begin(void **state) {
    (void)state;
    path = ota_strdup("/tmp/ota-config-XXXXXX");
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}
static int end(void **state) {
    (void)state;
    int failed = unlink(path);
    free(path);
    return failed;
}

/* `members` beside the partition table's offset; of a build for `chip`. */
static enum ota_status read_config(const char *chip, const char *members, struct ota_build_config *out) {
    OTA_CLEAN_FREE char *text = ota_sprintf("{\"PARTITION_TABLE_OFFSET\":32768%s%s}", members[0] ? "," : "", members);
    assert_ota_ok(ota_fs_write(path, text, strlen(text), 0644, &err));
    return ota_build_config_read(path, ota_chip_by_name(ota_span_str(chip)), out, &err);
}

static void test_build_config_reads_the_boot_configuration(void **state) {
    struct ota_build_config c;
    (void)state;
    assert_ota_ok(read_config("esp32c6", "", &c));
    assert_int_equal(c.boot.table_offset, 0x8000);
    assert_false(c.boot.rollback || c.boot.anti_rollback || c.boot.flash_encryption || c.boot.secure_boot);
    assert_false(c.signing.apps || c.signing.data || c.signing.v1 || c.nvs_encryption || c.recovery);
    assert_string_equal(c.flash_size, "");
    assert_ota_ok(read_config("esp32c6",
                              "\"BOOTLOADER_APP_ROLLBACK_ENABLE\":true,\"BOOTLOADER_APP_ANTI_ROLLBACK\":true,"
                              "\"SECURE_FLASH_ENC_ENABLED\":true,\"NVS_ENCRYPTION\":true,"
                              "\"ESPTOOLPY_FLASHSIZE\":\"4MB\",\"BOOTLOADER_RECOVERY_ENABLE\":true,"
                              "\"BOOTLOADER_RECOVERY_OFFSET\":\"0x3F0000\"",
                              &c));
    assert_true(c.boot.rollback && c.boot.anti_rollback && c.boot.flash_encryption && c.nvs_encryption && c.recovery);
    assert_int_equal(c.recovery_offset, 0x3F0000);
    assert_string_equal(c.flash_size, "4MB");
}

static void test_build_config_tells_who_verifies_signatures(void **state) {
    static const struct {
        const char *members;
        uint8_t secure_boot;
        bool apps, v1;
        enum ota_boot_scheme scheme;
    } rows[] = {
        {"\"SECURE_BOOT_V2_ENABLED\":true,\"SECURE_SIGNED_APPS_RSA_SCHEME\":true", 2, true, false, OTA_BOOT_RSA3072},
        {"\"SECURE_BOOT_V2_ENABLED\":true,\"SECURE_SIGNED_APPS_ECDSA_V2_SCHEME\":true,"
         "\"SECURE_BOOT_ECDSA_KEY_LEN_384_BITS\":true",
         2, true, false, OTA_BOOT_ECDSA384},
        {"\"SECURE_BOOT\":true,\"SECURE_BOOT_V2_ENABLED\":true,\"SECURE_SIGNED_APPS_ECDSA_V2_SCHEME\":true,"
         "\"SECURE_BOOT_ECDSA_KEY_LEN_192_BITS\":true,\"SECURE_BOOT_ECDSA_KEY_LEN_256_BITS\":false",
         2, true, false, OTA_BOOT_ECDSA192},
        {"\"SECURE_BOOT_V1_ENABLED\":true,\"SECURE_SIGNED_APPS_ECDSA_SCHEME\":true", 1, true, true, OTA_BOOT_UNKNOWN},
        {"\"SECURE_BOOT_V1_ENABLED\":true", 1, true, true, OTA_BOOT_UNKNOWN},
        {"\"SECURE_SIGNED_APPS_NO_SECURE_BOOT\":true,\"SECURE_SIGNED_ON_UPDATE_NO_SECURE_BOOT\":true,"
         "\"SECURE_SIGNED_APPS_ECDSA_V2_SCHEME\":true,\"SECURE_BOOT_ECDSA_KEY_LEN_256_BITS\":true",
         0, true, false, OTA_BOOT_ECDSA256},
        {"\"SECURE_SIGNED_APPS_NO_SECURE_BOOT\":true,\"SECURE_SIGNED_ON_UPDATE_NO_SECURE_BOOT\":true,"
         "\"SECURE_SIGNED_APPS_ECDSA_SCHEME\":true",
         0, true, true, OTA_BOOT_UNKNOWN},
        {"\"SECURE_SIGNED_APPS_NO_SECURE_BOOT\":true,\"SECURE_SIGNED_ON_BOOT_NO_SECURE_BOOT\":true,"
         "\"SECURE_SIGNED_APPS_ECDSA_SCHEME\":true",
         0, true, true, OTA_BOOT_UNKNOWN},
        {"\"SECURE_SIGNED_APPS_NO_SECURE_BOOT\":true,\"SECURE_SIGNED_APPS_RSA_SCHEME\":true", 0, false, false,
         OTA_BOOT_RSA3072},
    };
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++) {
        struct ota_build_config c;
        assert_ota_ok(read_config("esp32", rows[i].members, &c));
        if (c.signing.secure_boot != rows[i].secure_boot || c.boot.secure_boot != rows[i].secure_boot ||
            c.signing.apps != rows[i].apps || c.signing.v1 != rows[i].v1 || c.signing.scheme != rows[i].scheme)
            fail_msg("row %zu: %u %d %d %d", i, c.signing.secure_boot, c.signing.apps, c.signing.v1,
                     (int)c.signing.scheme);
    }
    struct ota_build_config c;
    assert_ota_ok(
        read_config("esp32c6", "\"SECURE_SIGNED_DATA_PARTITION\":true,\"SECURE_BOOT_BUILD_SIGNED_BINARIES\":true", &c));
    assert_true(c.signing.data && c.signing.signs);
}

static void refused(const char *text, const char *says) {
    struct ota_build_config c;
    assert_ota_ok(ota_fs_write(path, text, strlen(text), 0644, &err));
    assert_ota(ota_build_config_read(path, ota_chip_by_name(ota_span_str("esp32c6")), &c, &err), OTA_CONFIG);
    if (!strstr(err.msg, says))
        fail_msg("\"%s\" is not in \"%s\"", says, err.msg);
}

static void test_build_config_refuses_what_is_no_answer(void **state) {
    struct ota_build_config c;
    (void)state;
    refused("[]", "not a JSON object");
    refused("{}", "PARTITION_TABLE_OFFSET is missing; this is not an sdkconfig.json");
    refused("{\"PARTITION_TABLE_OFFSET\":\"0x8001\"}", "PARTITION_TABLE_OFFSET is no flash sector");
    refused("{\"PARTITION_TABLE_OFFSET\":0}", "PARTITION_TABLE_OFFSET is no flash sector");
    refused("{\"PARTITION_TABLE_OFFSET\":-32768}", "is no flash sector");
    refused("{\"PARTITION_TABLE_OFFSET\":1e300}", "is no flash sector");
    refused("{\"PARTITION_TABLE_OFFSET\":\"-0x8000\"}", "is no flash sector");
    refused("{\"PARTITION_TABLE_OFFSET\":32768,\"SECURE_BOOT_V2_ENABLED\":\"y\"}",
            "SECURE_BOOT_V2_ENABLED is not true or false");
    refused("{\"PARTITION_TABLE_OFFSET\":32768,\"BOOTLOADER_RECOVERY_ENABLE\":true}", "BOOTLOADER_RECOVERY_OFFSET");
    assert_ota_ok(read_config("esp32c6", "\"ESPTOOLPY_FLASHSIZE\":\"4294967296MB\"", &c));
    assert_string_equal(c.flash_size, "");
    OTA_CLEAN_FREE char *none = ota_sprintf("%s.none", path);
    assert_ota(ota_build_config_read(none, ota_chip_by_name(ota_span_str("esp32c6")), &c, &err), OTA_NOT_FOUND);
}

/* What kconfig cannot have written says nothing about boards. */
static void test_build_config_refuses_contradictions(void **state) {
    static const struct {
        const char *chip, *members, *says; /* NULL: none */
    } rows[] = {
        {"esp32c6", "\"IDF_TARGET\":\"esp32c6\"", NULL},
        {"esp32c6", "\"IDF_TARGET\":\"esp32c3\"", "is of a build for esp32c3, and this is one for esp32c6"},
        {"esp32c6", "\"SECURE_BOOT\":true", "neither SECURE_BOOT_V1_ENABLED nor SECURE_BOOT_V2_ENABLED"},
        {"esp32c6", "\"SECURE_BOOT\":true,\"SECURE_BOOT_V2_ENABLED\":true", NULL},
        {"esp32", "\"SECURE_BOOT\":true,\"SECURE_BOOT_V1_ENABLED\":true,\"SECURE_BOOT_V2_ENABLED\":true",
         "contradict each other"},
        {"esp32", "\"SECURE_BOOT\":true,\"SECURE_BOOT_V1_ENABLED\":true", NULL},
        {"esp32s3", "\"SECURE_BOOT\":true,\"SECURE_BOOT_V1_ENABLED\":true",
         "SECURE_BOOT_V1_ENABLED is Secure Boot V1, which the esp32s3 does not have"},
        {"esp32", "\"SECURE_SIGNED_ON_UPDATE_NO_SECURE_BOOT\":true,\"SECURE_SIGNED_APPS_ECDSA_SCHEME\":true", NULL},
        {"esp32c6", "\"SECURE_SIGNED_ON_UPDATE_NO_SECURE_BOOT\":true,\"SECURE_SIGNED_APPS_ECDSA_SCHEME\":true",
         "SECURE_SIGNED_APPS_ECDSA_SCHEME is Secure Boot V1, which the esp32c6 does not have"},
    };
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++) {
        struct ota_build_config c;
        assert_ota(read_config(rows[i].chip, rows[i].members, &c), rows[i].says ? OTA_CONFIG : OTA_OK);
        if (rows[i].says && !strstr(err.msg, rows[i].says))
            fail_msg("row %zu: \"%s\" is not in \"%s\"", i, rows[i].says, err.msg);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_build_config_reads_the_boot_configuration),
        cmocka_unit_test(test_build_config_tells_who_verifies_signatures),
        cmocka_unit_test(test_build_config_refuses_what_is_no_answer),
        cmocka_unit_test(test_build_config_refuses_contradictions),
    };
    return cmocka_run_group_tests_name("build_config", tests, begin, end);
}
