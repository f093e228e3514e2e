/* SPDX-License-Identifier: Apache-2.0 */
/* Traps of esp_https_ota and esp_ota: staging and final partition, stale bytes, resumption, a new table. The agent meets them with its own
 * staging, so each test shows that what ESP-IDF would do does not happen. */
#include "support/unit.h"

#include "support/fake_chip.h"

#define STALE 0xA5

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

/* Storage, the factory table's last row, ends at `end`; then a staging partition of `staging` bytes, then a hole to the end of flash. */
static void flash_table(struct world *w, uint32_t end, uint32_t staging) {
    struct ota_table t = fake_chip_table(w);
    t.row[t.count - 1].size = end - FAKE_STORAGE;
    if (staging > 0)
        fake_chip_row(&t, OTA_PART_DATA, OTA_DATA_UNDEFINED, end, staging, OTA_STAGING_LABEL);
    fake_chip_flash_table(w, &t);
}

/* As a board that has been in use for long: no byte outside of what boots is erased. */
static void fill_stale(struct world *w, uint32_t from, uint32_t to) {
    memset(w->board->flash + from, STALE, to - from);
}

static void expect_only_storage(const struct world *w, uint32_t end) {
    assert_true(fake_board_holds(w->board, FAKE_STORAGE, ota_buf_span(&w->two.storage)));
    for (uint32_t i = FAKE_STORAGE + WORLD_STORAGE_LENGTH; i < end; i++)
        if (w->board->flash[i] != 0xFF)
            fail_msg("0x%x holds 0x%02x behind the image", i, w->board->flash[i]);
}

/* ---- staging and final --------------------------------------------------------------------------------- */

/* The same pointer for both crashes in ESP-IDF 5.5 to 6.2. Nothing of ours waits where it will lie, not even an image for `staging` itself. */
static void test_trap_update_staging_is_never_the_destination(void **state) {
    struct world *w = *state;
    OTA_CLEAN(ota_buf_free) struct ota_buf data = fake_data("own", WORLD_STORAGE_LENGTH);
    flash_table(w, FAKE_FLASH_SIZE - 0x10000, 0x10000); /* no hole */
    world_settle(w);
    struct ota_release *r = fake_server_release(w->server, 2, "2.0.0");
    fake_server_image(w->server, r, OTA_KIND_DATA, OTA_STAGING_LABEL, "staging.bin", ota_buf_span(&data));
    fake_server_offer(w->server, 2);
    fake_server_publish(w->server);
    assert_ota_ok(ota_run(w->agent, &w->sleep_s, &err));
    const struct ota_journal_step *s = &w->agent->journal.step[0];
    assert_int_equal(s->dest_offset, FAKE_FLASH_SIZE - 0x10000);
    assert_in_range(s->stage_offset, FAKE_SLOT_1, FAKE_SLOT_1 + OTA_SECTOR);
    assert_true(world_start(w));
    assert_true(world_run(w));
    assert_int_equal(w->agent->board.counter, 2);
    assert_true(fake_board_holds(w->board, FAKE_FLASH_SIZE - 0x10000, ota_buf_span(&data)));
}

/* finalize_with_copy copies as many bytes as the final partition has: what lay in staging before would come along. */
static void test_trap_update_stale_staging_bytes_stay_behind(void **state) {
    struct world *w = *state;
    uint32_t end = FAKE_STORAGE + FAKE_STORAGE_SIZE;
    world_settle(w);
    fill_stale(w, end, FAKE_FLASH_SIZE);
    world_release_2(w, "s");
    assert_true(world_run(w));
    assert_int_equal(w->agent->board.counter, 2);
    expect_only_storage(w, end);
}

