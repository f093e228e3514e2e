/* SPDX-License-Identifier: Apache-2.0 */
/* esp-tls and tcp_transport below the client's double: one connection, plain or TLS. */
#ifndef OTA_TESTS_DOUBLE_HTTP_LINK_H
#define OTA_TESTS_DOUBLE_HTTP_LINK_H

#include "esp_http_client.h"

enum { DOUBLE_LINK_TIMEOUT = 0, DOUBLE_LINK_FIN = -1, DOUBLE_LINK_FAILED = -2 };

struct double_link_error {
    esp_err_t last;
    int code, flags;
};

struct double_session {
    unsigned char bytes[64];
};

struct double_link {
    const char *ca, *client_cert, *client_key;
    esp_err_t (*attach)(void *conf);
    int fd;
    void *ssl, *ctx;
    /* As transport_ssl.c: what is kept, and what the next handshake is told to use. Freeing the one leaves the other. */
    struct double_session *kept, *to_use;
    struct double_link_error error;
};

void double_link_init(struct double_link *l, const esp_http_client_config_t *cfg);
void double_link_free(struct double_link *l);
bool double_link_connect(struct double_link *l, const char *host, int port, bool tls, int timeout_ms);
void double_link_close(struct double_link *l);
bool double_link_write(struct double_link *l, const void *p, size_t n);
int double_link_read(struct double_link *l, char *p, int n, int timeout_ms);
void double_link_session_use(struct double_link *l);
void double_link_session_save(struct double_link *l);

#endif
