/* SPDX-License-Identifier: Apache-2.0 */
/* The workspace's certificate authority and server certificate; see pki.h. */
#include "sign/pki.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "host/fs.h"
#include "sign/key.h"
#include "sign/pki_names.h"

#define YEAR (365 * 86400ull + 86400ull / 4)
#define CA_LIFE (30 * YEAR)
#define SERVER_LIFE (10 * YEAR)
#define BOARD_LIFE CA_LIFE /* it is made once, in the factory */
/* A board whose clock was never set judges by its firmware's build time, which may lie before this workspace was
 * made. */
#define NOT_BEFORE 1704067200ull /* 2024-01-01 */
#define SERIAL_BITS 127
#define CERT_FILE_MAX (64u * 1024u)

static void clean_bio(BIO **b) {
    BIO_free(*b);
}
static void clean_x509(X509 **x) {
    X509_free(*x);
}

static enum ota_status failed(struct ota_err *err, const char *what) {
    char text[160] = "unknown error";
    unsigned long code = ERR_peek_last_error();
    if (code)
        ERR_error_string_n(code, text, sizeof text);
    ERR_clear_error();
    return ota_err_set(err, OTA_KEY, "certificate of %s: OpenSSL: %s", what, text);
}

static bool set_serial(X509 *x) {
    BIGNUM *serial = BN_new();
    bool ok = serial && BN_rand(serial, SERIAL_BITS, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
              BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(x)) != NULL;
    BN_free(serial);
    return ok;
}

static bool set_times(X509 *x, uint64_t from, uint64_t to) {
    return ASN1_TIME_set(X509_getm_notBefore(x), (time_t)from) && ASN1_TIME_set(X509_getm_notAfter(x), (time_t)to);
}

static bool set_name(X509_NAME *name, const char *common_name) {
    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1, 0) == 1;
}

static bool add_extension(X509 *x, X509 *issuer, int nid, const char *value) {
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    bool ok = e && X509_add_ext(x, e, -1) == 1;
    X509_EXTENSION_free(e);
    return ok;
}

struct extension {
    int nid;
    const char *value;
};

struct certificate {
    const char *name; /* common name */
    const struct ota_key *key;
    uint64_t now, life;
    X509 *issuer; /* NULL: signed by itself */
    const struct ota_key *issuer_key;
    const struct extension *extension;
    size_t extension_count;
};

static enum ota_status make_certificate(const struct certificate *c, X509 **out, struct ota_err *err) {
    OTA_CLEAN(clean_x509) X509 *x = X509_new();
    X509 *issuer = c->issuer ? c->issuer : x;
    uint64_t from = c->now < NOT_BEFORE ? c->now : NOT_BEFORE;
    bool ok = x && X509_set_version(x, X509_VERSION_3) == 1 && set_serial(x) && set_times(x, from, c->now + c->life) &&
              X509_set_pubkey(x, ota_key_evp(c->key)) == 1 && set_name(X509_get_subject_name(x), c->name) &&
              X509_set_issuer_name(x, X509_get_subject_name(issuer)) == 1;
    for (size_t i = 0; ok && i < c->extension_count; i++)
        ok = add_extension(x, issuer, c->extension[i].nid, c->extension[i].value);
    if (!ok || X509_sign(x, ota_key_evp(c->issuer_key), EVP_sha256()) <= 0)
        return failed(err, c->name);
    *out = OTA_STEAL(x);
    return OTA_OK;
}

static enum ota_status write_text(X509 *x, const char *name, struct ota_buf *out, struct ota_err *err) {
    OTA_CLEAN(clean_bio) BIO *bio = BIO_new(BIO_s_mem());
    if (!bio || PEM_write_bio_X509(bio, x) != 1)
        return failed(err, name);
    char *text = NULL;
    long n = BIO_get_mem_data(bio, &text);
    ota_buf_append(out, text, (size_t)n);
    return OTA_OK;
}

static enum ota_status write_certificate(X509 *x, const char *path, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf pem = {0};
    OTA_TRY(write_text(x, path, &pem, err));
    return ota_fs_write(path, pem.p, pem.len, 0644, err);
}

static enum ota_status read_certificate(const char *path, X509 **out, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf pem = {0};
    OTA_TRY(ota_fs_read(path, CERT_FILE_MAX, &pem, err));
    OTA_CLEAN(clean_bio) BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.len);
    *out = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    ERR_clear_error();
    if (!*out)
        return ota_err_set(err, OTA_KEY, "%s: not a certificate in PEM form", path);
    return OTA_OK;
}

