/* SPDX-License-Identifier: Apache-2.0 */
/* Signing keys over OpenSSL 3 EVP; see key.h. */
#include "sign/key.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <string.h>
#include <sys/stat.h>

#include "host/fs.h"

#define KEY_FILE_MAX 8192u
#define NONCE_TYPE "nonce-type" /* OSSL_SIGNATURE_PARAM_NONCE_TYPE where the header knows it */
#define NONCE_RFC6979 1u

struct ota_key {
    EVP_PKEY *pkey;
    struct ota_key_public public;
};

static void clean_bio(BIO **b) {
    BIO_free(*b);
}
static void clean_md_ctx(EVP_MD_CTX **c) {
    EVP_MD_CTX_free(*c);
}
static void clean_pkey(EVP_PKEY **k) {
    EVP_PKEY_free(*k);
}
/* Private key bytes do not stay in freed memory. */
static void clean_secret(struct ota_buf *b) {
    if (b->p)
        OPENSSL_cleanse(b->p, b->cap);
    ota_buf_free(b);
}

static enum ota_status openssl_failed(struct ota_err *err, const char *what) {
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
        return openssl_failed(err, "public key");
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

/* Takes over pkey, also on failure. */
static enum ota_status adopt(struct ota_key **out, EVP_PKEY *pkey, struct ota_err *err) {
    OTA_CLEAN(ota_key_free) struct ota_key *key = ota_calloc(1, sizeof *key);
    key->pkey = pkey;
    OTA_TRY(fill_public(key, err));
    *out = OTA_STEAL(key);
    return OTA_OK;
}

void ota_key_free(struct ota_key **key) {
    if (!*key)
        return;
    EVP_PKEY_free((*key)->pkey);
    free(*key);
    *key = NULL;
}

enum ota_status ota_key_generate(struct ota_key **out, struct ota_err *err) {
    EVP_PKEY *pkey = EVP_EC_gen("P-256");
    if (!pkey)
        return openssl_failed(err, "making a P-256 key");
    return adopt(out, pkey, err);
}

static bool is_p256(const EVP_PKEY *pkey) {
    char group[32];
    size_t n = 0;
    return EVP_PKEY_is_a(pkey, "EC") && EVP_PKEY_get_group_name(pkey, group, sizeof group, &n) == 1 &&
           (strcmp(group, "prime256v1") == 0 || strcmp(group, "P-256") == 0);
}

/* A passphrase would need a prompt; without one the daemon could not start by itself. */
static int no_passphrase(char *buf, int size, int writing, void *ctx) {
    (void)buf, (void)size, (void)writing, (void)ctx;
    return -1;
}

static enum ota_status load_file(struct ota_key **out, const char *path, struct ota_err *err) {
    OTA_CLEAN(clean_secret) struct ota_buf pem = {0};
    OTA_TRY(ota_fs_read_secret(path, KEY_FILE_MAX, &pem, err));
    OTA_CLEAN(clean_bio) BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.len);
    OTA_CLEAN(clean_pkey) EVP_PKEY *pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
    ERR_clear_error();
    if (!pkey)
        return ota_err_set(err, OTA_KEY, "%s: not a private key in PEM form (a passphrase is not supported)", path);
    if (!is_p256(pkey))
        return ota_err_set(err, OTA_KEY, "%s: not a P-256 key, the one kind boards verify", path);
    return adopt(out, OTA_STEAL(pkey), err);
}

enum ota_status ota_key_load(struct ota_key **out, const char *reference, struct ota_err *err) {
    if (strncmp(reference, "pkcs11:", 7) == 0)
        return ota_err_set(err, OTA_UNSUPPORTED, "%s: this build signs with keys in PEM files only", reference);
    return load_file(out, reference, err);
}

/* link() rather than rename(): it fails when the name is taken, so two processes cannot overwrite each other's key. */
static enum ota_status place_new_file(const char *temp, const char *path, struct ota_span bytes, struct ota_err *err) {
    OTA_TRY(ota_fs_write(temp, bytes.p, bytes.len, 0600, err));
    enum ota_status s = OTA_OK;
    if (link(temp, path) != 0)
        s = errno == EEXIST ? ota_err_set(err, OTA_EXISTS, "%s: exists; a key is never overwritten", path)
                            : ota_fs_errno(err, path, "cannot create it");
    struct ota_err ignored;
    enum ota_status removed = ota_fs_remove(temp, s == OTA_OK ? err : &ignored);
    return s == OTA_OK ? removed : s;
}

enum ota_status ota_key_save(const struct ota_key *key, const char *path, struct ota_err *err) {
    OTA_CLEAN(clean_bio) BIO *bio = BIO_new(BIO_s_secmem());
    if (!bio || PEM_write_bio_PKCS8PrivateKey(bio, key->pkey, NULL, NULL, 0, NULL, NULL) != 1)
        return openssl_failed(err, path);
    char *text = NULL;
    long n = BIO_get_mem_data(bio, &text);
    OTA_CLEAN_FREE char *temp = ota_sprintf("%s.new-%ld", path, (long)getpid());
    return place_new_file(temp, path, (struct ota_span){(const uint8_t *)text, (size_t)n}, err);
}

enum ota_status ota_key_ensure(struct ota_key **out, const char *path, struct ota_err *err) {
    if (ota_fs_exists(path))
        return ota_key_load(out, path, err);
    OTA_CLEAN(ota_key_free) struct ota_key *key = NULL;
    OTA_TRY(ota_key_generate(&key, err));
    OTA_TRY(ota_key_save(key, path, err));
    *out = OTA_STEAL(key);
    return OTA_OK;
}

const struct ota_key_public *ota_key_public(const struct ota_key *key) {
    return &key->public;
}

struct evp_pkey_st *ota_key_evp(const struct ota_key *key) {
    return key->pkey;
}

static bool ask_for_fixed_nonce(EVP_PKEY_CTX *ctx) {
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
        !ask_for_fixed_nonce(pctx))
        return openssl_failed(err, "signing");
    size_t n = sizeof out->der;
    if (EVP_DigestSign(ctx, out->der, &n, message.p, message.len) != 1)
        return openssl_failed(err, "signing");
    out->len = n;
    return OTA_OK;
}
