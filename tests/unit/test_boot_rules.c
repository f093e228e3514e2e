/* SPDX-License-Identifier: Apache-2.0 */
/* Would boards take these signatures: by chip, by the configuration of a build, by ota.conf. */
#include "host/boot_rules.h"

#include "host/crypto.h"
#include "support/boot_signer.h"
#include "support/images.h"
#include "support/unit.h"

static struct ota_err err;
static struct boot_signer mine, second, rsa, other_rsa;

static int begin(void **state) {
    (void)state;
    boot_signer_make(&mine, OTA_BOOT_ECDSA256);
    boot_signer_make(&second, OTA_BOOT_ECDSA256);
    boot_signer_make(&rsa, OTA_BOOT_RSA3072);
    boot_signer_make(&other_rsa, OTA_BOOT_RSA3072);
    return 0;
}

static int end(void **state) {
    (void)state;
    boot_signer_free(&mine);
    boot_signer_free(&second);
    boot_signer_free(&rsa);
    boot_signer_free(&other_rsa);
    return 0;
}

/* What is judged, and by what. */
struct on {
    const char *chip;
    enum ota_kind kind;
    struct ota_signing_config build;
    const struct ota_boot_policy *policy;
    struct boot_signer *block[3], *v1;
    size_t flip; /* from the end of the file; 0: nothing */
};

static const char *name = "file.bin";

static enum ota_status judge(struct on on) {
    OTA_CLEAN(ota_buf_free) struct ota_buf image = {0};
    OTA_CLEAN_FREE struct ota_image *read = ota_calloc(1, sizeof *read);
    const struct ota_sample s = sample_of(on.chip);
    struct ota_signatures found;
    if (on.kind == OTA_KIND_BOOTLOADER)
        sample_bootloader(&s, &image);
    else
        sample_app(&s, &image);
    for (unsigned i = 0; i < 3 && on.block[i]; i++)
        boot_sign(on.block[i], &image, i);
    if (on.v1)
        boot_sign_v1(on.v1, &image);
    if (on.flip)
        image.p[image.len - on.flip] ^= 1;
    const struct ota_span bytes = ota_buf_span(&image);
    const struct ota_source src = memory_source(&bytes);
    assert_ota_ok(ota_image_read(&src, &ota_crypto_openssl, read, &err));
    const struct ota_boot_rules rules = {ota_chip_by_name(ota_span_str(on.chip)), &on.build, on.policy};
    const struct ota_boot_file file = {on.kind, name, &src, read->length};
    return ota_boot_rules_check(&rules, &file, &found, &err);
}

static void refused(struct on on, const char *says) {
    assert_ota(judge(on), OTA_SIGNATURE);
    if (!strstr(err.msg, says))
        fail_msg("\"%s\" is not in \"%s\"", says, err.msg);
}

static const struct ota_signing_config v2_ec = {
    .secure_boot = 2, .apps = true, .signs = true, .scheme = OTA_BOOT_ECDSA256};
static const struct ota_signing_config p192 = {
    .secure_boot = 2, .apps = true, .signs = true, .scheme = OTA_BOOT_ECDSA192};
static const struct ota_signing_config v2_rsa = {
    .secure_boot = 2, .apps = true, .signs = true, .scheme = OTA_BOOT_RSA3072};
static const struct ota_signing_config on_update = {.apps = true, .signs = true, .scheme = OTA_BOOT_RSA3072};

/* ---- version 2 -------------------------------------------------------------------------------------------- */

