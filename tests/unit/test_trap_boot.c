/* SPDX-License-Identifier: Apache-2.0 */
/* Traps of the second-stage bootloader's choice, and a board with our agent in each of them. */
#include "support/unit.h"

#include "sim/statekv.h"
#include "support/fake_chip.h"

#define SMALL_SLOT 0xC0000u
#define TEST_APP 0x330000u
#define NVS 0x9000u
#define NVS_SIZE 0x4000u
#define STATE 0x310000u
#define STATE_SIZE 0xC000u

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

/* Row `n` of the factory table goes. */
static void drop_row(struct ota_table *t, size_t n) {
    memmove(&t->row[n], &t->row[n + 1], (t->count - n - 1) * sizeof t->row[0]);
    t->count--;
}

/* Release 1 is a factory app; both slots are empty. */
static void flash_factory_table(struct world *w) {
    struct ota_table t = fake_chip_table(w);
    t.row[3].subtype = OTA_APP_FACTORY;
    t.row[4].subtype = OTA_APP_OTA_0;
    t.row[4].size = SMALL_SLOT;
    fake_chip_row(&t, OTA_PART_APP, OTA_APP_OTA_0 + 1, FAKE_SLOT_1 + SMALL_SLOT, SMALL_SLOT, "ota_1");
    fake_chip_flash_table(w, &t);
}

static void expect_old_app(struct world *w) {
    assert_int_equal(w->board->running, FAKE_SLOT_0);
    assert_true(fake_board_holds(w->board, FAKE_SLOT_0, ota_buf_span(&w->one.app)));
}

/* The old app runs after a reset though nobody told the board. It says so, even when power is lost at once, and comes to release 2 again
 * without a new word from the server. */
static void expect_honest_and_healed(struct world *w) {
    for (unsigned i = 0; i < 2; i++) {
        assert_true(world_start(w));
        expect_old_app(w);
        assert_int_not_equal(w->agent->board.counter, 2);
        assert_true(w->agent->counter_unknown);
    }
    assert_true(world_run(w));
    assert_true(fake_board_logged(w->board, "the running app is release 1 (1.0.0)"));
    world_expect_release_2(w, "a");
}

static void install_2(struct world *w) {
    world_settle(w);
    world_release_2(w, "a");
    assert_true(world_run(w));
    world_expect_release_2(w, "a");
}

/* ---- otadata is not there, or too small ---------------------------------------------------------------- */

static void test_trap_boot_without_otadata_only_factory_or_the_first_slot(void **state) {
    struct world *w = *state;
    struct ota_table t = fake_chip_table(w);
    drop_row(&t, 1);
    fake_chip_flash_table(w, &t);
    world_settle(w);
    world_release_2(w, "a");
    assert_true(world_run(w));
    assert_int_equal(w->agent->last.code, OTA_NOT_FOUND);
    assert_non_null(strstr(w->agent->last.msg, "no otadata"));
    world_expect_release_1(w);
    assert_int_equal(w->agent->board.failed_counter, 2); /* said once, not downloaded for ever */
}

/* A table with such a row would make the board reset for ever: it is refused before its sector is touched. */
static void test_trap_boot_small_otadata_resets(void **state) {
    struct world *w = *state;
    struct ota_table t = fake_chip_table(w);
    uint8_t bytes[OTA_TABLE_LENGTH];
    world_settle(w);
    t.row[1].size = OTA_SECTOR;
    assert_ota_ok(ota_table_write(&t, w->agent->cfg.crypto, bytes, &err));
    struct ota_release *r = fake_server_release(w->server, 2, "2.0.0");
    fake_server_image(w->server, r, OTA_KIND_TABLE, OTA_LABEL_TABLE, "partition-table.bin",
                      (struct ota_span){bytes, sizeof bytes});
    r->has_boot = r->risk = true;
    r->boot = w->agent->cfg.board.boot;
    fake_server_offer(w->server, 2);
    fake_server_publish(w->server);
    assert_true(world_run(w));
    assert_int_equal(w->agent->last.code, OTA_TABLE_LAYOUT);
    assert_true(world_start(w));
    world_expect_release_1(w);
    fake_chip_flash_table(w, &t);
    assert_false(fake_board_boot(w->board));
}

/* ---- the new app's first boots ------------------------------------------------------------------------- */

