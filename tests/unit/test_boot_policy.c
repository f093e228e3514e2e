/* SPDX-License-Identifier: Apache-2.0 */
/* Which signatures ota.conf requires, and that push refuses what lacks them. Keys: what is taken for one. */
#include "host/boot_policy.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/crypto.h"
#include "host/fs.h"
#include "image/sample_folder.h"
#include "release/build.h"
#include "support/boot_signer.h"
#include "support/images.h"
#include "support/unit.h"

static struct ota_err err;
static char *dir;
static struct boot_signer mine, second, foreign; /* P-256 */

static int begin(void **state) {
    (void)state;
    dir = ota_strdup("/tmp/ota-policy-XXXXXX");
    boot_signer_make(&mine, OTA_BOOT_ECDSA256);
    boot_signer_make(&second, OTA_BOOT_ECDSA256);
    boot_signer_make(&foreign, OTA_BOOT_ECDSA256);
    return mkdtemp(dir) ? 0 : -1;
}

static int end(void **state) {
    (void)state;
    boot_signer_free(&mine);
    boot_signer_free(&second);
    boot_signer_free(&foreign);
    int failed = ota_fs_remove_tree(dir, &err) != OTA_OK;
    free(dir);
    return failed;
}

static char *put(const char *name, const void *p, size_t n) {
    char *path = ota_sprintf("%s/%s", dir, name);
    assert_ota_ok(ota_fs_write(path, p, n, 0644, &err));
    return path;
}

static void put_public(const char *name, const struct boot_signer *s) {
    OTA_CLEAN(ota_buf_free) struct ota_buf pem = {0};
    assert_ota_ok(ota_boot_private_write_public(s->key, &pem, &err));
    free(put(name, pem.p, pem.len));
}

static enum ota_status read_policy(const char *chip, const char *lines, struct ota_boot_policy *out) {
    OTA_CLEAN_FREE char *text = ota_sprintf("[product thermo]\nchip = %s\n%s\n", chip, lines);
    struct ota_workspace w = {.dir = dir};
    OTA_TRY(ota_config_parse(ota_span_str(text), "ota.conf", &w.config, &err));
    return ota_boot_policy_read(&w, &w.config.product[0], out, &err);
}

static void policy_fails(const char *chip, const char *lines, const char *part) {
    struct ota_boot_policy policy;
    assert_ota(read_policy(chip, lines, &policy), OTA_CONFIG);
    if (!strstr(err.msg, part))
        fail_msg("\"%s\" is not in \"%s\"", part, err.msg);
}

/* ---- ota.conf --------------------------------------------------------------------------------------------- */

static void test_boot_policy_takes_keys_and_digests(void **state) {
    struct ota_boot_policy policy;
    char hex[OTA_SHA256_HEX_LEN + 1];
    (void)state;
    put_public("mine.pub", &mine);
    free(put("second.bin", second.digest, 32));
    ota_hex_encode(foreign.digest, 32, hex);
    OTA_CLEAN_FREE char *lines = ota_sprintf("secure_boot = mine.pub, second.bin %s\nsigned_data = yes", hex);
    assert_ota_ok(read_policy("esp32c6", lines, &policy));
    assert_int_equal(policy.count, 3);
    assert_memory_equal(policy.key[0].public.digest.byte, mine.digest, 32);
    assert_memory_equal(policy.key[1].public.digest.byte, second.digest, 32);
    assert_memory_equal(policy.key[2].public.digest.byte, foreign.digest, 32);
    assert_false(policy.signed_apps);
    assert_true(policy.signed_data);
    assert_ota_ok(read_policy("esp32c6", "", &policy));
    assert_int_equal(policy.count, 0);
    assert_ota_ok(read_policy("esp32c6", "secure_boot =\nsigned_data = no", &policy));
    assert_int_equal(policy.count, 0);
    OTA_CLEAN_FREE char *half = ota_sprintf("secure_boot = %.32s", hex);
    assert_ota_ok(read_policy("esp32c2", half, &policy));
    assert_int_equal(policy.key[0].public.digest.len, 16);
    policy_fails("esp32c6", half, "is the ESP32-C2's");
}

