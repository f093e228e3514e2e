/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan for an offered release: which images are there already, where each other one waits, and where it goes. A
 * changed partition table is installed alone first; the rest is planned under it after its reboot.
 */
#include <string.h>

#include "core/agent_private.h"

static bool same_image(const struct ota_step *a, const struct ota_step *b) {
    return strcmp(a->label, b->label) == 0 && strcmp(a->file, b->file) == 0 && a->length == b->length &&
           memcmp(a->sha256, b->sha256, sizeof a->sha256) == 0;
}

static bool release_has(const struct ota_release *r, const struct ota_step *image) {
    for (size_t i = 0; i < r->step_count; i++)
        if (same_image(&r->step[i], image))
            return true;
    return false;
}

/* Is the stored plan one for exactly this release, made by the app that runs. */
static bool plan_stands(const struct ota_agent *a) {
    const struct ota_journal *j = &a->journal;
    if (j->phase != OTA_PHASE_STAGING || j->count == 0 || j->counter != a->release.counter ||
        j->old_app_offset != a->running || (!j->table_round && j->count != a->release.step_count))
        return false;
    for (size_t i = 0; i < j->count; i++)
        if (!release_has(&a->release, &j->step[i].image))
            return false;
    return true;
}

static enum ota_status table_room(struct ota_agent *a, struct ota_journal_step *s, struct ota_err *err) {
    s->dest_offset = a->cfg.board.table_offset;
    s->dest_size = OTA_SECTOR;
    if (s->image.length != OTA_TABLE_LENGTH)
        return ota_err_set(err, OTA_TABLE_FORMAT, "a partition table has %u bytes, not %u", OTA_TABLE_LENGTH,
                           (unsigned)s->image.length);
    return OTA_OK;
}

static enum ota_status data_room(struct ota_agent *a, struct ota_journal_step *s, struct ota_err *err) {
    const struct ota_partition *p = ota_table_by_label(&a->table, s->image.label);
    if (!p)
        return ota_err_set(err, OTA_LABEL, "this board's partition table has no such label");
    OTA_TRY(ota_table_updatable(p, err));
    s->dest_offset = p->offset;
    s->dest_size = p->size;
    return OTA_OK;
}

static enum ota_status app_room(struct ota_agent *a, struct ota_journal_step *s, struct ota_err *err) {
    const struct ota_partition *slot;
    OTA_TRY(ota_agent_passive_slot(a, &slot, err));
    s->dest_offset = slot->offset;
    s->dest_size = slot->size;
    return OTA_OK;
}

/* The app a board falls back to when nothing else boots: never the one that runs, for then nothing else may. */
static enum ota_status factory_room(struct ota_agent *a, struct ota_journal_step *s, struct ota_err *err) {
    const struct ota_partition *p = ota_table_by_type(&a->table, OTA_PART_APP, OTA_APP_FACTORY);
    if (!p)
        return ota_err_set(err, OTA_LABEL, "this board's partition table has no factory app");
    if (p->offset == a->running)
        return ota_err_set(err, OTA_UNSUPPORTED,
                           "the factory app runs: it is replaced only while an app in a slot does");
    if (a->cfg.board.boot.anti_rollback)
        return ota_err_set(err, OTA_UNSUPPORTED, "with anti-rollback the bootloader starts no factory app");
    s->dest_offset = p->offset;
    s->dest_size = p->size;
    return OTA_OK;
}

