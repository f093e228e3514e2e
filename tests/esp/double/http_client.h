/* SPDX-License-Identifier: Apache-2.0 */
/*
 * esp_http_client, its parser and esp-tls as far as the port can see them, over real sockets and OpenSSL. Source: ESP-IDF
 * esp_http_client/esp_http_client.c, lib/http_header.c; http_parser/http_parser.c; tcp_transport/transport_ssl.c;
 * esp-tls/esp_tls.c, esp_tls_mbedtls.c.
 */
#ifndef OTA_TESTS_DOUBLE_HTTP_CLIENT_H
#define OTA_TESTS_DOUBLE_HTTP_CLIENT_H

#include "esp_http_client.h"
#include "esp_netif.h"
#include "ota/bytes.h"

struct double_http {
    unsigned
        idf; /* 550, 600, 610: before 6.1 what the parser says of a false answer is passed over, before 6.0 the status is known behind the head only */
    bool doubled_range;     /* CONFIG_ESP_HTTP_CLIENT_ENABLE_GET_CONTENT_RANGE */
    bool no_session;        /* a handshake leaves no session to keep: TLS 1.3, or no memory */
    unsigned hurry;         /* every timeout divided by this; 0: 1 */
    unsigned read_s;        /* of the chip's clock that each wait for bytes takes */
    struct ota_span bundle; /* CA certificates of the bundle, PEM */

    /* Of the next connection. */
    int handshake_code;  /* mbedTLS's, positive: the handshake ends with it */
    bool refuse_session; /* esp-tls fails without an error when it has a session to use */

    /* What was seen. */
    unsigned clients;        /* that exist */
    unsigned handshakes;     /* tried */
    unsigned resumptions;    /* with a kept session */
    unsigned attempts;       /* to connect */
    char interface[16];      /* of the last client, "" for none */
    bool client_certificate; /* likewise: it had one */
    int buffer_tx;
};
extern struct double_http double_http;
void double_http_reset(void);

#endif
