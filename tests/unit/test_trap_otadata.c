/* SPDX-License-Identifier: Apache-2.0 */
/* Traps of otadata's layout: what its CRC covers, which entry counts, how slots are counted. */
#include "support/unit.h"

#include "support/fake_chip.h"

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

/* A zlib CRC-32 of the same bytes is another number: it begins at 0 and is inverted. */
static void test_trap_otadata_crc_begins_with_ones(void **state) {
    static const uint32_t wanted[] = {0x4743989A, 0x55F63774, 0xED4A5011, 0x709D68A8};
    uint8_t bytes[OTA_OTADATA_ENTRY];
    (void)state;
    for (uint32_t seq = 1; seq <= OTA_ARRAY_LEN(wanted); seq++) {
        ota_otadata_encode(seq, OTA_SLOT_UNDEFINED, bytes);
        assert_int_equal(ota_le32(bytes + 28), wanted[seq - 1]);
        assert_int_not_equal(ota_crc32(0, bytes, 4), wanted[seq - 1]);
    }
}

/* A state that went bad in flash is read as it stands; a board whose entry holds no known state still boots and updates. */
static void test_trap_otadata_crc_leaves_the_state_unprotected(void **state) {
    struct world *w = *state;
    fake_chip_set_entry(w, 0, 1, OTA_SLOT_VALID);
    w->board->flash[FAKE_OTADATA + 4] = 0;       /* seq_label */
    w->board->flash[FAKE_OTADATA + 24] &= 0xF0u; /* VALID becomes NEW */
    w->board->flash[FAKE_OTADATA + 26] = 0x5Au;  /* and then nothing that has a name */
    assert_true(fake_chip_entry(w, 0).crc_ok);
    world_settle(w);
    world_release_2(w, "a");
    assert_true(world_run(w));
    world_expect_release_2(w, "a");
}

static void test_trap_otadata_is_written_whole(void **state) {
    struct world *w = *state;
    world_settle(w);
    world_release_2(w, "a");
    assert_true(world_run(w));
    for (unsigned sector = 0; sector < 2; sector++) {
        const uint8_t *p = w->board->flash + FAKE_OTADATA + sector * OTA_SECTOR;
        for (size_t i = 4; i < 24; i++)
            assert_int_equal(p[i], 0xFF); /* seq_label: ESP-IDF never writes it */
        for (size_t i = OTA_OTADATA_ENTRY; i < OTA_SECTOR; i++)
            assert_int_equal(p[i], 0xFF);
    }
}

static void test_trap_otadata_tie_goes_to_the_first_sector(void **state) {
    struct world *w = *state;
    OTA_CLEAN(ota_buf_free) struct ota_buf app = fake_app("2.0.0", false);
    fake_board_flash(w->board, FAKE_SLOT_1, ota_buf_span(&app));
    fake_chip_set_entry(w, 0, 2, OTA_SLOT_VALID);
    fake_chip_set_entry(w, 1, 2, OTA_SLOT_INVALID);
    assert_true(fake_board_boot(w->board));
    assert_int_equal(w->board->running, FAKE_SLOT_1);
    fake_chip_set_entry(w, 1, 2, OTA_SLOT_NEW);
    assert_true(fake_board_boot(w->board));
    assert_int_equal(fake_chip_entry(w, 1).state, OTA_SLOT_NEW); /* the first one counts: it was not even looked at */
}

/* seq 0 is no sequence that ESP-IDF writes, seq 0xFFFFFFFF is blank whatever its CRC: slot = (seq - 1) mod count. */
static void test_trap_otadata_sequence_begins_at_one(void **state) {
    struct world *w = *state;
    OTA_CLEAN(ota_buf_free) struct ota_buf app = fake_app("2.0.0", false);
    fake_board_flash(w->board, FAKE_SLOT_1, ota_buf_span(&app));
    for (uint32_t seq = 1; seq <= 6; seq++) {
        fake_chip_set_entry(w, 0, seq, OTA_SLOT_VALID);
        assert_true(fake_board_boot(w->board));
        assert_int_equal(w->board->running, seq % 2 ? FAKE_SLOT_0 : FAKE_SLOT_1);
    }
    fake_chip_set_entry(w, 0, 4, OTA_SLOT_VALID);
    fake_chip_set_entry(w, 1, UINT32_MAX, OTA_SLOT_VALID);
    assert_true(fake_board_boot(w->board));
    assert_int_equal(w->board->running, FAKE_SLOT_1);
}

