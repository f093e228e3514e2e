/* SPDX-License-Identifier: Apache-2.0 */
/* The new app's first boots: self-test, proof by one verified run, confirmation; or back to the old app, and what is
 * then known. */
#include <string.h>

#include "core/agent_private.h"
#include "core/bundle_private.h"

#define CONFIRM_TIMEOUT_S 600u

static enum ota_status slot_state(struct ota_agent *a, enum ota_slot_state *state, struct ota_err *err) {
    const struct ota_boot_port *b = a->cfg.boot;
    bool has_entry;
    OTA_TRY(b->state(b->ctx, a->running, state, &has_entry, err));
    if (!has_entry)
        *state = OTA_SLOT_UNDEFINED;
    return OTA_OK;
}

static enum ota_status new_app_event(struct ota_agent *a, enum ota_slot_state state, enum ota_event *event,
                                     struct ota_err *err) {
    *event = OTA_EVENT_BOOT_NEW_APP;
    if (state == OTA_SLOT_VALID && a->journal.phase == OTA_PHASE_CONFIRMING) {
        *event = OTA_EVENT_BOOT_IDLE; /* the power went between confirmation and its record */
        return ota_agent_finish(a, err);
    }
    if (state == OTA_SLOT_NEW) {
        a->without_rollback = true;
        ota_log(a->cfg.log, OTA_LOG_WARNING, "the bootloader was built without rollback: a faulty app stays");
    }
    if (a->journal.phase == OTA_PHASE_CONFIRMING)
        return OTA_OK;
    a->journal.phase = OTA_PHASE_CONFIRMING;
    return ota_agent_save_journal(a, err);
}

enum ota_status ota_agent_boot_event(struct ota_agent *a, enum ota_event *event, struct ota_err *err) {
    enum ota_phase phase = a->journal.phase;
    enum ota_slot_state state;
    ota_agent_notice_fallback(a);
    OTA_TRY(slot_state(a, &state, err));
    *event = OTA_EVENT_BOOT_IDLE;
    if (phase == OTA_PHASE_COMMITTED)
        *event = OTA_EVENT_BOOT_COMMITTED;
    else if (phase > OTA_PHASE_COMMITTED && a->running == a->journal.new_app_offset)
        return new_app_event(a, state, event, err);
    else if (phase == OTA_PHASE_ACTIVATED || phase == OTA_PHASE_CONFIRMING)
        *event = OTA_EVENT_BOOT_ABANDONED;
    else if (phase <= OTA_PHASE_STAGING && state == OTA_SLOT_PENDING_VERIFY)
        *event = OTA_EVENT_BOOT_NEW_APP; /* the journal was lost, or someone else wrote otadata */
    return OTA_OK;
}

/* ---- the end of an update ------------------------------------------------------------------------------ */

/* Identical content keeps the counter it was installed with: it is no newer than the app it came with. */
static void record_labels(struct ota_agent *a) {
    const struct ota_journal *j = &a->journal;
    for (size_t i = 0; i < j->count; i++) {
        const struct ota_journal_step *s = &j->step[i];
        const struct ota_installed *known = ota_agent_installed(a, s->image.label);
        if (s->image.kind == OTA_KIND_APP || s->state == OTA_STEP_WAITING || s->state == OTA_STEP_STAGED)
            continue;
        if (known && memcmp(known->sha256, s->image.sha256, OTA_SHA256_LEN) == 0 && known->offset == s->dest_offset &&
            known->size == s->dest_size)
            continue;
        ota_agent_set_installed(a, s, j->counter);
    }
}

enum ota_status ota_agent_finish(struct ota_agent *a, struct ota_err *err) {
    const struct ota_journal *j = &a->journal;
    struct ota_err remark = {.code = OTA_OK};
    if (j->offline)
        ota_format(remark.msg, sizeof remark.msg, "confirmed-offline");
    else if (a->unproven[OTA_ADDRESS_METADATA])
        ota_format(remark.msg, sizeof remark.msg, "confirmed-unauthenticated");
    else if (a->without_rollback)
        ota_format(remark.msg, sizeof remark.msg, "bootloader-without-rollback");
    record_labels(a);
    a->board.counter = j->counter;
    a->board.app_offset = a->running;
    a->board.format = 0;
    a->board.failed_counter = 0;
    ota_format(a->board.version, sizeof a->board.version, "%s", j->version);
    ota_agent_judge_board(a);
    /* The report first: a release whose images were all there has no journal to come back by, once its counter is kept. */
    OTA_TRY(ota_agent_note(a, OTA_RESULT_INSTALLED, "confirm", j->counter, &remark, err));
    OTA_TRY(ota_agent_save_board(a, err));
    OTA_TRY(ota_agent_forget_tries(a, err));
    ota_log(a->cfg.log, OTA_LOG_INFO, "release %u (%s) is installed", (unsigned)j->counter, j->version);
    return ota_agent_drop_journal(a, err);
}

