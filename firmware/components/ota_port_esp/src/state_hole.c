/* SPDX-License-Identifier: Apache-2.0 */
#include "state_hole.h"

#include <string.h>

#include "esp_partition.h"
#include "ota_esp_ports.h"
#include "sdkconfig.h"

#ifndef CONFIG_OTA_STATE_OFFSET
#define CONFIG_OTA_STATE_OFFSET 0
#endif
#define STATE_AT ((uint32_t)CONFIG_OTA_STATE_OFFSET)
#define STATE_SIZE 0xA000u

static bool registered;

/* A NULL iterator is a heap without room for one: a second ota_state beside the table's would be worse than none. */
static bool table_has_it(void) {
    esp_partition_iterator_t it = esp_partition_find(ESP_PARTITION_TYPE_ANY, ESP_PARTITION_SUBTYPE_ANY, NULL);
    bool has = !it;
    while (it && !has) {
        const esp_partition_t *p = esp_partition_get(it);
        has = p->type == ESP_PARTITION_TYPE_DATA && strcmp(p->label, OTA_STATE_LABEL) == 0;
        if (!has)
            it = esp_partition_next(it);
    }
    esp_partition_iterator_release(it);
    return has;
}

/* Only the eFuses know of the ROM's recovery bootloader where the table has no row for it. */
static bool covers_recovery(void) {
    struct ota_board b;
    struct ota_err ignored;
    if (ota_esp_board(&b, &ignored) != OTA_OK || !b.recovery)
        return false;
    const uint32_t room = b.table_offset - b.chip->bootloader_offset;
    return STATE_AT < b.recovery_offset + room && b.recovery_offset < STATE_AT + STATE_SIZE;
}

static const char *reason_against(void) {
    if (STATE_AT % OTA_SECTOR != 0)
        return "no multiple of 0x1000";
    if (covers_recovery())
        return "the ROM's recovery bootloader lies there";
    const esp_err_t rc = esp_partition_register_external(NULL, STATE_AT, STATE_SIZE, OTA_STATE_LABEL,
                                                         ESP_PARTITION_TYPE_DATA, ESP_PARTITION_SUBTYPE_DATA_NVS, NULL);
    return rc == ESP_OK ? NULL : esp_err_to_name(rc);
}

bool ota_esp_state_hole_register(void) {
    registered = false;
    if (STATE_AT == 0 || table_has_it())
        return false;
    const char *why = reason_against();
    if (why)
        ota_log(&ota_esp_log, OTA_LOG_ERROR, "no room for %s at 0x%x, where CONFIG_OTA_STATE_OFFSET wants it: %s",
                OTA_STATE_LABEL, (unsigned)STATE_AT, why);
    else
        ota_log(&ota_esp_log, OTA_LOG_WARNING,
                "the partition table has no %s: it lives at 0x%x until a release brings "
                "a table with that row",
                OTA_STATE_LABEL, (unsigned)STATE_AT);
    registered = !why;
    return registered;
}

void ota_esp_state_hole_show(struct ota_table *t) {
    if (!registered || t->count >= OTA_TABLE_ROWS_MAX)
        return;
    struct ota_partition *p = &t->row[t->count++];
    *p = (struct ota_partition){OTA_PART_DATA, OTA_DATA_NVS, STATE_AT, STATE_SIZE, OTA_STATE_LABEL, 0};
}
