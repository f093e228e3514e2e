/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and rewriting otadata from the app. Slots are counted as the app API does: without a hole from ota_0. */
#include "sim/otaops.h"

#include "sim/window.h"

static const struct ota_flash *flash_of(const struct ota_otaops *o) {
    return &o->board->nor.port;
}

/* ---- otadata ------------------------------------------------------------------------------------------- */

struct otadata {
    uint32_t at;
    struct ota_otadata_entry entry[2];
    int active;
};

static enum ota_status read_otadata(const struct ota_otaops *o, struct otadata *out, struct ota_err *err) {
    const struct ota_partition *p = ota_table_by_type(o->table, OTA_PART_DATA, OTA_DATA_OTA);
    const struct ota_flash *f = flash_of(o);
    uint8_t bytes[OTA_OTADATA_ENTRY];
    if (!p || p->size < OTA_OTADATA_SIZE)
        return ota_err_set(err, OTA_NOT_FOUND, "the partition table has no otadata");
    out->at = p->offset;
    for (unsigned i = 0; i < 2; i++) {
        OTA_TRY(f->read(f->ctx, p->offset + i * OTA_SECTOR, bytes, sizeof bytes, err));
        ota_otadata_decode(bytes, &out->entry[i]);
    }
    out->active = ota_otadata_active(out->entry);
    return OTA_OK;
}

static enum ota_status write_entry(const struct ota_otaops *o, const struct otadata *d, unsigned index, uint32_t seq,
                                   enum ota_slot_state state, struct ota_err *err) {
    const struct ota_flash *f = flash_of(o);
    uint8_t bytes[OTA_OTADATA_ENTRY];
    ota_otadata_encode(seq, state, bytes);
    OTA_TRY(f->erase(f->ctx, d->at + index * OTA_SECTOR, OTA_SECTOR, err));
    return f->write(f->ctx, d->at + index * OTA_SECTOR, bytes, sizeof bytes, err);
}

static const struct ota_partition *app_at(const struct ota_otaops *o, uint32_t offset) {
    for (size_t i = 0; i < o->table->count; i++)
        if (o->table->row[i].type == OTA_PART_APP && o->table->row[i].offset == offset)
            return &o->table->row[i];
    return NULL;
}

/* Index among the slots, or -1. */
static int slot_of(const struct ota_otaops *o, const struct ota_partition *p) {
    size_t count = ota_table_slot_count(o->table);
    for (size_t i = 0; p && i < count; i++)
        if (ota_table_slot(o->table, i) == p)
            return (int)i;
    return -1;
}

static uint32_t slot_count(const struct ota_otaops *o) {
    return (uint32_t)ota_table_slot_count(o->table);
}

static bool selects(const struct ota_otaops *o, const struct ota_otadata_entry *e, int slot) {
    return slot >= 0 && e->seq != UINT32_MAX && e->crc_ok && ota_otadata_slot(e->seq, slot_count(o)) == (uint32_t)slot;
}

/* ---- images -------------------------------------------------------------------------------------------- */

static enum ota_status check_signature(const struct ota_otaops *o, const struct ota_partition *p,
                                       const struct ota_image *image, struct ota_err *err) {
    const struct ota_efuse *e = &o->board->efuse;
    struct ota_window w;
    const struct ota_source src = ota_window_source(&w, flash_of(o), p->offset, p->size);
    if (e->boot.secure_boot != 2)
        return OTA_OK;
    return ota_secure_boot_check(e->chip, &e->keys, &src, image->length, err);
}

static enum ota_status verify(const struct ota_otaops *o, const struct ota_partition *p, struct ota_image *image,
                              struct ota_err *err) {
    const struct ota_efuse *e = &o->board->efuse;
    const struct ota_image_rules rules = {
        .chip = e->chip,
        .revision_known = true,
        .revision = e->revision,
        .room = p->size,
        .secure_boot = e->boot.secure_boot != 0,
    };
    enum ota_status status = ota_window_image(flash_of(o), o->crypto, p->offset, p->size, image, err);
    if (status == OTA_OK)
        status = ota_image_check_app(image, p->size, &rules, err);
    if (status == OTA_OK)
        status = check_signature(o, p, image, err);
    return status == OTA_OK ? OTA_OK : ota_err_prefix(err, "%s", p->label);
}

