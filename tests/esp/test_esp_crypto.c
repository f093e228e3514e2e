/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chip's crypto port beside the host's: whatever one says of a key, a message and a signature the other must say.
 * test_esp_secure_crypto runs this file over mbedTLS's own API instead of PSA's.
 */
#include "ecdsa_der.h"
#include "host/crypto.h"
#include "ota/metadata.h"
#include "ota_esp_ports.h"
#include "support/repo_maker.h"
#include "support/unit.h"

static struct ota_err err;
static const struct ota_crypto *const chip = &ota_esp_crypto, *const host = &ota_crypto_openssl;

/* ---- digests --------------------------------------------------------------------------------------------- */

static void test_esp_crypto_digests_are_the_hosts(void **state) {
    static const size_t lengths[] = {0, 1, 55, 56, 63, 64, 65, 119, 1000, 4096, 5000};
    uint8_t data[5000], ours[OTA_SHA256_LEN], theirs[OTA_SHA256_LEN];
    (void)state;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7 + i / 256);
    for (size_t i = 0; i < OTA_ARRAY_LEN(lengths); i++) {
        assert_ota_ok(ota_sha256(chip, data, lengths[i], ours, &err));
        assert_ota_ok(ota_sha256(host, data, lengths[i], theirs, &err));
        assert_memory_equal(ours, theirs, OTA_SHA256_LEN);
        assert_ota_ok(chip->md5(chip->ctx, data, lengths[i], ours, &err));
        assert_ota_ok(host->md5(host->ctx, data, lengths[i], theirs, &err));
        assert_memory_equal(ours, theirs, 16);
    }
}

/* The agent's hash of a download is open while it hashes metadata and TLS its records. */
static void test_esp_crypto_hashes_run_side_by_side(void **state) {
    struct ota_sha256 a, b, c;
    uint8_t out[3][OTA_SHA256_LEN], whole[OTA_SHA256_LEN];
    static const char text[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789";
    (void)state;
    assert_ota_ok(chip->sha256_begin(chip->ctx, &a, &err));
    assert_ota_ok(chip->sha256_begin(chip->ctx, &b, &err));
    for (size_t i = 0; i < sizeof text; i++) {
        assert_ota_ok(chip->sha256_update(chip->ctx, &a, text + i, 1, &err));
        assert_ota_ok(chip->sha256_update(chip->ctx, &b, text + i, 1, &err));
        if (i == 20) {
            assert_ota_ok(chip->sha256_begin(chip->ctx, &c, &err));
            assert_ota_ok(chip->sha256_update(chip->ctx, &c, "given up", 8, &err));
            chip->sha256_abort(chip->ctx, &c);
        }
    }
    assert_ota_ok(chip->sha256_end(chip->ctx, &b, out[1], &err));
    assert_ota_ok(chip->sha256_end(chip->ctx, &a, out[0], &err));
    assert_ota_ok(ota_sha256(host, text, sizeof text, whole, &err));
    assert_memory_equal(out[0], whole, OTA_SHA256_LEN);
    assert_memory_equal(out[1], whole, OTA_SHA256_LEN);
}

/* ---- DER ------------------------------------------------------------------------------------------------- */

#define R32 "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"
#define H32 "8102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"

static void test_esp_crypto_der_is_strict(void **state) {
    static const struct {
        const char *der, *raw; /* raw NULL: refused */
    } rows[] = {
        {"30440220" R32 "0220" R32, R32 R32},
        {"3046022100" H32 "022100" H32, H32 H32},
        {"3006020101020102", "0000000000000000000000000000000000000000000000000000000000000001"
                             "0000000000000000000000000000000000000000000000000000000000000002"},
        {"3006020100020100", "0000000000000000000000000000000000000000000000000000000000000000"
                             "0000000000000000000000000000000000000000000000000000000000000000"},
        {"30440220" R32 "0220" R32 "00", NULL}, /* something behind */
        {"30450220" R32 "0220" R32 "00", NULL}, /* something inside behind */
        {"3045022100" R32 "0220" R32, NULL},    /* a zero too many */
        {"30440220" H32 "0220" R32, NULL},      /* negative */
        {"3046022101" R32 "022100" H32, NULL},  /* 33 bytes */
        {"3081440220" R32 "0220" R32, NULL},    /* a length in two bytes */
        {"30430220" R32 "0220" R32, NULL},      /* the sequence is shorter */
        {"31440220" R32 "0220" R32, NULL},      /* a set */
        {"30440420" R32 "0220" R32, NULL},      /* an octet string */
        {"30250220" R32 "020100", R32 "0000000000000000000000000000000000000000000000000000000000000000"},
        {"30240220" R32 "0200", NULL}, /* an empty number */
        {"30220220" R32, NULL},        /* one number */
        {"3000", NULL},
        {"30", NULL},
        {"", NULL},
    };
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++) {
        uint8_t der[80], raw[OTA_ESP_ECDSA_RAW], wanted[OTA_ESP_ECDSA_RAW];
        const size_t n = strlen(rows[i].der) / 2;
        assert_true(ota_hex_decode(ota_span_str(rows[i].der), der, n));
        if (ota_esp_ecdsa_raw((struct ota_span){der, n}, raw) != (rows[i].raw != NULL))
            fail_msg("row %zu", i);
        if (!rows[i].raw)
            continue;
        assert_true(ota_hex_decode(ota_span_str(rows[i].raw), wanted, sizeof wanted));
        assert_memory_equal(raw, wanted, sizeof raw);
    }
}

