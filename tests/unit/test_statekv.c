/* SPDX-License-Identifier: Apache-2.0 */
/* ota_state of the virtual board: what was set is there after a reboot, and each key is old or new after a power cut at any operation. */
#include <stdio.h>

#include "sim/nor.h"
#include "sim/statekv.h"
#include "support/unit.h"

#define OFFSET 0x10000u
#define SIZE 0x6000u /* halves of three sectors: compaction comes early */
#define HALF (SIZE / 2)
#define SEEDS 12u

static struct ota_err err;
static struct ota_nor nor;
static struct ota_statekv kv;

static int set_up(void **state) {
    (void)state;
    assert_ota_ok(ota_nor_memory(&nor, OTA_NOR_SIZE_MIN, 0, &err));
    assert_ota_ok(ota_statekv_open(&kv, &nor.port, OFFSET, SIZE, &err));
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    ota_statekv_close(&kv);
    ota_nor_close(&nor);
    return 0;
}

static void reboot(void) {
    ota_statekv_close(&kv);
    ota_nor_power_on(&nor);
    assert_ota_ok(ota_statekv_open(&kv, &nor.port, OFFSET, SIZE, &err));
}

static enum ota_status set(const char *key, const void *p, size_t n) {
    return kv.port.set(kv.port.ctx, key, p, n, &err);
}

static enum ota_status erase(const char *key) {
    return kv.port.erase(kv.port.ctx, key, &err);
}

static void is(const char *key, const char *value) {
    char there[64];
    size_t n = 0;
    assert_ota_ok(kv.port.get(kv.port.ctx, key, there, sizeof there, &n, &err));
    assert_int_equal(n, strlen(value));
    assert_memory_equal(there, value, n);
}

static void is_absent(const char *key) {
    char there[64];
    size_t n = 0;
    assert_ota(kv.port.get(kv.port.ctx, key, there, sizeof there, &n, &err), OTA_NOT_FOUND);
}

static void test_statekv_keeps_what_was_set(void **state) {
    (void)state;
    is_absent("a");
    assert_ota_ok(set("a", "one", 3));
    assert_ota_ok(set("b", "", 0));
    assert_ota_ok(set("a", "two", 3));
    is("a", "two");
    reboot();
    is("a", "two");
    is("b", "");
    assert_ota_ok(erase("a"));
    assert_ota_ok(erase("never"));
    is_absent("a");
    reboot();
    is_absent("a");
    is("b", "");
    assert_false(kv.lost);
}

static void test_statekv_opening_writes_nothing(void **state) {
    (void)state;
    reboot();
    is_absent("a");
    assert_int_equal(nor.operations, 0);
}

static void test_statekv_an_equal_value_costs_no_write(void **state) {
    (void)state;
    assert_ota_ok(set("a", "one", 3));
    uint64_t before = nor.operations;
    assert_ota_ok(set("a", "one", 3));
    assert_int_equal(nor.operations, before);
}

static void test_statekv_reports_bounds(void **state) {
    static uint8_t large[HALF];
    char small[2];
    size_t n;
    (void)state;
    assert_ota(set("", "x", 1), OTA_ARGUMENT);
    assert_ota(set("sixteen-chars-ab", "x", 1), OTA_ARGUMENT);
    assert_ota_ok(set("fifteen-chars-a", "x", 1));
    assert_ota_ok(set("a", "one", 3));
    assert_ota(kv.port.get(kv.port.ctx, "a", small, sizeof small, &n, &err), OTA_TOO_LARGE);
    assert_ota(set("large", large, sizeof large), OTA_KV);
    assert_ota(set("large", large, sizeof large - 40), OTA_KV);
    is("a", "one");
    assert_ota_ok(set("large", large, sizeof large - 120));
    is("a", "one");
    reboot();
    is("a", "one");
}

static void test_statekv_takes_no_more_keys_than_it_can_index(void **state) {
    char key[16];
    (void)state;
    for (unsigned i = 0; i < OTA_STATEKV_KEYS_MAX; i++) {
        (void)snprintf(key, sizeof key, "k%u", i);
        assert_ota_ok(set(key, "x", 1));
    }
    assert_ota(set("more", "x", 1), OTA_KV);
    assert_ota_ok(erase("k7"));
    assert_ota_ok(set("more", "x", 1));
    reboot();
    is("k31", "x");
    is("more", "x");
    is_absent("k7");
}

