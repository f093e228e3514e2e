/* SPDX-License-Identifier: Apache-2.0 */
/* Secure Boot's public keys over OpenSSL 3; see boot_key.h. */
#include "host/boot_key.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <string.h>

#include "host/boot_key_evp.h"

#define RSA_BITS 3072
#define RSA_LEN 384u
#define RSA_E_AT RSA_LEN
#define RSA_R_AT (RSA_E_AT + 4u)
#define RSA_M_AT (RSA_R_AT + RSA_LEN)
#define PUBLIC_PEM_MAX 4096u
#define ESP32 0x0000
#define ESP32_C2 0x000C

static void clean_bio(BIO **b) {
    BIO_free(*b);
}
static void clean_pkey(EVP_PKEY **k) {
    EVP_PKEY_free(*k);
}
static void clean_bn(BIGNUM **n) {
    BN_free(*n);
}
static void clean_bn_ctx(BN_CTX **c) {
    BN_CTX_free(*c);
}
static void clean_der(unsigned char **der) {
    OPENSSL_free(*der);
}

/* ---- schemes ------------------------------------------------------------------------------------------- */

/* clang-format off */
static const struct ota_boot_layout layouts[] = {
    [OTA_BOOT_UNKNOWN]  = {"unknown",  0, 0, 0, 0,              0,  0,   0,       0,   NULL,         "no key"},
    [OTA_BOOT_RSA3072]  = {"rsa3072",  2, 0, 0, OTA_SHA256_LEN, 36, 776, RSA_LEN, 812, NULL,         "RSA-3072"},
    [OTA_BOOT_ECDSA192] = {"ecdsa192", 3, 0, 1, OTA_SHA256_LEN, 36, 65,  24,      101, "prime192v1", "P-192"},
    [OTA_BOOT_ECDSA256] = {"ecdsa256", 3, 0, 2, OTA_SHA256_LEN, 36, 65,  32,      101, "prime256v1", "P-256"},
    [OTA_BOOT_ECDSA384] = {"ecdsa384", 3, 1, 3, OTA_SHA384_LEN, 52, 97,  48,      149, "secp384r1",  "P-384"},
};
/* clang-format on */

const struct ota_boot_layout *ota_boot_layout(enum ota_boot_scheme scheme) {
    return &layouts[scheme];
}

enum ota_boot_scheme ota_boot_scheme_by_name(const char *name) {
    for (size_t i = OTA_BOOT_RSA3072; i < OTA_ARRAY_LEN(layouts); i++)
        if (strcmp(layouts[i].name, name) == 0)
            return (enum ota_boot_scheme)i;
    return OTA_BOOT_UNKNOWN;
}

/* One row per chip that lacks one of RSA and P-256 or has P-384; the others have the first two. Source:
 * SOC_SECURE_BOOT_V2_*, SOC_ECDSA_SUPPORT_CURVE_P384 of ESP-IDF 5.5, 6.0 and master: the union, for the file does not say
 * which one it is for. P-192 went with 6.1. */
bool ota_boot_scheme_suits(enum ota_boot_scheme scheme, const struct ota_chip *chip) {
    static const char *const no_ec[] = {"esp32", "esp32s2", "esp32s3", "esp32s31", "esp32c3", "esp32h21"};
    static const char *const no_rsa[] = {"esp32c2", "esp32c61"};
    static const char *const p384[] = {"esp32c5", "esp32p4"};
    const char *const *names = scheme == OTA_BOOT_RSA3072 ? no_rsa : scheme == OTA_BOOT_ECDSA384 ? p384 : no_ec;
    size_t count = scheme == OTA_BOOT_RSA3072    ? OTA_ARRAY_LEN(no_rsa)
                   : scheme == OTA_BOOT_ECDSA384 ? OTA_ARRAY_LEN(p384)
                                                 : OTA_ARRAY_LEN(no_ec);
    bool listed = false;
    for (size_t i = 0; i < count; i++)
        listed |= strcmp(chip->name, names[i]) == 0;
    return scheme != OTA_BOOT_UNKNOWN && listed == (scheme == OTA_BOOT_ECDSA384);
}

