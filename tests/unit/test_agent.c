/* SPDX-License-Identifier: Apache-2.0 */
/* The agent as a whole on a board in memory, against a signed repository: what is installed, skipped, refused, rolled back. */
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

static void expect_refused(struct world *w, enum ota_status code) {
    assert_true(world_run(w));
    if (w->agent->last.code != code)
        fail_msg("refused with %s (%s), wanted %s", ota_status_name(w->agent->last.code), w->agent->last.msg,
                 ota_status_name(code));
    world_expect_release_1(w);
}

/* ---- installing ---------------------------------------------------------------------------------------- */

static void test_agent_factory_board_finds_its_counter(void **state) {
    struct world *w = *state;
    assert_true(world_run(w));
    assert_int_equal(w->agent->board.counter, 1);
    assert_false(w->agent->counter_unknown);
    assert_int_equal(w->server->reports, 1);
    assert_non_null(strstr(ota_buf_text(&w->server->report), "\"counter\":1"));
}

static void test_agent_idle_poll_is_one_request_and_writes_nothing(void **state) {
    struct world *w = *state;
    world_settle(w);
    unsigned before = w->server->requests;
    assert_true(world_run(w));
    assert_int_equal(w->server->requests, before + 1);
    assert_int_equal(w->board->ops, 0);
}

static void test_agent_poll_now_makes_one_full_run(void **state) {
    struct world *w = *state;
    world_settle(w);
    ota_poll_now(w->agent);
    unsigned before = w->server->requests;
    assert_true(world_run(w));
    assert_true(w->server->requests > before + 1); /* the root chain is asked for, too */
    before = w->server->requests;
    assert_true(world_run(w));
    assert_int_equal(w->server->requests, before + 1);
}

static void test_agent_app_only(void **state) {
    struct world *w = *state;
    world_settle(w);
    world_release_2(w, "a");
    assert_true(world_run(w));
    world_expect_release_2(w, "a");
    assert_int_equal(w->boots, 2);
    assert_non_null(strstr(ota_buf_text(&w->server->report), "\"result\":\"installed\""));
    unsigned before = w->server->requests;
    assert_true(world_run(w));
    assert_int_equal(w->server->requests, before + 1);
}

static void test_agent_four_kinds_with_table_round(void **state) {
    struct world *w = *state;
    world_settle(w);
    world_release_2(w, "tsba");
    assert_true(world_run(w));
    world_expect_release_2(w, "tsba");
    const char *report = ota_buf_text(&w->server->report);
    assert_non_null(strstr(report, "\"label\":\"storage\""));
    assert_non_null(strstr(report, "\"mixed\":false"));
    /* factory, after the table was staged, under the new table, after the rest was staged (and copied), the new app */
    assert_int_equal(w->boots, 5);
}

static void test_agent_data_only_needs_no_confirmation(void **state) {
    struct world *w = *state;
    world_settle(w);
    world_release_2(w, "s");
    assert_true(world_run(w));
    assert_int_equal(w->board->running, FAKE_SLOT_0);
    world_expect_release_2(w, "s");
}

static void test_agent_identical_content_is_skipped(void **state) {
    struct world *w = *state;
    world_settle(w);
    struct ota_release *r = fake_server_release(w->server, 2, "2.0.0");
    fake_server_image(w->server, r, OTA_KIND_TABLE, OTA_LABEL_TABLE, "partition-table.bin",
                      ota_buf_span(&w->one.table));
    fake_server_image(w->server, r, OTA_KIND_DATA, "storage", "storage.bin", ota_buf_span(&w->one.storage));
    fake_server_image(w->server, r, OTA_KIND_APP, OTA_LABEL_APP, "app.bin", ota_buf_span(&w->one.app));
    fake_server_offer(w->server, 2);
    fake_server_publish(w->server);
    assert_true(world_run(w));
    assert_int_equal(w->server->image_requests, 0);
    assert_int_equal(w->board->flash_writes, 0);
    assert_int_equal(w->agent->board.counter, 2);
    assert_true(fake_board_logged(w->board, "storage is there already: skipped"));
}

