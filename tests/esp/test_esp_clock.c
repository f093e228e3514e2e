/* SPDX-License-Identifier: Apache-2.0 */
/* A board's time counts once it can be right: later than the app it runs was built. */
#include "double/app_desc.h"
#include "double/clock.h"
#include "ota_esp_ports.h"
#include "support/unit.h"

#define BUILT 1767268800u /* of double_app_desc, were it UTC */
#define EAST (14u * 3600u)

static int setup(void **state) {
    (void)state;
    double_clock = (struct double_clock){.set = true};
    strcpy(double_app_desc.date, "Jan  1 2026");
    strcpy(double_app_desc.time, "12:00:00");
    return 0;
}

static bool now_is(uint64_t wanted) {
    uint64_t got = 0;
    return ota_esp_clock.now(ota_esp_clock.ctx, &got) && got == wanted;
}

static bool synchronised(time_t at) {
    uint64_t got;
    double_clock.now = at;
    return ota_esp_clock.now(ota_esp_clock.ctx, &got);
}

static void test_esp_clock_begins_unsynchronised(void **state) {
    (void)state;
    assert_false(synchronised(0));
    assert_false(synchronised(86400));
    assert_false(synchronised(-1));
}

static void test_esp_clock_counts_from_the_build_on(void **state) {
    (void)state;
    assert_false(synchronised(BUILT - EAST - 1));
    assert_true(synchronised(BUILT - EAST)); /* the builder's clock may be ahead of UTC so far */
    double_clock.now = BUILT + 60;
    assert_true(now_is(BUILT + 60));
}

static void test_esp_clock_of_a_reproducible_build_has_a_floor_too(void **state) {
    (void)state;
    double_app_desc.date[0] = double_app_desc.time[0] = '\0';
    assert_false(synchronised(1704067199));
    assert_true(synchronised(1704067200));
}

static void test_esp_clock_does_not_trust_a_garbled_descriptor(void **state) {
    static const char *const dates[] = {"Foo  1 2026", "Jan 32 2026", "Jan  1 20x6", "Jan  1 2026 "};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        strcpy(double_app_desc.date, dates[i]);
        assert_true(synchronised(1704067200));
    }
    memcpy(double_app_desc.date, "Jan  1 202677777", sizeof double_app_desc.date); /* no NUL */
    assert_true(synchronised(1704067200));
}

static void test_esp_clock_uptime_is_in_milliseconds(void **state) {
    (void)state;
    double_clock.uptime_us = 90000000ll * 1000000 + 1999;
    assert_int_equal(ota_esp_clock.uptime_ms(ota_esp_clock.ctx), 90000000ll * 1000 + 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_esp_clock_begins_unsynchronised, setup),
        cmocka_unit_test_setup(test_esp_clock_counts_from_the_build_on, setup),
        cmocka_unit_test_setup(test_esp_clock_of_a_reproducible_build_has_a_floor_too, setup),
        cmocka_unit_test_setup(test_esp_clock_does_not_trust_a_garbled_descriptor, setup),
        cmocka_unit_test_setup(test_esp_clock_uptime_is_in_milliseconds, setup),
    };
    return cmocka_run_group_tests_name("esp_clock", tests, NULL, NULL);
}
