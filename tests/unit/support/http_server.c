/* SPDX-License-Identifier: Apache-2.0 */
#include "support/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "support/unit.h"

#define REQUESTS_MAX 16u

struct http_server {
    int listener;
    pthread_t thread;
    pthread_mutex_t lock;
    const struct http_answer *next;
    SSL_CTX *tls;
    char url[64];
    char *ca;
    unsigned connections, named;
    size_t request_count;
    struct ota_buf request[REQUESTS_MAX];
};

struct link {
    int fd;
    SSL *ssl;
};

static ssize_t take(const struct link *l, void *p, size_t n) {
    return l->ssl ? SSL_read(l->ssl, p, (int)n) : recv(l->fd, p, n, 0);
}

static bool give(const struct link *l, const void *p, size_t n) {
    for (size_t done = 0; done < n;) {
        ssize_t put = l->ssl ? SSL_write(l->ssl, (const char *)p + done, (int)(n - done))
                             : send(l->fd, (const char *)p + done, n - done, MSG_NOSIGNAL);
        if (put <= 0)
            return false;
        done += (size_t)put;
    }
    return true;
}

/* ---- certificate --------------------------------------------------------------------------------------- */

static void add_extension(X509 *cert, int nid, const char *value) {
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert_non_null(e);
    assert_int_equal(X509_add_ext(cert, e, -1), 1);
    X509_EXTENSION_free(e);
}

static X509 *make_certificate(EVP_PKEY *key) {
    X509 *cert = X509_new();
    assert_int_equal(X509_set_version(cert, X509_VERSION_3), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert), 1), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), -3600));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), 3600));
    X509_NAME *name = X509_get_subject_name(cert);
    assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1, 0), 1);
    assert_int_equal(X509_set_issuer_name(cert, name), 1);
    assert_int_equal(X509_set_pubkey(cert, key), 1);
    add_extension(cert, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(cert, NID_subject_alt_name, "DNS:localhost");
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    return cert;
}

static int take_any(int ok, X509_STORE_CTX *ctx) {
    (void)ok, (void)ctx;
    return 1;
}

static void use_tls(struct http_server *s) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = make_certificate(key);
    BIO *pem = BIO_new(BIO_s_mem());
    char *text;
    assert_int_equal(PEM_write_bio_X509(pem, cert), 1);
    long n = BIO_get_mem_data(pem, &text);
    s->ca = ota_sprintf("%.*s", (int)n, text);
    s->tls = SSL_CTX_new(TLS_server_method());
    assert_int_equal(SSL_CTX_use_certificate(s->tls, cert), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(s->tls, key), 1);
    SSL_CTX_set_verify(s->tls, SSL_VERIFY_PEER, take_any);
    assert_int_equal(SSL_CTX_set_session_id_context(s->tls, (const unsigned char *)"test", 4), 1);
    BIO_free(pem);
    X509_free(cert);
    EVP_PKEY_free(key);
}

/* ---- one connection ------------------------------------------------------------------------------------ */

/* Head, and as much body as its Content-Length says. */
static bool read_request(const struct link *l, struct ota_buf *out) {
    char byte;
    size_t want = SIZE_MAX;
    while (out->len < want) {
        if (take(l, &byte, 1) != 1)
            return false;
        ota_buf_append(out, &byte, 1);
        if (want != SIZE_MAX || out->len < 4 || memcmp(out->p + out->len - 4, "\r\n\r\n", 4) != 0)
            continue;
        const char *length = strcasestr(ota_buf_text(out), "\r\nContent-Length:");
        want = out->len + (length ? (size_t)atol(length + 17) : 0);
    }
    return true;
}

static void pause_ms(unsigned ms) {
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    if (ms)
        (void)nanosleep(&t, NULL);
}

static bool answer(const struct link *l, const struct http_answer *a) {
    char block[1024];
    memset(block, 'x', sizeof block);
    if (!give(l, a->head, strlen(a->head)))
        return false;
    pause_ms(a->stall_ms);
    for (size_t left = a->body; left;) {
        size_t most = a->drip_ms ? 1 : sizeof block;
        size_t n = left < most ? left : most;
        pause_ms(a->drip_ms);
        if (!give(l, block, n))
            return false;
        left -= n;
    }
    return !a->close && !a->reset;
}