static void test_statekv_compacts_for_ever(void **state) {
    static uint8_t value[3000];
    uint8_t back[sizeof value];
    size_t n = 0;
    (void)state;
    assert_ota_ok(set("keep", "this", 4));
    for (unsigned i = 0; i < 40; i++) {
        memset(value, (int)i, sizeof value);
        assert_ota_ok(set("often", value, sizeof value));
        if (i % 7 == 0)
            reboot();
        is("keep", "this");
        assert_ota_ok(kv.port.get(kv.port.ctx, "often", back, sizeof back, &n, &err));
        assert_int_equal(n, sizeof value);
        assert_memory_equal(back, value, n);
    }
    assert_true(kv.generation > 3);
}

static void test_statekv_says_when_everything_is_lost(void **state) {
    (void)state;
    assert_ota_ok(set("a", "one", 3));
    assert_ota_ok(nor.port.write(nor.port.ctx, OFFSET, "\0\0\0\0", 4, &err));
    reboot();
    assert_true(kv.lost);
    is_absent("a");
    assert_ota_ok(set("a", "new", 3));
    reboot();
    is("a", "new");
    assert_false(kv.lost);
}

static void test_statekv_a_damaged_record_is_not_believed(void **state) {
    (void)state;
    assert_ota_ok(set("a", "one", 3));
    uint32_t second = kv.end;
    assert_ota_ok(set("a", "two", 3));
    assert_ota_ok(nor.port.write(nor.port.ctx, OFFSET + second + 8, "\0\0\0\0", 4, &err));
    reboot();
    is("a", "one");
    assert_ota_ok(set("b", "x", 1)); /* goes to the other half: what lies behind is not erased */
    reboot();
    is("a", "one");
    is("b", "x");
}

/* ---- power cuts ---------------------------------------------------------------------------------------- */

/* The values a key takes in turn: long enough that halves fill up and change. NULL: erased. */
struct change {
    const char *key;
    size_t length; /* 0: erased */
    char fill;
};
static const struct change changes[] = {
    {"root", 5000, 'a'},    {"ts", 100, 'b'},    {"board", 700, 'c'}, {"journal", 2000, 'd'}, {"ts", 100, 'e'},
    {"journal", 2000, 'f'}, {"journal", 0, 0},   {"ts", 120, 'g'},    {"root", 5100, 'h'},    {"board", 720, 'i'},
    {"journal", 1500, 'j'}, {"root", 5200, 'k'}, {"journal", 0, 0},   {"ts", 90, 'l'},
};

static enum ota_status apply(const struct change *c) {
    uint8_t value[8192];
    memset(value, c->fill, sizeof value);
    return c->length ? set(c->key, value, c->length) : erase(c->key);
}

/* Does `key` hold what the first `done` changes made of it. */
static bool key_is(const char *key, size_t done) {
    const struct change *last = NULL;
    uint8_t value[8192];
    size_t n = 0;
    for (size_t i = 0; i < done; i++)
        if (strcmp(changes[i].key, key) == 0)
            last = &changes[i];
    enum ota_status status = kv.port.get(kv.port.ctx, key, value, sizeof value, &n, &err);
    if (!last || last->length == 0)
        return status == OTA_NOT_FOUND;
    return status == OTA_OK && n == last->length && value[0] == (uint8_t)last->fill &&
           memcmp(value, value + 1, n - 1) == 0;
}

static bool all_are(size_t done) {
    return key_is("root", done) && key_is("ts", done) && key_is("board", done) && key_is("journal", done);
}

static void cut_at(uint64_t operation, enum ota_nor_cut how, uint64_t seed) {
    size_t done = 0;
    (void)nor.port.erase(nor.port.ctx, OFFSET, SIZE, &err);
    reboot();
    nor.seed = seed;
    nor.operations = 0; /* so that the cut depends on its number alone */
    ota_nor_cut_power(&nor, operation, how);
    while (done < OTA_ARRAY_LEN(changes) && apply(&changes[done]) == OTA_OK)
        done++;
    assert_true(done < OTA_ARRAY_LEN(changes));
    assert_int_equal(err.code, OTA_KV);
    reboot();
    if (!all_are(done) && !all_are(done + 1))
        fail_msg("cut %llu (%s, seed %llu): after change %zu a key is neither old nor new",
                 (unsigned long long)operation, ota_nor_cut_name(how), (unsigned long long)seed, done);
    for (; done < OTA_ARRAY_LEN(changes); done++)
        assert_ota_ok(apply(&changes[done]));
    reboot();
    if (!all_are(OTA_ARRAY_LEN(changes)))
        fail_msg("cut %llu (%s, seed %llu): a key is wrong after all changes were made", (unsigned long long)operation,
                 ota_nor_cut_name(how), (unsigned long long)seed);
}