static void test_boot_rules_every_block_holds(void **state) {
    (void)state;
    assert_ota_ok(judge((struct on){"esp32c6", OTA_KIND_APP, v2_ec, NULL, {&mine, &second}, NULL, 0}));
    refused((struct on){"esp32c6", OTA_KIND_APP, v2_ec, NULL, {0}, NULL, 0}, "carries no Secure Boot signature");
    refused((struct on){"esp32c6", OTA_KIND_APP, v2_ec, NULL, {&mine, &second}, NULL, OTA_SECTOR - 1216 - 101},
            "block 1 does not hold");
    refused((struct on){"esp32c6", OTA_KIND_APP, {0}, NULL, {&mine}, NULL, OTA_SECTOR - 101}, "block 0 does not hold");
    refused((struct on){"esp32c6", OTA_KIND_BOOTLOADER, v2_ec, NULL, {&mine}, NULL, OTA_SECTOR - 4},
            "block 0 does not hold");
}

/* What the chip lacks it cannot verify, whoever asks, and also when nobody does. */
static void test_boot_rules_scheme_suits_the_chip(void **state) {
    struct ota_signing_config silent = v2_ec;
    (void)state;
    silent.scheme = OTA_BOOT_UNKNOWN;
    refused((struct on){"esp32c3", OTA_KIND_APP, silent, NULL, {&mine}, NULL, 0},
            "signed with ecdsa256, which the esp32c3 does not know");
    refused((struct on){"esp32c3", OTA_KIND_APP, {0}, NULL, {&mine}, NULL, 0}, "which the esp32c3 does not know");
    refused((struct on){"esp32c2", OTA_KIND_BOOTLOADER, silent, NULL, {&rsa}, NULL, 0},
            "rsa3072, which the esp32c2 does not know");
    assert_ota_ok(judge((struct on){"esp32c3", OTA_KIND_APP, silent, NULL, {&rsa}, NULL, 0}));
}

static void test_boot_rules_scheme_suits_the_build(void **state) {
    (void)state;
    refused((struct on){"esp32c6", OTA_KIND_APP, v2_rsa, NULL, {&mine}, NULL, 0},
            "signed with ecdsa256, but its build verifies rsa3072");
    refused((struct on){"esp32c6", OTA_KIND_APP, v2_rsa, NULL, {&rsa, &mine}, NULL, 0},
            "but its build verifies rsa3072");
    assert_ota_ok(judge((struct on){"esp32c6", OTA_KIND_APP, v2_rsa, NULL, {&rsa, &other_rsa}, NULL, 0}));
    assert_ota_ok(judge((struct on){"esp32c6", OTA_KIND_BOOTLOADER, v2_rsa, NULL, {&rsa}, NULL, 0}));
}

/* A second block of the ESP32, the ESP32-C2, and of builds without Secure Boot is never looked at. */
static void test_boot_rules_count_blocks_that_are_read(void **state) {
    static const struct {
        const char *chip;
        const struct ota_signing_config *build;
        unsigned blocks;
    } rows[] = {{"esp32", &v2_rsa, 1},
                {"esp32c2", &v2_ec, 1},
                {"esp32c6", &v2_ec, 3},
                {"esp32s3", &on_update, 1},
                {"esp32s3", NULL, 3}};
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++) {
        const struct ota_boot_rules rules = {ota_chip_by_name(ota_span_str(rows[i].chip)), rows[i].build, NULL};
        assert_int_equal(ota_boot_rules_blocks(&rules), rows[i].blocks);
    }
    refused((struct on){"esp32c6", OTA_KIND_APP, p192, NULL, {&mine}, NULL, 0},
            "signed with ecdsa256, but its build verifies ecdsa192");
    const struct ota_boot_policy signed_apps = {.count = 1, .signed_apps = true};
    const struct ota_boot_rules by_policy = {ota_chip_by_name(ota_span_str("esp32s3")), NULL, &signed_apps};
    assert_int_equal(ota_boot_rules_blocks(&by_policy), 1);
    refused((struct on){"esp32c6", OTA_KIND_APP, on_update, NULL, {&mine, &rsa}, NULL, 0},
            "signed with ecdsa256, but its build verifies rsa3072");
    assert_ota_ok(judge((struct on){"esp32c6", OTA_KIND_APP, on_update, NULL, {&rsa, &mine}, NULL, 0}));
    refused((struct on){"esp32", OTA_KIND_APP, v2_rsa, NULL, {&mine, &rsa}, NULL, 0}, "which the esp32 does not know");
}

