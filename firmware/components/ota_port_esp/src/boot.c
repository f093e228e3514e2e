/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slot selection over esp_ota_ops, whose calls act on otadata's active entry, whatever app runs: it is read here before and after
 * each of them. esp_ota_begin() is not used, for it erases the entry of the app one could go back to.
 */
#include "esp_image_format.h"
#include "esp_ota_ops.h"
#include "failed.h"
#include "image_check.h"
#include "ota_esp_ports.h"
#include "sdkconfig.h"

#ifdef CONFIG_BOOTLOADER_APP_ROLLBACK_CONFIRM_ON_STARTUP
#error "ESP-IDF would confirm a new app at start-up, working or not: choose BOOTLOADER_APP_ROLLBACK_CONFIRM_BY_APP"
#endif

#ifdef CONFIG_BOOTLOADER_APP_ANTI_ROLLBACK
#include "esp_efuse.h"
#endif

#if defined(CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE) || defined(CONFIG_BOOTLOADER_APP_ROLLBACK_CONFIRM_BY_APP)
#define STATE_OF_A_NEW_APP OTA_SLOT_NEW
#else
#define STATE_OF_A_NEW_APP OTA_SLOT_UNDEFINED
#endif

/* ---- partitions ---------------------------------------------------------------------------------------- */

static const esp_partition_t *app_at(uint32_t offset) {
    esp_partition_iterator_t it = esp_partition_find(ESP_PARTITION_TYPE_APP, ESP_PARTITION_SUBTYPE_ANY, NULL);
    for (; it; it = esp_partition_next(it)) {
        const esp_partition_t *p = esp_partition_get(it);
        if (p->address != offset)
            continue;
        esp_partition_iterator_release(it);
        return p;
    }
    return NULL;
}

/* Without a hole from ota_0, as esp_ota_ops counts; 0 also for a table without slots. */
static uint32_t slot_count(void) {
    return esp_ota_get_app_partition_count();
}

/* Index among the slots, or -1: factory, test, or behind a hole. To esp_ota_set_boot_partition() test would be ota_0. */
static int slot_of(const esp_partition_t *p) {
    if (!p || p->subtype < ESP_PARTITION_SUBTYPE_APP_OTA_0 || p->subtype >= ESP_PARTITION_SUBTYPE_APP_OTA_MAX)
        return -1;
    const uint32_t index = (uint32_t)(p->subtype - ESP_PARTITION_SUBTYPE_APP_OTA_0);
    return index < slot_count() ? (int)index : -1;
}

/* ---- otadata ------------------------------------------------------------------------------------------- */

struct otadata {
    const esp_partition_t *row;
    struct ota_otadata_entry entry[2];
    int active; /* -1: none */
};

static const esp_partition_t *otadata_row(void) {
    return esp_partition_find_first(ESP_PARTITION_TYPE_DATA, ESP_PARTITION_SUBTYPE_DATA_OTA, NULL);
}

static enum ota_status read_otadata(struct otadata *out, struct ota_err *err) {
    uint8_t bytes[OTA_OTADATA_ENTRY];
    out->row = otadata_row();
    if (!out->row || out->row->size < OTA_OTADATA_SIZE)
        return ota_err_set(err, OTA_NOT_FOUND, "the partition table has no otadata of 0x%x bytes", OTA_OTADATA_SIZE);
    for (unsigned i = 0; i < 2; i++) {
        esp_err_t rc = esp_partition_read(out->row, i * OTA_SECTOR, bytes, sizeof bytes);
        if (rc != ESP_OK)
            return ota_esp_failed(err, OTA_FLASH, rc, "otadata cannot be read");
        ota_otadata_decode(bytes, &out->entry[i]);
    }
    out->active = ota_otadata_active(out->entry);
    return OTA_OK;
}

/* As esp_ota_ops writes: the sector is erased first, and a power cut between loses the entry. */
static enum ota_status write_entry(const struct otadata *d, unsigned index, uint32_t seq, enum ota_slot_state state,
                                   struct ota_err *err) {
    uint8_t bytes[OTA_OTADATA_ENTRY];
    ota_otadata_encode(seq, state, bytes);
    esp_err_t rc = esp_partition_erase_range(d->row, index * OTA_SECTOR, OTA_SECTOR);
    if (rc == ESP_OK)
        rc = esp_partition_write(d->row, index * OTA_SECTOR, bytes, sizeof bytes);
    return rc == ESP_OK ? OTA_OK : ota_esp_failed(err, OTA_FLASH, rc, "otadata cannot be written");
}

