/* SPDX-License-Identifier: Apache-2.0 */
/* Traps of ESP-IDF's rollback calls: they act on otadata's active entry, not on the app that runs. */
#include "support/unit.h"

#include "support/fake_chip.h"

#define SMALL_SLOT 0xC0000u

static struct ota_err err;
static struct fake_chip chip;

static int setup(void **state) {
    struct world *w = world_new();
    fake_chip_put(&chip, w);
    *state = w;
    return 0;
}

static int teardown(void **state) {
    world_free(*state);
    fake_chip_free(&chip);
    return 0;
}

static enum ota_status confirm(struct world *w) {
    const struct ota_boot_port *b = &w->board->boot_port;
    return b->confirm(b->ctx, &err);
}

static void state_is(const struct world *w, unsigned index, enum ota_slot_state wanted) {
    assert_string_equal(ota_slot_state_name(fake_chip_entry(w, index).state), ota_slot_state_name(wanted));
}

/* Release 2 is activated; it was not booted yet. */
static void activate_2(struct world *w, const char *kinds) {
    world_settle(w);
    world_release_2(w, kinds);
    assert_ota_ok(ota_run(w->agent, &w->sleep_s, &err));
    assert_true(w->agent->reboot);
    assert_int_equal(w->board->running, FAKE_SLOT_0);
    state_is(w, 1, OTA_SLOT_NEW);
}

static void offer_3(struct world *w, const struct ota_buf *app) {
    struct ota_release *r = fake_server_release(w->server, 3, "3.0.0");
    fake_server_image(w->server, r, OTA_KIND_APP, OTA_LABEL_APP, "app.bin", ota_buf_span(app));
    fake_server_offer(w->server, 3);
    fake_server_publish(w->server);
}

static void expect_release_3(struct world *w, const struct ota_buf *app) {
    assert_int_equal(w->agent->board.counter, 3);
    assert_true(fake_board_holds(w->board, w->board->running, ota_buf_span(app)));
}

/* ---- esp_ota_mark_app_valid_cancel_rollback ------------------------------------------------------------ */

static void test_trap_confirm_before_the_reboot_would_mark_the_new_app(void **state) {
    struct world *w = *state;
    activate_2(w, "a");
    assert_ota(confirm(w), OTA_ROLLED_BACK);
    state_is(w, 1, OTA_SLOT_NEW);
}

/* The new app does not verify; the bootloader runs the old one while the active entry names the new. */
static void test_trap_confirm_from_the_fallback_would_mark_the_broken_app(void **state) {
    struct world *w = *state;
    OTA_CLEAN(ota_buf_free) struct ota_buf three = fake_app("3.0.0", false);
    activate_2(w, "a");
    w->board->flash[FAKE_SLOT_1 + 0x2000] ^= 1;
    assert_true(fake_board_boot(w->board));
    assert_int_equal(w->board->running, FAKE_SLOT_0);
    state_is(w, 1, OTA_SLOT_PENDING_VERIFY);
    assert_ota(confirm(w), OTA_ROLLED_BACK);
    state_is(w, 1, OTA_SLOT_PENDING_VERIFY);
    assert_true(world_start(w));
    assert_true(world_run(w));
    world_expect_release_1(w);
    assert_int_not_equal(fake_chip_entry(w, 1).state, OTA_SLOT_VALID);
    offer_3(w, &three);
    assert_true(world_run(w));
    expect_release_3(w, &three);
    state_is(w, 1, OTA_SLOT_VALID);
}

