/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commit and what follows it. commit: at run time, the point after which the release is installed whatever happens.
 * copy, activate: in ota_boot(), staged images go to their places, then otadata names the new app. Every step may be
 * repeated after a power cut: sectors that are right already are left alone.
 */
#include <string.h>

#include "core/agent_private.h"

static void log_release(struct ota_agent *a, const char *label, const char *what) {
    ota_log(a->cfg.log, OTA_LOG_INFO, "release %u (%s): %s %s", (unsigned)a->journal.counter, a->journal.version, label,
            what);
}

static bool is_staged(const struct ota_journal_step *s) {
    return s->state == OTA_STEP_STAGED;
}

/* Has the release anything that only ota_boot() can put in its place. */
static bool needs_copy(const struct ota_journal *j) {
    for (size_t i = 0; i < j->count; i++)
        if (is_staged(&j->step[i]) && j->step[i].image.kind != OTA_KIND_APP)
            return true;
    return false;
}

static bool application_agrees(struct ota_agent *a) {
    const struct ota_hooks *hooks = &a->cfg.hooks;
    for (size_t i = 0; hooks->before_activate && i < a->journal.count; i++) {
        const struct ota_journal_step *s = &a->journal.step[i];
        if (is_staged(s) && !hooks->before_activate(hooks->ctx, s->image.label)) {
            log_release(a, s->image.label, "is staged; the application says not now");
            ota_agent_skip_time(a);
            return false;
        }
    }
    return true;
}

/* What of the journal a turn changes. */
struct turn {
    enum ota_phase phase;
    uint8_t activations, table_round, count;
};

static struct turn turn_of(const struct ota_journal *j) {
    return (struct turn){j->phase, j->activations, j->table_round, j->count};
}

/* A turn that cannot be written down did not happen: memory ahead of the store would keep every later run from taking
 * it again. */
static enum ota_status save_turn(struct ota_agent *a, struct turn before, struct ota_err *err) {
    struct ota_journal *j = &a->journal;
    enum ota_status status = ota_agent_save_journal(a, err);
    if (status == OTA_OK)
        return OTA_OK;
    j->phase = before.phase;
    j->activations = before.activations;
    j->table_round = before.table_round;
    j->count = before.count;
    return status;
}

static enum ota_status activate_app(struct ota_agent *a, struct ota_err *err) {
    struct ota_journal *j = &a->journal;
    const struct ota_boot_port *b = a->cfg.boot;
    const struct turn before = turn_of(j);
    j->phase = OTA_PHASE_ACTIVATED;
    j->activations++;
    OTA_TRY(save_turn(a, before, err));
    if (b->activate(b->ctx, j->new_app_offset, err) != OTA_OK)
        return ota_err_prefix(err, "release %u (%s): " OTA_LABEL_APP, (unsigned)j->counter, j->version);
    log_release(a, OTA_LABEL_APP, "is activated: reboot");
    return OTA_OK;
}

enum ota_status ota_agent_commit(struct ota_agent *a, enum ota_event *event, struct ota_err *err) {
    if (!application_agrees(a)) {
        *event = OTA_EVENT_WAIT;
        return OTA_OK;
    }
    if (!needs_copy(&a->journal))
        return activate_app(a, err);
    const struct turn before = turn_of(&a->journal);
    a->journal.phase = OTA_PHASE_COMMITTED;
    OTA_TRY(save_turn(a, before, err));
    ota_log(a->cfg.log, OTA_LOG_INFO, "release %u (%s): all is staged and verified: reboot to install it",
            (unsigned)a->journal.counter, a->journal.version);
    return OTA_OK;
}

/* The image at `offset`, when it is whole. */
static bool read_whole(struct ota_agent *a, uint32_t offset, uint32_t room, struct ota_image *out) {
    struct ota_flash_window window;
    struct ota_source src = ota_flash_source(&window, a->cfg.flash, offset, room);
    struct ota_err broken;
    return ota_image_read(&src, a->cfg.crypto, out, &broken) == OTA_OK && out->checksum_ok &&
           (!out->hash_appended || out->hash_ok);
}

