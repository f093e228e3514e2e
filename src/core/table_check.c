/* SPDX-License-Identifier: Apache-2.0 */
/*
 * May a table be served and booted, may it replace another, may a partition be written. Source: ESP-IDF
 * gen_esp32part.py (verify), flash_partitions.c, docs partition-tables.rst. The device repeats only the MD5 and the
 * flash size.
 */
#include "ota/table.h"

#include "ota/agent.h"

#include <string.h>

#define APP_ALIGN 0x10000u
#define NVS_WRITABLE_MIN 0x3000u

static bool is(const struct ota_partition *p, uint8_t type, uint8_t subtype) {
    return p->type == type && p->subtype == subtype;
}

static bool is_slot(const struct ota_partition *p) {
    return p->type == OTA_PART_APP && p->subtype >= OTA_APP_OTA_0 && p->subtype <= OTA_APP_OTA_15;
}

/* The rows that say where bootloader and table themselves are; they lie outside the running order. */
static bool is_primary(const struct ota_partition *p) {
    return is(p, OTA_PART_BOOTLOADER, OTA_BOOT_PRIMARY) || is(p, OTA_PART_TABLE, OTA_BOOT_PRIMARY);
}

static uint64_t end_of(const struct ota_partition *p) {
    return (uint64_t)p->offset + p->size;
}

static enum ota_status check_place(const struct ota_partition *p, uint32_t flash_size, struct ota_err *err) {
    uint32_t align = p->type == OTA_PART_APP ? APP_ALIGN : OTA_SECTOR;
    if (p->offset % align != 0)
        return ota_err_set(err, OTA_TABLE_LAYOUT, "offset 0x%x is not a multiple of 0x%x", (unsigned)p->offset,
                           (unsigned)align);
    if (p->size == 0)
        return ota_err_set(err, OTA_TABLE_LAYOUT, "its size is 0");
    if (p->type == OTA_PART_APP && p->size % OTA_SECTOR != 0)
        return ota_err_set(err, OTA_TABLE_LAYOUT, "size 0x%x of an app partition is not a multiple of 0x%x",
                           (unsigned)p->size, OTA_SECTOR);
    if (end_of(p) > UINT32_MAX || (flash_size && end_of(p) > flash_size))
        return ota_err_set(err, OTA_TABLE_LAYOUT, "ends at 0x%llx, beyond the flash", (unsigned long long)end_of(p));
    return OTA_OK;
}

static enum ota_status check_use(const struct ota_partition *p, struct ota_err *err) {
    bool readonly = (p->flags & OTA_FLAG_READONLY) != 0;
    bool otadata = is(p, OTA_PART_DATA, OTA_DATA_OTA) || is(p, OTA_PART_DATA, OTA_DATA_TEE_OTA);
    if (p->type > OTA_PART_TABLE && p->type < OTA_PART_SECURE_CERT)
        return ota_err_set(err, OTA_TABLE_LAYOUT, "type 0x%02x is reserved; custom types begin at 0x40", p->type);
    if (otadata && p->size != 0x2000u)
        return ota_err_set(err, OTA_TABLE_LAYOUT, "otadata has 0x%x bytes; it must have 0x2000", (unsigned)p->size);
    if (readonly && (otadata || is(p, OTA_PART_DATA, OTA_DATA_COREDUMP)))
        return ota_err_set(err, OTA_TABLE_LAYOUT, "otadata and coredump cannot be read-only");
    if (is(p, OTA_PART_DATA, OTA_DATA_NVS) && p->size < NVS_WRITABLE_MIN && !readonly)
        return ota_err_set(err, OTA_TABLE_LAYOUT, "an nvs partition under 0x%x bytes must be read-only",
                           NVS_WRITABLE_MIN);
    if (is(p, OTA_PART_DATA, OTA_DATA_NVS) && (p->flags & OTA_FLAG_ENCRYPTED))
        return ota_err_set(err, OTA_TABLE_LAYOUT, "nvs cannot carry the flag \"encrypted\"; it has its own encryption");
    return OTA_OK;
}

