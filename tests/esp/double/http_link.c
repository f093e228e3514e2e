/* SPDX-License-Identifier: Apache-2.0 */
#include "double/http_link.h"

#include <errno.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "double/clock.h"
#include "double/http_client.h"
#include "esp_crt_bundle.h"
#include "esp_tls_errors.h"
#include "mbedtls/ssl.h"
#include "support/unit.h"

#define CERT_VERIFY_FAILED 0x2700
#define NOT_TRUSTED 0x08
#define CN_MISMATCH 0x04
#define CONN_EOF 0x7280

void double_link_init(struct double_link *l, const esp_http_client_config_t *cfg) {
    *l = (struct double_link){.ca = cfg->cert_pem,
                              .client_cert = cfg->client_cert_pem,
                              .client_key = cfg->client_key_pem,
                              .attach = cfg->crt_bundle_attach,
                              .fd = -1};
}

void double_link_close(struct double_link *l) {
    if (l->ssl)
        (void)SSL_shutdown(l->ssl);
    SSL_free(l->ssl);
    SSL_CTX_free(l->ctx);
    l->ssl = l->ctx = NULL;
    if (l->fd >= 0)
        (void)close(l->fd);
    l->fd = -1;
}

void double_link_free(struct double_link *l) {
    double_link_close(l);
    free(l->kept);
}

static bool failed(struct double_link *l, esp_err_t last, int code, int flags) {
    l->error = (struct double_link_error){last, code, flags};
    double_link_close(l);
    return false;
}

/* ---- proof ----------------------------------------------------------------------------------------------- */

esp_err_t esp_crt_bundle_attach(void *conf) {
    ((mbedtls_ssl_config *)conf)->bundle = 1;
    return ESP_OK;
}

void mbedtls_ssl_conf_authmode(mbedtls_ssl_config *conf, int authmode) {
    conf->authmode = authmode;
}

static bool trust(SSL_CTX *ctx, const void *pem, size_t len) {
    BIO *bio = BIO_new_mem_buf(pem, (int)len);
    bool any = false;
    for (X509 *cert; (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)); X509_free(cert)) {
        any = true;
        (void)X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), cert);
    }
    BIO_free(bio);
    ERR_clear_error();
    return any;
}