/* The new image without all of its signature: under Secure Boot a copy that was cut between the two starts no more. */
static bool lacks_signature(struct ota_agent *a, const struct ota_journal_step *s, const struct ota_image *now) {
    struct ota_image *next = &a->scratch.image[1];
    return read_whole(a, s->stage_offset, s->image.length, next) && next->length == now->length &&
           memcmp(next->hash, now->hash, sizeof next->hash) == 0;
}

/* With ROM recovery the bootloader that works is kept where the ROM finds it, before its own place is touched. A
 * primary that does not verify, or is the new one in part, is one whose copying was cut: the backup of the first try
 * stands. So it does when the ROM refused the primary, whole as it may be. */
static enum ota_status back_up_bootloader(struct ota_agent *a, const struct ota_journal_step *s, struct ota_err *err) {
    const struct ota_board *b = &a->cfg.board;
    uint32_t room = ota_agent_bootloader_room(a), primary = b->chip->bootloader_offset, written;
    struct ota_image *image = &a->scratch.image[0];
    bool holds;
    if (!b->recovery || b->on_recovery)
        return OTA_OK;
    OTA_TRY(ota_agent_holds(a, &s->image, primary, 0, &holds, err));
    if (holds || !read_whole(a, primary, room, image))
        return OTA_OK;
    if (lacks_signature(a, s, image) && read_whole(a, b->recovery_offset, room, image))
        return OTA_OK;
    if (ota_agent_copy_sectors(a, primary, room, b->recovery_offset, room, &written, err) != OTA_OK)
        return ota_err_prefix(err, "backup at 0x%x", (unsigned)b->recovery_offset);
    log_release(a, s->image.label, "that works is backed up for the ROM's recovery");
    return OTA_OK;
}

/* A partition becomes wholly new; a bootloader only as far as it reaches, to keep the window of a power cut small. */
static uint32_t room_to_write(const struct ota_journal_step *s) {
    return s->image.kind == OTA_KIND_DATA ? s->dest_size : ota_sector_up(s->image.length);
}

/* Nothing is wrong with the release: this image is downloaded again. Its label may be half written, so it counts as
 * not installed. */
static enum ota_status stage_again(struct ota_agent *a, struct ota_journal_step *s, struct ota_err *err) {
    ota_agent_forget_installed(a, s->image.label);
    OTA_TRY(ota_agent_save_board(a, err));
    s->state = OTA_STEP_WAITING;
    s->done = 0;
    a->journal.phase = OTA_PHASE_STAGING;
    OTA_TRY(ota_agent_save_journal(a, err));
    return ota_err_set(err, OTA_HASH, "what waited at 0x%x is damaged: %s", (unsigned)s->stage_offset,
                       a->journal.door == OTA_DOOR_HTTPS ? "it is downloaded again" : "send the bundle again");
}

/* The label is newer than the app from here on, until it is confirmed. Written down before the journal says so, and
 * for each step: whatever ends the update after it, the board knows what lies there. */
static enum ota_status record_copied(struct ota_agent *a, const struct ota_journal_step *s, struct ota_err *err) {
    ota_agent_set_installed(a, s, a->journal.counter);
    ota_agent_judge_board(a);
    return ota_agent_save_board(a, err);
}

static enum ota_status copy_step(struct ota_agent *a, struct ota_journal_step *s, struct ota_err *err) {
    uint32_t written;
    bool holds;
    if (a->running >= s->dest_offset && a->running - s->dest_offset < s->dest_size)
        return ota_err_set(err, OTA_UNSUPPORTED,
                           "the bootloader went back to the app at 0x%x, which is not overwritten "
                           "while it runs",
                           (unsigned)a->running);
    OTA_TRY(ota_agent_holds(a, &s->image, s->stage_offset, 0, &holds, err));
    if (!holds)
        return stage_again(a, s, err);
    if (s->image.kind == OTA_KIND_BOOTLOADER)
        OTA_TRY(back_up_bootloader(a, s, err));
    OTA_TRY(
        ota_agent_copy_sectors(a, s->stage_offset, s->image.length, s->dest_offset, room_to_write(s), &written, err));
    OTA_TRY(ota_agent_holds(a, &s->image, s->dest_offset, 0, &holds, err));
    if (!holds)
        return ota_err_set(err, OTA_READBACK, "partition at 0x%x reads back other than written",
                           (unsigned)s->dest_offset);
    OTA_TRY(record_copied(a, s, err));
    s->state = OTA_STEP_ACTIVE;
    ota_log(a->cfg.log, OTA_LOG_INFO, "release %u (%s): %s %u bytes installed at 0x%x, sectors written: %u",
            (unsigned)a->journal.counter, a->journal.version, s->image.label, (unsigned)s->image.length,
            (unsigned)s->dest_offset, (unsigned)written);
    return ota_agent_save_journal(a, err);
}

