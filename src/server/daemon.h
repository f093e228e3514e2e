/* SPDX-License-Identifier: Apache-2.0 */
/* The serving half of otaserve: libmicrohttpd and what its threads share. Start, stop, and what the main loop may do
 * meanwhile. */
#ifndef OTA_SERVER_DAEMON_H
#define OTA_SERVER_DAEMON_H

#include <stdatomic.h>

#include "server/access_log.h"
#include "server/api.h"
#include "server/health.h"
#include "server/listen.h"
#include "server/report.h"
#include "server/static.h"
#include "server/tls.h"

struct ota_daemon {
    struct ota_listener listener;
    struct ota_clients clients;
    struct ota_tls *tls;
    struct ota_static *files;
    char *fleet_path;
    struct ota_fleet *fleet; /* NULL while the disk is too full to open it: reports have to wait */
    struct ota_reports reports;
    struct ota_api api;
    struct ota_health health;
    struct ota_access_log *access; /* NULL: none */
    struct MHD_Daemon *mhd;
    unsigned per_address;  /* connections; 0: a quarter of all */
    atomic_uint in_flight; /* requests begun and not completed */
    atomic_bool draining;  /* new requests are turned away */
};

struct ota_daemon_options {
    const char *listen;
    const char *access_log; /* NULL: none */
    enum ota_log_format log_format;
    unsigned per_address; /* connections one address may have; 0: a quarter of all */
};

/* Opens everything and takes the address, but lets nobody connect yet. Free with ota_daemon_stop() also after an
 * error. */
OTA_MUST_USE enum ota_status ota_daemon_open(struct ota_daemon *d, const struct ota_workspace *w,
                                             const struct ota_daemon_options *o, struct ota_err *err);
/* Listens and answers, after the self-test of the TLS handshake. */
OTA_MUST_USE enum ota_status ota_daemon_start(struct ota_daemon *d, struct ota_err *err);
/* Certificates and access log again, after SIGHUP; what fails is logged and stays as it was. */
void ota_daemon_reload(struct ota_daemon *d, const struct ota_workspace *w);
/* Housekeeping, now and then. */
void ota_daemon_tick(struct ota_daemon *d);
/* Accepts nobody more, lets requests in flight end (at most OTA_DAEMON_GRACE_MS), closes everything. */
void ota_daemon_stop(struct ota_daemon *d);
#define OTA_DAEMON_GRACE_MS 60000u

#endif
