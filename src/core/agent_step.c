/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's transition table: what to do next, as a pure function of state and event. */
#include "ota/agent.h"

static const char *const state_names[] = {
    [OTA_STATE_IDLE] = "idle",
    [OTA_STATE_POLLING] = "polling",
    [OTA_STATE_PLANNING] = "planning",
    [OTA_STATE_STAGING] = "staging",
    [OTA_STATE_CHECKING] = "checking",
    [OTA_STATE_COMMITTING] = "committing",
    [OTA_STATE_REBOOTING] = "rebooting",
    [OTA_STATE_COPYING] = "copying",
    [OTA_STATE_ACTIVATING] = "activating",
    [OTA_STATE_TESTING] = "testing",
    [OTA_STATE_CONFIRMING] = "confirming",
    [OTA_STATE_ROLLING_BACK] = "rolling-back",
    [OTA_STATE_REPORTING] = "reporting",
};
static const char *const event_names[] = {
    [OTA_EVENT_BOOT_IDLE] = "boot-idle",
    [OTA_EVENT_BOOT_COMMITTED] = "boot-committed",
    [OTA_EVENT_BOOT_NEW_APP] = "boot-new-app",
    [OTA_EVENT_BOOT_ABANDONED] = "boot-abandoned",
    [OTA_EVENT_TIMER] = "timer",
    [OTA_EVENT_BUNDLE] = "bundle",
    [OTA_EVENT_DONE] = "done",
    [OTA_EVENT_NOTHING] = "nothing",
    [OTA_EVENT_WAIT] = "wait",
    [OTA_EVENT_FAILED] = "failed",
};
static const char *const action_names[] = {
    [OTA_ACTION_SLEEP] = "sleep",         [OTA_ACTION_POLL] = "poll",   [OTA_ACTION_PLAN] = "plan",
    [OTA_ACTION_STAGE] = "stage",         [OTA_ACTION_CHECK] = "check", [OTA_ACTION_COMMIT] = "commit",
    [OTA_ACTION_REBOOT] = "reboot",       [OTA_ACTION_COPY] = "copy",   [OTA_ACTION_ACTIVATE] = "activate",
    [OTA_ACTION_SELF_TEST] = "self-test", [OTA_ACTION_PROVE] = "prove", [OTA_ACTION_ROLL_BACK] = "roll-back",
    [OTA_ACTION_REPORT] = "report",
};
_Static_assert(OTA_ARRAY_LEN(state_names) == OTA_STATE_COUNT, "a state has no name");
_Static_assert(OTA_ARRAY_LEN(event_names) == OTA_EVENT_COUNT, "an event has no name");
_Static_assert(OTA_ARRAY_LEN(action_names) == OTA_ACTION_COUNT, "an action has no name");

const char *ota_state_name(enum ota_state s) {
    return (unsigned)s < OTA_STATE_COUNT ? state_names[s] : "unknown";
}

const char *ota_event_name(enum ota_event e) {
    return (unsigned)e < OTA_EVENT_COUNT ? event_names[e] : "unknown";
}

const char *ota_action_name(enum ota_action a) {
    return (unsigned)a < OTA_ACTION_COUNT ? action_names[a] : "unknown";
}

struct transition {
    uint8_t state, event, next, action;
};

#define ROW(state, event, next, action) \
    { OTA_STATE_##state, OTA_EVENT_##event, OTA_STATE_##next, OTA_ACTION_##action }

/* clang-format off */
static const struct transition transitions[] = {
    ROW(IDLE, BOOT_IDLE, IDLE, SLEEP),
    ROW(IDLE, BOOT_COMMITTED, COPYING, COPY),
    ROW(IDLE, BOOT_NEW_APP, TESTING, SLEEP),            /* the self-test wants a running system: ota_run() */
    ROW(IDLE, BOOT_ABANDONED, ACTIVATING, ACTIVATE),
    ROW(IDLE, TIMER, POLLING, POLL),
    ROW(IDLE, BUNDLE, CHECKING, CHECK),

    ROW(POLLING, DONE, PLANNING, PLAN),
    ROW(POLLING, NOTHING, REPORTING, REPORT),
    ROW(POLLING, BOOT_ABANDONED, ACTIVATING, ACTIVATE), /* the server is back: another trial for the new app */
    ROW(POLLING, FAILED, REPORTING, REPORT),

    ROW(PLANNING, DONE, STAGING, STAGE),
    ROW(PLANNING, NOTHING, REPORTING, REPORT),
    ROW(PLANNING, WAIT, REPORTING, REPORT),
    ROW(PLANNING, FAILED, REPORTING, REPORT),

    ROW(STAGING, DONE, CHECKING, CHECK),
    ROW(STAGING, WAIT, REPORTING, REPORT),              /* staged; put off, or outside the window */
    ROW(STAGING, FAILED, REPORTING, REPORT),

    ROW(CHECKING, DONE, COMMITTING, COMMIT),
    ROW(CHECKING, FAILED, REPORTING, REPORT),

    ROW(COMMITTING, DONE, REBOOTING, REBOOT),
    ROW(COMMITTING, WAIT, REPORTING, REPORT),
    ROW(COMMITTING, FAILED, REPORTING, REPORT),

    ROW(COPYING, DONE, ACTIVATING, ACTIVATE),
    ROW(COPYING, FAILED, IDLE, SLEEP),                  /* no network in ota_boot(): reported by the next run */
    ROW(ACTIVATING, DONE, REBOOTING, REBOOT),
    ROW(ACTIVATING, NOTHING, IDLE, SLEEP),              /* the release had no app: all is in place */
    ROW(ACTIVATING, FAILED, IDLE, SLEEP),

    ROW(TESTING, TIMER, TESTING, SELF_TEST),
    ROW(TESTING, DONE, CONFIRMING, PROVE),
    ROW(TESTING, FAILED, ROLLING_BACK, ROLL_BACK),
    ROW(CONFIRMING, TIMER, CONFIRMING, PROVE),
    ROW(CONFIRMING, DONE, REPORTING, REPORT),
    ROW(CONFIRMING, WAIT, CONFIRMING, SLEEP),
    ROW(CONFIRMING, FAILED, ROLLING_BACK, ROLL_BACK),
    ROW(ROLLING_BACK, DONE, REBOOTING, REBOOT),
    ROW(ROLLING_BACK, FAILED, REPORTING, REPORT),       /* nothing else could boot: stay with what runs */

    ROW(REPORTING, DONE, IDLE, SLEEP),
    ROW(REPORTING, NOTHING, IDLE, SLEEP),
    ROW(REPORTING, FAILED, IDLE, SLEEP),
};
/* clang-format on */

enum ota_action ota_step(enum ota_state *state, enum ota_event event) {
    for (size_t i = 0; i < OTA_ARRAY_LEN(transitions); i++) {
        const struct transition *t = &transitions[i];
        if (t->state == (uint8_t)*state && t->event == (uint8_t)event) {
            *state = (enum ota_state)t->next;
            return (enum ota_action)t->action;
        }
    }
    return OTA_ACTION_SLEEP;
}
