/* SPDX-License-Identifier: Apache-2.0 */
/* Slot selection over esp_ota_ops, whose traps are in its double: which of them the port steps around. */
#include <inttypes.h>

#include "esp_image_format.h"
#include "esp_ota_ops.h"
#include "support/esp_world.h"
#include "support/fake_board.h"
#include "support/unit.h"

static struct ota_err err;
static struct esp_world world;

static int setup_rows(unsigned rows) {
    esp_world_make(&world, rows);
    esp_world_boots(&world, rows & ESP_HAS_FACTORY ? "factory" : "ota_0");
    return 0;
}

static int setup(void **state) {
    (void)state;
    return setup_rows(0);
}
static int setup_with_factory(void **state) {
    (void)state;
    return setup_rows(ESP_HAS_FACTORY);
}
static int setup_with_test(void **state) {
    (void)state;
    return setup_rows(ESP_HAS_TEST);
}
static int setup_with_hole(void **state) {
    (void)state;
    return setup_rows(ESP_HAS_OTA_3);
}
static int setup_with_three(void **state) {
    (void)state;
    return setup_rows(ESP_HAS_OTA_2);
}

static int teardown(void **state) {
    (void)state;
    esp_world_free(&world);
    return 0;
}

static const struct ota_boot_port *const port = &ota_esp_boot_port;

static enum ota_status activate(uint32_t offset) {
    return port->activate(port->ctx, offset, &err);
}
static enum ota_status confirm(void) {
    return port->confirm(port->ctx, &err);
}
static enum ota_status invalidate(void) {
    return port->invalidate(port->ctx, &err);
}

static void state_is(uint32_t offset, bool has_entry, enum ota_slot_state wanted) {
    enum ota_slot_state got;
    bool has;
    assert_ota_ok(port->state(port->ctx, offset, &got, &has, &err));
    assert_int_equal(has, has_entry);
    assert_string_equal(ota_slot_state_name(got), ota_slot_state_name(wanted));
}

static void damage(uint32_t offset) {
    uint8_t sector[OTA_SECTOR];
    esp_world_read(offset & ~(OTA_SECTOR - 1u), sector, sizeof sector);
    sector[offset % OTA_SECTOR] ^= 1;
    double_chip_program(offset & ~(OTA_SECTOR - 1u), (struct ota_span){sector, sizeof sector}, true);
}

/* ---- the way of an update ------------------------------------------------------------------------------ */

static void test_esp_boot_says_what_runs(void **state) {
    uint32_t offset;
    (void)state;
    assert_ota_ok(port->running(port->ctx, &offset, &err));
    assert_int_equal(offset, ESP_OTA_0);
    state_is(ESP_OTA_0, true, OTA_SLOT_VALID); /* the bootloader entered it */
    state_is(ESP_OTA_1, false, OTA_SLOT_UNDEFINED);
    state_is(ESP_STORAGE, false, OTA_SLOT_UNDEFINED);
}

static void test_esp_boot_update_is_activated_and_confirmed(void **state) {
    (void)state;
    assert_ota_ok(activate(ESP_OTA_1));
    esp_world_entry_is(0, 1, OTA_SLOT_VALID);
    esp_world_entry_is(1, 2, OTA_SLOT_NEW);
    esp_world_boots(&world, "ota_1");
    state_is(ESP_OTA_1, true, OTA_SLOT_PENDING_VERIFY);
    assert_ota_ok(confirm());
    assert_ota_ok(confirm());
    esp_world_entry_is(1, 2, OTA_SLOT_VALID);
    esp_world_boots(&world, "ota_1");
    assert_ota_ok(activate(ESP_OTA_0));
    esp_world_entry_is(0, 3, OTA_SLOT_NEW);
    esp_world_boots(&world, "ota_0");
}

