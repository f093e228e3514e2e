/* SPDX-License-Identifier: Apache-2.0 */
/* A run of flash as random-access bytes: a slot, a partition, the bootloader's place; and flash that does not change.
 * */
#ifndef OTA_SIM_WINDOW_H
#define OTA_SIM_WINDOW_H

#include "ota/image.h"

struct ota_window {
    const struct ota_flash *flash;
    uint32_t offset;
};
/* *w must live as long as the source is used. */
struct ota_source ota_window_source(struct ota_window *w, const struct ota_flash *flash, uint32_t offset,
                                    uint32_t length);
/* The image that begins at `offset` and ends within `room`. */
OTA_MUST_USE enum ota_status ota_window_image(const struct ota_flash *flash, const struct ota_crypto *crypto,
                                              uint32_t offset, uint32_t room, struct ota_image *out,
                                              struct ota_err *err);
/* From here on the port forgets what is written or erased: a boot can be tried without changing the board. */
void ota_flash_freeze(struct ota_flash *flash);

#endif
