/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's loop: the machine names an action, the action gives an event, until the board may sleep or must reboot.
 * */
#include "ota/agent.h"

#include <string.h>

#include "core/agent_private.h"

#define POLL_INTERVAL_S 3600u
#define BACKOFF_BASE_S 10u
#define BACKOFF_MAX_S (24u * 3600u)
#define BACKOFF_STEPS_MAX 14u
#define RETRY_AFTER_MAX_S (24u * 3600u) /* a full run at least daily, whatever a server asks */
#define DAY_MINUTES 1440u
#define FED_SLEEP_S 5u        /* while a bundle comes */
#define UNDECIDED_SLEEP_S 30u /* while a new app waits for its proof, or the old one looks for a server */

/* ---- start --------------------------------------------------------------------------------------------- */

static enum ota_status check_config(const struct ota_agent_config *c, struct ota_err *err) {
    if (!c->crypto || !c->flash || !c->kv || !c->clock || !c->transport || !c->log || !c->boot || !c->board.chip)
        return ota_err_set(err, OTA_ARGUMENT, "agent: a port is missing");
    if (!c->identity.id || !c->identity.product || !c->identity.channel || c->identity.root.len == 0)
        return ota_err_set(err, OTA_CONFIG, "this board has no identity: provision it (otactl device add)");
    if (!ota_device_id_valid(ota_span_str(c->identity.id)))
        return ota_err_set(err, OTA_CONFIG, "\"%s\" is not a device id", c->identity.id);
    if (c->window.from >= DAY_MINUTES || c->window.to >= DAY_MINUTES)
        return ota_err_set(err, OTA_ARGUMENT, "agent: the window is in minutes of the day, 0 to %u", DAY_MINUTES - 1u);
    if (!c->buf || c->cap < OTA_METADATA_MAX)
        return ota_err_set(err, OTA_ARGUMENT, "agent: buffer of %zu bytes, %u are needed", c->cap, OTA_METADATA_MAX);
    return OTA_OK;
}

static enum ota_status read_table(struct ota_agent *a, struct ota_err *err) {
    const struct ota_flash *f = a->cfg.flash;
    uint32_t at = a->cfg.board.table_offset;
    struct ota_span bytes = {a->cfg.buf, OTA_TABLE_LENGTH};
    OTA_TRY(f->read(f->ctx, at, a->cfg.buf, OTA_TABLE_LENGTH, err));
    if (ota_table_read(bytes, a->cfg.crypto, &a->table, err) != OTA_OK)
        return ota_err_prefix(err, "partition table at 0x%x", (unsigned)at);
    return OTA_OK;
}

enum ota_status ota_agent_init(struct ota_agent *a, const struct ota_agent_config *cfg, struct ota_err *err) {
    memset(a, 0, sizeof *a);
    OTA_TRY(check_config(cfg, err));
    a->cfg = *cfg;
    a->started_ms = cfg->clock->uptime_ms(cfg->clock->ctx);
    a->last_full_ms = a->started_ms;
    OTA_TRY(read_table(a, err));
    OTA_TRY(cfg->boot->running(cfg->boot->ctx, &a->running, err));
    return ota_agent_load_records(a, err);
}

uint32_t ota_agent_poll_interval(const struct ota_agent *a) {
    return a->cfg.poll_interval_s ? a->cfg.poll_interval_s : POLL_INTERVAL_S;
}

uint64_t ota_agent_uptime(const struct ota_agent *a) {
    return a->cfg.clock->uptime_ms(a->cfg.clock->ctx);
}

/* ---- failures ------------------------------------------------------------------------------------------ */

/* Nothing a report could add: the server was not reached, or not the right one. */
static bool is_connection(enum ota_status code) {
    return code == OTA_NETWORK || code == OTA_TLS || code == OTA_TIMEOUT || code == OTA_INTERRUPTED;
}

/* A copy that failed is tried again after a reboot: flash may have had a bad moment. What has to be staged again is
 * another try of the whole. */
static enum ota_status note_failed_copy(struct ota_agent *a, const struct ota_err *why, struct ota_err *err) {
    bool again;
    if (a->journal.phase <= OTA_PHASE_STAGING)
        return ota_agent_count_try(a, "copy", true, why, err);
    OTA_TRY(ota_agent_count_copy(a, why, &again, err));
    return again ? OTA_OK : ota_agent_give_up(a, OTA_RESULT_FAILED, "copy", why, err);
}

