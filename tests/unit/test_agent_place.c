/* SPDX-License-Identifier: Apache-2.0 */
/* Where images wait: hole, staging partition, behind the app in the passive slot; never in the recovery range. */
#include "support/unit.h"

#include "support/fake_world.h"

static struct ota_err err;

static int setup(void **state) {
    *state = world_new();
    return 0;
}

static int teardown(void **state) {
    world_free(*state);
    return 0;
}

/* The factory table with storage (its last row) grown to `end`, and a staging partition of `staging` bytes behind it. */
static void flash_table(struct world *w, uint32_t end, uint32_t staging) {
    struct ota_agent_config cfg = fake_board_config(w->board, &w->server->port, (struct ota_span){0});
    struct ota_table t;
    assert_ota_ok(ota_table_read(ota_buf_span(&w->one.table), cfg.crypto, &t, &err));
    t.row[t.count - 1].size = end - FAKE_STORAGE;
    if (staging > 0)
        t.row[t.count++] =
            (struct ota_partition){OTA_PART_DATA, OTA_DATA_UNDEFINED, end, staging, OTA_STAGING_LABEL, 0};
    assert_ota_ok(ota_table_write(&t, cfg.crypto, w->board->flash + FAKE_TABLE_OFFSET, &err));
}

/* Plans and stages release 2 without committing it; where does `label` wait. */
static uint32_t staged_at(struct world *w, const char *kinds, const char *label) {
    world_settle(w);
    world_release_2(w, kinds);
    w->board->refuse_activation = true;
    assert_true(world_run(w));
    assert_int_equal(w->agent->journal.phase, OTA_PHASE_STAGING);
    for (size_t i = 0; i < w->agent->journal.count; i++)
        if (strcmp(w->agent->journal.step[i].image.label, label) == 0)
            return w->agent->journal.step[i].stage_offset;
    fail_msg("%s is not in the plan", label);
    return 0;
}

static void expect_installed(struct world *w) {
    w->board->refuse_activation = false;
    assert_true(world_run(w));
    assert_int_equal(w->agent->board.counter, 2);
    assert_true(fake_board_holds(w->board, FAKE_STORAGE, ota_buf_span(&w->two.storage)));
    assert_true(fake_board_holds(w->board, FAKE_SLOT_1, ota_buf_span(&w->two.app)));
}

static void test_agent_place_hole_comes_first(void **state) {
    struct world *w = *state;
    flash_table(w, FAKE_FLASH_SIZE - 0x20000, 0x10000);
    assert_int_equal(staged_at(w, "sa", "storage"), FAKE_FLASH_SIZE - 0x10000);
    expect_installed(w);
}

static void test_agent_place_staging_partition_comes_next(void **state) {
    struct world *w = *state;
    flash_table(w, FAKE_FLASH_SIZE - 0x10000, 0x10000);
    assert_int_equal(staged_at(w, "sa", "storage"), FAKE_FLASH_SIZE - 0x10000);
    expect_installed(w);
}

static void test_agent_place_small_hole_is_passed_over(void **state) {
    struct world *w = *state;
    flash_table(w, FAKE_FLASH_SIZE - 0x11000, 0x10000);
    assert_int_equal(staged_at(w, "sa", "storage"), FAKE_FLASH_SIZE - 0x11000);
    expect_installed(w);
}

static void test_agent_place_passive_slot_behind_the_app(void **state) {
    struct world *w = *state;
    flash_table(w, FAKE_FLASH_SIZE, 0);
    assert_int_equal(staged_at(w, "sa", "storage"), FAKE_SLOT_1 + FAKE_APP_LENGTH);
    expect_installed(w);
}

/* Two images that wait in one hole do not overlap. */
static void test_agent_place_images_share_a_hole(void **state) {
    struct world *w = *state;
    uint32_t end = FAKE_STORAGE + FAKE_STORAGE_SIZE;
    assert_int_equal(staged_at(w, "sba", OTA_LABEL_BOOTLOADER), end + 0x3000);
    expect_installed(w);
    assert_true(fake_board_holds(w->board, 0, ota_buf_span(&w->two.bootloader)));
}

static void test_agent_place_never_in_the_recovery_range(void **state) {
    struct world *w = *state;
    w->board->recovery = true;
    flash_table(w, FAKE_RECOVERY, 0);
    assert_int_equal(staged_at(w, "sa", "storage"), FAKE_RECOVERY + FAKE_TABLE_OFFSET);
    expect_installed(w);
}

static void expect_nothing_over_recovery(struct world *w, enum ota_status code) {
    OTA_CLEAN(ota_buf_free) struct ota_buf before = {0};
    ota_buf_append(&before, w->board->flash + FAKE_RECOVERY, FAKE_TABLE_OFFSET);
    fake_server_publish(w->server);
    assert_true(world_run(w));
    assert_int_equal(w->agent->last.code, code);
    assert_non_null(strstr(w->agent->last.msg, "recovery bootloader at 0x3f0000"));
    world_expect_release_1(w);
    assert_true(fake_board_holds(w->board, FAKE_TABLE_OFFSET, ota_buf_span(&w->one.table)));
    assert_true(fake_board_holds(w->board, FAKE_RECOVERY, ota_buf_span(&before)));
}

