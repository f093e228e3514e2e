/* SPDX-License-Identifier: Apache-2.0 */
/* Encrypted NVS partitions: the generator's bytes, and back; keys that are none. */
#include "host/crypto.h"
#include "image/nvs_encrypt.h"
#include "support/unit.h"

static struct ota_err err;

static void count_up(uint8_t key[OTA_NVS_KEY_LEN]) {
    for (unsigned i = 0; i < OTA_NVS_KEY_LEN; i++)
        key[i] = (uint8_t)i;
}

/* The rows storage,namespace / x,u8,1 / s,string,hello / b,hex2bin,DEADBEEF. */
static void write_reference(struct ota_nvs_writer *w) {
    assert_ota_ok(ota_nvs_writer_init(w, 0x3000, &err));
    assert_ota_ok(ota_nvs_namespace(w, "storage", &err));
    assert_ota_ok(ota_nvs_put_number(w, "x", OTA_NVS_U8, 1, &err));
    assert_ota_ok(ota_nvs_put_string(w, "s", "hello", &err));
    assert_ota_ok(ota_nvs_put_blob(w, "b", "\xDE\xAD\xBE\xEF", 4, &err));
}

static void test_nvs_encrypt_equals_the_generator(void **state) {
    OTA_CLEAN(ota_nvs_writer_free) struct ota_nvs_writer w;
    OTA_CLEAN(ota_nvs_writer_free) struct ota_nvs_writer plain;
    uint8_t key[OTA_NVS_KEY_LEN], sha[OTA_SHA256_LEN];
    char hex[65];
    (void)state;
    count_up(key);
    write_reference(&w);
    write_reference(&plain);
    assert_ota_ok(ota_nvs_encrypt(w.image, w.size, key, &err));
    assert_ota_ok(ota_sha256(&ota_crypto_openssl, w.image, w.size, sha, &err));
    ota_hex_encode(sha, sizeof sha, hex);
    assert_string_equal(hex, "7f483ea2d96ae8b04bd5ef84f4074f89c41e5d4d9470d5ad6cc625d438ac69c9");
    assert_ota(ota_nvs_each((struct ota_span){w.image, w.size}, NULL, NULL, &err), OTA_JOURNAL);
    assert_ota_ok(ota_nvs_decrypt(w.image, w.size, key, &err));
    assert_memory_equal(w.image, plain.image, w.size);
}

/* Equal entries at different places look different: each has its own tweak, also on later pages. */
static void test_nvs_encrypt_depends_on_the_place(void **state) {
    OTA_CLEAN(ota_nvs_writer_free) struct ota_nvs_writer w;
    uint8_t key[OTA_NVS_KEY_LEN], zero[9000] = {0};
    (void)state;
    count_up(key);
    assert_ota_ok(ota_nvs_writer_init(&w, 0x5000, &err));
    assert_ota_ok(ota_nvs_namespace(&w, "n", &err));
    assert_ota_ok(ota_nvs_put_blob(&w, "b", zero, sizeof zero, &err));
    assert_ota_ok(ota_nvs_encrypt(w.image, w.size, key, &err));
    const uint8_t *first = w.image + OTA_NVS_FIRST_ENTRY + 4 * OTA_NVS_ENTRY;
    assert_memory_not_equal(first, first + OTA_NVS_ENTRY, OTA_NVS_ENTRY);
    assert_memory_not_equal(first, first + OTA_NVS_PAGE, OTA_NVS_ENTRY);
}

static void test_nvs_encrypt_keys_partition(void **state) {
    uint8_t key[OTA_NVS_KEY_LEN], back[OTA_NVS_KEY_LEN], page[OTA_NVS_PAGE];
    (void)state;
    count_up(key);
    ota_nvs_key_write(key, page);
    assert_int_equal(page[OTA_NVS_KEY_LEN + 4], 0xFF);
    assert_ota_ok(ota_nvs_key_read((struct ota_span){page, sizeof page}, back, &err));
    assert_memory_equal(key, back, sizeof key);
    assert_ota_ok(ota_nvs_key_read((struct ota_span){key, sizeof key}, back, &err)); /* keys alone */
    for (size_t i = 0; i < OTA_NVS_KEY_LEN + 4; i++) {
        page[i] ^= 1;
        assert_ota(ota_nvs_key_read((struct ota_span){page, sizeof page}, back, &err), OTA_KEY);
        page[i] ^= 1;
    }
    assert_ota(ota_nvs_key_read((struct ota_span){page, sizeof page - 1}, back, &err), OTA_KEY);
    assert_ota(ota_nvs_key_read((struct ota_span){page, 0}, back, &err), OTA_KEY);
    memset(key, 0xFF, sizeof key);
    assert_ota(ota_nvs_key_read((struct ota_span){key, sizeof key}, back, &err), OTA_KEY);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nvs_encrypt_equals_the_generator),
        cmocka_unit_test(test_nvs_encrypt_depends_on_the_place),
        cmocka_unit_test(test_nvs_encrypt_keys_partition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