/* What the board wrote into an installed partition is not undone by the next release of the same content. */
static void test_agent_data_the_board_changed_is_kept(void **state) {
    struct world *w = *state;
    world_settle(w);
    world_release_2(w, "sa");
    assert_true(world_run(w));
    world_expect_release_2(w, "sa");
    w->board->flash[FAKE_STORAGE + 5] ^= 0x55;
    uint8_t changed = w->board->flash[FAKE_STORAGE + 5];
    struct ota_release *r = fake_server_release(w->server, 3, "3.0.0");
    fake_server_image(w->server, r, OTA_KIND_DATA, "storage", "storage.bin", ota_buf_span(&w->two.storage));
    fake_server_image(w->server, r, OTA_KIND_APP, OTA_LABEL_APP, "app.bin", ota_buf_span(&w->one.app));
    fake_server_offer(w->server, 3);
    fake_server_publish(w->server);
    assert_true(world_run(w));
    assert_int_equal(w->agent->board.counter, 3);
    assert_int_equal(w->board->flash[FAKE_STORAGE + 5], changed);
    assert_false(w->agent->mixed);
}

/* ---- waiting ------------------------------------------------------------------------------------------- */

static void test_agent_board_outside_the_share_waits(void **state) {
    struct world *w = *state;
    world_settle(w);
    world_release_2(w, "a");
    w->server->channel.permille = 0;
    fake_server_publish(w->server);
    assert_true(world_run(w));
    world_expect_release_1(w);
    assert_int_equal(w->server->image_requests, 0);
    w->server->channel.permille = 1000;
    fake_server_publish(w->server);
    assert_true(world_run(w));
    world_expect_release_2(w, "a");
}

static void test_agent_other_group_waits(void **state) {
    struct world *w = *state;
    world_settle(w);
    world_release_2(w, "a");
    strcpy(w->server->channel.group[0], "hom");
    fake_server_publish(w->server);
    assert_true(world_run(w));
    world_expect_release_1(w);
    strcpy(w->server->channel.group[0], "home");
    fake_server_publish(w->server);
    assert_true(world_run(w));
    world_expect_release_2(w, "a");
}

/* The application's no is asked again at every poll, though the manifest has not changed. */
static void test_agent_application_may_defer(void **state) {
    struct world *w = *state;
    world_settle(w);
    world_release_2(w, "a");
    w->board->refuse_start = true;
    assert_true(world_run(w));
    world_expect_release_1(w);
    assert_int_equal(w->agent->last.code, OTA_OK);
    uint64_t ops = w->board->ops;
    assert_true(world_run(w));
    assert_int_equal(w->board->ops, ops); /* asking wears nothing */
    w->board->refuse_start = false;
    w->board->refuse_activation = true;
    assert_true(world_run(w));
    world_expect_release_1(w);
    assert_int_equal(w->agent->journal.phase, OTA_PHASE_STAGING);
    w->board->refuse_activation = false;
    unsigned images = w->server->image_requests;
    assert_true(world_run(w));
    world_expect_release_2(w, "a");
    assert_int_equal(w->server->image_requests, images);
}

static void test_agent_stepping_stone_comes_first(void **state) {
    struct world *w = *state;
    world_settle(w);
    world_release_2(w, "a");
    struct ota_release *r = fake_server_release(w->server, 3, "3.0.0");
    r->from_min = 2;
    struct ota_buf app = fake_app("3.0.0", false);
    fake_server_image(w->server, r, OTA_KIND_APP, OTA_LABEL_APP, "app.bin", ota_buf_span(&app));
    fake_server_offer(w->server, 3);
    fake_server_publish(w->server);
    expect_refused(w, OTA_COUNTER);
    w->server->channel.path_count = 2;
    w->server->channel.path[0] = 2;
    w->server->channel.path[1] = 3;
    fake_server_publish(w->server);
    assert_true(world_run(w));
    world_expect_release_2(w, "a");
    assert_true(world_run(w));
    assert_int_equal(w->agent->board.counter, 3);
    ota_buf_free(&app);
}

static void test_agent_board_ahead_of_its_channel_waits(void **state) {
    struct world *w = *state;
    world_settle(w);
    world_release_2(w, "a");
    assert_true(world_run(w));
    fake_server_offer(w->server, 1);
    fake_server_publish(w->server);
    assert_true(world_run(w));
    world_expect_release_2(w, "a");
    assert_true(fake_board_logged(w->board, "channel stable is at release 1, this board at 2: it waits"));
}

