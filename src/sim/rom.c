/* SPDX-License-Identifier: Apache-2.0 */
/* ROM and second-stage bootloader. */
#include "sim/rom.h"

#include <string.h>

#include "image/flash_settings.h"
#include "sim/window.h"

#define SLOTS_MAX 16u
#define FACTORY (-1)
#define STATE_AT 24u /* in an entry of otadata; its CRC does not cover it */

/* What the bootloader knows after reading the table. Slots are counted as it counts them: every OTA row, with or
 * without a hole. */
struct loader {
    const struct ota_rom *rom;
    struct ota_rom_boot *out;
    const struct ota_partition *factory, *test, *otadata, *slot[SLOTS_MAX];
    unsigned slots;
    struct ota_otadata_entry entry[2];
    bool initial;       /* otadata says nothing: written after a successful load */
    struct ota_err why; /* the first app that did not verify: the one that should have run */
};

static enum ota_status read_image(const struct ota_rom *rom, uint32_t offset, uint32_t room, struct ota_image *out,
                                  struct ota_err *err) {
    return ota_window_image(rom->flash, rom->crypto, offset, room, out, err);
}

static enum ota_status check_signature(const struct ota_rom *rom, uint32_t offset, uint32_t room,
                                       const struct ota_image *image, struct ota_err *err) {
    struct ota_window w;
    const struct ota_source src = ota_window_source(&w, rom->flash, offset, room);
    if (rom->board->boot.secure_boot != 2)
        return OTA_OK;
    return ota_secure_boot_check(rom->board->chip, rom->keys, &src, image->length, err);
}

/* ---- ROM ----------------------------------------------------------------------------------------------- */

/* Without Secure Boot v2 nobody compares the appended SHA-256 of a bootloader. */
static enum ota_status check_bootloader(const struct ota_rom *rom, uint32_t offset, struct ota_rom_boot *out,
                                        struct ota_err *err) {
    const struct ota_board *b = rom->board;
    struct ota_image image;
    uint32_t room = b->table_offset - b->chip->bootloader_offset;
    OTA_TRY(read_image(rom, offset, room, &image, err));
    if (image.chip_id != b->chip->id)
        return ota_err_set(err, OTA_CHIP, "made for chip id 0x%04x, this is an %s", image.chip_id, b->chip->name);
    if (!image.checksum_ok)
        return ota_err_set(err, OTA_IMAGE_CHECKSUM, "its checksum is wrong");
    if (b->boot.secure_boot == 2 && image.hash_appended && !image.hash_ok)
        return ota_err_set(err, OTA_IMAGE_HASH, "its SHA-256 is wrong");
    out->flash_size = ota_flash_settings_size(image.spi_size);
    return check_signature(rom, offset, room, &image, err);
}

static enum ota_status start_bootloader(const struct ota_rom *rom, struct ota_rom_boot *out, struct ota_err *err) {
    const struct ota_board *b = rom->board;
    uint32_t primary = b->chip->bootloader_offset;
    enum ota_status status = check_bootloader(rom, primary, out, err);
    if (status == OTA_OK || status == OTA_FLASH)
        return status;
    ota_log(rom->log, OTA_LOG_WARNING, "rom: bootloader at 0x%x: %s", (unsigned)primary, err->msg);
    if (!b->recovery) {
        err->code = OTA_NO_BOOT;
        return ota_err_prefix(err, "the board does not boot: bootloader at 0x%x", (unsigned)primary);
    }
    if (check_bootloader(rom, b->recovery_offset, out, err) != OTA_OK) {
        err->code = OTA_NO_BOOT;
        return ota_err_prefix(err, "the board does not boot: recovery bootloader at 0x%x",
                              (unsigned)b->recovery_offset);
    }
    ota_log(rom->log, OTA_LOG_WARNING, "rom: the recovery bootloader at 0x%x starts", (unsigned)b->recovery_offset);
    out->recovery = true;
    return OTA_OK;
}

/* ---- partition table ----------------------------------------------------------------------------------- */

/* The flash is as large as the bootloader's header says; what the chip lacks cannot be read all the same. */
static enum ota_status check_table(const struct ota_rom *rom, uint32_t header, const struct ota_table *t,
                                   struct ota_err *err) {
    const uint32_t flash = header < rom->flash->size ? header : rom->flash->size;
    if (t->has_md5 && !t->md5_ok)
        return ota_err_set(err, OTA_TABLE_MD5, "its MD5 is wrong");
    if (!t->has_end)
        return ota_err_set(err, OTA_TABLE_FORMAT, "it has no end");
    for (size_t i = 0; i < t->count; i++)
        if (t->row[i].offset > flash || t->row[i].size > flash - t->row[i].offset)
            return ota_err_set(err, OTA_TABLE_LAYOUT, "row %zu ends beyond the flash%s", i,
                               header < rom->flash->size ? " as the bootloader's header has it" : "");
    return OTA_OK;
}