/* 32 bytes may be a digest, or the text of the ESP32-C2's: nobody's digest is made of hex digits. */
static void test_boot_policy_takes_files_of_hex_digits(void **state) {
    char hex[OTA_SHA256_HEX_LEN + 2];
    struct ota_boot_policy policy;
    (void)state;
    ota_hex_encode(mine.digest, 32, hex);
    free(put("c2.hex", hex, 32));
    assert_ota_ok(read_policy("esp32c2", "secure_boot = c2.hex", &policy));
    assert_int_equal(policy.key[0].public.digest.len, 16);
    assert_memory_equal(policy.key[0].public.digest.byte, mine.digest, 16);
    policy_fails("esp32c6", "secure_boot = c2.hex", "is the ESP32-C2's");
    hex[64] = '\n';
    for (size_t n = 64; n <= 65; n++) {
        free(put("whole.hex", hex, n));
        assert_ota_ok(read_policy("esp32c6", "secure_boot = whole.hex", &policy));
        assert_int_equal(policy.key[0].public.digest.len, 32);
        assert_memory_equal(policy.key[0].public.digest.byte, mine.digest, 32);
    }
    free(put("odd.hex", hex, 63));
    policy_fails("esp32c6", "secure_boot = odd.hex", "neither a public key");
}

static void test_boot_policy_refuses_and_says_why(void **state) {
    OTA_CLEAN_FREE char *private = ota_sprintf("%s/mine.pem", dir);
    const struct ota_buf no_passphrase = {0};
    struct ota_boot_policy policy;
    (void)state;
    put_public("mine.pub", &mine);
    assert_ota_ok(ota_boot_private_save(mine.key, private, &no_passphrase, &err));
    policy_fails("esp32c6", "secure_boot = mine.pem", "neither a public key");
    policy_fails("esp32c6", "secure_boot = a b c d", "more than 3 keys");
    policy_fails("esp32c6", "signed_apps = mine.pub mine.pub", "takes one key");
    policy_fails("esp32c6", "signed_apps = mine.pub\nsecure_boot = mine.pub", "exclude each other");
    policy_fails("esp32c6", "secure_boot = mine.pub\nsigned_apps = mine.pub", "exclude each other");
    policy_fails("esp32c6", "signed_data = yes", "needs secure_boot or signed_apps");
    policy_fails("esp32c6", "signed_data = perhaps", "yes or no");
    policy_fails("esp32c2", "secure_boot = mine.pub mine.pub", "has room for 1 key");
    assert_ota(read_policy("esp32c6", "secure_boot = nothing.pub", &policy), OTA_NOT_FOUND);
}

/* A key file tells its scheme, a digest does not. */
static void test_boot_policy_refuses_keys_that_the_chip_does_not_know(void **state) {
    struct ota_boot_policy policy;
    char hex[OTA_SHA256_HEX_LEN + 1];
    (void)state;
    put_public("mine.pub", &mine);
    policy_fails("esp32c3", "secure_boot = mine.pub", "secure_boot: mine.pub is a key of P-256, which the esp32c3");
    policy_fails("esp32s3", "signed_apps = mine.pub", "signed_apps: mine.pub is a key of P-256, which the esp32s3");
    ota_hex_encode(mine.digest, 32, hex);
    OTA_CLEAN_FREE char *digest = ota_sprintf("secure_boot = %s", hex);
    assert_ota_ok(read_policy("esp32c3", digest, &policy));
    assert_ota_ok(read_policy("esp32c2", "secure_boot = mine.pub", &policy));
    assert_false(policy.v1);
}

