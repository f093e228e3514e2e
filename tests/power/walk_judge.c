/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must hold whenever a board has booted, whatever happened to it:
 *
 *   - the app that runs is wholly the app of a release that was offered to this board
 *   - data, bootloader, table and factory app are each wholly of one release, unless a copy is still committed
 *   - otadata calls no app VALID whose self-test fails, nor one without network but by confirmed-offline
 *   - the record's release is the one whose app runs, and never goes down; partitions that are newer make it `mixed`
 *   - versions of metadata never go down
 */
#include <string.h>

#include "core/trust_private.h"
#include "walk.h"

#define DATA_LABEL "storage"

/* ---- what lies in flash -------------------------------------------------------------------------------- */

static const struct ota_buf *app_image(const struct sim_release *r) {
    return &r->app;
}

static const struct ota_buf *bootloader_image(const struct sim_release *r) {
    return &r->bootloader;
}

static const struct ota_buf *table_image(const struct sim_release *r) {
    return &r->table;
}

static const struct ota_buf *storage_image(const struct sim_release *r) {
    return &r->storage;
}

static bool erased(const uint8_t *p, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (p[i] != 0xFF)
            return false;
    return true;
}

/* The newest release whose image lies at `offset`, erased behind it up to `room`; NULL: none. */
static const struct sim_release *whose(const struct sim_world *w, uint32_t offset, size_t room,
                                       const struct ota_buf *(*image)(const struct sim_release *)) {
    const uint8_t *p = w->board.nor.memory + offset;
    for (size_t i = w->releases; i-- > 0;) {
        const struct ota_buf *b = image(&w->release[i]);
        if (memcmp(p, b->p, b->len) == 0 && (room <= b->len || erased(p + b->len, room - b->len)))
            return &w->release[i];
    }
    return NULL;
}

static const struct sim_release *bootloader_of(const struct sim_world *w) {
    return whose(w, w->board.efuse.chip->bootloader_offset, 0, bootloader_image);
}

static const struct sim_release *table_of(const struct sim_world *w) {
    return whose(w, SIM_TABLE_OFFSET, OTA_SECTOR, table_image);
}

static const struct sim_release *storage_of(const struct sim_world *w) {
    return whose(w, SIM_STORAGE, SIM_STORAGE_SIZE, storage_image);
}

static bool has_kind(const struct walk *k, uint32_t counter, const char *kinds) {
    return strpbrk(k->release[counter].kinds, kinds) != NULL;
}

/* ---- the app ------------------------------------------------------------------------------------------- */

static const struct sim_release *judge_app(struct walk *k) {
    const struct sim_world *w = k->w;
    const struct sim_release *r = whose(w, w->rom.app->offset, 0, app_image);
    if (!r)
        walk_end(k, WALK_VIOLATION, "the app that runs at 0x%x is no release's", (unsigned)w->rom.app->offset);
    if (!k->release[r->counter].offered)
        walk_end(k, WALK_VIOLATION, "the app of release %u runs, which was never offered", (unsigned)r->counter);
    return r;
}

static bool confirmed_offline(const struct sim_world *w) {
    return strcmp(w->agent.report.message, "confirmed-offline") == 0 || w->agent.journal.offline;
}

static void judge_otadata(struct walk *k) {
    const struct sim_world *w = k->w;
    struct ota_otadata_entry e[2];
    for (unsigned i = 0; i < 2; i++)
        ota_otadata_decode(w->board.nor.memory + SIM_OTADATA + i * OTA_SECTOR, &e[i]);
    int active = ota_otadata_active(e);
    if (active < 0 || e[active].state != OTA_SLOT_VALID)
        return;
    uint32_t at = ota_otadata_slot(e[active].seq, 2) == 0 ? SIM_SLOT_0 : SIM_SLOT_1;
    const struct sim_release *r = whose(w, at, 0, app_image);
    if (r && has_kind(k, r->counter, "F"))
        walk_end(k, WALK_VIOLATION, "otadata calls release %u VALID, whose self-test fails", (unsigned)r->counter);
    if (r && has_kind(k, r->counter, "N") && !confirmed_offline(w) && !k->lost_ever)
        walk_end(k, WALK_VIOLATION, "otadata calls release %u VALID, which has no network", (unsigned)r->counter);
}

/* ---- partitions ---------------------------------------------------------------------------------------- */

static void judge_partitions(struct walk *k) {
    const struct sim_world *w = k->w;
    if (w->agent.journal.phase == OTA_PHASE_COMMITTED || k->half_lost || k->worn)
        return;
    if (!storage_of(w))
        walk_end(k, WALK_VIOLATION, "partition " DATA_LABEL " is no release's");
    if (!bootloader_of(w))
        walk_end(k, WALK_VIOLATION, "the bootloader is no release's");
    if (!table_of(w))
        walk_end(k, WALK_VIOLATION, "the partition table is no release's");
    if (w->config.factory && !whose(w, SIM_FACTORY, 0, app_image))
        walk_end(k, WALK_VIOLATION, "the factory app is no release's");
}

/* ---- records ------------------------------------------------------------------------------------------- */

static bool on_trial(const struct sim_world *w) {
    return w->agent.journal.phase > OTA_PHASE_COMMITTED;
}

/* A release without an app says nothing of the app that runs, but that it is no newer. */
static void judge_counter(struct walk *k, const struct sim_release *app) {
    const struct sim_world *w = k->w;
    uint32_t counter = w->agent.board.counter;
    if (w->agent.counter_unknown != (counter == 0))
        walk_end(k, WALK_VIOLATION, "counter_unknown does not go with counter %u", (unsigned)counter);
    if (counter == 0 || on_trial(w) || k->stale)
        return;
    if (counter > k->newest)
        walk_end(k, WALK_VIOLATION, "the record speaks of release %u, there is none", (unsigned)counter);
    bool same = has_kind(k, counter, "aFN") ? app->counter == counter : app->counter <= counter;
    if (!same)
        walk_end(k, WALK_VIOLATION, "the record speaks of release %u, the app of release %u runs", (unsigned)counter,
                 (unsigned)app->counter);
}

