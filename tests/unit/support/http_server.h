/* SPDX-License-Identifier: Apache-2.0 */
/* A server on 127.0.0.1 that gives prepared answers, byte by byte as written, whatever it is asked. */
#ifndef OTA_TESTS_HTTP_SERVER_H
#define OTA_TESTS_HTTP_SERVER_H

#include "host/buf.h"
#include "ota/ports.h"

struct http_answer {
    const char *head;  /* with its empty line; NULL ends a list */
    size_t body;       /* bytes of 'x' that follow */
    bool close;        /* the connection, after that */
    unsigned stall_ms; /* before the body */
    unsigned drip_ms;  /* before each byte of it */
    bool reset;        /* close without TLS's or TCP's goodbye */
};

struct http_server;
/* tls: with a certificate of its own for localhost, http_server_ca(). Each request takes the next of `answers`, which must outlive the server. */
struct http_server *http_server_start(const struct http_answer *answers, bool tls);
/* Ends it and waits. */
void http_server_stop(struct http_server **s);
/* "http://localhost:PORT" */
const char *http_server_url(const struct http_server *s);
struct ota_span http_server_ca(const struct http_server *s);
/* The n-th request, head and body, or "". */
const char *http_server_request(struct http_server *s, size_t n);
unsigned http_server_connections(struct http_server *s);
/* How many of them came with a client certificate, for which every TLS client is asked. */
unsigned http_server_named(struct http_server *s);

/* Reads an answer to its end with small reads, and closes it: `wanted` bytes of 'x', then `status`. */
void http_body_is(const struct ota_transport *net, size_t wanted, enum ota_status status, struct ota_err *err);

#endif
