/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files behind ota_esp.h share: the one agent of this chip, who may touch it, and what others may know of it.
 *
 *   ota_esp.c     opens the ports and the agent               task.c    its task, and reboots
 *   lock.c        who has the agent                           status.c  copies for those who do not
 *   steer.c       wishes of other tasks                       hooks.c   the application's hooks
 *   membership.c  channel and groups                        pace.c    pauses for other tasks
 */
#ifndef OTA_ESP_PRIVATE_H
#define OTA_ESP_PRIVATE_H

#include "ota/bundle.h"

#include "ota_esp.h"
#include "ota_esp_ports.h"

/* ---- ota_esp.c ------------------------------------------------------------------------------------------- */

extern struct ota_agent ota_esp_agent; /* for whoever has it: lock.c */
extern const struct ota_esp_config *ota_esp_config;
/* All of ota_esp_boot() but for the task it runs in. */
OTA_MUST_USE enum ota_status ota_esp_open(struct ota_err *err);

/* ---- lock.c ---------------------------------------------------------------------------------------------- */

#define OTA_ESP_PATIENCE_MS 10000u /* of whoever wants something of the agent */

void ota_esp_lock_create(void);
/* The agent is open: from here on it can be taken. With the lock held. */
void ota_esp_lock_open(void);
bool ota_esp_lock_is_open(void);
/* False after wait_ms; UINT32_MAX: waits for ever. */
bool ota_esp_lock(uint32_t wait_ms);
void ota_esp_unlock(void);
/* The calling task has it: it is inside a hook. */
bool ota_esp_lock_is_mine(void);

/* ---- status.c -------------------------------------------------------------------------------------------- */

void ota_esp_status_create(void);
/* Copies what the agent says of itself. With the lock held. */
void ota_esp_publish(void);
/* The task comes again in so many seconds; 0: it is at work. */
void ota_esp_publish_sleep(uint32_t seconds);

/* ---- hooks.c --------------------------------------------------------------------------------------------- */

/* Every member set: each asks the application's, if there is one. */
struct ota_hooks ota_esp_hooks(void);

/* ---- pace.c ---------------------------------------------------------------------------------------------- */

/* After ota_esp_flash_open(). */
const struct ota_flash *ota_esp_paced_flash(void);
const struct ota_boot_port *ota_esp_paced_boot(void);

/* ---- steer.c --------------------------------------------------------------------------------------------- */

void ota_esp_steer_create(void);
/* What another task wants, done by whoever has the agent. */
typedef enum ota_status ota_esp_wish_fn(void *what, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_esp_wish(ota_esp_wish_fn *fn, void *what, struct ota_err *err);
bool ota_esp_is_wished(void);
/* Fulfils what is wished for. With the lock held, where the agent may be changed. */
void ota_esp_serve(void);

/* ---- task.c ---------------------------------------------------------------------------------------------- */

/* Runs ota_esp_open() on a stack of its own, which is the agent's from then on. */
OTA_MUST_USE enum ota_status ota_esp_task_create(struct ota_err *err);
/* The next run is now, if the task runs. */
void ota_esp_task_wake(void);
void ota_esp_reboot(void) __attribute__((noreturn));

/* ---- bundle_file.c --------------------------------------------------------------------------------------- */

/* The bundle that ota_esp_install_file() read last, also before a reboot. */
extern const struct ota_bundle_file ota_esp_bundle_file;

#endif
