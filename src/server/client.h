/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One TLS connection, from accept to close: what the interposed GnuTLS calls need (tls_interpose.c), the credentials
 * it was given, and a deadline: a client whose first request is not complete after OTA_CLIENT_FIRST_REQUEST_MS is
 * disconnected, and so is one whose next is not complete OTA_CLIENT_NEXT_REQUEST_MS after an answer. Bytes that
 * trickle in do not move a deadline. While it is answered a client has none.
 */
#ifndef OTA_SERVER_CLIENT_H
#define OTA_SERVER_CLIENT_H

#include <gnutls/gnutls.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define OTA_CLIENT_FIRST_REQUEST_MS 15000u
#define OTA_CLIENT_NEXT_REQUEST_MS 75000u /* a connection may idle for a minute before it asks again */
#define OTA_CLIENT_PULL 1024u

struct ota_tls_credentials;

struct ota_client {
    uint32_t magic;
    int fd;
    bool established;               /* the real handshake is done; only the connection's own thread looks */
    bool ended;                     /* nothing more will arrive; likewise */
    struct ota_client_queue *waits; /* the queue it is in, or NULL; under the lock */
    uint64_t since_ms;
    struct ota_client *next, *prev;
    struct ota_tls_credentials *credentials;
    uint16_t at, have; /* bytes received and not yet given to GnuTLS: in[at..have) */
    uint8_t in[OTA_CLIENT_PULL];
};

/* Clients that may take equally long, oldest first. */
struct ota_client_queue {
    unsigned allowed_ms;
    struct ota_client *first, *last;
};
/* Clients of which a request is awaited. */
struct ota_clients {
    pthread_mutex_t lock;
    struct ota_client_queue new, idle;
};

void ota_clients_init(struct ota_clients *all);
void ota_clients_free(struct ota_clients *all);
/* Takes over a new session: sets how it receives, and starts the deadline. NULL when out of memory. */
struct ota_client *ota_client_open(struct ota_clients *all, gnutls_session_t session, int fd);
/* The client of a session, or NULL when the session is not one of ours. */
struct ota_client *ota_client_of(gnutls_session_t session);
/* A request is there to its end: no deadline. */
void ota_client_ready(struct ota_clients *all, struct ota_client *c);
/* It has been answered: the deadline of the next one begins. */
void ota_client_answered(struct ota_clients *all, struct ota_client *c);
/* The descriptor is still open, the session is gone. Frees c. */
void ota_client_close(struct ota_clients *all, struct ota_client *c);
/* Shuts down sockets past their deadline, so that their threads find them closed. Returns the milliseconds until the
 * next one, or -1. */
int ota_clients_sweep(struct ota_clients *all);

#endif
