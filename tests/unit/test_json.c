/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON writer. */
#include "ota/scan.h"
#include "support/unit.h"

static void write_sample(struct ota_json *j) {
    static const uint8_t digest[] = {0x00, 0xab, 0xff};
    ota_json_object(j);
    ota_json_key(j, "a");
    ota_json_array(j);
    ota_json_u64(j, 0);
    ota_json_u64(j, 999999999999999u);
    ota_json_array(j);
    ota_json_array_end(j);
    ota_json_object(j);
    ota_json_object_end(j);
    ota_json_array_end(j);
    ota_json_key(j, "b");
    ota_json_bool(j, true);
    ota_json_key(j, "c");
    ota_json_null(j);
    ota_json_key(j, "d");
    ota_json_hex(j, digest, sizeof digest);
    ota_json_key(j, "e");
    ota_json_raw(j, ota_span_str("[1]"));
    ota_json_key(j, "f");
    ota_json_str(j, "q\"b\\s/\n\t\x01\x7f\xc3\xa9");
    ota_json_object_end(j);
}

static void test_json_writes_wire_and_canonical_form(void **state) {
    (void)state;
    static const char head[] =
        "{\"a\":[0,999999999999999,[],{}],\"b\":true,\"c\":null,\"d\":\"00abff\",\"e\":[1],\"f\":";
    static const char *const strings[] = {"\"q\\\"b\\\\s/\\n\\t\\u0001\x7f\xc3\xa9\"}",
                                          "\"q\\\"b\\\\s/\n\t\x01\x7f\xc3\xa9\"}"};
    for (int canonical = 0; canonical < 2; canonical++) {
        char out[256] = {0};
        struct ota_json j;
        ota_json_init(&j, out, sizeof out, canonical);
        write_sample(&j);
        assert_false(j.bad);
        assert_memory_equal(out, head, strlen(head));
        assert_string_equal(out + strlen(head), strings[canonical]);
    }
}

/* What is written in wire form and then canonicalised is what the canonical form gives at once. */
static void test_json_wire_form_canonicalises_to_the_canonical_one(void **state) {
    (void)state;
    struct ota_err err;
    char wire[256], canonical[256];
    struct ota_json j, k;
    ota_json_init(&j, wire, sizeof wire, false);
    write_sample(&j);
    ota_json_init(&k, canonical, sizeof canonical, true);
    write_sample(&k);
    size_t len = j.len;
    assert_ota_ok(ota_scan_canonicalize((uint8_t *)wire, &len, &err));
    assert_int_equal(len, k.len);
    assert_memory_equal(wire, canonical, len);
}

static void test_json_replaces_bytes_that_no_string_can_hold(void **state) {
    (void)state;
    char out[64] = {0};
    struct ota_json j;
    ota_json_init(&j, out, sizeof out, false);
    ota_json_span(&j, (struct ota_span){(const uint8_t *)"a\0b\xff\xe2\x82", 6});
    assert_string_equal(out, "\"a\xef\xbf\xbd"
                             "b\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

static void test_json_overrun_is_told_once_and_never_written(void **state) {
    (void)state;
    char whole[256];
    struct ota_json j;
    ota_json_init(&j, whole, sizeof whole, false);
    write_sample(&j);
    for (size_t cap = 0; cap <= j.len; cap++) {
        char out[256];
        struct ota_json k;
        memset(out, 0x55, sizeof out);
        ota_json_init(&k, out, cap, false);
        write_sample(&k);
        assert_int_equal(k.bad, cap < j.len);
        assert_int_equal(out[cap], 0x55);
        assert_memory_equal(out, whole, k.len);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_writes_wire_and_canonical_form),
        cmocka_unit_test(test_json_wire_form_canonicalises_to_the_canonical_one),
        cmocka_unit_test(test_json_replaces_bytes_that_no_string_can_hold),
        cmocka_unit_test(test_json_overrun_is_told_once_and_never_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
