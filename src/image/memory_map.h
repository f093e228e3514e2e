/* SPDX-License-Identifier: Apache-2.0 */
/* What lies at an address of a chip: "DROM", "IRAM"... Ranges overlap, an address may have several names. Source:
 * esptool targets/<chip>.py. */
#ifndef OTA_IMAGE_MEMORY_MAP_H
#define OTA_IMAGE_MEMORY_MAP_H

#include "ota/image.h"

/* The n-th name of the memory that holds `addr`, in esptool's order; NULL past the last, and for a chip that is not
 * known. */
const char *ota_memory_name(uint16_t chip_id, uint32_t addr, size_t n);

#endif