/* ---- a store that fails -------------------------------------------------------------------------------- */

static struct fake_board *full_board;
static const struct ota_agent *full_agent;
static enum ota_status (*set_key)(void *ctx, const char *name, const void *p, size_t len, struct ota_err *e);

/* Refuses the first journal that goes beyond staging. */
static enum ota_status full_once(void *ctx, const char *name, const void *p, size_t len, struct ota_err *e) {
    if (strcmp(name, "journal") != 0 || full_agent->journal.phase <= OTA_PHASE_STAGING)
        return set_key(ctx, name, p, len, e);
    full_board->kv_port.set = set_key;
    return ota_err_set(e, OTA_KV, "no room");
}

/* One write that fails at the commit costs one run, not every update until the next reset. */
static void test_agent_commit_that_could_not_be_written_is_repeated(void **state) {
    struct world *w = *state;
    static const char *const kinds[] = {"a", "sa"};
    for (size_t i = 0; i < OTA_ARRAY_LEN(kinds); i++) {
        world_settle(w);
        world_release_2(w, kinds[i]);
        full_board = w->board;
        full_agent = w->agent;
        set_key = w->board->kv_port.set;
        w->board->kv_port.set = full_once;
        assert_true(world_run(w));
        assert_int_equal(w->agent->last.code, OTA_KV);
        assert_int_equal(w->agent->journal.phase, OTA_PHASE_STAGING);
        assert_int_equal(w->agent->journal.activations, 0);
        world_expect_release_1(w);
        unsigned images = w->server->image_requests;
        assert_true(world_run(w));
        world_expect_release_2(w, kinds[i]);
        assert_int_equal(w->server->image_requests, images);
        world_free(w);
        w = *state = world_new();
    }
}

/* ---- refusing ------------------------------------------------------------------------------------------ */

static void test_agent_wrong_chip_is_refused_before_download(void **state) {
    struct world *w = *state;
    world_settle(w);
    strcpy(world_release_2(w, "a")->chip, "esp32s3");
    fake_server_publish(w->server);
    expect_refused(w, OTA_CHIP);
    assert_int_equal(w->server->image_requests, 0);
    assert_non_null(strstr(ota_buf_text(&w->server->report), "\"code\":\"chip\""));
}

static void test_agent_wrong_chip_in_the_image_is_refused_by_its_head(void **state) {
    struct world *w = *state;
    world_settle(w);
    struct ota_buf app = fake_app("2.0.0", false);
    app.p[12] = 9; /* signed as an esp32c3 release, built for esp32s3 */
    struct ota_release *r = fake_server_release(w->server, 2, "2.0.0");
    fake_server_image(w->server, r, OTA_KIND_APP, OTA_LABEL_APP, "app.bin", ota_buf_span(&app));
    fake_server_offer(w->server, 2);
    fake_server_publish(w->server);
    expect_refused(w, OTA_CHIP);
    assert_int_equal(w->board->flash_writes, 0);
    assert_int_equal(w->agent->board.failed_counter, 0); /* a mirror's first bytes, for all the board knows */
    assert_int_equal(w->agent->tries.failed, 1);
    ota_buf_free(&app);
}

static void test_agent_other_boot_configuration_is_refused(void **state) {
    struct world *w = *state;
    world_settle(w);
    world_release_2(w, "ba")->boot.secure_boot = 2;
    fake_server_publish(w->server);
    expect_refused(w, OTA_BOOT_CONFIG);
    assert_int_equal(w->server->image_requests, 0);
}

static void test_agent_channel_the_signer_did_not_allow_is_refused(void **state) {
    struct world *w = *state;
    world_settle(w);
    strcpy(world_release_2(w, "a")->channel[0], "beta");
    fake_server_publish(w->server);
    expect_refused(w, OTA_CHANNEL);
}

