/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Client certificates of boards. Every client is asked for one when the workspace has a CA, and none has to have it:
 * what a certificate is worth is found out when a report wants to know.
 */
#ifndef OTA_SERVER_PEER_H
#define OTA_SERVER_PEER_H

#include "ota/release.h"
#include "server/exchange.h"
#include "server/tls.h"

/* Asks the client of a new session for a certificate. Of one whose key would take long to compute with, the handshake
 * fails. */
void ota_peer_ask(gnutls_session_t session);

struct ota_peer {
    /* What is wrong with the certificate, for the answer; NULL: it was verified, or there is none. */
    const char *fault;
    char id[OTA_DEVICE_ID_MAX + 1]; /* its common name; "" unless it was verified */
    uint8_t key[OTA_SHA256_LEN];    /* SHA-256 of its SubjectPublicKeyInfo */
};
/* Who the client of this request is by its certificate: signed by the CA itself, valid now, for client
 * authentication. */
void ota_peer_read(struct ota_tls *tls, const struct ota_exchange *x, struct ota_peer *out);

#endif
