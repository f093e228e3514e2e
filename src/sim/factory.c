/* SPDX-License-Identifier: Apache-2.0 */
/* A board in memory: checked before its file appears. */
#include "sim/factory.h"

#include <string.h>

#include "host/crypto.h"
#include "host/fs.h"
#include "image/table_agent.h"
#include "sim/rom.h"
#include "sim/window.h"

void ota_factory_free(struct ota_factory *f) {
    ota_factory_flash_free(&f->chip);
}

static void know(struct ota_factory *f, const struct ota_factory_build *b) {
    f->efuse.chip = b->chip;
    f->efuse.revision = b->revision;
    f->efuse.boot = b->boot;
    f->efuse.recovery = b->recovery;
    f->efuse.recovery_offset = b->recovery_offset;
}

/* As the first boot of the chip would. */
static enum ota_status judge(struct ota_factory *f, const struct ota_factory_build *b,
                             const struct ota_boot_policy *policy, struct ota_err *err) {
    struct ota_factory_images found;
    OTA_TRY(ota_factory_images_check(&f->chip, b, policy, &found, err));
    if (b->boot.secure_boot == 2)
        ota_secure_boot_burn(b->chip, &found.bootloader, &f->efuse.keys);
    return OTA_OK;
}

enum ota_status ota_factory_open(struct ota_factory *f, const char *folder, const struct ota_factory_options *o,
                                 struct ota_err *err) {
    OTA_CLEAN(ota_factory_build_free) struct ota_factory_build b = {0};
    memset(f, 0, sizeof *f);
    OTA_TRY(ota_factory_build_open(&b, folder, o->flash_size, err));
    know(f, &b);
    OTA_TRY(ota_factory_flash_fill(&f->chip, &b, o->no_storage, err));
    if (o->image)
        OTA_TRY(ota_factory_flash_load(&f->chip, &b, o->image, err));
    return judge(f, &b, o->policy, err);
}

/* ---- a trial boot, which writes nothing ---------------------------------------------------------------- */

static enum ota_status memory_read(void *ctx, uint32_t off, void *p, size_t n, struct ota_err *err) {
    const struct ota_buf *b = ctx;
    if (off > b->len || n > b->len - off)
        return ota_err_set(err, OTA_FLASH, "0x%x: beyond the flash", (unsigned)off);
    memcpy(p, b->p + off, n);
    return OTA_OK;
}

static struct ota_flash memory_of(const struct ota_factory *f) {
    return (struct ota_flash){
        .ctx = (void *)&f->chip.bytes,
        .size = (uint32_t)f->chip.bytes.len,
        .read = memory_read,
    };
}

enum ota_status ota_factory_identity(const struct ota_factory *f, struct ota_id_record *out, struct ota_err *err) {
    const struct ota_flash flash = memory_of(f);
    const struct ota_partition *p = ota_table_by_label(&f->chip.table, OTA_ID_LABEL);
    return ota_id_record_read(&flash, p->offset, p->size, out, err);
}

static enum ota_status check_row(const struct ota_factory *f, const char *label, uint32_t least, struct ota_err *err) {
    const struct ota_partition *p = ota_table_by_label(&f->chip.table, label);
    if (p && p->type == OTA_PART_DATA && p->size >= least)
        return OTA_OK;
    return ota_err_set(err, OTA_CONFIG, "the partition table has no %s; add a row to its CSV: %s, data, nvs, , %uK",
                       label, label, (unsigned)(least / 1024u));
}

enum ota_status ota_factory_check(struct ota_factory *f, struct ota_err *err) {
    struct ota_flash flash = memory_of(f);
    const struct ota_board facts = ota_efuse_facts(&f->efuse);
    const struct ota_log silent = {0};
    const struct ota_rom rom = {&flash, &facts, &ota_crypto_openssl, &silent, &f->efuse.keys};
    OTA_CLEAN_FREE struct ota_rom_boot *boot = ota_calloc(1, sizeof *boot);
    OTA_TRY(check_row(f, OTA_STATE_LABEL, OTA_STATE_SIZE_MIN, err));
    OTA_TRY(check_row(f, OTA_ID_LABEL, OTA_ID_SIZE_MIN, err));
    ota_flash_freeze(&flash);
    OTA_TRY(ota_rom_start(&rom, boot, err));
    (void)ota_format(f->version, sizeof f->version, "%s", boot->image.app.version);
    return OTA_OK;
}

static void encode(const struct ota_factory *f, struct ota_buf *file) {
    ota_buf_reserve(file, f->chip.bytes.len + OTA_EFUSE_SIZE);
    ota_buf_append(file, f->chip.bytes.p, f->chip.bytes.len);
    ota_efuse_encode(&f->efuse, (uint32_t)f->chip.bytes.len, file->p + file->len);
    file->len += OTA_EFUSE_SIZE;
}

enum ota_status ota_factory_write(const struct ota_factory *f, const char *path, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf file = {0};
    encode(f, &file);
    return ota_fs_write_new(path, file.p, file.len, 0600, err);
}

bool ota_factory_is(const struct ota_factory *f, const char *path) {
    OTA_CLEAN(ota_buf_free) struct ota_buf file = {0};
    OTA_CLEAN(ota_buf_free) struct ota_buf found = {0};
    struct ota_err ignored;
    encode(f, &file);
    return ota_fs_read(path, file.len, &found, &ignored) == OTA_OK && found.len == file.len &&
           memcmp(found.p, file.p, file.len) == 0;
}
