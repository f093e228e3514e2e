/* SPDX-License-Identifier: Apache-2.0 */
/* libmicrohttpd's setup and teardown. */
#include "server/daemon.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>

#include "server/file_map.h"
#include "server/problem.h"
#include "server/route.h"
#include "server/tls_interpose.h"

#define CONNECTIONS_MAX 20000u
#define FILES_OF_OUR_OWN 128u
#define CONNECTION_MEMORY 8192u
#define CONNECTION_TIMEOUT_S 60u

static void log_line(void *ctx, const char *fmt, va_list args) {
    char line[512];
    (void)ctx;
    int n = vsnprintf(line, sizeof line, fmt, args);
    while (n > 0 && (size_t)n < sizeof line && line[n - 1] == '\n')
        line[--n] = '\0';
    ota_log(&ota_log_stderr, OTA_LOG_DEBUG, "%s", line);
}

/* Paths are unescaped once, strictly, by ota_url_decode(). */
static size_t keep_escapes(void *ctx, struct MHD_Connection *connection, char *s) {
    (void)ctx, (void)connection;
    return strlen(s);
}

static struct ota_client *client_of(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static void connection_opened(struct ota_daemon *d, struct MHD_Connection *connection, void **socket_ctx) {
    const union MHD_ConnectionInfo *session = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    const union MHD_ConnectionInfo *fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (!session || !fd)
        return;
    struct ota_client *c = ota_client_open(&d->clients, session->tls_session, fd->connect_fd);
    *socket_ctx = c;
    /* Without credentials or tickets the session still works with those libmicrohttpd gave it. */
    if (c && !ota_tls_attach(d->tls, c, session->tls_session))
        ota_log(&ota_log_stderr, OTA_LOG_WARNING, "a TLS session could not be set up wholly: out of memory");
}

static void connection_changed(void *ctx, struct MHD_Connection *connection, void **socket_ctx,
                               enum MHD_ConnectionNotificationCode code) {
    struct ota_daemon *d = ctx;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        connection_opened(d, connection, socket_ctx);
    } else if (*socket_ctx) {
        ota_tls_detach(*socket_ctx);
        ota_client_close(&d->clients, *socket_ctx);
        *socket_ctx = NULL;
    }
}

/* Headers that decide where a request ends and whom it is for. */
struct framing {
    unsigned hosts, lengths, codings;
};

static enum MHD_Result count_framing(void *ctx, enum MHD_ValueKind kind, const char *name, const char *value) {
    struct framing *f = ctx;
    (void)kind, (void)value;
    f->hosts += strcasecmp(name, MHD_HTTP_HEADER_HOST) == 0;
    f->lengths += strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0;
    f->codings += strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0;
    return MHD_YES;
}

/* What a proxy in front could understand otherwise (RFC 9112 3.2 and 6.3) is refused. NULL: well framed. */
static const char *framing_fault(const struct ota_exchange *x, const char *version) {
    struct framing f = {0};
    (void)MHD_get_connection_values(x->connection, MHD_HEADER_KIND, count_framing, &f);
    if (f.lengths > 1 || f.codings > 1)
        return "Content-Length and Transfer-Encoding may stand once";
    if (f.lengths && f.codings)
        return "Content-Length may not stand beside Transfer-Encoding";
    if (f.hosts > 1 || (f.hosts == 0 && strcmp(version, MHD_HTTP_VERSION_1_1) == 0))
        return "HTTP/1.1 wants exactly one Host";
    return NULL;
}

/* An answer on the first call makes libmicrohttpd close the connection, which is right for a body nobody will read. */
static enum MHD_Result request_begun(struct ota_daemon *d, struct ota_exchange *x, const char *version) {
    const char *fault = framing_fault(x, version);
    if (fault)
        return ota_problem_answer(x, MHD_HTTP_BAD_REQUEST, OTA_ARGUMENT, fault);
    enum MHD_Result rc = ota_route_begin(d, x);
    if (rc != MHD_YES || x->status || x->sink.take)
        return rc;
    const char *length = ota_exchange_header(x, MHD_HTTP_HEADER_CONTENT_LENGTH);
    if (length && strtoull(length, NULL, 10) > OTA_BODY_MAX)
        return ota_problem_answer(x, MHD_HTTP_CONTENT_TOO_LARGE, OTA_TOO_LARGE, "a body has at most 16384 bytes here");
    return MHD_YES;
}