static void test_boot_rules_name_what_is_ignored(void **state) {
    struct ota_signatures s = {.count = 2};
    char why[64];
    (void)state;
    s.block[0].scheme = s.block[1].scheme = OTA_BOOT_ECDSA256;
    struct ota_boot_rules rules = {ota_chip_by_name(ota_span_str("esp32c6")), NULL, NULL};
    assert_null(ota_boot_rules_ignored(&rules, &s, 1, why));
    rules.build = &on_update;
    assert_null(ota_boot_rules_ignored(&rules, &s, 0, why));
    assert_string_equal(ota_boot_rules_ignored(&rules, &s, 1, why), "boards look at the first signature only");
    rules = (struct ota_boot_rules){ota_chip_by_name(ota_span_str("esp32c3")), NULL, NULL};
    assert_string_equal(ota_boot_rules_ignored(&rules, &s, 1, why), "the esp32c3 does not know ecdsa256");
    rules.chip = NULL;
    assert_null(ota_boot_rules_ignored(&rules, &s, 1, why));
}

/* Who takes the keys of a bootloader for those that count. */
static void test_boot_rules_tell_who_has_secure_boot(void **state) {
    const struct ota_signing_config v1 = {.secure_boot = 1, .apps = true, .v1 = true};
    const struct ota_boot_policy none = {.count = 0}, v2 = {.count = 1},
                                 signed_apps = {.count = 1, .signed_apps = true}, by_v1 = {.count = 1, .v1 = true};
    const struct {
        const struct ota_signing_config *build;
        const struct ota_boot_policy *policy;
        bool secure_boot;
    } rows[] = {
        {NULL, NULL, false},    {&on_update, &none, false}, {&on_update, &v2, true},
        {&v2_rsa, &none, true}, {NULL, &v2, true},          {&on_update, &signed_apps, false},
        {&v1, &by_v1, false},   {&v2_ec, NULL, true},       {&(struct ota_signing_config){0}, NULL, false},
    };
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++) {
        const struct ota_boot_rules rules = {ota_chip_by_name(ota_span_str("esp32c6")), rows[i].build, rows[i].policy};
        if (ota_boot_rules_secure_boot(&rules) != rows[i].secure_boot)
            fail_msg("row %zu", i);
    }
}

static void test_boot_rules_signed_apps_contradict_secure_boot(void **state) {
    const struct ota_boot_policy signed_apps = {.count = 1, .signed_apps = true};
    (void)state;
    assert_ota(judge((struct on){"esp32c6", OTA_KIND_APP, v2_rsa, &signed_apps, {&rsa}, NULL, 0}), OTA_CONFIG);
    assert_non_null(strstr(err.msg, "the two contradict each other"));
}

/* The name of a file may come from a build folder of strangers, and the remedy is there to be pasted. */
static void test_boot_rules_quote_names_in_commands(void **state) {
    const struct ota_signing_config v1 = {.secure_boot = 1, .apps = true, .v1 = true, .signs = true};
    struct ota_signing_config remote = v2_rsa;
    (void)state;
    remote.signs = false;
    name = "a b';id";
    refused((struct on){"esp32c6", OTA_KIND_APP, v2_rsa, NULL, {0}, NULL, 0},
            "otactl sign --secure-boot KEY 'a b'\\'';id' -o 'a b'\\'';id'");
    refused((struct on){"esp32c6", OTA_KIND_APP, remote, NULL, {0}, NULL, 0},
            "otactl sign --secure-boot KEY 'a b'\\'';id' -o 'a b'\\'';id'");
    refused((struct on){"esp32", OTA_KIND_APP, v1, NULL, {0}, NULL, 0}, "--keyfile KEY 'a b'\\'';id'");
    name = "file.bin";
}

