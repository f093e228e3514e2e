/* SPDX-License-Identifier: Apache-2.0 */
/* The main thread: signals, the signer, publishing, the inbox, housekeeping. Serving goes on in libmicrohttpd's
 * threads. */
#ifndef OTA_SERVER_LOOP_H
#define OTA_SERVER_LOOP_H

#include <sys/stat.h>

#include "server/daemon.h"
#include "server/inbox.h"

struct ota_loop {
    struct ota_workspace *w; /* its config is replaced on SIGHUP */
    struct ota_daemon *daemon;
    struct ota_publisher *publisher;
    struct ota_inbox *inbox;
    int signals, watch;
    uint64_t tidy_ms; /* monotonic: next housekeeping */
    struct stat home; /* the workspace's folder, as it was opened */
    bool moved;       /* it lies there no more */
};

/* Blocks the signals the loop handles; before any thread starts. The other parts are the caller's to set. */
OTA_MUST_USE enum ota_status ota_loop_open(struct ota_loop *l, struct ota_workspace *w, struct ota_err *err);
/* Until SIGTERM or SIGINT. A second one then ends the process at once. */
OTA_MUST_USE enum ota_status ota_loop_run(struct ota_loop *l, struct ota_err *err);
void ota_loop_close(struct ota_loop *l);

/* Looks at what /healthz tells. Once before boards may connect; then the loop does it. */
void ota_loop_refresh(struct ota_loop *l);

#endif
