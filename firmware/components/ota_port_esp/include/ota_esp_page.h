/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The board's upload page (ota/page.h) over esp_http_server. It takes the agent (ota_esp_take()) for each request that
 * needs it; while an update is under way it says so.
 */
#ifndef OTA_ESP_PAGE_H
#define OTA_ESP_PAGE_H

#include "ota/page.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Port 80 (80 when 0). `hosts`: ota/page.h; lives as long as the page. MEMORY, BUSY, NETWORK. */
OTA_MUST_USE enum ota_status ota_esp_page_start(const char *const *hosts, uint16_t port, struct ota_err *err);
void ota_esp_page_stop(void);

#ifdef __cplusplus
}
#endif

#endif
