/* SPDX-License-Identifier: Apache-2.0 */
/* An app confirmed while no server answered: it is left alone with its network, and the app before it has a look. */
#include <stdio.h>

#include "support/unit.h"

#include "support/fake_world.h"

#define HOUR_MS (3600ull * 1000u)

static struct ota_err err;
static struct world *world;
static bool broken; /* the new app's network stack */
static enum ota_status (*sound_open)(void *, const struct ota_request *, struct ota_response *, struct ota_err *);

static enum ota_status open_or_not(void *ctx, const struct ota_request *req, struct ota_response *resp,
                                   struct ota_err *e) {
    if (broken && world->board->running == FAKE_SLOT_1)
        return ota_err_set(e, OTA_NETWORK, "the network stack does not start");
    return sound_open(ctx, req, resp, e);
}

static int setup(void **state) {
    struct world *w = world = world_new();
    broken = false;
    sound_open = w->server->port.open;
    w->server->port.open = open_or_not;
    world_settle(w);
    *state = w;
    return 0;
}

static int teardown(void **state) {
    world_free(*state);
    return 0;
}

/* Release 2 is confirmed offline in slot 1, and the server stays away. */
static void confirm_offline(struct world *w) {
    world_release_2(w, "a");
    assert_ota_ok(ota_run(w->agent, &w->sleep_s, &err));
    assert_true(world_start(w));
    w->server->down = true;
    assert_true(world_run(w));
    assert_int_equal(w->board->running, FAKE_SLOT_1);
    assert_string_equal(w->agent->report.message, "confirmed-offline");
    assert_int_equal(w->agent->journal.phase, OTA_PHASE_IDLE);
    assert_int_equal(w->agent->alone.old_app_offset, FAKE_SLOT_0);
}

/* Lives on for so long; how often the old app ran. A board whose server is away sleeps up to an hour. */
static unsigned live(struct world *w, unsigned hours) {
    unsigned looks = 0;
    bool old = false;
    for (uint64_t ms = 0; ms < hours * HOUR_MS;) {
        assert_ota_ok(ota_run(w->agent, &w->sleep_s, &err));
        w->board->uptime_ms += 1000ull * w->sleep_s;
        w->board->now += w->sleep_s;
        ms += 1000ull * w->sleep_s;
        if (w->agent->reboot)
            assert_true(world_start(w));
        if (w->board->running == FAKE_SLOT_0 && !old)
            looks++;
        old = w->board->running == FAKE_SLOT_0;
    }
    return looks;
}

static void test_agent_alone_healthy_app_comes_back_from_each_look(void **state) {
    struct world *w = *state;
    confirm_offline(w);
    const unsigned images = w->server->image_requests;
    assert_int_equal(live(w, 5), 0);
    assert_in_range(live(w, 7 * 24), 6, 10); /* after 6 and 12 hours, then once a day */
    w->server->down = false;
    live(w, 3);
    world_expect_release_2(w, "a");
    assert_int_equal(w->agent->alone.old_app_offset, 0);
    assert_in_range(w->server->image_requests - images, 0, 1); /* none, unless the old app looked just then */
    assert_int_equal(live(w, 72), 0);
}

/* Its own network is at fault: the app before it finds the server, stays, and gives the release up. */
static void test_agent_alone_app_without_network_goes(void **state) {
    struct world *w = *state;
    broken = true;
    confirm_offline(w);
    w->server->down = false;
    live(w, 12);
    world_expect_release_1(w);
    assert_int_equal(w->agent->board.failed_counter, 2);
    assert_int_equal(w->agent->alone.old_app_offset, 0);
    live(w, 72);
    world_expect_release_1(w);
}

static void test_agent_alone_one_verified_run_ends_it(void **state) {
    struct world *w = *state;
    confirm_offline(w);
    w->server->down = false;
    assert_true(world_run(w));
    assert_int_equal(w->agent->alone.old_app_offset, 0);
    w->server->down = true;
    assert_int_equal(live(w, 72), 0);
    world_expect_release_2(w, "a");
}

/* Across resets, by the clock. */
static void test_agent_alone_is_kept_across_resets(void **state) {
    struct world *w = *state;
    confirm_offline(w);
    const uint64_t began = w->board->now;
    while (w->board->now < began + 4 * 3600u) { /* and an hour at most beyond it */
        assert_int_equal(live(w, 1), 0);
        assert_true(world_start(w));
    }
    assert_int_equal(live(w, 5), 1); /* the board was on for an hour at a time, and six have passed */
}

static void test_agent_alone_application_may_say_no(void **state) {
    struct world *w = *state;
    confirm_offline(w);
    w->board->refuse_activation = true;
    assert_int_equal(live(w, 72), 0);
    w->board->refuse_activation = false;
    assert_in_range(live(w, 3), 1, 1);
}

/* Wherever the power goes around a look: the board runs, and ends on the release that works. */
static void test_agent_alone_power_cut_in_a_look(void **state) {
    struct world *w = *state;
    struct fake_saved before;
    confirm_offline(w);
    live(w, 5);
    fake_board_save(w->board, &before);
    const uint64_t now = w->board->now;
    for (uint64_t cut = 1; cut <= 16; cut++) {
        fake_board_restore(w->board, &before);
        w->board->now = now + 7 * 3600u;
        w->server->down = true;
        w->board->cut_at = cut;
        bool up = world_start(w);
        for (unsigned i = 0; up && i < 60; i++) {
            if (ota_run(w->agent, &w->sleep_s, &err) != OTA_OK || w->board->off)
                break;
            w->board->uptime_ms += 1000ull * w->sleep_s;
            w->board->now += w->sleep_s;
            if (w->agent->reboot)
                up = world_start(w);
        }
        w->board->cut_at = 0;
        w->server->down = false;
        assert_true(world_start(w));
        live(w, 3);
        if (!fake_board_holds(w->board, FAKE_SLOT_1, ota_buf_span(&w->two.app)) || w->board->running != FAKE_SLOT_1 ||
            w->agent->board.counter != 2)
            fail_msg("cut %llu: runs 0x%x at release %u", (unsigned long long)cut, w->board->running,
                     w->agent->board.counter);
    }
    fake_saved_free(&before);
}

static void test_agent_alone_record_round_trip(void **unused) {
    struct ota_alone_record in = {.old_app_offset = 0x20000, .looks = 3, .since = 1800000000}, out;
    uint8_t bytes[32];
    size_t len;
    (void)unused;
    assert_ota_ok(ota_alone_encode(&in, bytes, sizeof bytes, &len, &err));
    assert_ota_ok(ota_alone_decode((struct ota_span){bytes, len}, &out, &err));
    assert_int_equal(out.old_app_offset, in.old_app_offset);
    assert_int_equal(out.looks, in.looks);
    assert_int_equal(out.since, in.since);
    for (size_t i = 0; i < len; i++)
        assert_ota(ota_alone_decode((struct ota_span){bytes, i}, &out, &err), OTA_JOURNAL);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_agent_alone_healthy_app_comes_back_from_each_look),
        TEST(test_agent_alone_app_without_network_goes),
        TEST(test_agent_alone_one_verified_run_ends_it),
        TEST(test_agent_alone_is_kept_across_resets),
        TEST(test_agent_alone_application_may_say_no),
        TEST(test_agent_alone_power_cut_in_a_look),
        cmocka_unit_test(test_agent_alone_record_round_trip),
    };
    return cmocka_run_group_tests_name("agent_alone", tests, NULL, NULL);
}