static enum ota_status read_table(const struct ota_rom *rom, struct ota_rom_boot *out, struct ota_err *err) {
    struct ota_table *t = &out->table;
    uint8_t bytes[OTA_TABLE_LENGTH];
    OTA_TRY(rom->flash->read(rom->flash->ctx, rom->board->table_offset, bytes, sizeof bytes, err));
    enum ota_status status = ota_table_read((struct ota_span){bytes, sizeof bytes}, rom->crypto, t, err);
    if (status == OTA_OK)
        status = check_table(rom, out->flash_size, t, err);
    if (status == OTA_OK)
        return OTA_OK;
    err->code = OTA_NO_BOOT;
    return ota_err_prefix(err, "the board does not boot: partition table at 0x%x", (unsigned)rom->board->table_offset);
}

static void find_partitions(struct loader *l) {
    const struct ota_table *t = &l->out->table;
    l->factory = ota_table_by_type(t, OTA_PART_APP, OTA_APP_FACTORY);
    l->test = ota_table_by_type(t, OTA_PART_APP, OTA_APP_TEST);
    l->otadata = ota_table_by_type(t, OTA_PART_DATA, OTA_DATA_OTA);
    for (unsigned i = 0; i < SLOTS_MAX; i++) {
        l->slot[i] = ota_table_by_type(t, OTA_PART_APP, (uint8_t)(OTA_APP_OTA_0 + i));
        l->slots += l->slot[i] != NULL;
    }
}

/* ---- otadata ------------------------------------------------------------------------------------------- */

static enum ota_status rewrite(struct loader *l, unsigned index, const uint8_t bytes[OTA_OTADATA_ENTRY],
                               struct ota_err *err) {
    const struct ota_flash *f = l->rom->flash;
    uint32_t at = l->otadata->offset + index * OTA_SECTOR;
    OTA_TRY(f->erase(f->ctx, at, OTA_SECTOR, err));
    OTA_TRY(f->write(f->ctx, at, bytes, OTA_OTADATA_ENTRY, err));
    ota_otadata_decode(bytes, &l->entry[index]);
    return OTA_OK;
}

static enum ota_status write_entry(struct loader *l, unsigned index, uint32_t seq, enum ota_slot_state state,
                                   struct ota_err *err) {
    uint8_t bytes[OTA_OTADATA_ENTRY];
    ota_otadata_encode(seq, state, bytes);
    return rewrite(l, index, bytes, err);
}

/* All else stays as it is: a CRC that a power cut left wrong is not put right. */
static enum ota_status write_state(struct loader *l, unsigned index, enum ota_slot_state state, struct ota_err *err) {
    const struct ota_flash *f = l->rom->flash;
    uint8_t bytes[OTA_OTADATA_ENTRY];
    OTA_TRY(f->read(f->ctx, l->otadata->offset + index * OTA_SECTOR, bytes, sizeof bytes, err));
    ota_put_le32(bytes + STATE_AT, (uint32_t)state);
    return rewrite(l, index, bytes, err);
}

static enum ota_status read_entries(struct loader *l, struct ota_err *err) {
    const struct ota_flash *f = l->rom->flash;
    uint8_t bytes[OTA_OTADATA_ENTRY];
    if (l->otadata->size < OTA_OTADATA_SIZE)
        return ota_err_set(err, OTA_NO_BOOT, "the board does not boot: otadata has 0x%x bytes, it must have 0x%x",
                           (unsigned)l->otadata->size, OTA_OTADATA_SIZE);
    for (unsigned i = 0; i < 2; i++) {
        OTA_TRY(f->read(f->ctx, l->otadata->offset + i * OTA_SECTOR, bytes, sizeof bytes, err));
        ota_otadata_decode(bytes, &l->entry[i]);
    }
    return OTA_OK;
}

/* The app rebooted without having confirmed itself. */
static enum ota_status abort_unconfirmed(struct loader *l, struct ota_err *err) {
    for (unsigned i = 0; i < 2; i++) {
        if (l->entry[i].state != OTA_SLOT_PENDING_VERIFY)
            continue;
        ota_log(l->rom->log, OTA_LOG_WARNING, "boot: the app of otadata %u was not confirmed: aborted", i);
        OTA_TRY(write_state(l, i, OTA_SLOT_ABORTED, err));
    }
    return OTA_OK;
}

/* This test does not look at the CRC; the choice of the active entry does. */
static bool ruled_out(const struct ota_otadata_entry *e) {
    return e->seq == UINT32_MAX || e->state == OTA_SLOT_INVALID || e->state == OTA_SLOT_ABORTED;
}

static bool says_nothing(const struct ota_otadata_entry *e) {
    return e->seq == UINT32_MAX || !e->crc_ok;
}

static void raise_secure_version(struct loader *l, const struct ota_partition *slot) {
    struct ota_image image;
    struct ota_err unreadable;
    if (slot && read_image(l->rom, slot->offset, slot->size, &image, &unreadable) == OTA_OK &&
        image.app.secure_version > l->out->secure_version)
        l->out->secure_version = image.app.secure_version;
}

