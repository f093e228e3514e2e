/* SPDX-License-Identifier: Apache-2.0 */
/* The chip's own check of an image that waits for its place. */
#ifndef OTA_ESP_IMAGE_CHECK_H
#define OTA_ESP_IMAGE_CHECK_H

#include "ota/agent.h"

/* ota_boot_port.verify. SIGNATURE, IMAGE_HASH; CONFIG: it waits where the check cannot read it. */
OTA_MUST_USE enum ota_status ota_esp_image_check(uint32_t offset, uint32_t length, enum ota_kind kind,
                                                 struct ota_err *err);
/* ESP-IDF refused the image of this name without saying why: SIGNATURE where signatures count, else IMAGE_HASH. */
enum ota_status ota_esp_image_refused(const char *name, struct ota_err *err);

#endif
