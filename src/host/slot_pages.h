/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does an app suit every slot of a table? An update goes to whichever slot is passive, and MMU pages may be larger than
 * what slots are aligned to (the ESP32-S31 has them of 128 KiB), so that each slot tells for itself. Source: ESP-IDF
 * esp_image_format.c (verify_segment_header).
 */
#ifndef OTA_HOST_SLOT_PAGES_H
#define OTA_HOST_SLOT_PAGES_H

#include "ota/image.h"
#include "ota/table.h"

/* Judges it by *rules in each slot, whose offset becomes rules->place. As ota_image_check_app(), naming the slot. */
OTA_MUST_USE enum ota_status ota_slot_pages_check(const struct ota_table *t, struct ota_image_rules *rules,
                                                  const struct ota_image *image, uint64_t length, struct ota_err *err);

#endif
