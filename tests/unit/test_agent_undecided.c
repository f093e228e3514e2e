/* SPDX-License-Identifier: Apache-2.0 */
/* A new app that must go while something is in the way: a store that fails, or no app to go back to. Random walks of
 * the simulated board found these boards, each waiting for a reset that nobody gave it. */
#include "support/unit.h"

#include "support/fake_world.h"

static struct ota_err err;

static int setup(void **state) {
    struct world *w = world_new();
    world_settle(w);
    *state = w;
    return 0;
}

static int teardown(void **state) {
    world_free(*state);
    return 0;
}

static enum ota_status full(void *ctx, const char *key, const void *p, size_t len, struct ota_err *e) {
    (void)ctx;
    (void)p;
    (void)len;
    return ota_err_set(e, OTA_KV, "no room for %s", key);
}

/* Until the new app runs, not yet tested. */
static void install(struct world *w) {
    assert_ota_ok(ota_run(w->agent, &w->sleep_s, &err));
    assert_true(w->agent->reboot);
    assert_true(world_start(w));
    assert_int_equal(w->board->running, FAKE_SLOT_1);
    assert_int_equal(w->agent->state, OTA_STATE_TESTING);
}

static void reach_3(struct world *w) {
    struct ota_buf app = fake_app("3.0.0", false);
    struct ota_release *r = fake_server_release(w->server, 3, "3.0.0");
    fake_server_image(w->server, r, OTA_KIND_APP, OTA_LABEL_APP, "app.bin", ota_buf_span(&app));
    fake_server_offer(w->server, 3);
    fake_server_publish(w->server);
    assert_true(world_run(w));
    assert_int_equal(w->agent->board.counter, 3);
    assert_int_equal(w->agent->journal.phase, OTA_PHASE_IDLE);
    assert_true(fake_board_holds(w->board, w->board->running, ota_buf_span(&app)));
    ota_buf_free(&app);
}

/* Walk 1479: the self-test had failed and the journal could not say so; the app stayed, on trial, and did no more. */
static void test_agent_undecided_rolls_back_though_the_store_fails(void **state) {
    struct world *w = *state;
    world_release_2(w, "F");
    install(w);
    enum ota_status (*set)(void *, const char *, const void *, size_t, struct ota_err *) = w->board->kv_port.set;
    w->board->kv_port.set = full;
    assert_ota_ok(ota_run(w->agent, &w->sleep_s, &err));
    assert_true(w->agent->reboot);
    w->board->kv_port.set = set;
    assert_true(world_start(w));
    assert_true(world_run(w));
    world_expect_release_1(w);
    assert_int_equal(w->agent->board.failed_counter, 2);
    reach_3(w);
}

/* Walk 1249: the old app could not write its verdict in ota_boot(), and waited for itself ever after. */
static void test_agent_undecided_old_app_decides_once_the_store_works(void **state) {
    struct world *w = *state;
    world_release_2(w, "F");
    install(w);
    assert_ota_ok(ota_run(w->agent, &w->sleep_s, &err));
    assert_true(w->agent->reboot);
    enum ota_status (*set)(void *, const char *, const void *, size_t, struct ota_err *) = w->board->kv_port.set;
    w->board->kv_port.set = full;
    assert_true(world_start(w));
    assert_int_equal(w->board->running, FAKE_SLOT_0);
    assert_int_equal(w->agent->journal.phase, OTA_PHASE_CONFIRMING);
    w->board->kv_port.set = set;
    assert_ota_ok(ota_run(w->agent, &w->sleep_s, &err));
    assert_int_equal(w->agent->journal.phase, OTA_PHASE_IDLE);
    assert_int_equal(w->agent->board.failed_counter, 2);
    reach_3(w);
}

static void break_old_app(struct world *w) {
    static const uint8_t zeros[16];
    fake_board_flash(w->board, FAKE_SLOT_0, (struct ota_span){zeros, sizeof zeros});
}

/* Walk 252: a bootloader without rollback, and no app to go back to. */
static void test_agent_undecided_stays_and_takes_the_next_release(void **state) {
    struct world *w = *state;
    w->board->no_rollback = true;
    world_release_2(w, "F");
    install(w);
    break_old_app(w);
    assert_ota_ok(ota_run(w->agent, &w->sleep_s, &err));
    assert_false(w->agent->reboot);
    assert_int_equal(w->agent->journal.phase, OTA_PHASE_IDLE);
    assert_int_equal(w->agent->board.failed_counter, 2);
    assert_true(w->agent->counter_unknown);
    assert_true(strstr(ota_buf_text(&w->server->report), "\"result\":\"failed\"") != NULL);
    assert_true(world_run(w));
    assert_int_equal(w->agent->board.counter, 2);
    reach_3(w);
}

/* Walk 349: otadata names no other app, but the bootloader may find one: a reset decides, and only one. */
static void test_agent_undecided_leaves_it_to_the_bootloader(void **state) {
    struct world *w = *state;
    world_release_2(w, "F");
    install(w);
    break_old_app(w);
    assert_ota_ok(ota_run(w->agent, &w->sleep_s, &err));
    assert_true(w->agent->reboot);
    assert_true(world_start(w));
    assert_int_equal(w->board->running, FAKE_SLOT_1);
    assert_ota_ok(ota_run(w->agent, &w->sleep_s, &err));
    assert_false(w->agent->reboot);
    assert_int_equal(w->agent->board.failed_counter, 2);
    reach_3(w);
}

static enum ota_status cut_at_activation(void *ctx, uint32_t offset, struct ota_err *e) {
    struct fake_board *b = ctx;
    (void)offset;
    b->off = true;
    return ota_err_set(e, OTA_FLASH, "no power");
}

/* Walk 6036: otadata still called the slot INVALID for the release before, and power was cut just before it was
 * written: the new release had declared nothing. */
static void test_agent_undecided_is_not_judged_by_the_release_before(void **state) {
    struct world *w = *state;
    world_release_2(w, "F");
    assert_true(world_run(w));
    world_expect_release_1(w);
    enum ota_status (*activate)(void *, uint32_t, struct ota_err *) = w->board->boot_port.activate;
    w->board->boot_port.activate = cut_at_activation;
    struct ota_buf app = fake_app("3.0.0", false);
    struct ota_release *r = fake_server_release(w->server, 3, "3.0.0");
    fake_server_image(w->server, r, OTA_KIND_APP, OTA_LABEL_APP, "app.bin", ota_buf_span(&app));
    fake_server_offer(w->server, 3);
    fake_server_publish(w->server);
    assert_false(world_run(w));
    w->board->boot_port.activate = activate;
    assert_true(world_start(w));
    assert_true(world_run(w));
    assert_int_equal(w->agent->board.counter, 3);
    assert_int_equal(w->agent->board.failed_counter, 0);
    ota_buf_free(&app);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_agent_undecided_rolls_back_though_the_store_fails),
        TEST(test_agent_undecided_old_app_decides_once_the_store_works),
        TEST(test_agent_undecided_stays_and_takes_the_next_release),
        TEST(test_agent_undecided_leaves_it_to_the_bootloader),
        TEST(test_agent_undecided_is_not_judged_by_the_release_before),
    };
    return cmocka_run_group_tests_name("agent_undecided", tests, NULL, NULL);
}