/* As it is stored: what could not be written down may be forgotten again. */
static void judge_stored_counter(struct walk *k) {
    const struct ota_kv *kv = &k->w->kv.port;
    uint8_t bytes[OTA_SECTOR];
    struct ota_board_record board;
    struct ota_err err;
    size_t len = 0;
    if (kv->get(kv->ctx, "board", bytes, sizeof bytes, &len, &err) != OTA_OK)
        return;
    if (ota_board_decode((struct ota_span){bytes, len}, &board, &err) != OTA_OK)
        walk_end(k, WALK_VIOLATION, "%s", err.msg);
    if (board.counter == 0)
        return;
    if (board.counter < k->counter && !k->lost && !k->worn)
        walk_end(k, WALK_VIOLATION, "the record went down from release %u to %u", (unsigned)k->counter,
                 (unsigned)board.counter);
    k->counter = board.counter;
    k->lost = false;
}

static void judge_mixed(struct walk *k) {
    const struct sim_world *w = k->w;
    const struct sim_release *storage = storage_of(w);
    uint32_t counter = w->agent.board.counter;
    if (counter == 0 || on_trial(w) || w->agent.journal.phase == OTA_PHASE_COMMITTED || k->lost_ever || k->worn)
        return;
    if (storage && storage->counter > counter && !w->agent.mixed)
        walk_end(k, WALK_VIOLATION, "storage is of release %u, the record of %u, and it is not mixed",
                 (unsigned)storage->counter, (unsigned)counter);
}

static void judge_metadata(struct walk *k) {
    const struct ota_kv *kv = &k->w->kv.port;
    uint8_t bytes[OTA_TIMESTAMP_RECORD_MAX];
    struct ota_timestamp_record ts = {0};
    struct ota_err err;
    size_t len = 0;
    if (kv->get(kv->ctx, OTA_KV_TIMESTAMP, bytes, sizeof bytes, &len, &err) != OTA_OK) {
        if (k->timestamp)
            walk_end(k, WALK_VIOLATION, "the record of the timestamp is gone: %s", err.msg);
        return;
    }
    if (!ota_timestamp_record_decode((struct ota_span){bytes, len}, &ts))
        walk_end(k, WALK_VIOLATION, "the record of the timestamp is damaged");
    if (ts.version < k->timestamp || ts.snapshot_version < k->snapshot)
        walk_end(k, WALK_VIOLATION, "timestamp and snapshot went down from %u and %u to %u and %u",
                 (unsigned)k->timestamp, (unsigned)k->snapshot, (unsigned)ts.version, (unsigned)ts.snapshot_version);
    k->timestamp = ts.version;
    k->snapshot = ts.snapshot_version;
}

void walk_judge(struct walk *k) {
    const struct sim_release *app = judge_app(k);
    judge_otadata(k);
    judge_partitions(k);
    judge_counter(k, app);
    judge_stored_counter(k);
    judge_mixed(k);
    judge_metadata(k);
    k->was_cut = false;
}

/* ---- boards that do not go on -------------------------------------------------------------------------- */

/* Two windows are known, and both want a power cut. */
static _Noreturn void judge_dead(struct walk *k) {
    const struct sim_world *w = k->w;
    if (k->worn)
        walk_end(k, WALK_WORN, "dead: %s", w->err.msg);
    if (k->was_cut && !w->config.recovery && !bootloader_of(w))
        walk_end(k, WALK_BOOTLOADER, "dead: %s", w->err.msg);
    if (k->was_cut && !table_of(w))
        walk_end(k, WALK_TABLE, "dead: %s", w->err.msg);
    walk_end(k, WALK_VIOLATION, "dead: %s", w->err.msg);
}

void walk_judge_end(struct walk *k, enum sim_end end) {
    const struct sim_world *w = k->w;
    switch (end) {
    case SIM_RUNS:
    case SIM_RESTS:
    case SIM_CUT:
        break;
    case SIM_DEAD:
        judge_dead(k);
    case SIM_FAILED:
        if (!k->kv_fails && !k->worn)
            walk_end(k, WALK_VIOLATION, "the agent cannot go on: %s", w->err.msg);
        break;
    case SIM_RESTLESS:
        if (w->passes_max == 0 && !k->kv_fails && !k->worn)
            walk_end(k, WALK_VIOLATION, "the board does not come to rest: %s, %s", ota_state_name(w->agent.state),
                     ota_phase_name(w->agent.journal.phase));
        break;
    }
}

/* ---- the end of the walk ------------------------------------------------------------------------------- */

bool walk_has_arrived(const struct walk *k) {
    const struct sim_world *w = k->w;
    return w->agent.board.counter == k->newest && w->agent.journal.phase == OTA_PHASE_IDLE && !w->agent.mixed &&
           sim_world_holds(w, OTA_LABEL_APP, k->newest) && sim_world_holds(w, DATA_LABEL, k->newest) &&
           sim_world_holds(w, OTA_LABEL_BOOTLOADER, k->newest) && sim_world_holds(w, OTA_LABEL_TABLE, k->newest);
}

bool walk_runs_app_without_network(const struct walk *k) {
    const struct sim_release *r = whose(k->w, k->w->rom.app->offset, 0, app_image);
    /* With ota_state it is lost that an app is on trial, or that it was confirmed offline. */
    return r && has_kind(k, r->counter, "N") && (confirmed_offline(k->w) || k->lost_ever);
}