static void test_esp_boot_update_is_rolled_back(void **state) {
    (void)state;
    assert_ota_ok(activate(ESP_OTA_1));
    esp_world_boots(&world, "ota_1");
    assert_ota_ok(invalidate());
    esp_world_entry_is(1, 2, OTA_SLOT_INVALID);
    esp_world_boots(&world, "ota_0");
    state_is(ESP_OTA_1, true, OTA_SLOT_INVALID);
    assert_ota_ok(activate(ESP_OTA_1)); /* another app there */
    esp_world_boots(&world, "ota_1");
}

static void test_esp_boot_reset_without_confirmation_goes_back(void **state) {
    (void)state;
    assert_ota_ok(activate(ESP_OTA_1));
    esp_world_boots(&world, "ota_1");
    esp_world_boots(&world, "ota_0");
    state_is(ESP_OTA_1, true, OTA_SLOT_ABORTED);
}

/* No entry is made by esp_ota_begin(), whose erasing of the other one would leave no way back. */
static void test_trap_esp_begin_is_not_used(void **state) {
    (void)state;
    esp_world_entry(1, 2, OTA_SLOT_VALID);
    esp_world_boots(&world, "ota_1");
    assert_ota_ok(ota_esp_flash.erase(ota_esp_flash.ctx, ESP_OTA_0, ESP_SLOT_SIZE, &err));
    esp_world_app(&world, ESP_OTA_0, "next", 0);
    esp_world_entry_is(0, 1, OTA_SLOT_VALID);
    esp_world_entry_is(1, 2, OTA_SLOT_VALID);
}

/* ---- otadata ------------------------------------------------------------------------------------------- */

/* esp_ota_get_state_partition() takes the first entry of a slot that it finds. */
static void test_trap_esp_state_is_that_of_the_active_entry(void **state) {
    (void)state;
    esp_world_entry(0, 2, OTA_SLOT_ABORTED);
    esp_world_entry(1, 4, OTA_SLOT_VALID);
    esp_world_boots(&world, "ota_1");
    state_is(ESP_OTA_1, true, OTA_SLOT_VALID);
    state_is(ESP_OTA_0, false, OTA_SLOT_UNDEFINED);
}

static void test_trap_esp_state_without_otadata(void **state) {
    (void)state;
    esp_world_free(&world);
    esp_world_make(&world, ESP_NO_OTADATA | ESP_HAS_FACTORY);
    esp_world_boots(&world, "factory");
    state_is(ESP_FACTORY, false, OTA_SLOT_UNDEFINED);
    state_is(ESP_OTA_0, false, OTA_SLOT_UNDEFINED);
    assert_ota(activate(ESP_OTA_0), OTA_NOT_FOUND);
    assert_ota(confirm(), OTA_NOT_FOUND);
    assert_ota(invalidate(), OTA_NOT_FOUND);
}

/* The bootloader would not start with such a row; one that became too small under the running app is no otadata either. */
static void test_trap_esp_small_otadata(void **state) {
    (void)state;
    (void)double_chip_row("otadata");
    for (size_t i = 0; i < double_chip.count; i++)
        if (strcmp(double_chip.partition[i].info.label, "otadata") == 0)
            double_chip.partition[i].info.size = 0x1000;
    assert_ota(activate(ESP_OTA_1), OTA_NOT_FOUND);
    esp_world_entry_is(0, 1, OTA_SLOT_VALID);
}

static void test_esp_boot_otadata_that_cannot_be_read(void **state) {
    enum ota_slot_state s;
    bool has;
    (void)state;
    double_chip.read_fault = ESP_ERR_TIMEOUT;
    assert_ota(port->state(port->ctx, ESP_OTA_0, &s, &has, &err), OTA_FLASH);
    double_chip.read_fault = ESP_ERR_TIMEOUT;
    assert_ota(confirm(), OTA_FLASH);
}

/* ---- esp_ota_set_boot_partition ------------------------------------------------------------------------ */