/* An ESP32 knows RSA in version 2 and P-256 in version 1. */
static void test_boot_policy_of_p256_on_the_esp32_is_version_1(void **state) {
    struct ota_boot_policy policy;
    (void)state;
    put_public("mine.pub", &mine);
    assert_ota_ok(read_policy("esp32", "secure_boot = mine.pub", &policy));
    assert_true(policy.v1);
    assert_true(ota_boot_policy_wants(&policy, OTA_KIND_APP));
    assert_false(ota_boot_policy_wants(&policy, OTA_KIND_BOOTLOADER));
    assert_ota_ok(read_policy("esp32", "signed_apps = mine.pub", &policy));
    assert_true(policy.v1);
    policy_fails("esp32", "secure_boot = mine.pub\nsigned_data = yes", "signed_data: mine.pub is a key of version 1");
}

/* ---- blocks ----------------------------------------------------------------------------------------------- */

static void blocks(struct ota_signatures *s, const struct boot_signer *a, const struct boot_signer *b) {
    const struct boot_signer *by[] = {a, b};
    *s = (struct ota_signatures){0};
    for (size_t i = 0; i < 2 && by[i]; i++) {
        s->block[s->count] =
            (struct ota_signature_block){.scheme = OTA_BOOT_ECDSA256, .crc_ok = true, .digest_ok = true, .valid = true};
        memcpy(s->block[s->count++].key_digest, by[i]->digest, 32);
    }
}

static enum ota_status check(const struct ota_boot_policy *policy, const char *chip, const struct boot_signer *a,
                             const struct boot_signer *b) {
    struct ota_signatures s;
    blocks(&s, a, b);
    return ota_boot_policy_check(policy, ota_chip_by_name(ota_span_str(chip)), &s, &err);
}

static void test_boot_policy_wants_every_key(void **state) {
    struct ota_boot_policy one, both;
    struct ota_signatures s;
    (void)state;
    put_public("mine.pub", &mine);
    put_public("second.pub", &second);
    assert_ota_ok(read_policy("esp32c6", "secure_boot = mine.pub", &one));
    assert_ota_ok(read_policy("esp32c6", "secure_boot = mine.pub second.pub", &both));
    assert_ota_ok(check(&one, "esp32c6", &mine, NULL));
    assert_ota_ok(check(&one, "esp32c6", &foreign, &mine));
    assert_ota(check(&one, "esp32c6", &foreign, NULL), OTA_SIGNATURE);
    assert_ota(check(&one, "esp32c6", NULL, NULL), OTA_SIGNATURE);
    assert_ota_ok(check(&both, "esp32c6", &second, &mine));
    assert_ota(check(&both, "esp32c6", &mine, &foreign), OTA_SIGNATURE);
    assert_non_null(strstr(err.msg, "second.pub"));
    assert_ota(check(&one, "esp32c2", &foreign, &mine), OTA_SIGNATURE); /* it reads one block */
    assert_non_null(strstr(err.msg, "another block than the first"));
    assert_ota(check(&one, "esp32c3", &mine, NULL),
               OTA_SIGNATURE); /* it knows RSA only; the policy is another chip's */
    blocks(&s, &mine, NULL);
    s.block[0].valid = false;
    assert_ota(ota_boot_policy_check(&one, ota_chip_by_name(ota_span_str("esp32c6")), &s, &err), OTA_SIGNATURE);
}

/* Without Secure Boot ESP-IDF compares first block with first block. */
static void test_boot_policy_of_signed_apps_reads_the_first_block(void **state) {
    struct ota_boot_policy policy;
    (void)state;
    put_public("mine.pub", &mine);
    assert_ota_ok(read_policy("esp32c6", "signed_apps = mine.pub", &policy));
    assert_ota_ok(check(&policy, "esp32c6", &mine, &foreign));
    assert_ota(check(&policy, "esp32c6", &foreign, &mine), OTA_SIGNATURE);
    assert_non_null(strstr(err.msg, "another block than the first"));
    assert_true(ota_boot_policy_wants(&policy, OTA_KIND_APP));
    assert_true(ota_boot_policy_wants(&policy, OTA_KIND_FACTORY));
    assert_false(ota_boot_policy_wants(&policy, OTA_KIND_BOOTLOADER));
    policy.signed_apps = false;
    assert_true(ota_boot_policy_wants(&policy, OTA_KIND_BOOTLOADER));
    assert_false(ota_boot_policy_wants(&policy, OTA_KIND_DATA));
    assert_false(ota_boot_policy_wants(NULL, OTA_KIND_APP));
}

