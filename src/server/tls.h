/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's TLS identity: keys/server.crt (chain) with keys/tls-server.pem; and keys/ca.crt, whose client
 * certificates boards may report with. Credentials are reference-counted, so that a reload touches no open connection.
 * Tickets let boards resume; their key is replaced daily.
 */
#ifndef OTA_SERVER_TLS_H
#define OTA_SERVER_TLS_H

#include <gnutls/x509.h>

#include "host/workspace.h"
#include "server/client.h"

/* TLS 1.3 and 1.2, X25519 and P-256. AES-128 first: its SHA-256 makes a resumption 14 % cheaper than SHA-384. */
#define OTA_TLS_PRIORITIES                                                                                           \
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:-CIPHER-ALL:+AES-128-GCM:" \
    "+CHACHA20-POLY1305:+AES-256-GCM:%SERVER_PRECEDENCE"

struct ota_tls;

/* Reads certificate, key and, where there is one, the CA. Errors name the file and how to make a new one. */
OTA_MUST_USE enum ota_status ota_tls_new(const struct ota_workspace *w, struct ota_tls **out, struct ota_err *err);
void ota_tls_free(struct ota_tls **tls);
/* Reads them again; on failure the old ones stay in use. */
OTA_MUST_USE enum ota_status ota_tls_reload(struct ota_tls *tls, const struct ota_workspace *w, struct ota_err *err);
/* PEM texts as first read, for MHD_start_daemon(). */
const char *ota_tls_certificate(const struct ota_tls *tls);
const char *ota_tls_key(const struct ota_tls *tls);
/* More are a list of whom to trust on the internet; nobody has a board's certificate from there. */
#define OTA_TLS_CA_MAX 8u
/* Gives a new session credentials and a ticket key, and has it ask for a client certificate when there is a CA. false:
 * out of memory. */
bool ota_tls_attach(struct ota_tls *tls, struct ota_client *c, gnutls_session_t session);
void ota_tls_detach(struct ota_client *c);
/* What is wrong with a client's certificate, by the CA as it is now: GNUTLS_CERT_..., 0 for nothing. An intermediate
 * CA does not count. */
unsigned ota_tls_judge(struct ota_tls *tls, gnutls_x509_crt_t crt);
/* Replaces the ticket key when it is a day old. */
void ota_tls_tick(struct ota_tls *tls);
/* When the certificate in use expires, unix seconds. */
uint64_t ota_tls_expires(struct ota_tls *tls);

#endif
