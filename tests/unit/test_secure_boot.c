/* SPDX-License-Identifier: Apache-2.0 */
/* Secure Boot v2 of the simulated chip: which signatures let an image boot, by eFuse, block and bit. */
#include "host/crypto.h"
#include "host/signature.h"
#include "sim/secure_boot.h"
#include "support/boot_signer.h"
#include "support/images.h"
#include "support/unit.h"
#include "support/virtual_world.h"

static struct ota_err err;

static enum ota_status check(const char *chip, const struct ota_secure_boot_keys *keys, const struct ota_buf *image) {
    const struct ota_span bytes = ota_buf_span(image);
    const struct ota_source src = memory_source(&bytes);
    struct ota_image read;
    assert_ota_ok(ota_image_read(&src, &ota_crypto_openssl, &read, &err));
    return ota_secure_boot_check(ota_chip_by_name(ota_span_str(chip)), keys, &src, read.length, &err);
}

static struct ota_buf unsigned_app(const char *chip) {
    struct ota_buf out = {0};
    const struct ota_sample s = sample_of(chip);
    sample_app(&s, &out);
    return out;
}

static void trust(struct ota_secure_boot_keys *keys, const struct boot_signer *s) {
    memcpy(keys->digest[keys->count++], s->digest, sizeof s->digest);
}

static void refuses(const char *chip, const struct ota_secure_boot_keys *keys, const struct ota_buf *image,
                    const char *why) {
    assert_ota(check(chip, keys, image), OTA_SIGNATURE);
    if (!strstr(err.msg, why))
        fail_msg("\"%s\" is not in \"%s\"", why, err.msg);
}

/* Offsets in a block: of the signature's first byte. */
static void scheme_works(enum ota_boot_scheme scheme, size_t signature_at) {
    struct boot_signer s, other;
    struct ota_secure_boot_keys keys = {0}, others = {0};
    OTA_CLEAN(ota_buf_free) struct ota_buf image = unsigned_app("esp32c5");
    boot_signer_make(&s, scheme);
    boot_signer_make(&other, OTA_BOOT_ECDSA256);
    boot_sign(&other, &image, 0);
    trust(&others, &other);
    image.len -= OTA_SECTOR;
    boot_sign(&s, &image, 0);
    trust(&keys, &s);
    assert_ota_ok(check("esp32c5", &keys, &image));
    refuses("esp32c5", &others, &image, "no eFuse trusts the key");
    uint8_t *block = image.p + image.len - OTA_SECTOR;
    block[signature_at] ^= 1;
    refuses("esp32c5", &keys, &image, "block is damaged");
    boot_sign_reseal(&image, 0);
    refuses("esp32c5", &keys, &image, "signature does not verify");
    block[signature_at] ^= 1;
    boot_sign_reseal(&image, 0);
    assert_ota_ok(check("esp32c5", &keys, &image));
    image.p[image.len - OTA_SECTOR - 1] ^= 1; /* the last byte it covers */
    refuses("esp32c5", &keys, &image, "made over other bytes");
    boot_signer_free(&s);
    boot_signer_free(&other);
}

static void test_secure_boot_takes_rsa(void **state) {
    (void)state;
    scheme_works(OTA_BOOT_RSA3072, 812);
}

static void test_secure_boot_takes_p256(void **state) {
    (void)state;
    scheme_works(OTA_BOOT_ECDSA256, 101);
}

static void test_secure_boot_takes_p384(void **state) {
    (void)state;
    scheme_works(OTA_BOOT_ECDSA384, 149);
}

