/* SPDX-License-Identifier: Apache-2.0 */
/* A server that cannot prove its name any more: what still flows, from when on, and what never does. */
#include "support/unit.h"

#include "support/fake_world.h"

#define ALL (1u << OTA_ADDRESS_METADATA | 1u << OTA_ADDRESS_TARGETS | 1u << OTA_ADDRESS_API)

static struct ota_err err;

static int setup(void **state) {
    *state = world_new();
    return 0;
}

static int teardown(void **state) {
    world_free(*state);
    return 0;
}

static bool reported(const struct world *w, const char *part) {
    return w->server->report.p && strstr(ota_buf_text(&w->server->report), part);
}

#define INTERVAL_MS 3600000u

/* Polls by the clock that fail for want of a proof, and leave the board as it was. */
static void fail_polls(struct world *w, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        w->board->uptime_ms += INTERVAL_MS / 2;
        assert_true(world_run(w));
        assert_int_equal(w->agent->last.code, OTA_TLS);
        assert_int_equal(w->server->unproven, 0);
        world_expect_release_1(w);
    }
}

static void test_agent_server_retired_ca_orphans_no_board(void **state) {
    struct world *w = *state;
    world_settle(w);
    unsigned reports = w->server->reports;
    w->server->retired = ALL;
    world_release_2(w, "a");
    fail_polls(w, OTA_UNPROVEN_POLLS);
    assert_int_equal(w->agent->server.unproven, OTA_UNPROVEN_POLLS);
    assert_true(world_run(w));
    world_expect_release_2(w, "a");
    assert_true(fake_board_logged(w->board, "metadata is fetched without it"));
    assert_true(fake_board_logged(w->board, "images are fetched without it"));
    assert_true(fake_board_logged(w->board, "report: kept until the server proves its name"));
    assert_int_equal(w->agent->last.code, OTA_OK);
    assert_int_equal(w->server->reports, reports);
    /* A new certificate: the report says how the release was confirmed. */
    w->server->retired = 0;
    assert_true(world_run(w));
    assert_true(reported(w, "\"result\":\"installed\""));
    assert_true(reported(w, "\"message\":\"confirmed-unauthenticated\""));
    assert_int_equal(w->agent->server.unproven, 0);
}

/* Nothing is left to install: the first report that travels names the trouble. The store is written once for each of
 * the polls that count, and for the note. */
static void test_agent_server_trouble_is_told_later(void **state) {
    struct world *w = *state;
    world_settle(w);
    w->server->retired = ALL;
    fail_polls(w, OTA_UNPROVEN_POLLS);
    for (unsigned i = 0; i < 5; i++) {
        assert_true(world_run(w));
        assert_int_equal(w->agent->last.code, OTA_OK);
        assert_int_equal(w->agent->backoff, 0);
    }
    assert_int_equal(w->board->kv_writes, OTA_UNPROVEN_POLLS + 1);
    assert_int_equal(w->board->flash_writes, 0);
    w->server->retired = 0;
    assert_true(world_run(w));
    assert_true(reported(w, "\"code\":\"tls\""));
    assert_true(reported(w, "did not prove its name"));
    assert_true(world_run(w));
    assert_true(reported(w, "\"code\":\"ok\""));
}

static void test_agent_server_count_survives_resets(void **state) {
    struct world *w = *state;
    world_settle(w);
    w->server->retired = ALL;
    for (unsigned i = 0; i < OTA_UNPROVEN_POLLS; i++) {
        fail_polls(w, 1);
        assert_true(world_start(w));
    }
    assert_true(world_run(w));
    assert_int_equal(w->agent->last.code, OTA_OK);
    assert_true(w->server->unproven > 0);
}

/* A damaged record counts as none. */
static void test_agent_server_damaged_count_begins_anew(void **state) {
    struct world *w = *state;
    world_settle(w);
    w->server->retired = ALL;
    fail_polls(w, OTA_UNPROVEN_POLLS);
    assert_ota_ok(w->board->kv_port.set(w->board, "server", "\1\3\0\0\0\0", 6, &err));
    assert_true(world_start(w));
    fail_polls(w, OTA_UNPROVEN_POLLS);
}

