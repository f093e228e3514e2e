/* SPDX-License-Identifier: Apache-2.0 */
/* What lies in flash, judged by the readers of each kind against this board. */
#include <string.h>

#include "core/agent_private.h"

static struct ota_image_rules rules(const struct ota_agent *a, uint32_t room) {
    const struct ota_board *b = &a->cfg.board;
    return (struct ota_image_rules){
        .chip = b->chip,
        .revision_known = true,
        .revision = b->revision,
        .room = room,
        .secure_boot = b->boot.secure_boot != 0,
        .secure_version_known = b->boot.anti_rollback,
        .secure_version = b->secure_version,
        .boot_secure_version = b->boot_secure_version,
    };
}

static enum ota_status read_image(struct ota_agent *a, uint32_t offset, uint32_t length, struct ota_image *out,
                                  struct ota_err *err) {
    struct ota_flash_window window;
    struct ota_source src = ota_flash_source(&window, a->cfg.flash, offset, length);
    return ota_image_read(&src, a->cfg.crypto, out, err);
}

enum ota_status ota_agent_check_app(struct ota_agent *a, uint32_t offset, uint32_t length, uint32_t room,
                                    struct ota_err *err) {
    struct ota_image_rules r = rules(a, room);
    OTA_TRY(read_image(a, offset, length, &a->scratch.image[0], err));
    return ota_image_check_app(&a->scratch.image[0], length, &r, err);
}

/* The bootloader that started the board. A primary one that does not read is what an update is to repair. */
static enum ota_status read_bootloader_now(struct ota_agent *a, uint32_t room, struct ota_image *now,
                                           struct ota_err *err) {
    const struct ota_board *b = &a->cfg.board;
    if (!b->on_recovery) {
        enum ota_status status = read_image(a, b->chip->bootloader_offset, room, now, err);
        if (status == OTA_OK || !b->recovery)
            return status;
    }
    return read_image(a, b->recovery_offset, room, now, err);
}

enum ota_status ota_agent_check_bootloader(struct ota_agent *a, uint32_t offset, uint32_t length, struct ota_err *err) {
    uint32_t room = ota_agent_bootloader_room(a);
    struct ota_image_rules r = rules(a, room);
    struct ota_image *next = &a->scratch.image[0], *now = &a->scratch.image[1];
    OTA_TRY(read_image(a, offset, length, next, err));
    OTA_TRY(ota_image_check_bootloader(next, length, &r, err));
    if (read_bootloader_now(a, room, now, err) != OTA_OK)
        return ota_err_prefix(err, "the bootloader now in flash");
    return ota_image_check_spi(now, next, err);
}

/* The ROM's recovery bootloader need not stand in the table; a partition over it would be written sooner or later. */
static enum ota_status check_recovery(const struct ota_agent *a, const struct ota_table *t, struct ota_err *err) {
    for (size_t i = 0; i < t->count; i++) {
        const struct ota_partition *p = &t->row[i];
        bool own = p->type == OTA_PART_BOOTLOADER && p->subtype == OTA_BOOT_RECOVERY;
        if (!own && ota_agent_covers_recovery(a, p->offset, p->size))
            return ota_err_set(err, OTA_TABLE_LAYOUT,
                               "row %zu (%s) covers the ROM's recovery bootloader at 0x%x: place it elsewhere", i,
                               p->label, (unsigned)a->cfg.board.recovery_offset);
    }
    return OTA_OK;
}

enum ota_status ota_agent_check_table(struct ota_agent *a, uint32_t offset, uint32_t length, struct ota_err *err) {
    const struct ota_flash *f = a->cfg.flash;
    if (length != OTA_TABLE_LENGTH)
        return ota_err_set(err, OTA_TABLE_FORMAT, "a partition table has %u bytes, not %u", OTA_TABLE_LENGTH,
                           (unsigned)length);
    OTA_TRY(f->read(f->ctx, offset, a->cfg.buf, OTA_TABLE_LENGTH, err));
    struct ota_span bytes = {a->cfg.buf, OTA_TABLE_LENGTH};
    OTA_TRY(ota_table_read(bytes, a->cfg.crypto, &a->scratch.table, err));
    OTA_TRY(ota_table_check(&a->scratch.table, a->cfg.board.table_offset, f->size, err));
    OTA_TRY(check_recovery(a, &a->scratch.table, err));
    return ota_table_check_change(&a->table, &a->scratch.table, err);
}