/* The digest in the block is right and its signature is good, but of another digest. */
static void test_secure_boot_compares_digest_and_signature(void **state) {
    struct boot_signer s;
    struct ota_secure_boot_keys keys = {0};
    OTA_CLEAN(ota_buf_free) struct ota_buf image = unsigned_app("esp32c3"), changed = {0};
    (void)state;
    boot_signer_make(&s, OTA_BOOT_ECDSA256);
    boot_sign(&s, &image, 0);
    trust(&keys, &s);
    size_t body = image.len - OTA_SECTOR;
    ota_buf_append(&changed, image.p, body);
    changed.p[body - 1] ^= 1;
    boot_sign(&s, &changed, 0);
    memcpy(changed.p + body + 101, image.p + body + 101, 64); /* r and s of the other image */
    boot_sign_reseal(&changed, 0);
    refuses("esp32c3", &keys, &changed, "signature does not verify");
    boot_signer_free(&s);
}

static void test_secure_boot_wants_a_signature_once_a_key_is_burnt(void **state) {
    struct ota_secure_boot_keys none = {0}, keys = {.count = 1};
    OTA_CLEAN(ota_buf_free) struct ota_buf image = unsigned_app("esp32c3");
    (void)state;
    assert_ota_ok(check("esp32c3", &none, &image));
    refuses("esp32c3", &keys, &image, "no room for a signature");
    ota_buf_reserve(&image, 3 * OTA_SECTOR);
    memset(image.p + image.len, 0xFF, 3 * OTA_SECTOR);
    image.len += 3 * OTA_SECTOR;
    refuses("esp32c3", &keys, &image, "not signed");
}

/* Three keys and three blocks, any pair; one of each on the older chips. */
static void test_secure_boot_blocks_and_keys_depend_on_the_chip(void **state) {
    struct boot_signer a, b, c;
    struct ota_secure_boot_keys only_b = {0}, c_then_b = {0};
    OTA_CLEAN(ota_buf_free) struct ota_buf image = unsigned_app("esp32c3");
    (void)state;
    boot_signer_make(&a, OTA_BOOT_ECDSA256);
    boot_signer_make(&b, OTA_BOOT_ECDSA256);
    boot_signer_make(&c, OTA_BOOT_ECDSA384);
    boot_sign(&a, &image, 0);
    boot_sign(&b, &image, 1);
    OTA_CLEAN(ota_buf_free) struct ota_buf other = unsigned_app("esp32c3");
    boot_sign(&c, &other, 0); /* to learn its digest */
    trust(&only_b, &b);
    trust(&c_then_b, &c);
    trust(&c_then_b, &b);
    assert_ota_ok(check("esp32c3", &only_b, &image));
    assert_ota_ok(check("esp32c3", &c_then_b, &image));
    refuses("esp32", &only_b, &image, "no eFuse trusts the key");
    boot_sign(&b, &other, 0);
    refuses("esp32", &c_then_b, &image, "no eFuse trusts the key");
    boot_signer_free(&a);
    boot_signer_free(&b);
    boot_signer_free(&c);
}

/* eFuse of the ESP32-C2 keeps half of the digest. */
static void test_secure_boot_compares_half_a_digest_on_the_c2(void **state) {
    struct boot_signer s;
    struct ota_secure_boot_keys keys = {0};
    OTA_CLEAN(ota_buf_free) struct ota_buf image = unsigned_app("esp32c2");
    (void)state;
    boot_signer_make(&s, OTA_BOOT_ECDSA256);
    boot_sign(&s, &image, 0);
    trust(&keys, &s);
    memset(keys.digest[0] + 16, 0, 16);
    assert_ota_ok(check("esp32c2", &keys, &image));
    refuses("esp32c3", &keys, &image, "no eFuse trusts the key");
    keys.digest[0][15] ^= 1;
    refuses("esp32c2", &keys, &image, "no eFuse trusts the key");
    boot_signer_free(&s);
}