/* Nor do the partition's own old bytes stay behind a shorter image: the tail is erased, which esp_ota_end does not do. */
static void test_trap_update_stale_bytes_of_the_destination_are_erased(void **state) {
    struct world *w = *state;
    uint32_t end = FAKE_STORAGE + FAKE_STORAGE_SIZE;
    world_settle(w);
    fill_stale(w, FAKE_STORAGE, end);
    world_release_2(w, "s");
    assert_true(world_run(w));
    expect_only_storage(w, end);
}

/* An app that is shorter than what its slot held: what follows it is not its own, and it verifies all the same. */
static void test_trap_update_stale_bytes_behind_an_app_do_no_harm(void **state) {
    struct world *w = *state;
    world_settle(w);
    fill_stale(w, FAKE_SLOT_1, FAKE_SLOT_1 + 0x180000);
    world_release_2(w, "a");
    assert_true(world_run(w));
    world_expect_release_2(w, "a");
}

/* ESP-IDF wants staging as large as the final partition. The image has to fit, no more. */
static void test_trap_update_staging_may_be_smaller_than_the_destination(void **state) {
    struct world *w = *state;
    uint32_t end = FAKE_FLASH_SIZE - 0x3000; /* a hole of 0x3000 for a partition of 0xDD000 */
    flash_table(w, end, 0);
    world_settle(w);
    fill_stale(w, end, FAKE_FLASH_SIZE);
    world_release_2(w, "s");
    assert_ota_ok(ota_run(w->agent, &w->sleep_s, &err));
    assert_int_equal(w->agent->journal.step[0].stage_offset, end);
    assert_true(world_start(w));
    assert_true(world_run(w));
    expect_only_storage(w, end);
}

/* ESP-IDF erases the whole final partition, then writes: a power cut leaves half of it. Ours ends old or new, at each cut. */
static bool copy_with_a_cut(uint64_t cut, bool torn) {
    struct world *w = world_new();
    fake_chip_put(&chip, w);
    world_settle(w);
    fill_stale(w, FAKE_STORAGE + FAKE_STORAGE_SIZE, FAKE_FLASH_SIZE);
    world_release_2(w, "s");
    assert_ota_ok(ota_run(w->agent, &w->sleep_s, &err));
    assert_int_equal(w->agent->journal.phase, OTA_PHASE_COMMITTED);
    assert_true(fake_board_holds(w->board, FAKE_STORAGE, ota_buf_span(&w->one.storage)));
    w->board->ops = 0;
    w->board->cut_at = cut;
    w->board->torn = torn;
    bool whole = world_start(w) && world_run(w);
    w->board->cut_at = 0;
    if (!whole && !(world_start(w) && world_run(w)))
        fail_msg("cut %llu%s: the board is dead", (unsigned long long)cut, torn ? ", torn" : "");
    assert_int_equal(w->agent->board.counter, 2);
    expect_only_storage(w, FAKE_STORAGE + FAKE_STORAGE_SIZE);
    world_free(w);
    fake_chip_free(&chip);
    return whole;
}

static void test_trap_update_copy_outlives_a_power_cut(void **state) {
    (void)state;
    unsigned cuts = 0;
    for (uint64_t n = 1; !copy_with_a_cut(n, false); n++, cuts++)
        (void)copy_with_a_cut(n, true);
    assert_in_range(cuts, 6, 1000);
}

/* ---- staging NULL -------------------------------------------------------------------------------------- */