static void test_agent_unknown_label_is_refused(void **state) {
    struct world *w = *state;
    world_settle(w);
    struct ota_buf data = fake_data("x", 64);
    struct ota_release *r = fake_server_release(w->server, 2, "2.0.0");
    fake_server_image(w->server, r, OTA_KIND_DATA, "nowhere", "nowhere.bin", ota_buf_span(&data));
    fake_server_offer(w->server, 2);
    fake_server_publish(w->server);
    expect_refused(w, OTA_LABEL);
    assert_non_null(strstr(w->agent->last.msg, "nowhere"));
    ota_buf_free(&data);
}

/* No hole, no staging partition, and the passive slot too small behind the new app: nothing is downloaded. */
static void test_agent_no_room_is_refused_before_download(void **state) {
    struct world *w = *state;
    struct ota_err err;
    struct ota_table t = {0};
    struct ota_span now = {w->one.table.p, w->one.table.len};
    struct ota_agent_config cfg = fake_board_config(w->board, &w->server->port, (struct ota_span){0});
    assert_ota_ok(ota_table_read(now, cfg.crypto, &t, &err));
    t.row[t.count - 1].size = FAKE_FLASH_SIZE - FAKE_STORAGE;
    assert_ota_ok(ota_table_write(&t, cfg.crypto, w->board->flash + FAKE_TABLE_OFFSET, &err));
    world_settle(w);
    struct ota_buf app = fake_app("2.0.0", false), data = fake_data("big", 0x40000), tail = fake_data("more", 0x150000);
    ota_buf_append(&app, tail.p, tail.len); /* what follows the image proper, as a signature does */
    struct ota_release *r = fake_server_release(w->server, 2, "2.0.0");
    fake_server_image(w->server, r, OTA_KIND_DATA, "storage", "storage.bin", ota_buf_span(&data));
    fake_server_image(w->server, r, OTA_KIND_APP, OTA_LABEL_APP, "app.bin", ota_buf_span(&app));
    fake_server_offer(w->server, 2);
    fake_server_publish(w->server);
    expect_refused(w, OTA_STAGING);
    assert_int_equal(w->server->image_requests, 0);
    ota_buf_free(&app);
    ota_buf_free(&data);
    ota_buf_free(&tail);
}

static void test_agent_table_that_moves_a_slot_is_refused(void **state) {
    struct world *w = *state;
    struct ota_err err;
    world_settle(w);
    struct ota_table t;
    struct ota_agent_config cfg = fake_board_config(w->board, &w->server->port, (struct ota_span){0});
    assert_ota_ok(ota_table_read(ota_buf_span(&w->one.table), cfg.crypto, &t, &err));
    t.row[4].offset += 0x10000;
    t.row[4].size -= 0x10000;
    uint8_t bytes[OTA_TABLE_LENGTH];
    assert_ota_ok(ota_table_write(&t, cfg.crypto, bytes, &err));
    struct ota_release *r = fake_server_release(w->server, 2, "2.0.0");
    fake_server_image(w->server, r, OTA_KIND_TABLE, OTA_LABEL_TABLE, "partition-table.bin",
                      (struct ota_span){bytes, sizeof bytes});
    fake_server_offer(w->server, 2);
    fake_server_publish(w->server);
    expect_refused(w, OTA_TABLE_CHANGE);
    assert_true(fake_board_holds(w->board, FAKE_TABLE_OFFSET, ota_buf_span(&w->one.table)));
}

static void test_agent_application_may_refuse_an_image(void **state) {
    struct world *w = *state;
    world_settle(w);
    world_release_2(w, "a");
    w->board->refuse_image = true;
    expect_refused(w, OTA_REFUSED_BY_APP);
    assert_int_equal(w->board->flash_writes, 0);
    for (unsigned i = 1; i <= OTA_TRIES_MAX; i++)
        assert_true(world_run(w));
    assert_int_equal(w->agent->board.failed_counter, 0); /* it judges bytes that are not verified yet */
    assert_true(w->sleep_s > 600);
    w->board->refuse_image = false;
    assert_true(world_run(w));
    world_expect_release_2(w, "a");
}

/* ---- what the board knows ------------------------------------------------------------------------------ */

