/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flash and slots as the agent uses them, with a pause now and then. Checking an image of some megabytes takes the
 * processor for seconds, and where the task watchdog resets the board for that, it would do so in every try: no update
 * would ever end.
 */
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"

#include "ota_esp_private.h"

#define BETWEEN_PAUSES (256u * 1024u) /* a tenth of a second of the slowest chip */

static enum ota_status flash_read(void *ctx, uint32_t off, void *p, size_t n, struct ota_err *err) {
    static size_t read; /* by whoever has the agent */
    read += n;
    if (read >= BETWEEN_PAUSES) {
        read = 0;
        vTaskDelay(1);
    }
    return ota_esp_flash.read(ctx, off, p, n, err);
}

const struct ota_flash *ota_esp_paced_flash(void) {
    static struct ota_flash paced;
    paced = ota_esp_flash;
    paced.read = flash_read;
    return &paced;
}

static enum ota_status activate(void *ctx, uint32_t offset, struct ota_err *err) {
    vTaskDelay(1);
    return ota_esp_boot_port.activate(ctx, offset, err);
}

static enum ota_status verify(void *ctx, uint32_t offset, uint32_t length, enum ota_kind kind, struct ota_err *err) {
    vTaskDelay(1);
    return ota_esp_boot_port.verify(ctx, offset, length, kind, err);
}

const struct ota_boot_port *ota_esp_paced_boot(void) {
    static struct ota_boot_port paced;
    paced = ota_esp_boot_port;
    paced.activate = activate;
    if (paced.verify)
        paced.verify = verify;
    return &paced;
}