/* A board that was updated once: slot 0 is the rollback target, otadata has both entries. */
static void expect_rollback_target_spared(struct world *w) {
    OTA_CLEAN(ota_buf_free) struct ota_buf slot = {0}, otadata = {0};
    OTA_CLEAN(ota_buf_free) struct ota_buf small = fake_data("small", 500);
    world_settle(w);
    world_release_2(w, "a");
    assert_true(world_run(w));
    world_expect_release_2(w, "a");
    ota_buf_append(&slot, w->board->flash + FAKE_SLOT_0, 0x180000);
    ota_buf_append(&otadata, w->board->flash + FAKE_OTADATA, OTA_OTADATA_SIZE);
    struct ota_release *r = fake_server_release(w->server, 3, "3.0.0");
    fake_server_image(w->server, r, OTA_KIND_DATA, "storage", "storage.bin", ota_buf_span(&small));
    fake_server_offer(w->server, 3);
    fake_server_publish(w->server);
    assert_true(world_run(w));
    assert_int_equal(w->agent->board.counter, 3);
    assert_true(fake_board_holds(w->board, FAKE_STORAGE, ota_buf_span(&small)));
    assert_true(fake_board_holds(w->board, FAKE_SLOT_0, ota_buf_span(&slot)));
    assert_true(fake_board_holds(w->board, FAKE_OTADATA, ota_buf_span(&otadata)));
    /* It still serves: were the running app lost, the board would boot the old one. */
    w->board->flash[FAKE_SLOT_1 + 0x2000] ^= 1;
    assert_true(fake_board_boot(w->board));
    assert_int_equal(w->board->running, FAKE_SLOT_0);
}

static void test_trap_update_small_data_spares_the_rollback_target_by_a_hole(void **state) {
    expect_rollback_target_spared(*state);
}

static void test_trap_update_small_data_spares_the_rollback_target_by_staging(void **state) {
    struct world *w = *state;
    flash_table(w, FAKE_FLASH_SIZE - 0x10000, 0x10000);
    expect_rollback_target_spared(w);
}

/* With neither the passive slot is all there is; otadata is left alone even then. */
static void test_trap_update_small_data_leaves_otadata_alone(void **state) {
    struct world *w = *state;
    uint8_t before[OTA_OTADATA_SIZE];
    flash_table(w, FAKE_FLASH_SIZE, 0);
    world_settle(w);
    memcpy(before, w->board->flash + FAKE_OTADATA, sizeof before);
    world_release_2(w, "s");
    assert_true(world_run(w));
    assert_int_equal(w->agent->board.counter, 2);
    assert_memory_equal(w->board->flash + FAKE_OTADATA, before, sizeof before);
}

/* ---- resumption ---------------------------------------------------------------------------------------- */

static void break_release_2(struct world *w) {
    world_settle(w);
    world_release_2(w, "a");
    w->server->fault_path = "app.bin";
    w->server->break_after = 9000;
    assert_true(world_run(w));
    assert_int_equal(w->agent->last.code, OTA_NETWORK);
    assert_int_equal(w->agent->journal.step[0].done, 2 * OTA_SECTOR);
    w->server->fault_path = NULL;
}

/* The rest of another file behind this one's beginning would be no image at all. */
static void test_trap_update_resume_is_bound_to_the_signed_file(void **state) {
    struct world *w = *state;
    OTA_CLEAN(ota_buf_free) struct ota_buf three = fake_app("3.0.0", false);
    break_release_2(w);
    struct ota_release *r = fake_server_release(w->server, 3, "3.0.0");
    fake_server_image(w->server, r, OTA_KIND_APP, OTA_LABEL_APP, "app.bin", ota_buf_span(&three));
    fake_server_offer(w->server, 3);
    fake_server_publish(w->server);
    uint64_t before = w->server->image_bytes;
    assert_true(world_run(w));
    assert_int_equal(w->server->ranges, 0);
    assert_int_equal(w->server->image_bytes - before, three.len);
    assert_int_equal(w->agent->board.counter, 3);
    assert_true(fake_board_holds(w->board, FAKE_SLOT_1, ota_buf_span(&three)));
}

static void test_trap_update_resume_is_bound_to_the_etag(void **state) {
    struct world *w = *state;
    break_release_2(w);
    strcpy(fake_server_served(w->server, 2, "app.bin")->etag, "\"other\"");
    uint64_t before = w->server->image_bytes;
    assert_true(world_run(w));
    assert_int_equal(w->server->image_bytes - before, w->two.app.len);
    world_expect_release_2(w, "a");
}

