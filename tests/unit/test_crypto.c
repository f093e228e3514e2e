/* SPDX-License-Identifier: Apache-2.0 */
/* The crypto port over OpenSSL: digests, and that only the right key over the right bytes verifies. */
#include "host/crypto.h"
#include "ota/metadata.h"
#include "support/repo_maker.h"
#include "support/unit.h"

static struct ota_err err;
static const struct ota_crypto *const crypto = &ota_crypto_openssl;

static void test_crypto_digests(void **state) {
    (void)state;
    uint8_t out[OTA_SHA256_LEN];
    char hex[65];
    struct ota_sha256 h;
    assert_ota_ok(ota_sha256(crypto, "abc", 3, out, &err));
    ota_hex_encode(out, 32, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_ota_ok(crypto->sha256_begin(crypto->ctx, &h, &err));
    assert_ota_ok(crypto->sha256_update(crypto->ctx, &h, "a", 1, &err));
    assert_ota_ok(crypto->sha256_update(crypto->ctx, &h, "bc", 2, &err));
    assert_ota_ok(crypto->sha256_end(crypto->ctx, &h, out, &err));
    ota_hex_encode(out, 32, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_ota_ok(crypto->sha256_begin(crypto->ctx, &h, &err));
    crypto->sha256_abort(crypto->ctx, &h);
    assert_ota_ok(crypto->md5(crypto->ctx, "abc", 3, out, &err));
    ota_hex_encode(out, 16, hex);
    assert_string_equal(hex, "900150983cd24fb0d6963f7d28e17f72");
}

static void test_crypto_random_is_not_constant(void **state) {
    (void)state;
    uint8_t a[16] = {0}, b[16] = {0};
    assert_ota_ok(crypto->random(crypto->ctx, a, sizeof a, &err));
    assert_ota_ok(crypto->random(crypto->ctx, b, sizeof b, &err));
    assert_memory_not_equal(a, b, sizeof a);
}

/* The key object as metadata has it, decoded. `text` must outlive the key. */
static struct ota_public_key decoded(const struct repo_key *k, char **text) {
    struct ota_value v;
    struct ota_public_key key;
    *text = ota_strdup(repo_key_object(k));
    size_t len = strlen(*text);
    assert_ota_ok(ota_scan_canonicalize((uint8_t *)*text, &len, &err));
    assert_ota_ok(ota_scan_value((struct ota_span){(uint8_t *)*text, len}, &v, &err));
    assert_ota_ok(ota_metadata_key(&v, crypto, &key, &err));
    return key;
}

static bool verifies(const struct ota_public_key *key, const char *msg, const uint8_t *sig, size_t n) {
    bool valid = true;
    assert_ota_ok(crypto->verify(crypto->ctx, key, ota_span_str(msg), (struct ota_span){sig, n}, &valid, &err));
    return valid;
}

static void test_crypto_verifies_each_scheme(void **state) {
    (void)state;
    static const char *const types[] = {"P-256", "ed25519", "rsa"};
    for (size_t i = 0; i < OTA_ARRAY_LEN(types); i++) {
        struct repo_key *k = repo_key_new(types[i]), *other = repo_key_new(types[i]);
        OTA_CLEAN_FREE char *text = NULL, *other_text = NULL;
        struct ota_public_key key = decoded(k, &text), stranger = decoded(other, &other_text);
        uint8_t sig[512];
        size_t n = repo_key_sign(k, ota_span_str("message"), sig);
        assert_true(verifies(&key, "message", sig, n));
        assert_false(verifies(&key, "messagE", sig, n));
        assert_false(verifies(&key, "", sig, n));
        assert_false(verifies(&stranger, "message", sig, n));
        assert_false(verifies(&key, "message", sig, n - 1));
        assert_false(verifies(&key, "message", sig, 0));
        sig[n / 2] ^= 1;
        assert_false(verifies(&key, "message", sig, n));
        assert_false(ota_public_key_equal(&key, &stranger));
        repo_key_free(k);
        repo_key_free(other);
    }
}

static void test_crypto_a_point_off_the_curve_verifies_nothing(void **state) {
    (void)state;
    struct repo_key *k = repo_key_new("P-256");
    OTA_CLEAN_FREE char *text = NULL;
    struct ota_public_key key = decoded(k, &text);
    uint8_t sig[512];
    size_t n = repo_key_sign(k, ota_span_str("m"), sig);
    key.point[63] ^= 1;
    assert_false(verifies(&key, "m", sig, n));
    memset(key.point, 0, sizeof key.point);
    assert_false(verifies(&key, "m", sig, n));
    repo_key_free(k);
}

/* RFC 8032 section 7.1, test 2. */
static void test_crypto_ed25519_vector(void **state) {
    (void)state;
    struct ota_public_key key;
    uint8_t sig[64];
    assert_ota_ok(crypto->decode_key(crypto->ctx, ota_span_str("ed25519"), ota_span_str("ed25519"),
                                     ota_span_str("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"),
                                     &key, &err));
    assert_true(ota_hex_decode(ota_span_str("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                                            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"),
                               sig, sizeof sig));
    assert_true(verifies(&key, "r", sig, sizeof sig));
    assert_false(verifies(&key, "s", sig, sizeof sig));
}

static void test_crypto_refuses_unknown_and_broken_keys(void **state) {
    (void)state;
    struct ota_public_key key;
    static const struct {
        const char *keytype, *scheme, *text;
        enum ota_status status;
    } rows[] = {
        {"rsa", "rsa-pkcs1v15-sha256", "x", OTA_UNSUPPORTED},
        {"ed25519", "ecdsa", "x", OTA_UNSUPPORTED},
        {"sphincs", "sphincs", "x", OTA_UNSUPPORTED},
        {"ed25519", "ed25519", "3d40", OTA_KEY},
        {"ed25519", "ed25519", "", OTA_KEY},
        {"rsa", "rsassa-pss-sha256", "", OTA_KEY},
        {"rsa", "rsassa-pss-sha256", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", OTA_KEY},
    };
    for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++)
        assert_ota(crypto->decode_key(crypto->ctx, ota_span_str(rows[i].keytype), ota_span_str(rows[i].scheme),
                                      ota_span_str(rows[i].text), &key, &err),
                   rows[i].status);
    struct repo_key *ec = repo_key_new("P-256");
    assert_ota(crypto->decode_key(crypto->ctx, ota_span_str("rsa"), ota_span_str("rsassa-pss-sha256"), repo_key_pem(ec),
                                  &key, &err),
               OTA_KEY);
    repo_key_free(ec);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crypto_digests),
        cmocka_unit_test(test_crypto_random_is_not_constant),
        cmocka_unit_test(test_crypto_verifies_each_scheme),
        cmocka_unit_test(test_crypto_a_point_off_the_curve_verifies_nothing),
        cmocka_unit_test(test_crypto_ed25519_vector),
        cmocka_unit_test(test_crypto_refuses_unknown_and_broken_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
