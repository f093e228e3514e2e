/* SPDX-License-Identifier: Apache-2.0 */
/* Signature blocks against eFuse digests, with OpenSSL's arithmetic. */
#include "sim/secure_boot.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <string.h>

#include "host/cleanup.h"
#include "image/signature.h"

#define BLOCK 1216u
#define SCHEME_RSA 2
#define RSA_LEN 384
#define RSA_SALT 32
#define POINT_MAX 48
#define C2_DIGEST_LEN 16u /* the rest of its eFuse block is the flash encryption key */
#define ESP32 0x0000
#define ESP32_C2 0x000C

static void free_pkey(EVP_PKEY **p) {
    EVP_PKEY_free(*p);
}
static void free_pkey_ctx(EVP_PKEY_CTX **p) {
    EVP_PKEY_CTX_free(*p);
}
static void free_bn(BIGNUM **p) {
    BN_free(*p);
}
static void free_builder(OSSL_PARAM_BLD **p) {
    OSSL_PARAM_BLD_free(*p);
}
static void free_params(OSSL_PARAM **p) {
    OSSL_PARAM_free(*p);
}
static void free_ecdsa(ECDSA_SIG **p) {
    ECDSA_SIG_free(*p);
}
static void free_openssl(unsigned char **p) {
    OPENSSL_free(*p);
}

unsigned ota_secure_boot_key_count(const struct ota_chip *chip) {
    return chip->id == ESP32 || chip->id == ESP32_C2 ? 1 : OTA_SECURE_BOOT_KEYS_MAX;
}

/* ---- keys ---------------------------------------------------------------------------------------------- */

static EVP_PKEY *make_key(const char *type, const OSSL_PARAM *params) {
    EVP_PKEY *key = NULL;
    OTA_CLEAN(free_pkey_ctx) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (ctx && params && EVP_PKEY_fromdata_init(ctx) == 1)
        (void)EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, (OSSL_PARAM *)(uintptr_t)params);
    return key; /* NULL also for a point that is not on the curve */
}

static EVP_PKEY *rsa_key(const uint8_t *block) {
    OTA_CLEAN(free_bn) BIGNUM *n = BN_lebin2bn(block + 36, RSA_LEN, NULL);
    OTA_CLEAN(free_bn) BIGNUM *e = BN_lebin2bn(block + 420, 4, NULL);
    OTA_CLEAN(free_builder) OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
    if (!n || !e || !b || OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, n) != 1 ||
        OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, e) != 1)
        return NULL;
    OTA_CLEAN(free_params) OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(b);
    return make_key("RSA", params);
}

static void reverse(uint8_t *out, const uint8_t *in, size_t n) {
    for (size_t i = 0; i < n; i++)
        out[i] = in[n - 1 - i];
}

/* `point`: X then Y, little-endian, n bytes each. */
static EVP_PKEY *ec_key(const char *group, const uint8_t *point, size_t n) {
    uint8_t octets[1 + 2 * POINT_MAX] = {POINT_CONVERSION_UNCOMPRESSED};
    reverse(octets + 1, point, n);
    reverse(octets + 1 + n, point + n, n);
    OTA_CLEAN(free_builder) OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
    if (!b || OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME, group, 0) != 1 ||
        OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, octets, 1 + 2 * n) != 1)
        return NULL;
    OTA_CLEAN(free_params) OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(b);
    return make_key("EC", params);
}

/* ---- signatures ---------------------------------------------------------------------------------------- */

static bool rsa_valid(const uint8_t *block) {
    uint8_t sig[RSA_LEN];
    OTA_CLEAN(free_pkey) EVP_PKEY *key = rsa_key(block);
    OTA_CLEAN(free_pkey_ctx) EVP_PKEY_CTX *ctx = key ? EVP_PKEY_CTX_new(key, NULL) : NULL;
    reverse(sig, block + 812, RSA_LEN);
    return ctx && EVP_PKEY_verify_init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_SALT) == 1 &&
           EVP_PKEY_verify(ctx, sig, sizeof sig, block + 4, OTA_SHA256_LEN) == 1;
}

