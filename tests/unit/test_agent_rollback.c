/* SPDX-License-Identifier: Apache-2.0 */
/* The new app's first boots: confirmed, rolled back, given another chance; and what the board says afterwards. */
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

/* Until the new app runs, not yet tested. */
static void install(struct world *w) {
    assert_ota_ok(ota_run(w->agent, &w->sleep_s, &err));
    assert_true(w->agent->reboot);
    assert_true(world_start(w));
    assert_int_equal(w->board->running, FAKE_SLOT_1);
    assert_int_equal(w->agent->state, OTA_STATE_TESTING);
}

static bool reported(const struct world *w, const char *part) {
    return strstr(ota_buf_text(&w->server->report), part) != NULL;
}

static void test_agent_rollback_faulty_app(void **state) {
    struct world *w = *state;
    world_release_2(w, "F");
    assert_true(world_run(w));
    world_expect_release_1(w);
    assert_int_equal(w->agent->board.failed_counter, 2);
    assert_false(w->agent->mixed);
    assert_true(reported(w, "\"result\":\"rolled-back\""));
    assert_true(reported(w, "\"code\":\"self-test\""));
    assert_true(reported(w, "\"version\":\"1.0.0\""));
}

/* Not tried again until the channel offers something else, not even after a reset or a new signature. */
static void test_agent_rollback_rests_until_the_channel_changes(void **state) {
    struct world *w = *state;
    world_release_2(w, "F");
    assert_true(world_run(w));
    unsigned images = w->server->image_requests;
    fake_server_publish(w->server);
    assert_true(world_start(w));
    assert_true(world_run(w));
    world_expect_release_1(w);
    assert_int_equal(w->server->image_requests, images);
    fake_server_offer(w->server, 1);
    fake_server_publish(w->server);
    assert_true(world_run(w));
    assert_int_equal(w->agent->board.failed_counter, 0);
    fake_server_offer(w->server, 2);
    fake_server_publish(w->server);
    assert_true(world_run(w));
    assert_true(w->server->image_requests > images);
}

static void test_agent_rollback_leaves_mixed(void **state) {
    struct world *w = *state;
    world_release_2(w, "sF");
    assert_true(world_run(w));
    world_expect_release_1(w);
    assert_true(w->agent->mixed);
    assert_true(fake_board_holds(w->board, FAKE_STORAGE, ota_buf_span(&w->two.storage)));
    assert_true(reported(w, "\"mixed\":true"));
    assert_true(reported(w, "\"labels\":[{\"counter\":2,\"label\":\"storage\""));
    assert_true(reported(w, "\"counter\":1,\"counter_unknown\":false"));
    /* A repaired release ends the mixture. */
    struct ota_buf app = fake_app("3.0.0", false);
    struct ota_release *r = fake_server_release(w->server, 3, "3.0.0");
    fake_server_image(w->server, r, OTA_KIND_DATA, "storage", "storage.bin", ota_buf_span(&w->two.storage));
    fake_server_image(w->server, r, OTA_KIND_APP, OTA_LABEL_APP, "app.bin", ota_buf_span(&app));
    fake_server_offer(w->server, 3);
    fake_server_publish(w->server);
    assert_true(world_run(w));
    assert_int_equal(w->agent->board.counter, 3);
    assert_false(w->agent->mixed);
    ota_buf_free(&app);
}

static enum ota_status (*erase_sector)(void *ctx, uint32_t off, uint32_t n, struct ota_err *e);

static enum ota_status worn_bootloader(void *ctx, uint32_t off, uint32_t n, struct ota_err *e) {
    if (off < FAKE_TABLE_OFFSET)
        return ota_err_set(e, OTA_FLASH, "sector at 0x%x is worn out", (unsigned)off);
    return erase_sector(ctx, off, n, e);
}

/* Release 3: other storage, and a bootloader. */
static void offer_3(struct world *w, struct ota_span storage, struct ota_span bootloader) {
    struct ota_release *r = fake_server_release(w->server, 3, "3.0.0");
    fake_server_image(w->server, r, OTA_KIND_DATA, "storage", "storage.bin", storage);
    fake_server_image(w->server, r, OTA_KIND_BOOTLOADER, OTA_LABEL_BOOTLOADER, "bootloader.bin", bootloader);
    fake_server_offer(w->server, 3);
    fake_server_publish(w->server);
}