static enum ota_status find_room(struct ota_agent *a, struct ota_journal_step *s, struct ota_err *err) {
    enum ota_status status = OTA_OK;
    switch (s->image.kind) {
    case OTA_KIND_TABLE:
        status = table_room(a, s, err);
        break;
    case OTA_KIND_DATA:
        status = data_room(a, s, err);
        break;
    case OTA_KIND_BOOTLOADER:
        s->dest_offset = a->cfg.board.chip->bootloader_offset;
        s->dest_size = ota_agent_bootloader_room(a);
        break;
    case OTA_KIND_APP:
        status = app_room(a, s, err);
        break;
    case OTA_KIND_FACTORY:
        status = factory_room(a, s, err);
        break;
    case OTA_KIND_COUNT:
        status = ota_err_set(err, OTA_INTERNAL, "no kind");
        break;
    }
    bool partition = s->image.kind != OTA_KIND_TABLE && s->image.kind != OTA_KIND_BOOTLOADER;
    if (status == OTA_OK && partition && ota_agent_covers_recovery(a, s->dest_offset, s->dest_size))
        status = ota_err_set(err, OTA_LABEL,
                             "its partition at 0x%x covers the ROM's recovery bootloader at 0x%x and is never written",
                             (unsigned)s->dest_offset, (unsigned)a->cfg.board.recovery_offset);
    if (status == OTA_OK && s->image.length > s->dest_size)
        status = ota_err_set(err, OTA_SLOT_SIZE, "%u bytes do not fit into its partition of %u bytes",
                             (unsigned)s->image.length, (unsigned)s->dest_size);
    return status;
}

/* A data label is judged by what was installed there last, so that what the board wrote since is kept; unknown: by
 * its bytes. */
static enum ota_status is_there(struct ota_agent *a, const struct ota_journal_step *s, bool *there,
                                struct ota_err *err) {
    if (s->image.kind == OTA_KIND_APP)
        return ota_agent_holds(a, &s->image, a->running, 0, there, err);
    if (s->image.kind != OTA_KIND_DATA)
        return ota_agent_holds(a, &s->image, s->dest_offset, 0, there, err);
    const struct ota_installed *i = ota_agent_installed(a, s->image.label);
    *there = i && i->offset == s->dest_offset && i->size == s->dest_size && i->length == s->image.length &&
             memcmp(i->sha256, s->image.sha256, sizeof i->sha256) == 0;
    if (*there)
        return OTA_OK;
    return ota_agent_holds(a, &s->image, s->dest_offset, s->dest_size, there, err);
}

static enum ota_status plan_step(struct ota_agent *a, struct ota_journal_step *s, struct ota_err *err) {
    bool there = false;
    OTA_TRY(find_room(a, s, err));
    OTA_TRY(is_there(a, s, &there, err));
    if (!there)
        return OTA_OK;
    s->state = OTA_STEP_SKIPPED;
    ota_log(a->cfg.log, OTA_LOG_INFO, "release %u (%s): %s is there already: skipped", (unsigned)a->journal.counter,
            a->journal.version, s->image.label);
    return OTA_OK;
}

/* The app goes straight to its slot; it is placed first so that nothing else waits where it will be written. */
static enum ota_status place_steps(struct ota_agent *a, struct ota_err *err) {
    struct ota_journal *j = &a->journal;
    for (size_t i = 0; i < j->count; i++) {
        if (j->step[i].image.kind != OTA_KIND_APP || j->step[i].state == OTA_STEP_SKIPPED)
            continue;
        j->step[i].stage_offset = j->step[i].dest_offset;
        j->new_app_offset = j->step[i].dest_offset;
        ota_log(a->cfg.log, OTA_LOG_INFO, "release %u (%s): " OTA_LABEL_APP " %u bytes, goes to the slot at 0x%x",
                (unsigned)j->counter, j->version, (unsigned)j->step[i].image.length, (unsigned)j->new_app_offset);
    }
    for (size_t i = 0; i < j->count; i++) {
        struct ota_journal_step *s = &j->step[i];
        if (s->image.kind == OTA_KIND_APP || s->state == OTA_STEP_SKIPPED)
            continue;
        ota_agent_at(a, s->image.label);
        OTA_TRY(ota_agent_place(a, s->image.length, &s->stage_offset, err));
        ota_log(a->cfg.log, OTA_LOG_INFO, "release %u (%s): %s %u bytes, waits at 0x%x for 0x%x", (unsigned)j->counter,
                j->version, s->image.label, (unsigned)s->image.length, (unsigned)s->stage_offset,
                (unsigned)s->dest_offset);
    }
    return OTA_OK;
}

