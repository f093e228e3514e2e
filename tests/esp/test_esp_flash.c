/* SPDX-License-Identifier: Apache-2.0 */
/* The whole chip by address over esp_partition and esp_flash, without encryption. */
#include "support/esp_world.h"
#include "support/unit.h"

static struct ota_err err;
static struct esp_world world;

static int setup_rows(unsigned rows) {
    esp_world_make(&world, rows);
    esp_world_boots(&world, "ota_0");
    return 0;
}

static int setup(void **state) {
    (void)state;
    return setup_rows(0);
}

static int setup_with_primary_rows(void **state) {
    (void)state;
    return setup_rows(ESP_HAS_PRIMARY);
}

static int teardown(void **state) {
    (void)state;
    esp_world_free(&world);
    return 0;
}

static enum ota_status flash_read(uint32_t off, void *p, size_t n) {
    return ota_esp_flash.read(ota_esp_flash.ctx, off, p, n, &err);
}
static enum ota_status flash_write(uint32_t off, const void *p, size_t n) {
    return ota_esp_flash.write(ota_esp_flash.ctx, off, p, n, &err);
}
static enum ota_status flash_erase(uint32_t off, uint32_t n) {
    return ota_esp_flash.erase(ota_esp_flash.ctx, off, n, &err);
}

/* Erases and writes a sector's beginning, and reads it back through the port. */
static void round_trip(uint32_t off) {
    uint8_t text[32] = "what was written is what is read", back[sizeof text];
    assert_ota_ok(flash_erase(off & ~(OTA_SECTOR - 1u), OTA_SECTOR));
    assert_ota_ok(flash_write(off, text, sizeof text));
    assert_ota_ok(flash_read(off, back, sizeof back));
    assert_memory_equal(back, text, sizeof text);
}

static void test_esp_flash_has_the_size_of_the_chip(void **state) {
    (void)state;
    assert_int_equal(ota_esp_flash.size, ESP_FLASH_SIZE);
}

static void test_esp_flash_reaches_rows_and_holes(void **state) {
    static const uint32_t places[] = {ESP_OTADATA,
                                      ESP_OTA_1,
                                      ESP_OTA_1 + ESP_SLOT_SIZE - OTA_SECTOR,
                                      ESP_STATE,
                                      ESP_SECRET,
                                      ESP_STORAGE,
                                      ESP_HOLE,
                                      ESP_HOLE + 0x5010,
                                      ESP_LAST_HOLE,
                                      ESP_FLASH_SIZE - OTA_SECTOR};
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(places); i++)
        round_trip(places[i]);
    assert_int_equal(double_chip.unprotected_calls, 0);
}

/* What waits in a hole is seen by IDF's list, so that nobody else takes its place. */
static void test_esp_flash_registers_the_hole_it_uses(void **state) {
    const esp_partition_t *p;
    (void)state;
    assert_null(double_chip_row("ota_hole"));
    round_trip(ESP_HOLE + OTA_SECTOR);
    p = double_chip_row("ota_hole");
    assert_non_null(p);
    assert_int_equal(p->address, ESP_HOLE);
    assert_int_equal(p->size, ESP_ODD - ESP_HOLE);
    assert_int_equal(p->type, ESP_PARTITION_TYPE_BOOTLOADER);
    assert_int_equal(esp_partition_register_external(NULL, ESP_HOLE, OTA_SECTOR, "mine", ESP_PARTITION_TYPE_DATA,
                                                     ESP_PARTITION_SUBTYPE_DATA_NVS, NULL),
                     ESP_ERR_INVALID_ARG);
    round_trip(ESP_HOLE);
    assert_int_equal(p->size, ESP_ODD - ESP_HOLE);
}

