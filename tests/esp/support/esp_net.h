/* SPDX-License-Identifier: Apache-2.0 */
/* The ESP transport and a server that gives prepared answers. */
#ifndef OTA_TESTS_ESP_NET_H
#define OTA_TESTS_ESP_NET_H

#include "double/http_client.h"
#include "ota_esp_ports.h"
#include "support/http_server.h"
#include "support/unit.h"

#define OK_HEAD(length) "HTTP/1.1 200 OK\r\nContent-Length: " length "\r\n\r\n"

struct esp_net {
    struct http_server *server;
    struct ota_esp_transport_config config;
    char meta[96], targets[96], api[96];
    const char *agent; /* NULL: "test/1" */
};
extern struct esp_net esp_net;
extern const struct ota_request esp_net_metadata;

#define err esp_net_err
#define net (&ota_esp_transport)
extern struct ota_err esp_net_err;

/* Over HTTP, without token. */
void esp_net_start(const struct http_answer *answers);
/* The transport to the server that runs: HTTPS when it does. */
void esp_net_open(const char *token, struct ota_span ca);
/* As the port wants it: its NUL counts. */
struct ota_span esp_net_ca(const struct http_server *s);
enum ota_status esp_net_get(const struct ota_request *req, struct ota_response *resp);
/* Reads to the end with small reads, and closes; the body must be `wanted` bytes of x before `status`. */
void esp_net_body(size_t wanted, enum ota_status status);
/* Drops transport and server, and binds to no interface; no client may be left. */
void esp_net_end(void);

#endif