/* esp-tls: the bundle before the CA, and one of them there must be. */
static bool configure(struct double_link *l, const char *host) {
    mbedtls_ssl_config conf = {.authmode = MBEDTLS_SSL_VERIFY_REQUIRED};
    l->ctx = SSL_CTX_new(TLS_client_method());
    if (l->attach) {
        assert_int_equal(l->attach(&conf), ESP_OK);
        if (conf.bundle)
            (void)trust(l->ctx, double_http.bundle.p, double_http.bundle.len);
    } else if (!l->ca) {
        return failed(l, ESP_ERR_MBEDTLS_SSL_SETUP_FAILED, 0, 0);
    } else if (!trust(l->ctx, l->ca, strlen(l->ca))) {
        return failed(l, ESP_ERR_MBEDTLS_X509_CRT_PARSE_FAILED, 0x2180, 0);
    }
    SSL_CTX_set_verify(l->ctx, conf.authmode == MBEDTLS_SSL_VERIFY_NONE ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    l->ssl = SSL_new(l->ctx);
    (void)SSL_set_tlsext_host_name(l->ssl, host);
    (void)SSL_set1_host(l->ssl, host);
    (void)SSL_set_fd(l->ssl, l->fd);
    return true;
}

static bool handshake(struct double_link *l, const char *host) {
    double_http.handshakes++;
    if (!configure(l, host))
        return false;
    if (l->to_use) {
        unsigned sum = 0;
        for (size_t i = 0; i < sizeof l->to_use->bytes; i++) /* whether it still exists or not */
            sum += l->to_use->bytes[i];
        assert_int_equal(sum, 0x5Au * sizeof l->to_use->bytes);
        double_http.resumptions++;
        if (double_http.refuse_session)
            return failed(l, ESP_OK, 0, 0);
    }
    if (double_http.handshake_code)
        return failed(l, ESP_ERR_MBEDTLS_SSL_HANDSHAKE_FAILED, double_http.handshake_code, 0);
    if (SSL_connect(l->ssl) == 1)
        return true;
    const long result = SSL_get_verify_result(l->ssl);
    const bool timed_out = errno == EAGAIN && result == X509_V_OK;
    ERR_clear_error();
    if (result == X509_V_OK)
        return failed(l, timed_out ? ESP_ERR_ESP_TLS_CONNECTION_TIMEOUT : ESP_ERR_MBEDTLS_SSL_HANDSHAKE_FAILED,
                      timed_out ? 0 : CONN_EOF, 0);
    return failed(l, ESP_ERR_MBEDTLS_SSL_HANDSHAKE_FAILED, CERT_VERIFY_FAILED,
                  result == X509_V_ERR_HOSTNAME_MISMATCH ? CN_MISMATCH : NOT_TRUSTED);
}

void double_link_session_use(struct double_link *l) {
    if (l->kept)
        l->to_use = l->kept;
}

void double_link_session_save(struct double_link *l) {
    free(l->kept);
    l->kept = NULL;
    if (double_http.no_session || !l->ssl)
        return;
    l->kept = malloc(sizeof *l->kept);
    assert_non_null(l->kept);
    memset(l->kept->bytes, 0x5A, sizeof l->kept->bytes);
}

/* ---- connection ------------------------------------------------------------------------------------------ */

bool double_link_connect(struct double_link *l, const char *host, int port, bool tls, int timeout_ms) {
    const struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    const struct timeval limit = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
    struct addrinfo *found = NULL;
    char service[8];
    (void)snprintf(service, sizeof service, "%d", port);
    double_http.attempts++;
    if (getaddrinfo(host, service, &hints, &found) != 0)
        return failed(l, ESP_ERR_ESP_TLS_CANNOT_RESOLVE_HOSTNAME, 0, 0);
    l->fd = socket(AF_INET, SOCK_STREAM, 0);
    (void)setsockopt(l->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    (void)setsockopt(l->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    const int rc = connect(l->fd, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    if (rc != 0)
        return failed(l, ESP_ERR_ESP_TLS_FAILED_CONNECT_TO_HOST, 0, 0);
    return !tls || handshake(l, host);
}

bool double_link_write(struct double_link *l, const void *p, size_t n) {
    if (!l->ssl)
        return send(l->fd, p, n, MSG_NOSIGNAL) == (ssize_t)n;
    if (SSL_write(l->ssl, p, (int)n) == (int)n)
        return true;
    ERR_clear_error();
    l->error = (struct double_link_error){ESP_ERR_MBEDTLS_SSL_WRITE_FAILED, 0x004E, 0};
    return false;
}

static int closed(struct double_link *l) {
    l->error.last = ESP_ERR_ESP_TLS_TCP_CLOSED_FIN;
    return DOUBLE_LINK_FIN;
}

static int tls_read(struct double_link *l, char *p, int n) {
    ERR_clear_error();
    const int got = SSL_read(l->ssl, p, n);
    if (got > 0)
        return got;
    const int why = SSL_get_error(l->ssl, got);
    if (why == SSL_ERROR_WANT_READ)
        return DOUBLE_LINK_TIMEOUT;
    if (why == SSL_ERROR_ZERO_RETURN ||
        (why == SSL_ERROR_SSL && ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING))
        return closed(l); /* mbedTLS takes the end of the line for a goodbye */
    l->error = (struct double_link_error){ESP_ERR_MBEDTLS_SSL_READ_FAILED, 0x0050, 0};
    return DOUBLE_LINK_FAILED;
}

int double_link_read(struct double_link *l, char *p, int n, int timeout_ms) {
    struct pollfd ready = {.fd = l->fd, .events = POLLIN};
    double_clock_pass(double_http.read_s * INT64_C(1000000));
    if (!(l->ssl && SSL_pending(l->ssl) > 0)) {
        const int rc = poll(&ready, 1, timeout_ms);
        if (rc <= 0)
            return rc == 0 ? DOUBLE_LINK_TIMEOUT : DOUBLE_LINK_FAILED;
    }
    if (l->ssl)
        return tls_read(l, p, n);
    const ssize_t got = recv(l->fd, p, (size_t)n, 0);
    if (got > 0)
        return (int)got;
    if (got == 0)
        return closed(l);
    return errno == EAGAIN ? DOUBLE_LINK_TIMEOUT : DOUBLE_LINK_FAILED;
}