/* ---- push ------------------------------------------------------------------------------------------------- */

static const char *const channels[] = {"stable", NULL};

static enum ota_status build(const struct ota_boot_policy *policy, const char *folder, const char *with) {
    const char *const list[] = {with, NULL};
    OTA_CLEAN(ota_build_free) struct ota_build b;
    const struct ota_build_options o = {.product = "thermo",
                                        .chip = "esp32c6",
                                        .channels = channels,
                                        .with = list,
                                        .compatible = true,
                                        .accept_risk = true,
                                        .policy = policy};
    return ota_build_open_folder(&b, &o, folder, &err);
}

/* The file of a build, signed in place. */
static void sign_in_place(const char *folder, const char *name, struct boot_signer *s, unsigned block) {
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", folder, name);
    OTA_CLEAN(ota_buf_free) struct ota_buf file = {0};
    assert_ota_ok(ota_fs_read(path, 1 << 20, &file, &err));
    boot_sign(s, &file, block);
    assert_ota_ok(ota_fs_write(path, file.p, file.len, 0644, &err));
}

static char *build_folder(const char *name) {
    char *folder = ota_sprintf("%s/%s", dir, name);
    struct ota_sample s = sample_of("esp32c6");
    s.project = "hello";
    assert_ota_ok(ota_sample_folder(&s, folder, &ota_crypto_openssl, &err));
    return folder;
}

static void edit_config(const char *folder, const char *from, const char *to) {
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/config/sdkconfig.json", folder);
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0}, edited = {0};
    assert_ota_ok(ota_fs_read(path, 1 << 16, &text, &err));
    const char *at = strstr(ota_buf_text(&text), from);
    assert_non_null(at);
    ota_buf_printf(&edited, "%.*s%s%s", (int)(at - ota_buf_text(&text)), ota_buf_text(&text), to, at + strlen(from));
    assert_ota_ok(ota_fs_write(path, edited.p, edited.len, 0644, &err));
}

static void refuses(const struct ota_boot_policy *policy, const char *folder, const char *with, const char *part) {
    assert_ota(build(policy, folder, with), OTA_SIGNATURE);
    if (!strstr(err.msg, part))
        fail_msg("\"%s\" is not in \"%s\"", part, err.msg);
}

static void test_boot_policy_holds_a_push(void **state) {
    struct ota_boot_policy policy;
    OTA_CLEAN_FREE char *folder = build_folder("push");
    (void)state;
    put_public("mine.pub", &mine);
    put_public("second.pub", &second);
    assert_ota_ok(read_policy("esp32c6", "secure_boot = mine.pub", &policy));
    assert_ota_ok(build(NULL, folder, NULL));
    refuses(&policy, folder, NULL, "hello.bin: carries no Secure Boot signature, which ota.conf requires");
    refuses(&policy, folder, NULL, "otactl sign --secure-boot KEY");
    sign_in_place(folder, "hello.bin", &foreign, 0);
    refuses(&policy, folder, NULL, "by mine.pub");
    refuses(&policy, folder, NULL, "--append");
    sign_in_place(folder, "hello.bin", &mine, 1);
    assert_ota_ok(build(&policy, folder, NULL));
    refuses(&policy, folder, "@bootloader", "bootloader/bootloader.bin: carries no");
    sign_in_place(folder, "bootloader/bootloader.bin", &mine, 0);
    assert_ota_ok(build(&policy, folder, "@bootloader"));
    assert_ota_ok(read_policy("esp32c6", "signed_apps = mine.pub", &policy));
    refuses(&policy, folder, NULL, "another block than the first");
    if (strstr(err.msg, "--append"))
        fail_msg("one more signature would not help: %s", err.msg);
}

