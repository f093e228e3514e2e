/* SPDX-License-Identifier: Apache-2.0 */
/* See slot_pages.h. */
#include "host/slot_pages.h"

enum ota_status ota_slot_pages_check(const struct ota_table *t, struct ota_image_rules *rules,
                                     const struct ota_image *image, uint64_t length, struct ota_err *err) {
    for (size_t i = 0; i < ota_table_slot_count(t); i++) {
        const struct ota_partition *slot = ota_table_slot(t, i);
        rules->place = slot->offset;
        if (ota_image_check_app(image, length, rules, err) != OTA_OK)
            return ota_err_prefix(err, "app slot %s at 0x%x", slot->label, slot->offset);
    }
    return OTA_OK;
}
