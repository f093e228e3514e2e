/* SPDX-License-Identifier: Apache-2.0 */
/* Range, If-Range and If-None-Match as pure functions. */
#include "server/http_range.h"
#include "support/unit.h"

static void part(const char *header, uint64_t size, uint64_t from, uint64_t length) {
    uint64_t got_from = 99, got_length = 99;
    if (ota_range_parse(header, size, &got_from, &got_length) != OTA_RANGE_PART)
        fail_msg("%s of %llu: not a part", header, (unsigned long long)size);
    assert_int_equal(got_from, from);
    assert_int_equal(got_length, length);
}

static void result(const char *header, uint64_t size, enum ota_range wanted) {
    uint64_t from, length;
    if (ota_range_parse(header, size, &from, &length) != wanted)
        fail_msg("%s of %llu", header ? header : "(none)", (unsigned long long)size);
}

static void test_http_range_part(void **state) {
    (void)state;
    part("bytes=0-0", 10, 0, 1);
    part("bytes=0-9", 10, 0, 10);
    part("bytes=3-7", 10, 3, 5);
    part("bytes=9-", 10, 9, 1);
    part("bytes=0-", 10, 0, 10);
    part("BYTES=1-2", 10, 1, 2);
    part("bytes=0-0", 1, 0, 1);
}

static void test_http_range_end_is_clamped(void **state) {
    (void)state;
    part("bytes=9-10", 10, 9, 1);
    part("bytes=5-18446744073709551615", 10, 5, 5);
    part("bytes=5-99999999999999999999999999", 10, 5, 5);
}

static void test_http_range_suffix(void **state) {
    (void)state;
    part("bytes=-1", 10, 9, 1);
    part("bytes=-10", 10, 0, 10);
    part("bytes=-11", 10, 0, 10);
    part("bytes=-99999999999999999999999999", 10, 0, 10);
    result("bytes=-0", 10, OTA_RANGE_UNSATISFIABLE);
}

static void test_http_range_beyond_is_unsatisfiable(void **state) {
    (void)state;
    result("bytes=10-", 10, OTA_RANGE_UNSATISFIABLE);
    result("bytes=10-10", 10, OTA_RANGE_UNSATISFIABLE);
    result("bytes=99999999999999999999999999-", 10, OTA_RANGE_UNSATISFIABLE);
    result("bytes=0-", 0, OTA_RANGE_UNSATISFIABLE);
    result("bytes=-5", 0, OTA_RANGE_UNSATISFIABLE);
}

static void test_http_range_malformed_or_several_is_ignored(void **state) {
    static const char *const headers[] = {"",           "bytes",      "bytes=",     "bytes=-",       "bytes=a-b",
                                          "bytes=1",    "bytes=5-2",  "bytes=1-2x", "bytes=1-2,4-5", "bytes=1-2,",
                                          "bytes=--1",  "bytes=+1-2", "items=0-1",  "bytes 0-1",     "bytes=0x1-2",
                                          "bytes=1- 2", " bytes=0-1"};
    (void)state;
    result(NULL, 10, OTA_RANGE_WHOLE);
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
        result(headers[i], 10, OTA_RANGE_WHOLE);
}

static void test_http_range_etag_list(void **state) {
    (void)state;
    assert_true(ota_etag_listed("\"a\"", "\"a\""));
    assert_true(ota_etag_listed("W/\"a\"", "\"a\""));
    assert_true(ota_etag_listed("\"b\", W/\"c,d\" ,\"a\"", "\"a\""));
    assert_true(ota_etag_listed("*", "\"a\""));
    assert_false(ota_etag_listed(NULL, "\"a\""));
    assert_false(ota_etag_listed("", "\"a\""));
    assert_false(ota_etag_listed("\"b\"", "\"a\""));
    assert_false(ota_etag_listed("\"ab\"", "\"a\""));
    assert_false(ota_etag_listed("\"b, \"a", "\"a\""));
    assert_false(ota_etag_listed("a", "\"a\""));
    assert_false(ota_etag_listed("\"a", "\"a\""));
}

static void test_http_range_if_range_wants_the_same_strong_tag(void **state) {
    (void)state;
    assert_true(ota_etag_allows_range(NULL, "\"a\""));
    assert_true(ota_etag_allows_range("\"a\"", "\"a\""));
    assert_false(ota_etag_allows_range("W/\"a\"", "\"a\""));
    assert_false(ota_etag_allows_range("\"b\"", "\"a\""));
    assert_false(ota_etag_allows_range("Sat, 01 Jan 2028 00:00:00 GMT", "\"a\""));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_range_part),
        cmocka_unit_test(test_http_range_end_is_clamped),
        cmocka_unit_test(test_http_range_suffix),
        cmocka_unit_test(test_http_range_beyond_is_unsatisfiable),
        cmocka_unit_test(test_http_range_malformed_or_several_is_ignored),
        cmocka_unit_test(test_http_range_etag_list),
        cmocka_unit_test(test_http_range_if_range_wants_the_same_strong_tag),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
