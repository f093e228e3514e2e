/* SPDX-License-Identifier: Apache-2.0 */
/* Records in NVS: what its codes mean to the agent, and when ota_state is erased. */
#include "double/log.h"
#include "double/nvs.h"
#include "sim/statekv.h"
#include "support/esp_world.h"
#include "support/unit.h"

static struct ota_err err;
static struct esp_world world;
static struct ota_statekv store;
static struct double_nvs_partition *nvs;

static void erase_store(void *ctx) {
    const struct ota_flash *f = double_chip.cells;
    (void)ctx;
    assert_ota_ok(f->erase(f->ctx, ESP_STATE, ESP_ID - ESP_STATE, &err));
    ota_statekv_close(&store);
    assert_ota_ok(ota_statekv_open(&store, f, ESP_STATE, ESP_ID - ESP_STATE, &err));
}

static int setup_rows(unsigned rows) {
    esp_world_make(&world, rows);
    esp_world_boots(&world, "ota_0");
    assert_ota_ok(ota_statekv_open(&store, double_chip.cells, ESP_STATE, ESP_ID - ESP_STATE, &err));
    nvs = double_nvs_put(OTA_STATE_LABEL, &store.port);
    nvs->erase = erase_store;
    return 0;
}

static int setup(void **state) {
    (void)state;
    setup_rows(0);
    assert_ota_ok(ota_esp_kv_open(&err));
    return 0;
}

static int teardown(void **state) {
    (void)state;
    ota_statekv_close(&store);
    esp_world_free(&world);
    return 0;
}

static enum ota_status get(const char *key, void *p, size_t cap, size_t *n) {
    return ota_esp_kv.get(ota_esp_kv.ctx, key, p, cap, n, &err);
}
static enum ota_status set(const char *key, const void *p, size_t n) {
    return ota_esp_kv.set(ota_esp_kv.ctx, key, p, n, &err);
}

static bool holds(const char *key, const char *value) {
    char there[64];
    size_t n = 0;
    return get(key, there, sizeof there, &n) == OTA_OK && n == strlen(value) && memcmp(there, value, n) == 0;
}

static void test_esp_kv_outlives_a_reboot(void **state) {
    (void)state;
    assert_ota_ok(set("journal", "abc", 3));
    double_nvs_reboot();
    assert_ota(set("journal", "d", 1), OTA_KV); /* its handle is gone */
    assert_ota_ok(ota_esp_kv_open(&err));
    assert_true(holds("journal", "abc"));
}

static void test_esp_kv_commits_what_it_sets(void **state) {
    (void)state;
    assert_ota_ok(set("a", "1", 1));
    assert_int_equal(double_nvs.uncommitted, 0);
    assert_ota_ok(ota_esp_kv.erase(ota_esp_kv.ctx, "a", &err));
    assert_int_equal(double_nvs.uncommitted, 0);
    assert_int_equal(double_nvs.commits, 2);
}

static void test_esp_kv_is_full(void **state) {
    (void)state;
    double_nvs.set_fault = ESP_ERR_NVS_NOT_ENOUGH_SPACE;
    assert_ota(set("a", "1", 1), OTA_KV);
    assert_string_equal(err.msg, "a: ota_state is full");
    assert_int_equal(double_nvs.commits, 0);
}

static void test_esp_kv_tells_what_failed(void **state) {
    uint8_t b[4];
    size_t n;
    (void)state;
    double_nvs.get_fault = ESP_ERR_NVS_TYPE_MISMATCH;
    assert_ota(get("a", b, sizeof b, &n), OTA_KV);
    double_nvs.set_fault = ESP_ERR_NVS_REMOVE_FAILED;
    assert_ota(set("a", "1", 1), OTA_KV);
    double_nvs.set_fault = ESP_ERR_NVS_INVALID_STATE;
    assert_ota(ota_esp_kv.erase(ota_esp_kv.ctx, "a", &err), OTA_KV);
}

/* ---- opening ------------------------------------------------------------------------------------------- */

