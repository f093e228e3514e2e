/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests of otactl to a server's API, over libcurl: one at a time, short answers held in memory. HTTPS only, since
 * every request carries a token; no redirect is followed. Boards speak HTTP through host/transport.h.
 */
#ifndef OTA_HOST_HTTP_CLIENT_H
#define OTA_HOST_HTTP_CLIENT_H

#include "host/buf.h"
#include "ota/err.h"

#define OTA_HTTP_ANSWER_MAX (1u << 20)

struct ota_http_client_config {
    const char *url;        /* https://host:port, with or without a path */
    const char *token;      /* Authorization: Bearer */
    struct ota_span ca_pem; /* the only CAs that count; empty: the system's */
    const char *user_agent;
    bool (*stopped)(void); /* asked now and then: true ends a request with INTERRUPTED; may be NULL */
};
struct ota_http_client;
OTA_MUST_USE enum ota_status ota_http_client_new(const struct ota_http_client_config *cfg, struct ota_http_client **out,
                                                 struct ota_err *err);
void ota_http_client_free(struct ota_http_client **c);

struct ota_http_request {
    const char *method; /* GET, POST, PUT */
    const char *path;   /* "/api/v1/..." */
    struct ota_span body;
    const char *type;  /* Content-Type; NULL: no body */
    const char *range; /* Content-Range, or NULL. The body then waits for the server's 100 Continue */
};
struct ota_http_reply {
    int status;
    uint32_t retry_after; /* seconds, 0: none given */
    struct ota_buf body;
};
void ota_http_reply_free(struct ota_http_reply *r);
/* NETWORK, TLS, TIMEOUT, TRUNCATED, HTTP; a status of the server is no error here. */
OTA_MUST_USE enum ota_status ota_http_client_ask(struct ota_http_client *c, const struct ota_http_request *req,
                                                 struct ota_http_reply *out, struct ota_err *err);

#endif