static void test_trap_esp_activate_verifies(void **state) {
    (void)state;
    damage(ESP_OTA_1 + 0x2000);
    assert_ota(activate(ESP_OTA_1), OTA_IMAGE_HASH);
    esp_world_entry_is(0, 1, OTA_SLOT_VALID);
    assert_int_equal(esp_world_read_entry(1).seq, UINT32_MAX);
    esp_world_boots(&world, "ota_0");
}

static void test_trap_esp_activate_what_cannot_be_selected(void **state) {
    (void)state;
    assert_ota(activate(ESP_STORAGE), OTA_ARGUMENT);
    assert_ota(activate(ESP_OTA_1 + OTA_SECTOR), OTA_ARGUMENT);
    assert_int_equal(double_chip.boot_calls, 0);
}

/* 0x20 has the low nibble of ota_0. */
static void test_trap_esp_activate_test_is_not_ota_0(void **state) {
    (void)state;
    esp_world_app(&world, ESP_TEST, "test", 0);
    assert_ota(activate(ESP_TEST), OTA_ARGUMENT);
    assert_int_equal(double_chip.boot_calls, 0);
    assert_int_equal(esp_ota_set_boot_partition(double_chip_row("test")), ESP_OK);
    esp_world_entry_is(0, 1, OTA_SLOT_NEW);
}

/* The bootloader counts ota_3, the app API does not. */
static void test_trap_esp_activate_behind_a_hole(void **state) {
    (void)state;
    esp_world_app(&world, ESP_OTA_3, "three", 0);
    assert_ota(activate(ESP_OTA_3), OTA_ARGUMENT);
    state_is(ESP_OTA_3, false, OTA_SLOT_UNDEFINED);
    assert_int_equal(double_chip.boot_calls, 0);
}

static void test_trap_esp_activate_factory_erases_otadata(void **state) {
    (void)state;
    assert_ota_ok(activate(ESP_OTA_0));
    esp_world_boots(&world, "ota_0");
    assert_ota_ok(confirm());
    assert_ota_ok(activate(ESP_FACTORY));
    assert_int_equal(esp_world_read_entry(0).seq, UINT32_MAX);
    esp_world_boots(&world, "factory");
}

/* Without an active entry: sector 0, and the lowest sequence. */
static void test_trap_esp_activate_from_factory(void **state) {
    (void)state;
    assert_int_equal(esp_world_read_entry(0).seq, UINT32_MAX);
    state_is(ESP_FACTORY, false, OTA_SLOT_UNDEFINED);
    assert_ota_ok(activate(ESP_OTA_1));
    esp_world_entry_is(0, 2, OTA_SLOT_NEW);
    esp_world_boots(&world, "ota_1");
    state_is(ESP_OTA_1, true, OTA_SLOT_PENDING_VERIFY);
}

static void test_trap_esp_activate_takes_the_smallest_sequence_above(void **state) {
    (void)state;
    esp_world_app(&world, ESP_OTA_2, "two", 0);
    assert_ota_ok(activate(ESP_OTA_2));
    esp_world_entry_is(1, 3, OTA_SLOT_NEW);
    esp_world_boots(&world, "ota_2");
    assert_ota_ok(confirm());
    assert_ota_ok(activate(ESP_OTA_1));
    esp_world_entry_is(0, 5, OTA_SLOT_NEW);
    esp_world_boots(&world, "ota_1");
}

/* The same slot again: 5.5 would write an equal sequence into the other sector, where it does not count. */
static void activates_again(bool idf_5_5) {
    double_chip.idf_5_5 = idf_5_5;
    esp_world_entry(1, 2, OTA_SLOT_VALID);
    damage(ESP_OTA_1 + 0x2000);
    esp_world_boots(&world, "ota_0"); /* the fallback; otadata goes on naming ota_1 */
    esp_world_app(&world, ESP_OTA_1, "next", 0);
    assert_ota_ok(activate(ESP_OTA_1));
    esp_world_entry_is(0, 1, OTA_SLOT_VALID);
    esp_world_entry_is(1, 2, OTA_SLOT_NEW);
    esp_world_boots(&world, "ota_1");
    state_is(ESP_OTA_1, true, OTA_SLOT_PENDING_VERIFY);
}

