/* SPDX-License-Identifier: Apache-2.0 */
/* Which answer a request gets. */
#ifndef OTA_SERVER_ROUTE_H
#define OTA_SERVER_ROUTE_H

#include "server/daemon.h"

/* Its head is complete. Answers what cannot be taken, and gives a body that is not kept in memory its sink. */
enum MHD_Result ota_route_begin(struct ota_daemon *d, struct ota_exchange *x);
/* The request is complete: answers it. */
enum MHD_Result ota_route(struct ota_daemon *d, struct ota_exchange *x);

#endif
