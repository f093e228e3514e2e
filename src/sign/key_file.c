/* SPDX-License-Identifier: Apache-2.0 */
/* Signing keys in PEM files, plain and encrypted; see key.h. */
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>
#include <string.h>

#include "host/err_place.h"
#include "host/fs.h"
#include "sign/key_private.h"

#define SCRYPT_N 16384u
#define SCRYPT_R 8u
#define SCRYPT_P 5u
#define URI_SCHEME "pkcs11:"

static void clean_bio(BIO **b) {
    BIO_free(*b);
}
static void clean_pkey(EVP_PKEY **k) {
    EVP_PKEY_free(*k);
}
static void clean_info(PKCS8_PRIV_KEY_INFO **i) {
    PKCS8_PRIV_KEY_INFO_free(*i);
}
static void clean_sealed(X509_SIG **s) {
    X509_SIG_free(*s);
}

/* ---- reading ---------------------------------------------------------------------------------------------- */

/* What OpenSSL asks for when the PEM turns out to be encrypted. */
struct question {
    const struct ota_passphrase *from;
    const char *name;
    bool asked;
    enum ota_status status;
    struct ota_err *err;
};

static int answer(char *buf, int size, int writing, void *ctx) {
    struct question *q = ctx;
    OTA_CLEAN(ota_secret_free) struct ota_buf passphrase = {0};
    (void)writing;
    q->asked = true;
    q->status = ota_passphrase_get(q->from, q->name, &passphrase, q->err);
    if (q->status != OTA_OK || size < 0 || passphrase.len > (size_t)size)
        return -1;
    memcpy(buf, passphrase.p, passphrase.len);
    return (int)passphrase.len;
}

enum ota_status ota_key_open_pem(struct ota_span pem, const char *name, const struct ota_passphrase *passphrase,
                                 EVP_PKEY **out, struct ota_err *err) {
    struct question q = {.from = passphrase, .name = name, .status = OTA_OK, .err = err};
    if (pem.len > OTA_KEY_FILE_MAX)
        return ota_err_set(err, OTA_TOO_LARGE, "%s: too large for a key", name);
    OTA_CLEAN(clean_bio) BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.len);
    OTA_CLEAN(clean_pkey) EVP_PKEY *pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, answer, &q) : NULL;
    ERR_clear_error();
    if (q.status != OTA_OK)
        return q.status;
    if (!pkey && q.asked)
        return ota_err_set(err, OTA_KEY, "%s: the passphrase does not open it", name);
    if (!pkey)
        return ota_err_set(err, OTA_KEY, "%s: not a private key in PEM form", name);
    *out = OTA_STEAL(pkey);
    return OTA_OK;
}

enum ota_status ota_key_read_pem(struct ota_key **out, struct ota_span pem, const char *name,
                                 const struct ota_passphrase *passphrase, struct ota_err *err) {
    EVP_PKEY *pkey = NULL;
    OTA_TRY(ota_key_open_pem(pem, name, passphrase, &pkey, err));
    return ota_key_adopt(out, pkey, false, name, err);
}

static bool has_suffix(const char *text, const char *suffix) {
    size_t n = strlen(text), m = strlen(suffix);
    return n > m && strcmp(text + n - m, suffix) == 0;
}

/* The file names a module that is loaded into this process, so it is guarded like a key. */
static enum ota_status open_uri_file(const char *path, const struct ota_passphrase *pin, EVP_PKEY **out,
                                     struct ota_err *err) {
    OTA_CLEAN(ota_secret_free) struct ota_buf text = {0};
    OTA_TRY(ota_fs_read_secret(path, OTA_KEY_FILE_MAX, &text, err));
    const char *line = ota_buf_text(&text);
    OTA_CLEAN_FREE char *uri = ota_sprintf("%.*s", (int)strcspn(line, "\r\n"), line);
    if (strncmp(uri, URI_SCHEME, strlen(URI_SCHEME)) != 0)
        return ota_err_set(err, OTA_KEY, "%s: its first line is no PKCS#11 URI (pkcs11:token=...;object=...)", path);
    if (ota_key_open_token(uri, pin, out, err) != OTA_OK)
        return ota_err_place(err, path, 0);
    return OTA_OK;
}

enum ota_status ota_key_open(const char *reference, const struct ota_passphrase *passphrase, EVP_PKEY **out,
                             bool *in_token, struct ota_err *err) {
    bool is_uri = strncmp(reference, URI_SCHEME, strlen(URI_SCHEME)) == 0;
    *in_token = is_uri || has_suffix(reference, ".uri");
    if (*in_token)
        return is_uri ? ota_key_open_token(reference, passphrase, out, err)
                      : open_uri_file(reference, passphrase, out, err);
    OTA_CLEAN(ota_secret_free) struct ota_buf pem = {0};
    OTA_TRY(ota_fs_read_secret(reference, OTA_KEY_FILE_MAX, &pem, err));
    return ota_key_open_pem(ota_buf_span(&pem), reference, passphrase, out, err);
}