bool ota_boot_v1_suits(const struct ota_chip *chip) {
    return chip->id == ESP32;
}

bool ota_boot_key_is_v1(const struct ota_boot_key *key, const struct ota_chip *chip) {
    return ota_boot_v1_suits(chip) && key->scheme == OTA_BOOT_ECDSA256;
}

unsigned ota_boot_key_count(const struct ota_chip *chip) {
    return chip->id == ESP32 || chip->id == ESP32_C2 ? 1 : 3;
}

size_t ota_boot_digest_len(const struct ota_chip *chip) {
    return chip->id == ESP32_C2 ? OTA_BOOT_DIGEST_C2 : OTA_SHA256_LEN;
}

/* ---- to a block's bytes -------------------------------------------------------------------------------- */

static BIGNUM *number_of(const EVP_PKEY *key, const char *name) {
    BIGNUM *n = NULL;
    return EVP_PKEY_get_bn_param(key, name, &n) == 1 ? n : NULL;
}

static bool put(const BIGNUM *n, uint8_t *out, size_t len) {
    return n && BN_bn2lebinpad(n, out, (int)len) == (int)len;
}

/* n, e and what the chip's RSA engine wants computed beforehand. */
static bool put_rsa(const BIGNUM *n, const BIGNUM *e, uint8_t *area) {
    OTA_CLEAN(clean_bn_ctx) BN_CTX *ctx = BN_CTX_new();
    OTA_CLEAN(clean_bn) BIGNUM *r = BN_new();
    OTA_CLEAN(clean_bn) BIGNUM *word = BN_new();
    OTA_CLEAN(clean_bn) BIGNUM *m = BN_new();
    return ctx && r && word && m && put(n, area, RSA_LEN) && put(e, area + RSA_E_AT, 4) &&
           BN_lshift(r, BN_value_one(), 2 * RSA_BITS) && BN_mod(r, r, n, ctx) && put(r, area + RSA_R_AT, RSA_LEN) &&
           BN_lshift(word, BN_value_one(), 32) && BN_mod_inverse(m, n, word, ctx) && BN_sub(m, word, m) &&
           put(m, area + RSA_M_AT, 4);
}

static bool put_point(const EVP_PKEY *key, const struct ota_boot_layout *l, uint8_t *area) {
    OTA_CLEAN(clean_bn) BIGNUM *x = number_of(key, OSSL_PKEY_PARAM_EC_PUB_X);
    OTA_CLEAN(clean_bn) BIGNUM *y = number_of(key, OSSL_PKEY_PARAM_EC_PUB_Y);
    area[0] = l->curve;
    return put(x, area + 1, l->number_len) && put(y, area + 1 + l->number_len, l->number_len);
}

static enum ota_boot_scheme scheme_of(const EVP_PKEY *key) {
    char group[32] = "";
    size_t n = 0;
    if (EVP_PKEY_is_a(key, "RSA"))
        return EVP_PKEY_get_bits(key) == RSA_BITS ? OTA_BOOT_RSA3072 : OTA_BOOT_UNKNOWN;
    if (!EVP_PKEY_is_a(key, "EC") || EVP_PKEY_get_group_name(key, group, sizeof group, &n) != 1)
        return OTA_BOOT_UNKNOWN;
    for (size_t i = OTA_BOOT_ECDSA192; i < OTA_ARRAY_LEN(layouts); i++)
        if (strcmp(layouts[i].group, group) == 0)
            return (enum ota_boot_scheme)i;
    return OTA_BOOT_UNKNOWN;
}

/* A key of OpenSSL's own, whoever made this one: tokens' keys do not tell all their numbers. */
static EVP_PKEY *own_copy(const EVP_PKEY *pkey) {
    OTA_CLEAN(clean_der) unsigned char *der = NULL;
    int len = i2d_PUBKEY(pkey, &der);
    const unsigned char *p = der;
    return len > 0 ? d2i_PUBKEY(NULL, &p, len) : NULL;
}

