/* SPDX-License-Identifier: Apache-2.0 */
/* The crypto port over OpenSSL 3 EVP. */
#include <limits.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "host/cleanup.h"
#include "host/crypto.h"

#define ED25519_KEY_LEN 32u
#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 4096

static void pkey_free(EVP_PKEY **p) {
    EVP_PKEY_free(*p);
}
static void pkey_ctx_free(EVP_PKEY_CTX **p) {
    EVP_PKEY_CTX_free(*p);
}
static void md_ctx_free(EVP_MD_CTX **p) {
    EVP_MD_CTX_free(*p);
}
static void bio_free(BIO **p) {
    BIO_free(*p);
}
static void der_free(unsigned char **p) {
    OPENSSL_free(*p);
}

/* OpenSSL's queue must not grow with what the network sends. */
static enum ota_status crypto_failed(const char *what, struct ota_err *err) {
    ERR_clear_error();
    return ota_err_set(err, OTA_INTERNAL, "%s failed in OpenSSL", what);
}

/* ---- digests ---- */

static enum ota_status sha256_begin(void *ctx, struct ota_sha256 *h, struct ota_err *err) {
    (void)ctx;
    OTA_CLEAN(md_ctx_free) EVP_MD_CTX *md = EVP_MD_CTX_new();
    if (!md || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1)
        return crypto_failed("SHA-256", err);
    h->u.pointer = OTA_STEAL(md);
    return OTA_OK;
}

static enum ota_status sha256_update(void *ctx, struct ota_sha256 *h, const void *p, size_t n, struct ota_err *err) {
    (void)ctx;
    return EVP_DigestUpdate(h->u.pointer, p, n) == 1 ? OTA_OK : crypto_failed("SHA-256", err);
}

static void sha256_abort(void *ctx, struct ota_sha256 *h) {
    (void)ctx;
    EVP_MD_CTX_free(h->u.pointer);
    h->u.pointer = NULL;
}

static enum ota_status sha256_end(void *ctx, struct ota_sha256 *h, uint8_t out[OTA_SHA256_LEN], struct ota_err *err) {
    int good = EVP_DigestFinal_ex(h->u.pointer, out, NULL);
    sha256_abort(ctx, h);
    return good == 1 ? OTA_OK : crypto_failed("SHA-256", err);
}

static enum ota_status md5(void *ctx, const void *p, size_t n, uint8_t out[16], struct ota_err *err) {
    (void)ctx;
    return EVP_Digest(p, n, out, NULL, EVP_md5(), NULL) == 1 ? OTA_OK : crypto_failed("MD5", err);
}

static enum ota_status random_bytes(void *ctx, void *p, size_t n, struct ota_err *err) {
    (void)ctx;
    return n <= INT_MAX && RAND_bytes(p, (int)n) == 1 ? OTA_OK : crypto_failed("the random generator", err);
}

/* ---- keys ---- */

static EVP_PKEY *p256_from_point(const uint8_t xy[64]) {
    char group[] = "prime256v1";
    unsigned char point[65] = {0x04};
    memcpy(point + 1, xy, 64);
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
                           OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point),
                           OSSL_PARAM_construct_end()};
    OTA_CLEAN(pkey_ctx_free) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY *key = NULL;
    if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1 || EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        return NULL;
    return key;
}

static EVP_PKEY *rsa_from_pem(struct ota_span pem) {
    if (pem.len > INT_MAX)
        return NULL;
    OTA_CLEAN(bio_free) BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.len);
    OTA_CLEAN(pkey_free) EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
    if (!key || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA || EVP_PKEY_get_bits(key) < RSA_BITS_MIN ||
        EVP_PKEY_get_bits(key) > RSA_BITS_MAX)
        return NULL;
    return OTA_STEAL(key);
}

static enum ota_status decode_ed25519(struct ota_span text, struct ota_public_key *out, struct ota_err *err) {
    *out = (struct ota_public_key){.scheme = OTA_SCHEME_ED25519};
    if (!ota_hex_decode(text, out->point, ED25519_KEY_LEN))
        return ota_err_set(err, OTA_KEY, "an ed25519 public key is not 64 hex digits");
    return OTA_OK;
}