static void test_boot_policy_holds_signed_data(void **state) {
    struct ota_boot_policy policy;
    OTA_CLEAN_FREE char *folder = build_folder("data");
    OTA_CLEAN_FREE char *table = ota_sprintf("%s/partition_table/partition-table.bin", folder);
    OTA_CLEAN_FREE char *storage = ota_sprintf("%s/storage.bin", folder);
    OTA_CLEAN(ota_buf_free) struct ota_buf bytes = {0};
    (void)state;
    put_public("mine.pub", &mine);
    assert_ota_ok(read_policy("esp32c6", "secure_boot = mine.pub\nsigned_data = yes", &policy));
    sign_in_place(folder, "hello.bin", &mine, 0);
    assert_ota_ok(ota_fs_read(table, 4096, &bytes, &err));
    assert_ota_ok(truncate(storage, 5000) == 0 ? OTA_OK : OTA_IO);
    uint8_t *row = bytes.p;
    while (memcmp(row + 12, "storage", 8) != 0)
        row += 32;
    if (row[3] != OTA_DATA_UNDEFINED) {
        assert_ota_ok(build(&policy, folder, "storage")); /* of another subtype: nobody looks */
        row[3] = OTA_DATA_UNDEFINED;
        uint8_t *md5 = bytes.p;
        while (md5[0] != 0xEB)
            md5 += 32;
        assert_int_equal(EVP_Digest(bytes.p, (size_t)(md5 - bytes.p), md5 + 16, NULL, EVP_md5(), NULL), 1);
        assert_ota_ok(ota_fs_write(table, bytes.p, bytes.len, 0644, &err));
    }
    refuses(&policy, folder, "storage", "storage.bin: carries no");
    sign_in_place(folder, "storage.bin", &mine, 0);
    assert_ota_ok(build(&policy, folder, "storage"));
    policy.signed_data = false;
    edit_config(folder, "{", "{\"SECURE_SIGNED_DATA_PARTITION\":true,");
    assert_ota_ok(build(&policy, folder, "storage"));
    assert_int_equal(truncate(storage, 8192), 0);
    refuses(&policy, folder, "storage", "storage.bin: carries no");
}

/* With remote signing <project>.bin is the unsigned one; and a build verifies one scheme. */
static void test_boot_policy_explains_remote_signing(void **state) {
    OTA_CLEAN_FREE char *folder = build_folder("remote");
    (void)state;
    edit_config(folder, "NO_SECURE_BOOT\":\tfalse", "NO_SECURE_BOOT\":true,\"SECURE_SIGNED_APPS_RSA_SCHEME\":true");
    refuses(NULL, folder, NULL, "leaves signing to you (CONFIG_SECURE_BOOT_BUILD_SIGNED_BINARIES is off)");
    sign_in_place(folder, "hello.bin", &mine, 0);
    refuses(NULL, folder, NULL, "is signed with ecdsa256, but its build verifies rsa3072");
    edit_config(folder, "APPS_RSA_SCHEME\":true",
                "APPS_ECDSA_V2_SCHEME\":true,\"SECURE_BOOT_ECDSA_KEY_LEN_256_BITS\":true");
    assert_ota_ok(build(NULL, folder, NULL));
    OTA_CLEAN_FREE char *app = ota_sprintf("%s/hello.bin", folder);
    OTA_CLEAN(ota_buf_free) struct ota_buf file = {0};
    assert_ota_ok(ota_fs_read(app, 1 << 20, &file, &err));
    file.p[file.len - OTA_SECTOR + 101] ^= 1;
    boot_sign_reseal(&file, 0);
    assert_ota_ok(ota_fs_write(app, file.p, file.len, 0644, &err));
    refuses(NULL, folder, NULL, "block 0 does not hold");
}

/* ---- keys ------------------------------------------------------------------------------------------------- */