/* Any reset before the confirmation, a power cut too, gives the new app up. The old one tries it again. */
static void test_trap_boot_pending_becomes_aborted_at_any_reset(void **state) {
    struct world *w = *state;
    world_settle(w);
    world_release_2(w, "a");
    assert_ota_ok(ota_run(w->agent, &w->sleep_s, &err));
    assert_true(fake_board_boot(w->board));
    assert_int_equal(w->board->running, FAKE_SLOT_1);
    assert_int_equal(fake_chip_entry(w, 1).state, OTA_SLOT_PENDING_VERIFY);
    assert_true(fake_board_boot(w->board)); /* the plug, before the app did anything */
    assert_int_equal(fake_chip_entry(w, 1).state, OTA_SLOT_ABORTED);
    expect_old_app(w);
    assert_true(world_start(w)); /* the old app activates it again, and reboots */
    assert_int_equal(w->board->running, FAKE_SLOT_1);
    assert_true(world_run(w));
    world_expect_release_2(w, "a");
    assert_int_equal(fake_chip_entry(w, 1).state, OTA_SLOT_VALID);
}

/* NEW becomes PENDING_VERIFY before the app runs; where it stays NEW nothing will roll back, and the report says so. */
static void test_trap_boot_without_rollback_leaves_new(void **state) {
    struct world *w = *state;
    world_settle(w);
    chip.sim.efuse.boot.rollback = false;
    assert_true(world_start(w));
    world_release_2(w, "a");
    assert_ota_ok(ota_run(w->agent, &w->sleep_s, &err));
    assert_int_equal(fake_chip_entry(w, 1).state, OTA_SLOT_UNDEFINED);
    fake_chip_set_entry(w, 1, 2, OTA_SLOT_NEW); /* an app built with rollback over a bootloader without */
    assert_true(world_start(w));
    assert_true(world_run(w));
    world_expect_release_2(w, "a");
    assert_non_null(strstr(ota_buf_text(&w->server->report), "bootloader-without-rollback"));
}

/* ---- no entry is usable -------------------------------------------------------------------------------- */

/* Neither entry counts and slot 0 runs all the same. The next update still finds its way. */
static void test_trap_boot_both_entries_ruled_out(void **state) {
    struct world *w = *state;
    fake_chip_set_entry(w, 0, 3, OTA_SLOT_INVALID);
    fake_chip_set_entry(w, 1, 2, OTA_SLOT_ABORTED);
    world_settle(w);
    expect_old_app(w);
    assert_int_equal(fake_chip_entry(w, 0).seq, 3); /* not blank: the bootloader wrote nothing */
    world_release_2(w, "a");
    assert_true(world_run(w));
    world_expect_release_2(w, "a");
}

/* With a factory app the board runs that one, whatever lies in the slots. */
static void test_trap_boot_both_entries_ruled_out_starts_factory(void **state) {
    struct world *w = *state;
    OTA_CLEAN(ota_buf_free) struct ota_buf other = fake_app("0.9.0", false);
    flash_factory_table(w);
    fake_board_flash(w->board, FAKE_SLOT_1, ota_buf_span(&other));
    fake_chip_set_entry(w, 0, 1, OTA_SLOT_INVALID);
    world_settle(w);
    expect_old_app(w);
    world_release_2(w, "a");
    assert_true(world_run(w));
    world_expect_release_2(w, "a");
}

static void test_trap_boot_bad_crc_in_both_entries(void **state) {
    struct world *w = *state;
    install_2(w);
    w->board->flash[FAKE_OTADATA + 28] ^= 1;
    w->board->flash[FAKE_OTADATA + OTA_SECTOR + 28] ^= 1;
    expect_honest_and_healed(w);
}

/* ---- the chosen app does not verify -------------------------------------------------------------------- */

/* The bootloader falls back and leaves otadata alone: the active entry goes on naming an app that does not run. */
static void test_trap_boot_fallback_leaves_otadata_alone(void **state) {
    struct world *w = *state;
    install_2(w);
    w->board->flash[FAKE_SLOT_1 + 0x2000] ^= 1;
    for (unsigned i = 0; i < 2; i++) {
        assert_true(fake_board_boot(w->board));
        expect_old_app(w);
        assert_int_equal(fake_chip_entry(w, 1).seq, 2);
        assert_int_equal(fake_chip_entry(w, 1).state, OTA_SLOT_VALID);
    }
    expect_honest_and_healed(w);
}

/* ---- anti-rollback ------------------------------------------------------------------------------------- */

