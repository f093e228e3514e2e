/* SPDX-License-Identifier: Apache-2.0 */
/* What a network can do to a download: the running slot stays untouched, the reason is named, and what was received is not lost. */
#include "support/unit.h"

#include "support/fake_world.h"

#define BROKEN_AT 9000u /* bytes of the app, whose two first sectors are then kept */
#define KEPT 8192u

static int setup(void **state) {
    struct world *w = world_new();
    world_settle(w);
    world_release_2(w, "a");
    w->server->fault_path = "app.bin";
    *state = w;
    return 0;
}

static int teardown(void **state) {
    world_free(*state);
    return 0;
}

static void expect_refused(struct world *w, enum ota_status code) {
    assert_true(world_run(w));
    if (w->agent->last.code != code)
        fail_msg("refused with %s (%s), wanted %s", ota_status_name(w->agent->last.code), w->agent->last.msg,
                 ota_status_name(code));
    assert_non_null(strstr(w->agent->last.msg, OTA_LABEL_APP));
    world_expect_release_1(w);
    assert_int_equal(w->boots, 1);
}

static void expect_installed(struct world *w) {
    w->server->fault_path = NULL;
    assert_true(world_run(w));
    world_expect_release_2(w, "a");
}

static void test_agent_download_resumes_where_it_broke(void **state) {
    struct world *w = *state;
    w->server->break_after = BROKEN_AT;
    expect_refused(w, OTA_NETWORK);
    assert_int_equal(w->agent->journal.step[0].done, KEPT);
    uint64_t before = w->server->image_bytes;
    expect_installed(w);
    assert_int_equal(w->server->ranges, 1);
    assert_int_equal(w->server->image_bytes - before, w->two.app.len - KEPT);
    assert_true(fake_board_logged(w->board, "@ota resumed at 8192 of 12240 bytes: 8192 bytes saved"));
}

/* A reset in between: the journal, not memory, knows how far it came; the manifest has not changed since. */
static void test_agent_download_resumes_after_a_reset(void **state) {
    struct world *w = *state;
    w->server->break_after = BROKEN_AT;
    expect_refused(w, OTA_NETWORK);
    assert_true(world_start(w));
    uint64_t before = w->server->image_bytes;
    expect_installed(w);
    assert_int_equal(w->server->image_bytes - before, w->two.app.len - KEPT);
}

static void test_agent_download_starts_over_when_the_etag_changed(void **state) {
    struct world *w = *state;
    w->server->break_after = BROKEN_AT;
    expect_refused(w, OTA_NETWORK);
    strcpy(fake_server_served(w->server, 2, "app.bin")->etag, "\"other\"");
    uint64_t before = w->server->image_bytes;
    expect_installed(w);
    assert_int_equal(w->server->image_bytes - before, w->two.app.len);
    assert_true(fake_board_logged(w->board, "the server's file has changed: starts over"));
}

/* A part that is not the one asked for, and one of another file under the same path. */
static void test_agent_download_part_from_elsewhere_is_not_used(void **state) {
    struct world *w = *state;
    w->server->break_after = BROKEN_AT;
    expect_refused(w, OTA_NETWORK);
    w->server->range_shift = 16;
    uint64_t before = w->server->image_bytes;
    expect_installed(w);
    assert_true(w->server->image_bytes - before >= w->two.app.len);
    assert_true(fake_board_logged(w->board, "the server's file has changed: starts over"));
}

/* By a server that does not heed If-Range. */
static void test_agent_download_part_of_another_file_is_not_used(void **state) {
    struct world *w = *state;
    w->server->break_after = BROKEN_AT;
    expect_refused(w, OTA_NETWORK);
    w->server->any_if_range = true;
    strcpy(fake_server_served(w->server, 2, "app.bin")->etag, "\"other\"");
    expect_installed(w);
    assert_true(fake_board_logged(w->board, "the server's file has changed: starts over"));
}

