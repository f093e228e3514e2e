/* SPDX-License-Identifier: Apache-2.0 */
/* What the board is, by a build without Secure Boot, encryption and anti-rollback. */
#include "double/app_desc.h"
#include "support/esp_world.h"
#include "support/unit.h"

static struct ota_err err;
static struct esp_world world;
static struct ota_board board;

static int setup(void **state) {
    (void)state;
    esp_world_make(&world, 0);
    esp_world_boots(&world, "ota_0");
    strcpy(double_app_desc.project_name, "thermo");
    strcpy(double_app_desc.version, "1.4.2");
    return 0;
}

static int teardown(void **state) {
    (void)state;
    esp_world_free(&world);
    return 0;
}

static void test_esp_board_facts(void **state) {
    (void)state;
    world.board.efuse.secure_version = 7; /* not of this build's concern */
    assert_ota_ok(ota_esp_board(&board, &err));
    assert_string_equal(board.chip->name, "esp32c3");
    assert_int_equal(board.revision, 4);
    assert_int_equal(board.table_offset, 0x8000);
    assert_int_equal(board.boot.table_offset, 0x8000);
    assert_true(board.boot.rollback);
    assert_false(board.boot.anti_rollback);
    assert_false(board.boot.flash_encryption);
    assert_int_equal(board.boot.secure_boot, 0);
    assert_int_equal(board.secure_version, 0);
    assert_false(board.recovery);
    assert_true(board.build_time > 1767000000);
    assert_string_equal(board.agent, "thermo/1.4.2");
}

/* The chip may enforce what this app was not built with. */
static void test_esp_board_says_what_the_chip_enforces(void **state) {
    (void)state;
    world.board.efuse.boot.secure_boot = 2;
    assert_ota_ok(ota_esp_board(&board, &err));
    assert_int_equal(board.boot.secure_boot, 2);
    world.board.efuse.boot.secure_boot = 0;
}

/* It goes into a header and into a URL's company. */
static void test_esp_board_agent_name_is_one_word(void **state) {
    (void)state;
    strcpy(double_app_desc.project_name, "my app/\n\xc3\xa4");
    strcpy(double_app_desc.version, "");
    assert_ota_ok(ota_esp_board(&board, &err));
    assert_string_equal(board.agent, "my-app----/0");
    memset(double_app_desc.project_name, 'p', sizeof double_app_desc.project_name); /* no NUL */
    memset(double_app_desc.version, 'v', sizeof double_app_desc.version);
    assert_ota_ok(ota_esp_board(&board, &err));
    assert_int_equal(strlen(board.agent), 65);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_esp_board_facts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_esp_board_says_what_the_chip_enforces, setup, teardown),
        cmocka_unit_test_setup_teardown(test_esp_board_agent_name_is_one_word, setup, teardown),
    };
    return cmocka_run_group_tests_name("esp_board", tests, NULL, NULL);
}