/* Bytes of an image that look like a signature are none: boards look behind it. */
static void test_boot_rules_look_behind_the_image(void **state) {
    static const struct {
        uint64_t length;
        size_t blocks;
    } rows[] = {{8192, 1}, {4097, 1}, {4096, 0}, {8193, 0}, {12000, 0}, {12288, 0}};
    OTA_CLEAN(ota_buf_free) struct ota_buf bytes = {0};
    const struct ota_sample s = sample_of("esp32c6");
    struct ota_signatures found;
    (void)state;
    sample_app(&s, &bytes);
    bytes.len = 8192;
    boot_sign(&mine, &bytes, 0);
    const struct ota_span span = ota_buf_span(&bytes);
    const struct ota_source src = memory_source(&span);
    for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++) {
        assert_ota_ok(ota_signatures_read_behind(&src, rows[i].length, &found, &err));
        if (found.count != rows[i].blocks || (found.count && !found.block[0].valid))
            fail_msg("length %u: %zu blocks", (unsigned)rows[i].length, found.count);
    }
}

/* Bootloaders are verified with Secure Boot only, and none of this is asked of boards without either. */
static void test_boot_rules_ask_by_kind(void **state) {
    (void)state;
    assert_ota_ok(judge((struct on){"esp32c6", OTA_KIND_BOOTLOADER, on_update, NULL, {0}, NULL, 0}));
    refused((struct on){"esp32c6", OTA_KIND_APP, on_update, NULL, {0}, NULL, 0}, "its configuration asks for");
    refused((struct on){"esp32c6", OTA_KIND_FACTORY, on_update, NULL, {0}, NULL, 0}, "its configuration asks for");
    refused((struct on){"esp32c6", OTA_KIND_BOOTLOADER, v2_rsa, NULL, {0}, NULL, 0}, "its configuration asks for");
    assert_ota_ok(judge((struct on){"esp32c6", OTA_KIND_APP, {0}, NULL, {0}, NULL, 0}));
    struct ota_signing_config remote = v2_rsa;
    remote.signs = false;
    refused((struct on){"esp32c6", OTA_KIND_APP, remote, NULL, {0}, NULL, 0}, "leaves signing to you");
}

/* ---- version 1 -------------------------------------------------------------------------------------------- */

static void test_boot_rules_version_1_is_another_signature(void **state) {
    const struct ota_signing_config v1 = {.secure_boot = 1, .apps = true, .v1 = true, .signs = true};
    const struct ota_signing_config unnamed = {.apps = true, .signs = true};
    (void)state;
    assert_ota_ok(judge((struct on){"esp32", OTA_KIND_APP, v1, NULL, {0}, &mine, 0}));
    refused((struct on){"esp32", OTA_KIND_APP, v1, NULL, {0}, NULL, 0}, "espsecure sign-data --version 1");
    refused((struct on){"esp32", OTA_KIND_APP, v1, NULL, {&rsa}, NULL, 0}, "carries no Secure Boot V1 signature");
    refused((struct on){"esp32", OTA_KIND_APP, v2_rsa, NULL, {0}, &mine, 0}, "carries no Secure Boot signature");
    assert_ota_ok(judge((struct on){"esp32", OTA_KIND_BOOTLOADER, v1, NULL, {0}, NULL, 0}));
    assert_ota_ok(judge((struct on){"esp32", OTA_KIND_APP, unnamed, NULL, {0}, &mine, 0}));
    assert_ota_ok(judge((struct on){"esp32", OTA_KIND_APP, unnamed, NULL, {&rsa}, NULL, 0}));
    refused((struct on){"esp32", OTA_KIND_APP, unnamed, NULL, {0}, NULL, 0}, "its configuration asks for");
}