static void test_esp_kv_without_a_partition(void **state) {
    (void)state;
    setup_rows(ESP_NO_STATE);
    assert_ota(ota_esp_kv_open(&err), OTA_NOT_FOUND);
    assert_non_null(strstr(err.msg, "ota_state"));
    assert_ota(set("a", "1", 1), OTA_KV); /* nor does an earlier one serve */
    (void)teardown(state);
}

/* NVS can be encrypted by its own keys only; the code is the same without flash encryption, where the flag means nothing. */
static void test_trap_esp_nvs_with_the_encrypted_flag(void **state) {
    (void)state;
    setup_rows(ESP_ENCRYPTED_STATE);
    world.board.efuse.boot.flash_encryption = false;
    assert_ota_ok(ota_esp_kv_open(&err));
    double_nvs_reboot();
    (void)double_chip_row(OTA_STATE_LABEL);
    for (size_t i = 0; i < double_chip.count; i++)
        double_chip.partition[i].info.encrypted |= strcmp(double_chip.partition[i].info.label, OTA_STATE_LABEL) == 0;
    assert_ota(ota_esp_kv_open(&err), OTA_KV);
    assert_non_null(strstr(err.msg, "flag `encrypted`"));
    (void)teardown(state);
}

static void unusable(esp_err_t why) {
    assert_ota_ok(set("a", "1", 1));
    double_nvs_reboot();
    nvs->unusable = why;
    double_log_clear();
    assert_ota_ok(ota_esp_kv_open(&err));
    assert_true(double_logged("W (ota) ota_state"));
    assert_true(double_logged("erased"));
    assert_false(holds("a", "1"));
    assert_ota_ok(set("a", "2", 1));
    assert_true(holds("a", "2"));
}

static void test_trap_esp_nvs_without_free_pages(void **state) {
    (void)state;
    unusable(ESP_ERR_NVS_NO_FREE_PAGES);
}
static void test_trap_esp_nvs_of_a_newer_version(void **state) {
    (void)state;
    unusable(ESP_ERR_NVS_NEW_VERSION_FOUND);
}

/* A flash that cannot be read just now is no reason to forget which releases are too old. */
static void test_trap_esp_nvs_is_not_erased_for_any_reason(void **state) {
    static const esp_err_t why[] = {ESP_FAIL, ESP_ERR_NO_MEM, ESP_ERR_TIMEOUT, ESP_ERR_NVS_INVALID_STATE,
                                    ESP_ERR_NVS_CORRUPT_KEY_PART};
    (void)state;
    assert_ota_ok(set("a", "1", 1));
    for (size_t i = 0; i < OTA_ARRAY_LEN(why); i++) {
        double_nvs_reboot();
        nvs->unusable = why[i];
        assert_ota(ota_esp_kv_open(&err), OTA_KV);
    }
    nvs->unusable = ESP_OK;
    assert_ota_ok(ota_esp_kv_open(&err));
    assert_true(holds("a", "1"));
}

/* The default partition's erasure, a factory reset, is none of its business: trust lies in another one. */
static void test_trap_esp_nvs_other_partitions_are_erased(void **state) {
    (void)state;
    assert_ota_ok(set("a", "1", 1));
    (void)double_nvs_put("nvs", &store.port);
    assert_int_equal(nvs_flash_erase_partition("nvs"), ESP_OK);
    assert_true(holds("a", "1"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_esp_kv_outlives_a_reboot),
        TEST(test_esp_kv_commits_what_it_sets),
        TEST(test_esp_kv_is_full),
        TEST(test_esp_kv_tells_what_failed),
        cmocka_unit_test(test_esp_kv_without_a_partition),
        cmocka_unit_test(test_trap_esp_nvs_with_the_encrypted_flag),
        TEST(test_trap_esp_nvs_without_free_pages),
        TEST(test_trap_esp_nvs_of_a_newer_version),
        TEST(test_trap_esp_nvs_is_not_erased_for_any_reason),
        TEST(test_trap_esp_nvs_other_partitions_are_erased),
    };
    return cmocka_run_group_tests_name("esp_kv", tests, NULL, NULL);
}
