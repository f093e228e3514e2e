/* SPDX-License-Identifier: Apache-2.0 */
/* libmicrohttpd around ota/page.h: one thread, which is the board's. */
#include "sim/page_server.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "host/buf.h"
#include "ota/page.h"

#define CONNECTIONS_MAX 16u
#define CONNECTION_TIMEOUT_S 30u
#define BACKLOG 16
#define TURN_MS 1000
#define LAST_ANSWER_MS 5000 /* for the client that is told of the reboot */
#define HOSTS_MAX 4u

struct ota_page_server {
    int fd;
    char host[64], url[96];
    const char *hosts[HOSTS_MAX + 1];
    bool any_host;
    uint32_t flash_size;
    struct MHD_Daemon *daemon; /* of this boot */
    struct ota_page page;
    bool answered; /* the answer after which the board reboots is out */
    struct ota_device_door door;
};

/* One request, from its head to its end. */
struct exchange {
    struct ota_page_server *server;
    bool feeding;
    bool last;                 /* the board reboots after it */
    struct MHD_Response *kept; /* until the body is read, which nobody wants */
    unsigned status;
};

/* ---- answers ------------------------------------------------------------------------------------------- */

static struct MHD_Response *response_of(const struct ota_page_answer *a) {
    OTA_CLEAN(ota_buf_free) struct ota_buf body = {0};
    for (size_t i = 0; i < OTA_PAGE_PARTS_MAX; i++)
        if (a->part[i].len)
            ota_buf_append(&body, a->part[i].p, a->part[i].len);
    struct MHD_Response *r = MHD_create_response_from_buffer(body.len, body.p, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result rc = r ? MHD_YES : MHD_NO;
    for (size_t i = 0; i < a->header_count && rc == MHD_YES; i++)
        rc = MHD_add_response_header(r, a->header[i].name, a->header[i].value);
    if (rc == MHD_YES || !r)
        return r;
    MHD_destroy_response(r);
    return NULL;
}

static enum MHD_Result send_kept(struct MHD_Connection *connection, struct exchange *x) {
    enum MHD_Result rc = MHD_queue_response(connection, x->status, x->kept);
    MHD_destroy_response(x->kept);
    x->kept = NULL;
    return rc;
}

static enum MHD_Result keep(struct exchange *x, const struct ota_page_answer *a) {
    x->kept = response_of(a);
    x->status = a->status;
    x->last = a->reboot;
    return x->kept ? MHD_YES : MHD_NO;
}

/* ---- requests ------------------------------------------------------------------------------------------ */

static struct ota_span header(struct MHD_Connection *connection, const char *name) {
    const char *value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
    return value ? ota_span_str(value) : (struct ota_span){NULL, 0};
}

static uint64_t length_of(struct MHD_Connection *connection) {
    const char *text = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    if (!text || MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_TRANSFER_ENCODING))
        return OTA_LENGTH_UNKNOWN;
    return strtoull(text, NULL, 10); /* digits: libmicrohttpd has read it already */
}

static enum MHD_Result begin(struct ota_page_server *s, struct MHD_Connection *connection, const char *url,
                             const char *method, struct exchange *x) {
    const struct ota_page_request request = {
        .method = ota_span_str(method),
        .path = ota_span_str(url),
        .host = header(connection, MHD_HTTP_HEADER_HOST),
        .origin = header(connection, MHD_HTTP_HEADER_ORIGIN),
        .content_type = header(connection, MHD_HTTP_HEADER_CONTENT_TYPE),
        .token = header(connection, "X-OTA-Token"),
        .length = length_of(connection),
    };
    const bool asks = header(connection, MHD_HTTP_HEADER_EXPECT).p != NULL;
    const bool endless = header(connection, MHD_HTTP_HEADER_TRANSFER_ENCODING).p != NULL ||
                         (request.length != OTA_LENGTH_UNKNOWN && request.length > s->flash_size);
    struct ota_page_answer answer;
    x->feeding = ota_page_request(&s->page, &request, &answer);
    if (x->feeding)
        return MHD_YES;
    if (keep(x, &answer) != MHD_YES)
        return MHD_NO;
    /* A browser that is sending hears nothing before its end. */
    return asks || endless ? send_kept(connection, x) : MHD_YES;
}

