/* SPDX-License-Identifier: Apache-2.0 */
/* Traps of esp_ota_set_boot_partition: what it refuses, erases and rewrites, and that the agent asks it for nothing it should not. */
#include "support/unit.h"

#include "support/fake_chip.h"

#define SMALL_SLOT 0xC0000u
#define TEST_APP 0x330000u

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

static enum ota_status activate(struct world *w, uint32_t offset) {
    const struct ota_boot_port *b = &w->board->boot_port;
    return b->activate(b->ctx, offset, &err);
}

static void keep_otadata(const struct world *w, uint8_t out[OTA_OTADATA_SIZE]) {
    memcpy(out, w->board->flash + FAKE_OTADATA, OTA_OTADATA_SIZE);
}

static void expect_otadata(const struct world *w, const uint8_t kept[OTA_OTADATA_SIZE]) {
    assert_memory_equal(w->board->flash + FAKE_OTADATA, kept, OTA_OTADATA_SIZE);
}

/* ---- the image ----------------------------------------------------------------------------------------- */

static bool damage_the_slot(void *ctx, const char *label) {
    struct fake_board *b = ctx;
    (void)label;
    b->flash[FAKE_SLOT_1 + 0x2000] ^= 1;
    return true;
}

/* What was right when it was staged is bad when it is activated: otadata keeps naming the app that runs. */
static void test_trap_activate_verifies_the_image(void **state) {
    struct world *w = *state;
    uint8_t before[OTA_OTADATA_SIZE];
    world_settle(w);
    world_release_2(w, "a");
    keep_otadata(w, before);
    w->agent->cfg.hooks.before_activate = damage_the_slot;
    assert_true(world_run(w));
    assert_in_range(w->agent->last.code, OTA_IMAGE_MAGIC, OTA_IMAGE_KIND);
    expect_otadata(w, before);
    assert_true(world_start(w));
    world_expect_release_1(w);
}

/* ---- factory ------------------------------------------------------------------------------------------- */

static void flash_factory_table(struct world *w) {
    struct ota_table t = fake_chip_table(w);
    t.row[3].subtype = OTA_APP_FACTORY;
    t.row[4].subtype = OTA_APP_OTA_0;
    t.row[4].size = SMALL_SLOT;
    fake_chip_row(&t, OTA_PART_APP, OTA_APP_OTA_0 + 1, FAKE_SLOT_1 + SMALL_SLOT, SMALL_SLOT, "ota_1");
    fake_chip_flash_table(w, &t);
}

static void test_trap_activate_factory_erases_otadata(void **state) {
    struct world *w = *state;
    flash_factory_table(w);
    world_settle(w);
    world_release_2(w, "a");
    assert_true(world_run(w));
    assert_int_equal(w->board->running, FAKE_SLOT_1);
    assert_int_equal(fake_chip_entry(w, 0).seq, 1);
    assert_ota_ok(activate(w, FAKE_SLOT_0));
    for (size_t i = 0; i < OTA_OTADATA_SIZE; i++)
        assert_int_equal(w->board->flash[FAKE_OTADATA + i], 0xFF);
}

/* The agent comes back to factory by giving the slot up, which leaves otadata's history; it never activates factory. */
static void test_trap_activate_factory_is_not_how_the_agent_goes_back(void **state) {
    struct world *w = *state;
    flash_factory_table(w);
    world_settle(w);
    world_release_2(w, "F");
    assert_true(world_run(w));
    world_expect_release_1(w);
    assert_int_equal(w->agent->board.failed_counter, 2);
    assert_int_equal(fake_chip_entry(w, 0).seq, 1);
    assert_int_equal(fake_chip_entry(w, 0).state, OTA_SLOT_INVALID);
}

/* ---- anti-rollback ------------------------------------------------------------------------------------- */

/* Not only refused: the whole slot is erased. */
static void test_trap_activate_erases_an_app_below_the_secure_version(void **state) {
    struct world *w = *state;
    OTA_CLEAN(ota_buf_free) struct ota_buf low = fake_chip_app("0.9.0", 1);
    world_settle(w);
    chip.sim.efuse.boot.anti_rollback = true;
    chip.sim.efuse.secure_version = 2;
    fake_board_flash(w->board, FAKE_SLOT_1, ota_buf_span(&low));
    assert_ota(activate(w, FAKE_SLOT_1), OTA_SECURE_VERSION);
    for (uint32_t i = 0; i < 0x180000; i++)
        if (w->board->flash[FAKE_SLOT_1 + i] != 0xFF)
            fail_msg("0x%x of the slot was not erased", i);
}