/* A label whose copying broke off holds neither release: it must not count as installed. */
static void forget_half_copied(struct ota_agent *a) {
    const struct ota_journal *j = &a->journal;
    for (size_t i = 0; j->phase == OTA_PHASE_COMMITTED && i < j->count; i++)
        if (j->step[i].state == OTA_STEP_STAGED && j->step[i].image.kind != OTA_KIND_APP)
            ota_agent_forget_installed(a, j->step[i].image.label);
}

enum ota_status ota_agent_give_up(struct ota_agent *a, enum ota_result result, const char *stage,
                                  const struct ota_err *why, struct ota_err *err) {
    forget_half_copied(a);
    a->board.failed_counter = a->journal.counter;
    ota_agent_judge_board(a);
    OTA_TRY(ota_agent_save_board(a, err));
    OTA_TRY(ota_agent_note(a, result, stage, a->journal.counter, why, err));
    OTA_TRY(ota_agent_forget_tries(a, err));
    if (a->mixed)
        ota_log(a->cfg.log, OTA_LOG_WARNING, "mixed: release %u runs, with partitions of release %u",
                (unsigned)a->board.counter, (unsigned)a->journal.counter);
    return ota_agent_drop_journal(a, err);
}

/* ---- confirming ---------------------------------------------------------------------------------------- */

uint32_t ota_agent_confirm_timeout(const struct ota_agent *a) {
    return a->cfg.confirm_timeout_s ? a->cfg.confirm_timeout_s : CONFIRM_TIMEOUT_S;
}

static bool timeout_over(const struct ota_agent *a) {
    return ota_agent_uptime(a) - a->started_ms >= ota_agent_confirm_timeout(a) * 1000ull;
}

bool ota_agent_abandoned(const struct ota_agent *a) {
    const enum ota_phase phase = a->journal.phase;
    if (a->running == a->journal.new_app_offset)
        return false;
    return phase == OTA_PHASE_ACTIVATED || phase == OTA_PHASE_CONFIRMING ||
           (phase == OTA_PHASE_DOUBTED && timeout_over(a));
}

enum ota_status ota_agent_self_test(struct ota_agent *a, enum ota_event *event, struct ota_err *err) {
    const struct ota_hooks *hooks = &a->cfg.hooks;
    (void)event;
    if (!hooks->self_test || hooks->self_test(hooks->ctx)) {
        ota_log(a->cfg.log, OTA_LOG_INFO, "the new app passed its self-test: %s confirms it",
                a->journal.door == OTA_DOOR_HTTPS ? "one verified run" : "the bundle");
        return OTA_OK;
    }
    return ota_err_set(err, OTA_SELF_TEST, "release %u (%s): the new app's self-test failed",
                       (unsigned)a->journal.counter, a->journal.version);
}

/* One full verified run. What the channel offers beyond it is another matter, and may be refused. */
static enum ota_status verified_run(struct ota_agent *a, struct ota_err *err) {
    bool unchanged, offered = false;
    OTA_TRY(ota_agent_refresh(a, false, &unchanged, err));
    a->last_full_ms = ota_agent_uptime(a);
    enum ota_status status = ota_agent_select(a, &offered, err);
    bool nothing_more = status == OTA_OK && (!offered || a->channel_counter == a->journal.counter);
    if (ota_agent_lasting(status))
        status = OTA_OK;
    OTA_TRY(ota_agent_end_run(a, nothing_more, status, err));
    if (a->journal.authenticated && !a->trust.authenticated)
        return ota_err_set(err, OTA_TLS, "the server did not prove its name, as it had to the old app");
    return OTA_OK;
}

/* Came in a stream that is gone: what lies in flash is what was signed, as the new app reads it. */
static enum ota_status flash_holds(struct ota_agent *a, struct ota_err *err) {
    const struct ota_journal *j = &a->journal;
    for (size_t i = 0; i < j->count; i++) {
        const struct ota_journal_step *s = &j->step[i];
        bool slot = s->image.kind == OTA_KIND_APP && s->state != OTA_STEP_SKIPPED, holds;
        if (s->state == OTA_STEP_SKIPPED || s->image.kind == OTA_KIND_DATA)
            continue; /* data was read back when it was copied, and the new app may have changed it since */
        OTA_TRY(ota_agent_holds(a, &s->image, slot ? s->stage_offset : s->dest_offset, 0, &holds, err));
        if (!holds)
            return ota_err_set(err, OTA_READBACK, "%s in flash is not what the bundle brought", s->image.label);
    }
    return OTA_OK;
}