static void test_trap_esp_activate_again_before_6_0(void **state) {
    (void)state;
    activates_again(true);
}
static void test_trap_esp_activate_again(void **state) {
    (void)state;
    activates_again(false);
}

static void test_trap_esp_activate_again_verifies_too(void **state) {
    (void)state;
    esp_world_entry(1, 2, OTA_SLOT_VALID);
    damage(ESP_OTA_1 + 0x2000);
    esp_world_boots(&world, "ota_0");
    assert_ota(activate(ESP_OTA_1), OTA_IMAGE_HASH);
    esp_world_entry_is(1, 2, OTA_SLOT_VALID);
}

/* ESP-IDF looks for a sequence above without an end. */
static void test_trap_esp_activate_sequence_is_used_up(void **state) {
    (void)state;
    esp_world_entry(0, UINT32_MAX - 2, OTA_SLOT_VALID); /* ota_0: (seq - 1) % 2 */
    esp_world_boots(&world, "ota_0");
    assert_ota_ok(activate(ESP_OTA_1));
    esp_world_boots(&world, "ota_1");
    assert_ota_ok(confirm());
    assert_ota(activate(ESP_OTA_0), OTA_UNSUPPORTED);
    esp_world_boots(&world, "ota_1");
}

static void test_esp_boot_activation_that_fails_half_way(void **state) {
    (void)state;
    double_chip.write_fault = ESP_FAIL;
    assert_ota(activate(ESP_OTA_1), OTA_FLASH);
    esp_world_boots(&world, "ota_0");
}

/* A sector that says it was written and holds something else. */
static void test_esp_boot_worn_out_otadata(void **state) {
    const uint32_t sector = ESP_OTADATA / OTA_SECTOR + 1;
    (void)state;
    ota_nor_fault(&world.board.nor, sector, OTA_NOR_STUCK_WRITE);
    assert_ota(activate(ESP_OTA_1), OTA_READBACK);
    ota_nor_fault(&world.board.nor, sector, 0);
    assert_ota_ok(activate(ESP_OTA_1));
    esp_world_boots(&world, "ota_1");
    ota_nor_fault(&world.board.nor, sector, OTA_NOR_STUCK_WRITE);
    assert_ota(confirm(), OTA_READBACK);
    assert_ota(confirm(), OTA_ROLLED_BACK); /* there is no entry any more */
    ota_nor_fault(&world.board.nor, sector, 0);
    esp_world_boots(&world, "ota_0");
}

/* ---- rollback ------------------------------------------------------------------------------------------ */

/* Between activation and reboot the active entry is the new app's. */
static void test_trap_esp_confirm_before_the_reboot(void **state) {
    (void)state;
    assert_ota_ok(activate(ESP_OTA_1));
    assert_ota(confirm(), OTA_ROLLED_BACK);
    assert_ota(invalidate(), OTA_ROLLED_BACK);
    esp_world_entry_is(1, 2, OTA_SLOT_NEW);
    assert_int_equal(esp_ota_mark_app_valid_cancel_rollback(), ESP_OK); /* the trap is there */
    esp_world_entry_is(1, 2, OTA_SLOT_VALID);
}

static void test_trap_esp_confirm_from_the_fallback(void **state) {
    (void)state;
    assert_ota_ok(activate(ESP_OTA_1));
    damage(ESP_OTA_1 + 0x2000);
    esp_world_boots(&world, "ota_0");
    esp_world_entry_is(1, 2, OTA_SLOT_PENDING_VERIFY);
    assert_ota(confirm(), OTA_ROLLED_BACK);
    assert_non_null(strstr(err.msg, "slot 1"));
    esp_world_entry_is(1, 2, OTA_SLOT_PENDING_VERIFY);
}

