/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /api/v1/devices/{id}/reports: what a board runs and how its last update went.
 *
 *   204 stored                     401 this board's token or client certificate is needed
 *   202 board not known: listed    400 413 415 not a report
 *       in quarantine              429 too many from there     503 not stored, try again
 */
#ifndef OTA_SERVER_REPORT_H
#define OTA_SERVER_REPORT_H

#include <stdatomic.h>

#include "server/exchange.h"
#include "server/limit.h"
#include "server/tls.h"
#include "store/fleet.h"

struct ota_reports {
    struct ota_tls *tls;               /* judges client certificates; the caller's */
    _Atomic(struct ota_fleet *) fleet; /* NULL: not open yet */
    atomic_ullong busy_until_ms;       /* the database was in use by others: nobody tries before */
    struct ota_limit strangers;        /* by address: what came without a valid token or certificate */
    struct ota_limit crowd;            /* all boards that are not known, together: quarantine is small */
    struct ota_limit boards;           /* by id */
};

OTA_MUST_USE enum ota_status ota_reports_init(struct ota_reports *r, struct ota_tls *tls, struct ota_err *err);
void ota_reports_free(struct ota_reports *r);
/* From now on reports are stored there. */
void ota_reports_set_fleet(struct ota_reports *r, struct ota_fleet *fleet);
/* Does the path name a board's reports? id becomes the part between, still unchecked. */
bool ota_reports_path(const char *path, char id[OTA_DEVICE_ID_MAX + 1]);
enum MHD_Result ota_reports_post(struct ota_reports *r, struct ota_exchange *x, const char *id);

#endif
