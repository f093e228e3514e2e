/* SPDX-License-Identifier: Apache-2.0 */
/* Signing keys over OpenSSL 3 EVP; see key.h. */
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <string.h>

#include "sign/key_private.h"

#define NONCE_TYPE "nonce-type" /* OSSL_SIGNATURE_PARAM_NONCE_TYPE where the header knows it */
#define NONCE_RFC6979 1u

struct ota_key {
    EVP_PKEY *pkey;
    bool in_token;
    struct ota_key_public public;
};

static void clean_bio(BIO **b) {
    BIO_free(*b);
}
static void clean_md_ctx(EVP_MD_CTX **c) {
    EVP_MD_CTX_free(*c);
}

enum ota_status ota_key_openssl_failed(struct ota_err *err, const char *what) {
    char text[160] = "unknown error";
    unsigned long code = ERR_peek_last_error();
    if (code)
        ERR_error_string_n(code, text, sizeof text);
    ERR_clear_error();
    return ota_err_set(err, OTA_KEY, "%s: OpenSSL: %s", what, text);
}

void ota_key_write(struct ota_json *j, const struct ota_key_public *key) {
    ota_json_object(j);
    ota_json_key(j, "keytype");
    ota_json_str(j, "ecdsa");
    ota_json_key(j, "keyval");
    ota_json_object(j);
    ota_json_key(j, "public");
    ota_json_str(j, key->pem);
    ota_json_object_end(j);
    ota_json_key(j, "scheme");
    ota_json_str(j, "ecdsa-sha2-nistp256");
    ota_json_object_end(j);
}

static enum ota_status fill_public(struct ota_key *key, struct ota_err *err) {
    OTA_CLEAN(clean_bio) BIO *bio = BIO_new(BIO_s_mem());
    if (!bio || PEM_write_bio_PUBKEY(bio, key->pkey) != 1)
        return ota_key_openssl_failed(err, "public key");
    char *text = NULL;
    long n = BIO_get_mem_data(bio, &text);
    if (n <= 0 || (size_t)n >= sizeof key->public.pem)
        return ota_err_set(err, OTA_KEY, "public key: unexpected size %u", (unsigned)n);
    memcpy(key->public.pem, text, (size_t)n);

    char object[OTA_KEY_PEM_MAX + 128];
    struct ota_json j;
    ota_json_init(&j, object, sizeof object, true);
    ota_key_write(&j, &key->public);
    if (j.bad)
        return ota_err_set(err, OTA_INTERNAL, "public key: its description does not fit");
    uint8_t digest[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)j.p, j.len, digest);
    ota_hex_encode(digest, sizeof digest, key->public.keyid);
    return OTA_OK;
}

static bool is_p256(const EVP_PKEY *pkey) {
    char group[32];
    size_t n = 0;
    return EVP_PKEY_is_a(pkey, "EC") && EVP_PKEY_get_group_name(pkey, group, sizeof group, &n) == 1 &&
           (strcmp(group, "prime256v1") == 0 || strcmp(group, "P-256") == 0);
}

enum ota_status ota_key_adopt(struct ota_key **out, EVP_PKEY *pkey, bool in_token, const char *name,
                              struct ota_err *err) {
    OTA_CLEAN(ota_key_free) struct ota_key *key = ota_calloc(1, sizeof *key);
    key->pkey = pkey;
    key->in_token = in_token;
    if (!is_p256(pkey))
        return ota_err_set(err, OTA_KEY, "%s: not a P-256 key, the one kind boards verify", name);
    OTA_TRY(fill_public(key, err));
    *out = OTA_STEAL(key);
    return OTA_OK;
}

void ota_key_free(struct ota_key **key) {
    if (!*key)
        return;
    EVP_PKEY_free((*key)->pkey);
    if ((*key)->in_token)
        ota_key_close_token();
    free(*key);
    *key = NULL;
}

enum ota_status ota_key_generate(struct ota_key **out, struct ota_err *err) {
    EVP_PKEY *pkey = EVP_EC_gen("P-256");
    if (!pkey)
        return ota_key_openssl_failed(err, "making a P-256 key");
    return ota_key_adopt(out, pkey, false, "the new key", err);
}

const struct ota_key_public *ota_key_public(const struct ota_key *key) {
    return &key->public;
}

struct evp_pkey_st *ota_key_evp(const struct ota_key *key) {
    return key->pkey;
}

enum ota_status ota_key_exportable(const struct ota_key *key, EVP_PKEY **out, struct ota_err *err) {
    if (key->in_token)
        return ota_err_set(err, OTA_UNSUPPORTED,
                           "the key lies in a PKCS#11 token, which does not give it away; back up the token by its "
                           "maker's own means");
    *out = key->pkey;
    return OTA_OK;
}

bool ota_key_fix_nonce(EVP_PKEY_CTX *ctx) {
    const OSSL_PARAM *known = EVP_PKEY_CTX_settable_params(ctx);
    if (!known || !OSSL_PARAM_locate_const(known, NONCE_TYPE))
        return true; /* before 3.2: random nonces, signatures valid all the same */
    unsigned type = NONCE_RFC6979;
    OSSL_PARAM params[] = {OSSL_PARAM_construct_uint(NONCE_TYPE, &type), OSSL_PARAM_construct_end()};
    return EVP_PKEY_CTX_set_params(ctx, params) == 1;
}

enum ota_status ota_key_sign(const struct ota_key *key, struct ota_span message, struct ota_key_signature *out,
                             struct ota_err *err) {
    OTA_CLEAN(clean_md_ctx) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL; /* owned by ctx */
    if (!ctx || EVP_DigestSignInit_ex(ctx, &pctx, "SHA256", NULL, NULL, key->pkey, NULL) != 1 ||
        !ota_key_fix_nonce(pctx))
        return ota_key_openssl_failed(err, "signing");
    size_t n = sizeof out->der;
    if (EVP_DigestSign(ctx, out->der, &n, message.p, message.len) != 1)
        return ota_key_openssl_failed(err, "signing");
    out->len = n;
    return OTA_OK;
}