/* A board with secure version 1, and a signed release whose image is only of version `image`. */
static void offer_secure(struct world *w, uint32_t image, uint32_t says) {
    OTA_CLEAN(ota_buf_free) struct ota_buf app = fake_chip_app("2.0.0", image);
    OTA_CLEAN(ota_buf_free) struct ota_buf one = fake_chip_app("1.0.0", 1);
    memcpy(w->one.app.p, one.p, one.len);
    fake_board_flash(w->board, FAKE_SLOT_0, ota_buf_span(&one));
    chip.sim.efuse.boot.anti_rollback = true;
    chip.sim.efuse.secure_version = 1;
    struct ota_release *r = fake_server_release(w->server, 2, "2.0.0");
    r->secure_version = says;
    fake_server_image(w->server, r, OTA_KIND_APP, OTA_LABEL_APP, "app.bin", ota_buf_span(&app));
    fake_server_offer(w->server, 2);
    fake_server_publish(w->server);
}

static void expect_slot_spared(struct world *w) {
    static const uint8_t target[16] = "rollback target";
    fake_board_flash(w->board, FAKE_SLOT_1 + 0x170000, (struct ota_span){target, sizeof target});
    assert_true(world_run(w));
    assert_int_equal(w->agent->last.code, OTA_SECURE_VERSION);
    assert_int_equal(w->board->running, FAKE_SLOT_0);
    assert_memory_equal(w->board->flash + FAKE_SLOT_1 + 0x170000, target, sizeof target);
}

static void test_trap_activate_secure_version_is_refused_before_the_download(void **state) {
    struct world *w = *state;
    offer_secure(w, 0, 0);
    expect_slot_spared(w);
    assert_int_equal(w->server->image_requests, 0);
}

/* The metadata says enough, the image does not: found before the call that would erase. */
static void test_trap_activate_secure_version_of_the_image_is_refused_before_the_call(void **state) {
    struct world *w = *state;
    offer_secure(w, 0, 1);
    expect_slot_spared(w);
    assert_int_not_equal(w->server->image_requests, 0);
}

/* The eFuse counts set bits: an app beyond its width could never be burnt. */
static void test_trap_activate_secure_version_has_the_width_of_the_efuse(void **state) {
    struct world *w = *state;
    offer_secure(w, chip.sim.efuse.chip->secure_version_bits + 1u, 1);
    assert_true(world_run(w));
    assert_int_equal(w->agent->last.code, OTA_SECURE_VERSION);
    assert_int_equal(w->board->running, FAKE_SLOT_0);
    assert_int_equal(chip.sim.efuse.secure_version, 1);
}

/* ---- which sector -------------------------------------------------------------------------------------- */

static void test_trap_activate_without_an_active_entry_writes_the_first_sector(void **state) {
    struct world *w = *state;
    fake_chip_set_entry(w, 0, 6, OTA_SLOT_ABORTED);
    world_settle(w);
    assert_int_equal(w->board->running, FAKE_SLOT_0);
    fake_board_flash(w->board, FAKE_SLOT_1, ota_buf_span(&w->one.app));
    assert_ota_ok(activate(w, FAKE_SLOT_1));
    assert_int_equal(fake_chip_entry(w, 0).seq, 2); /* slot + 1, though 6 was reached before */
    assert_int_equal(fake_chip_entry(w, 0).state, OTA_SLOT_NEW);
    assert_int_equal(fake_chip_entry(w, 1).seq, UINT32_MAX);
}