/* `sig`: r then s, little-endian, n bytes each. */
static bool ecdsa_valid(EVP_PKEY *key, const uint8_t *sig, size_t n, const uint8_t *digest, size_t digest_len) {
    OTA_CLEAN(free_ecdsa) ECDSA_SIG *rs = ECDSA_SIG_new();
    BIGNUM *r = BN_lebin2bn(sig, (int)n, NULL), *s = BN_lebin2bn(sig + n, (int)n, NULL);
    if (!rs || !r || !s || ECDSA_SIG_set0(rs, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        return false;
    }
    OTA_CLEAN(free_openssl) unsigned char *der = NULL;
    int len = i2d_ECDSA_SIG(rs, &der);
    OTA_CLEAN(free_pkey_ctx) EVP_PKEY_CTX *ctx = key ? EVP_PKEY_CTX_new(key, NULL) : NULL;
    return len > 0 && ctx && EVP_PKEY_verify_init(ctx) == 1 &&
           EVP_PKEY_verify(ctx, der, (size_t)len, digest, digest_len) == 1;
}

static bool ec_valid(const uint8_t *block, const char *group, size_t key_at, size_t n) {
    OTA_CLEAN(free_pkey) EVP_PKEY *key = ec_key(group, block + key_at, n);
    return ecdsa_valid(key, block + key_at + 2 * n, n, block + 4, n);
}

/* The digest in the block is the image's: checked before. P-192 is gone from ESP-IDF. */
static bool signature_valid(const uint8_t *block, const char *scheme) {
    if (strcmp(scheme, "rsa3072") == 0)
        return rsa_valid(block);
    if (strcmp(scheme, "ecdsa256") == 0)
        return ec_valid(block, "P-256", 37, 32);
    if (strcmp(scheme, "ecdsa384") == 0)
        return ec_valid(block, "P-384", 53, 48);
    return false;
}

/* ---- what the chip decides ----------------------------------------------------------------------------- */

static bool trusted(const struct ota_chip *chip, const struct ota_secure_boot_keys *keys, const uint8_t *digest) {
    size_t n = chip->id == ESP32_C2 ? C2_DIGEST_LEN : OTA_SHA256_LEN;
    for (unsigned i = 0; i < keys->count && i < ota_secure_boot_key_count(chip); i++)
        if (memcmp(keys->digest[i], digest, n) == 0)
            return true;
    return false;
}

static enum ota_status check_block(const struct ota_chip *chip, const struct ota_secure_boot_keys *keys,
                                   const struct ota_signature_block *b, const uint8_t *bytes, struct ota_err *err) {
    if (!b->crc_ok)
        return ota_err_set(err, OTA_SIGNATURE, "its signature block is damaged");
    if (!b->digest_ok)
        return ota_err_set(err, OTA_SIGNATURE, "its signature was made over other bytes");
    if (!trusted(chip, keys, b->key_digest))
        return ota_err_set(err, OTA_SIGNATURE, "no eFuse trusts the key of its signature");
    if (!signature_valid(bytes, b->scheme))
        return ota_err_set(err, OTA_SIGNATURE, "its %s signature does not verify", b->scheme);
    return OTA_OK;
}

static enum ota_status check_blocks(const struct ota_chip *chip, const struct ota_secure_boot_keys *keys,
                                    const struct ota_signatures *found, const uint8_t *sector, struct ota_err *err) {
    struct ota_err later;
    enum ota_status first = check_block(chip, keys, &found->block[0], sector, err);
    for (unsigned i = 1; first != OTA_OK && i < found->count && i < ota_secure_boot_key_count(chip); i++)
        if (check_block(chip, keys, &found->block[i], sector + (size_t)i * BLOCK, &later) == OTA_OK)
            return OTA_OK;
    return first;
}

enum ota_status ota_secure_boot_check(const struct ota_chip *chip, const struct ota_secure_boot_keys *keys,
                                      const struct ota_crypto *crypto, const struct ota_source *src, uint32_t length,
                                      struct ota_err *err) {
    uint8_t sector[OTA_SECTOR];
    struct ota_signatures found;
    uint64_t at = ((uint64_t)length + OTA_SECTOR - 1u) / OTA_SECTOR * OTA_SECTOR;
    struct ota_source file = {.ctx = src->ctx, .size = at + OTA_SECTOR, .read = src->read};
    if (keys->count == 0)
        return OTA_OK;
    if (file.size > src->size)
        return ota_err_set(err, OTA_SIGNATURE, "there is no room for a signature behind it");
    OTA_TRY(src->read(src->ctx, at, sector, sizeof sector, err));
    OTA_TRY(ota_signatures_read(&file, length, crypto, &found, err));
    if (found.count == 0)
        return ota_err_set(err, OTA_SIGNATURE, "it is not signed");
    return check_blocks(chip, keys, &found, sector, err);
}
