/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where an image may wait until ota_boot() copies it: a hole that no partition covers, else a partition labelled
 * `staging`, else the passive app slot (behind the app of the same release), which may be the only rollback target
 * and so comes last.
 */
#include <string.h>

#include "core/agent_private.h"

struct area {
    uint32_t start, end;
};

static bool is_slot(const struct ota_partition *p) {
    return p->type == OTA_PART_APP && p->subtype >= OTA_APP_OTA_0 && p->subtype <= OTA_APP_OTA_15;
}

enum ota_status ota_agent_passive_slot(const struct ota_agent *a, const struct ota_partition **slot,
                                       struct ota_err *err) {
    size_t count = ota_table_slot_count(&a->table);
    size_t next = 0, rows = 0;
    for (size_t i = 0; i < a->table.count; i++)
        rows += is_slot(&a->table.row[i]);
    if (rows != count)
        return ota_err_set(err, OTA_UNSUPPORTED,
                           "the app slots are not numbered ota_0, ota_1 ... without a hole: bootloader and app would "
                           "each count another slot; its app is updated by cable");
    for (size_t i = 0; i < count; i++)
        if (ota_table_slot(&a->table, i)->offset == a->running)
            next = (i + 1) % count;
    if (count == 0 || ota_table_slot(&a->table, next)->offset == a->running)
        return ota_err_set(err, OTA_UNSUPPORTED,
                           "the partition table has no second app slot (ota_0 and ota_1): its app is updated by cable");
    *slot = ota_table_slot(&a->table, next);
    return OTA_OK;
}

/* The eFuse's recovery bootloader is a partition in all but name. */
static bool recovery_range(const struct ota_agent *a, struct area *out) {
    if (!a->cfg.board.recovery)
        return false;
    out->start = a->cfg.board.recovery_offset;
    out->end = out->start + ota_agent_bootloader_room(a);
    return true;
}

bool ota_agent_covers_recovery(const struct ota_agent *a, uint32_t offset, uint32_t size) {
    struct area recovery;
    return recovery_range(a, &recovery) && offset < recovery.end && (uint64_t)offset + size > recovery.start;
}

/* The run from `start` to whatever comes next, if nothing covers `start`. */
static bool hole_at(const struct ota_agent *a, uint32_t start, struct area *out) {
    struct area recovery;
    uint32_t end = a->cfg.flash->size;
    if (start < a->cfg.board.table_offset + OTA_SECTOR)
        return false;
    for (size_t i = 0; i < a->table.count; i++) {
        const struct ota_partition *p = &a->table.row[i];
        if (start >= p->offset && start - p->offset < p->size)
            return false;
        if (p->offset >= start && p->offset < end)
            end = p->offset;
    }
    if (recovery_range(a, &recovery)) {
        if (start >= recovery.start && start < recovery.end)
            return false;
        if (recovery.start >= start && recovery.start < end)
            end = recovery.start;
    }
    *out = (struct area){start, end & ~(OTA_SECTOR - 1u)};
    return out->end > out->start;
}

/* Holes begin behind the table's sector, behind a row, or behind the recovery range. */
static bool hole(const struct ota_agent *a, size_t index, struct area *out) {
    struct area recovery;
    if (index == 0)
        return hole_at(a, a->cfg.board.table_offset + OTA_SECTOR, out);
    if (index <= a->table.count) {
        const struct ota_partition *p = &a->table.row[index - 1];
        return hole_at(a, ota_sector_up(p->offset + p->size), out);
    }
    return recovery_range(a, &recovery) && hole_at(a, ota_sector_up(recovery.end), out);
}

/* A release that installs something into `staging` itself cannot wait there. */
static bool staging_partition(const struct ota_agent *a, struct area *out) {
    const struct ota_partition *p = ota_table_by_label(&a->table, OTA_STAGING_LABEL);
    if (!p || p->type != OTA_PART_DATA)
        return false;
    for (size_t i = 0; i < a->journal.count; i++)
        if (strcmp(a->journal.step[i].image.label, OTA_STAGING_LABEL) == 0)
            return false;
    *out = (struct area){p->offset, (p->offset + p->size) & ~(OTA_SECTOR - 1u)};
    return true;
}

/* Not from its first byte: a bootloader or factory app that waited there would be an app to boot. */
static bool passive_slot(const struct ota_agent *a, struct area *out) {
    struct ota_err none;
    const struct ota_partition *slot;
    if (ota_agent_passive_slot(a, &slot, &none) != OTA_OK || !is_slot(slot))
        return false;
    *out = (struct area){slot->offset + OTA_SECTOR, slot->offset + slot->size};
    return true;
}

/* First free byte of the area behind what the journal stages in it. */
static uint32_t behind_staged(const struct ota_journal *j, const struct area *in) {
    uint32_t free_from = in->start;
    for (size_t i = 0; i < j->count; i++) {
        const struct ota_journal_step *s = &j->step[i];
        uint32_t end = s->stage_offset + ota_sector_up(s->image.length);
        if (s->state != OTA_STEP_SKIPPED && end > in->start && s->stage_offset < in->end && end > free_from)
            free_from = end;
    }
    return free_from;
}

static bool fits(const struct ota_agent *a, const struct area *in, uint32_t need, uint32_t *offset) {
    *offset = behind_staged(&a->journal, in);
    if (ota_agent_covers_recovery(a, in->start, in->end - in->start))
        return false;
    return *offset < in->end && in->end - *offset >= need;
}

enum ota_status ota_agent_place(const struct ota_agent *a, uint32_t length, uint32_t *offset, struct ota_err *err) {
    uint32_t need = ota_sector_up(length);
    struct area in;
    for (size_t i = 0; i < a->table.count + 2; i++)
        if (hole(a, i, &in) && fits(a, &in, need, offset))
            return OTA_OK;
    if (staging_partition(a, &in) && fits(a, &in, need, offset))
        return OTA_OK;
    if (passive_slot(a, &in) && fits(a, &in, need, offset))
        return OTA_OK;
    return ota_err_set(err, OTA_STAGING,
                       "%u bytes find no room to wait in: no hole in the table, no `" OTA_STAGING_LABEL
                       "` partition and no passive slot is large enough",
                       (unsigned)length);
}