/* A later image of the same release could not be copied: what was copied before it is on record, so that the next release replaces it. */
static void test_agent_rollback_knows_what_was_copied_before_a_failure(void **state) {
    struct world *w = *state;
    world_release_2(w, "sa");
    assert_true(world_run(w));
    world_expect_release_2(w, "sa");
    struct ota_buf storage = fake_data("3.0.0", WORLD_STORAGE_LENGTH), bootloader = fake_bootloader("3.0.0");
    offer_3(w, ota_buf_span(&storage), ota_buf_span(&bootloader));
    erase_sector = w->board->flash_port.erase;
    w->board->flash_port.erase = worn_bootloader;
    for (unsigned i = 0; i < OTA_COPY_TRIES_MAX; i++) {
        assert_int_equal(w->agent->board.failed_counter, 0);
        assert_true(world_run(w)); /* each try after another reset */
    }
    w->board->flash_port.erase = erase_sector;
    assert_int_equal(w->agent->board.counter, 2);
    assert_int_equal(w->agent->board.failed_counter, 3);
    assert_true(w->agent->mixed);
    assert_true(reported(w, "\"labels\":[{\"counter\":3,\"label\":\"storage\""));
    struct ota_buf app = fake_app("4.0.0", false);
    struct ota_release *r = fake_server_release(w->server, 4, "4.0.0");
    fake_server_image(w->server, r, OTA_KIND_DATA, "storage", "storage.bin", ota_buf_span(&w->two.storage));
    fake_server_image(w->server, r, OTA_KIND_APP, OTA_LABEL_APP, "app.bin", ota_buf_span(&app));
    fake_server_offer(w->server, 4);
    fake_server_publish(w->server);
    assert_true(world_run(w));
    assert_int_equal(w->agent->board.counter, 4);
    assert_true(fake_board_holds(w->board, FAKE_STORAGE, ota_buf_span(&w->two.storage)));
    assert_false(w->agent->mixed);
    ota_buf_free(&storage);
    ota_buf_free(&bootloader);
    ota_buf_free(&app);
}

/* The same when a staged image went bad between commit and copy, and the release was withdrawn before it came again. */
static void test_agent_rollback_knows_what_was_copied_before_a_withdrawal(void **state) {
    struct world *w = *state;
    struct ota_buf storage = fake_data("3.0.0", WORLD_STORAGE_LENGTH), bootloader = fake_bootloader("3.0.0");
    offer_3(w, ota_buf_span(&storage), ota_buf_span(&bootloader));
    assert_ota_ok(ota_run(w->agent, &w->sleep_s, &err));
    assert_true(w->agent->reboot);
    assert_int_equal(w->agent->journal.phase, OTA_PHASE_COMMITTED);
    w->board->flash[w->agent->journal.step[1].stage_offset] ^= 1;
    assert_true(world_start(w));
    assert_int_equal(w->agent->journal.phase, OTA_PHASE_STAGING);
    fake_server_offer(w->server, 1);
    fake_server_publish(w->server);
    assert_true(world_run(w));
    assert_int_equal(w->agent->journal.phase, OTA_PHASE_IDLE);
    assert_true(fake_board_holds(w->board, FAKE_STORAGE, ota_buf_span(&storage)));
    assert_true(w->agent->mixed);
    assert_true(reported(w, "\"labels\":[{\"counter\":3,\"label\":\"storage\""));
    ota_buf_free(&storage);
    ota_buf_free(&bootloader);
}

/* Power lost before the confirmation is no fault of the app: it is activated again, and nothing is downloaded. */
static void test_agent_rollback_power_loss_gets_another_chance(void **state) {
    struct world *w = *state;
    world_release_2(w, "a");
    install(w);
    unsigned images = w->server->image_requests;
    assert_true(world_start(w)); /* PENDING_VERIFY becomes ABORTED, the old app activates again, the new one boots */
    assert_int_equal(w->board->running, FAKE_SLOT_1);
    assert_true(world_run(w));
    world_expect_release_2(w, "a");
    assert_int_equal(w->server->image_requests, images);
}

static void test_agent_rollback_three_activations_in_all(void **state) {
    struct world *w = *state;
    world_release_2(w, "a");
    install(w);
    assert_true(world_start(w));
    assert_int_equal(w->board->running, FAKE_SLOT_1);
    assert_true(world_start(w));
    assert_int_equal(w->board->running, FAKE_SLOT_1);
    assert_true(world_start(w));
    assert_int_equal(w->board->running, FAKE_SLOT_0);
    assert_int_equal(w->agent->board.failed_counter, 2);
    assert_true(world_run(w));
    world_expect_release_1(w);
    assert_true(reported(w, "\"code\":\"rolled-back\""));
    assert_true(reported(w, "activated 3 times and never confirmed"));
}