/* It goes on at the start of a sector, which it erases: bytes that came after the last whole one are no part of it. The flash under test
 * ends the test at a write over bytes that were not erased. */
static void test_trap_update_resume_erases_the_sector_it_goes_on_in(void **state) {
    struct world *w = *state;
    break_release_2(w);
    fill_stale(w, FAKE_SLOT_1 + 2 * OTA_SECTOR, FAKE_SLOT_1 + 0x10000);
    assert_true(world_run(w));
    assert_int_equal(w->server->ranges, 1);
    world_expect_release_2(w, "a");
}

/* ---- partition table ----------------------------------------------------------------------------------- */

/* The running app keeps the table it read until it reboots. What only the new one has is installed all the same, because the board reboots
 * before it plans the rest. */
static void test_trap_update_table_counts_after_a_reboot(void **state) {
    struct world *w = *state;
    OTA_CLEAN(ota_buf_free) struct ota_buf extra = fake_data("extra", 300);
    world_settle(w);
    struct ota_release *r = world_release_2(w, "t");
    fake_server_image(w->server, r, OTA_KIND_DATA, "extra", "extra.bin", ota_buf_span(&extra));
    fake_server_publish(w->server);
    unsigned boots = w->boots;
    assert_true(world_run(w));
    assert_int_equal(w->boots - boots, 3); /* to copy the table, to run under it, to copy the data */
    world_expect_release_2(w, "t");
    assert_true(fake_board_holds(w->board, FAKE_STORAGE + FAKE_STORAGE_SIZE, ota_buf_span(&extra)));
}

/* otadata holds a number, not an address: it would name whatever the new table puts there. */
static void test_trap_update_table_moves_no_slot(void **state) {
    struct world *w = *state;
    struct ota_table t = fake_chip_table(w);
    uint8_t bytes[OTA_TABLE_LENGTH];
    world_settle(w);
    t.row[3].size -= 0x10000;
    t.row[4].offset -= 0x10000;
    assert_ota_ok(ota_table_write(&t, w->agent->cfg.crypto, bytes, &err));
    struct ota_release *r = fake_server_release(w->server, 2, "2.0.0");
    fake_server_image(w->server, r, OTA_KIND_TABLE, OTA_LABEL_TABLE, "partition-table.bin",
                      (struct ota_span){bytes, sizeof bytes});
    r->has_boot = r->risk = true;
    r->boot = w->agent->cfg.board.boot;
    fake_server_offer(w->server, 2);
    fake_server_publish(w->server);
    assert_true(world_run(w));
    assert_int_equal(w->agent->last.code, OTA_TABLE_CHANGE);
    assert_true(fake_board_holds(w->board, FAKE_TABLE_OFFSET, ota_buf_span(&w->one.table)));
    world_expect_release_1(w);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_trap_update_staging_is_never_the_destination),
        TEST(test_trap_update_stale_staging_bytes_stay_behind),
        TEST(test_trap_update_stale_bytes_of_the_destination_are_erased),
        TEST(test_trap_update_stale_bytes_behind_an_app_do_no_harm),
        TEST(test_trap_update_staging_may_be_smaller_than_the_destination),
        cmocka_unit_test(test_trap_update_copy_outlives_a_power_cut),
        TEST(test_trap_update_small_data_spares_the_rollback_target_by_a_hole),
        TEST(test_trap_update_small_data_spares_the_rollback_target_by_staging),
        TEST(test_trap_update_small_data_leaves_otadata_alone),
        TEST(test_trap_update_resume_is_bound_to_the_signed_file),
        TEST(test_trap_update_resume_is_bound_to_the_etag),
        TEST(test_trap_update_resume_erases_the_sector_it_goes_on_in),
        TEST(test_trap_update_table_counts_after_a_reboot),
        TEST(test_trap_update_table_moves_no_slot),
    };
    return cmocka_run_group_tests_name("trap_update", tests, NULL, NULL);
}
