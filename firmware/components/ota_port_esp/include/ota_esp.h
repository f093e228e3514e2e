/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The update agent as an ESP-IDF application uses it: one call at start, one when the network is there.
 *
 *   void app_main(void) {
 *       static const struct ota_esp_config config = {.hooks = {.self_test = sensors_answer}};
 *       ota_esp_boot(&config, NULL);   // first: before filesystems are mounted and data partitions read
 *       bring_the_network_up();        // the application's
 *       ota_esp_start(NULL, &err);     // a task that polls, stages, confirms and reports
 *   }
 *
 * The agent never confirms a new app at start: it does when the application's self-test said yes and one whole verified
 * run over the new app reached the server. Until then neither reboot nor deep sleep: ota_esp_undecided().
 *
 * The agent uses flash that no row of the partition table names: images wait there. A partition that the application
 * registers itself (esp_partition_register_external()) it leaves alone, and an update that has no other place fails:
 * give such data a row.
 *
 * No release may switch CONFIG_NVS_ENCRYPTION: NVS erases what it cannot read, and with ota_state the board would forget
 * which releases are too old. One that switches it on is given up at its trial; one that switches it off nobody stops.
 *
 * Everything of the agent happens in its task; the calls below are for any other task, but not for interrupts.
 */
#ifndef OTA_ESP_H
#define OTA_ESP_H

#include "ota/agent.h"

#ifdef __cplusplus
extern "C" {
#endif

struct esp_netif_obj;

/* What the build brings along (`otactl firmware configure` writes it). The ota_id partition comes first, value by value;
 * what is in neither keeps the board from polling, with a message that names it. */
struct ota_esp_trust {
    struct ota_span root;   /* the first trusted root, wire bytes */
    struct ota_span ca_pem; /* CA certificates of the server, PEM with its closing NUL counted; len 0: none */
    const char *product, *channel;
    const char *url_metadata, *url_targets, *url_api; /* "https://...", url_api may be NULL: no reports */
};

/* What lives as long as the program. Every member may be NULL or 0. */
struct ota_esp_config {
    const struct ota_esp_trust *trust; /* NULL: ota_id alone */
    struct ota_hooks hooks;            /* called from the agent's task, and from whoever feeds a bundle */
    const char *agent;                 /* name in reports; NULL: "<project>/<version>" of the app descriptor */
    /* Before each connection: client certificate from elsewhere (esp_secure_cert), DS peripheral, proxy, ... `config` is
     * struct esp_http_client_config. NULL: client certificate and key of ota_id, if there. */
    void (*connection)(void *ctx, void *config);
    void *connection_ctx;
};

/* Opens flash, records and identity and finishes what a reset interrupted; reboots itself when an image was put into its
 * place. Once, from app_main(): it runs on the stack of the agent's task (CONFIG_OTA_TASK_STACK), whatever the caller's.
 * Without identity or without partition ota_state the board works, but is not updated: CONFIG, NOT_FOUND in
 * *err, and ota_esp_start() refuses. A new app on trial to which that happens is given up, if another one can boot: it
 * could never be updated again. `err` may be NULL: the reason is logged in any case. */
enum ota_status ota_esp_boot(const struct ota_esp_config *cfg, struct ota_err *err);
/* Starts the polls, which go through this interface only; NULL: as the routing table says. Do not wait for the network
 * for ever: a new app that never gets one is rolled back by the runs that fail. The agent's reboots end in esp_restart()
 * after the shutdown handlers. A board that sleeps deeply instead calls ota_run() itself between ota_esp_take() and
 * ota_esp_give(), and sleeps while ota_esp_undecided() says no. CONFIG: ota_esp_boot() failed. */
OTA_MUST_USE enum ota_status ota_esp_start(struct esp_netif_obj *interface, struct ota_err *err);
/* The interface was replaced (Wi-Fi to Ethernet): from the next connection on. */
void ota_esp_use_interface(struct esp_netif_obj *interface);

/* ---- asking and steering ------------------------------------------------------------------------------- */

/* As it was between two sectors, at the latest. */
void ota_esp_status(struct ota_agent_status *out);
/* Why the last run came to nothing; code OTA_OK when it did not. */
void ota_esp_last(struct ota_err *out);
/* Seconds until the next run; 0: the agent is at work, or was not started. */
uint32_t ota_esp_next_run(void);
/* A new app is not confirmed yet: neither reboot nor sleep deeply. */
bool ota_esp_undecided(void);
/* Poll at once. */
void ota_esp_check(void);
/* No update begins and none is installed for so long; 0: now is fine again. Heard between two sectors of a download. KV,
 * or BUSY after 10 s. */
OTA_MUST_USE enum ota_status ota_esp_defer(uint32_t seconds, struct ota_err *err);
/* One run now, which does not wait for the maintenance window. */
void ota_esp_install_now(void);
/* Kept in ota_state, above ota_id's; NULL or "": ota_id's again. CONFIG when it is no such name, KV, BUSY. */
OTA_MUST_USE enum ota_status ota_esp_set_channel(const char *channel, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_esp_set_groups(const char *groups, struct ota_err *err);
/* Who the board is: id, product, channel, groups as they hold now; all NULL while updates are off. Until the next ota_esp_set_*(). */
const struct ota_identity *ota_esp_identity(void);

/* ---- other doors: SD card, upload page, BLE, UART ------------------------------------------------------ */

/* The agent, for ota_bundle_begin() ... ota_bundle_end() (ota/bundle.h) or a page (ota/page.h), while its task does
 * nothing. NULL: ota_esp_boot() failed, or it is at work for longer than `wait_ms`. Give it back soon: while it is taken,
 * nothing is polled or confirmed. */
struct ota_agent *ota_esp_take(uint32_t wait_ms);
/* Reboots when the agent wants it. */
void ota_esp_give(void);
/* Installs a bundle from a file that can be opened by this path again after the reboot: "/sdcard/x.otab". The new app
 * proves itself by reading it again. Any status of ota/bundle.h; OTA_OK: all of it
 * is there, or the board reboots at the next ota_esp_give() to go on. Takes the agent itself. */
OTA_MUST_USE enum ota_status ota_esp_install_file(const char *path, struct ota_err *err);

#ifdef __cplusplus
}
#endif

#endif