/* Wherever it waits: the bytes are judged, not the place. */
static enum ota_status ops_verify(void *ctx, uint32_t offset, uint32_t length, enum ota_kind kind,
                                  struct ota_err *err) {
    const struct ota_otaops *o = ctx;
    const struct ota_efuse *e = &o->board->efuse;
    struct ota_window w;
    const struct ota_source src = ota_window_source(&w, flash_of(o), offset, length);
    struct ota_image image;
    (void)kind;
    OTA_TRY(ota_image_read(&src, o->crypto, &image, err));
    if (e->boot.secure_boot != 2)
        return OTA_OK;
    return ota_secure_boot_check(e->chip, &e->keys, &src, image.length, err);
}

static bool secure_version_too_low(const struct ota_otaops *o, const struct ota_image *image) {
    const struct ota_efuse *e = &o->board->efuse;
    return e->boot.anti_rollback && image->app.secure_version < e->secure_version;
}

/* ---- port ---------------------------------------------------------------------------------------------- */

static enum ota_status ops_running(void *ctx, uint32_t *offset, struct ota_err *err) {
    const struct ota_otaops *o = ctx;
    (void)err;
    *offset = o->running->offset;
    return OTA_OK;
}

static enum ota_status ops_state(void *ctx, uint32_t offset, enum ota_slot_state *state, bool *has_entry,
                                 struct ota_err *err) {
    const struct ota_otaops *o = ctx;
    int slot = slot_of(o, app_at(o, offset));
    struct otadata d;
    *state = OTA_SLOT_UNDEFINED;
    *has_entry = false;
    if (slot < 0 || !ota_table_by_type(o->table, OTA_PART_DATA, OTA_DATA_OTA))
        return OTA_OK; /* factory and test have none */
    OTA_TRY(read_otadata(o, &d, err));
    for (int i = 0; i < 2; i++) {
        if (!selects(o, &d.entry[i], slot) || (*has_entry && d.active != i))
            continue;
        *state = d.entry[i].state;
        *has_entry = true;
    }
    return OTA_OK;
}

static enum ota_status erase_rejected(const struct ota_otaops *o, const struct ota_partition *p,
                                      const struct ota_image *image, struct ota_err *err) {
    const struct ota_flash *f = flash_of(o);
    OTA_TRY(f->erase(f->ctx, p->offset, p->size, err));
    return ota_err_set(err, OTA_SECURE_VERSION, "%s: secure version %u is below the board's %u: it was erased",
                       p->label, (unsigned)image->app.secure_version, (unsigned)o->board->efuse.secure_version);
}

static enum ota_status select_slot(const struct ota_otaops *o, uint32_t slot, struct ota_err *err) {
    enum ota_slot_state state = o->board->efuse.boot.rollback ? OTA_SLOT_NEW : OTA_SLOT_UNDEFINED;
    struct otadata d;
    OTA_TRY(read_otadata(o, &d, err));
    if (d.active < 0)
        return write_entry(o, &d, 0, slot + 1, state, err);
    const struct ota_otadata_entry *active = &d.entry[d.active];
    if (ota_otadata_slot(active->seq, slot_count(o)) == slot)
        return write_entry(o, &d, (unsigned)d.active, active->seq, state, err);
    uint32_t seq = ota_otadata_next_seq(active->seq, slot, slot_count(o));
    if (seq == 0)
        return ota_err_set(err, OTA_UNSUPPORTED, "otadata has used up its sequence numbers: erase it by cable");
    return write_entry(o, &d, 1u - (unsigned)d.active, seq, state, err);
}

