/* SPDX-License-Identifier: Apache-2.0 */
/* Layout: reference of host/signature.h. */
#include "boot_signer.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/rsa.h>

#include "host/crypto.h"
#include "ota/ports.h"
#include "unit.h"

#define BLOCK 1216u
#define CRC_AT 1196u
#define RSA_LEN 384
#define RSA_BITS 3072

static struct ota_err err;

void boot_signer_make(struct boot_signer *s, enum boot_scheme scheme) {
    *s = (struct boot_signer){.scheme = scheme};
    s->key = scheme == BOOT_RSA3072 ? EVP_RSA_gen(RSA_BITS) : EVP_EC_gen(scheme == BOOT_ECDSA256 ? "P-256" : "P-384");
    assert_non_null(s->key);
}

void boot_signer_free(struct boot_signer *s) {
    EVP_PKEY_free(s->key);
    s->key = NULL;
}

static void put_number(const BIGNUM *n, uint8_t *out, int len) {
    assert_int_equal(BN_bn2lebinpad(n, out, len), len);
}

static BIGNUM *number_of(const EVP_PKEY *key, const char *name) {
    BIGNUM *n = NULL;
    assert_int_equal(EVP_PKEY_get_bn_param(key, name, &n), 1);
    return n;
}

/* ---- RSA ----------------------------------------------------------------------------------------------- */

/* R = 2^6144 mod n and m' = -1/n mod 2^32: what the chip's RSA engine starts from. */
static void put_montgomery(const BIGNUM *n, uint8_t *block) {
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *r = BN_new(), *word = BN_new(), *m = BN_new();
    assert_int_equal(BN_lshift(r, BN_value_one(), 2 * RSA_BITS) & BN_mod(r, r, n, ctx), 1);
    put_number(r, block + 424, RSA_LEN);
    assert_int_equal(BN_lshift(word, BN_value_one(), 32), 1);
    assert_non_null(BN_mod_inverse(m, n, word, ctx));
    assert_int_equal(BN_sub(m, word, m), 1);
    put_number(m, block + 808, 4);
    BN_free(r);
    BN_free(word);
    BN_free(m);
    BN_CTX_free(ctx);
}

static void sign_rsa(const struct boot_signer *s, uint8_t *block) {
    BIGNUM *n = number_of(s->key, OSSL_PKEY_PARAM_RSA_N), *e = number_of(s->key, OSSL_PKEY_PARAM_RSA_E);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(s->key, NULL);
    uint8_t sig[RSA_LEN];
    size_t len = sizeof sig;
    put_number(n, block + 36, RSA_LEN);
    put_number(e, block + 420, 4);
    put_montgomery(n, block);
    assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING), 1);
    assert_int_equal(EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, 32), 1);
    assert_int_equal(EVP_PKEY_sign(ctx, sig, &len, block + 4, OTA_SHA256_LEN), 1);
    for (size_t i = 0; i < RSA_LEN; i++)
        block[812 + i] = sig[RSA_LEN - 1 - i];
    BN_free(n);
    BN_free(e);
    EVP_PKEY_CTX_free(ctx);
}

/* ---- ECDSA --------------------------------------------------------------------------------------------- */

static void sign_ecdsa(const struct boot_signer *s, uint8_t *block, uint8_t curve, int n) {
    BIGNUM *x = number_of(s->key, OSSL_PKEY_PARAM_EC_PUB_X), *y = number_of(s->key, OSSL_PKEY_PARAM_EC_PUB_Y);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(s->key, NULL);
    uint8_t der[128], *key = block + 4 + n;
    const unsigned char *p = der;
    size_t len = sizeof der;
    key[0] = curve;
    put_number(x, key + 1, n);
    put_number(y, key + 1 + n, n);
    assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
    assert_int_equal(EVP_PKEY_sign(ctx, der, &len, block + 4, (size_t)n), 1);
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)len);
    assert_non_null(sig);
    put_number(ECDSA_SIG_get0_r(sig), key + 1 + 2 * n, n);
    put_number(ECDSA_SIG_get0_s(sig), key + 1 + 3 * n, n);
    ECDSA_SIG_free(sig);
    BN_free(x);
    BN_free(y);
    EVP_PKEY_CTX_free(ctx);
}

/* ---- the sector ---------------------------------------------------------------------------------------- */

static uint8_t *block_at(const struct ota_buf *image, unsigned block) {
    return image->p + image->len - OTA_SECTOR + (size_t)block * BLOCK;
}

void boot_sign_reseal(struct ota_buf *image, unsigned block) {
    uint8_t *b = block_at(image, block);
    ota_put_le32(b + CRC_AT, ota_crc32(0, b, CRC_AT));
}

static void append_ff(struct ota_buf *image, size_t n) {
    ota_buf_reserve(image, n);
    memset(image->p + image->len, 0xFF, n);
    image->len += n;
}

void boot_sign(struct boot_signer *s, struct ota_buf *image, unsigned block) {
    if (block == 0) {
        append_ff(image, (OTA_SECTOR - image->len % OTA_SECTOR) % OTA_SECTOR);
        append_ff(image, OTA_SECTOR);
    }
    uint8_t *b = block_at(image, block);
    bool rsa = s->scheme == BOOT_RSA3072, p384 = s->scheme == BOOT_ECDSA384;
    memset(b, 0, BLOCK);
    b[0] = 0xE7;
    b[1] = rsa ? 2 : 3;
    b[2] = p384;
    assert_int_equal(
        EVP_Digest(image->p, image->len - OTA_SECTOR, b + 4, NULL, p384 ? EVP_sha384() : EVP_sha256(), NULL), 1);
    if (rsa)
        sign_rsa(s, b);
    else
        sign_ecdsa(s, b, p384 ? 3 : 2, p384 ? 48 : 32);
    boot_sign_reseal(image, block);
    size_t key_at = p384 ? 52 : 36, key_len = rsa ? 776 : p384 ? 97 : 65;
    assert_ota_ok(ota_sha256(&ota_crypto_openssl, b + key_at, key_len, s->digest, &err));
}