char *ota_key_name(const char *reference, bool in_token) {
    bool is_uri = strncmp(reference, URI_SCHEME, strlen(URI_SCHEME)) == 0;
    return is_uri     ? ota_strdup("the key in the token")
           : in_token ? ota_sprintf("%s: the key in the token", reference)
                      : ota_strdup(reference);
}

enum ota_status ota_key_load_with(struct ota_key **out, const char *reference, const struct ota_passphrase *passphrase,
                                  struct ota_err *err) {
    EVP_PKEY *pkey = NULL;
    bool in_token = false;
    OTA_TRY(ota_key_open(reference, passphrase, &pkey, &in_token, err));
    OTA_CLEAN_FREE char *name = ota_key_name(reference, in_token);
    return ota_key_adopt(out, pkey, in_token, name, err);
}

enum ota_status ota_key_load(struct ota_key **out, const char *reference, struct ota_err *err) {
    return ota_key_load_with(out, reference, NULL, err);
}

/* ---- writing ---------------------------------------------------------------------------------------------- */

static enum ota_status encrypt(EVP_PKEY *pkey, const struct ota_buf *passphrase, X509_SIG **out, struct ota_err *err) {
    OTA_CLEAN(clean_info) PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(pkey);
    X509_ALGOR *scheme =
        PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), NULL, 0, NULL, SCRYPT_N, SCRYPT_R, SCRYPT_P); /* NULL: random */
    if (info && scheme)
        *out = PKCS8_set0_pbe((const char *)passphrase->p, (int)passphrase->len, info, scheme);
    if (*out)
        return OTA_OK;
    X509_ALGOR_free(scheme);
    return ota_key_openssl_failed(err, "encrypting a key");
}

static enum ota_status write_plain(EVP_PKEY *pkey, BIO *bio, struct ota_err *err) {
    return PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL) == 1
               ? OTA_OK
               : ota_key_openssl_failed(err, "writing a key");
}

static enum ota_status write_encrypted(EVP_PKEY *pkey, const struct ota_buf *passphrase, BIO *bio,
                                       struct ota_err *err) {
    OTA_CLEAN(clean_sealed) X509_SIG *sealed = NULL;
    OTA_TRY(encrypt(pkey, passphrase, &sealed, err));
    return PEM_write_bio_PKCS8(bio, sealed) == 1 ? OTA_OK : ota_key_openssl_failed(err, "writing a key");
}

enum ota_status ota_key_pem_of(EVP_PKEY *pkey, const struct ota_buf *passphrase, struct ota_buf *out,
                               struct ota_err *err) {
    OTA_CLEAN(clean_bio) BIO *bio = BIO_new(BIO_s_secmem()); /* wiped when freed */
    if (!bio)
        return ota_key_openssl_failed(err, "writing a key");
    OTA_TRY(passphrase ? write_encrypted(pkey, passphrase, bio, err) : write_plain(pkey, bio, err));
    char *text = NULL;
    long n = BIO_get_mem_data(bio, &text);
    if (n <= 0 || (size_t)n > OTA_KEY_FILE_MAX)
        return ota_err_set(err, OTA_INTERNAL, "writing a key: unexpected size %ld", n);
    ota_buf_append(out, text, (size_t)n);
    return OTA_OK;
}

enum ota_status ota_key_write_pem(const struct ota_key *key, const struct ota_buf *passphrase, struct ota_buf *out,
                                  struct ota_err *err) {
    EVP_PKEY *pkey = NULL;
    OTA_TRY(ota_key_exportable(key, &pkey, err));
    return ota_key_pem_of(pkey, passphrase, out, err);
}

enum ota_status ota_key_save_pem(EVP_PKEY *pkey, const char *path, const struct ota_buf *passphrase,
                                 struct ota_err *err) {
    OTA_CLEAN(ota_secret_free) struct ota_buf pem = {0};
    if (ota_key_pem_of(pkey, passphrase, &pem, err) != OTA_OK)
        return ota_err_place(err, path, 0);
    return ota_fs_write_new(path, pem.p, pem.len, 0600, err);
}

static enum ota_status save(const struct ota_key *key, const char *path, const struct ota_buf *passphrase,
                            struct ota_err *err) {
    EVP_PKEY *pkey = NULL;
    if (ota_key_exportable(key, &pkey, err) != OTA_OK)
        return ota_err_place(err, path, 0);
    return ota_key_save_pem(pkey, path, passphrase, err);
}

enum ota_status ota_key_save(const struct ota_key *key, const char *path, struct ota_err *err) {
    return save(key, path, NULL, err);
}

enum ota_status ota_key_save_encrypted(const struct ota_key *key, const char *path, const struct ota_buf *passphrase,
                                       struct ota_err *err) {
    return save(key, path, passphrase, err);
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
