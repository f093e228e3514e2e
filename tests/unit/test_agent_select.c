/* SPDX-License-Identifier: Apache-2.0 */
/* Which release a board takes: what a lost state may not bring back, and whose word counts for which release. */
#include <stdio.h>

#include "support/unit.h"

#include "support/fake_world.h"

static int setup(void **state) {
    *state = world_new();
    return 0;
}

static int teardown(void **state) {
    world_free(*state);
    return 0;
}

static void list_app(struct world *w, uint32_t counter, uint32_t from_min) {
    char version[16];
    snprintf(version, sizeof version, "%u.0.0", counter);
    OTA_CLEAN(ota_buf_free) struct ota_buf app = fake_app(version, false);
    struct ota_release *r = fake_server_release(w->server, counter, version);
    r->from_min = from_min;
    fake_server_image(w->server, r, OTA_KIND_APP, OTA_LABEL_APP, "app.bin", ota_buf_span(&app));
}

static void offer(struct world *w, uint32_t stone, uint32_t counter) {
    fake_server_offer(w->server, counter);
    w->server->channel.path_count = 2;
    w->server->channel.path[0] = stone;
    w->server->channel.path[1] = counter;
    fake_server_publish(w->server);
}

/* ---- counter unknown ----------------------------------------------------------------------------------- */

/* What runs is listed no more and ota_state is gone: the stepping stone may be older than it, so it is not taken. */
static void test_agent_select_unknown_counter_takes_no_stepping_stone(void **state) {
    struct world *w = *state;
    struct ota_buf app = fake_app("2.0.0", false);
    fake_board_flash(w->board, FAKE_SLOT_0, ota_buf_span(&app));
    list_app(w, 3, 2);
    offer(w, 1, 3);
    assert_true(world_run(w));
    assert_true(w->agent->counter_unknown);
    assert_int_equal(w->agent->last.code, OTA_COUNTER);
    assert_non_null(strstr(w->agent->last.msg, "offer a release with from_min 0"));
    assert_int_equal(w->board->running, FAKE_SLOT_0);
    assert_int_equal(w->server->image_requests, 0);
    /* The way out that the message names. */
    list_app(w, 4, 0);
    offer(w, 3, 4);
    assert_true(world_run(w));
    assert_int_equal(w->agent->board.counter, 4);
    assert_int_equal(w->board->running, FAKE_SLOT_1);
    ota_buf_free(&app);
}

/* The channel's key alone cannot send a board back: its release is out of reach, and so is the stone below the board. */
static void test_agent_select_takes_no_stone_below_the_board(void **state) {
    struct world *w = *state;
    world_settle(w);
    list_app(w, 2, 0);
    offer(w, 1, 2);
    assert_true(world_run(w));
    assert_int_equal(w->agent->board.counter, 2);
    const uint32_t running = w->board->running;
    list_app(w, 3, 3);
    offer(w, 1, 3);
    assert_true(world_run(w));
    assert_int_equal(w->agent->last.code, OTA_COUNTER);
    assert_int_equal(w->agent->board.counter, 2);
    assert_int_equal(w->board->running, running);
}

/* ---- whose word counts --------------------------------------------------------------------------------- */

static void expect_delegation(struct world *w, const char *what) {
    assert_true(world_run(w));
    assert_int_not_equal(w->agent->last.code, OTA_OK);
    assert_non_null(strstr(w->agent->last.msg, what));
    assert_int_equal(w->board->running, FAKE_SLOT_0);
    assert_int_equal(w->server->image_requests, 0);
}

/* A role delegated one release lists another as its stepping stone. */
static void test_agent_select_role_speaks_for_its_own_releases_only(void **state) {
    struct world *w = *state;
    world_settle(w);
    list_app(w, 2, 0);
    list_app(w, 3, 2);
    offer(w, 2, 3);
    fake_server_delegate(w->server, "img/thermo/3/*");
    fake_server_publish(w->server);
    expect_delegation(w, "release 2: img/thermo/2/release.txt is not");
    fake_server_delegate(w->server, NULL);
    fake_server_publish(w->server);
    assert_true(world_run(w));
    assert_int_equal(w->agent->board.counter, 2);
}

static void test_agent_select_role_speaks_for_its_own_files_only(void **state) {
    struct world *w = *state;
    world_settle(w);
    list_app(w, 2, 0);
    fake_server_offer(w->server, 2);
    fake_server_delegate(w->server, "img/thermo/*/release.txt");
    fake_server_publish(w->server);
    expect_delegation(w, "may not list app.bin, only img/thermo/*/release.txt");
}

/* Nor does it tell a board what runs on it. */
static void test_agent_select_counter_is_recovered_by_right_only(void **state) {
    struct world *w = *state;
    list_app(w, 2, 0);
    fake_server_offer(w->server, 2);
    w->server->channel.permille = 0;
    fake_server_delegate(w->server, "img/thermo/2/*");
    fake_server_publish(w->server);
    assert_true(world_run(w));
    assert_true(w->agent->counter_unknown);
}

/* ---- what a board reads though it is not offered anything ---------------------------------------------- */

static void test_agent_select_reads_a_changed_product_role(void **state) {
    struct world *w = *state;
    world_settle(w);
    fake_server_publish(w->server); /* signed anew, offering release 1 as before */
    unsigned before = w->server->requests;
    assert_true(world_run(w));
    assert_true(ota_trust_complete(&w->agent->trust));
    assert_int_equal(w->agent->trust.ts.floor, FAKE_NOW - 60);
    /* timestamp, 2.root, snapshot; targets and rollout; targets and thermo */
    assert_int_equal(w->server->requests, before + 7);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_agent_select_unknown_counter_takes_no_stepping_stone),
        TEST(test_agent_select_takes_no_stone_below_the_board),
        TEST(test_agent_select_role_speaks_for_its_own_releases_only),
        TEST(test_agent_select_role_speaks_for_its_own_files_only),
        TEST(test_agent_select_counter_is_recovered_by_right_only),
        TEST(test_agent_select_reads_a_changed_product_role),
    };
    return cmocka_run_group_tests_name("agent_select", tests, NULL, NULL);
}