/* Damaged between the activations: it is not started again. */
static void test_agent_rollback_damaged_slot_is_not_activated_again(void **state) {
    struct world *w = *state;
    world_release_2(w, "a");
    install(w);
    w->board->flash[FAKE_SLOT_1 + 0x2000] ^= 1;
    assert_true(world_start(w));
    assert_int_equal(w->board->running, FAKE_SLOT_0);
    assert_true(world_run(w));
    world_expect_release_1(w);
    assert_true(reported(w, "\"code\":\"hash\""));
}

/* ---- proof --------------------------------------------------------------------------------------------- */

/* Runs until the board reboots or is decided; at most the time to confirm, and a little. */
static void run_until_reboot(struct world *w) {
    for (unsigned i = 0; i < 400 && !w->agent->reboot; i++) {
        assert_ota_ok(ota_run(w->agent, &w->sleep_s, &err));
        w->board->uptime_ms += 1000ull * w->sleep_s;
        assert_true(w->board->uptime_ms < 700000);
    }
    assert_true(w->agent->reboot);
}

static void test_agent_rollback_short_outage_is_waited_for(void **state) {
    struct world *w = *state;
    world_release_2(w, "a");
    install(w);
    w->server->down = true;
    for (unsigned i = 0; i < 5; i++) {
        assert_ota_ok(ota_run(w->agent, &w->sleep_s, &err));
        assert_in_range(w->sleep_s, 1, 60);
        assert_int_equal(w->agent->state, OTA_STATE_CONFIRMING);
    }
    w->server->down = false;
    assert_true(world_run(w));
    world_expect_release_2(w, "a");
}

/* The new app finds no server in ten minutes and the board goes back to the old one, which does. */
static void in_vain_until_the_old_app_runs(struct world *w) {
    assert_int_equal(w->board->running, FAKE_SLOT_1);
    w->server->down = true;
    run_until_reboot(w);
    assert_true(w->board->uptime_ms >= 600000);
    w->server->down = false;
    assert_true(world_start(w));
    assert_int_equal(w->board->running, FAKE_SLOT_0);
}

/* Once that may have been an outage which is over by then: the new app is tried again at once. Nothing is downloaded for it. */
static void test_agent_rollback_outage_that_ends_between_the_apps(void **state) {
    struct world *w = *state;
    world_release_2(w, "a");
    install(w);
    unsigned images = w->server->image_requests;
    in_vain_until_the_old_app_runs(w);
    assert_true(world_run(w));
    world_expect_release_2(w, "a");
    assert_int_equal(w->server->image_requests, images);
    assert_false(reported(w, "confirmed-offline"));
}

/* Twice is the new one's fault. */
static void test_agent_rollback_app_that_reaches_no_server(void **state) {
    struct world *w = *state;
    world_release_2(w, "a");
    install(w);
    in_vain_until_the_old_app_runs(w);
    assert_ota_ok(ota_run(w->agent, &w->sleep_s, &err));
    assert_true(w->agent->reboot);
    assert_true(world_start(w));
    in_vain_until_the_old_app_runs(w);
    assert_true(world_run(w));
    world_expect_release_1(w);
    assert_int_equal(w->agent->board.failed_counter, 2);
    assert_true(reported(w, "\"result\":\"rolled-back\""));
    assert_true(reported(w, "while the old app reaches the server"));
}

/* The old app finds none either: the new one is started again without a download and confirmed without a server. */
/* While a new app waits for its proof a server's Retry-After does not outlast the confirm timeout; nor while the old one has doubts. */
static void test_agent_rollback_retry_after_does_not_delay_the_decision(void **state) {
    struct world *w = *state;
    world_release_2(w, "a");
    install(w);
    w->server->fault_path = "timestamp";
    w->server->status = 503;
    w->server->retry_after = 86400;
    for (unsigned i = 0; !w->agent->reboot; i++) {
        assert_ota_ok(ota_run(w->agent, &w->sleep_s, &err));
        assert_in_range(w->sleep_s, 0, 30);
        assert_in_range(i, 0, 600);
        w->board->uptime_ms += 1000ull * w->sleep_s;
    }
    assert_true(world_start(w));
    assert_int_equal(w->board->running, FAKE_SLOT_0);
    assert_int_equal(w->agent->journal.phase, OTA_PHASE_DOUBTED);
    assert_ota_ok(ota_run(w->agent, &w->sleep_s, &err));
    assert_in_range(w->sleep_s, 1, 30);
}

