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

#include "sim/board.h"
#include "sim/meter.h"

struct ota_device_config {
    struct ota_virtual_board *board; /* opened for writing */
    const struct ota_log *log;
    bool once;                  /* end when the board would sleep */
    uint32_t interval_s;        /* between polls; 0: the agent's own */
    uint32_t confirm_timeout_s; /* likewise */
    uint64_t clock;             /* unix seconds at the start; 0: this machine's clock */
};

struct ota_device_outcome {
    uint32_t from_counter, counter; /* release that ran at first and at last; 0: unknown */
    char from_version[OTA_VERSION_MAX + 1], version[OTA_VERSION_MAX + 1];
    char label[OTA_LABEL_MAX + 1]; /* partition of the app that runs at last */
    bool updated, mixed, counter_unknown;
    unsigned reboots;
    struct ota_err failure; /* code OTA_OK: it went well */
    struct ota_meter meter;
};

/* With `once` returns when the board would sleep; a failed update is told in out->failure. Without, returns only when
 * the board cannot go on: NO_BOOT, CONFIG (not provisioned), KV, FLASH, IO. */
OTA_MUST_USE enum ota_status ota_device_run(const struct ota_device_config *cfg, struct ota_device_outcome *out,
                                            struct ota_err *err);

#endif
