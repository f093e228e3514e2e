/* SPDX-License-Identifier: Apache-2.0 */
/* Partitions whose image must have their size. */
#ifndef OTA_HOST_FILLED_PARTITION_H
#define OTA_HOST_FILLED_PARTITION_H

#include "ota/table.h"

/* SPIFFS and LittleFS write the size of their partition into it and mount no other. */
static inline bool ota_partition_is_filled(const struct ota_partition *p) {
    return p->type == OTA_PART_DATA && (p->subtype == OTA_DATA_SPIFFS || p->subtype == OTA_DATA_LITTLEFS);
}

#endif