/* ---- signatures ------------------------------------------------------------------------------------------ */

static struct ota_public_key decoded(const struct repo_key *k) {
    OTA_CLEAN_FREE char *text = ota_strdup(repo_key_object(k));
    size_t len = strlen(text);
    struct ota_value v;
    struct ota_public_key key;
    assert_ota_ok(ota_scan_canonicalize((uint8_t *)text, &len, &err));
    assert_ota_ok(ota_scan_value((struct ota_span){(uint8_t *)text, len}, &v, &err));
    assert_ota_ok(ota_metadata_key(&v, host, &key, &err));
    key.text = (struct ota_span){0};
    return key;
}

static bool verifies(const struct ota_crypto *c, const struct ota_public_key *key, const char *msg, const uint8_t *sig,
                     size_t n) {
    bool valid = true;
    assert_ota_ok(c->verify(c->ctx, key, ota_span_str(msg), (struct ota_span){sig, n}, &valid, &err));
    return valid;
}

static void test_esp_crypto_verifies_what_the_host_does(void **state) {
    struct repo_key *k = repo_key_new("P-256"), *other = repo_key_new("P-256");
    const struct ota_public_key key = decoded(k), stranger = decoded(other);
    (void)state;
    for (unsigned round = 0; round < 20; round++) { /* numbers with and without a zero before them */
        uint8_t sig[512];
        const size_t n = repo_key_sign(k, ota_span_str("message"), sig);
        assert_true(verifies(chip, &key, "message", sig, n));
        assert_false(verifies(chip, &key, "messagE", sig, n));
        assert_false(verifies(chip, &key, "", sig, n));
        assert_false(verifies(chip, &stranger, "message", sig, n));
        assert_false(verifies(chip, &key, "message", sig, n - 1));
        assert_false(verifies(chip, &key, "message", sig, 0));
        for (size_t i = 0; i < n; i++) {
            sig[i] ^= (uint8_t)(1u << round % 8);
            if (verifies(chip, &key, "message", sig, n) != verifies(host, &key, "message", sig, n))
                fail_msg("round %u, byte %zu of %zu: the ports disagree", round, i, n);
            sig[i] ^= (uint8_t)(1u << round % 8);
        }
    }
    repo_key_free(k);
    repo_key_free(other);
}

static void test_esp_crypto_a_point_off_the_curve_verifies_nothing(void **state) {
    struct repo_key *k = repo_key_new("P-256");
    struct ota_public_key key = decoded(k);
    uint8_t sig[512];
    (void)state;
    const size_t n = repo_key_sign(k, ota_span_str("m"), sig);
    assert_true(verifies(chip, &key, "m", sig, n));
    key.point[63] ^= 1;
    assert_false(verifies(chip, &key, "m", sig, n));
    memset(key.point, 0, sizeof key.point);
    assert_false(verifies(chip, &key, "m", sig, n));
    memset(key.point, 0xFF, sizeof key.point);
    assert_false(verifies(chip, &key, "m", sig, n));
    repo_key_free(k);
}

/* r and s of zero, and beyond the curve's order. */
static void test_esp_crypto_numbers_out_of_range_verify_nothing(void **state) {
    static const char *const sigs[] = {
        "3006020100020100",
        "3006020101020100",
        "3046022100ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
        "022100ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
        "3046022100ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
        "022100ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    };
    struct repo_key *k = repo_key_new("P-256");
    const struct ota_public_key key = decoded(k);
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(sigs); i++) {
        uint8_t sig[80];
        assert_true(ota_hex_decode(ota_span_str(sigs[i]), sig, strlen(sigs[i]) / 2));
        assert_false(verifies(chip, &key, "m", sig, strlen(sigs[i]) / 2));
        assert_false(verifies(host, &key, "m", sig, strlen(sigs[i]) / 2));
    }
    repo_key_free(k);
}

static void test_esp_crypto_other_schemes_verify_nothing(void **state) {
    struct repo_key *k = repo_key_new("P-256");
    struct ota_public_key key = decoded(k);
    uint8_t sig[512];
    (void)state;
    const size_t n = repo_key_sign(k, ota_span_str("m"), sig);
    key.scheme = OTA_SCHEME_ED25519;
    assert_false(verifies(chip, &key, "m", sig, n));
    assert_null(chip->decode_key);
    repo_key_free(k);
}

static void test_esp_crypto_random_is_not_constant(void **state) {
    uint8_t a[16] = {0}, b[16] = {0};
    (void)state;
    assert_ota_ok(chip->random(chip->ctx, a, sizeof a, &err));
    assert_ota_ok(chip->random(chip->ctx, b, sizeof b, &err));
    assert_memory_not_equal(a, b, sizeof a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_esp_crypto_digests_are_the_hosts),
        cmocka_unit_test(test_esp_crypto_hashes_run_side_by_side),
        cmocka_unit_test(test_esp_crypto_der_is_strict),
        cmocka_unit_test(test_esp_crypto_verifies_what_the_host_does),
        cmocka_unit_test(test_esp_crypto_a_point_off_the_curve_verifies_nothing),
        cmocka_unit_test(test_esp_crypto_numbers_out_of_range_verify_nothing),
        cmocka_unit_test(test_esp_crypto_other_schemes_verify_nothing),
        cmocka_unit_test(test_esp_crypto_random_is_not_constant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