/* It erases the active sector and writes it again. Whenever power goes in the new app's first boots, it ends confirmed. */
static bool confirm_with_a_cut(uint64_t cut, bool torn) {
    struct world *w = world_new();
    fake_chip_put(&chip, w);
    activate_2(w, "a");
    assert_true(world_start(w));
    assert_int_equal(w->board->running, FAKE_SLOT_1);
    w->board->ops = 0;
    w->board->cut_at = cut;
    w->board->torn = torn;
    bool whole = world_run(w);
    w->board->cut_at = 0;
    if (!whole && !(world_start(w) && world_run(w)))
        fail_msg("cut %llu%s: the board is dead", (unsigned long long)cut, torn ? ", torn" : "");
    world_expect_release_2(w, "a");
    world_free(w);
    fake_chip_free(&chip);
    return whole;
}

static void test_trap_confirm_power_loss_loses_the_entry(void **state) {
    (void)state;
    unsigned cuts = 0;
    for (uint64_t n = 1; !confirm_with_a_cut(n, false); n++, cuts++)
        (void)confirm_with_a_cut(n, true);
    assert_in_range(cuts, 2, 1000); /* erase and write, at least */
}

/* Running from factory there is no entry to mark. Nor does the agent want one: it is not on trial. */
static void test_trap_confirm_from_factory_has_no_entry(void **state) {
    struct world *w = *state;
    struct ota_table t = fake_chip_table(w);
    t.row[3].subtype = OTA_APP_FACTORY;
    t.row[4].subtype = OTA_APP_OTA_0;
    t.row[4].size = SMALL_SLOT;
    fake_chip_row(&t, OTA_PART_APP, OTA_APP_OTA_0 + 1, FAKE_SLOT_1 + SMALL_SLOT, SMALL_SLOT, "ota_1");
    fake_chip_flash_table(w, &t);
    world_settle(w);
    assert_ota(confirm(w), OTA_ROLLED_BACK);
    for (size_t i = 0; i < OTA_OTADATA_SIZE; i++)
        assert_int_equal(w->board->flash[FAKE_OTADATA + i], 0xFF);
    world_release_2(w, "a");
    assert_true(world_run(w));
    world_expect_release_2(w, "a");
}

/* ---- anti-rollback ------------------------------------------------------------------------------------- */

static void offer_secure(struct world *w, const struct ota_buf *app) {
    chip.sim.efuse.boot.anti_rollback = true;
    world_settle(w);
    struct ota_release *r = fake_server_release(w->server, 2, "2.0.0");
    r->secure_version = 1;
    fake_server_image(w->server, r, OTA_KIND_APP, OTA_LABEL_APP, "app.bin", ota_buf_span(app));
    fake_server_offer(w->server, 2);
    fake_server_publish(w->server);
}

/* Burnt for good: not before the new app has proved itself. */
static void test_trap_confirm_burns_the_secure_version(void **state) {
    struct world *w = *state;
    OTA_CLEAN(ota_buf_free) struct ota_buf app = fake_chip_app("2.0.0", 1);
    offer_secure(w, &app);
    assert_ota_ok(ota_run(w->agent, &w->sleep_s, &err));
    assert_true(world_start(w));
    assert_int_equal(w->board->running, FAKE_SLOT_1);
    assert_int_equal(chip.sim.efuse.secure_version, 0);
    assert_true(world_run(w));
    assert_int_equal(w->agent->board.counter, 2);
    assert_int_equal(chip.sim.efuse.secure_version, 1);
}

/* ---- esp_ota_mark_app_invalid_rollback ----------------------------------------------------------------- */

/* A faulty app with nothing to go back to: refused, and one reset leaves it to the bootloader, which looks further than
 * otadata and finds the same app: the board lives on with what it has. */
static void test_trap_confirm_nothing_else_boots(void **state) {
    struct world *w = *state;
    activate_2(w, "F");
    assert_true(world_start(w));
    assert_int_equal(w->board->running, FAKE_SLOT_1);
    w->board->flash[FAKE_SLOT_0 + 0x2000] ^= 1;
    assert_true(world_run(w));
    assert_int_equal(w->board->running, FAKE_SLOT_1);
    state_is(w, 1, OTA_SLOT_ABORTED);
    const unsigned boots = w->boots;
    assert_true(world_run(w));
    assert_int_equal(w->boots, boots);
}

