/* SPDX-License-Identifier: Apache-2.0 */
/* Secure Boot's private keys; see boot_private.h. */
#include "sign/boot_private.h"

#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "host/fs.h"
#include "sign/key_private.h"

#define RSA_BITS 3072u
#define RSA_SALT 32
#define PUBLIC_FILE_MAX 4096u

struct ota_boot_private {
    EVP_PKEY *pkey;
    bool in_token;
    struct ota_boot_key public;
};

static void clean_bio(BIO **b) {
    BIO_free(*b);
}
static void clean_ctx(EVP_PKEY_CTX **c) {
    EVP_PKEY_CTX_free(*c);
}

void ota_boot_private_free(struct ota_boot_private **key) {
    if (!*key)
        return;
    EVP_PKEY_free((*key)->pkey);
    if ((*key)->in_token)
        ota_key_close_token();
    free(*key);
    *key = NULL;
}

/* Takes over pkey, also on failure. */
static enum ota_status adopt(EVP_PKEY *pkey, bool in_token, const char *name, struct ota_boot_private **out,
                             struct ota_err *err) {
    OTA_CLEAN(ota_boot_private_free) struct ota_boot_private *key = ota_calloc(1, sizeof *key);
    key->pkey = pkey;
    key->in_token = in_token;
    OTA_TRY(ota_boot_key_from(pkey, name, &key->public, err));
    *out = OTA_STEAL(key);
    return OTA_OK;
}

enum ota_status ota_boot_private_generate(enum ota_boot_scheme scheme, struct ota_boot_private **out,
                                          struct ota_err *err) {
    EVP_PKEY *pkey = NULL;
    if (scheme == OTA_BOOT_UNKNOWN || scheme == OTA_BOOT_ECDSA192)
        return ota_err_set(err, OTA_UNSUPPORTED, "%s keys are not made; take rsa3072, ecdsa256 or ecdsa384",
                           ota_boot_layout(scheme)->name);
    if (scheme == OTA_BOOT_RSA3072)
        pkey = EVP_RSA_gen(RSA_BITS);
    else
        pkey = EVP_EC_gen(ota_boot_layout(scheme)->group);
    if (!pkey)
        return ota_key_openssl_failed(err, "making a key");
    return adopt(pkey, false, "the new key", out, err);
}

enum ota_status ota_boot_private_load(const char *reference, const struct ota_passphrase *passphrase,
                                      struct ota_boot_private **out, struct ota_err *err) {
    EVP_PKEY *pkey = NULL;
    bool in_token = false;
    OTA_TRY(ota_key_open(reference, passphrase, &pkey, &in_token, err));
    OTA_CLEAN_FREE char *name = ota_key_name(reference, in_token);
    return adopt(pkey, in_token, name, out, err);
}

enum ota_status ota_boot_private_save(const struct ota_boot_private *key, const char *path,
                                      const struct ota_buf *passphrase, struct ota_err *err) {
    if (key->in_token)
        return ota_err_set(err, OTA_UNSUPPORTED, "the key lies in a PKCS#11 token, which does not give it away");
    return ota_key_save_pem(key->pkey, path, passphrase->len ? passphrase : NULL, err);
}

const struct ota_boot_key *ota_boot_private_public(const struct ota_boot_private *key) {
    return &key->public;
}

enum ota_status ota_boot_private_write_public(const struct ota_boot_private *key, struct ota_buf *out,
                                              struct ota_err *err) {
    OTA_CLEAN(clean_bio) BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    if (!bio || PEM_write_bio_PUBKEY(bio, key->pkey) != 1)
        return ota_key_openssl_failed(err, "public key");
    long n = BIO_get_mem_data(bio, &text);
    ota_buf_append(out, text, (size_t)n);
    return OTA_OK;
}

/* ---- signing ------------------------------------------------------------------------------------------- */

static bool prepare(const struct ota_boot_private *key, EVP_PKEY_CTX *ctx) {
    if (key->public.scheme != OTA_BOOT_RSA3072)
        return key->in_token || ota_key_fix_nonce(ctx);
    return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) == 1 && EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_SALT) == 1;
}

enum ota_status ota_boot_private_sign(const struct ota_boot_private *key, struct ota_span digest, struct ota_buf *out,
                                      struct ota_err *err) {
    OTA_CLEAN(clean_ctx) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key->pkey, NULL);
    size_t n = OTA_BOOT_SIGNATURE_MAX;
    out->len = 0;
    ota_buf_reserve(out, n);
    if (!ctx || EVP_PKEY_sign_init(ctx) != 1 || !prepare(key, ctx) ||
        EVP_PKEY_sign(ctx, out->p, &n, digest.p, digest.len) != 1)
        return ota_key_openssl_failed(err, "signing");
    out->len = n;
    return OTA_OK;
}

/* ---- public halves ------------------------------------------------------------------------------------- */

enum ota_status ota_boot_key_load(const char *reference, const struct ota_passphrase *passphrase,
                                  struct ota_boot_key *out, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    OTA_CLEAN(ota_boot_private_free) struct ota_boot_private *key = NULL;
    struct ota_err ignored; /* what is wrong with the file, loading it as a private key says */
    if (ota_fs_is_file(reference) && ota_fs_read(reference, PUBLIC_FILE_MAX, &text, &ignored) == OTA_OK &&
        ota_boot_key_is_public_pem(ota_buf_span(&text)))
        return ota_boot_key_from_pem(ota_buf_span(&text), reference, out, err);
    OTA_TRY(ota_boot_private_load(reference, passphrase, &key, err));
    *out = *ota_boot_private_public(key);
    return OTA_OK;
}
