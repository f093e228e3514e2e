/* SPDX-License-Identifier: Apache-2.0 */
/* One request and its answer. Lives from the first call of libmicrohttpd's handler until the request is completed. */
#ifndef OTA_SERVER_EXCHANGE_H
#define OTA_SERVER_EXCHANGE_H

#include <microhttpd.h>
#include <sys/socket.h>
#include <time.h>

#include "ota/bytes.h"
#include "server/served_name.h"

#define OTA_BODY_MAX (16u * 1024u)
#define OTA_ADDRESS_TEXT_MAX 64u

/* Where a body goes that is not kept in memory. */
struct ota_body_sink {
    bool (*take)(void *ctx, const char *data, size_t size); /* false: cut the sender off */
    void (*free)(void *ctx);
    void *ctx;
};

struct ota_exchange {
    struct MHD_Connection *connection;
    struct timespec started; /* CLOCK_MONOTONIC */
    char method[16];
    char path[OTA_URL_PATH_MAX]; /* decoded; "" when it could not be */
    bool head;                   /* the answer has no body */
    unsigned status;             /* 0 until answered */
    uint64_t sent;               /* length of the answer's body */
    uint8_t *body;               /* of the request; NULL until the first byte */
    size_t body_len;
    bool body_too_large;       /* more than OTA_BODY_MAX came; what is over was dropped */
    struct ota_body_sink sink; /* take NULL: the body is kept here */
};

/* NULL when out of memory. */
struct ota_exchange *ota_exchange_new(struct MHD_Connection *connection, const char *method, const char *url);
void ota_exchange_free(struct ota_exchange *x);
/* Keeps a piece of the request's body. false: the sender goes on far beyond the cap and is cut off. */
bool ota_exchange_take(struct ota_exchange *x, const char *data, size_t size);
/* Queues the answer; `length` is its body's, for the log. The caller keeps its reference to `response`. */
enum MHD_Result ota_exchange_answer(struct ota_exchange *x, unsigned status, struct MHD_Response *response,
                                    uint64_t length);
/* Value of a request header, or NULL. */
const char *ota_exchange_header(const struct ota_exchange *x, const char *name);
/* The token of "Authorization: Bearer"; NULL: there is no such header, "": it holds no token. */
const char *ota_exchange_bearer(const struct ota_exchange *x);
/* Is the body called application/json. */
bool ota_exchange_is_json(const struct ota_exchange *x);
/* Peer address as text, without port; IPv4 in IPv6 as IPv4. */
void ota_exchange_address(const struct ota_exchange *x, char out[OTA_ADDRESS_TEXT_MAX]);

#endif
