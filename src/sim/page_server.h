/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The upload page of a virtual board (ota/page.h), served on this machine over plain HTTP by libmicrohttpd: a door of
 * the device. The socket outlives the board's reboots, during which nobody is answered; the rest belongs to one boot.
 */
#ifndef OTA_SIM_PAGE_SERVER_H
#define OTA_SIM_PAGE_SERVER_H

#include "sim/device.h"

struct ota_page_server;
/* ADDR:PORT or [ADDR6]:PORT; port 0: a free one. USAGE, BUSY, IO. */
OTA_MUST_USE enum ota_status ota_page_server_new(const char *where, struct ota_page_server **out, struct ota_err *err);
void ota_page_server_free(struct ota_page_server **s);
const char *ota_page_server_url(const struct ota_page_server *s);
/* Lives as long as *s. */
const struct ota_device_door *ota_page_server_door(const struct ota_page_server *s);

#endif