static enum ota_status note_failure(struct ota_agent *a, enum ota_action action, const struct ota_err *why,
                                    struct ota_err *err) {
    uint32_t counter = a->journal.counter;
    bool rolled_back = why->code == OTA_SELF_TEST || why->code == OTA_ROLLED_BACK;
    switch (action) {
    case OTA_ACTION_POLL:
    case OTA_ACTION_PLAN:
        if (is_connection(why->code) || ota_agent_lasting(why->code) || (a->report.pending && a->report.counter != 0))
            return OTA_OK; /* a lasting refusal was noted by the plan; how an update went is told first */
        return ota_agent_note(a, OTA_RESULT_FAILED, "verify", 0, why, err);
    case OTA_ACTION_STAGE:
    case OTA_ACTION_CHECK: {
        /* What is judged while it arrives may be a mirror's bytes and not the signer's: another try may differ. */
        const char *stage = action == OTA_ACTION_STAGE ? "stage" : "verify";
        const bool own = why->code == OTA_FLASH || why->code == OTA_READBACK || why->code == OTA_INTERNAL;
        if (action == OTA_ACTION_CHECK && ota_agent_lasting(why->code))
            return ota_agent_give_up(a, OTA_RESULT_FAILED, stage, why, err);
        if (ota_agent_counts(why->code))
            return ota_agent_count_try(a, stage, own, why, err);
        if (is_connection(why->code) || why->code == OTA_WITHDRAWN)
            return OTA_OK;
        return ota_agent_note(a, OTA_RESULT_FAILED, stage, counter, why, err);
    }
    case OTA_ACTION_COMMIT:
    case OTA_ACTION_COPY:
    case OTA_ACTION_ACTIVATE:
        if (why->code == OTA_KV)
            return OTA_OK; /* nothing can be written down; the next boot goes on from what is */
        if (action == OTA_ACTION_COPY)
            return note_failed_copy(a, why, err);
        if (a->journal.phase <= OTA_PHASE_STAGING)
            return ota_agent_count_try(a, "copy", true, why, err);
        if (rolled_back)
            return ota_agent_give_up(a, OTA_RESULT_ROLLED_BACK, "confirm", why, err);
        return ota_agent_give_up(a, OTA_RESULT_FAILED, "activate", why, err);
    case OTA_ACTION_SELF_TEST:
        return ota_agent_note(a, OTA_RESULT_ROLLED_BACK, "confirm", counter, why, err);
    default:
        return OTA_OK;
    }
}

static void fail(struct ota_agent *a, enum ota_action action, const struct ota_err *why) {
    struct ota_err unkept;
    ota_log(a->cfg.log, OTA_LOG_ERROR, "%s failed: %s", ota_action_name(action), why->msg);
    if (action != OTA_ACTION_REPORT || a->last.code == OTA_OK)
        a->last = *why;
    ota_agent_note_proof(a, action, why->code);
    if (note_failure(a, action, why, &unkept) != OTA_OK)
        ota_log(a->cfg.log, OTA_LOG_ERROR, "not written down: %s", unkept.msg);
}

/* ---- the loop ------------------------------------------------------------------------------------------ */

static enum ota_status perform(struct ota_agent *a, enum ota_action action, enum ota_event *event,
                               struct ota_err *err) {
    ota_agent_at(a, NULL);
    switch (action) {
    case OTA_ACTION_POLL:
        return ota_agent_poll(a, event, err);
    case OTA_ACTION_PLAN:
        return ota_agent_plan(a, event, err);
    case OTA_ACTION_STAGE:
        return ota_agent_stage(a, event, err);
    case OTA_ACTION_CHECK:
        return ota_agent_check(a, event, err);
    case OTA_ACTION_COMMIT:
        return ota_agent_commit(a, event, err);
    case OTA_ACTION_COPY:
        return ota_agent_copy(a, event, err);
    case OTA_ACTION_ACTIVATE:
        return ota_agent_activate(a, event, err);
    case OTA_ACTION_SELF_TEST:
        return ota_agent_self_test(a, event, err);
    case OTA_ACTION_PROVE:
        return ota_agent_prove(a, event, err);
    case OTA_ACTION_ROLL_BACK:
        return ota_agent_roll_back(a, event, err);
    case OTA_ACTION_REPORT:
        return ota_agent_report(a, event, err);
    case OTA_ACTION_SLEEP:
    case OTA_ACTION_REBOOT:
    case OTA_ACTION_COUNT:
        break;
    }
    return ota_err_set(err, OTA_INTERNAL, "no such action");
}

void ota_agent_drive(struct ota_agent *a, enum ota_event event) {
    for (;;) {
        struct ota_err why;
        enum ota_action action = ota_step(&a->state, event);
        if (action == OTA_ACTION_SLEEP)
            return;
        if (action == OTA_ACTION_REBOOT) {
            a->reboot = true;
            return;
        }
        event = OTA_EVENT_DONE;
        if (perform(a, action, &event, &why) != OTA_OK) {
            fail(a, action, &why);
            event = OTA_EVENT_FAILED;
        }
    }
}

