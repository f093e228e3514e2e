/* SPDX-License-Identifier: Apache-2.0 */
/* Token buckets. */
#include <stdio.h>

#include "server/limit.h"
#include "support/unit.h"

static void test_limit_burst_then_rate(void **state) {
    static struct ota_limit l;
    (void)state;
    ota_limit_init(&l, 3, 60, 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(ota_limit_take(&l, "a", 1000), 0);
    assert_int_equal(ota_limit_take(&l, "a", 1000), 2);
    assert_int_not_equal(ota_limit_take(&l, "a", 1999), 0);
    assert_int_equal(ota_limit_take(&l, "a", 2000), 0);
    assert_int_not_equal(ota_limit_take(&l, "a", 2000), 0);
    assert_int_equal(ota_limit_take(&l, "b", 2000), 0);
    ota_limit_free(&l);
}

static void test_limit_is_full_again_and_not_fuller(void **state) {
    static struct ota_limit l;
    (void)state;
    ota_limit_init(&l, 2, 60, 1);
    assert_int_equal(ota_limit_take(&l, "a", 0), 0);
    assert_int_equal(ota_limit_take(&l, "a", 0), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(ota_limit_take(&l, "a", 1000000000000u), 0);
    assert_int_not_equal(ota_limit_take(&l, "a", 1000000000000u), 0);
    ota_limit_free(&l);
}

static void test_limit_memory_is_fixed(void **state) {
    static struct ota_limit l;
    char key[32];
    (void)state;
    ota_limit_init(&l, 1, 60, 7);
    for (unsigned i = 0; i < 20 * OTA_LIMIT_KEYS; i++) {
        (void)snprintf(key, sizeof key, "key %u", i);
        assert_int_equal(ota_limit_take(&l, key, 1000 + i), 0);
    }
    assert_int_not_equal(ota_limit_take(&l, key, 1000 + 20 * OTA_LIMIT_KEYS), 0);
    ota_limit_free(&l);
}

static void test_limit_key_of_an_address(void **state) {
    char a[OTA_LIMIT_KEY_MAX], b[OTA_LIMIT_KEY_MAX];
    (void)state;
    ota_limit_address_key("2001:db8:1:2::1", a);
    ota_limit_address_key("2001:db8:1:2:ffff:ffff:ffff:ffff", b);
    assert_string_equal(a, b);
    ota_limit_address_key("2001:db8:1:3::1", b);
    assert_string_not_equal(a, b);
    ota_limit_address_key("192.0.2.7", a);
    assert_string_equal(a, "192.0.2.7");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limit_burst_then_rate),
        cmocka_unit_test(test_limit_is_full_again_and_not_fuller),
        cmocka_unit_test(test_limit_memory_is_fixed),
        cmocka_unit_test(test_limit_key_of_an_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