static enum MHD_Result handle(void *ctx, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *data, size_t *size, void **state) {
    struct ota_page_server *s = ctx;
    struct exchange *x = *state;
    struct ota_page_answer answer;
    (void)version;
    if (!x) {
        *state = x = ota_calloc(1, sizeof *x);
        x->server = s;
        return begin(s, connection, url, method, x);
    }
    if (*size && x->feeding && !ota_page_feed(&s->page, data, *size)) {
        x->feeding = false; /* the rest is read for the browser's sake alone */
        ota_page_end(&s->page, true, &answer);
        if (keep(x, &answer) != MHD_YES)
            return MHD_NO;
    }
    if (*size) {
        *size = 0;
        return MHD_YES;
    }
    if (x->feeding) {
        x->feeding = false;
        ota_page_end(&s->page, true, &answer);
        if (keep(x, &answer) != MHD_YES)
            return MHD_NO;
    }
    return x->kept ? send_kept(connection, x) : MHD_NO;
}

static void completed(void *ctx, struct MHD_Connection *connection, void **state,
                      enum MHD_RequestTerminationCode code) {
    struct exchange *x = *state;
    struct ota_page_answer nobody_hears;
    (void)ctx, (void)connection, (void)code;
    if (!x)
        return;
    if (x->feeding)
        ota_page_end(&x->server->page, false, &nobody_hears);
    if (x->kept)
        MHD_destroy_response(x->kept);
    x->server->answered |= x->last;
    free(x);
    *state = NULL;
}

/* ---- one boot ------------------------------------------------------------------------------------------ */

static void stop(struct ota_page_server *s) {
    if (!s->daemon)
        return;
    (void)MHD_quiesce_daemon(s->daemon); /* the socket stays ours */
    MHD_stop_daemon(s->daemon);
    s->daemon = NULL;
}

static enum ota_status page_begin(void *ctx, struct ota_agent *a, const char *version, struct ota_err *err) {
    struct ota_page_server *s = ctx;
    const struct ota_page_config cfg = {a, s->any_host ? NULL : s->hosts, version};
    stop(s);
    OTA_TRY(ota_page_begin(&s->page, &cfg, err));
    s->answered = false;
    s->flash_size = a->cfg.flash->size;
    s->daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, handle, s, MHD_OPTION_LISTEN_SOCKET, s->fd,
                                 MHD_OPTION_NOTIFY_COMPLETED, completed, NULL, MHD_OPTION_CONNECTION_LIMIT,
                                 CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, CONNECTION_TIMEOUT_S, MHD_OPTION_END);
    return s->daemon ? OTA_OK : ota_err_set(err, OTA_IO, "%s: no server could be started", s->url);
}

