/* SPDX-License-Identifier: Apache-2.0 */
/* The chip in memory. */
#include "image/factory_flash.h"

#include <string.h>

#include "host/crypto.h"
#include "host/err_place.h"
#include "host/fs.h"

void ota_factory_flash_free(struct ota_factory_flash *f) {
    ota_buf_free(&f->bytes);
}

static const struct ota_partition *row_at(const struct ota_table *t, uint32_t offset) {
    for (size_t i = 0; i < t->count; i++)
        if (t->row[i].offset == offset)
            return &t->row[i];
    return NULL;
}

static bool left_empty(const struct ota_factory_flash *f, bool no_storage, uint32_t offset) {
    const struct ota_partition *p = row_at(&f->table, offset);
    struct ota_err reason;
    return no_storage && p && ota_table_updatable(p, &reason) == OTA_OK;
}

static void put(struct ota_factory_flash *f, uint32_t offset, struct ota_span bytes) {
    uint32_t end = offset + (uint32_t)bytes.len;
    memcpy(f->bytes.p + offset, bytes.p, bytes.len);
    f->end = end > f->end ? end : f->end;
}

static enum ota_status place(struct ota_factory_flash *f, const struct ota_factory_build *b, size_t i,
                             struct ota_factory_places *places, bool no_storage, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf bytes = {0};
    const struct ota_factory_part *part = &b->part[i];
    OTA_TRY(ota_fs_read(part->path, f->bytes.len, &bytes, err));
    OTA_TRY(ota_factory_places_add(places, part, bytes.len, err));
    f->length[i] = (uint32_t)bytes.len;
    if (part->offset == b->chip->bootloader_offset)
        OTA_TRY(ota_flash_settings_apply(&b->settings, part->path, &bytes, &f->header_set, err));
    if (bytes.len && !left_empty(f, no_storage, part->offset))
        put(f, part->offset, ota_buf_span(&bytes));
    return OTA_OK;
}

struct ota_span ota_factory_flash_at(const struct ota_factory_flash *f, const struct ota_factory_build *b,
                                     uint32_t offset) {
    for (size_t i = 0; i < b->part_count; i++)
        if (b->part[i].offset == offset && !f->image)
            return (struct ota_span){f->bytes.p + offset, f->length[i]};
    return (struct ota_span){NULL, 0};
}

static enum ota_status parse_table(struct ota_factory_flash *f, struct ota_span bytes, uint32_t at, const char *path,
                                   struct ota_err *err) {
    enum ota_status status = ota_table_read(bytes, &ota_crypto_openssl, &f->table, err);
    if (status == OTA_OK)
        status = ota_table_check(&f->table, at, (uint32_t)f->bytes.len, err);
    return status == OTA_OK ? OTA_OK : ota_err_prefix(err, "%s", path);
}

static enum ota_status read_table(struct ota_factory_flash *f, const struct ota_factory_build *b, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf bytes = {0};
    uint32_t at = b->boot.table_offset;
    const char *path = ota_factory_build_at(b, at);
    if (!path)
        return ota_err_set(err, OTA_CONFIG, "flasher_args.json puts no partition table at 0x%x", (unsigned)at);
    OTA_TRY(ota_fs_read(path, OTA_SECTOR, &bytes, err));
    return parse_table(f, ota_buf_span(&bytes), at, path, err);
}

/* ---- the header -------------------------------------------------------------------------------------------- */

static enum ota_status beyond(const struct ota_partition *row, const char *path, const char *size,
                              struct ota_err *err) {
    return ota_err_set(err, OTA_TABLE_LAYOUT,
                       "%s: its header says that the flash has %s, and %s ends at 0x%llx: the bootloader takes no such "
                       "table; build it for the larger flash, or say its size with --flash-size",
                       OTA_SHORT_PATH(path, 70), size, row->label, (unsigned long long)row->offset + row->size);
}

/* The bootloader holds the table against the size in its own header (flash_partitions.c), and an app stops at once where
 * the flash is smaller than that (esp_flash_spi_init.c). Whether it is a bootloader at all is judged elsewhere. */
enum ota_status ota_factory_flash_check_header(const struct ota_factory_flash *f, uint32_t offset, const char *path,
                                               struct ota_err *err) {
    const uint8_t *header = f->bytes.p + offset;
    const uint32_t size = ota_flash_settings_size(header[3] >> 4);
    char text[8];
    if (header[0] != OTA_IMAGE_MAGIC_BYTE)
        return OTA_OK;
    (void)ota_format(text, sizeof text, "%uMB", (unsigned)(size >> 20));
    for (size_t i = 0; i < f->table.count; i++)
        if ((uint64_t)f->table.row[i].offset + f->table.row[i].size > size)
            return beyond(&f->table.row[i], path, text, err);
    if (size > f->bytes.len)
        return ota_err_set(err, OTA_CONFIG,
                           "%s: its header says that the flash has %s, and the board's has %zuMB: no app would run; "
                           "build it for the smaller flash, or say the size with --flash-size",
                           OTA_SHORT_PATH(path, 70), text, f->bytes.len >> 20);
    return OTA_OK;
}

enum ota_status ota_factory_flash_fill(struct ota_factory_flash *f, const struct ota_factory_build *b, bool no_storage,
                                       struct ota_err *err) {
    memset(f, 0, sizeof *f);
    ota_buf_reserve(&f->bytes, b->flash_size);
    f->bytes.len = b->flash_size;
    memset(f->bytes.p, 0xFF, f->bytes.len);
    OTA_TRY(read_table(f, b, err));
    struct ota_factory_places places = {.table = &f->table,
                                        .bootloader_offset = b->chip->bootloader_offset,
                                        .table_offset = b->boot.table_offset,
                                        .flash_size = b->flash_size};
    for (size_t i = 0; i < b->part_count; i++)
        OTA_TRY(place(f, b, i, &places, no_storage, err));
    const char *bootloader = ota_factory_build_at(b, b->chip->bootloader_offset);
    return bootloader ? ota_factory_flash_check_header(f, b->chip->bootloader_offset, bootloader, err) : OTA_OK;
}

enum ota_status ota_factory_flash_load(struct ota_factory_flash *f, const struct ota_factory_build *b, const char *path,
                                       struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf image = {0};
    OTA_TRY(ota_fs_read(path, f->bytes.len, &image, err));
    memset(f->bytes.p, 0xFF, f->bytes.len);
    f->end = 0;
    f->image = path;
    if (image.len)
        put(f, 0, ota_buf_span(&image));
    const struct ota_span table = {f->bytes.p + b->boot.table_offset, OTA_TABLE_LENGTH};
    OTA_TRY(parse_table(f, table, b->boot.table_offset, path, err));
    return ota_factory_flash_check_header(f, b->chip->bootloader_offset, path, err);
}

enum ota_status ota_factory_flash_put(struct ota_factory_flash *f, const char *label, struct ota_span bytes,
                                      struct ota_err *err) {
    const struct ota_partition *p = ota_table_by_label(&f->table, label);
    if (!p || p->type != OTA_PART_DATA || p->size != bytes.len)
        return ota_err_set(err, OTA_CONFIG, "the partition table has no data partition %s of %zu bytes", label,
                           bytes.len);
    put(f, p->offset, bytes);
    return OTA_OK;
}
