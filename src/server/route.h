/* SPDX-License-Identifier: Apache-2.0 */
/* Which answer a request gets. */
#ifndef OTA_SERVER_ROUTE_H
#define OTA_SERVER_ROUTE_H

#include "server/daemon.h"

/* The request is complete: answers it. */
enum MHD_Result ota_route(struct ota_daemon *d, struct ota_exchange *x);

#endif
