/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The board's upload page (ota/page.h) over esp_http_server, in a task of the server's with 8 KiB of stack. It takes the
 * agent (ota_esp_take()) for each request that needs it, for a bundle until its end; while the agent is at work it says
 * so. One client at a time: others wait. Three sockets and three of the server's own, some 18 KiB of heap.
 */
#ifndef OTA_ESP_PAGE_H
#define OTA_ESP_PAGE_H

#include "ota/page.h"

#ifdef __cplusplus
extern "C" {
#endif

/* `port`: 80 when 0. `hosts`: ota/page.h; lives as long as the page. `address`: the board's own, "192.168.4.1", at which
 * alone it answers: connections that come to another one are closed before a byte is read. NULL: at every interface, for
 * a network of which everybody may try. ARGUMENT: `address` is none; MEMORY, BUSY, NETWORK. */
OTA_MUST_USE enum ota_status ota_esp_page_start(const char *const *hosts, const char *address, uint16_t port,
                                                struct ota_err *err);
/* Waits for the end of a request, be it a bundle, which may take half an hour; not for one whose head is still coming. From any
 * task but the server's. */
void ota_esp_page_stop(void);

#ifdef __cplusplus
}
#endif

#endif