static void test_esp_flash_leaves_what_the_application_registered(void **state) {
    const esp_partition_t *mine;
    (void)state;
    assert_int_equal(esp_partition_register_external(NULL, ESP_HOLE + 0x4000, 0x4000, "mine", ESP_PARTITION_TYPE_DATA,
                                                     ESP_PARTITION_SUBTYPE_DATA_NVS, &mine),
                     ESP_OK);
    round_trip(ESP_HOLE);
    assert_int_equal(double_chip_row("ota_hole")->size, 0x4000);
    assert_ota(flash_erase(ESP_HOLE + 0x4000, OTA_SECTOR), OTA_PERMISSION);
    assert_non_null(strstr(err.msg, "mine at 0x1b4000: the application registered it"));
    assert_ota(flash_write(ESP_HOLE + 0x7ff0, "sixteen bytes ..", 16), OTA_PERMISSION);
    assert_ota(flash_erase(ESP_HOLE + 0x3000, 2 * OTA_SECTOR), OTA_PERMISSION);
    assert_ota_ok(flash_read(ESP_HOLE + 0x4000, &(uint8_t){0}, 1));
    round_trip(ESP_SECRET + ESP_DATA_SIZE - OTA_SECTOR); /* rows are the agent's to write */
}

/* ESP-IDF says of a heap without room for an iterator that no partition is there: no hole is made of one. */
static void test_esp_flash_makes_no_hole_of_a_full_heap(void **state) {
    uint8_t byte;
    (void)state;
    double_chip.find_fails = true;
    assert_ota(flash_write(ESP_STATE, "0123456789abcdef", 16), OTA_MEMORY);
    double_chip.find_fails = true;
    assert_ota(flash_erase(ESP_STATE, OTA_SECTOR), OTA_MEMORY);
    double_chip.find_fails = true;
    assert_ota(flash_read(ESP_STATE, &byte, 1), OTA_MEMORY);
    assert_null(double_chip_row("ota_hole"));
    assert_int_equal(double_chip.iterators, 0);
}

static void test_esp_flash_hole_behind_the_table(void **state) {
    (void)state;
    esp_world_free(&world);
    (void)setup_rows(ESP_NO_NVS);
    round_trip(0xa000);
    assert_int_equal(double_chip_row("ota_hole")->address, OTA_TABLE_DEFAULT_OFFSET + OTA_SECTOR);
    assert_int_equal(double_chip_row("ota_hole")->size, 0x4000);
    assert_int_equal(double_chip.unprotected_calls, 0);
}

/* Its addresses begin at 0, too. */
static void test_trap_esp_second_chip_has_the_same_addresses(void **state) {
    esp_flash_t *second = (esp_flash_t *)&world;
    const esp_partition_t *mine;
    (void)state;
    assert_int_equal(esp_partition_register_external(second, 0, ESP_FLASH_SIZE, "ext", ESP_PARTITION_TYPE_DATA,
                                                     ESP_PARTITION_SUBTYPE_DATA_NVS, &mine),
                     ESP_OK);
    round_trip(ESP_STORAGE);
    round_trip(ESP_HOLE);
    assert_int_equal(double_chip_row("ota_hole")->size, ESP_ODD - ESP_HOLE);
    round_trip(0x1000);
    assert_int_equal(double_chip.unprotected_calls, 2);
}

static void test_trap_esp_protection_is_open_for_one_call(void **state) {
    (void)state;
    round_trip(0x1000); /* bootloader */
    assert_int_equal(double_chip.unprotected_calls, 2);
    assert_true(double_chip.protected);
    round_trip(OTA_TABLE_DEFAULT_OFFSET);
    assert_int_equal(double_chip.unprotected_calls, 4);
    assert_true(double_chip.protected);
}

static void test_trap_esp_protection_is_closed_after_a_failure(void **state) {
    uint8_t bytes[16] = {0};
    (void)state;
    double_chip.erase_fault = ESP_FAIL;
    assert_ota(flash_erase(0, OTA_SECTOR), OTA_FLASH);
    assert_true(double_chip.protected);
    double_chip.write_fault = ESP_ERR_TIMEOUT;
    assert_ota(flash_write(OTA_TABLE_DEFAULT_OFFSET, bytes, sizeof bytes), OTA_FLASH);
    assert_non_null(strstr(err.msg, "partition table"));
    assert_non_null(strstr(err.msg, "ESP_ERR_TIMEOUT (0x107)"));
    assert_true(double_chip.protected);
}