static enum ota_status choose_active(struct loader *l, int *index, struct ota_err *err) {
    const struct ota_boot_config *boot = &l->rom->board->boot;
    int active = ota_otadata_active(l->entry);
    *index = FACTORY;
    if (active < 0) {
        ota_log(l->rom->log, OTA_LOG_ERROR, "boot: no entry of otadata is usable");
        return OTA_OK;
    }
    const struct ota_otadata_entry *e = &l->entry[active];
    *index = (int)ota_otadata_slot(e->seq, l->slots);
    if (boot->rollback && e->state == OTA_SLOT_NEW)
        OTA_TRY(write_state(l, (unsigned)active, OTA_SLOT_PENDING_VERIFY, err));
    if (boot->anti_rollback && e->state == OTA_SLOT_VALID)
        raise_secure_version(l, l->slot[*index]);
    return OTA_OK;
}

static enum ota_status choose(struct loader *l, int *index, struct ota_err *err) {
    const struct ota_boot_config *boot = &l->rom->board->boot;
    *index = FACTORY;
    if (!l->otadata)
        return OTA_OK;
    OTA_TRY(read_entries(l, err));
    if (boot->rollback)
        OTA_TRY(abort_unconfirmed(l, err));
    bool blank = says_nothing(&l->entry[0]) && says_nothing(&l->entry[1]);
    if (boot->anti_rollback && blank) {
        l->initial = true;
        return OTA_OK;
    }
    if (!boot->anti_rollback && ((ruled_out(&l->entry[0]) && ruled_out(&l->entry[1])) || l->slots == 0)) {
        *index = l->factory ? FACTORY : 0;
        l->initial = !l->factory && blank;
        return OTA_OK;
    }
    return choose_active(l, index, err);
}

/* ---- the app ------------------------------------------------------------------------------------------- */

static bool verifies(struct loader *l, const struct ota_partition *p) {
    const struct ota_board *b = l->rom->board;
    const struct ota_image_rules rules = {
        .chip = b->chip,
        .revision_known = true,
        .revision = b->revision,
        .room = p->size,
        .place = p->offset,
        .secure_boot = b->boot.secure_boot != 0,
        .secure_version_known = b->boot.anti_rollback,
        .secure_version = l->out->secure_version,
    };
    struct ota_err err;
    enum ota_status status = read_image(l->rom, p->offset, p->size, &l->out->image, &err);
    if (status == OTA_OK)
        status = ota_image_check_app(&l->out->image, p->size, &rules, &err);
    if (status == OTA_OK)
        status = check_signature(l->rom, p->offset, p->size, &l->out->image, &err);
    if (status == OTA_OK)
        return true;
    (void)ota_err_prefix(&err, "%s at 0x%x", p->label, (unsigned)p->offset);
    ota_log(l->rom->log, OTA_LOG_WARNING, "boot: %s", err.msg);
    if (l->why.code == OTA_OK || status == OTA_FLASH)
        l->why = err;
    return false;
}

/* Whether `p` is loaded. A slot that was found without help of otadata is written down there. */
static bool try_load(struct loader *l, const struct ota_partition *p, int index, enum ota_status *status,
                     struct ota_err *err) {
    if (*status != OTA_OK || !p || !verifies(l, p))
        return false;
    l->out->app = p;
    if (l->initial && index > FACTORY)
        *status = write_entry(l, 0, (uint32_t)index + 1u, OTA_SLOT_VALID, err);
    if (l->rom->board->boot.anti_rollback && l->initial)
        raise_secure_version(l, p);
    return true;
}

/* From the chosen one down to factory, then up, then the test app. */
static enum ota_status load(struct loader *l, int start, struct ota_err *err) {
    enum ota_status status = OTA_OK;
    for (int i = start; i > FACTORY; i--)
        if (try_load(l, l->slot[i], i, &status, err))
            return status;
    if (try_load(l, l->factory, FACTORY, &status, err))
        return status;
    for (int i = start + 1; i < (int)l->slots; i++)
        if (try_load(l, l->slot[i], i, &status, err))
            return status;
    if (try_load(l, l->test, FACTORY, &status, err))
        return status;
    if (l->why.code == OTA_FLASH) {
        *err = l->why;
        return OTA_FLASH;
    }
    return ota_err_set(err, OTA_NO_BOOT, "the board does not boot: no app verifies (%s)",
                       l->why.msg[0] ? l->why.msg : "the table has no app partition");
}

enum ota_status ota_rom_start(const struct ota_rom *rom, struct ota_rom_boot *out, struct ota_err *err) {
    struct loader l = {.rom = rom, .out = out};
    int index;
    memset(out, 0, sizeof *out);
    out->secure_version = rom->board->secure_version;
    OTA_TRY(start_bootloader(rom, out, err));
    OTA_TRY(read_table(rom, out, err));
    find_partitions(&l);
    OTA_TRY(choose(&l, &index, err));
    OTA_TRY(load(&l, index, err));
    ota_log(rom->log, OTA_LOG_INFO, "boot: %s %s runs from %s at 0x%x", out->image.app.project, out->image.app.version,
            out->app->label, (unsigned)out->app->offset);
    return OTA_OK;
}