enum ota_status ota_boot(struct ota_agent *a, struct ota_err *err) {
    enum ota_event event;
    OTA_TRY(ota_agent_boot_event(a, &event, err));
    ota_agent_drive(a, event);
    return OTA_OK;
}

/* ---- when to come again -------------------------------------------------------------------------------- */

/* Uniform in [0, n). */
static enum ota_status random_below(struct ota_agent *a, uint32_t n, uint32_t *out, struct ota_err *err) {
    const struct ota_crypto *c = a->cfg.crypto;
    uint8_t r[4];
    OTA_TRY(c->random(c->ctx, r, sizeof r, err));
    *out = (uint32_t)((uint64_t)ota_le32(r) * n >> 32);
    return OTA_OK;
}

static uint32_t at_most(uint32_t n, uint32_t cap) {
    return n < cap ? n : cap;
}

static bool undecided(const struct ota_agent *a) {
    return a->state == OTA_STATE_TESTING || a->state == OTA_STATE_CONFIRMING || a->journal.phase == OTA_PHASE_DOUBTED;
}

/* Exponential backoff with full jitter. A fault of the content, which costs flash, may wait a day; a broken line no
 * longer than a poll. */
static uint32_t backoff_cap(const struct ota_agent *a, uint32_t interval) {
    if (undecided(a))
        return UNDECIDED_SLEEP_S;
    uint32_t cap = is_connection(a->last.code) ? interval : BACKOFF_MAX_S;
    return at_most(BACKOFF_BASE_S << a->backoff, cap);
}

/* Retry-After is nobody's signed word: it may delay a poll by a day, and the decision about a new app not at all. */
static uint32_t longest_wait(const struct ota_agent *a) {
    return undecided(a) ? UNDECIDED_SLEEP_S : RETRY_AFTER_MAX_S;
}

/* What is staged is not to miss its window, nor are all boards to begin with it. */
static enum ota_status wake_for_window(struct ota_agent *a, uint32_t *sleep_s, struct ota_err *err) {
    const struct ota_maintenance *w = &a->cfg.window;
    uint32_t extra, minutes = (w->to + DAY_MINUTES - w->from) % DAY_MINUTES;
    OTA_TRY(random_below(a, minutes * 30u, &extra, err)); /* its first half */
    if (a->wait_s + extra < *sleep_s)
        *sleep_s = a->wait_s + extra;
    return OTA_OK;
}

static enum ota_status next_sleep(struct ota_agent *a, uint32_t *sleep_s, struct ota_err *err) {
    uint32_t asked = at_most(a->retry_after, longest_wait(a));
    uint32_t interval = ota_agent_poll_interval(a);
    uint32_t extra;
    if (a->backoff > 0 || undecided(a)) {
        OTA_TRY(random_below(a, backoff_cap(a, interval), &extra, err));
        *sleep_s = 1 + extra;
    } else {
        OTA_TRY(random_below(a, interval / 2 + 1, &extra, err));
        *sleep_s = interval - interval / 4 + extra;
    }
    if (a->wait_s)
        OTA_TRY(wake_for_window(a, sleep_s, err));
    if (*sleep_s < asked)
        *sleep_s = asked;
    return OTA_OK;
}

/* Tries that failed count across resets, so that a board which resets often does not try more often. */
static uint32_t next_backoff(const struct ota_agent *a) {
    uint32_t n = a->backoff + 1u;
    if (a->copy_again)
        return a->tries.copies;
    if (a->last.code == OTA_OK)
        return 0;
    if (ota_agent_counts(a->last.code) && a->tries.counter == a->journal.counter && a->tries.failed > n)
        n = a->tries.failed;
    return at_most(n, BACKOFF_STEPS_MAX);
}

enum ota_status ota_run(struct ota_agent *a, uint32_t *sleep_s, struct ota_err *err) {
    *sleep_s = 0;
    if (a->fed) {
        *sleep_s = FED_SLEEP_S; /* the stream owns journal and buffers */
        return OTA_OK;
    }
    if (a->copy_again)
        a->reboot = true; /* only ota_boot() may copy, before anything uses the partitions */
    if (a->reboot)
        return OTA_OK;
    a->wait_s = 0;
    memset(&a->last, 0, sizeof a->last);
    a->retry_after = 0;
    ota_agent_begin_proof(a);
    ota_agent_drive(a, ota_agent_abandoned(a) ? OTA_EVENT_BOOT_ABANDONED : OTA_EVENT_TIMER);
    ota_agent_end_proof(a);
    if (a->reboot)
        return OTA_OK;
    a->copy_again = a->journal.phase == OTA_PHASE_COMMITTED;
    a->backoff = next_backoff(a);
    return next_sleep(a, sleep_s, err);
}

void ota_poll_now(struct ota_agent *a) {
    a->force = a->asked = true;
}