/* ---- esp_ota_begin ------------------------------------------------------------------------------------- */

/* Refused while the running app is PENDING_VERIFY; the agent does not even ask for an image. */
static void test_trap_confirm_nothing_begins_while_pending(void **state) {
    struct world *w = *state;
    OTA_CLEAN(ota_buf_free) struct ota_buf three = fake_app("3.0.0", false);
    activate_2(w, "a");
    assert_true(world_start(w));
    offer_3(w, &three);
    w->server->down = true;
    unsigned images = w->server->image_requests;
    for (unsigned i = 0; i < 4; i++)
        assert_ota_ok(ota_run(w->agent, &w->sleep_s, &err));
    assert_int_equal(w->agent->state, OTA_STATE_CONFIRMING);
    state_is(w, 1, OTA_SLOT_PENDING_VERIFY);
    w->server->down = false;
    assert_ota_ok(ota_run(w->agent, &w->sleep_s, &err));
    state_is(w, 1, OTA_SLOT_VALID);
    assert_int_equal(w->server->image_requests, images);
    assert_true(world_run(w));
    expect_release_3(w, &three);
}

/* begin erases the inactive entry, so that an update that ends there leaves nothing to roll back to. Ours leaves otadata alone until it is
 * staged and verified. */
static void test_trap_confirm_broken_download_keeps_the_rollback_target(void **state) {
    struct world *w = *state;
    OTA_CLEAN(ota_buf_free) struct ota_buf three = fake_app("3.0.0", false);
    uint8_t before[OTA_OTADATA_SIZE];
    activate_2(w, "a");
    assert_true(world_start(w));
    assert_true(world_run(w));
    world_expect_release_2(w, "a");
    memcpy(before, w->board->flash + FAKE_OTADATA, sizeof before);
    w->server->fault_path = "app.bin";
    w->server->break_after = 9000;
    offer_3(w, &three);
    assert_true(world_run(w));
    assert_int_equal(w->agent->last.code, OTA_NETWORK);
    assert_memory_equal(w->board->flash + FAKE_OTADATA, before, sizeof before);
    assert_true(world_start(w));
    assert_int_equal(w->board->running, FAKE_SLOT_1);
    assert_true(world_run(w));
    expect_release_3(w, &three);
}

/* ---- esp_ota_get_last_invalid_partition ---------------------------------------------------------------- */

/* It names a slot that failed once, whatever lies there since. */
static void test_trap_confirm_an_old_invalid_entry_condemns_nothing_new(void **state) {
    struct world *w = *state;
    OTA_CLEAN(ota_buf_free) struct ota_buf three = fake_app("3.0.0", false);
    world_settle(w);
    world_release_2(w, "F");
    assert_true(world_run(w));
    world_expect_release_1(w);
    state_is(w, 1, OTA_SLOT_INVALID);
    offer_3(w, &three);
    assert_true(world_run(w));
    assert_int_equal(w->board->running, FAKE_SLOT_1);
    expect_release_3(w, &three);
    state_is(w, 1, OTA_SLOT_VALID);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_trap_confirm_before_the_reboot_would_mark_the_new_app),
        TEST(test_trap_confirm_from_the_fallback_would_mark_the_broken_app),
        cmocka_unit_test(test_trap_confirm_power_loss_loses_the_entry),
        TEST(test_trap_confirm_from_factory_has_no_entry),
        TEST(test_trap_confirm_burns_the_secure_version),
        TEST(test_trap_confirm_nothing_else_boots),
        TEST(test_trap_confirm_nothing_begins_while_pending),
        TEST(test_trap_confirm_broken_download_keeps_the_rollback_target),
        TEST(test_trap_confirm_an_old_invalid_entry_condemns_nothing_new),
    };
    return cmocka_run_group_tests_name("trap_confirm", tests, NULL, NULL);
}
