/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP client for each server the addresses name (two addresses of one server share it), at most one of them
 * connected: each connection holds TLS's buffers.
 *
 *   transport.c         the port: request, answer, body
 *   transport_client.c  how a client is made: proof of the server, certificate, interface
 *   transport_watch.c   an end to an answer that drips
 *   transport_error.c   what esp-tls's error codes mean
 */
#ifndef OTA_ESP_TRANSPORT_H
#define OTA_ESP_TRANSPORT_H

#include "esp_http_client.h"
#include "ota_esp_ports.h"

/* How the server proves its name. */
enum ota_esp_proof { OTA_ESP_PROOF_CA, OTA_ESP_PROOF_BUNDLE, OTA_ESP_PROOF_NONE };

/* A server that is silent for so long ends what waits for it; each byte, be it of a TLS record that is far from whole, gives it as
 * much time again. */
#define OTA_ESP_CONNECT_MS 15000
#define OTA_ESP_STALL_MS 20000
/* From the connection to the answer's head, and for each read of the body, however many bytes come meanwhile. A handshake
 * has no such end: nothing that ESP-IDF offers says which socket it is made over. A peer that gives it a byte every few
 * seconds, which takes somebody on the path and no certificate, keeps the agent until the handshake's messages are
 * whole; the application goes on meanwhile. */
#define OTA_ESP_WATCH_MS 120000

struct ota_esp_server {
    const char *base; /* of the first address it serves */
    esp_http_client_handle_t client;
    enum ota_esp_proof proof;  /* what `client` was made with */
    enum ota_esp_proof worked; /* what it proved itself with last */
    unsigned made_for;         /* interface `client` was made for */
    unsigned connections;      /* of `client` */
    bool connected;
};

/* ---- transport_client.c ---- */

/* Borrowed for good. CONFIG. */
OTA_MUST_USE enum ota_status ota_esp_client_config(const struct ota_esp_transport_config *cfg, struct ota_err *err);
/* Can a server be asked to prove itself so. */
bool ota_esp_client_can(enum ota_esp_proof proof);
/* Makes s->client, or leaves the one that is good: same proof, same interface, connected or with a connection left to
 * make. MEMORY, NETWORK: the interface is not up. */
OTA_MUST_USE enum ota_status ota_esp_client_ready(struct ota_esp_server *s, enum ota_esp_proof proof,
                                                  http_event_handle_cb on_event, struct ota_err *err);
void ota_esp_client_drop(struct ota_esp_server *s);
/* Bytes of a request line and header line that the client's buffer holds. */
size_t ota_esp_client_room(void);

/* ---- transport_watch.c ---- */

/* Shuts `fd` (-1: none) in OTA_ESP_WATCH_MS. One at a time: for the task that has the agent. */
void ota_esp_watch(int fd);
/* The socket is about to be closed. */
void ota_esp_watch_let_go(void);
/* True: it was shut. */
bool ota_esp_watch_end(void);

/* ---- transport_error.c ---- */

struct ota_esp_tls_error {
    esp_err_t last;
    int code, flags; /* mbedTLS's, positive; of the certificate */
};
/* Takes it from the client, which forgets it. */
struct ota_esp_tls_error ota_esp_tls_error(esp_http_client_handle_t client);
/* Of a connection that was not made. TLS: it was, to a server that did not prove its name. */
enum ota_status ota_esp_connect_failed(struct ota_esp_tls_error why, struct ota_err *err);
/* Of one that broke. TRUNCATED when it was closed and `in_body`. */
enum ota_status ota_esp_connection_broke(struct ota_esp_tls_error why, bool in_body, struct ota_err *err);

#endif
