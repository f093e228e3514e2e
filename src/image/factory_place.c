/* SPDX-License-Identifier: Apache-2.0 */
/* The rooms of a flash, and who is in them. */
#include "image/factory_place.h"

/* From start up to, not including, end. */
struct room {
    const char *name; /* NULL: nobody's */
    uint32_t start, end;
};

/* Narrows a room that nobody has, or becomes the one at `offset`. */
static void meet(struct room *r, const char *name, uint32_t start, uint32_t end, uint32_t offset) {
    if (offset >= start && offset < end)
        *r = (struct room){name, start, end};
    else if (!r->name && start > offset && start < r->end)
        r->end = start;
}

static struct room room_at(const struct ota_factory_places *p, uint32_t offset) {
    struct room r = {.start = offset, .end = p->flash_size};
    for (size_t i = 0; i < p->table->count; i++) {
        const struct ota_partition *row = &p->table->row[i];
        meet(&r, row->label, row->offset, row->offset + row->size, offset);
    }
    /* Last: a row for one of these says the same, with a label. */
    meet(&r, "the bootloader's place", p->bootloader_offset, p->table_offset, offset);
    meet(&r, "the partition table", p->table_offset, p->table_offset + OTA_SECTOR, offset);
    return r;
}

static uint64_t sectors_end(const struct ota_factory_piece *p) {
    return ((uint64_t)p->offset + p->length + OTA_SECTOR - 1) / OTA_SECTOR * OTA_SECTOR;
}

static enum ota_status check_apart(const struct ota_factory_piece *a, const struct ota_factory_piece *b,
                                   struct ota_err *err) {
    if (a->offset >= sectors_end(b) || b->offset >= sectors_end(a))
        return OTA_OK;
    return ota_err_set(err, OTA_CONFIG, "%s: %u bytes at 0x%x share flash sectors with %s, %u bytes at 0x%x", a->path,
                       (unsigned)a->length, (unsigned)a->offset, b->path, (unsigned)b->length, (unsigned)b->offset);
}

enum ota_status ota_factory_places_add(struct ota_factory_places *p, const struct ota_factory_part *part, size_t length,
                                       struct ota_err *err) {
    const uint32_t at = part->offset;
    if (at >= p->flash_size)
        return ota_err_set(err, OTA_SLOT_SIZE, "%s: goes to 0x%x, beyond the flash of %u MiB", part->path, (unsigned)at,
                           (unsigned)(p->flash_size >> 20));
    if (at % OTA_SECTOR)
        return ota_err_set(err, OTA_CONFIG, "%s: goes to 0x%x, where no flash sector (of 0x%x bytes) begins",
                           part->path, (unsigned)at, OTA_SECTOR);
    const struct room room = room_at(p, at);
    if (at != room.start)
        return ota_err_set(err, OTA_CONFIG,
                           "%s: goes to 0x%x, inside %s (0x%x to 0x%x), where it must go to the beginning", part->path,
                           (unsigned)at, room.name, (unsigned)room.start, (unsigned)room.end);
    if (length > room.end - at)
        return ota_err_set(err, OTA_SLOT_SIZE, "%s: %zu bytes do not fit at 0x%x, where %u are free", part->path,
                           length, (unsigned)at, (unsigned)(room.end - at));
    if (p->count == OTA_FACTORY_PARTS_MAX)
        return ota_err_set(err, OTA_CONFIG, "%s: more than %u files", part->path, OTA_FACTORY_PARTS_MAX);
    const struct ota_factory_piece piece = {at, (uint32_t)length, part->path};
    for (size_t i = 0; i < p->count; i++)
        OTA_TRY(check_apart(&piece, &p->piece[i], err));
    p->piece[p->count++] = piece;
    return OTA_OK;
}