/* esp_partition_register_external() would refuse what overlaps such rows. */
static void test_trap_esp_registration_would_overlap_rows(void **state) {
    (void)state;
    round_trip(0x2000);
    round_trip(OTA_TABLE_DEFAULT_OFFSET);
    assert_int_equal(double_chip.unprotected_calls, 4);
    assert_null(double_chip_row("ota_hole"));
}

/* ESP-IDF's default is to abort: the port refuses before. */
static void test_trap_esp_writing_the_running_app_aborts(void **state) {
    uint8_t bytes[16] = {0};
    (void)state;
    assert_ota(flash_erase(ESP_OTA_0, OTA_SECTOR), OTA_PERMISSION);
    assert_ota(flash_write(ESP_OTA_0 + ESP_SLOT_SIZE - 16, bytes, sizeof bytes), OTA_PERMISSION);
    assert_non_null(strstr(err.msg, "ota_0"));
    assert_ota_ok(flash_read(ESP_OTA_0, bytes, sizeof bytes));
    assert_int_equal(bytes[0], 0xE9);
}

static void test_esp_flash_keeps_to_readonly_rows(void **state) {
    uint8_t bytes[16] = {0};
    (void)state;
    assert_ota(flash_erase(ESP_ID, OTA_SECTOR), OTA_PERMISSION);
    assert_ota(flash_write(ESP_ID, bytes, sizeof bytes), OTA_PERMISSION);
    assert_non_null(strstr(err.msg, "read-only"));
    assert_ota_ok(flash_read(ESP_ID, bytes, sizeof bytes));
}

/* The whole range is looked at before its first sector changes. */
static void test_esp_flash_range_across_regions(void **state) {
    uint8_t text[64], back[sizeof text];
    (void)state;
    memset(text, 0x5A, sizeof text);
    assert_ota_ok(flash_erase(ESP_STORAGE + ESP_DATA_SIZE - OTA_SECTOR, 2 * OTA_SECTOR));
    assert_ota_ok(flash_write(ESP_SECRET - 32, text, sizeof text));
    assert_ota_ok(flash_read(ESP_SECRET - 32, back, sizeof back));
    assert_memory_equal(back, text, sizeof text);
    /* storage's neighbour before it is ota_id */
    assert_ota_ok(flash_erase(ESP_STORAGE, OTA_SECTOR));
    assert_ota_ok(flash_write(ESP_STORAGE, text, sizeof text));
    assert_ota(flash_erase(ESP_ID + 0x3000, 2 * OTA_SECTOR), OTA_PERMISSION);
    assert_ota_ok(flash_read(ESP_STORAGE, back, sizeof back));
    assert_memory_equal(back, text, sizeof text);
    /* and the hole's before it is "secret" */
    assert_ota(flash_erase(ESP_ID, ESP_HOLE + OTA_SECTOR - ESP_ID), OTA_PERMISSION);
    assert_ota_ok(flash_read(ESP_STORAGE, back, sizeof back));
    assert_memory_equal(back, text, sizeof text);
    assert_ota_ok(flash_erase(0x7000, 2 * OTA_SECTOR)); /* bootloader's end and table */
}

static void test_esp_flash_range_past_the_end(void **state) {
    uint8_t bytes[32];
    (void)state;
    assert_ota(flash_read(ESP_FLASH_SIZE - 16, bytes, 32), OTA_FLASH);
    assert_ota(flash_read(UINT32_MAX - 15, bytes, 32), OTA_FLASH);
    assert_ota(flash_write(ESP_FLASH_SIZE, bytes, 16), OTA_FLASH);
    assert_ota(flash_erase(ESP_FLASH_SIZE - OTA_SECTOR, 2 * OTA_SECTOR), OTA_FLASH);
    assert_non_null(strstr(err.msg, "beyond the flash"));
}

