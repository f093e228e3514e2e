/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's transition table. */
#include "support/unit.h"

#include "ota/agent.h"

static void expect(enum ota_state from, enum ota_event event, enum ota_state to, enum ota_action action) {
    enum ota_state state = from;
    enum ota_action got = ota_step(&state, event);
    if (state != to || got != action)
        fail_msg("%s + %s: got %s, %s; wanted %s, %s", ota_state_name(from), ota_event_name(event),
                 ota_state_name(state), ota_action_name(got), ota_state_name(to), ota_action_name(action));
}

static void test_agent_step_installs_an_app(void **unused) {
    (void)unused;
    expect(OTA_STATE_IDLE, OTA_EVENT_TIMER, OTA_STATE_POLLING, OTA_ACTION_POLL);
    expect(OTA_STATE_POLLING, OTA_EVENT_DONE, OTA_STATE_PLANNING, OTA_ACTION_PLAN);
    expect(OTA_STATE_PLANNING, OTA_EVENT_DONE, OTA_STATE_STAGING, OTA_ACTION_STAGE);
    expect(OTA_STATE_STAGING, OTA_EVENT_DONE, OTA_STATE_CHECKING, OTA_ACTION_CHECK);
    expect(OTA_STATE_CHECKING, OTA_EVENT_DONE, OTA_STATE_COMMITTING, OTA_ACTION_COMMIT);
    expect(OTA_STATE_COMMITTING, OTA_EVENT_DONE, OTA_STATE_REBOOTING, OTA_ACTION_REBOOT);
}

static void test_agent_step_finishes_a_commit_at_boot(void **unused) {
    (void)unused;
    expect(OTA_STATE_IDLE, OTA_EVENT_BOOT_COMMITTED, OTA_STATE_COPYING, OTA_ACTION_COPY);
    expect(OTA_STATE_COPYING, OTA_EVENT_DONE, OTA_STATE_ACTIVATING, OTA_ACTION_ACTIVATE);
    expect(OTA_STATE_ACTIVATING, OTA_EVENT_DONE, OTA_STATE_REBOOTING, OTA_ACTION_REBOOT);
    expect(OTA_STATE_ACTIVATING, OTA_EVENT_NOTHING, OTA_STATE_IDLE, OTA_ACTION_SLEEP);
}

static void test_agent_step_confirms_or_rolls_back(void **unused) {
    (void)unused;
    expect(OTA_STATE_IDLE, OTA_EVENT_BOOT_NEW_APP, OTA_STATE_TESTING, OTA_ACTION_SLEEP);
    expect(OTA_STATE_TESTING, OTA_EVENT_TIMER, OTA_STATE_TESTING, OTA_ACTION_SELF_TEST);
    expect(OTA_STATE_TESTING, OTA_EVENT_DONE, OTA_STATE_CONFIRMING, OTA_ACTION_PROVE);
    expect(OTA_STATE_CONFIRMING, OTA_EVENT_WAIT, OTA_STATE_CONFIRMING, OTA_ACTION_SLEEP);
    expect(OTA_STATE_CONFIRMING, OTA_EVENT_TIMER, OTA_STATE_CONFIRMING, OTA_ACTION_PROVE);
    expect(OTA_STATE_CONFIRMING, OTA_EVENT_DONE, OTA_STATE_REPORTING, OTA_ACTION_REPORT);
    expect(OTA_STATE_TESTING, OTA_EVENT_FAILED, OTA_STATE_ROLLING_BACK, OTA_ACTION_ROLL_BACK);
    expect(OTA_STATE_CONFIRMING, OTA_EVENT_FAILED, OTA_STATE_ROLLING_BACK, OTA_ACTION_ROLL_BACK);
    expect(OTA_STATE_ROLLING_BACK, OTA_EVENT_DONE, OTA_STATE_REBOOTING, OTA_ACTION_REBOOT);
}

/* Whatever happens in a run, it ends in a report and then sleeps: no pair may leave the machine in a state that no event leaves. */
static void test_agent_step_every_failure_leads_to_rest(void **unused) {
    (void)unused;
    static const enum ota_state working[] = {OTA_STATE_POLLING, OTA_STATE_PLANNING, OTA_STATE_STAGING,
                                             OTA_STATE_CHECKING, OTA_STATE_COMMITTING};
    for (size_t i = 0; i < OTA_ARRAY_LEN(working); i++)
        expect(working[i], OTA_EVENT_FAILED, OTA_STATE_REPORTING, OTA_ACTION_REPORT);
    expect(OTA_STATE_COPYING, OTA_EVENT_FAILED, OTA_STATE_IDLE, OTA_ACTION_SLEEP);
    expect(OTA_STATE_ACTIVATING, OTA_EVENT_FAILED, OTA_STATE_IDLE, OTA_ACTION_SLEEP);
    expect(OTA_STATE_REPORTING, OTA_EVENT_FAILED, OTA_STATE_IDLE, OTA_ACTION_SLEEP);
    expect(OTA_STATE_REPORTING, OTA_EVENT_NOTHING, OTA_STATE_IDLE, OTA_ACTION_SLEEP);
}

/* An unlisted pair sleeps where it is, and an unconfirmed app never reaches planning. */
static void test_agent_step_unlisted_pair_sleeps(void **unused) {
    (void)unused;
    expect(OTA_STATE_REBOOTING, OTA_EVENT_TIMER, OTA_STATE_REBOOTING, OTA_ACTION_SLEEP);
    for (enum ota_event e = 0; e < OTA_EVENT_COUNT; e++) {
        for (enum ota_state s = OTA_STATE_TESTING; s <= OTA_STATE_ROLLING_BACK; s++) {
            enum ota_state state = s;
            (void)ota_step(&state, e);
            assert_true(state >= OTA_STATE_TESTING || state == OTA_STATE_REBOOTING);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agent_step_installs_an_app),
        cmocka_unit_test(test_agent_step_finishes_a_commit_at_boot),
        cmocka_unit_test(test_agent_step_confirms_or_rolls_back),
        cmocka_unit_test(test_agent_step_every_failure_leads_to_rest),
        cmocka_unit_test(test_agent_step_unlisted_pair_sleeps),
    };
    return cmocka_run_group_tests_name("agent_step", tests, NULL, NULL);
}