/* A file that is gone proves no less than a stream that is. */
enum ota_status ota_agent_read_bundle_again(struct ota_agent *a, struct ota_err *err) {
    enum ota_status status = OTA_NOT_FOUND;
    if (a->cfg.bundle)
        status = ota_bundle_prove(a, a->cfg.bundle, err);
    return status == OTA_NOT_FOUND ? flash_holds(a, err) : status;
}

/* The new app can do what brought it here. */
static enum ota_status proof(struct ota_agent *a, struct ota_err *err) {
    switch (a->journal.door) {
    case OTA_DOOR_FILE:
        return ota_agent_read_bundle_again(a, err);
    case OTA_DOOR_STREAM:
        return flash_holds(a, err);
    case OTA_DOOR_HTTPS:
        break;
    }
    return verified_run(a, err);
}

static enum ota_status confirm(struct ota_agent *a, struct ota_err *err) {
    const struct ota_boot_port *b = a->cfg.boot;
    struct ota_err unkept;
    OTA_TRY(b->confirm(b->ctx, err));
    if (a->journal.phase == OTA_PHASE_CONFIRMING && ota_agent_finish(a, &unkept) != OTA_OK)
        ota_log(a->cfg.log, OTA_LOG_WARNING, "confirmed, written down at the next boot: %s", unkept.msg);
    return OTA_OK;
}

enum ota_status ota_agent_prove(struct ota_agent *a, enum ota_event *event, struct ota_err *err) {
    struct ota_err why;
    enum ota_status status = proof(a, &why);
    if (status != OTA_OK && status != OTA_READBACK && a->journal.offline) {
        ota_log(a->cfg.log, OTA_LOG_WARNING, "no server (%s), as for the old app: confirmed-offline", why.msg);
        status = OTA_OK;
    }
    if (status == OTA_OK)
        status = confirm(a, &why);
    if (status == OTA_OK)
        return OTA_OK;
    if (timeout_over(a))
        return ota_err_set(err, status, "release %u (%s): no verified run in %u s: %s", (unsigned)a->journal.counter,
                           a->journal.version, (unsigned)ota_agent_confirm_timeout(a), why.msg);
    ota_log(a->cfg.log, OTA_LOG_WARNING, "not yet confirmed: %s", why.msg);
    a->last = why;
    *event = OTA_EVENT_WAIT;
    return OTA_OK;
}

/* otadata names no other app. One on trial is given up by the bootloader itself, which looks further than otadata; any
 * other stays, and must not be in the way of the release that puts it right. */
static enum ota_status no_way_back(struct ota_agent *a, struct ota_err *err) {
    const struct ota_err why = *err, reason = a->last;
    enum ota_slot_state state;
    OTA_TRY(slot_state(a, &state, err));
    if (state == OTA_SLOT_PENDING_VERIFY) {
        ota_log(a->cfg.log, OTA_LOG_ERROR, "%s: reboot, the bootloader looks for another app", why.msg);
        return OTA_OK;
    }
    if (a->journal.phase >= OTA_PHASE_CONFIRMING)
        OTA_TRY(ota_agent_give_up(a, OTA_RESULT_FAILED, "confirm", &reason, err));
    ota_agent_notice_fallback(a);
    *err = why;
    return err->code;
}

/* Called with the reason in a->last. Without a recorded reason the old app would give the new one another chance, but
 * the way back is not barred by a store that fails: nothing would try it again. */
enum ota_status ota_agent_roll_back(struct ota_agent *a, enum ota_event *event, struct ota_err *err) {
    const struct ota_boot_port *b = a->cfg.boot;
    struct ota_journal *j = &a->journal;
    struct ota_err unkept;
    (void)event;
    if (j->phase == OTA_PHASE_CONFIRMING && a->last.code == OTA_SELF_TEST)
        j->self_test_failed = 1;
    else if (j->phase == OTA_PHASE_CONFIRMING)
        j->phase = OTA_PHASE_DOUBTED;
    if (j->phase >= OTA_PHASE_CONFIRMING && ota_agent_save_journal(a, &unkept) != OTA_OK)
        ota_log(a->cfg.log, OTA_LOG_WARNING, "rolls back for a reason that is not written down: %s", unkept.msg);
    if (b->invalidate(b->ctx, err) != OTA_OK) {
        (void)ota_err_prefix(err, "cannot roll back, nothing else could boot");
        return no_way_back(a, err);
    }
    ota_log(a->cfg.log, OTA_LOG_ERROR, "release %u (%s): rolled back: reboot", (unsigned)j->counter, j->version);
    return OTA_OK;
}