/* One that runs, as a captive portal would have it; the next comes `sleep_ms` later. */
static void fail_run(struct world *w, uint64_t sleep_ms) {
    assert_ota_ok(ota_run(w->agent, &w->sleep_s, &err));
    assert_int_equal(w->agent->last.code, OTA_TLS);
    w->board->uptime_ms += sleep_ms;
}

/* After a failure the board comes again within seconds: that is one poll, however often. */
static void test_agent_server_tries_in_between_do_not_count(void **state) {
    struct world *w = *state;
    world_settle(w);
    w->server->retired = ALL;
    for (unsigned i = 0; i < 10; i++)
        fail_run(w, 10000);
    assert_int_equal(w->agent->server.unproven, 1);
    w->board->uptime_ms += INTERVAL_MS / 2 - 100001;
    fail_run(w, 1);
    assert_int_equal(w->agent->server.unproven, 1);
    fail_run(w, 0);
    assert_int_equal(w->agent->server.unproven, 2);
    fail_run(w, INTERVAL_MS / 2);
    assert_int_equal(w->agent->server.unproven, 2);
    fail_run(w, 0);
    assert_int_equal(w->agent->server.unproven, OTA_UNPROVEN_POLLS);
    assert_int_equal(w->server->unproven, 0);
    assert_true(world_run(w));
    assert_int_equal(w->agent->last.code, OTA_OK);
}

/* Somebody with a button does not count, but in place of the clock: a board that is asked so often that it never polls
 * of itself is not orphaned either. */
static void test_agent_server_polls_by_hand_do_not_count(void **state) {
    struct world *w = *state;
    world_settle(w);
    w->server->retired = ALL;
    w->board->uptime_ms = INTERVAL_MS / 2;
    for (unsigned i = 0; i < 10; i++) {
        ota_poll_now(w->agent);
        fail_run(w, 1000);
    }
    assert_int_equal(w->agent->server.unproven, 0);
    fail_run(w, INTERVAL_MS / 2);
    assert_int_equal(w->agent->server.unproven, 1);
    ota_poll_now(w->agent);
    fail_run(w, INTERVAL_MS / 4 * 3);
    assert_int_equal(w->agent->server.unproven, 1);
    ota_poll_now(w->agent);
    fail_run(w, 0);
    assert_int_equal(w->agent->server.unproven, 2);
}

static void test_agent_server_that_is_not_reached_does_not_count(void **state) {
    struct world *w = *state;
    world_settle(w);
    w->server->retired = ALL;
    fail_polls(w, OTA_UNPROVEN_POLLS - 1);
    w->server->down = true;
    for (unsigned i = 0; i < 5; i++)
        assert_true(world_run(w));
    assert_int_equal(w->agent->server.unproven, OTA_UNPROVEN_POLLS - 1);
    w->server->down = false;
    fail_polls(w, 1);
}

static void test_agent_server_one_proof_sets_the_count_back(void **state) {
    struct world *w = *state;
    world_settle(w);
    for (unsigned i = 0; i < 3; i++) {
        w->server->retired = ALL;
        fail_polls(w, OTA_UNPROVEN_POLLS - 1);
        w->server->retired = 0;
        assert_true(world_run(w));
        assert_int_equal(w->agent->last.code, OTA_OK);
        assert_int_equal(w->agent->server.unproven, 0);
    }
}

/* The images lie elsewhere, and only that server lost its proof. */
static void test_agent_server_of_images_alone(void **state) {
    struct world *w = *state;
    world_settle(w);
    w->server->retired = 1u << OTA_ADDRESS_TARGETS;
    world_release_2(w, "a");
    fail_polls(w, OTA_UNPROVEN_POLLS);
    assert_true(world_run(w));
    world_expect_release_2(w, "a");
    assert_false(fake_board_logged(w->board, "metadata is fetched without it"));
    assert_true(reported(w, "\"result\":\"installed\""));
    assert_false(reported(w, "confirmed-unauthenticated"));
}