static enum ota_status make_plan(struct ota_agent *a, struct ota_err *err) {
    struct ota_journal *j = &a->journal;
    memset(j, 0, sizeof *j);
    j->phase = OTA_PHASE_STAGING;
    j->counter = a->release.counter;
    ota_format(j->version, sizeof j->version, "%s", a->release.version);
    j->old_app_offset = a->running;
    ota_agent_skip_time(a);
    for (size_t i = 0; i < a->release.step_count && !j->table_round; i++) {
        struct ota_journal_step *s = &j->step[j->count++];
        s->image = a->release.step[i];
        ota_agent_at(a, s->image.label);
        OTA_TRY(plan_step(a, s, err));
        j->table_round = s->image.kind == OTA_KIND_TABLE && s->state != OTA_STEP_SKIPPED;
    }
    return place_steps(a, err);
}

/* Half a plan must not be mistaken for one. */
enum ota_status ota_agent_make_plan(struct ota_agent *a, struct ota_err *err) {
    enum ota_status status = make_plan(a, err);
    if (status != OTA_OK)
        memset(&a->journal, 0, sizeof a->journal);
    return status;
}

bool ota_agent_all_skipped(const struct ota_journal *j) {
    for (size_t i = 0; i < j->count; i++)
        if (j->step[i].state != OTA_STEP_SKIPPED)
            return false;
    return true;
}

/* What was planned is not offered any more. One that was given up just before the power went has its reason told. */
static enum ota_status withdraw(struct ota_agent *a, struct ota_err *err) {
    struct ota_err why;
    if (a->journal.counter == a->board.failed_counter)
        return ota_agent_drop_journal(a, err);
    (void)ota_err_set(&why, OTA_WITHDRAWN, "release %u (%s): withdrawn while it was being installed; dropped",
                      (unsigned)a->journal.counter, a->journal.version);
    ota_log(a->cfg.log, OTA_LOG_WARNING, "%s", why.msg);
    OTA_TRY(ota_agent_note(a, OTA_RESULT_FAILED, "plan", a->journal.counter, &why, err));
    return ota_agent_drop_journal(a, err);
}

/* A plan whose time is up is dropped, and the next run makes a new one: whatever held it up, it held a board up. */
static enum ota_status keep_deadline(struct ota_agent *a, enum ota_event *event, struct ota_err *err) {
    enum ota_status status = ota_agent_spend_time(a, err);
    if (status != OTA_TIMEOUT)
        return status;
    struct ota_err why = *err;
    ota_log(a->cfg.log, OTA_LOG_WARNING, "%s", why.msg);
    *event = OTA_EVENT_WAIT;
    OTA_TRY(ota_agent_count_try(a, "plan", false, &why, err));
    return ota_agent_drop_journal(a, err);
}

/* *stored: what is planned is written down already. */
static enum ota_status plan_offered(struct ota_agent *a, bool *stored, enum ota_event *event, struct ota_err *err) {
    *stored = plan_stands(a);
    OTA_TRY(ota_agent_check_list(a, err));
    if (ota_agent_put_off(a)) {
        ota_agent_skip_time(a);
        *event = OTA_EVENT_WAIT;
        return OTA_OK;
    }
    if (*stored)
        return keep_deadline(a, event, err);
    ota_log(a->cfg.log, OTA_LOG_INFO, "release %u (%s) is offered to this board (at release %u)",
            (unsigned)a->release.counter, a->release.version, (unsigned)a->board.counter);
    if (ota_agent_make_plan(a, err) != OTA_OK)
        return ota_err_prefix(err, "release %u (%s): %s", (unsigned)a->release.counter, a->release.version, a->label);
    ota_agent_at(a, NULL);
    if (ota_agent_all_skipped(&a->journal))
        *event = OTA_EVENT_NOTHING;
    return OTA_OK;
}

/* Notes a lasting refusal and forgets a plan that cannot stand, so that the run counts as whole and a 304 may end the
 * next. */