static bool selects(const struct ota_otadata_entry *e, int slot) {
    return slot >= 0 && e->seq != UINT32_MAX && e->crc_ok && ota_otadata_slot(e->seq, slot_count()) == (uint32_t)slot;
}

/* What was asked of esp_ota_ops is what the bootloader will find. */
static enum ota_status check_written(int slot, enum ota_slot_state state, struct ota_err *err) {
    struct otadata d;
    OTA_TRY(read_otadata(&d, err));
    for (int i = 0; i < 2; i++)
        if (selects(&d.entry[i], slot) && d.entry[i].state == state && (d.active == i || state == OTA_SLOT_INVALID))
            return OTA_OK;
    return ota_err_set(err, OTA_READBACK, "otadata does not say that slot %d is %s", slot, ota_slot_state_name(state));
}

/* ---- port: what is ------------------------------------------------------------------------------------- */

static enum ota_status boot_running(void *ctx, uint32_t *offset, struct ota_err *err) {
    (void)ctx;
    (void)err;
    *offset = esp_ota_get_running_partition()->address;
    return OTA_OK;
}

/* Not esp_ota_get_state_partition(): of two entries of one slot it takes the first, which need not be the active one. */
static enum ota_status boot_state(void *ctx, uint32_t offset, enum ota_slot_state *state, bool *has_entry,
                                  struct ota_err *err) {
    const int slot = slot_of(app_at(offset));
    struct otadata d;
    (void)ctx;
    *state = OTA_SLOT_UNDEFINED;
    *has_entry = false;
    if (slot < 0 || !otadata_row())
        return OTA_OK; /* factory and test have none */
    OTA_TRY(read_otadata(&d, err));
    for (int i = 0; i < 2; i++) {
        if (!selects(&d.entry[i], slot) || (*has_entry && d.active != i))
            continue;
        *state = d.entry[i].state;
        *has_entry = true;
    }
    return OTA_OK;
}

static enum ota_status boot_verify(void *ctx, uint32_t offset, uint32_t length, enum ota_kind kind,
                                   struct ota_err *err) {
    (void)ctx;
    return ota_esp_image_check(offset, length, kind, err);
}

/* ---- port: activate ------------------------------------------------------------------------------------ */

/* esp_ota_set_boot_partition() would erase the app, not only refuse it. */
static enum ota_status check_secure_version(const esp_partition_t *p, struct ota_err *err) {
#ifdef CONFIG_BOOTLOADER_APP_ANTI_ROLLBACK
    esp_app_desc_t desc;
    esp_err_t rc = esp_ota_get_partition_description(p, &desc);
    if (rc != ESP_OK)
        return ota_esp_failed(err, OTA_IMAGE_DESCRIPTOR, rc, "%s has no app descriptor", p->label);
    if (!esp_efuse_check_secure_version(desc.secure_version))
        return ota_err_set(err, OTA_SECURE_VERSION, "%s: secure version %u is below the board's %u", p->label,
                           (unsigned)desc.secure_version, (unsigned)esp_efuse_read_secure_version());
#else
    (void)p;
    (void)err;
#endif
    return OTA_OK;
}

static enum ota_status set_boot_partition(const esp_partition_t *p, struct ota_err *err) {
    esp_err_t rc = esp_ota_set_boot_partition(p);
    if (rc == ESP_OK)
        return OTA_OK;
    if (rc == ESP_ERR_OTA_VALIDATE_FAILED)
        return ota_esp_image_refused(p->label, err);
    return ota_esp_failed(err, rc == ESP_ERR_OTA_SMALL_SEC_VER ? OTA_SECURE_VERSION : OTA_FLASH, rc,
                          "%s cannot be selected", p->label);
}

/* The active entry names the slot already. 5.5 would write its sequence into the other sector, where it loses against an equal one,
 * and the entry of the app one could go back to would be gone. */
