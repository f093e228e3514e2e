/* SPDX-License-Identifier: Apache-2.0 */
/* Secure Boot's signatures, by OpenSSL's arithmetic; see boot_key.h. */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "host/boot_key_evp.h"

#define RSA_LEN 384u
#define RSA_SALT 32
#define POINT_MAX 48

static void clean_pkey(EVP_PKEY **p) {
    EVP_PKEY_free(*p);
}
static void clean_pkey_ctx(EVP_PKEY_CTX **p) {
    EVP_PKEY_CTX_free(*p);
}
static void clean_bn(BIGNUM **p) {
    BN_free(*p);
}
static void clean_builder(OSSL_PARAM_BLD **p) {
    OSSL_PARAM_BLD_free(*p);
}
static void clean_params(OSSL_PARAM **p) {
    OSSL_PARAM_free(*p);
}
static void clean_ecdsa(ECDSA_SIG **p) {
    ECDSA_SIG_free(*p);
}
static void clean_der(unsigned char **p) {
    OPENSSL_free(*p);
}

static void reverse(uint8_t *out, const uint8_t *in, size_t n) {
    for (size_t i = 0; i < n; i++)
        out[i] = in[n - 1 - i];
}

/* ---- keys ---------------------------------------------------------------------------------------------- */

static EVP_PKEY *make_key(const char *type, OSSL_PARAM_BLD *builder) {
    EVP_PKEY *key = NULL;
    OTA_CLEAN(clean_params) OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
    OTA_CLEAN(clean_pkey_ctx) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (ctx && params && EVP_PKEY_fromdata_init(ctx) == 1)
        (void)EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params);
    return key;
}

static EVP_PKEY *rsa_key(const uint8_t *area) {
    OTA_CLEAN(clean_bn) BIGNUM *n = BN_lebin2bn(area, (int)RSA_LEN, NULL);
    OTA_CLEAN(clean_bn) BIGNUM *e = BN_lebin2bn(area + RSA_LEN, 4, NULL);
    OTA_CLEAN(clean_builder) OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
    return n && e && b && OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
                   OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, e) == 1
               ? make_key("RSA", b)
               : NULL;
}

static EVP_PKEY *ec_key(const struct ota_boot_layout *l, const uint8_t *area) {
    uint8_t octets[1 + 2 * POINT_MAX] = {POINT_CONVERSION_UNCOMPRESSED};
    size_t n = l->number_len;
    reverse(octets + 1, area + 1, n);
    reverse(octets + 1 + n, area + 1 + n, n);
    OTA_CLEAN(clean_builder) OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
    return b && OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME, l->group, 0) == 1 &&
                   OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, octets, 1 + 2 * n) == 1
               ? make_key("EC", b)
               : NULL;
}

EVP_PKEY *ota_boot_key_evp(const struct ota_boot_key *key) {
    return key->scheme == OTA_BOOT_RSA3072 ? rsa_key(key->area) : ec_key(ota_boot_layout(key->scheme), key->area);
}

/* ---- signatures ---------------------------------------------------------------------------------------- */

static bool rsa_verifies(EVP_PKEY *key, const uint8_t *digest, const uint8_t *signature) {
    uint8_t sig[RSA_LEN];
    OTA_CLEAN(clean_pkey_ctx) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    reverse(sig, signature, RSA_LEN);
    return ctx && EVP_PKEY_verify_init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_SALT) == 1 &&
           EVP_PKEY_verify(ctx, sig, sizeof sig, digest, OTA_SHA256_LEN) == 1;
}

/* Takes over r and s. */
static bool ecdsa_verifies(EVP_PKEY *key, const uint8_t *digest, size_t digest_len, BIGNUM *r, BIGNUM *s) {
    OTA_CLEAN(clean_ecdsa) ECDSA_SIG *rs = ECDSA_SIG_new();
    if (!rs || !r || !s || ECDSA_SIG_set0(rs, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        return false;
    }
    OTA_CLEAN(clean_der) unsigned char *der = NULL;
    int len = i2d_ECDSA_SIG(rs, &der);
    OTA_CLEAN(clean_pkey_ctx) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    return len > 0 && ctx && EVP_PKEY_verify_init(ctx) == 1 &&
           EVP_PKEY_verify(ctx, der, (size_t)len, digest, digest_len) == 1;
}

bool ota_boot_key_verifies(const struct ota_boot_key *key, const uint8_t *digest, const uint8_t *signature) {
    const struct ota_boot_layout *l = ota_boot_layout(key->scheme);
    OTA_CLEAN(clean_pkey) EVP_PKEY *pkey = ota_boot_key_evp(key);
    int n = (int)l->number_len;
    bool ok = pkey && (key->scheme == OTA_BOOT_RSA3072
                           ? rsa_verifies(pkey, digest, signature)
                           : ecdsa_verifies(pkey, digest, l->digest_len, BN_lebin2bn(signature, n, NULL),
                                            BN_lebin2bn(signature + n, n, NULL)));
    ERR_clear_error();
    return ok;
}

bool ota_boot_key_verifies_v1(const struct ota_boot_key *key, const uint8_t digest[OTA_SHA256_LEN],
                              const uint8_t rs[64]) {
    OTA_CLEAN(clean_pkey) EVP_PKEY *pkey = key->scheme == OTA_BOOT_ECDSA256 ? ota_boot_key_evp(key) : NULL;
    bool ok =
        pkey && ecdsa_verifies(pkey, digest, OTA_SHA256_LEN, BN_bin2bn(rs, 32, NULL), BN_bin2bn(rs + 32, 32, NULL));
    ERR_clear_error();
    return ok;
}
