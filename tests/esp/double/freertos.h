/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FreeRTOS as threads of this machine, whose time passes only when all of them wait: it then jumps to the next moment
 * for which somebody waits. No test depends on how fast the machine is, and an hour takes no time.
 */
#ifndef OTA_TESTS_DOUBLE_FREERTOS_H
#define OTA_TESTS_DOUBLE_FREERTOS_H

#include <stdbool.h>

#include "esp_system.h"

struct double_freertos {
    bool no_task; /* there is no memory for one */
    esp_reset_reason_t reset_reason;
};
extern struct double_freertos double_freertos;

/* Switches the board on: runs app_main as the main task until it returns, or esp_restart() was called by any task (false);
 * then ends every task. */
bool double_freertos_run(void (*app_main)(void));

#endif
