/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates in PEM, by OpenSSL. */
#include "host/certificate.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#include "host/cleanup.h"
#include "host/crypto.h"

static void bio_free(BIO **b) {
    BIO_free(*b);
}
static void x509_free(X509 **x) {
    X509_free(*x);
}
static void pkey_free(EVP_PKEY **k) {
    EVP_PKEY_free(*k);
}

static BIO *open_text(struct ota_span pem) {
    return pem.len <= INT_MAX ? BIO_new_mem_buf(pem.p, (int)pem.len) : NULL;
}

/* An encrypted key must not make OpenSSL ask at the terminal. */
static int no_passphrase(char *buf, int size, int writing, void *ctx) {
    (void)buf, (void)size, (void)writing, (void)ctx;
    return -1;
}

enum ota_status ota_certificate_check(struct ota_span pem, const char *name, struct ota_err *err) {
    OTA_CLEAN(bio_free) BIO *text = pem.len ? open_text(pem) : NULL;
    unsigned count = 0;
    for (X509 *x; text && (x = PEM_read_bio_X509(text, NULL, no_passphrase, NULL)); X509_free(x))
        count++;
    ERR_clear_error();
    if (pem.len && memmem(pem.p, pem.len, "PRIVATE KEY-----", 16))
        return ota_err_set(err, OTA_KEY, "%s: holds a private key beside the certificate; name a file without one",
                           name);
    return count ? OTA_OK : ota_err_set(err, OTA_KEY, "%s: no certificate in PEM form", name);
}

static bool is_called(X509 *x, const char *id) {
    X509_NAME *subject = X509_get_subject_name(x);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0)
        return false;
    unsigned char *utf8 = NULL;
    int n = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    bool same = n >= 0 && (size_t)n == strlen(id) && memcmp(utf8, id, (size_t)n) == 0;
    OPENSSL_free(utf8);
    return same;
}

enum ota_status ota_certificate_check_id(struct ota_span pem, const char *id, const char *name, struct ota_err *err) {
    OTA_CLEAN(bio_free) BIO *text = open_text(pem);
    OTA_CLEAN(x509_free) X509 *x = text ? PEM_read_bio_X509(text, NULL, no_passphrase, NULL) : NULL;
    bool same = x && is_called(x, id);
    ERR_clear_error();
    return same ? OTA_OK
                : ota_err_set(err, OTA_KEY,
                              "%s: its common name is not %s, so that it is never taken for this board's; have one "
                              "issued with that name",
                              name, id);
}

enum ota_status ota_certificate_check_key(struct ota_span crt, struct ota_span key, const char *name,
                                          struct ota_err *err) {
    OTA_CLEAN(bio_free) BIO *crt_text = open_text(crt);
    OTA_CLEAN(bio_free) BIO *key_text = open_text(key);
    OTA_CLEAN(x509_free) X509 *x = crt_text ? PEM_read_bio_X509(crt_text, NULL, no_passphrase, NULL) : NULL;
    OTA_CLEAN(pkey_free)
    EVP_PKEY *k = key_text ? PEM_read_bio_PrivateKey(key_text, NULL, no_passphrase, NULL) : NULL;
    bool match = x && k && X509_check_private_key(x, k) == 1;
    ERR_clear_error();
    if (!k)
        return ota_err_set(err, OTA_KEY, "%s: no private key in PEM form without a passphrase", name);
    return match ? OTA_OK : ota_err_set(err, OTA_KEY, "%s: the key of another certificate", name);
}

enum ota_status ota_certificate_key_digest(struct ota_span pem, const char *name, uint8_t out[OTA_SHA256_LEN],
                                           struct ota_err *err) {
    OTA_CLEAN(bio_free) BIO *text = open_text(pem);
    OTA_CLEAN(x509_free) X509 *x = text ? PEM_read_bio_X509(text, NULL, no_passphrase, NULL) : NULL;
    unsigned char *der = NULL;
    int n = x ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der) : -1;
    ERR_clear_error();
    if (n <= 0)
        return ota_err_set(err, OTA_KEY, "%s: no certificate in PEM form", name);
    enum ota_status st = ota_sha256(&ota_crypto_openssl, der, (size_t)n, out, err);
    OPENSSL_free(der);
    return st;
}
