/* SPDX-License-Identifier: Apache-2.0 */
/* The chip in memory: checked before the file appears. */
#include "sim/factory.h"

#include <string.h>

#include "host/crypto.h"
#include "host/fs.h"
#include "sim/factory_build.h"
#include "sim/rom.h"
#include "sim/window.h"

void ota_factory_free(struct ota_factory *f) {
    ota_buf_free(&f->flash);
}

/* ---- images -------------------------------------------------------------------------------------------- */

static const struct ota_partition *row_at(const struct ota_table *t, uint32_t offset) {
    for (size_t i = 0; i < t->count; i++)
        if (t->row[i].offset == offset)
            return &t->row[i];
    return NULL;
}

/* Where the next thing behind `offset` begins. */
static uint32_t room_at(const struct ota_factory *f, uint32_t offset) {
    const struct ota_partition *p = row_at(&f->table, offset);
    uint32_t table = f->efuse.boot.table_offset;
    if (p)
        return p->size;
    if (offset < table)
        return table - offset;
    return offset == table ? OTA_SECTOR : (uint32_t)f->flash.len - offset;
}

static bool left_empty(const struct ota_factory *f, const struct ota_factory_options *o, uint32_t offset) {
    const struct ota_partition *p = row_at(&f->table, offset);
    struct ota_err reason;
    return o->no_storage && p && ota_table_updatable(p, &reason) == OTA_OK;
}

static enum ota_status place(struct ota_factory *f, const struct ota_factory_image *image, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf bytes = {0};
    if (image->offset >= f->flash.len)
        return ota_err_set(err, OTA_SLOT_SIZE, "%s: goes to 0x%x, beyond the flash of %u MiB", image->path,
                           (unsigned)image->offset, (unsigned)(f->flash.len >> 20));
    OTA_TRY(ota_fs_read(image->path, f->flash.len - image->offset, &bytes, err));
    if (bytes.len > room_at(f, image->offset))
        return ota_err_set(err, OTA_SLOT_SIZE, "%s: %zu bytes do not fit at 0x%x, where %u are free", image->path,
                           bytes.len, (unsigned)image->offset, (unsigned)room_at(f, image->offset));
    memcpy(f->flash.p + image->offset, bytes.p, bytes.len);
    return OTA_OK;
}

static enum ota_status read_table(struct ota_factory *f, const struct ota_factory_build *b, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf bytes = {0};
    uint32_t at = f->efuse.boot.table_offset;
    const char *path = ota_factory_build_at(b, at);
    if (!path)
        return ota_err_set(err, OTA_CONFIG, "flasher_args.json puts no partition table at 0x%x", (unsigned)at);
    OTA_TRY(ota_fs_read(path, OTA_SECTOR, &bytes, err));
    enum ota_status status = ota_table_read(ota_buf_span(&bytes), &ota_crypto_openssl, &f->table, err);
    if (status == OTA_OK)
        status = ota_table_check(&f->table, at, (uint32_t)f->flash.len, err);
    return status == OTA_OK ? OTA_OK : ota_err_prefix(err, "%s", path);
}

static enum ota_status fill(struct ota_factory *f, const struct ota_factory_build *b,
                            const struct ota_factory_options *o, struct ota_err *err) {
    ota_buf_reserve(&f->flash, b->flash_size);
    f->flash.len = b->flash_size;
    memset(f->flash.p, 0xFF, f->flash.len);
    f->efuse = b->efuse;
    OTA_TRY(read_table(f, b, err));
    for (size_t i = 0; i < b->image_count; i++)
        if (!left_empty(f, o, b->image[i].offset))
            OTA_TRY(place(f, &b->image[i], err));
    return OTA_OK;
}

enum ota_status ota_factory_open(struct ota_factory *f, const char *folder, const struct ota_factory_options *o,
                                 struct ota_err *err) {
    OTA_CLEAN(ota_factory_build_free) struct ota_factory_build b = {0};
    memset(f, 0, sizeof *f);
    OTA_TRY(ota_factory_build_open(&b, folder, o->flash_size, err));
    return fill(f, &b, o, err);
}

enum ota_status ota_factory_put(struct ota_factory *f, const char *label, struct ota_span bytes, struct ota_err *err) {
    const struct ota_partition *p = ota_table_by_label(&f->table, label);
    if (!p || p->type != OTA_PART_DATA || p->size != bytes.len)
        return ota_err_set(err, OTA_CONFIG, "the partition table has no data partition %s of %zu bytes", label,
                           bytes.len);
    memcpy(f->flash.p + p->offset, bytes.p, bytes.len);
    return OTA_OK;
}

/* ---- a trial boot, which writes nothing ---------------------------------------------------------------- */

static enum ota_status memory_read(void *ctx, uint32_t off, void *p, size_t n, struct ota_err *err) {
    const struct ota_buf *b = ctx;
    if (off > b->len || n > b->len - off)
        return ota_err_set(err, OTA_FLASH, "0x%x: beyond the flash", (unsigned)off);
    memcpy(p, b->p + off, n);
    return OTA_OK;
}

static enum ota_status check_row(const struct ota_factory *f, const char *label, uint32_t least, struct ota_err *err) {
    const struct ota_partition *p = ota_table_by_label(&f->table, label);
    if (p && p->type == OTA_PART_DATA && p->size >= least)
        return OTA_OK;
    return ota_err_set(err, OTA_CONFIG, "the partition table has no %s; add a row to its CSV: %s, data, nvs, , %uK",
                       label, label, (unsigned)(least / 1024u));
}

enum ota_status ota_factory_check(struct ota_factory *f, struct ota_err *err) {
    struct ota_flash flash = {.ctx = &f->flash, .size = (uint32_t)f->flash.len, .read = memory_read};
    const struct ota_board facts = ota_efuse_facts(&f->efuse);
    const struct ota_log silent = {0};
    const struct ota_rom rom = {&flash, &facts, &ota_crypto_openssl, &silent, &f->efuse.keys};
    OTA_CLEAN_FREE struct ota_rom_boot *boot = ota_calloc(1, sizeof *boot);
    OTA_TRY(check_row(f, OTA_STATE_LABEL, 40u * 1024u, err));
    OTA_TRY(check_row(f, OTA_ID_LABEL, 16u * 1024u, err));
    ota_flash_freeze(&flash);
    OTA_TRY(ota_rom_start(&rom, boot, err));
    (void)ota_format(f->version, sizeof f->version, "%s", boot->image.app.version);
    return OTA_OK;
}

enum ota_status ota_factory_write(const struct ota_factory *f, const char *path, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf file = {0};
    ota_buf_reserve(&file, f->flash.len + OTA_EFUSE_SIZE);
    ota_buf_append(&file, f->flash.p, f->flash.len);
    ota_efuse_encode(&f->efuse, (uint32_t)f->flash.len, file.p + file.len);
    return ota_fs_write(path, file.p, file.len + OTA_EFUSE_SIZE, 0600, err);
}