/* A signed table that puts a partition over the bootloader the ROM falls back to. The range's last sector is enough. */
static void test_agent_place_table_over_the_recovery_bootloader_is_refused(void **state) {
    struct world *w = *state;
    static const uint32_t offsets[] = {FAKE_RECOVERY - OTA_SECTOR, FAKE_RECOVERY, FAKE_RECOVERY + 0x7000};
    w->board->recovery = true;
    world_settle(w);
    for (uint32_t i = 0; i < OTA_ARRAY_LEN(offsets); i++) {
        struct ota_agent_config cfg = fake_board_config(w->board, &w->server->port, (struct ota_span){0});
        struct ota_table t;
        uint8_t bytes[OTA_TABLE_LENGTH];
        assert_ota_ok(ota_table_read(ota_buf_span(&w->one.table), cfg.crypto, &t, &err));
        t.row[t.count++] =
            (struct ota_partition){OTA_PART_DATA, OTA_DATA_UNDEFINED, offsets[i], 2 * OTA_SECTOR, "extra", 0};
        assert_ota_ok(ota_table_write(&t, cfg.crypto, bytes, &err));
        struct ota_release *r = fake_server_release(w->server, 2 + i, "2.0.0");
        fake_server_image(w->server, r, OTA_KIND_TABLE, OTA_LABEL_TABLE, "partition-table.bin",
                          (struct ota_span){bytes, sizeof bytes});
        fake_server_offer(w->server, 2 + i);
        expect_nothing_over_recovery(w, OTA_TABLE_LAYOUT);
    }
}

/* A board that left the factory with such a table: the partition is never written by a release, nor does anything wait in it. */
static void test_agent_place_data_over_the_recovery_bootloader_is_refused(void **state) {
    struct world *w = *state;
    w->board->recovery = true;
    flash_table(w, FAKE_RECOVERY + OTA_SECTOR, 0);
    memcpy(w->one.table.p, w->board->flash + FAKE_TABLE_OFFSET, OTA_TABLE_LENGTH);
    world_settle(w);
    world_release_2(w, "sa");
    expect_nothing_over_recovery(w, OTA_LABEL);
}

static void test_agent_place_staging_over_the_recovery_bootloader_is_passed_over(void **state) {
    struct world *w = *state;
    w->board->recovery = true;
    flash_table(w, FAKE_FLASH_SIZE - 0x20000, 0x20000);
    assert_int_equal(staged_at(w, "sa", "storage"), FAKE_SLOT_1 + FAKE_APP_LENGTH);
    expect_installed(w);
}

/* Power lost in the middle of a long download: the journal's progress saves what was written down before. */
static void test_agent_place_progress_outlives_a_power_cut(void **state) {
    struct world *w = *state;
    world_settle(w);
    struct ota_buf app = fake_app("2.0.0", false), tail = fake_data("more", 3 * OTA_PROGRESS_EVERY);
    ota_buf_append(&app, tail.p, tail.len);
    struct ota_release *r = fake_server_release(w->server, 2, "2.0.0");
    fake_server_image(w->server, r, OTA_KIND_APP, OTA_LABEL_APP, "app.bin", ota_buf_span(&app));
    fake_server_offer(w->server, 2);
    fake_server_publish(w->server);
    w->board->cut_at = 2 * (OTA_PROGRESS_EVERY + 5 * OTA_SECTOR) / OTA_SECTOR;
    assert_false(world_run(w));
    w->board->cut_at = 0;
    uint64_t before = w->server->image_bytes;
    assert_true(world_start(w));
    assert_int_equal(w->agent->journal.step[0].done, OTA_PROGRESS_EVERY);
    assert_true(world_run(w));
    assert_int_equal(w->agent->board.counter, 2);
    assert_int_equal(w->server->image_bytes - before, app.len - OTA_PROGRESS_EVERY);
    assert_true(fake_board_holds(w->board, FAKE_SLOT_1, ota_buf_span(&app)));
    ota_buf_free(&app);
    ota_buf_free(&tail);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_agent_place_hole_comes_first),
        TEST(test_agent_place_staging_partition_comes_next),
        TEST(test_agent_place_small_hole_is_passed_over),
        TEST(test_agent_place_passive_slot_behind_the_app),
        TEST(test_agent_place_images_share_a_hole),
        TEST(test_agent_place_never_in_the_recovery_range),
        TEST(test_agent_place_table_over_the_recovery_bootloader_is_refused),
        TEST(test_agent_place_data_over_the_recovery_bootloader_is_refused),
        TEST(test_agent_place_staging_over_the_recovery_bootloader_is_passed_over),
        TEST(test_agent_place_progress_outlives_a_power_cut),
    };
    return cmocka_run_group_tests_name("agent_place", tests, NULL, NULL);
}
