/* SPDX-License-Identifier: Apache-2.0 */
/* The listening socket. */
#include "server/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/cleanup.h"
#include "ota/bytes.h"

/* Bytes the kernel takes ahead of what a board has room for. Left alone it takes megabytes, and a board on a slow
 * link then looks idle for
 * longer than the connection timeout. Accepted sockets inherit it. */
#define UNSENT_MAX (128 * 1024)

static bool split(const char *where, char *host, size_t cap, const char **port) {
    const char *colon = strrchr(where, ':');
    if (!colon || !colon[1] || strspn(colon + 1, "0123456789") != strlen(colon + 1) || strlen(colon + 1) > 5)
        return false;
    struct ota_span name = {(const uint8_t *)where, (size_t)(colon - where)};
    if (name.len >= 2 && name.p[0] == '[' && name.p[name.len - 1] == ']')
        name = (struct ota_span){name.p + 1, name.len - 2};
    else if (memchr(name.p, ':', name.len))
        return false;
    *port = colon + 1;
    return name.len && ota_span_copy(name, host, cap) && strtoul(colon + 1, NULL, 10) <= 65535;
}

bool ota_listen_valid(const char *where) {
    char host[256];
    const char *port;
    return split(where, host, sizeof host, &port);
}

static enum ota_status bind_failed(const char *where, struct ota_err *err) {
    switch (errno) {
    case EADDRINUSE:
        return ota_err_set(err, OTA_BUSY,
                           "%s is in use by another program. Stop it (`ss -ltnp` shows which), or choose another port "
                           "with --listen",
                           where);
    case EADDRNOTAVAIL:
        return ota_err_set(err, OTA_CONFIG, "%s: this machine does not have that address. Use 0.0.0.0 for all of them",
                           where);
    case EACCES:
        return ota_err_set(err, OTA_PERMISSION, "%s: ports below 1024 need root or CAP_NET_BIND_SERVICE", where);
    default:
        return ota_err_set(err, OTA_IO, "%s: cannot listen: %s", where, strerror(errno));
    }
}

static enum ota_status describe(int fd, struct ota_listener *out, struct ota_err *err) {
    struct sockaddr_storage a;
    socklen_t len = sizeof a;
    char host[NI_MAXHOST], port[NI_MAXSERV];
    if (getsockname(fd, (struct sockaddr *)&a, &len) != 0 ||
        getnameinfo((struct sockaddr *)&a, len, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV))
        return ota_err_set(err, OTA_IO, "cannot tell where this program listens");
    out->port = (unsigned)strtoul(port, NULL, 10);
    (void)ota_format(out->text, sizeof out->text, a.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
    return OTA_OK;
}

enum ota_status ota_listen_bind(const char *where, struct ota_listener *out, struct ota_err *err) {
    const struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char host[256];
    const char *port;
    const int on = 1, off = 0, unsent = UNSENT_MAX;
    if (!split(where, host, sizeof host, &port))
        return ota_err_set(err, OTA_CONFIG, "\"%s\" is not ADDR:PORT, such as 0.0.0.0:8443 or [::]:8443", where);
    int rc = getaddrinfo(host, port, &hints, &found);
    if (rc)
        return ota_err_set(err, OTA_CONFIG, "%s: %s", where, gai_strerror(rc));
    OTA_CLEAN_FD int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool bound = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
                 setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent) == 0 &&
                 (found->ai_family != AF_INET6 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) == 0) &&
                 bind(fd, found->ai_addr, found->ai_addrlen) == 0;
    int saved = errno;
    freeaddrinfo(found);
    errno = saved;
    if (!bound)
        return bind_failed(where, err);
    OTA_TRY(describe(fd, out, err));
    out->fd = fd;
    fd = -1;
    return OTA_OK;
}

enum ota_status ota_listen_start(const struct ota_listener *l, struct ota_err *err) {
    return listen(l->fd, OTA_LISTEN_BACKLOG) == 0 ? OTA_OK : bind_failed(l->text, err);
}

/* Where the parts of "https://host:port/path" end. */
struct parts {
    const char *host, *host_end; /* host_end: at the ':' of the port, if there is one */
    const char *port_end, *end;  /* without slashes at the end */
};

static struct parts parts_of(const char *url) {
    struct parts p = {.end = url + strlen(url)};
    while (p.end > url && p.end[-1] == '/')
        p.end--;
    const char *authority = strstr(url, "://");
    p.host = authority ? authority + 3 : url;
    const char *path = p.host < p.end ? memchr(p.host, '/', (size_t)(p.end - p.host)) : NULL;
    p.port_end = path ? path : p.end;
    const char *digits = p.port_end;
    while (digits > p.host && digits[-1] >= '0' && digits[-1] <= '9')
        digits--;
    p.host_end = digits > p.host && digits[-1] == ':' ? digits - 1 : p.port_end;
    return p;
}

void ota_listen_url(const char *url, const struct ota_listener *l, bool chosen, char *out, size_t cap) {
    char host[256];
    if (!url[0]) {
        if (gethostname(host, sizeof host) != 0)
            (void)ota_format(host, sizeof host, "localhost");
        host[sizeof host - 1] = '\0';
        (void)ota_format(out, cap, "https://%s:%u", host, l->port);
        return;
    }
    struct parts p = parts_of(url);
    if (chosen)
        (void)ota_format(out, cap, "%.*s:%u%.*s", (int)(p.host_end - url), url, l->port, (int)(p.end - p.port_end),
                         p.port_end);
    else
        (void)ota_format(out, cap, "%.*s", (int)(p.end - url), url);
}

static bool is_loopback(const char *host) {
    return strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 || strcmp(host, "[::1]") == 0;
}

static bool is_literal(const char *host) {
    return host[0] == '[' || strspn(host, "0123456789.") == strlen(host);
}

bool ota_listen_reached(const char *url, const struct ota_listener *l) {
    struct parts p = parts_of(url);
    char host[256], own[sizeof l->text];
    const char *colon = strrchr(l->text, ':');
    unsigned long port = p.host_end < p.port_end ? strtoul(p.host_end + 1, NULL, 10) : 443;
    if (port != l->port || !colon)
        return false;
    (void)ota_format(host, sizeof host, "%.*s", (int)(p.host_end - p.host), p.host);
    (void)ota_format(own, sizeof own, "%.*s", (int)(colon - l->text), l->text);
    if (strcmp(own, "0.0.0.0") == 0 || strcmp(own, "[::]") == 0 || strcmp(own, host) == 0)
        return true;
    if (is_loopback(own) || is_loopback(host))
        return is_loopback(own) && is_loopback(host);
    return !is_literal(host);
}
