/* SPDX-License-Identifier: Apache-2.0 */
/* A board in the field whose table has no ota_state: the records live in a hole, and a table that has the row there takes them over. */
#include "double/log.h"
#include "double/nvs.h"
#include "host/crypto.h"
#include "sdkconfig.h"
#include "sim/statekv.h"
#include "state_hole.h"
#include "support/esp_world.h"
#include "support/fake_chip.h"
#include "support/unit.h"

#define PLACE ESP_LAST_HOLE
#define PLACE_SIZE 0xA000u

static struct ota_err err;
static struct esp_world world;
static struct ota_statekv store;

static void start(unsigned rows, uint32_t place) {
    esp_world_make(&world, rows);
    double_state_offset = place;
    esp_world_boots(&world, "ota_0");
    assert_ota_ok(ota_statekv_open(&store, double_chip.cells, PLACE, PLACE_SIZE, &err));
    (void)double_nvs_put(OTA_STATE_LABEL, &store.port);
}

static int teardown(void **state) {
    (void)state;
    double_state_offset = 0;
    ota_statekv_close(&store);
    esp_world_free(&world);
    return 0;
}

static struct ota_table table_of_chip(void) {
    struct ota_table t;
    uint8_t bytes[OTA_TABLE_LENGTH];
    esp_world_read(world.board.efuse.boot.table_offset, bytes, sizeof bytes);
    assert_ota_ok(ota_table_read((struct ota_span){bytes, sizeof bytes}, &ota_crypto_openssl, &t, &err));
    return t;
}

static void test_esp_state_hole_keeps_records(void **state) {
    char value[4] = "";
    size_t n = 0;
    (void)state;
    start(ESP_NO_STATE, PLACE);
    assert_ota_ok(ota_esp_kv_open(&err));
    assert_true(double_logged("W (ota) the partition table has no ota_state: it lives at 0x1c2000"));
    assert_ota_ok(ota_esp_kv.set(NULL, "a", "1", 1, &err));
    esp_world_boots(&world, "ota_0");
    assert_ota_ok(ota_esp_kv_open(&err));
    assert_ota_ok(ota_esp_kv.get(NULL, "a", value, sizeof value, &n, &err));
    assert_memory_equal(value, "1", 1);
}

/* What is installed later must leave the records where they are. */
static void test_esp_state_hole_admits_one_table_only(void **state) {
    (void)state;
    start(ESP_NO_STATE, PLACE);
    assert_ota_ok(ota_esp_kv_open(&err));
    struct ota_table shown = table_of_chip(), without = shown;
    ota_esp_state_hole_show(&shown);
    assert_int_equal(shown.count, without.count + 1);
    assert_ota(ota_table_check_change(&shown, &without, &err), OTA_TABLE_CHANGE);

    struct ota_table elsewhere = without, here = without;
    fake_chip_row(&elsewhere, OTA_PART_DATA, OTA_DATA_NVS, PLACE + PLACE_SIZE, PLACE_SIZE, OTA_STATE_LABEL);
    assert_ota(ota_table_check_change(&shown, &elsewhere, &err), OTA_TABLE_CHANGE);
    fake_chip_row(&here, OTA_PART_DATA, OTA_DATA_NVS, PLACE, PLACE_SIZE, OTA_STATE_LABEL);
    assert_ota_ok(ota_table_check_change(&shown, &here, &err));
}

static void test_esp_state_hole_is_refused_over_a_partition(void **state) {
    (void)state;
    start(ESP_NO_STATE, ESP_STORAGE);
    assert_ota(ota_esp_kv_open(&err), OTA_NOT_FOUND);
    assert_true(double_logged("E (ota) no room for ota_state at 0x1a0000"));
    struct ota_table t = table_of_chip();
    const size_t rows = t.count;
    ota_esp_state_hole_show(&t);
    assert_int_equal(t.count, rows);
}

static void test_esp_state_hole_wants_whole_sectors(void **state) {
    (void)state;
    start(ESP_NO_STATE, PLACE + 0x800);
    assert_ota(ota_esp_kv_open(&err), OTA_NOT_FOUND);
    assert_true(double_logged("no multiple of 0x1000"));
}

/* The table may have the row: nobody can tell. */
static void test_esp_state_hole_is_not_made_when_the_heap_is_full(void **state) {
    (void)state;
    start(ESP_NO_STATE, PLACE);
    double_chip.find_fails = true;
    assert_false(ota_esp_state_hole_register());
    assert_true(ota_esp_state_hole_register());
    assert_int_equal(double_chip.iterators, 0);
}

static void test_esp_state_hole_gives_way_to_the_table(void **state) {
    (void)state;
    start(0, PLACE);
    assert_ota_ok(ota_esp_kv_open(&err));
    assert_false(double_logged("lives at"));
    struct ota_table t = table_of_chip();
    const size_t rows = t.count;
    ota_esp_state_hole_show(&t);
    assert_int_equal(t.count, rows);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_esp_state_hole_keeps_records, teardown),
        cmocka_unit_test_teardown(test_esp_state_hole_admits_one_table_only, teardown),
        cmocka_unit_test_teardown(test_esp_state_hole_is_refused_over_a_partition, teardown),
        cmocka_unit_test_teardown(test_esp_state_hole_wants_whole_sectors, teardown),
        cmocka_unit_test_teardown(test_esp_state_hole_is_not_made_when_the_heap_is_full, teardown),
        cmocka_unit_test_teardown(test_esp_state_hole_gives_way_to_the_table, teardown),
    };
    return cmocka_run_group_tests_name("esp_state_hole", tests, NULL, NULL);
}