static void serve(struct http_server *s, const struct link *l) {
    for (;;) {
        OTA_CLEAN(ota_buf_free) struct ota_buf request = {0};
        if (!read_request(l, &request))
            return;
        (void)pthread_mutex_lock(&s->lock);
        const struct http_answer *a = s->next->head ? s->next++ : NULL;
        if (s->request_count < REQUESTS_MAX)
            ota_buf_append(&s->request[s->request_count++], request.p, request.len);
        (void)pthread_mutex_unlock(&s->lock);
        if (!a || !answer(l, a)) {
            if (a && l->ssl && !a->reset)
                (void)SSL_shutdown(l->ssl);
            return;
        }
    }
}

static bool accept_tls(struct http_server *s, const struct link *l) {
    if (SSL_set_fd(l->ssl, l->fd) != 1 || SSL_accept(l->ssl) != 1)
        return false;
    (void)pthread_mutex_lock(&s->lock);
    s->named += SSL_get0_peer_certificate(l->ssl) != NULL;
    (void)pthread_mutex_unlock(&s->lock);
    return true;
}

static void *run(void *ctx) {
    struct http_server *s = ctx;
    for (int fd; (fd = accept(s->listener, NULL, NULL)) >= 0;) {
        struct link l = {.fd = fd, .ssl = s->tls ? SSL_new(s->tls) : NULL};
        (void)pthread_mutex_lock(&s->lock);
        s->connections++;
        (void)pthread_mutex_unlock(&s->lock);
        if (!l.ssl || accept_tls(s, &l))
            serve(s, &l);
        if (l.ssl)
            SSL_free(l.ssl);
        (void)close(fd);
    }
    return NULL;
}

/* ---- life ---------------------------------------------------------------------------------------------- */

struct http_server *http_server_start(const struct http_answer *answers, bool tls) {
    struct http_server *s = ota_calloc(1, sizeof *s);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof address;
    s->next = answers;
    (void)pthread_mutex_init(&s->lock, NULL);
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(s->listener >= 0);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&address, n), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&address, &n), 0);
    assert_int_equal(listen(s->listener, 8), 0);
    if (tls)
        use_tls(s);
    (void)snprintf(s->url, sizeof s->url, "http%s://localhost:%u", tls ? "s" : "", ntohs(address.sin_port));
    assert_int_equal(pthread_create(&s->thread, NULL, run, s), 0);
    return s;
}

void http_server_stop(struct http_server **server) {
    struct http_server *s = *server;
    if (!s)
        return;
    (void)shutdown(s->listener, SHUT_RDWR);
    (void)pthread_join(s->thread, NULL);
    (void)close(s->listener);
    (void)pthread_mutex_destroy(&s->lock);
    SSL_CTX_free(s->tls);
    free(s->ca);
    for (size_t i = 0; i < s->request_count; i++)
        ota_buf_free(&s->request[i]);
    free(s);
    *server = NULL;
}

const char *http_server_url(const struct http_server *s) {
    return s->url;
}

struct ota_span http_server_ca(const struct http_server *s) {
    return ota_span_str(s->ca);
}

const char *http_server_request(struct http_server *s, size_t n) {
    (void)pthread_mutex_lock(&s->lock);
    const char *text = n < s->request_count ? ota_buf_text(&s->request[n]) : "";
    (void)pthread_mutex_unlock(&s->lock);
    return text;
}

unsigned http_server_connections(struct http_server *s) {
    (void)pthread_mutex_lock(&s->lock);
    unsigned n = s->connections;
    (void)pthread_mutex_unlock(&s->lock);
    return n;
}

unsigned http_server_named(struct http_server *s) {
    (void)pthread_mutex_lock(&s->lock);
    unsigned n = s->named;
    (void)pthread_mutex_unlock(&s->lock);
    return n;
}

void http_body_is(const struct ota_transport *net, size_t wanted, enum ota_status status, struct ota_err *err) {
    uint8_t part[777];
    size_t total = 0, got = 1;
    enum ota_status st = OTA_OK;
    while (st == OTA_OK && got > 0) {
        st = net->read(net->ctx, part, sizeof part, &got, err);
        for (size_t i = 0; st == OTA_OK && i < got; i++)
            assert_int_equal(part[i], 'x');
        total += st == OTA_OK ? got : 0;
    }
    if (st != status)
        fail_msg("read ended with %s (%s), wanted %s", ota_status_name(st), err->msg, ota_status_name(status));
    assert_int_equal(total, wanted);
    net->close(net->ctx);
}