static void set_digest(struct ota_boot_key *key) {
    key->digest.len = OTA_SHA256_LEN;
    SHA256(key->area, layouts[key->scheme].key_len, key->digest.byte);
}

enum ota_status ota_boot_key_from(const struct evp_pkey_st *pkey, const char *name, struct ota_boot_key *out,
                                  struct ota_err *err) {
    OTA_CLEAN(clean_pkey) EVP_PKEY *key = own_copy(pkey);
    bool ok = false;
    memset(out, 0, sizeof *out);
    out->scheme = key ? scheme_of(key) : OTA_BOOT_UNKNOWN;
    if (out->scheme == OTA_BOOT_UNKNOWN)
        return ota_err_set(err, OTA_KEY, "%s: Secure Boot takes keys of RSA-3072, P-256 and P-384, and this is none",
                           name);
    if (out->scheme == OTA_BOOT_RSA3072) {
        OTA_CLEAN(clean_bn) BIGNUM *n = number_of(key, OSSL_PKEY_PARAM_RSA_N);
        OTA_CLEAN(clean_bn) BIGNUM *e = number_of(key, OSSL_PKEY_PARAM_RSA_E);
        ok = n && e && put_rsa(n, e, out->area);
    } else
        ok = put_point(key, &layouts[out->scheme], out->area);
    ERR_clear_error();
    if (!ok)
        return ota_err_set(err, OTA_KEY, "%s: its numbers do not fit into a signature block", name);
    set_digest(out);
    return OTA_OK;
}

/* ---- from a block's bytes ------------------------------------------------------------------------------ */

/* R and m' must follow from n, as the chip does not compute them. */
static bool rsa_sound(const uint8_t *area) {
    uint8_t again[OTA_BOOT_KEY_AREA_MAX];
    OTA_CLEAN(clean_bn) BIGNUM *n = BN_lebin2bn(area, (int)RSA_LEN, NULL);
    OTA_CLEAN(clean_bn) BIGNUM *e = BN_lebin2bn(area + RSA_E_AT, 4, NULL);
    return n && e && BN_num_bits(n) == RSA_BITS && put_rsa(n, e, again) && memcmp(again, area, sizeof again) == 0;
}

enum ota_status ota_boot_key_from_area(enum ota_boot_scheme scheme, const uint8_t *area, struct ota_boot_key *out,
                                       struct ota_err *err) {
    memset(out, 0, sizeof *out);
    out->scheme = scheme;
    memcpy(out->area, area, layouts[scheme].key_len);
    set_digest(out);
    OTA_CLEAN(clean_pkey) EVP_PKEY *key = NULL;
    if (scheme != OTA_BOOT_UNKNOWN && (scheme != OTA_BOOT_RSA3072 || rsa_sound(area)))
        key = ota_boot_key_evp(out);
    ERR_clear_error();
    return key ? OTA_OK : ota_err_set(err, OTA_KEY, "the block carries no %s public key", layouts[scheme].key);
}

/* ---- PEM ----------------------------------------------------------------------------------------------- */

bool ota_boot_key_is_public_pem(struct ota_span pem) {
    return memmem(pem.p, pem.len, "-----BEGIN PUBLIC KEY-----", 26) != NULL;
}

enum ota_status ota_boot_key_from_pem(struct ota_span pem, const char *name, struct ota_boot_key *out,
                                      struct ota_err *err) {
    if (pem.len > PUBLIC_PEM_MAX)
        return ota_err_set(err, OTA_TOO_LARGE, "%s: too large for a public key", name);
    OTA_CLEAN(clean_bio) BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.len);
    OTA_CLEAN(clean_pkey) EVP_PKEY *pkey = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
    ERR_clear_error();
    if (!pkey)
        return ota_err_set(err, OTA_KEY, "%s: not a public key in PEM form", name);
    return ota_boot_key_from(pkey, name, out, err);
}