static void test_agent_counter_is_recovered_after_state_was_lost(void **state) {
    struct world *w = *state;
    world_settle(w);
    world_release_2(w, "sa");
    assert_true(world_run(w));
    for (size_t i = 0; i < FAKE_KEYS_MAX; i++)
        fake_board_forget(w->board, w->board->key[i].name);
    uint64_t writes = w->board->flash_writes;
    w->boots = 0;
    assert_true(world_run(w));
    assert_int_equal(w->agent->board.counter, 2);
    assert_int_equal(w->board->flash_writes, writes);
    /* Older releases stay refused. */
    fake_server_offer(w->server, 1);
    fake_server_publish(w->server);
    assert_true(world_run(w));
    world_expect_release_2(w, "sa");
}

static void test_agent_unlisted_app_has_an_unknown_counter(void **state) {
    struct world *w = *state;
    struct ota_buf app = fake_app("0.0.0-dev", false);
    fake_board_flash(w->board, FAKE_SLOT_0, ota_buf_span(&app));
    fake_server_offer(w->server, 1);
    w->server->channel.permille = 0;
    fake_server_publish(w->server);
    assert_true(world_run(w));
    assert_true(w->agent->counter_unknown);
    assert_non_null(strstr(ota_buf_text(&w->server->report), "\"counter_unknown\":true"));
    world_release_2(w, "a");
    assert_true(world_run(w));
    world_expect_release_2(w, "a");
    ota_buf_free(&app);
}

/* A report that the server takes later stays due, and nothing failed. */
static void put_off(struct world *w, int status) {
    w->server->report_status = status;
    w->server->retry_after = 7200;
    assert_true(world_run(w));
    assert_true(w->agent->report.pending);
    assert_int_equal(w->agent->last.code, OTA_OK);
    assert_true(w->sleep_s >= 7200);
}

static void test_agent_report_is_kept_until_it_is_taken(void **state) {
    struct world *w = *state;
    put_off(w, 503);
    put_off(w, 429);
    w->server->report_status = 0;
    assert_true(world_run(w));
    assert_false(w->agent->report.pending);
    assert_non_null(strstr(ota_buf_text(&w->server->report), "\"number\":1"));
    assert_int_equal(w->agent->report.number, 2);
}

static void test_agent_report_refused_is_a_failure(void **state) {
    struct world *w = *state;
    w->server->report_status = 401;
    assert_true(world_run(w));
    assert_true(w->agent->report.pending);
    assert_int_equal(w->agent->last.code, OTA_UNAUTHORIZED);
    w->server->report_status = 400;
    assert_true(world_run(w));
    assert_int_equal(w->agent->last.code, OTA_HTTP);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_agent_factory_board_finds_its_counter),
        TEST(test_agent_idle_poll_is_one_request_and_writes_nothing),
        TEST(test_agent_poll_now_makes_one_full_run),
        TEST(test_agent_app_only),
        TEST(test_agent_four_kinds_with_table_round),
        TEST(test_agent_data_only_needs_no_confirmation),
        TEST(test_agent_identical_content_is_skipped),
        TEST(test_agent_data_the_board_changed_is_kept),
        TEST(test_agent_board_outside_the_share_waits),
        TEST(test_agent_other_group_waits),
        TEST(test_agent_application_may_defer),
        TEST(test_agent_stepping_stone_comes_first),
        TEST(test_agent_board_ahead_of_its_channel_waits),
        TEST(test_agent_commit_that_could_not_be_written_is_repeated),
        TEST(test_agent_wrong_chip_is_refused_before_download),
        TEST(test_agent_wrong_chip_in_the_image_is_refused_by_its_head),
        TEST(test_agent_other_boot_configuration_is_refused),
        TEST(test_agent_channel_the_signer_did_not_allow_is_refused),
        TEST(test_agent_unknown_label_is_refused),
        TEST(test_agent_no_room_is_refused_before_download),
        TEST(test_agent_table_that_moves_a_slot_is_refused),
        TEST(test_agent_application_may_refuse_an_image),
        TEST(test_agent_counter_is_recovered_after_state_was_lost),
        TEST(test_agent_unlisted_app_has_an_unknown_counter),
        TEST(test_agent_report_is_kept_until_it_is_taken),
        TEST(test_agent_report_refused_is_a_failure),
    };
    return cmocka_run_group_tests_name("agent", tests, NULL, NULL);
}
