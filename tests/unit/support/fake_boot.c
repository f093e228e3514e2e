/* SPDX-License-Identifier: Apache-2.0 */
/* ROM and bootloader of the board under test. Source: ESP-IDF bootloader_utility.c, esp_ota_ops.c. */
#include "fake_boot.h"

#include <string.h>

#include "unit.h"

#include "fake_chip.h"
#include "host/crypto.h"

static const uint32_t slots[2] = {FAKE_SLOT_0, FAKE_SLOT_1};

/* ---- otadata ------------------------------------------------------------------------------------------- */

static void read_entries(const struct fake_board *b, struct ota_otadata_entry e[2]) {
    for (unsigned i = 0; i < 2; i++)
        ota_otadata_decode(b->flash + FAKE_OTADATA + i * OTA_SECTOR, &e[i]);
}

/* By the bootloader: beyond the test's plug. */
static void boot_write(struct fake_board *b, unsigned sector, uint32_t seq, enum ota_slot_state state) {
    memset(b->flash + FAKE_OTADATA + sector * OTA_SECTOR, 0xFF, OTA_SECTOR);
    ota_otadata_encode(seq, state, b->flash + FAKE_OTADATA + sector * OTA_SECTOR);
}

/* By the app: two operations, power may go between them. */
static enum ota_status app_write(struct fake_board *b, unsigned sector, uint32_t seq, enum ota_slot_state state,
                                 struct ota_err *err) {
    const struct ota_flash *f = &b->flash_port;
    uint8_t entry[OTA_OTADATA_ENTRY];
    ota_otadata_encode(seq, state, entry);
    OTA_TRY(f->erase(f->ctx, FAKE_OTADATA + sector * OTA_SECTOR, OTA_SECTOR, err));
    return f->write(f->ctx, FAKE_OTADATA + sector * OTA_SECTOR, entry, sizeof entry, err);
}

/* ---- images -------------------------------------------------------------------------------------------- */

struct window {
    const struct fake_board *b;
    uint32_t offset;
};

static enum ota_status read_window(void *ctx, uint64_t off, void *p, size_t n, struct ota_err *err) {
    const struct window *w = ctx;
    (void)err;
    memcpy(p, w->b->flash + w->offset + off, n);
    return OTA_OK;
}

static bool image_valid(const struct fake_board *b, uint32_t offset, uint32_t size) {
    struct window w = {b, offset};
    struct ota_source src = {.ctx = &w, .size = size, .read = read_window};
    struct ota_image image;
    struct ota_err err;
    return ota_image_read(&src, &ota_crypto_openssl, &image, &err) == OTA_OK && image.checksum_ok &&
           image.hash_appended && image.hash_ok;
}

static bool table_valid(const struct fake_board *b) {
    struct ota_table table;
    struct ota_err err;
    struct ota_span bytes = {b->flash + FAKE_TABLE_OFFSET, OTA_TABLE_LENGTH};
    return ota_table_read(bytes, &ota_crypto_openssl, &table, &err) == OTA_OK && table.has_md5 && table.md5_ok;
}

bool fake_board_boot(struct fake_board *b) {
    struct ota_otadata_entry e[2];
    b->off = false;
    b->uptime_ms = 0;
    if (b->reset)
        return b->reset(b);
    if (b->chip)
        return fake_chip_boot(b->chip, b);
    bool rom =
        image_valid(b, 0, FAKE_TABLE_OFFSET) || (b->recovery && image_valid(b, FAKE_RECOVERY, FAKE_TABLE_OFFSET));
    if (!rom || !table_valid(b))
        return false;
    read_entries(b, e);
    for (unsigned i = 0; i < 2; i++)
        if (e[i].crc_ok && e[i].seq != UINT32_MAX && e[i].state == OTA_SLOT_PENDING_VERIFY)
            boot_write(b, i, e[i].seq, OTA_SLOT_ABORTED);
    read_entries(b, e);
    int active = ota_otadata_active(e);
    bool factory = b->factory && image_valid(b, FAKE_FACTORY, FAKE_FACTORY_SIZE);
    if (active < 0 && factory) {
        b->running = FAKE_FACTORY;
        return true;
    }
    unsigned slot = active >= 0 ? ota_otadata_slot(e[active].seq, 2) : 0;
    if (!image_valid(b, slots[slot], 0x180000)) {
        slot = 1 - slot;
        active = -1;
        if (!image_valid(b, slots[slot], 0x180000)) {
            b->running = FAKE_FACTORY;
            return factory;
        }
    }
    if (active >= 0 && e[active].state == OTA_SLOT_NEW && !b->no_rollback)
        boot_write(b, (unsigned)active, e[active].seq, OTA_SLOT_PENDING_VERIFY);
    b->running = slots[slot];
    return true;
}

