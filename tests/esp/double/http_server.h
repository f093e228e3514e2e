/* SPDX-License-Identifier: Apache-2.0 */
/* A client of the one server there is: what it sends, and what it gets. */
#ifndef OTA_TESTS_DOUBLE_HTTP_SERVER_H
#define OTA_TESTS_DOUBLE_HTTP_SERVER_H

#include "esp_http_server.h"

struct double_httpd_header {
    const char *name, *value;
};

struct double_httpd {
    /* Out of a test's hands. */
    bool running, registered;
    httpd_config_t config;
    httpd_uri_t handler;
    httpd_recv_func_t recv; /* of the last connection */
    unsigned stops;
    void (*while_it_stops)(void); /* what its task does meanwhile; NULL: nothing */
    /* What fails. */
    esp_err_t start, register_uri, stop;
    /* The request. */
    const struct double_httpd_header *headers; /* until one without a name */
    const uint8_t *body;
    size_t body_len; /* that comes; after it `end`, the first `timeouts` times HTTPD_SOCK_ERR_TIMEOUT */
    int end;
    unsigned timeouts;
    size_t step;          /* bytes of one recv; 0: as many as are asked for */
    uint32_t seconds;     /* of the chip's clock that each recv takes */
    size_t send_fails_at; /* byte of the answer's body; 0: never */
    /* The answer. */
    size_t read;
    unsigned recvs;
    char head[2048], text[16384];
    size_t text_len;
};
extern struct double_httpd double_httpd;

/* A connection that was accepted; false: it was closed again. */
bool double_httpd_connect(int fd);
/* One request to the server, which has to run: what its handler says. */
esp_err_t double_httpd_ask(enum http_method method, const char *uri);
/* Value in the answer's head; NULL: it has none. Fills `buf`. */
const char *double_httpd_answered(const char *name, char *buf, size_t cap);

#endif
