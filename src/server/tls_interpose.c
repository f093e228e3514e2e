/* SPDX-License-Identifier: Apache-2.0 */
/* gnutls_handshake() and gnutls_record_recv() as libmicrohttpd shall see them. */
#include "server/tls_interpose.h"

#include <dlfcn.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "host/cleanup.h"
#include "server/client.h"

static atomic_uint handshakes_seen;

typedef int handshake_fn(gnutls_session_t session);
typedef ssize_t record_recv_fn(gnutls_session_t session, void *data, size_t size);

/* The next definition after the executable's: GnuTLS's own. A function pointer does not fit ISO C's void *, POSIX
 * says it does. */
static handshake_fn *real_handshake(void) {
    static _Atomic(handshake_fn *) real;
    handshake_fn *f = atomic_load_explicit(&real, memory_order_relaxed);
    if (!f) {
        *(void **)&f = dlsym(RTLD_NEXT, "gnutls_handshake");
        atomic_store_explicit(&real, f, memory_order_relaxed);
    }
    return f;
}

static record_recv_fn *real_record_recv(void) {
    static _Atomic(record_recv_fn *) real;
    record_recv_fn *f = atomic_load_explicit(&real, memory_order_relaxed);
    if (!f) {
        *(void **)&f = dlsym(RTLD_NEXT, "gnutls_record_recv");
        atomic_store_explicit(&real, f, memory_order_relaxed);
    }
    return f;
}

int gnutls_handshake(gnutls_session_t session) {
    if (!ota_client_of(session))
        return real_handshake()(session);
    atomic_fetch_add_explicit(&handshakes_seen, 1, memory_order_relaxed);
    return GNUTLS_E_SUCCESS;
}

/* A server's flight fits the empty send buffer of a new socket, so the handshake only ever waits for bytes to read. */
static int finish_handshake(struct ota_client *c, gnutls_session_t session) {
    int rc;
    do
        rc = real_handshake()(session);
    while (rc < 0 && rc != GNUTLS_E_AGAIN && !gnutls_error_is_fatal(rc));
    if (rc == GNUTLS_E_SUCCESS)
        c->established = true;
    else if (rc != GNUTLS_E_AGAIN)
        (void)gnutls_alert_send_appropriate(session, rc);
    return rc;
}

/* A record that breaks off is "try again" to GnuTLS even when the connection has ended, and edge-triggered epoll would
 * never tell again: a sender that died would keep what it holds until its deadline. */
ssize_t gnutls_record_recv(gnutls_session_t session, void *data, size_t size) {
    struct ota_client *c = ota_client_of(session);
    ssize_t rc = c && !c->established ? finish_handshake(c, session) : GNUTLS_E_SUCCESS;
    if (rc == GNUTLS_E_SUCCESS)
        rc = real_record_recv()(session, data, size);
    return rc == GNUTLS_E_AGAIN && c && c->ended ? GNUTLS_E_PREMATURE_TERMINATION : rc;
}

/* ---- the proof ----------------------------------------------------------------------------------------- */

static enum MHD_Result no_request(void *ctx, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *data, size_t *size, void **request) {
    (void)ctx, (void)connection, (void)url, (void)method, (void)version, (void)data, (void)size, (void)request;
    return MHD_NO;
}

static void no_log(void *ctx, const char *fmt, va_list args) {
    (void)ctx, (void)fmt, (void)args;
}

static void probe_connection(void *ctx, struct MHD_Connection *connection, void **socket_ctx,
                             enum MHD_ConnectionNotificationCode code) {
    struct ota_clients *all = ctx;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (*socket_ctx)
            ota_client_close(all, *socket_ctx);
        return;
    }
    const union MHD_ConnectionInfo *session = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    const union MHD_ConnectionInfo *fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (session && fd)
        *socket_ctx = ota_client_open(all, session->tls_session, fd->connect_fd);
}

/* Feeds the head of a ClientHello that never ends. *spins: the loop would run again at once. */
static bool stall(struct MHD_Daemon *daemon, bool *spins) {
    static const unsigned char hello[20] = {0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3};
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0)
        return false;
    OTA_CLEAN_FD int mine = pair[0];
    struct sockaddr_in from = {.sin_family = AF_INET};
    MHD_UNSIGNED_LONG_LONG wait = 1;
    if (send(mine, hello, sizeof hello, MSG_NOSIGNAL) != sizeof hello ||
        MHD_add_connection(daemon, pair[1], (struct sockaddr *)&from, sizeof from) != MHD_YES)
        return false;
    for (int i = 0; i < 4; i++)
        if (MHD_run(daemon) != MHD_YES)
            return false;
    *spins = MHD_get_timeout(daemon, &wait) == MHD_YES && wait == 0;
    return true;
}

enum ota_status ota_tls_interpose_check(const char *cert, const char *key, struct ota_err *err) {
    struct ota_clients all;
    bool spins = true;
    unsigned before = atomic_load(&handshakes_seen);
    if (!real_handshake() || !real_record_recv())
        return ota_err_set(err, OTA_UNSUPPORTED, "GnuTLS is not loaded as a shared library");
    ota_clients_init(&all);
    struct MHD_Daemon *daemon =
        MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_TLS | MHD_USE_TURBO | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ERROR_LOG, 0,
                         NULL, NULL, no_request, NULL, MHD_OPTION_EXTERNAL_LOGGER, no_log, NULL,
                         MHD_OPTION_HTTPS_MEM_CERT, cert, MHD_OPTION_HTTPS_MEM_KEY, key, MHD_OPTION_NOTIFY_CONNECTION,
                         probe_connection, &all, MHD_OPTION_CONNECTION_TIMEOUT, 60u, MHD_OPTION_END);
    bool ran = daemon && stall(daemon, &spins);
    if (daemon)
        MHD_stop_daemon(daemon);
    ota_clients_free(&all);
    if (!ran)
        return ota_err_set(err, OTA_UNSUPPORTED, "the self-test of the TLS handshake could not run");
    if (atomic_load(&handshakes_seen) == before || spins)
        return ota_err_set(
            err, OTA_UNSUPPORTED,
            "stalled TLS handshakes would use up a core here: libmicrohttpd does not call GnuTLS through this "
            "program. Use the dynamically linked libmicrohttpd of your distribution");
    return OTA_OK;
}