static enum ota_status check_order(const struct ota_table *t, size_t i, uint32_t table_offset, uint64_t *end,
                                   struct ota_err *err) {
    const struct ota_partition *p = &t->row[i];
    if (is_primary(p)) {
        if (p->type == OTA_PART_TABLE && table_offset && p->offset != table_offset)
            return ota_err_set(err, OTA_TABLE_LAYOUT, "says 0x%x; the table is at 0x%x", (unsigned)p->offset,
                               (unsigned)table_offset);
        if (p->type == OTA_PART_BOOTLOADER && table_offset && end_of(p) > table_offset)
            return ota_err_set(err, OTA_TABLE_LAYOUT, "the bootloader ends at 0x%llx, in the table at 0x%x",
                               (unsigned long long)end_of(p), (unsigned)table_offset);
        return OTA_OK;
    }
    if (table_offset && p->offset < table_offset + OTA_SECTOR)
        return ota_err_set(err, OTA_TABLE_LAYOUT, "offset 0x%x is below the end of the table's sector 0x%x",
                           (unsigned)p->offset, (unsigned)(table_offset + OTA_SECTOR));
    if (p->offset < *end)
        return ota_err_set(err, OTA_TABLE_LAYOUT,
                           "offset 0x%x overlaps or precedes what stands before it, which ends at 0x%llx",
                           (unsigned)p->offset, (unsigned long long)*end);
    *end = end_of(p);
    return OTA_OK;
}

static enum ota_status check_unique(const struct ota_table *t, size_t i, struct ota_err *err) {
    const struct ota_partition *p = &t->row[i];
    bool single = is_slot(p) || is_primary(p) || is(p, OTA_PART_DATA, OTA_DATA_OTA) ||
                  is(p, OTA_PART_APP, OTA_APP_FACTORY) || is(p, OTA_PART_APP, OTA_APP_TEST) ||
                  is(p, OTA_PART_DATA, OTA_DATA_TEE_OTA) || is(p, OTA_PART_BOOTLOADER, OTA_BOOT_RECOVERY);
    for (size_t n = 0; n < i; n++) {
        if (strcmp(t->row[n].label, p->label) == 0)
            return ota_err_set(err, OTA_TABLE_LAYOUT, "row %zu has the same label", n);
        if (single && is(&t->row[n], p->type, p->subtype))
            return ota_err_set(err, OTA_TABLE_LAYOUT,
                               "row %zu has the same type and subtype, of which there may be one", n);
    }
    return OTA_OK;
}

static enum ota_status check_row(const struct ota_table *t, size_t i, uint32_t table_offset, uint32_t flash_size,
                                 uint64_t *end, struct ota_err *err) {
    OTA_TRY(check_place(&t->row[i], flash_size, err));
    OTA_TRY(check_use(&t->row[i], err));
    OTA_TRY(check_order(t, i, table_offset, end, err));
    return check_unique(t, i, err);
}

/* Bootloader and app API count slots differently when numbering has a hole, and without otadata nothing can select
 * them. */
static enum ota_status check_apps(const struct ota_table *t, struct ota_err *err) {
    size_t apps = 0, slots = 0;
    for (size_t i = 0; i < t->count; i++) {
        apps += t->row[i].type == OTA_PART_APP;
        slots += is_slot(&t->row[i]);
    }
    if (apps == 0)
        return ota_err_set(err, OTA_TABLE_LAYOUT, "no app partition: nothing could boot");
    if (slots != ota_table_slot_count(t))
        return ota_err_set(err, OTA_TABLE_LAYOUT, "the ota_ slots are not numbered from ota_0 without a hole");
    if (slots && !ota_table_by_type(t, OTA_PART_DATA, OTA_DATA_OTA))
        return ota_err_set(err, OTA_TABLE_LAYOUT, "ota_ slots need an otadata partition");
    return OTA_OK;
}