/* It carries no key, so that only ota.conf's tells whether it holds. */
static void test_boot_rules_version_1_by_the_key_of_ota_conf(void **state) {
    struct ota_boot_policy policy = {.count = 1, .v1 = true};
    const struct ota_signing_config v1 = {.secure_boot = 1, .apps = true, .v1 = true, .signs = true};
    (void)state;
    policy.key[0].public = *ota_boot_private_public(mine.key);
    (void)ota_format(policy.key[0].name, sizeof policy.key[0].name, "%s", "keys/v1.pub");
    assert_ota_ok(judge((struct on){"esp32", OTA_KIND_APP, v1, &policy, {0}, &mine, 0}));
    assert_ota_ok(judge((struct on){"esp32", OTA_KIND_APP, {0}, &policy, {0}, &mine, 0}));
    refused((struct on){"esp32", OTA_KIND_APP, v1, &policy, {0}, &second, 0},
            "V1 signature by keys/v1.pub, which ota.conf");
    refused((struct on){"esp32", OTA_KIND_APP, v1, &policy, {0}, &mine, 1}, "V1 signature by keys/v1.pub");
    refused((struct on){"esp32", OTA_KIND_APP, {0}, &policy, {0}, NULL, 0}, "V1 signature by keys/v1.pub");
    assert_ota_ok(judge((struct on){"esp32", OTA_KIND_BOOTLOADER, v1, &policy, {0}, NULL, 0}));
    const struct ota_boot_rules rules = {ota_chip_by_name(ota_span_str("esp32")), &v1, &policy};
    assert_false(ota_boot_rules_take_sector(&rules, OTA_KIND_APP));
    const struct ota_boot_rules with_v2 = {ota_chip_by_name(ota_span_str("esp32")), &v2_rsa, NULL};
    assert_true(ota_boot_rules_take_sector(&with_v2, OTA_KIND_APP));
}

/* ---- keys that two images share --------------------------------------------------------------------------- */

static void blocks(struct ota_signatures *s, const struct boot_signer *a, const struct boot_signer *b) {
    const struct boot_signer *by[] = {a, b};
    *s = (struct ota_signatures){0};
    for (size_t i = 0; i < 2 && by[i]; i++) {
        s->block[s->count].valid = true;
        memcpy(s->block[s->count++].key_digest, by[i]->digest, OTA_SHA256_LEN);
    }
}

static void test_boot_rules_images_share_a_key_that_counts(void **state) {
    struct ota_signatures a, b, none = {0};
    (void)state;
    blocks(&a, &mine, &second);
    blocks(&b, &second, NULL);
    assert_true(ota_signatures_share_key(&a, &b, 3));
    assert_true(ota_signatures_share_key(&b, &a, 3));
    assert_false(ota_signatures_share_key(&a, &b, 1));
    assert_false(ota_signatures_share_key(&a, &none, 3));
    a.block[1].valid = false;
    assert_false(ota_signatures_share_key(&a, &b, 3));
    assert_false(ota_signatures_share_key(&b, &a, 3));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boot_rules_every_block_holds),
        cmocka_unit_test(test_boot_rules_scheme_suits_the_chip),
        cmocka_unit_test(test_boot_rules_scheme_suits_the_build),
        cmocka_unit_test(test_boot_rules_count_blocks_that_are_read),
        cmocka_unit_test(test_boot_rules_name_what_is_ignored),
        cmocka_unit_test(test_boot_rules_tell_who_has_secure_boot),
        cmocka_unit_test(test_boot_rules_signed_apps_contradict_secure_boot),
        cmocka_unit_test(test_boot_rules_quote_names_in_commands),
        cmocka_unit_test(test_boot_rules_look_behind_the_image),
        cmocka_unit_test(test_boot_rules_ask_by_kind),
        cmocka_unit_test(test_boot_rules_version_1_is_another_signature),
        cmocka_unit_test(test_boot_rules_version_1_by_the_key_of_ota_conf),
        cmocka_unit_test(test_boot_rules_images_share_a_key_that_counts),
    };
    return cmocka_run_group_tests_name("boot_rules", tests, begin, end);
}