static void test_agent_rollback_outage_confirms_offline(void **state) {
    struct world *w = *state;
    world_release_2(w, "a");
    install(w);
    unsigned images = w->server->image_requests;
    w->server->down = true;
    run_until_reboot(w);
    assert_true(world_start(w));
    assert_int_equal(w->board->running, FAKE_SLOT_0);
    run_until_reboot(w);
    assert_true(world_start(w));
    assert_int_equal(w->board->running, FAKE_SLOT_1);
    assert_true(world_run(w));
    world_expect_release_2(w, "a");
    w->server->down = false;
    assert_true(world_run(w));
    assert_true(reported(w, "\"message\":\"confirmed-offline\""));
    assert_int_equal(w->server->image_requests, images);
}

/* The old app had authenticated the server, so must the new one. */
static void test_agent_rollback_unauthenticated_server_proves_nothing(void **state) {
    struct world *w = *state;
    world_release_2(w, "a");
    install(w);
    w->server->unauthenticated = true;
    assert_ota_ok(ota_run(w->agent, &w->sleep_s, &err));
    assert_int_equal(w->agent->state, OTA_STATE_CONFIRMING);
    assert_int_equal(w->agent->last.code, OTA_TLS);
    w->server->unauthenticated = false;
    assert_true(world_run(w));
    world_expect_release_2(w, "a");
}

/* ---- other bootloaders, lost records ------------------------------------------------------------------- */

static void test_agent_rollback_bootloader_without_rollback_is_reported(void **state) {
    struct world *w = *state;
    w->board->no_rollback = true;
    world_release_2(w, "a");
    assert_true(world_run(w));
    world_expect_release_2(w, "a");
    assert_true(reported(w, "\"message\":\"bootloader-without-rollback\""));
}

/* The journal is gone while the new app waits for its confirmation: it is still tested and confirmed, its counter found by its hash. */
static void test_agent_rollback_lost_journal(void **state) {
    struct world *w = *state;
    world_release_2(w, "a");
    assert_ota_ok(ota_run(w->agent, &w->sleep_s, &err));
    for (size_t i = 0; i < FAKE_KEYS_MAX; i++)
        fake_board_forget(w->board, w->board->key[i].name);
    assert_true(world_start(w));
    assert_int_equal(w->agent->state, OTA_STATE_TESTING);
    assert_true(world_run(w));
    assert_true(w->agent->counter_unknown); /* on trial it is nobody's release yet */
    assert_true(world_run(w));
    world_expect_release_2(w, "a");
}

/* Nothing is planned while the running app waits for its confirmation, whatever is offered. */
static void test_agent_rollback_nothing_begins_before_confirmation(void **state) {
    struct world *w = *state;
    world_release_2(w, "a");
    install(w);
    struct ota_release *r = fake_server_release(w->server, 3, "3.0.0");
    fake_server_image(w->server, r, OTA_KIND_APP, OTA_LABEL_APP, "app.bin", ota_buf_span(&w->one.app));
    fake_server_offer(w->server, 3);
    fake_server_publish(w->server);
    unsigned images = w->server->image_requests;
    uint64_t writes = w->board->flash_writes;
    assert_ota_ok(ota_run(w->agent, &w->sleep_s, &err));
    assert_int_equal(w->agent->board.counter, 2);
    assert_int_equal(w->server->image_requests, images);
    assert_int_equal(w->board->flash_writes - writes, 1); /* the confirmation in otadata */
    assert_true(world_run(w));
    assert_int_equal(w->agent->board.counter, 3);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_agent_rollback_faulty_app),
        TEST(test_agent_rollback_rests_until_the_channel_changes),
        TEST(test_agent_rollback_leaves_mixed),
        TEST(test_agent_rollback_knows_what_was_copied_before_a_failure),
        TEST(test_agent_rollback_knows_what_was_copied_before_a_withdrawal),
        TEST(test_agent_rollback_power_loss_gets_another_chance),
        TEST(test_agent_rollback_three_activations_in_all),
        TEST(test_agent_rollback_damaged_slot_is_not_activated_again),
        TEST(test_agent_rollback_short_outage_is_waited_for),
        TEST(test_agent_rollback_outage_that_ends_between_the_apps),
        TEST(test_agent_rollback_app_that_reaches_no_server),
        TEST(test_agent_rollback_retry_after_does_not_delay_the_decision),
        TEST(test_agent_rollback_outage_confirms_offline),
        TEST(test_agent_rollback_unauthenticated_server_proves_nothing),
        TEST(test_agent_rollback_bootloader_without_rollback_is_reported),
        TEST(test_agent_rollback_lost_journal),
        TEST(test_agent_rollback_nothing_begins_before_confirmation),
    };
    return cmocka_run_group_tests_name("agent_rollback", tests, NULL, NULL);
}