/* What Espressif's own tool signed, and its digest of the RSA key. */
static void test_secure_boot_agrees_with_espsecure(void **state) {
    static const char *const real[] = {"bootloader_signed_v2_rsa.bin", "bootloader_multi_signed_v2_rsa.bin",
                                       "bootloader_signed_v2_ecdsa256.bin"};
    OTA_CLEAN(ota_buf_free) struct ota_buf rsa = {0};
    (void)state;
    if (!reference_image("rsa_public_key_digest.bin", &rsa))
        skip();
    for (size_t i = 0; i < OTA_ARRAY_LEN(real); i++) {
        struct ota_secure_boot_keys keys = {.count = 1};
        struct ota_signatures found;
        OTA_CLEAN(ota_buf_free) struct ota_buf image = {0};
        assert_true(reference_image(real[i], &image));
        const struct ota_span bytes = ota_buf_span(&image);
        const struct ota_source src = memory_source(&bytes);
        assert_ota_ok(ota_signatures_read(&src, image.len, &found, &err));
        memcpy(keys.digest[0], found.block[0].key_digest, sizeof keys.digest[0]);
        if (strstr(real[i], "rsa"))
            assert_memory_equal(keys.digest[0], rsa.p, rsa.len);
        assert_ota_ok(check("esp32", &keys, &image));
        keys.digest[0][0] ^= 1;
        refuses("esp32", &keys, &image, "no eFuse trusts the key");
    }
}

/* ---- eFuse --------------------------------------------------------------------------------------------- */

static struct ota_efuse efuse(void) {
    return (struct ota_efuse){
        .chip = ota_chip_by_name(ota_span_str("esp32c3")),
        .secure_version = 7,
        .boot = {.secure_boot = 2, .table_offset = OTA_TABLE_DEFAULT_OFFSET},
    };
}

static void test_secure_boot_keys_lie_in_efuse(void **state) {
    uint8_t bytes[OTA_EFUSE_SIZE];
    struct ota_efuse e = efuse(), back;
    (void)state;
    e.keys.count = 3;
    for (unsigned i = 0; i < 3; i++)
        memset(e.keys.digest[i], (int)(0x10 + i), sizeof e.keys.digest[i]);
    ota_efuse_encode(&e, VIRTUAL_FLASH_SIZE, bytes);
    assert_ota_ok(ota_efuse_decode(bytes, VIRTUAL_FLASH_SIZE, &back, &err));
    assert_int_equal(back.keys.count, 3);
    assert_memory_equal(back.keys.digest, e.keys.digest, sizeof e.keys.digest);
    bytes[100] ^= 1;
    assert_ota(ota_efuse_decode(bytes, VIRTUAL_FLASH_SIZE, &back, &err), OTA_JOURNAL);
}

static void test_secure_boot_reads_an_efuse_without_keys(void **state) {
    uint8_t bytes[OTA_EFUSE_SIZE];
    struct ota_efuse e = efuse(), back;
    (void)state;
    ota_efuse_encode(&e, VIRTUAL_FLASH_SIZE, bytes);
    memset(bytes + 40, 0xFF, sizeof bytes - 40);
    ota_put_le32(bytes + 8, 1); /* form 1 */
    ota_put_le32(bytes + 40, ota_crc32(0, bytes, 40));
    assert_ota_ok(ota_efuse_decode(bytes, VIRTUAL_FLASH_SIZE, &back, &err));
    assert_int_equal(back.secure_version, 7);
    assert_int_equal(back.keys.count, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_secure_boot_takes_rsa),
        cmocka_unit_test(test_secure_boot_takes_p256),
        cmocka_unit_test(test_secure_boot_takes_p384),
        cmocka_unit_test(test_secure_boot_compares_digest_and_signature),
        cmocka_unit_test(test_secure_boot_wants_a_signature_once_a_key_is_burnt),
        cmocka_unit_test(test_secure_boot_blocks_and_keys_depend_on_the_chip),
        cmocka_unit_test(test_secure_boot_compares_half_a_digest_on_the_c2),
        cmocka_unit_test(test_secure_boot_agrees_with_espsecure),
        cmocka_unit_test(test_secure_boot_keys_lie_in_efuse),
        cmocka_unit_test(test_secure_boot_reads_an_efuse_without_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