static enum ota_status ops_activate(void *ctx, uint32_t offset, struct ota_err *err) {
    const struct ota_otaops *o = ctx;
    const struct ota_partition *p = app_at(o, offset);
    const struct ota_flash *f = flash_of(o);
    struct ota_image image;
    struct otadata d;
    int slot = slot_of(o, p);
    if (!p || (slot < 0 && p->subtype != OTA_APP_FACTORY))
        return ota_err_set(err, OTA_ARGUMENT, "0x%x is no app slot that otadata can select", (unsigned)offset);
    OTA_TRY(verify(o, p, &image, err));
    if (slot < 0) {
        OTA_TRY(read_otadata(o, &d, err));
        return f->erase(f->ctx, d.at, OTA_OTADATA_SIZE, err);
    }
    if (secure_version_too_low(o, &image))
        return erase_rejected(o, p, &image, err);
    return select_slot(o, (uint32_t)slot, err);
}

/* The trap: the call itself would mark whatever the active entry names. */
static enum ota_status check_active_is_running(const struct ota_otaops *o, const struct otadata *d,
                                               struct ota_err *err) {
    if (d->active < 0)
        return ota_err_set(err, OTA_ROLLED_BACK, "otadata has no active entry; %s runs without one", o->running->label);
    if (!selects(o, &d->entry[d->active], slot_of(o, o->running)))
        return ota_err_set(err, OTA_ROLLED_BACK, "otadata selects slot %u, but %s runs",
                           (unsigned)ota_otadata_slot(d->entry[d->active].seq, slot_count(o)), o->running->label);
    return OTA_OK;
}

static enum ota_status ops_confirm(void *ctx, struct ota_err *err) {
    const struct ota_otaops *o = ctx;
    const struct ota_boot_config *boot = &o->board->efuse.boot;
    struct ota_image image;
    struct otadata d;
    OTA_TRY(read_otadata(o, &d, err));
    OTA_TRY(check_active_is_running(o, &d, err));
    const struct ota_otadata_entry *active = &d.entry[d.active];
    if (active->state != OTA_SLOT_VALID)
        OTA_TRY(write_entry(o, &d, (unsigned)d.active, active->seq, OTA_SLOT_VALID, err));
    if (!boot->anti_rollback)
        return OTA_OK;
    OTA_TRY(verify(o, o->running, &image, err));
    return ota_virtual_board_burn(o->board, image.app.secure_version, err);
}

/* What would boot once the active entry is INVALID: the slot of the other one, else factory. */
static enum ota_status check_rollback_possible(const struct ota_otaops *o, const struct otadata *d,
                                               struct ota_err *err) {
    const struct ota_otadata_entry *other = &d->entry[1 - d->active];
    const struct ota_partition *p = ota_otadata_usable(other)
                                        ? ota_table_slot(o->table, ota_otadata_slot(other->seq, slot_count(o)))
                                        : ota_table_by_type(o->table, OTA_PART_APP, OTA_APP_FACTORY);
    struct ota_image image;
    if (!p)
        return ota_err_set(err, OTA_NO_BOOT, "otadata names no other app and the table has no factory app");
    if (verify(o, p, &image, err) != OTA_OK || secure_version_too_low(o, &image)) {
        if (err->code == OTA_FLASH)
            return OTA_FLASH;
        return ota_err_set(err, OTA_NO_BOOT, "%s could not boot instead", p->label);
    }
    return OTA_OK;
}

static enum ota_status ops_invalidate(void *ctx, struct ota_err *err) {
    const struct ota_otaops *o = ctx;
    struct otadata d;
    OTA_TRY(read_otadata(o, &d, err));
    OTA_TRY(check_active_is_running(o, &d, err));
    OTA_TRY(check_rollback_possible(o, &d, err));
    return write_entry(o, &d, (unsigned)d.active, d.entry[d.active].seq, OTA_SLOT_INVALID, err);
}

void ota_otaops_init(struct ota_otaops *o, struct ota_virtual_board *board, const struct ota_crypto *crypto,
                     const struct ota_table *table, const struct ota_partition *running) {
    *o = (struct ota_otaops){.board = board, .crypto = crypto, .table = table, .running = running};
    o->port = (struct ota_boot_port){
        .ctx = o,
        .running = ops_running,
        .state = ops_state,
        .activate = ops_activate,
        .confirm = ops_confirm,
        .verify = ops_verify,
        .invalidate = ops_invalidate,
    };
}
