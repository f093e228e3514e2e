/* SPDX-License-Identifier: Apache-2.0 */
/* The server's TLS identity. */
#include "server/tls.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "host/fs.h"
#include "host/log.h"
#include "server/peer.h"

#define PEM_MAX (64u * 1024u)
#define CA_FILE_MAX (1024u * 1024u) /* it may be the system's list */
#define TICKET_KEY_SECONDS (24 * 3600)

struct ota_tls_credentials {
    atomic_uint references;
    gnutls_certificate_credentials_t gnutls;
    bool asks; /* for client certificates: its trust list holds the CA */
    uint64_t expires;
};

/* The files as they were read. */
struct files {
    struct ota_buf certificate, key;
    struct ota_buf ca; /* empty: there is none */
};

struct ota_tls {
    pthread_mutex_t lock;
    struct ota_tls_credentials *current;
    gnutls_datum_t ticket_key;
    time_t ticket_made; /* CLOCK_MONOTONIC */
    struct files first;
};

static time_t uptime(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

static void credentials_release(struct ota_tls_credentials *c) {
    if (!c || atomic_fetch_sub(&c->references, 1) != 1)
        return;
    gnutls_certificate_free_credentials(c->gnutls);
    free(c);
}

static void wipe(struct ota_buf *b) {
    if (b->p)
        gnutls_memset(b->p, 0, b->cap);
    ota_buf_free(b);
}

static uint64_t certificate_expiry(gnutls_certificate_credentials_t credentials) {
    gnutls_datum_t der;
    gnutls_x509_crt_t crt;
    uint64_t expires = 0;
    if (gnutls_certificate_get_crt_raw(credentials, 0, 0, &der) < 0 || gnutls_x509_crt_init(&crt) < 0)
        return 0;
    if (gnutls_x509_crt_import(crt, &der, GNUTLS_X509_FMT_DER) >= 0)
        expires = (uint64_t)gnutls_x509_crt_get_expiration_time(crt);
    gnutls_x509_crt_deinit(crt);
    return expires;
}

static void files_free(struct files *f) {
    ota_buf_free(&f->certificate);
    wipe(&f->key);
    ota_buf_free(&f->ca);
}

static enum ota_status add_ca(struct ota_tls_credentials *c, const struct ota_buf *ca, struct ota_err *err) {
    gnutls_datum_t pem = {ca->p, (unsigned)ca->len};
    gnutls_x509_crt_t *list = NULL;
    unsigned count = 0;
    if (!ca->len)
        return OTA_OK;
    int rc = gnutls_x509_crt_list_import2(&list, &count, &pem, GNUTLS_X509_FMT_PEM, 0);
    if (rc >= 0 && count <= OTA_TLS_CA_MAX) {
        rc = gnutls_certificate_set_x509_trust(c->gnutls, list, (int)count);
        c->asks = rc > 0;
    }
    if (count > OTA_TLS_CA_MAX)
        ota_log(&ota_log_stderr, OTA_LOG_WARNING,
                "keys/ca.crt holds %u certificates, and of more than %u no client is asked for a certificate: boards "
                "report with their tokens only",
                count, OTA_TLS_CA_MAX);
    for (unsigned i = 0; i < count; i++)
        gnutls_x509_crt_deinit(list[i]);
    gnutls_free(list);
    return rc >= 0
               ? OTA_OK
               : ota_err_set(err, OTA_KEY,
                             "keys/ca.crt: %s. Put back the certificate that `otactl init` made, or remove the file "
                             "when no board has a client certificate",
                             gnutls_strerror(rc));
}

static enum ota_status make_credentials(const struct files *f, struct ota_tls_credentials **out, struct ota_err *err) {
    struct ota_tls_credentials *c = ota_calloc(1, sizeof *c);
    gnutls_datum_t crt = {f->certificate.p, (unsigned)f->certificate.len}, pem = {f->key.p, (unsigned)f->key.len};
    atomic_init(&c->references, 1);
    int rc = gnutls_certificate_allocate_credentials(&c->gnutls);
    if (rc < 0) {
        free(c);
        return ota_err_set(err, OTA_MEMORY, "TLS credentials: %s", gnutls_strerror(rc));
    }
    rc = gnutls_certificate_set_x509_key_mem2(c->gnutls, &crt, &pem, GNUTLS_X509_FMT_PEM, NULL, 0);
    if (rc < 0) {
        credentials_release(c);
        return ota_err_set(err, OTA_KEY,
                           "keys/server.crt and keys/tls-server.pem do not work together: %s. Put back the pair that "
                           "`otactl init` made, or the new certificate's own key",
                           gnutls_strerror(rc));
    }
    enum ota_status st = add_ca(c, &f->ca, err);
    if (st != OTA_OK) {
        credentials_release(c);
        return st;
    }
    c->expires = certificate_expiry(c->gnutls);
    *out = c;
    return OTA_OK;
}

static enum ota_status check_key_mode(const char *path, struct ota_err *err) {
    struct stat st;
    if (stat(path, &st) == 0 && (st.st_mode & 077))
        return ota_err_set(err, OTA_PERMISSION, "%s: other users may read this private key. Type: chmod 600 %s", path,
                           path);
    return OTA_OK;
}

static enum ota_status read_files(const struct ota_workspace *w, struct files *out, struct ota_err *err) {
    OTA_CLEAN_FREE char *crt_path = ota_workspace_path(w, "keys/server.crt");
    OTA_CLEAN_FREE char *key_path = ota_workspace_path(w, "keys/tls-server.pem");
    OTA_CLEAN_FREE char *ca_path = ota_workspace_path(w, "keys/ca.crt");
    OTA_TRY(ota_fs_read(crt_path, PEM_MAX, &out->certificate, err));
    OTA_TRY(check_key_mode(key_path, err));
    OTA_TRY(ota_fs_read(key_path, PEM_MAX, &out->key, err));
    return ota_fs_exists(ca_path) ? ota_fs_read(ca_path, CA_FILE_MAX, &out->ca, err) : OTA_OK;
}

static enum ota_status new_ticket_key(struct ota_tls *tls, struct ota_err *err) {
    gnutls_datum_t key = {0};
    int rc = gnutls_session_ticket_key_generate(&key);
    if (rc < 0)
        return ota_err_set(err, OTA_INTERNAL, "TLS ticket key: %s", gnutls_strerror(rc));
    (void)pthread_mutex_lock(&tls->lock);
    gnutls_datum_t old = tls->ticket_key;
    tls->ticket_key = key;
    tls->ticket_made = uptime();
    (void)pthread_mutex_unlock(&tls->lock);
    if (old.data) {
        gnutls_memset(old.data, 0, old.size);
        gnutls_free(old.data);
    }
    return OTA_OK;
}

enum ota_status ota_tls_new(const struct ota_workspace *w, struct ota_tls **out, struct ota_err *err) {
    OTA_CLEAN(ota_tls_free) struct ota_tls *tls = ota_calloc(1, sizeof *tls);
    (void)pthread_mutex_init(&tls->lock, NULL);
    OTA_TRY(read_files(w, &tls->first, err));
    OTA_TRY(make_credentials(&tls->first, &tls->current, err));
    OTA_TRY(new_ticket_key(tls, err));
    *out = OTA_STEAL(tls);
    return OTA_OK;
}

void ota_tls_free(struct ota_tls **tls) {
    struct ota_tls *t = *tls;
    if (!t)
        return;
    credentials_release(t->current);
    if (t->ticket_key.data) {
        gnutls_memset(t->ticket_key.data, 0, t->ticket_key.size);
        gnutls_free(t->ticket_key.data);
    }
    files_free(&t->first);
    (void)pthread_mutex_destroy(&t->lock);
    free(t);
    *tls = NULL;
}

enum ota_status ota_tls_reload(struct ota_tls *tls, const struct ota_workspace *w, struct ota_err *err) {
    OTA_CLEAN(files_free) struct files files = {0};
    struct ota_tls_credentials *fresh;
    OTA_TRY(read_files(w, &files, err));
    OTA_TRY(make_credentials(&files, &fresh, err));
    (void)pthread_mutex_lock(&tls->lock);
    struct ota_tls_credentials *old = tls->current;
    tls->current = fresh;
    (void)pthread_mutex_unlock(&tls->lock);
    credentials_release(old);
    return OTA_OK;
}

const char *ota_tls_certificate(const struct ota_tls *tls) {
    return ota_buf_text(&tls->first.certificate);
}

const char *ota_tls_key(const struct ota_tls *tls) {
    return ota_buf_text(&tls->first.key);
}

/* Under the lock. */
static struct ota_tls_credentials *take_current(struct ota_tls *tls) {
    atomic_fetch_add(&tls->current->references, 1);
    return tls->current;
}

bool ota_tls_attach(struct ota_tls *tls, struct ota_client *c, gnutls_session_t session) {
    (void)pthread_mutex_lock(&tls->lock);
    c->credentials = take_current(tls);
    int rc = gnutls_session_ticket_enable_server(session, &tls->ticket_key);
    (void)pthread_mutex_unlock(&tls->lock);
    if (c->credentials->asks)
        ota_peer_ask(session);
    return rc >= 0 && gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, c->credentials->gnutls) >= 0;
}

