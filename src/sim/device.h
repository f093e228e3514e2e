/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A board that lives: ROM, bootloader, app, reboot, ROM, ... The app is the update agent of src/core over this
 * machine's ports; what it would do besides is one thing: its self-test fails when the running image says so
 * (image/sample.h).
 *
 * Everything but the file is lost at a reboot. Ending the process at any moment is a power cut.
 */
#ifndef OTA_SIM_DEVICE_H
#define OTA_SIM_DEVICE_H

#include "ota/bundle.h"
#include "sim/board.h"
#include "sim/meter.h"

/* Another way in than the network: what the app does while the agent has nothing to do. */
struct ota_device_door {
    void *ctx;
    /* An app begins, after ota_boot(). `version`: of its descriptor. */
    enum ota_status (*begin)(void *ctx, struct ota_agent *a, const char *version, struct ota_err *err);
    /* The board has that long to itself; less when a reboot is due. With `decided` a bundle may be fed. *ended: switch
     * it off. A refused bundle is told in a->last, not as an error. */
    enum ota_status (*wait)(void *ctx, struct ota_agent *a, bool decided, uint32_t seconds, bool *ended,
                            struct ota_err *err);
};

struct ota_device_config {
    struct ota_virtual_board *board; /* opened for writing */
    const struct ota_log *log;
    bool once;                  /* end when the board would sleep */
    uint32_t interval_s;        /* between polls; 0: the agent's own */
    uint32_t confirm_timeout_s; /* likewise */
    uint64_t clock;             /* unix seconds at the start; 0: this machine's clock */
    struct ota_maintenance window;
    const struct ota_device_door *door;   /* NULL: none. With one the board has no network */
    const struct ota_bundle_file *bundle; /* what an app of door FILE proves itself by; NULL: none */
};

struct ota_device_outcome {
    uint32_t from_counter, counter; /* release that ran at first and at last; 0: unknown */
    char from_version[OTA_VERSION_MAX + 1], version[OTA_VERSION_MAX + 1];
    char label[OTA_LABEL_MAX + 1]; /* partition of the app that runs at last */
    bool updated, mixed, counter_unknown;
    bool offline;     /* it had no network by design */
    uint32_t waits_s; /* until its window opens, for a release that is staged; 0: nothing waits */
    uint32_t waiting; /* that release */
    unsigned reboots;
    struct ota_err failure; /* code OTA_OK: it went well */
    struct ota_meter meter;
};

/* With `once` or a door returns when the board would sleep, or the door ends; a failed update is told in out->failure. Without, returns only when
 * the board cannot go on: NO_BOOT, CONFIG (not provisioned), KV, FLASH, IO. */
OTA_MUST_USE enum ota_status ota_device_run(const struct ota_device_config *cfg, struct ota_device_outcome *out,
                                            struct ota_err *err);

#endif