static char *put_private(const char *name, EVP_PKEY *key, mode_t mode) {
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    long n = BIO_get_mem_data(bio, &text);
    char *path = put(name, text, (size_t)n);
    assert_int_equal(chmod(path, mode), 0);
    BIO_free(bio);
    return path;
}

static void loads(EVP_PKEY *key, mode_t mode, enum ota_status wanted, enum ota_boot_scheme scheme) {
    OTA_CLEAN_FREE char *path = put_private("some.pem", key, mode);
    OTA_CLEAN(ota_boot_private_free) struct ota_boot_private *loaded = NULL;
    assert_ota(ota_boot_private_load(path, NULL, &loaded, &err), wanted);
    if (wanted == OTA_OK)
        assert_int_equal(ota_boot_private_public(loaded)->scheme, scheme);
    EVP_PKEY_free(key);
}

static void test_boot_policy_keys_are_of_secure_boot(void **state) {
    struct ota_boot_private *none = NULL;
    (void)state;
    loads(EVP_EC_gen("P-256"), 0600, OTA_OK, OTA_BOOT_ECDSA256);
    loads(EVP_EC_gen("P-384"), 0600, OTA_OK, OTA_BOOT_ECDSA384);
    loads(EVP_EC_gen("P-192"), 0600, OTA_OK, OTA_BOOT_ECDSA192); /* to verify with */
    loads(EVP_EC_gen("P-521"), 0600, OTA_KEY, OTA_BOOT_UNKNOWN);
    loads(EVP_EC_gen("secp256k1"), 0600, OTA_KEY, OTA_BOOT_UNKNOWN);
    loads(EVP_RSA_gen(2048), 0600, OTA_KEY, OTA_BOOT_UNKNOWN);
    loads(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), 0600, OTA_KEY, OTA_BOOT_UNKNOWN);
    loads(EVP_EC_gen("P-256"), 0644, OTA_PERMISSION, OTA_BOOT_UNKNOWN);
    assert_ota(ota_boot_private_generate(OTA_BOOT_ECDSA192, &none, &err), OTA_UNSUPPORTED);
}

static void test_boot_policy_keys_are_saved_encrypted(void **state) {
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/locked.pem", dir);
    OTA_CLEAN(ota_boot_private_free) struct ota_boot_private *again = NULL;
    struct ota_buf word = {.p = (uint8_t *)(uintptr_t) "four words of mine", .len = 18};
    struct ota_passphrase known = {.known = &word}, nothing = {0};
    (void)state;
    assert_ota_ok(ota_boot_private_save(mine.key, path, &word, &err));
    assert_ota(ota_boot_private_save(mine.key, path, &word, &err), OTA_EXISTS);
    assert_ota(ota_boot_private_load(path, &nothing, &again, &err), OTA_PERMISSION);
    assert_ota_ok(ota_boot_private_load(path, &known, &again, &err));
    assert_memory_equal(ota_boot_private_public(again)->digest.byte, mine.digest, 32);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boot_policy_takes_keys_and_digests),
        cmocka_unit_test(test_boot_policy_takes_files_of_hex_digits),
        cmocka_unit_test(test_boot_policy_refuses_and_says_why),
        cmocka_unit_test(test_boot_policy_refuses_keys_that_the_chip_does_not_know),
        cmocka_unit_test(test_boot_policy_of_p256_on_the_esp32_is_version_1),
        cmocka_unit_test(test_boot_policy_wants_every_key),
        cmocka_unit_test(test_boot_policy_of_signed_apps_reads_the_first_block),
        cmocka_unit_test(test_boot_policy_holds_a_push),
        cmocka_unit_test(test_boot_policy_holds_signed_data),
        cmocka_unit_test(test_boot_policy_explains_remote_signing),
        cmocka_unit_test(test_boot_policy_keys_are_of_secure_boot),
        cmocka_unit_test(test_boot_policy_keys_are_saved_encrypted),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