static void test_trap_esp_confirm_from_factory(void **state) {
    (void)state;
    assert_ota(confirm(), OTA_ROLLED_BACK);
    assert_ota(invalidate(), OTA_ROLLED_BACK);
    assert_int_equal(double_chip.boot_calls, 0);
}

static void test_trap_esp_invalidate_needs_another_app(void **state) {
    (void)state;
    assert_ota(invalidate(), OTA_NO_BOOT);
    assert_ota_ok(activate(ESP_OTA_1));
    esp_world_boots(&world, "ota_1");
    damage(ESP_OTA_0 + 0x2000);
    assert_ota(invalidate(), OTA_NO_BOOT);
    esp_world_entry_is(1, 2, OTA_SLOT_PENDING_VERIFY);
}

static void test_trap_esp_invalidate_falls_back_to_factory(void **state) {
    (void)state;
    assert_ota_ok(activate(ESP_OTA_0));
    esp_world_boots(&world, "ota_0");
    assert_ota_ok(invalidate());
    esp_world_boots(&world, "factory");
}

/* Each call that rewrites an entry, with the power cut at each of its operations: the board boots one of the two apps. */
static void power_cuts(enum ota_status (*call)(void), bool first_boot_is_new, const char *name) {
    unsigned cuts = 0;
    for (unsigned kind = 0; kind < OTA_NOR_CUT_COUNT; kind++)
        for (uint64_t n = 1;; n++) {
            esp_world_make(&world, 0);
            esp_world_boots(&world, "ota_0");
            if (first_boot_is_new) {
                assert_ota_ok(activate(ESP_OTA_1));
                esp_world_boots(&world, "ota_1");
            }
            ota_nor_cut_power(&world.board.nor, n, (enum ota_nor_cut)kind);
            enum ota_status status = call();
            bool cut = world.board.nor.off;
            if (cut && kind != OTA_NOR_CUT_AFTER && status == OTA_OK)
                fail_msg("%s: cut %" PRIu64 " %s was not told", name, n, ota_nor_cut_name((enum ota_nor_cut)kind));
            ota_nor_power_on(&world.board.nor);
            assert_true(double_chip.protected);
            if (double_chip_boot(&world.log, &err) != OTA_OK)
                fail_msg("%s: cut %" PRIu64 " %s: %s", name, n, ota_nor_cut_name((enum ota_nor_cut)kind), err.msg);
            esp_world_free(&world);
            cuts += cut;
            if (!cut)
                break;
        }
    assert_in_range(cuts, 2 * OTA_NOR_CUT_COUNT, 1000);
}

static enum ota_status activate_1(void) {
    return activate(ESP_OTA_1);
}

static void test_trap_esp_power_loss_in_activate(void **state) {
    (void)state;
    power_cuts(activate_1, false, "activate");
}
static void test_trap_esp_power_loss_in_confirm(void **state) {
    (void)state;
    power_cuts(confirm, true, "confirm");
}
static void test_trap_esp_power_loss_in_invalidate(void **state) {
    (void)state;
    power_cuts(invalidate, true, "invalidate");
}

/* ---- images that wait ---------------------------------------------------------------------------------- */

static enum ota_status verify(uint32_t offset, const struct ota_buf *image, enum ota_kind kind) {
    return port->verify(port->ctx, offset, (uint32_t)image->len, kind, &err);
}

/* What is a bootloader is told by its address, which is reset afterwards. */
static void test_trap_esp_verify_bootloader_where_it_waits(void **state) {
    OTA_CLEAN(ota_buf_free) struct ota_buf b = esp_world_bootloader_bytes(&world, "next");
    (void)state;
    double_chip_program(ESP_HOLE, ota_buf_span(&b), true);
    assert_ota_ok(verify(ESP_HOLE, &b, OTA_KIND_BOOTLOADER));
    assert_int_equal(double_chip.bootloader_offset, 0);
    damage(ESP_HOLE + 0x1000);
    assert_ota(verify(ESP_HOLE, &b, OTA_KIND_BOOTLOADER), OTA_IMAGE_HASH);
    assert_int_equal(double_chip.bootloader_offset, 0);
}

