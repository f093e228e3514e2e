/* SPDX-License-Identifier: Apache-2.0 */
#include "state_hole.h"

#include "esp_partition.h"
#include "ota_esp_ports.h"
#include "sdkconfig.h"

#ifndef CONFIG_OTA_STATE_OFFSET
#define CONFIG_OTA_STATE_OFFSET 0
#endif
#define STATE_AT ((uint32_t)CONFIG_OTA_STATE_OFFSET)
#define STATE_SIZE 0xA000u

static bool registered;

bool ota_esp_state_hole_register(void) {
    registered = false;
    if (STATE_AT == 0 ||
        esp_partition_find_first(ESP_PARTITION_TYPE_DATA, ESP_PARTITION_SUBTYPE_ANY, OTA_STATE_LABEL) != NULL)
        return false;
    const esp_err_t rc = esp_partition_register_external(NULL, STATE_AT, STATE_SIZE, OTA_STATE_LABEL,
                                                         ESP_PARTITION_TYPE_DATA, ESP_PARTITION_SUBTYPE_DATA_NVS, NULL);
    if (rc != ESP_OK)
        ota_log(&ota_esp_log, OTA_LOG_ERROR, "no room for %s at 0x%x, where CONFIG_OTA_STATE_OFFSET wants it: %s",
                OTA_STATE_LABEL, (unsigned)STATE_AT, esp_err_to_name(rc));
    else
        ota_log(&ota_esp_log, OTA_LOG_WARNING,
                "the partition table has no %s: it lives at 0x%x until a release brings "
                "a table with that row",
                OTA_STATE_LABEL, (unsigned)STATE_AT);
    registered = rc == ESP_OK;
    return registered;
}

void ota_esp_state_hole_show(struct ota_table *t) {
    if (!registered || t->count >= OTA_TABLE_ROWS_MAX)
        return;
    struct ota_partition *p = &t->row[t->count++];
    *p = (struct ota_partition){OTA_PART_DATA, OTA_DATA_NVS, STATE_AT, STATE_SIZE, OTA_STATE_LABEL, 0};
}