static enum ota_status copy_steps(struct ota_agent *a, struct ota_err *err) {
    for (size_t i = 0; i < a->journal.count; i++) {
        struct ota_journal_step *s = &a->journal.step[i];
        if (!is_staged(s) || s->image.kind == OTA_KIND_APP)
            continue;
        ota_agent_at(a, s->image.label);
        if (copy_step(a, s, err) != OTA_OK)
            return ota_err_prefix(err, "release %u (%s): %s", (unsigned)a->journal.counter, a->journal.version,
                                  s->image.label);
    }
    ota_agent_at(a, NULL);
    return OTA_OK;
}

enum ota_status ota_agent_copy(struct ota_agent *a, enum ota_event *event, struct ota_err *err) {
    (void)event;
    return copy_steps(a, err);
}

/* The table is new: what else the release has is planned under it after the reboot. */
static enum ota_status end_table_round(struct ota_agent *a, struct ota_err *err) {
    struct ota_journal *j = &a->journal;
    const struct turn before = turn_of(j);
    j->phase = OTA_PHASE_STAGING;
    j->table_round = 0;
    j->count = 0;
    OTA_TRY(save_turn(a, before, err));
    log_release(a, OTA_LABEL_TABLE, "is in place: reboot under it");
    return OTA_OK;
}

/* The old app found itself running after an activation; may the new one have another chance. */
static enum ota_status check_again(struct ota_agent *a, struct ota_err *err) {
    const struct ota_journal *j = &a->journal;
    const struct ota_boot_port *b = a->cfg.boot;
    enum ota_slot_state state;
    bool has_entry, holds;
    if (j->self_test_failed)
        return ota_err_set(err, OTA_SELF_TEST, "release %u (%s): its self-test failed; the old app runs again",
                           (unsigned)j->counter, j->version);
    OTA_TRY(b->state(b->ctx, j->new_app_offset, &state, &has_entry, err));
    /* Before its first boot is on record the entry may be of the release that was in the slot before; in doubt it is the
     * agent's own word, which a server that answers now may change. */
    if (has_entry && state == OTA_SLOT_INVALID && !j->offline && j->phase == OTA_PHASE_CONFIRMING)
        return ota_err_set(err, OTA_ROLLED_BACK, "release %u (%s): it declared itself invalid; the old app runs again",
                           (unsigned)j->counter, j->version);
    if (j->activations >= OTA_ACTIVATIONS_MAX)
        return ota_err_set(err, OTA_ROLLED_BACK,
                           "release %u (%s): activated %u times and never confirmed (crash, watchdog or power)",
                           (unsigned)j->counter, j->version, j->activations);
    for (size_t i = 0; i < j->count; i++) {
        const struct ota_journal_step *s = &j->step[i];
        if (s->image.kind != OTA_KIND_APP || s->state == OTA_STEP_SKIPPED)
            continue;
        OTA_TRY(ota_agent_holds(a, &s->image, s->stage_offset, 0, &holds, err));
        if (!holds)
            return ota_err_set(err, OTA_HASH, "release %u (%s): its slot does not hold the signed image any more",
                               (unsigned)j->counter, j->version);
    }
    return OTA_OK;
}

enum ota_status ota_agent_activate(struct ota_agent *a, enum ota_event *event, struct ota_err *err) {
    struct ota_journal *j = &a->journal;
    if (j->table_round)
        return end_table_round(a, err);
    if (j->new_app_offset == 0) {
        *event = OTA_EVENT_NOTHING;
        return ota_agent_finish(a, err);
    }
    if (j->phase == OTA_PHASE_DOUBTED) {
        j->offline = !a->answered;
        log_release(a, OTA_LABEL_APP,
                    a->answered ? "gets another chance: a server answers now"
                                : "gets another chance: the old app reaches no server either");
    }
    if (j->phase != OTA_PHASE_COMMITTED)
        OTA_TRY(check_again(a, err));
    return activate_app(a, err);
}