/* Its segments are not congruent with the MMU's pages there. */
static void test_trap_esp_verify_app_where_it_waits(void **state) {
    const esp_partition_pos_t pos = {ESP_HOLE + OTA_SECTOR, 0x8000};
    esp_image_metadata_t data;
    OTA_CLEAN(ota_buf_free) struct ota_buf app = esp_world_app_bytes(&world, "next", 0);
    (void)state;
    double_chip_program(pos.offset, ota_buf_span(&app), true);
    assert_int_equal(esp_image_verify(ESP_IMAGE_VERIFY, &pos, &data), ESP_ERR_IMAGE_INVALID);
    assert_ota_ok(verify(pos.offset, &app, OTA_KIND_FACTORY));
}

static void test_esp_boot_verify_leaves_other_kinds_alone(void **state) {
    OTA_CLEAN(ota_buf_free) struct ota_buf data = fake_data("x", 100);
    (void)state;
    assert_ota_ok(verify(ESP_HOLE, &data, OTA_KIND_DATA));
    assert_ota_ok(verify(ESP_HOLE, &data, OTA_KIND_TABLE));
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_WITH(name, what) cmocka_unit_test_setup_teardown(name, setup_with_##what, teardown)
        TEST(test_esp_boot_says_what_runs),
        TEST(test_esp_boot_update_is_activated_and_confirmed),
        TEST(test_esp_boot_update_is_rolled_back),
        TEST(test_esp_boot_reset_without_confirmation_goes_back),
        TEST(test_trap_esp_begin_is_not_used),
        TEST(test_trap_esp_state_is_that_of_the_active_entry),
        TEST(test_trap_esp_state_without_otadata),
        TEST(test_trap_esp_small_otadata),
        TEST(test_esp_boot_otadata_that_cannot_be_read),
        TEST(test_trap_esp_activate_verifies),
        TEST(test_trap_esp_activate_what_cannot_be_selected),
        TEST_WITH(test_trap_esp_activate_test_is_not_ota_0, test),
        TEST_WITH(test_trap_esp_activate_behind_a_hole, hole),
        TEST_WITH(test_trap_esp_activate_factory_erases_otadata, factory),
        TEST_WITH(test_trap_esp_activate_from_factory, factory),
        TEST_WITH(test_trap_esp_activate_takes_the_smallest_sequence_above, three),
        TEST(test_trap_esp_activate_again_before_6_0),
        TEST(test_trap_esp_activate_again),
        TEST(test_trap_esp_activate_again_verifies_too),
        TEST(test_trap_esp_activate_sequence_is_used_up),
        TEST(test_esp_boot_activation_that_fails_half_way),
        TEST(test_esp_boot_worn_out_otadata),
        TEST(test_trap_esp_confirm_before_the_reboot),
        TEST(test_trap_esp_confirm_from_the_fallback),
        TEST_WITH(test_trap_esp_confirm_from_factory, factory),
        TEST(test_trap_esp_invalidate_needs_another_app),
        TEST_WITH(test_trap_esp_invalidate_falls_back_to_factory, factory),
        cmocka_unit_test(test_trap_esp_power_loss_in_activate),
        cmocka_unit_test(test_trap_esp_power_loss_in_confirm),
        cmocka_unit_test(test_trap_esp_power_loss_in_invalidate),
        TEST(test_trap_esp_verify_bootloader_where_it_waits),
        TEST(test_trap_esp_verify_app_where_it_waits),
        TEST(test_esp_boot_verify_leaves_other_kinds_alone),
    };
    return cmocka_run_group_tests_name("esp_boot", tests, NULL, NULL);
}
