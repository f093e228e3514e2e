/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of partitions; what may is the core's word. */
#include "image/table_plan.h"

#include <string.h>

#include "host/buf.h"
#include "host/filled_partition.h"

const char *ota_table_contents_name(enum ota_table_contents c) {
    static const char *const names[] = {"kept", "cut", "lost", "new"};
    return names[c];
}

bool ota_table_move_changes(const struct ota_table_move *m) {
    return !m->from || !m->to || m->moved || m->grown || m->shrunk || m->retyped || m->reflagged;
}

bool ota_table_move_wants_image(const struct ota_table_move *m) {
    struct ota_err ignored;
    bool gone = m->contents != OTA_CONTENTS_KEPT || (m->grown && ota_partition_is_filled(m->to));
    return m->to && gone && ota_table_updatable(m->to, &ignored) == OTA_OK;
}

/* The rule for one row: the core's, asked about tables that hold nothing else. */
static void judge(struct ota_table_move *m, struct ota_table *now, struct ota_table *next) {
    now->count = 1;
    now->row[0] = *m->from;
    next->count = m->to ? 1 : 0;
    if (m->to)
        next->row[0] = *m->to;
    (void)!ota_table_check_change(now, next, &m->never);
}

static enum ota_table_contents contents_of(const struct ota_table_move *m) {
    if (!m->from)
        return OTA_CONTENTS_EMPTY;
    /* Where the flag "encrypted" changes, the bytes that stay read as others. */
    if (!m->to || m->moved || m->retyped || ((m->from->flags ^ m->to->flags) & OTA_FLAG_ENCRYPTED))
        return OTA_CONTENTS_LOST;
    return m->shrunk ? OTA_CONTENTS_CUT : OTA_CONTENTS_KEPT;
}

static void compare(struct ota_table_move *m) {
    const struct ota_partition *a = m->from, *b = m->to;
    if (a && b) {
        m->moved = a->offset != b->offset;
        m->grown = b->size > a->size;
        m->shrunk = b->size < a->size;
        m->retyped = a->type != b->type || a->subtype != b->subtype;
        m->reflagged = a->flags != b->flags;
    }
    m->contents = contents_of(m);
}

void ota_table_plan_make(const struct ota_table *from, const struct ota_table *to, struct ota_table_plan *out) {
    OTA_CLEAN_FREE struct ota_table *now = ota_calloc(1, sizeof *now);
    OTA_CLEAN_FREE struct ota_table *next = ota_calloc(1, sizeof *next);
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < from->count; i++) {
        struct ota_table_move *m = &out->move[out->count++];
        m->from = &from->row[i];
        m->to = ota_table_by_label(to, from->row[i].label);
        compare(m);
        judge(m, now, next);
    }
    for (size_t i = 0; i < to->count; i++)
        if (!ota_table_by_label(from, to->row[i].label)) {
            struct ota_table_move *m = &out->move[out->count++];
            m->to = &to->row[i];
            compare(m);
        }
    (void)!ota_table_check_change(from, to, &out->verdict);
}