/* The API's proof is nobody's business but the reports'. */
static void test_agent_server_of_reports_does_not_count(void **state) {
    struct world *w = *state;
    world_settle(w);
    w->server->retired = 1u << OTA_ADDRESS_API;
    w->agent->report.pending = true;
    for (unsigned i = 0; i < 5; i++) {
        assert_true(world_run(w));
        assert_int_equal(w->agent->last.code, OTA_TLS);
    }
    assert_int_equal(w->agent->server.unproven, 0);
    assert_int_equal(w->server->unproven, 0);
}

/* The app before had a proof, so the new one is not confirmed without, however long it waits. */
static void test_agent_server_without_proof_confirms_no_app_that_owes_it(void **state) {
    struct world *w = *state;
    world_settle(w);
    world_release_2(w, "a");
    w->server->retired = ALL;
    fail_polls(w, OTA_UNPROVEN_POLLS);
    w->server->retired = 0;
    w->agent->server.unproven = 0;
    assert_ota_ok(ota_run(w->agent, &w->sleep_s, &err));
    assert_true(w->agent->reboot);
    assert_true(world_start(w));
    assert_true(w->agent->journal.authenticated);
    w->agent->server.unproven = OTA_UNPROVEN_POLLS;
    w->server->retired = ALL;
    for (unsigned i = 0; i < 5; i++) {
        assert_ota_ok(ota_run(w->agent, &w->sleep_s, &err));
        assert_int_equal(w->agent->state, OTA_STATE_CONFIRMING);
        assert_int_equal(w->agent->last.code, OTA_TLS);
        assert_int_equal(w->server->unproven, 0);
    }
    w->server->retired = 0;
    assert_true(world_run(w));
    world_expect_release_2(w, "a");
}

/* What is refused is refused over either transport; time stands for nobody. */
static void test_agent_server_without_proof_may_not_send_what_is_expired(void **state) {
    struct world *w = *state;
    world_settle(w);
    w->server->retired = ALL;
    fail_polls(w, OTA_UNPROVEN_POLLS);
    w->board->now = FAKE_NOW + 31 * 86400ull;
    assert_true(world_run(w));
    assert_int_equal(w->agent->last.code, OTA_EXPIRED);
    world_expect_release_1(w);
}

/* An ETag that came without a proof ends no run of a server that has one. */
static void test_agent_server_with_proof_is_asked_without_a_strangers_etag(void **state) {
    struct world *w = *state;
    world_settle(w);
    w->server->retired = ALL;
    fail_polls(w, OTA_UNPROVEN_POLLS);
    unsigned before = w->server->conditional;
    assert_true(world_run(w));
    assert_int_equal(w->server->conditional, before + 1);
    w->server->retired = 0;
    for (unsigned i = 0; i < 2; i++) {
        assert_true(world_run(w));
        assert_int_equal(w->server->conditional, before + 1);
    }
    assert_true(world_run(w));
    assert_int_equal(w->server->conditional, before + 2);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_agent_server_retired_ca_orphans_no_board),
        TEST(test_agent_server_trouble_is_told_later),
        TEST(test_agent_server_count_survives_resets),
        TEST(test_agent_server_damaged_count_begins_anew),
        TEST(test_agent_server_tries_in_between_do_not_count),
        TEST(test_agent_server_polls_by_hand_do_not_count),
        TEST(test_agent_server_that_is_not_reached_does_not_count),
        TEST(test_agent_server_one_proof_sets_the_count_back),
        TEST(test_agent_server_of_images_alone),
        TEST(test_agent_server_of_reports_does_not_count),
        TEST(test_agent_server_without_proof_confirms_no_app_that_owes_it),
        TEST(test_agent_server_without_proof_may_not_send_what_is_expired),
        TEST(test_agent_server_with_proof_is_asked_without_a_strangers_etag),
    };
    return cmocka_run_group_tests_name("agent_server", tests, NULL, NULL);
}
