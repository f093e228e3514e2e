/* SPDX-License-Identifier: Apache-2.0 */
/* The listening socket, made here rather than by libmicrohttpd so that "port in use" can be said plainly. */
#ifndef OTA_SERVER_LISTEN_H
#define OTA_SERVER_LISTEN_H

#include "ota/err.h"

#define OTA_LISTEN_BACKLOG 1024

struct ota_listener {
    int fd;
    unsigned port;
    char text[128]; /* "0.0.0.0:8443", "[::]:8443": with the port that was chosen */
};
/* Is it written as ota_listen_bind() wants it? */
bool ota_listen_valid(const char *where);
/* Takes the address: ADDR:PORT, [ADDR6]:PORT or NAME:PORT; port 0: a free one is chosen. BUSY when it is taken. */
OTA_MUST_USE enum ota_status ota_listen_bind(const char *where, struct ota_listener *out, struct ota_err *err);
/* Lets clients connect. */
OTA_MUST_USE enum ota_status ota_listen_start(const struct ota_listener *l, struct ota_err *err);

/* The base URL that boards use. url: as configured, or "": this host's name. Where the system chose the port
 * (`chosen`) nobody could have configured it, and it takes the place of url's. */
void ota_listen_url(const char *url, const struct ota_listener *l, bool chosen, char *out, size_t cap);

/* Can the URL lead to the listener without somebody forwarding it: same port, and no address but the one listened on?
 * A name may stand for any address, but localhost. */
bool ota_listen_reached(const char *url, const struct ota_listener *l);

#endif