static enum ota_status refuse(struct ota_agent *a, const struct ota_err *why, struct ota_err *err) {
    OTA_TRY(ota_agent_note(a, OTA_RESULT_FAILED, "plan", a->release.counter, why, err));
    return ota_agent_drop_journal(a, err);
}

enum ota_status ota_agent_settle(struct ota_agent *a, bool *busy, struct ota_err *err) {
    const struct ota_journal *j = &a->journal;
    const struct ota_boot_port *b = a->cfg.boot;
    enum ota_slot_state state;
    bool has_entry;
    *busy = false;
    OTA_TRY(b->state(b->ctx, a->running, &state, &has_entry, err));
    if (has_entry && state == OTA_SLOT_PENDING_VERIFY) {
        ota_log(a->cfg.log, OTA_LOG_WARNING, "the running app is not confirmed: nothing is installed until it is");
        *busy = true;
    } else if (j->phase == OTA_PHASE_CONFIRMING && j->new_app_offset == a->running && state == OTA_SLOT_VALID) {
        return ota_agent_finish(a, err); /* confirmed, but the record could not be written then */
    } else if (j->phase == OTA_PHASE_STAGING && j->counter == a->board.counter) {
        return ota_agent_finish(a, err); /* all was there already; the power went before the end was written down */
    } else if (j->phase > OTA_PHASE_STAGING) {
        ota_log(a->cfg.log, OTA_LOG_INFO, "release %u (%s) is %s: nothing new begins before it is decided",
                (unsigned)j->counter, j->version, ota_phase_name(j->phase));
        *busy = true;
    }
    return OTA_OK;
}

/* Metadata that was refused before is accepted again: the report need not go on saying so. That the server proved
 * nothing is told once it does. */
static enum ota_status heal(struct ota_agent *a, struct ota_err *err) {
    if (a->server.unproven == OTA_UNPROVEN_POLLS || a->report.result != OTA_RESULT_FAILED || a->report.counter != 0)
        return OTA_OK;
    return ota_agent_note(a, OTA_RESULT_NONE, "", 0, NULL, err);
}

/* Selects and plans. *whole: a 304 may end the next run, because nothing is left to do and every refusal is noted. */
static enum ota_status consider(struct ota_agent *a, bool *whole, bool *stored, enum ota_event *event,
                                struct ota_err *err) {
    bool offered = false;
    enum ota_status status = ota_agent_select(a, &offered, err);
    if (status == OTA_OK)
        status = heal(a, err);
    if (status == OTA_OK && offered)
        status = plan_offered(a, stored, event, err);
    if (status != OTA_OK && ota_agent_lasting(status)) {
        struct ota_err why = *err;
        OTA_TRY(refuse(a, &why, err));
        *whole = true;
        *err = why;
    }
    if (status != OTA_OK || offered)
        return status;
    *event = OTA_EVENT_NOTHING;
    *whole = true;
    return a->journal.phase == OTA_PHASE_STAGING ? withdraw(a, err) : OTA_OK;
}

/* The plan is written down only after the run's last check (trust_finish), and an ETag kept only when there is no
 * plan. */
enum ota_status ota_agent_plan(struct ota_agent *a, enum ota_event *event, struct ota_err *err) {
    bool busy, whole = false, stored = false;
    OTA_TRY(ota_agent_settle(a, &busy, err));
    if (busy) {
        *event = OTA_EVENT_WAIT;
        return OTA_OK;
    }
    if (a->journal.phase == OTA_PHASE_STAGING && a->journal.door != OTA_DOOR_HTTPS)
        OTA_TRY(ota_agent_drop_journal(a, err)); /* the rest of a bundle comes by its own door, or never */
    enum ota_status status = consider(a, &whole, &stored, event, err);
    status = ota_agent_end_run(a, whole, status, err);
    if (status != OTA_OK || whole || *event == OTA_EVENT_WAIT)
        return status;
    if (*event == OTA_EVENT_DONE && stored)
        return OTA_OK;
    return *event == OTA_EVENT_NOTHING ? ota_agent_finish(a, err) : ota_agent_save_journal(a, err);
}