enum ota_status ota_table_check(const struct ota_table *t, uint32_t table_offset, uint32_t flash_size,
                                struct ota_err *err) {
    if (!t->has_md5)
        return ota_err_set(err, OTA_TABLE_MD5, "the table has no MD5 row%s", t->has_end ? "" : " and no end marker");
    if (!t->md5_ok)
        return ota_err_set(err, OTA_TABLE_MD5, "the MD5 row does not match the rows: the table is damaged");
    if (!t->has_end)
        return ota_err_set(err, OTA_TABLE_FORMAT, "the table has no end marker");
    if (t->length != OTA_TABLE_LENGTH)
        return ota_err_set(err, OTA_TABLE_FORMAT, "%zu bytes; a partition table has exactly %u", t->length,
                           OTA_TABLE_LENGTH);
    if (t->count > OTA_TABLE_ROWS_WITH_MD5)
        return ota_err_set(err, OTA_TABLE_FORMAT, "%zu partitions; %u fit", t->count, OTA_TABLE_ROWS_WITH_MD5);
    uint64_t end = 0;
    for (size_t i = 0; i < t->count; i++) {
        const char *label = t->row[i].label;
        if (!ota_label_valid(ota_span_str(label)))
            return ota_err_set(err, OTA_TABLE_LAYOUT, "row %zu: its label is empty or not printable ASCII", i);
        if (check_row(t, i, table_offset, flash_size, &end, err) != OTA_OK)
            return ota_err_prefix(err, "row %zu (%s)", i, label);
    }
    return check_apps(t, err);
}

/* Partitions that hold what a board needs to boot, to be trusted or to find its way back. */
static bool must_stay(const struct ota_partition *p) {
    if (p->type == OTA_PART_APP || p->type == OTA_PART_SECURE_CERT || is_primary(p) ||
        is(p, OTA_PART_BOOTLOADER, OTA_BOOT_RECOVERY))
        return true;
    if (strcmp(p->label, OTA_STATE_LABEL) == 0 || strcmp(p->label, OTA_ID_LABEL) == 0)
        return true;
    return p->type == OTA_PART_DATA && (p->subtype <= OTA_DATA_NVS || p->subtype == OTA_DATA_NVS_KEYS ||
                                        p->subtype == OTA_DATA_EFUSE || p->subtype == OTA_DATA_TEE_OTA);
}

enum ota_status ota_table_check_change(const struct ota_table *now, const struct ota_table *next, struct ota_err *err) {
    for (size_t i = 0; i < now->count; i++) {
        const struct ota_partition *a = &now->row[i];
        if (!must_stay(a))
            continue;
        const struct ota_partition *b = ota_table_by_label(next, a->label);
        if (!b)
            return ota_err_set(err, OTA_TABLE_CHANGE, "%s is missing in the new table", a->label);
        if (a->offset != b->offset)
            return ota_err_set(err, OTA_TABLE_CHANGE, "%s moves from 0x%x to 0x%x", a->label, (unsigned)a->offset,
                               (unsigned)b->offset);
        if (b->size < a->size)
            return ota_err_set(err, OTA_TABLE_CHANGE, "%s shrinks from 0x%x to 0x%x bytes", a->label, (unsigned)a->size,
                               (unsigned)b->size);
        if (!is(b, a->type, a->subtype) || a->flags != b->flags)
            return ota_err_set(err, OTA_TABLE_CHANGE, "%s changes its type, subtype or flags", a->label);
    }
    /* otadata's sequence number selects a slot modulo their count. */
    if (ota_table_slot_count(now) != ota_table_slot_count(next))
        return ota_err_set(err, OTA_TABLE_CHANGE, "the number of ota_ slots changes from %zu to %zu",
                           ota_table_slot_count(now), ota_table_slot_count(next));
    return OTA_OK;
}

enum ota_status ota_table_updatable(const struct ota_partition *p, struct ota_err *err) {
    bool data = p->type == OTA_PART_DATA && p->subtype >= OTA_DATA_UNDEFINED && p->subtype != OTA_DATA_TEE_OTA;
    if (strcmp(p->label, OTA_STATE_LABEL) == 0 || strcmp(p->label, OTA_ID_LABEL) == 0)
        return ota_err_set(err, OTA_LABEL, "%s holds the board's trust and identity and is never part of a release",
                           p->label);
    if (!data && p->type < 0x40) {
        char type[8], subtype[8];
        return ota_err_set(err, OTA_LABEL, "%s (%s, %s) is never written as data by a release", p->label,
                           ota_partition_type_name(p, type), ota_partition_subtype_name(p, subtype));
    }
    if (p->flags & OTA_FLAG_READONLY)
        return ota_err_set(err, OTA_LABEL, "%s is read-only in the table", p->label);
    return OTA_OK;
}