static enum ota_status ensure_ca(const struct ota_workspace *w, const struct ota_key *key, uint64_t now, X509 **out,
                                 struct ota_err *err) {
    OTA_CLEAN_FREE char *path = ota_workspace_path(w, "keys/ca.crt");
    if (ota_fs_exists(path))
        return read_certificate(path, out, err);
    static const struct extension extension[] = {
        {NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
        {NID_key_usage, "critical,keyCertSign,cRLSign"},
        {NID_subject_key_identifier, "hash"},
    };
    /* Boards look issuers up by name, so two workspaces must not have the same one. */
    char name[64];
    (void)snprintf(name, sizeof name, "otaserve CA %.12s", ota_key_public(key)->keyid);
    const struct certificate ca = {
        .name = name,
        .key = key,
        .now = now,
        .life = CA_LIFE,
        .issuer_key = key,
        .extension = extension,
        .extension_count = OTA_ARRAY_LEN(extension),
    };
    OTA_CLEAN(clean_x509) X509 *x = NULL;
    OTA_TRY(make_certificate(&ca, &x, err));
    OTA_TRY(write_certificate(x, path, err));
    *out = OTA_STEAL(x);
    return OTA_OK;
}

static enum ota_status ensure_server(const struct ota_workspace *w, X509 *ca, const struct ota_key *ca_key,
                                     uint64_t now, struct ota_err *err) {
    OTA_CLEAN_FREE char *path = ota_workspace_path(w, "keys/server.crt");
    OTA_CLEAN_FREE char *key_path = ota_workspace_path(w, "keys/tls-server.pem");
    OTA_CLEAN(ota_key_free) struct ota_key *key = NULL;
    OTA_TRY(ota_key_ensure(&key, key_path, err));
    if (ota_fs_exists(path))
        return OTA_OK;
    OTA_CLEAN_FREE char *common = NULL;
    OTA_CLEAN(ota_buf_free) struct ota_buf names = {0};
    ota_pki_names(w->config.url, &common, &names);
    const struct extension extension[] = {
        {NID_basic_constraints, "critical,CA:FALSE"},
        {NID_key_usage, "critical,digitalSignature"},
        {NID_ext_key_usage, "serverAuth"},
        {NID_subject_alt_name, ota_buf_text(&names)},
        {NID_subject_key_identifier, "hash"},
        {NID_authority_key_identifier, "keyid:always"},
    };
    const struct certificate server = {
        .name = common,
        .key = key,
        .now = now,
        .life = SERVER_LIFE,
        .issuer = ca,
        .issuer_key = ca_key,
        .extension = extension,
        .extension_count = OTA_ARRAY_LEN(extension),
    };
    OTA_CLEAN(clean_x509) X509 *x = NULL;
    OTA_TRY(make_certificate(&server, &x, err));
    return write_certificate(x, path, err);
}

enum ota_status ota_pki_create(const struct ota_workspace *w, uint64_t now, struct ota_err *err) {
    OTA_CLEAN_FREE char *keys = ota_workspace_path(w, "keys");
    OTA_CLEAN_FREE char *ca_path = ota_workspace_path(w, "keys/tls-ca.pem");
    OTA_CLEAN(ota_key_free) struct ota_key *ca_key = NULL;
    OTA_CLEAN(clean_x509) X509 *ca = NULL;
    OTA_TRY(ota_fs_mkdirs(keys, 0700, err));
    OTA_TRY(ota_key_ensure(&ca_key, ca_path, err));
    OTA_TRY(ensure_ca(w, ca_key, now, &ca, err));
    if (X509_check_private_key(ca, ota_key_evp(ca_key)) != 1)
        return ota_err_set(err, OTA_KEY, "%s/ca.crt is not the certificate of tls-ca.pem beside it", keys);
    return ensure_server(w, ca, ca_key, now, err);
}

/* ---- boards -------------------------------------------------------------------------------------------- */

struct ota_pki_issuer {
    struct ota_key *key;
    X509 *certificate;
};

void ota_pki_issuer_close(struct ota_pki_issuer **issuer) {
    if (!*issuer)
        return;
    ota_key_free(&(*issuer)->key);
    X509_free((*issuer)->certificate);
    free(OTA_STEAL(*issuer));
}

enum ota_status ota_pki_issuer_open(struct ota_pki_issuer **out, const struct ota_workspace *w, struct ota_err *err) {
    OTA_CLEAN_FREE char *crt = ota_workspace_path(w, "keys/ca.crt");
    OTA_CLEAN_FREE char *key = ota_workspace_path(w, "keys/tls-ca.pem");
    OTA_CLEAN(ota_pki_issuer_close) struct ota_pki_issuer *i = ota_calloc(1, sizeof *i);
    OTA_TRY(read_certificate(crt, &i->certificate, err));
    OTA_TRY(ota_key_load(&i->key, key, err));
    if (X509_check_private_key(i->certificate, ota_key_evp(i->key)) != 1)
        return ota_err_set(err, OTA_KEY, "%s is not the certificate of tls-ca.pem beside it", crt);
    *out = OTA_STEAL(i);
    return OTA_OK;
}

enum ota_status ota_pki_issue(const struct ota_pki_issuer *issuer, const char *id, uint64_t now, struct ota_buf *crt,
                              struct ota_buf *key, struct ota_err *err) {
    static const struct extension extension[] = {
        {NID_basic_constraints, "critical,CA:FALSE"},
        {NID_key_usage, "critical,digitalSignature"},
        {NID_ext_key_usage, "clientAuth"},
        {NID_subject_key_identifier, "hash"},
        {NID_authority_key_identifier, "keyid:always"},
    };
    OTA_CLEAN(ota_key_free) struct ota_key *own = NULL;
    OTA_CLEAN(clean_x509) X509 *x = NULL;
    OTA_TRY(ota_key_generate(&own, err));
    const struct certificate board = {
        .name = id,
        .key = own,
        .now = now,
        .life = BOARD_LIFE,
        .issuer = issuer->certificate,
        .issuer_key = issuer->key,
        .extension = extension,
        .extension_count = OTA_ARRAY_LEN(extension),
    };
    OTA_TRY(make_certificate(&board, &x, err));
    OTA_TRY(write_text(x, id, crt, err));
    return ota_key_write_pem(own, NULL, key, err);
}

enum ota_status ota_pki_expires(const struct ota_workspace *w, uint64_t *expires, struct ota_err *err) {
    OTA_CLEAN_FREE char *path = ota_workspace_path(w, "keys/server.crt");
    OTA_CLEAN(clean_x509) X509 *x = NULL;
    struct tm t;
    OTA_TRY(read_certificate(path, &x, err));
    if (ASN1_TIME_to_tm(X509_get0_notAfter(x), &t) != 1)
        return failed(err, path);
    time_t when = timegm(&t);
    *expires = when > 0 ? (uint64_t)when : 0;
    return OTA_OK;
}