static enum MHD_Result request(void *ctx, struct MHD_Connection *connection, const char *url, const char *method,
                               const char *version, const char *data, size_t *size, void **request_ctx) {
    struct ota_daemon *d = ctx;
    struct ota_exchange *x = *request_ctx;
    if (!x) {
        x = ota_exchange_new(connection, method, url);
        if (!x)
            return MHD_NO;
        atomic_fetch_add(&d->in_flight, 1);
        *request_ctx = x;
        return request_begun(d, x, version);
    }
    if (*size) {
        bool more = ota_exchange_take(x, data, *size);
        *size = 0;
        return more ? MHD_YES : MHD_NO;
    }
    struct ota_client *c = client_of(connection);
    if (c)
        ota_client_ready(&d->clients, c);
    return ota_route(d, x);
}

static void request_completed(void *ctx, struct MHD_Connection *connection, void **request_ctx,
                              enum MHD_RequestTerminationCode how) {
    struct ota_daemon *d = ctx;
    struct ota_exchange *x = *request_ctx;
    struct ota_client *c = client_of(connection);
    if (!x)
        return;
    if (c)
        ota_client_answered(&d->clients, c);
    *request_ctx = NULL;
    ota_access_log_write(d->access, x, how == MHD_REQUEST_TERMINATED_COMPLETED_OK);
    ota_exchange_free(x);
    atomic_fetch_sub(&d->in_flight, 1);
}

static enum ota_status open_fleet(struct ota_daemon *d, struct ota_err *err) {
    OTA_TRY(ota_fleet_open(&d->fleet, d->fleet_path, err));
    ota_reports_set_fleet(&d->reports, d->fleet);
    ota_api_set_fleet(&d->api, d->fleet);
    return OTA_OK;
}

/* Boards get their firmware even when there is no room to write down what they report. */
static enum ota_status open_fleet_if_room(struct ota_daemon *d, struct ota_err *err) {
    enum ota_status st = open_fleet(d, err);
    if (st != OTA_NO_SPACE)
        return st;
    ota_log(&ota_log_stderr, OTA_LOG_ERROR, "%s: boards are served, but their reports have to wait", err->msg);
    return OTA_OK;
}

enum ota_status ota_daemon_open(struct ota_daemon *d, const struct ota_workspace *w, const struct ota_daemon_options *o,
                                struct ota_err *err) {
    OTA_CLEAN_FREE char *repo = ota_workspace_path(w, "state/repo");
    memset(d, 0, sizeof *d);
    d->listener.fd = -1;
    d->per_address = o->per_address;
    ota_clients_init(&d->clients);
    ota_health_init(&d->health);
    d->files = ota_static_new(repo);
    d->fleet_path = ota_workspace_path(w, "state/fleet.db");
    OTA_TRY(ota_file_map_guard(err));
    OTA_TRY(ota_listen_bind(o->listen, &d->listener, err));
    OTA_TRY(ota_tls_new(w, &d->tls, err));
    OTA_TRY(ota_reports_init(&d->reports, d->tls, err));
    OTA_TRY(ota_api_init(&d->api, w, err));
    OTA_TRY(open_fleet_if_room(d, err));
    return ota_access_log_open(o->access_log, o->log_format, &d->access, err);
}

/* As many as there may be files open, less those the rest of the program needs: an accept() that fails for want of
 * them would be tried again at once, for ever. */
static unsigned connections(void) {
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return 512;
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur <= 2 * FILES_OF_OUR_OWN)
        return 512;
    rlim_t left = files.rlim_cur - FILES_OF_OUR_OWN;
    return left < CONNECTIONS_MAX ? (unsigned)left : CONNECTIONS_MAX;
}

/* Of one address: the boards behind one NAT share it, but it must leave room for the others. */
static unsigned share(unsigned limit) {
    return limit / 4u;
}

static unsigned threads(void) {
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > 64 ? 64 : (unsigned)n;
}