static enum ota_status decode_rsa(struct ota_span text, struct ota_public_key *out, struct ota_err *err) {
    *out = (struct ota_public_key){.scheme = OTA_SCHEME_RSA_PSS, .text = text};
    OTA_CLEAN(pkey_free) EVP_PKEY *key = rsa_from_pem(text);
    OTA_CLEAN(der_free) unsigned char *der = NULL;
    int n = key ? i2d_PUBKEY(key, &der) : -1;
    ERR_clear_error();
    if (n <= 0)
        return ota_err_set(err, OTA_KEY, "not a PEM RSA public key of %d to %d bits", RSA_BITS_MIN, RSA_BITS_MAX);
    return EVP_Digest(der, (size_t)n, out->point, NULL, EVP_sha256(), NULL) == 1 ? OTA_OK
                                                                                 : crypto_failed("SHA-256", err);
}

static enum ota_status decode_key(void *ctx, struct ota_span keytype, struct ota_span scheme, struct ota_span text,
                                  struct ota_public_key *out, struct ota_err *err) {
    (void)ctx;
    if (ota_span_equal_str(keytype, "ed25519") && ota_span_equal_str(scheme, "ed25519"))
        return decode_ed25519(text, out, err);
    if (ota_span_equal_str(keytype, "rsa") && ota_span_equal_str(scheme, "rsassa-pss-sha256"))
        return decode_rsa(text, out, err);
    return ota_err_set(err, OTA_UNSUPPORTED, "unknown key scheme");
}

/* ---- signatures ---- */

static EVP_PKEY *load_key(const struct ota_public_key *key) {
    switch (key->scheme) {
    case OTA_SCHEME_ECDSA_P256:
        return p256_from_point(key->point);
    case OTA_SCHEME_ED25519:
        return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key->point, ED25519_KEY_LEN);
    case OTA_SCHEME_RSA_PSS:
        return rsa_from_pem(key->text);
    }
    return NULL;
}

static bool begin_verify(EVP_MD_CTX *md, EVP_PKEY *pkey, enum ota_key_scheme scheme) {
    EVP_PKEY_CTX *params = NULL; /* owned by md */
    const EVP_MD *digest = scheme == OTA_SCHEME_ED25519 ? NULL : EVP_sha256();
    if (EVP_DigestVerifyInit(md, &params, digest, NULL, pkey) != 1)
        return false;
    return scheme != OTA_SCHEME_RSA_PSS || (EVP_PKEY_CTX_set_rsa_padding(params, RSA_PKCS1_PSS_PADDING) == 1 &&
                                            EVP_PKEY_CTX_set_rsa_pss_saltlen(params, RSA_PSS_SALTLEN_AUTO) == 1);
}

/* A key that is not a point of the curve, like a signature that does not parse, verifies nothing. */
static enum ota_status verify(void *ctx, const struct ota_public_key *key, struct ota_span msg, struct ota_span sig,
                              bool *valid, struct ota_err *err) {
    (void)ctx;
    *valid = false;
    OTA_CLEAN(md_ctx_free) EVP_MD_CTX *md = EVP_MD_CTX_new();
    if (!md)
        return crypto_failed("verifying", err);
    OTA_CLEAN(pkey_free) EVP_PKEY *pkey = load_key(key);
    if (pkey && !begin_verify(md, pkey, key->scheme))
        return crypto_failed("verifying", err);
    *valid = pkey && EVP_DigestVerify(md, sig.p, sig.len, msg.p, msg.len) == 1;
    ERR_clear_error();
    return OTA_OK;
}

const struct ota_crypto ota_crypto_openssl = {
    .ctx = NULL,
    .sha256_begin = sha256_begin,
    .sha256_update = sha256_update,
    .sha256_end = sha256_end,
    .sha256_abort = sha256_abort,
    .md5 = md5,
    .verify = verify,
    .decode_key = decode_key,
    .random = random_bytes,
};