/* The staged beginning was damaged in flash: the digest finds it, and the next run fetches everything. */
static void test_agent_download_damaged_prefix_is_found(void **state) {
    struct world *w = *state;
    w->server->break_after = BROKEN_AT;
    expect_refused(w, OTA_NETWORK);
    w->board->flash[FAKE_SLOT_1 + 100] ^= 1;
    expect_refused(w, OTA_HASH);
    assert_int_equal(w->agent->journal.step[0].done, 0);
    expect_installed(w);
}

static enum ota_status (*sound_write)(void *ctx, uint32_t offset, const void *bytes, size_t n, struct ota_err *err);

/* A worn cell in the slot: one bit reads back other than written. What was hashed on its way in says nothing about it. */
static enum ota_status write_to_worn_flash(void *ctx, uint32_t offset, const void *bytes, size_t n,
                                           struct ota_err *err) {
    struct fake_board *b = ctx;
    const uint32_t worn = FAKE_SLOT_1 + 5000u;
    OTA_TRY(sound_write(ctx, offset, bytes, n, err));
    if (offset <= worn && worn < offset + n)
        b->flash[worn] ^= 1;
    return OTA_OK;
}

static void test_agent_download_staged_bytes_are_read_back(void **state) {
    struct world *w = *state;
    sound_write = w->board->flash_port.write;
    w->board->flash_port.write = write_to_worn_flash;
    expect_refused(w, OTA_READBACK);
    assert_non_null(strstr(w->agent->last.msg, "does not hold what was written there"));
    assert_int_equal(w->agent->journal.step[0].done, 0);
    w->board->flash_port.write = sound_write;
    expect_installed(w);
}

static void test_agent_download_other_bytes_are_refused(void **state) {
    struct world *w = *state;
    struct fake_file *f = fake_server_served(w->server, 2, "app.bin");
    f->bytes.p[5000] ^= 1;
    expect_refused(w, OTA_HASH);
    assert_non_null(strstr(ota_buf_text(&w->server->report), "\"code\":\"hash\""));
    assert_non_null(strstr(ota_buf_text(&w->server->report), "\"stage\":\"stage\""));
    f->bytes.p[5000] ^= 1;
    expect_installed(w);
}

static void test_agent_download_wrong_content_length_is_refused(void **state) {
    struct world *w = *state;
    w->server->announce = 5;
    expect_refused(w, OTA_LENGTH);
    assert_int_equal(w->server->image_bytes, 0);
    expect_installed(w);
}

static void test_agent_download_too_many_bytes_are_refused(void **state) {
    struct world *w = *state;
    w->server->announce = w->two.app.len;
    w->server->append = 1;
    expect_refused(w, OTA_LENGTH);
    expect_installed(w);
}

static void test_agent_download_unbounded_body_is_refused(void **state) {
    struct world *w = *state;
    w->server->announce = OTA_LENGTH_UNKNOWN;
    w->server->append = 100000;
    expect_refused(w, OTA_LENGTH);
    assert_true(w->server->image_bytes <= w->two.app.len + 1);
    expect_installed(w);
}

static void test_agent_download_truncated_body_is_refused(void **state) {
    struct world *w = *state;
    w->server->announce = w->two.app.len;
    w->server->drop = 1000;
    expect_refused(w, OTA_TRUNCATED);
    expect_installed(w);
}

static void test_agent_download_missing_file_names_the_remedy(void **state) {
    struct world *w = *state;
    w->server->status = 404;
    expect_refused(w, OTA_HTTP);
    assert_non_null(strstr(w->agent->last.msg, "push it again"));
    expect_installed(w);
}

static void test_agent_download_obeys_retry_after(void **state) {
    struct world *w = *state;
    w->server->status = 503;
    w->server->retry_after = 9000;
    expect_refused(w, OTA_HTTP);
    assert_true(w->sleep_s >= 9000);
    expect_installed(w);
}

/* Nobody signs Retry-After: it must not switch a board off. */
static void test_agent_download_retry_after_is_at_most_a_day(void **state) {
    struct world *w = *state;
    w->server->status = 503;
    w->server->retry_after = UINT32_MAX;
    expect_refused(w, OTA_HTTP);
    assert_int_equal(w->sleep_s, 24 * 3600);
    expect_installed(w);
}