enum ota_status ota_daemon_start(struct ota_daemon *d, struct ota_err *err) {
    unsigned pool = threads(), limit = connections();
    OTA_TRY(ota_tls_interpose_check(ota_tls_certificate(d->tls), ota_tls_key(d->tls), err));
    OTA_TRY(ota_listen_start(&d->listener, err));
    struct MHD_OptionItem with_pool[] = {{MHD_OPTION_THREAD_POOL_SIZE, (intptr_t)pool, NULL},
                                         {MHD_OPTION_END, 0, NULL}};
    struct MHD_OptionItem alone[] = {{MHD_OPTION_END, 0, NULL}};
    d->mhd = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TLS | MHD_USE_TURBO | MHD_USE_ITC | MHD_USE_ERROR_LOG, 0, NULL, NULL,
        request, d, MHD_OPTION_EXTERNAL_LOGGER, log_line, NULL, MHD_OPTION_LISTEN_SOCKET, d->listener.fd,
        MHD_OPTION_ARRAY, pool > 1 ? with_pool : alone, MHD_OPTION_CONNECTION_LIMIT, limit,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, d->per_address ? d->per_address : share(limit),
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_CONNECTION_TIMEOUT,
        CONNECTION_TIMEOUT_S, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
        MHD_OPTION_HTTPS_PRIORITIES, OTA_TLS_PRIORITIES, MHD_OPTION_HTTPS_MEM_CERT, ota_tls_certificate(d->tls),
        MHD_OPTION_HTTPS_MEM_KEY, ota_tls_key(d->tls), MHD_OPTION_NOTIFY_CONNECTION, connection_changed, d,
        MHD_OPTION_NOTIFY_COMPLETED, request_completed, d, MHD_OPTION_END);
    if (!d->mhd)
        return ota_err_set(err, OTA_INTERNAL, "libmicrohttpd did not start; --log-level debug shows why");
    return OTA_OK;
}

void ota_daemon_reload(struct ota_daemon *d, const struct ota_workspace *w) {
    struct ota_err err;
    if (ota_tls_reload(d->tls, w, &err) != OTA_OK)
        ota_log(&ota_log_stderr, OTA_LOG_ERROR, "certificate not reloaded, the old one stays: %s", err.msg);
    if (ota_access_log_reopen(d->access, &err) != OTA_OK)
        ota_log(&ota_log_stderr, OTA_LOG_ERROR, "%s", err.msg);
}

void ota_daemon_tick(struct ota_daemon *d) {
    struct ota_err err;
    ota_static_sweep(d->files);
    ota_tls_tick(d->tls);
    ota_uploads_sweep(d->api.w);
    if (d->fleet)
        return;
    enum ota_status st = open_fleet(d, &err);
    if (st == OTA_OK)
        ota_log(&ota_log_stderr, OTA_LOG_INFO, "reports are taken again");
    else if (st != OTA_NO_SPACE)
        ota_log(&ota_log_stderr, OTA_LOG_ERROR, "%s", err.msg);
}

static void drain(struct ota_daemon *d) {
    const struct timespec nap = {.tv_nsec = 20 * 1000000};
    atomic_store(&d->draining, true);
    (void)MHD_quiesce_daemon(d->mhd);
    unsigned left = atomic_load(&d->in_flight);
    if (left)
        ota_log(&ota_log_stderr, OTA_LOG_INFO, "stopping when %u request%s ended", left, left == 1 ? " has" : "s have");
    for (unsigned ms = 0; ms < OTA_DAEMON_GRACE_MS && atomic_load(&d->in_flight); ms += 20)
        (void)nanosleep(&nap, NULL);
}

void ota_daemon_stop(struct ota_daemon *d) {
    if (d->mhd) {
        drain(d);
        MHD_stop_daemon(d->mhd);
        d->mhd = NULL;
    }
    if (d->listener.fd >= 0)
        (void)close(d->listener.fd);
    d->listener.fd = -1;
    ota_reports_free(&d->reports);
    ota_api_free(&d->api);
    ota_fleet_close(&d->fleet);
    free(d->fleet_path);
    ota_access_log_close(&d->access);
    ota_static_free(&d->files);
    ota_tls_free(&d->tls);
    ota_health_free(&d->health);
    ota_clients_free(&d->clients);
}