/* ---- esp_ota_ops --------------------------------------------------------------------------------------- */

static enum ota_status running(void *ctx, uint32_t *offset, struct ota_err *err) {
    (void)err;
    *offset = ((const struct fake_board *)ctx)->running;
    return OTA_OK;
}

/* The newest entry that names the slot, usable or not. */
static enum ota_status state(void *ctx, uint32_t offset, enum ota_slot_state *out, bool *has_entry,
                             struct ota_err *err) {
    const struct fake_board *b = ctx;
    struct ota_otadata_entry e[2];
    uint32_t newest = 0;
    (void)err;
    read_entries(b, e);
    *has_entry = false;
    *out = OTA_SLOT_UNDEFINED;
    for (unsigned i = 0; i < 2; i++) {
        if (!e[i].crc_ok || e[i].seq == UINT32_MAX || slots[ota_otadata_slot(e[i].seq, 2)] != offset ||
            e[i].seq < newest)
            continue;
        newest = e[i].seq;
        *has_entry = true;
        *out = e[i].state;
    }
    return OTA_OK;
}

static enum ota_status activate(void *ctx, uint32_t offset, struct ota_err *err) {
    struct fake_board *b = ctx;
    struct ota_otadata_entry e[2];
    unsigned slot = offset == slots[1];
    if (b->off)
        return ota_err_set(err, OTA_FLASH, "no power");
    if (!image_valid(b, offset, 0x180000))
        return ota_err_set(err, OTA_IMAGE_HASH, "slot at 0x%x does not hold a valid image", offset);
    read_entries(b, e);
    int active = ota_otadata_active(e);
    if (active < 0)
        return app_write(b, 0, slot + 1, OTA_SLOT_NEW, err);
    uint32_t seq = ota_otadata_next_seq(e[active].seq, slot, 2);
    return app_write(b, 1u - (unsigned)active, seq, OTA_SLOT_NEW, err);
}

static enum ota_status mark(struct fake_board *b, enum ota_slot_state as, struct ota_err *err) {
    struct ota_otadata_entry e[2];
    read_entries(b, e);
    int active = ota_otadata_active(e);
    if (active < 0 || slots[ota_otadata_slot(e[active].seq, 2)] != b->running)
        return ota_err_set(err, OTA_NO_BOOT, "the active entry is not the running app's");
    return app_write(b, (unsigned)active, e[active].seq, as, err);
}

static enum ota_status confirm(void *ctx, struct ota_err *err) {
    return mark(ctx, OTA_SLOT_VALID, err);
}

static enum ota_status invalidate(void *ctx, struct ota_err *err) {
    struct fake_board *b = ctx;
    if (!image_valid(b, b->running == slots[0] ? slots[1] : slots[0], 0x180000))
        return ota_err_set(err, OTA_NO_BOOT, "the other slot does not boot");
    return mark(b, OTA_SLOT_INVALID, err);
}

struct ota_boot_port fake_boot_port(struct fake_board *b) {
    return (struct ota_boot_port){.ctx = b,
                                  .running = running,
                                  .state = state,
                                  .activate = activate,
                                  .confirm = confirm,
                                  .invalidate = invalidate};
}