static void test_esp_flash_erases_whole_sectors(void **state) {
    (void)state;
    assert_ota(flash_erase(ESP_STORAGE + 16, OTA_SECTOR), OTA_ARGUMENT);
    assert_ota(flash_erase(ESP_STORAGE, 100), OTA_ARGUMENT);
    assert_ota_ok(flash_erase(ESP_STORAGE, 0));
}

/* The rest of "odd"'s last sector belongs to nobody: it cannot be erased without odd's last bytes. */
static void test_esp_flash_row_that_ends_within_a_sector(void **state) {
    uint8_t bytes[16];
    (void)state;
    assert_ota(flash_erase(ESP_ODD + 0x1000, OTA_SECTOR), OTA_PERMISSION);
    memset(bytes, 0, sizeof bytes);
    assert_ota(flash_write(ESP_ODD + ESP_ODD_SIZE, bytes, sizeof bytes), OTA_PERMISSION);
    assert_ota_ok(flash_read(ESP_ODD + ESP_ODD_SIZE - 8, bytes, sizeof bytes));
    round_trip(ESP_LAST_HOLE);
    assert_int_equal(double_chip_row("ota_hole")->address, ESP_LAST_HOLE);
}

static void test_esp_flash_tells_what_failed(void **state) {
    uint8_t bytes[16];
    (void)state;
    double_chip.read_fault = ESP_ERR_TIMEOUT;
    assert_ota(flash_read(ESP_STORAGE, bytes, sizeof bytes), OTA_FLASH);
    assert_string_equal(err.msg, "storage: cannot read at 0x1a0000: ESP_ERR_TIMEOUT (0x107)");
}

/* esp_partition loads the table once: its rows are those that the board booted with. */
static void test_trap_esp_table_counts_after_a_reboot(void **state) {
    static const uint8_t blank[OTA_SECTOR];
    (void)state;
    assert_ota_ok(flash_erase(OTA_TABLE_DEFAULT_OFFSET, OTA_SECTOR));
    assert_ota_ok(flash_write(OTA_TABLE_DEFAULT_OFFSET, blank, sizeof blank));
    round_trip(ESP_STORAGE);
    double_chip.loaded = false;
    double_chip.count = 0;
    assert_ota(ota_esp_flash_open(&err), OTA_TABLE_FORMAT);
    double_chip_reset();
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_esp_flash_has_the_size_of_the_chip),
        TEST(test_esp_flash_reaches_rows_and_holes),
        TEST(test_esp_flash_registers_the_hole_it_uses),
        TEST(test_esp_flash_leaves_what_the_application_registered),
        TEST(test_esp_flash_makes_no_hole_of_a_full_heap),
        TEST(test_esp_flash_hole_behind_the_table),
        TEST(test_trap_esp_second_chip_has_the_same_addresses),
        TEST(test_trap_esp_protection_is_open_for_one_call),
        TEST(test_trap_esp_protection_is_closed_after_a_failure),
        cmocka_unit_test_setup_teardown(test_trap_esp_registration_would_overlap_rows, setup_with_primary_rows,
                                        teardown),
        TEST(test_trap_esp_writing_the_running_app_aborts),
        TEST(test_esp_flash_keeps_to_readonly_rows),
        TEST(test_esp_flash_range_across_regions),
        TEST(test_esp_flash_range_past_the_end),
        TEST(test_esp_flash_erases_whole_sectors),
        TEST(test_esp_flash_row_that_ends_within_a_sector),
        TEST(test_esp_flash_tells_what_failed),
        TEST(test_trap_esp_table_counts_after_a_reboot),
    };
    return cmocka_run_group_tests_name("esp_flash", tests, NULL, NULL);
}