/* ota_data_initial.bin. The first slot that loads is entered by the bootloader, as VALID: a board that never confirmed. */
static void test_trap_otadata_initial_is_blank(void **state) {
    struct world *w = *state;
    for (size_t i = 0; i < OTA_OTADATA_SIZE; i++)
        assert_int_equal(w->board->flash[FAKE_OTADATA + i], 0xFF);
    world_settle(w);
    assert_int_equal(fake_chip_entry(w, 0).seq, 1);
    assert_int_equal(fake_chip_entry(w, 0).state, OTA_SLOT_VALID);
    assert_int_equal(fake_chip_entry(w, 1).seq, UINT32_MAX);
}

/* ---- slots are counted in two ways --------------------------------------------------------------------- */

#define SMALL_SLOT 0xC0000u

/* ota_0, ota_1 and ota_3: the app API counts two slots, the bootloader three. */
static void flash_hole(struct world *w) {
    struct ota_table t = fake_chip_table(w);
    t.row[4].size = SMALL_SLOT;
    fake_chip_row(&t, OTA_PART_APP, OTA_APP_OTA_0 + 3, FAKE_SLOT_1 + SMALL_SLOT, SMALL_SLOT, "ota_3");
    fake_chip_flash_table(w, &t);
}

/* The entry by which the app API selects ota_0 for the second time selects nothing for the bootloader. */
static void test_trap_otadata_slots_are_counted_differently_at_a_hole(void **state) {
    struct world *w = *state;
    flash_hole(w);
    world_settle(w);
    world_release_2(w, "a");
    fake_board_flash(w->board, FAKE_SLOT_1, ota_buf_span(&w->two.app));
    assert_ota_ok(w->board->boot_port.activate(w->board->boot_port.ctx, FAKE_SLOT_1, &err));
    assert_true(fake_board_boot(w->board));
    assert_int_equal(w->board->running, FAKE_SLOT_1);
    assert_ota_ok(w->board->boot_port.activate(w->board->boot_port.ctx, FAKE_SLOT_0, &err));
    assert_int_equal(fake_chip_entry(w, 0).seq, 3);
    assert_true(fake_board_boot(w->board));
    assert_int_equal(w->board->running, FAKE_SLOT_1);
}

/* A table with a hole comes to no board over the air, and one that has it keeps an app that runs. */
static void test_trap_otadata_hole_costs_no_board(void **state) {
    struct world *w = *state;
    struct ota_table t = fake_chip_table(w);
    uint8_t bytes[OTA_TABLE_LENGTH];
    world_settle(w);
    t.row[4].subtype = OTA_APP_OTA_0 + 2;
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
    assert_non_null(strstr(w->agent->last.msg, "hole"));
    world_expect_release_1(w);
    assert_true(fake_board_holds(w->board, FAKE_TABLE_OFFSET, ota_buf_span(&w->one.table)));
}

/* What would be downloaded, activated and never booted is refused before a byte of it. */
static void test_trap_otadata_hole_takes_no_app(void **state) {
    struct world *w = *state;
    flash_hole(w);
    world_settle(w);
    world_release_2(w, "a");
    assert_true(world_run(w));
    assert_int_equal(w->agent->last.code, OTA_UNSUPPORTED);
    assert_non_null(strstr(w->agent->last.msg, "without a hole"));
    assert_int_equal(w->server->image_requests, 0);
    world_expect_release_1(w);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_trap_otadata_crc_begins_with_ones),
        TEST(test_trap_otadata_crc_leaves_the_state_unprotected),
        TEST(test_trap_otadata_is_written_whole),
        TEST(test_trap_otadata_tie_goes_to_the_first_sector),
        TEST(test_trap_otadata_sequence_begins_at_one),
        TEST(test_trap_otadata_initial_is_blank),
        TEST(test_trap_otadata_slots_are_counted_differently_at_a_hole),
        TEST(test_trap_otadata_hole_costs_no_board),
        TEST(test_trap_otadata_hole_takes_no_app),
    };
    return cmocka_run_group_tests_name("trap_otadata", tests, NULL, NULL);
}
