/* SPDX-License-Identifier: Apache-2.0 */
/* How long and how often: failed tries, the deadline of an update, deferral and the maintenance window. */
#include "core/agent_private.h"

#define DEADLINE_S (7u * 24u * 3600u)
#define SPENT_PARTS 16u /* of the deadline; the time spent is written down once in each */
#define DAY_MINUTES 1440u

/* ---- tries --------------------------------------------------------------------------------------------- */

bool ota_agent_counts(enum ota_status code) {
    switch (code) {
    case OTA_NETWORK:
    case OTA_TLS:
    case OTA_TIMEOUT:
    case OTA_TRUNCATED:
    case OTA_HTTP:
    case OTA_INTERRUPTED:
    case OTA_WITHDRAWN:
    case OTA_KV: /* nothing can be written down */
        return false;
    default:
        return true;
    }
}

/* Those of the release in the journal. */
static struct ota_tries_record *tries(struct ota_agent *a) {
    if (a->tries.counter != a->journal.counter)
        a->tries = (struct ota_tries_record){.counter = a->journal.counter};
    return &a->tries;
}

enum ota_status ota_agent_count_try(struct ota_agent *a, const char *stage, bool own, const struct ota_err *why,
                                    struct ota_err *err) {
    struct ota_tries_record *t = tries(a);
    const bool full = t->failed >= OTA_TRIES_MAX;
    if (!full)
        t->failed++;
    if (own && t->failed >= OTA_TRIES_MAX) {
        ota_log(a->cfg.log, OTA_LOG_ERROR,
                "release %u (%s): given up after %u tries: it waits until channel %s "
                "offers another",
                (unsigned)a->journal.counter, a->journal.version, t->failed, a->cfg.identity.channel);
        return ota_agent_give_up(a, OTA_RESULT_FAILED, stage, why, err);
    }
    if (!full)
        OTA_TRY(ota_agent_save_tries(a, err));
    return ota_agent_note(a, OTA_RESULT_FAILED, stage, a->journal.counter, why, err);
}

enum ota_status ota_agent_count_copy(struct ota_agent *a, const struct ota_err *why, bool *again, struct ota_err *err) {
    struct ota_tries_record *t = tries(a);
    *again = t->copies + 1u < OTA_COPY_TRIES_MAX;
    if (!*again)
        return OTA_OK;
    t->copies++;
    OTA_TRY(ota_agent_save_tries(a, err));
    return ota_agent_note(a, OTA_RESULT_FAILED, "copy", a->journal.counter, why, err);
}

enum ota_status ota_agent_forget_tries(struct ota_agent *a, struct ota_err *err) {
    return a->tries.counter ? ota_agent_drop_tries(a, err) : OTA_OK;
}

/* ---- deadline ------------------------------------------------------------------------------------------ */

void ota_agent_skip_time(struct ota_agent *a) {
    a->spent_ms = ota_agent_uptime(a);
}

enum ota_status ota_agent_spend_time(struct ota_agent *a, struct ota_err *err) {
    struct ota_journal *j = &a->journal;
    const uint32_t deadline = a->cfg.deadline_s ? a->cfg.deadline_s : DEADLINE_S;
    const uint32_t before = j->spent_s, part = deadline / SPENT_PARTS + 1u;
    const uint32_t passed = (uint32_t)((ota_agent_uptime(a) - a->spent_ms) / 1000u);
    a->spent_ms += passed * 1000ull;
    j->spent_s = passed < UINT32_MAX - before ? before + passed : UINT32_MAX;
    if (j->spent_s >= deadline)
        return ota_err_set(err, OTA_TIMEOUT, "release %u (%s): not installed within %u s: begins anew",
                           (unsigned)j->counter, j->version, (unsigned)deadline);
    if (before / part == j->spent_s / part)
        return OTA_OK;
    return ota_agent_save_journal(a, err);
}

/* ---- deferral ------------------------------------------------------------------------------------------ */

enum ota_status ota_defer(struct ota_agent *a, uint32_t seconds, struct ota_err *err) {
    uint64_t now;
    if (seconds > OTA_DEFER_MAX_S)
        return ota_err_set(err, OTA_ARGUMENT, "updates can be put off for %u s at most", OTA_DEFER_MAX_S);
    a->defer_ms = seconds ? ota_agent_uptime(a) + seconds * 1000ull : 0;
    if (seconds == 0 || !a->cfg.clock->now(a->cfg.clock->ctx, &now))
        return a->defer.until ? ota_agent_drop_defer(a, err) : OTA_OK; /* an older word does not come back either */
    a->defer.until = now + seconds;
    return ota_agent_save_defer(a, err);
}

bool ota_agent_deferred(struct ota_agent *a) {
    const uint64_t up = ota_agent_uptime(a);
    uint64_t now, left = 0;
    if (up < a->defer_ms)
        left = (a->defer_ms - up + 999u) / 1000u;
    else if (a->defer_ms == 0 && a->defer.until && a->cfg.clock->now(a->cfg.clock->ctx, &now) && now < a->defer.until)
        left = a->defer.until - now;
    if (left == 0 || left > OTA_DEFER_MAX_S) /* a clock that was wrong defers nothing for years */
        return false;
    ota_log(a->cfg.log, OTA_LOG_INFO, "release %u (%s): put off by the application for %u s more",
            (unsigned)a->release.counter, a->release.version, (unsigned)left);
    return true;
}

bool ota_agent_put_off(struct ota_agent *a) {
    const struct ota_hooks *hooks = &a->cfg.hooks;
    if (ota_agent_deferred(a))
        return true;
    if (!hooks->may_start || hooks->may_start(hooks->ctx, &a->release))
        return false;
    ota_log(a->cfg.log, OTA_LOG_INFO, "release %u (%s): the application says not now", (unsigned)a->release.counter,
            a->release.version);
    return true;
}

/* ---- window -------------------------------------------------------------------------------------------- */

bool ota_agent_in_window(struct ota_agent *a) {
    const struct ota_maintenance *w = &a->cfg.window;
    uint64_t now;
    a->wait_s = 0;
    if (w->from == w->to)
        return true;
    if (!a->cfg.clock->now(a->cfg.clock->ctx, &now)) {
        ota_log(a->cfg.log, OTA_LOG_WARNING, "without a clock the maintenance window is not kept");
        return true;
    }
    const uint32_t second = (uint32_t)(now % 86400u), minute = second / 60u;
    if (w->from < w->to ? minute >= w->from && minute < w->to : minute >= w->from || minute < w->to)
        return true;
    a->wait_s = (w->from + DAY_MINUTES - minute) % DAY_MINUTES * 60u - second % 60u;
    ota_log(a->cfg.log, OTA_LOG_INFO, "release %u (%s): is staged and waits for the window at %02u:%02u UTC, %u s",
            (unsigned)a->journal.counter, a->journal.version, w->from / 60u, w->from % 60u, (unsigned)a->wait_s);
    return false;
}