static enum ota_status select_again(const esp_partition_t *p, const struct otadata *d, struct ota_err *err) {
    const esp_partition_pos_t pos = {.offset = p->address, .size = p->size};
    esp_image_metadata_t data;
    if (esp_image_verify(ESP_IMAGE_VERIFY, &pos, &data) != ESP_OK)
        return ota_esp_image_refused(p->label, err);
    return write_entry(d, (unsigned)d->active, d->entry[d->active].seq, STATE_OF_A_NEW_APP, err);
}

static enum ota_status select_slot(const esp_partition_t *p, int slot, const struct otadata *d, struct ota_err *err) {
    OTA_TRY(check_secure_version(p, err));
    if (d->active >= 0 && selects(&d->entry[d->active], slot))
        return select_again(p, d, err);
    const uint32_t seq = d->active >= 0 ? d->entry[d->active].seq : 0;
    if (ota_otadata_next_seq(seq, (uint32_t)slot, slot_count()) == 0) /* ESP-IDF would look for one forever */
        return ota_err_set(err, OTA_UNSUPPORTED, "otadata has used up its sequence numbers: erase it by cable");
    return set_boot_partition(p, err);
}

static enum ota_status boot_activate(void *ctx, uint32_t offset, struct ota_err *err) {
    const esp_partition_t *p = app_at(offset);
    const int slot = slot_of(p);
    struct otadata d;
    (void)ctx;
    if (!p || (slot < 0 && p->subtype != ESP_PARTITION_SUBTYPE_APP_FACTORY))
        return ota_err_set(err, OTA_ARGUMENT, "0x%x is no app slot that otadata can select", (unsigned)offset);
    OTA_TRY(read_otadata(&d, err));
    if (slot < 0)
        return set_boot_partition(p, err);
    OTA_TRY(select_slot(p, slot, &d, err));
    return check_written(slot, STATE_OF_A_NEW_APP, err);
}

/* ---- port: confirm and invalidate ---------------------------------------------------------------------- */

static enum ota_status check_active_is_running(struct otadata *d, int *slot, struct ota_err *err) {
    const esp_partition_t *running = esp_ota_get_running_partition();
    *slot = slot_of(running);
    OTA_TRY(read_otadata(d, err));
    if (d->active < 0)
        return ota_err_set(err, OTA_ROLLED_BACK, "otadata has no active entry; %s runs without one", running->label);
    if (!selects(&d->entry[d->active], *slot))
        return ota_err_set(err, OTA_ROLLED_BACK, "otadata selects slot %u, but %s runs",
                           (unsigned)ota_otadata_slot(d->entry[d->active].seq, slot_count()), running->label);
    return OTA_OK;
}

static enum ota_status boot_confirm(void *ctx, struct ota_err *err) {
    struct otadata d;
    int slot;
    (void)ctx;
    OTA_TRY(check_active_is_running(&d, &slot, err));
    esp_err_t rc = esp_ota_mark_app_valid_cancel_rollback();
    if (rc != ESP_OK)
        return ota_esp_failed(err, OTA_FLASH, rc, "the running app cannot be marked valid");
    return check_written(slot, OTA_SLOT_VALID, err);
}

static enum ota_status boot_invalidate(void *ctx, struct ota_err *err) {
    struct otadata d;
    int slot;
    (void)ctx;
    OTA_TRY(check_active_is_running(&d, &slot, err));
    esp_err_t rc = esp_ota_mark_app_invalid_rollback(); /* it looks for another app first */
    if (rc == ESP_ERR_OTA_ROLLBACK_FAILED)
        return ota_err_set(err, OTA_NO_BOOT, "otadata names no other app that could boot, nor is there a factory app");
    if (rc != ESP_OK)
        return ota_esp_failed(err, OTA_FLASH, rc, "the running app cannot be marked invalid");
    return check_written(slot, OTA_SLOT_INVALID, err);
}

const struct ota_boot_port ota_esp_boot_port = {
    .running = boot_running,
    .state = boot_state,
    .activate = boot_activate,
    .confirm = boot_confirm,
    .verify = boot_verify,
    .invalidate = boot_invalidate,
};
