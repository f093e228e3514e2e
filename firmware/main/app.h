/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reference application: the smallest one that does everything around updates right. Take it as a skeleton, or take
 * the components alone: what is here is an example, what is in ../components is not.
 *
 *   app_main.c      what happens at start, in which order
 *   settings.c      the default NVS partition
 *   network.c       waits for an address; address.c: static   net_*.c   one of them: how the board is connected
 *   clock_sync.c    SNTP                                      trust.c   what `otactl firmware configure` wrote
 *   self_test.c     what a new app must be able to do: put your own checks there
 *   progress.c      an LED                                    console*.c  the command "ota"
 *   rescue.c        when the access point opens               softap.c, card.c   other doors for updates
 */
#ifndef APP_H
#define APP_H

#include <stdbool.h>
#include <stdint.h>

#include "esp_err.h"

#include "ota_esp.h"

struct esp_netif_obj;

/* The default NVS partition, erased when it cannot be used: never ota_state or ota_id. */
void app_settings_open(void);

/* ---- network: network.c, and one net_*.c --------------------------------------------------------------- */

/* Starts connecting, and goes on with it for good. NULL in *netif when there is nothing to connect by: the log says what
 * to do. */
esp_err_t app_net_start(struct esp_netif_obj **netif);
/* esp_netif, the event loop, then app_net_start(). */
esp_err_t app_network_start(struct esp_netif_obj **netif);
/* For net_*.c, before the interface is started: its address is the configuration's, if that names one. */
esp_err_t app_network_address(struct esp_netif_obj *netif);
/* The interface whose addresses count. */
void app_network_watch(struct esp_netif_obj *netif);
/* True when the interface has an address, at the latest after wait_ms. */
bool app_network_wait(uint32_t wait_ms);
/* Seconds since the interface had an address, or since the start; 0: it has one. */
uint32_t app_network_down_s(void);

/* Before the network is started: DHCP may name a server. */
void app_clock_sync_start(void);

/* ---- what the agent asks ------------------------------------------------------------------------------- */

/* NULL: this build brings nothing along, ota_id holds all. */
const struct ota_esp_trust *app_trust(void);
bool app_self_test(void *ctx);
void app_progress(void *ctx, const char *label, uint32_t done, uint32_t total);

/* ---- for people ------------------------------------------------------------------------------------------ */

void app_console_start(void);
void app_console_status(void);
/* Opens the access point when the network stays away, or the button is held. Does not return. */
void app_rescue_watch(void);
/* The access point with the upload page, until nobody uses it: softap.h. */
void app_softap_start(void);
/* Bundles on an SD card: card.c. */
void app_card_start(void);

#endif