static void test_trap_activate_takes_the_smallest_sequence_above(void **state) {
    struct world *w = *state;
    world_settle(w);
    fake_chip_set_entry(w, 0, 7, OTA_SLOT_VALID);
    fake_board_flash(w->board, FAKE_SLOT_1, ota_buf_span(&w->one.app));
    assert_ota_ok(activate(w, FAKE_SLOT_1));
    assert_int_equal(fake_chip_entry(w, 0).seq, 7);
    assert_int_equal(fake_chip_entry(w, 1).seq, 8);
    assert_ota_ok(activate(w, FAKE_SLOT_1)); /* named already: the same sector, the same sequence */
    assert_int_equal(fake_chip_entry(w, 0).seq, 7);
    assert_int_equal(fake_chip_entry(w, 1).seq, 8);
    assert_ota_ok(activate(w, FAKE_SLOT_0));
    assert_int_equal(fake_chip_entry(w, 0).seq, 9);
}

/* The active entry names slot 1, whose app went bad; slot 0 runs. To activate slot 1 again rewrites that one entry in place, and power may
 * go between its erase and its write. */
static bool heal_with_a_cut(uint64_t cut, bool torn) {
    struct world *w = world_new();
    fake_chip_put(&chip, w);
    world_settle(w);
    world_release_2(w, "a");
    assert_true(world_run(w));
    world_expect_release_2(w, "a");
    w->board->flash[FAKE_SLOT_1 + 0x2000] ^= 1;
    assert_true(world_start(w));
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

static void test_trap_activate_rewrites_the_active_entry_in_place(void **state) {
    (void)state;
    unsigned cuts = 0;
    for (uint64_t n = 1; !heal_with_a_cut(n, false); n++, cuts++)
        (void)heal_with_a_cut(n, true);
    assert_in_range(cuts, 4, 1000);
}

/* ---- what is no slot ----------------------------------------------------------------------------------- */

/* Only the low nibble of the subtype counts for ESP-IDF: 0x20 would select ota_0. */
static void test_trap_activate_test_partition_is_not_ota_0(void **state) {
    struct world *w = *state;
    uint8_t before[OTA_OTADATA_SIZE];
    struct ota_table t = fake_chip_table(w);
    fake_chip_row(&t, OTA_PART_APP, OTA_APP_TEST, TEST_APP, 0x40000, "test");
    fake_chip_flash_table(w, &t);
    fake_board_flash(w->board, TEST_APP, ota_buf_span(&w->one.app));
    world_settle(w);
    keep_otadata(w, before);
    assert_ota(activate(w, TEST_APP), OTA_ARGUMENT);
    expect_otadata(w, before);
}

static void test_trap_activate_only_what_can_be_selected(void **state) {
    struct world *w = *state;
    uint8_t before[OTA_OTADATA_SIZE];
    struct ota_table t = fake_chip_table(w);
    fake_chip_row(&t, OTA_PART_APP, OTA_APP_OTA_0 + 3, TEST_APP, 0x40000, "ota_3");
    fake_chip_flash_table(w, &t);
    fake_board_flash(w->board, TEST_APP, ota_buf_span(&w->one.app));
    world_settle(w);
    keep_otadata(w, before);
    assert_ota(activate(w, TEST_APP), OTA_ARGUMENT); /* beyond the hole */
    assert_ota(activate(w, FAKE_STORAGE), OTA_ARGUMENT);
    assert_ota(activate(w, FAKE_SLOT_0 + OTA_SECTOR), OTA_ARGUMENT);
    expect_otadata(w, before);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_trap_activate_verifies_the_image),
        TEST(test_trap_activate_factory_erases_otadata),
        TEST(test_trap_activate_factory_is_not_how_the_agent_goes_back),
        TEST(test_trap_activate_erases_an_app_below_the_secure_version),
        TEST(test_trap_activate_secure_version_is_refused_before_the_download),
        TEST(test_trap_activate_secure_version_of_the_image_is_refused_before_the_call),
        TEST(test_trap_activate_secure_version_has_the_width_of_the_efuse),
        TEST(test_trap_activate_without_an_active_entry_writes_the_first_sector),
        TEST(test_trap_activate_takes_the_smallest_sequence_above),
        cmocka_unit_test(test_trap_activate_rewrites_the_active_entry_in_place),
        TEST(test_trap_activate_test_partition_is_not_ota_0),
        TEST(test_trap_activate_only_what_can_be_selected),
    };
    return cmocka_run_group_tests_name("trap_activate", tests, NULL, NULL);
}