static int64_t now_ms(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

/* An upload is not cut off by the end of the time: the agent has its turn afterwards. */
static enum ota_status page_wait(void *ctx, struct ota_agent *a, bool decided, uint32_t seconds, bool *ended,
                                 struct ota_err *err) {
    struct ota_page_server *s = ctx;
    int64_t end = now_ms() + seconds * INT64_C(1000);
    bool reboot = false;
    (void)decided, (void)ended;
    while ((now_ms() < end || ota_page_open(&s->page)) && !(reboot && s->answered)) {
        if (MHD_run_wait(s->daemon, TURN_MS) != MHD_YES) {
            stop(s); /* an upload ends while its agent is there */
            return ota_err_set(err, OTA_IO, "%s: the server failed", s->url);
        }
        if (a->reboot && !reboot)
            end = now_ms() + LAST_ANSWER_MS;
        reboot = a->reboot;
    }
    if (reboot)
        stop(s);
    return OTA_OK;
}

/* ---- the socket ---------------------------------------------------------------------------------------- */

static enum ota_status split(const char *where, char *host, size_t cap, const char **port, struct ota_err *err) {
    const char *colon = strrchr(where, ':');
    struct ota_span name = {(const uint8_t *)where, colon ? (size_t)(colon - where) : 0};
    bool good = colon && colon[1] && strlen(colon + 1) <= 5 && strspn(colon + 1, "0123456789") == strlen(colon + 1);
    if (name.len >= 2 && name.p[0] == '[' && name.p[name.len - 1] == ']')
        name = (struct ota_span){name.p + 1, name.len - 2};
    if (!good || name.len == 0 || !ota_span_copy(name, host, cap))
        return ota_err_set(err, OTA_USAGE, "--listen %.60s: an address and a port like 127.0.0.1:8080 are wanted",
                           where);
    *port = colon + 1;
    return OTA_OK;
}

static enum ota_status bind_to(struct ota_page_server *s, const char *where, const struct addrinfo *to,
                               struct ota_err *err) {
    const int on = 1;
    s->fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s->fd >= 0 && setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(s->fd, to->ai_addr, to->ai_addrlen) == 0 && listen(s->fd, BACKLOG) == 0)
        return OTA_OK;
    if (errno == EADDRINUSE)
        return ota_err_set(err, OTA_BUSY, "%s is in use by another program: choose another port with --listen", where);
    return ota_err_set(err, OTA_IO, "%s: cannot listen: %s", where, strerror(errno));
}

/* What the board is called by: its address, and localhost when that is the same. */
static enum ota_status name_it(struct ota_page_server *s, struct ota_err *err) {
    struct sockaddr_storage a;
    socklen_t len = sizeof a;
    char host[48], port[8];
    if (getsockname(s->fd, (struct sockaddr *)&a, &len) != 0 ||
        getnameinfo((struct sockaddr *)&a, len, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV))
        return ota_err_set(err, OTA_IO, "cannot tell where this program listens");
    (void)ota_format(s->host, sizeof s->host, a.ss_family == AF_INET6 ? "[%s]" : "%s", host);
    (void)ota_format(s->url, sizeof s->url, "http://%s:%s/", s->host, port);
    s->any_host = strcmp(s->host, "0.0.0.0") == 0 || strcmp(s->host, "[::]") == 0;
    s->hosts[0] = s->host;
    s->hosts[1] = strncmp(s->host, "127.", 4) == 0 || strcmp(s->host, "[::1]") == 0 ? "localhost" : NULL;
    return OTA_OK;
}

static enum ota_status listen_at(struct ota_page_server *s, const char *where, struct ota_err *err) {
    const struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char host[256];
    const char *port = NULL;
    OTA_TRY(split(where, host, sizeof host, &port, err));
    int rc = getaddrinfo(host, port, &hints, &found);
    if (rc)
        return ota_err_set(err, OTA_CONFIG, "%s: %s", where, gai_strerror(rc));
    enum ota_status status = bind_to(s, where, found, err);
    freeaddrinfo(found);
    return status == OTA_OK ? name_it(s, err) : status;
}

enum ota_status ota_page_server_new(const char *where, struct ota_page_server **out, struct ota_err *err) {
    OTA_CLEAN(ota_page_server_free) struct ota_page_server *s = ota_calloc(1, sizeof *s);
    s->fd = -1;
    s->door = (struct ota_device_door){s, page_begin, page_wait};
    OTA_TRY(listen_at(s, where, err));
    *out = s;
    s = NULL;
    return OTA_OK;
}

void ota_page_server_free(struct ota_page_server **page) {
    struct ota_page_server *s = *page;
    if (!s)
        return;
    stop(s);
    if (s->fd >= 0)
        (void)close(s->fd);
    free(s);
    *page = NULL;
}

const char *ota_page_server_url(const struct ota_page_server *s) {
    return s->url;
}

const struct ota_device_door *ota_page_server_door(const struct ota_page_server *s) {
    return &s->door;
}