static uint64_t count_operations(void) {
    for (size_t i = 0; i < OTA_ARRAY_LEN(changes); i++)
        assert_ota_ok(apply(&changes[i]));
    assert_true(kv.generation >= 3); /* both halves were used */
    return nor.operations;
}

static void test_statekv_survives_a_cut_at_every_operation(void **state) {
    (void)state;
    uint64_t operations = count_operations();
    for (uint64_t n = 1; n <= operations; n++) {
        cut_at(n, OTA_NOR_CUT_CLEAN, 0);
        cut_at(n, OTA_NOR_CUT_TORN, 0);
        cut_at(n, OTA_NOR_CUT_AFTER, 0);
    }
}

static void test_statekv_survives_a_cut_within_a_page_or_between_bits(void **state) {
    (void)state;
    uint64_t operations = count_operations();
    for (uint64_t n = 1; n <= operations; n++)
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            cut_at(n, OTA_NOR_CUT_BYTE, seed);
            cut_at(n, OTA_NOR_CUT_BITS, seed);
        }
}

/* Power is cut again while what a first cut left is put right. */
static void test_statekv_survives_a_second_cut(void **state) {
    (void)state;
    uint64_t operations = count_operations();
    for (uint64_t n = 1; n <= operations; n++)
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            size_t done = 0;
            (void)nor.port.erase(nor.port.ctx, OFFSET, SIZE, &err);
            reboot();
            nor.seed = seed;
            nor.operations = 0;
            ota_nor_cut_power(&nor, n, OTA_NOR_CUT_BITS);
            while (apply(&changes[done]) == OTA_OK)
                done++;
            reboot();
            ota_nor_cut_power(&nor, 1 + seed % 3, OTA_NOR_CUT_BITS);
            bool again = apply(&changes[done]) != OTA_OK;
            reboot();
            if (!(again && all_are(done)) && !all_are(done + 1))
                fail_msg("cut %llu, then %llu (bits, seed %llu): a key is neither old nor new", (unsigned long long)n,
                         (unsigned long long)(1 + seed % 3), (unsigned long long)seed);
        }
}

/* ---- failures without a power cut ---------------------------------------------------------------------- */

static void test_statekv_fails_at_a_chosen_change(void **state) {
    (void)state;
    for (size_t n = 1; n <= OTA_ARRAY_LEN(changes); n++) {
        (void)nor.port.erase(nor.port.ctx, OFFSET, SIZE, &err);
        reboot();
        kv.fail_at = n;
        for (size_t i = 0; i + 1 < n; i++)
            assert_ota_ok(apply(&changes[i]));
        assert_int_equal(kv.changes, n - 1);
        assert_ota(apply(&changes[n - 1]), OTA_KV);
        assert_true(all_are(n - 1));
        for (size_t i = n - 1; i < OTA_ARRAY_LEN(changes); i++)
            assert_ota_ok(apply(&changes[i]));
        reboot();
        assert_true(all_are(OTA_ARRAY_LEN(changes)));
    }
}

static void test_statekv_fails_from_a_chosen_change_onwards(void **state) {
    (void)state;
    kv.fail_at = 3;
    kv.fail_onwards = true;
    assert_ota_ok(apply(&changes[0]));
    assert_ota_ok(apply(&changes[1]));
    assert_ota_ok(apply(&changes[1])); /* an equal value is no change */
    for (unsigned i = 0; i < 3; i++)
        assert_ota(apply(&changes[2]), OTA_KV);
    assert_true(all_are(2));
    reboot();
    assert_true(all_are(2));
    assert_ota_ok(apply(&changes[2]));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_statekv_keeps_what_was_set),
        TEST(test_statekv_opening_writes_nothing),
        TEST(test_statekv_an_equal_value_costs_no_write),
        TEST(test_statekv_reports_bounds),
        TEST(test_statekv_takes_no_more_keys_than_it_can_index),
        TEST(test_statekv_compacts_for_ever),
        TEST(test_statekv_says_when_everything_is_lost),
        TEST(test_statekv_a_damaged_record_is_not_believed),
        TEST(test_statekv_survives_a_cut_at_every_operation),
        TEST(test_statekv_survives_a_cut_within_a_page_or_between_bits),
        TEST(test_statekv_survives_a_second_cut),
        TEST(test_statekv_fails_at_a_chosen_change),
        TEST(test_statekv_fails_from_a_chosen_change_onwards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