/* A slot below the eFuse is skipped without a word; the eFuse rises only once an entry is VALID. So a new app may still be rolled back. */
static void test_trap_boot_secure_version_is_burnt_when_confirmed(void **state) {
    struct world *w = *state;
    OTA_CLEAN(ota_buf_free) struct ota_buf two = fake_chip_app("2.0.0", 1);
    chip.sim.efuse.boot.anti_rollback = true;
    world_settle(w);
    fake_board_flash(w->board, FAKE_SLOT_1, ota_buf_span(&two));
    fake_chip_set_entry(w, 1, 2, OTA_SLOT_NEW);
    assert_true(fake_board_boot(w->board));
    assert_int_equal(w->board->running, FAKE_SLOT_1);
    assert_int_equal(chip.sim.efuse.secure_version, 0);
    assert_true(fake_board_boot(w->board));
    expect_old_app(w); /* not confirmed: back, and possible */
    fake_chip_set_entry(w, 1, 2, OTA_SLOT_VALID);
    assert_true(fake_board_boot(w->board));
    assert_int_equal(chip.sim.efuse.secure_version, 1);
    fake_chip_set_entry(w, 1, 2, OTA_SLOT_INVALID);
    assert_true(fake_board_boot(w->board));
    assert_int_equal(w->board->running, FAKE_SLOT_1); /* ota_0 is below now and skipped */
}

/* ---- pins ---------------------------------------------------------------------------------------------- */

/* The test app runs, by its pin or as the last resort: it is no slot. An update goes to ota_0, never over it. */
static void test_trap_boot_test_app_runs(void **state) {
    struct world *w = *state;
    struct ota_table t = fake_chip_table(w);
    fake_chip_row(&t, OTA_PART_APP, OTA_APP_TEST, TEST_APP, 0x40000, "test");
    fake_chip_flash_table(w, &t);
    fake_board_flash(w->board, TEST_APP, ota_buf_span(&w->one.app));
    memset(w->board->flash + FAKE_SLOT_0, 0xFF, FAKE_APP_LENGTH);
    assert_true(world_run(w));
    assert_int_equal(w->board->running, TEST_APP);
    world_release_2(w, "a");
    assert_true(world_run(w));
    assert_int_equal(w->board->running, FAKE_SLOT_0);
    assert_int_equal(w->agent->board.counter, 2);
    assert_true(fake_board_holds(w->board, TEST_APP, ota_buf_span(&w->one.app)));
    assert_int_equal(fake_chip_entry(w, 0).state, OTA_SLOT_VALID);
}

/* The pin erases nvs and otadata. Trust and records lie in ota_state, which it must not reach. */
static void factory_reset(struct world *w) {
    memset(w->board->flash + NVS, 0xFF, NVS_SIZE);
    memset(w->board->flash + FAKE_OTADATA, 0xFF, OTA_OTADATA_SIZE);
}

/* The store of otadevice writes bytes as it needs them; the rule of 16 is the agent's. */
static enum ota_status write_any(void *ctx, uint32_t off, const void *p, size_t n, struct ota_err *e) {
    (void)e;
    memcpy(((struct fake_board *)ctx)->flash + off, p, n);
    return OTA_OK;
}

static void test_trap_boot_factory_reset_keeps_trust(void **state) {
    struct world *w = *state;
    struct ota_flash flash = w->board->flash_port;
    struct ota_statekv kv;
    flash.write = write_any;
    assert_ota_ok(ota_statekv_open(&kv, &flash, STATE, STATE_SIZE, &err));
    w->board->kv_port = kv.port;
    world_settle(w);
    uint64_t timestamp = w->agent->trust.ts.version;
    factory_reset(w);
    ota_statekv_close(&kv);
    assert_ota_ok(ota_statekv_open(&kv, &flash, STATE, STATE_SIZE, &err));
    assert_false(kv.lost);
    w->board->kv_port = kv.port;
    assert_true(world_start(w));
    assert_int_equal(w->agent->board.counter, 1);
    assert_true(world_run(w));
    assert_true(w->agent->trust.ts.version >= timestamp);
    ota_statekv_close(&kv);
}

/* Slot 0 boots again, though the board had come to slot 1. */
static void test_trap_boot_factory_reset_brings_the_old_app_back(void **state) {
    struct world *w = *state;
    install_2(w);
    factory_reset(w);
    expect_honest_and_healed(w);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_trap_boot_without_otadata_only_factory_or_the_first_slot),
        TEST(test_trap_boot_small_otadata_resets),
        TEST(test_trap_boot_pending_becomes_aborted_at_any_reset),
        TEST(test_trap_boot_without_rollback_leaves_new),
        TEST(test_trap_boot_both_entries_ruled_out),
        TEST(test_trap_boot_both_entries_ruled_out_starts_factory),
        TEST(test_trap_boot_bad_crc_in_both_entries),
        TEST(test_trap_boot_fallback_leaves_otadata_alone),
        TEST(test_trap_boot_secure_version_is_burnt_when_confirmed),
        TEST(test_trap_boot_test_app_runs),
        TEST(test_trap_boot_factory_reset_keeps_trust),
        TEST(test_trap_boot_factory_reset_brings_the_old_app_back),
    };
    return cmocka_run_group_tests_name("trap_boot", tests, NULL, NULL);
}
