/* SPDX-License-Identifier: Apache-2.0 */
/* One request and its answer. */
#include "server/exchange.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A body over the cap is read to its end, so that the 413 arrives, but not without end. */
#define BODY_DRAIN_MAX (256u * 1024u)

struct ota_exchange *ota_exchange_new(struct MHD_Connection *connection, const char *method, const char *url) {
    struct ota_exchange *x = malloc(sizeof *x);
    if (!x)
        return NULL;
    memset(x, 0, sizeof *x);
    x->connection = connection;
    (void)clock_gettime(CLOCK_MONOTONIC, &x->started);
    (void)ota_format(x->method, sizeof x->method, "%s", method);
    x->head = strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
    if (!ota_url_decode(ota_url_path(url), x->path, sizeof x->path))
        x->path[0] = '\0';
    return x;
}

void ota_exchange_free(struct ota_exchange *x) {
    if (x->sink.free)
        x->sink.free(x->sink.ctx);
    free(x->body);
    free(x);
}

bool ota_exchange_take(struct ota_exchange *x, const char *data, size_t size) {
    if (x->sink.take)
        return x->sink.take(x->sink.ctx, data, size);
    if (x->body_too_large || size > OTA_BODY_MAX - x->body_len) {
        x->body_too_large = true;
        x->body_len += size;
        return x->body_len <= BODY_DRAIN_MAX;
    }
    if (!x->body && !(x->body = malloc(OTA_BODY_MAX)))
        return false;
    memcpy(x->body + x->body_len, data, size);
    x->body_len += size;
    return true;
}

enum MHD_Result ota_exchange_answer(struct ota_exchange *x, unsigned status, struct MHD_Response *response,
                                    uint64_t length) {
    if (!response)
        return MHD_NO;
    x->status = status;
    x->sent = x->head ? 0 : length;
    return MHD_queue_response(x->connection, status, response);
}

const char *ota_exchange_header(const struct ota_exchange *x, const char *name) {
    return MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name);
}

const char *ota_exchange_bearer(const struct ota_exchange *x) {
    const char *authorization = ota_exchange_header(x, MHD_HTTP_HEADER_AUTHORIZATION);
    if (!authorization)
        return NULL;
    if (strncasecmp(authorization, "Bearer ", 7) != 0)
        return "";
    return authorization + 7 + strspn(authorization + 7, " ");
}

bool ota_exchange_is_json(const struct ota_exchange *x) {
    static const char json[] = "application/json";
    const char *type = ota_exchange_header(x, MHD_HTTP_HEADER_CONTENT_TYPE);
    return type && strncasecmp(type, json, sizeof json - 1) == 0 && strchr("; \t", type[sizeof json - 1]);
}

void ota_exchange_address(const struct ota_exchange *x, char out[OTA_ADDRESS_TEXT_MAX]) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *a = info ? info->client_addr : NULL;
    out[0] = '\0';
    if (a && a->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)a;
        (void)inet_ntop(AF_INET, &v4->sin_addr, out, OTA_ADDRESS_TEXT_MAX);
    } else if (a && a->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const void *)a;
        if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
            (void)inet_ntop(AF_INET, v6->sin6_addr.s6_addr + 12, out, OTA_ADDRESS_TEXT_MAX);
        else
            (void)inet_ntop(AF_INET6, &v6->sin6_addr, out, OTA_ADDRESS_TEXT_MAX);
    }
}