void ota_tls_detach(struct ota_client *c) {
    credentials_release(c->credentials);
    c->credentials = NULL;
}

static unsigned judge(const struct ota_tls_credentials *c, gnutls_x509_crt_t crt) {
    static char clients[] = GNUTLS_KP_TLS_WWW_CLIENT;
    gnutls_typed_vdata_st purpose = {.type = GNUTLS_DT_KEY_PURPOSE_OID, .data = (void *)clients};
    gnutls_x509_trust_list_t ca;
    unsigned status = GNUTLS_CERT_INVALID;
    if (!c->asks)
        return GNUTLS_CERT_INVALID | GNUTLS_CERT_SIGNER_NOT_FOUND;
    gnutls_certificate_get_trust_list(c->gnutls, &ca);
    if (gnutls_x509_trust_list_verify_crt2(ca, &crt, 1, &purpose, 1, 0, &status, NULL) < 0)
        return GNUTLS_CERT_INVALID;
    return status;
}

unsigned ota_tls_judge(struct ota_tls *tls, gnutls_x509_crt_t crt) {
    (void)pthread_mutex_lock(&tls->lock);
    struct ota_tls_credentials *c = take_current(tls);
    (void)pthread_mutex_unlock(&tls->lock);
    unsigned status = judge(c, crt);
    credentials_release(c);
    return status;
}

void ota_tls_tick(struct ota_tls *tls) {
    struct ota_err err;
    if (uptime() - tls->ticket_made >= TICKET_KEY_SECONDS && new_ticket_key(tls, &err) != OTA_OK)
        tls->ticket_made = uptime(); /* the old key serves until the next day's attempt */
}

uint64_t ota_tls_expires(struct ota_tls *tls) {
    (void)pthread_mutex_lock(&tls->lock);
    uint64_t expires = tls->current->expires;
    (void)pthread_mutex_unlock(&tls->lock);
    return expires;
}