static void test_agent_download_silent_server_costs_no_write(void **state) {
    struct world *w = *state;
    uint32_t longest = 0;
    w->server->down = true;
    for (unsigned i = 0; i < 30; i++) {
        assert_true(world_run(w));
        assert_int_equal(w->agent->last.code, OTA_NETWORK);
        longest = w->sleep_s > longest ? w->sleep_s : longest;
    }
    assert_int_equal(w->board->ops, 0);
    assert_in_range(longest, 60, 3601); /* backs off, but no longer than a poll */
    w->server->down = false;
    expect_installed(w);
}

/* ---- withdrawn ----------------------------------------------------------------------------------------- */

static void withdraw(struct fake_server *s) {
    fake_server_offer(s, 1);
    fake_server_publish(s);
}

static void test_agent_download_withdrawn_meanwhile_is_dropped(void **state) {
    struct world *w = *state;
    w->server->on_image = withdraw;
    assert_true(world_run(w));
    assert_int_equal(w->agent->last.code, OTA_WITHDRAWN);
    world_expect_release_1(w);
    assert_int_equal(w->agent->journal.phase, OTA_PHASE_IDLE);
    assert_int_equal(w->agent->board.failed_counter, 0);
    fake_server_offer(w->server, 2);
    fake_server_publish(w->server);
    expect_installed(w);
}

static void test_agent_download_withdrawn_before_resuming_is_dropped(void **state) {
    struct world *w = *state;
    w->server->break_after = BROKEN_AT;
    expect_refused(w, OTA_NETWORK);
    withdraw(w->server);
    assert_true(world_run(w));
    world_expect_release_1(w);
    assert_int_equal(w->agent->journal.phase, OTA_PHASE_IDLE);
    assert_true(fake_board_logged(w->board, "withdrawn while it was being installed; dropped"));
}

/* A newer release takes the place of one that is half downloaded. */
static void test_agent_download_newer_release_replaces_the_plan(void **state) {
    struct world *w = *state;
    w->server->break_after = BROKEN_AT;
    expect_refused(w, OTA_NETWORK);
    struct ota_buf app = fake_app("3.0.0", false);
    struct ota_release *r = fake_server_release(w->server, 3, "3.0.0");
    fake_server_image(w->server, r, OTA_KIND_APP, OTA_LABEL_APP, "app.bin", ota_buf_span(&app));
    fake_server_offer(w->server, 3);
    fake_server_publish(w->server);
    assert_true(world_run(w));
    assert_int_equal(w->agent->board.counter, 3);
    assert_true(fake_board_holds(w->board, FAKE_SLOT_1, ota_buf_span(&app)));
    assert_int_equal(w->server->ranges, 0);
    ota_buf_free(&app);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_agent_download_resumes_where_it_broke),
        TEST(test_agent_download_resumes_after_a_reset),
        TEST(test_agent_download_starts_over_when_the_etag_changed),
        TEST(test_agent_download_part_from_elsewhere_is_not_used),
        TEST(test_agent_download_part_of_another_file_is_not_used),
        TEST(test_agent_download_damaged_prefix_is_found),
        TEST(test_agent_download_staged_bytes_are_read_back),
        TEST(test_agent_download_other_bytes_are_refused),
        TEST(test_agent_download_wrong_content_length_is_refused),
        TEST(test_agent_download_too_many_bytes_are_refused),
        TEST(test_agent_download_unbounded_body_is_refused),
        TEST(test_agent_download_truncated_body_is_refused),
        TEST(test_agent_download_missing_file_names_the_remedy),
        TEST(test_agent_download_obeys_retry_after),
        TEST(test_agent_download_retry_after_is_at_most_a_day),
        TEST(test_agent_download_silent_server_costs_no_write),
        TEST(test_agent_download_withdrawn_meanwhile_is_dropped),
        TEST(test_agent_download_withdrawn_before_resuming_is_dropped),
        TEST(test_agent_download_newer_release_replaces_the_plan),
    };
    return cmocka_run_group_tests_name("agent_download", tests, NULL, NULL);
}
