/* SPDX-License-Identifier: Apache-2.0 */
/* The canonicaliser and the cursor. Inputs lie in blocks of exactly their size, so that a byte beyond them is seen. */
#include "host/buf.h"
#include "ota/scan.h"
#include "support/unit.h"

static struct ota_err err;

/* Canonical form of `wire`, NUL-terminated, or NULL with err set. */
static char *canonical(const char *wire, size_t n) {
    uint8_t *exact = n ? ota_calloc(1, n) : NULL;
    if (n)
        memcpy(exact, wire, n);
    size_t len = n;
    char *out = NULL;
    if (ota_scan_canonicalize(exact, &len, &err) == OTA_OK) {
        assert_true(len <= n);
        assert_int_equal(ota_scan_check_canonical(exact, len, &err), OTA_OK);
        out = ota_sprintf("%.*s", (int)len, (const char *)exact);
    }
    free(exact);
    return out;
}

static void test_scan_canonical_form(void **state) {
    (void)state;
    static const struct {
        const char *wire, *canonical;
    } rows[] = {
        {"{}", "{}"},
        {" [ ] ", "[]"},
        {"\t{ \"a\" : [ 1 , -2 , 0 ] ,\r\n\"b\":{\"c\":null} }\n", "{\"a\":[1,-2,0],\"b\":{\"c\":null}}"},
        {"[true,false,null]", "[true,false,null]"},
        {"\"a\\nb\\tc\\u0001\\b\\f\\r\"", "\"a\nb\tc\x01\b\f\r\""},
        {"\"\\u0022\\u005c\\/\\\"\\\\\"", "\"\\\"\\\\/\\\"\\\\\""},
        {"\"\\u00e9\\u20ac\\ud83d\\ude00\\u007f\"", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f\""},
        {"\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
        {"\"\\u00E9\\uD83D\\uDE00\"", "\"\xc3\xa9\xf0\x9f\x98\x80\""},
        {"999999999999999", "999999999999999"},
        {"-999999999999999", "-999999999999999"},
        /* Order is that of decoded bytes: \" (0x22) before A, \\ (0x5c) after Z, U+FFFF before U+10000. */
        {"{\"\\u0022\":1,\"A\":2,\"Z\":3,\"\\\\\":4,\"a\":5}", "{\"\\\"\":1,\"A\":2,\"Z\":3,\"\\\\\":4,\"a\":5}"},
        {"{\"\\uffff\":1,\"\\ud800\\udc00\":2}", "{\"\xef\xbf\xbf\":1,\"\xf0\x90\x80\x80\":2}"},
        {"{\"\":1,\"a\":2,\"aa\":3}", "{\"\":1,\"a\":2,\"aa\":3}"},
        {"{\"a\":{\"z\":1},\"b\":{\"a\":1}}", "{\"a\":{\"z\":1},\"b\":{\"a\":1}}"},
        {"[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]", "[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]"},
    };
    for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++) {
        char *got = canonical(rows[i].wire, strlen(rows[i].wire));
        if (!got)
            fail_msg("%s: %s", rows[i].wire, err.msg);
        assert_string_equal(got, rows[i].canonical);
        free(got);
    }
}

static void test_scan_refuses(void **state) {
    (void)state;
    static const struct {
        const char *wire;
        enum ota_status status;
    } rows[] = {
        {"", OTA_JSON_SYNTAX},
        {" ", OTA_JSON_SYNTAX},
        {"{", OTA_JSON_SYNTAX},
        {"[1", OTA_JSON_SYNTAX},
        {"[1,]", OTA_JSON_SYNTAX},
        {"[,1]", OTA_JSON_SYNTAX},
        {"[1 2]", OTA_JSON_SYNTAX},
        {"[1}", OTA_JSON_SYNTAX},
        {"{\"a\"}", OTA_JSON_SYNTAX},
        {"{\"a\":}", OTA_JSON_SYNTAX},
        {"{\"a\":1,}", OTA_JSON_SYNTAX},
        {"{a:1}", OTA_JSON_SYNTAX},
        {"{1:1}", OTA_JSON_SYNTAX},
        {"{\"a\"=1}", OTA_JSON_SYNTAX},
        {"nul", OTA_JSON_SYNTAX},
        {"True", OTA_JSON_SYNTAX},
        {"'a'", OTA_JSON_SYNTAX},
        {"NaN", OTA_JSON_SYNTAX},
        {"+1", OTA_JSON_SYNTAX},
        {"-", OTA_JSON_SYNTAX},
        {"-a", OTA_JSON_SYNTAX},
        {".5", OTA_JSON_SYNTAX},
        {"/* */1", OTA_JSON_SYNTAX},
        {"\"a", OTA_JSON_SYNTAX},
        {"\"a\nb\"", OTA_JSON_SYNTAX},
        {"\"\x1f\"", OTA_JSON_SYNTAX},
        {"\v1", OTA_JSON_SYNTAX},
        {"\xef\xbb\xbf{}", OTA_JSON_SYNTAX},
        {"\"\\", OTA_JSON_UTF8},
        {"\"\\u12", OTA_JSON_UTF8},
        {"\"\\x41\"", OTA_JSON_UTF8},
        {"\"\\u12g4\"", OTA_JSON_UTF8},
        {"\"\\u0000\"", OTA_JSON_UTF8},
        {"\"\\ud800\"", OTA_JSON_UTF8},
        {"\"\\ud800x\"", OTA_JSON_UTF8},
        {"\"\\ud800\\n\"", OTA_JSON_UTF8},
        {"\"\\ud800\\ud800\"", OTA_JSON_UTF8},
        {"\"\\udc00\\ud800\"", OTA_JSON_UTF8},
        {"\"\\udc00\\udc00\"", OTA_JSON_UTF8},
        {"\"\xc0\x80\"", OTA_JSON_UTF8},
        {"\"\xc3\"", OTA_JSON_UTF8},
        {"\"\xc3", OTA_JSON_UTF8},
        {"\"\xe0\x9f\xbf\"", OTA_JSON_UTF8},
        {"\"\xed\xa0\x80\"", OTA_JSON_UTF8},
        {"\"\xf0\x8f\xbf\xbf\"", OTA_JSON_UTF8},
        {"\"\xf4\x90\x80\x80\"", OTA_JSON_UTF8},
        {"\"\xff\"", OTA_JSON_UTF8},
        {"\"\xe2\x82\xc0\"", OTA_JSON_UTF8},
        {"1.0", OTA_JSON_NUMBER},
        {"1e3", OTA_JSON_NUMBER},
        {"1E3", OTA_JSON_NUMBER},
        {"-0", OTA_JSON_NUMBER},
        {"00", OTA_JSON_NUMBER},
        {"01", OTA_JSON_NUMBER},
        {"-01", OTA_JSON_NUMBER},
        {"1000000000000000", OTA_JSON_NUMBER},
        {"{\"a\":1,\"a\":2}", OTA_JSON_KEYS},
        {"{\"a\":1,\"\\u0061\":2}", OTA_JSON_KEYS},
        {"{\"b\":1,\"a\":2}", OTA_JSON_KEYS},
        {"{\"aa\":1,\"a\":2}", OTA_JSON_KEYS},
        {"{\"a\":1,\"b\":{},\"a\":2}", OTA_JSON_KEYS},
        {"{\"\\\\\":1,\"Z\":2}", OTA_JSON_KEYS},
        {"[{\"b\":[{\"z\":1}],\"a\":2}]", OTA_JSON_KEYS},
        {"[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", OTA_JSON_DEPTH},
        {"{}x", OTA_JSON_TRAILING},
        {"{}{}", OTA_JSON_TRAILING},
        {"1,2", OTA_JSON_TRAILING},
        {"{}\v", OTA_JSON_TRAILING},
    };
    for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++) {
        char *got = canonical(rows[i].wire, strlen(rows[i].wire));
        if (got)
            fail_msg("accepted: %s", rows[i].wire);
        if (err.code != rows[i].status)
            fail_msg("%s: %s (%s)", rows[i].wire, ota_status_name(err.code), err.msg);
    }
    assert_null(canonical("{}\0", 3));
    assert_int_equal(err.code, OTA_JSON_TRAILING);
    uint8_t cut[] = "\"\xc3\xa9\""; /* what lies behind the end completes nothing */
    size_t len = 2;
    assert_ota(ota_scan_canonicalize(cut, &len, &err), OTA_JSON_UTF8);
    assert_null(canonical("\"a\0\"", 4));
    assert_int_equal(err.code, OTA_JSON_SYNTAX);
}

/* Every prefix of a value is refused, and none is read beyond its end. */
static void test_scan_refuses_every_prefix(void **state) {
    (void)state;
    static const char text[] = "{\"a\":[true,{\"b\\u20ac\":\"\xf0\x9f\x98\x80\\ud83d\\ude00\"},-12],\"c\":null}";
    for (size_t n = 0; n < sizeof text - 1; n++)
        assert_null(canonical(text, n));
    char *whole = canonical(text, sizeof text - 1);
    assert_non_null(whole);
    free(whole);
}

static void test_scan_bounds_the_length_of_keys(void **state) {
    (void)state;
    char text[OTA_SCAN_KEY_MAX + 16];
    for (size_t n = OTA_SCAN_KEY_MAX; n <= OTA_SCAN_KEY_MAX + 1; n++) {
        char key[OTA_SCAN_KEY_MAX + 2];
        memset(key, 'k', n);
        key[n] = '\0';
        size_t len = ota_format(text, sizeof text, "{\"%s\":1}", key);
        char *got = canonical(text, len);
        assert_int_equal(got != NULL, n == OTA_SCAN_KEY_MAX);
        if (!got)
            assert_int_equal(err.code, OTA_TOO_LARGE);
        free(got);
    }
}

static void test_scan_canonical_mode_refuses_wire_spellings(void **state) {
    (void)state;
    static const char *const rows[] = {"{ }", "\"\\n\"", "\"\\u0041\"", "\"\\/\"", " 1", "1 ", "{\"a\": 1}", "[1, 2]"};
    for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++) {
        char text[16];
        size_t n = ota_format(text, sizeof text, "%s", rows[i]);
        assert_int_not_equal(ota_scan_check_canonical((uint8_t *)text, n, &err), OTA_OK);
        assert_string_equal(text, rows[i]);
    }
    char raw[] = "\"a\nb\x01\"";
    assert_ota_ok(ota_scan_check_canonical((uint8_t *)raw, sizeof raw - 1, &err));
    raw[2] = '\0';
    assert_ota(ota_scan_check_canonical((uint8_t *)raw, sizeof raw - 1, &err), OTA_JSON_SYNTAX);
}

static struct ota_value value(const char *text) {
    struct ota_value v;
    assert_ota_ok(ota_scan_value(ota_span_str(text), &v, &err));
    return v;
}

static void test_scan_iterates(void **state) {
    (void)state;
    struct ota_value object = value("{\"a\":[1,\"]\",{}],\"b\\\"\":\"}\",\"c\":true}"), v, array;
    struct ota_scan it;
    struct ota_span key;
    bool more, found;
    static const char *const keys[] = {"a", "b\\\"", "c"};
    assert_ota_ok(ota_scan_object(&object, &it, &err));
    for (size_t i = 0; i < 3; i++) {
        assert_ota_ok(ota_scan_next_member(&it, &key, &v, &more, &err));
        assert_true(more && ota_span_equal_str(key, keys[i]));
    }
    assert_ota_ok(ota_scan_next_member(&it, &key, &v, &more, &err));
    assert_false(more);
    assert_ota_ok(ota_scan_get(&object, "a", &array, &err));
    assert_ota_ok(ota_scan_array(&array, &it, &err));
    static const enum ota_token tokens[] = {OTA_TOKEN_INTEGER, OTA_TOKEN_STRING, OTA_TOKEN_OBJECT};
    for (size_t i = 0; i < 3; i++) {
        assert_ota_ok(ota_scan_next_element(&it, &v, &more, &err));
        assert_true(more && v.token == tokens[i]);
    }
    assert_ota_ok(ota_scan_next_element(&it, &v, &more, &err));
    assert_false(more);
    assert_ota_ok(ota_scan_find(&object, "d", &v, &found, &err));
    assert_false(found);
    assert_ota(ota_scan_get(&object, "d", &v, &err), OTA_METADATA_FIELD);
    assert_ota(ota_scan_object(&array, &it, &err), OTA_METADATA_TYPE);
    assert_ota(ota_scan_array(&object, &it, &err), OTA_METADATA_TYPE);
    assert_ota(ota_scan_get(&array, "a", &v, &err), OTA_METADATA_TYPE);
}

/* Bytes that never went through the canonicaliser give errors, not reads outside. */
static void test_scan_cursor_is_bounded_on_any_bytes(void **state) {
    (void)state;
    static const char *const rows[] = {"",     "{", "[", "\"",  "\"\\", "{\"a\"", "t",
                                       "fals", "-", "x", "[}]", "1 ",   "{}{}"};
    struct ota_value v;
    for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++) {
        size_t n = strlen(rows[i]);
        uint8_t *exact = ota_calloc(1, n ? n : 1);
        memcpy(exact, rows[i], n);
        enum ota_status status = ota_scan_value((struct ota_span){exact, n}, &v, &err);
        if (status == OTA_OK && strcmp(rows[i], "-") != 0)
            fail_msg("accepted: %s", rows[i]);
        free(exact);
    }
    static const char *const members[] = {"{1:2}", "{\"a\"}", "{\"a\":}", "{\"a\"1}", "{\"a\":1\"b\":2}"};
    struct ota_scan it;
    struct ota_span key;
    for (size_t i = 0; i < OTA_ARRAY_LEN(members); i++) {
        struct ota_value object = value(members[i]);
        bool more = true;
        enum ota_status status = ota_scan_object(&object, &it, &err);
        while (status == OTA_OK && more)
            status = ota_scan_next_member(&it, &key, &v, &more, &err);
        assert_int_equal(status, OTA_JSON_SYNTAX);
    }
}

static void test_scan_typed_reads(void **state) {
    (void)state;
    struct ota_value number = value("42"), negative = value("-42"), text = value("\"ab\""),
                     quoted = value("\"a\\\"b\""), yes = value("true"), big = value("999999999999999");
    uint64_t n;
    bool b;
    struct ota_span span;
    char out[4];
    size_t len;
    assert_ota_ok(ota_scan_u64(&number, "n", 0, 42, &n, &err));
    assert_int_equal(n, 42);
    assert_ota_ok(ota_scan_u64(&big, "n", 0, UINT64_MAX, &n, &err));
    assert_true(n == 999999999999999u);
    assert_ota(ota_scan_u64(&number, "n", 0, 41, &n, &err), OTA_METADATA_FIELD);
    assert_ota(ota_scan_u64(&number, "n", 43, 50, &n, &err), OTA_METADATA_FIELD);
    assert_ota(ota_scan_u64(&negative, "n", 0, 50, &n, &err), OTA_METADATA_FIELD);
    assert_ota(ota_scan_u64(&text, "n", 0, 50, &n, &err), OTA_METADATA_TYPE);
    assert_ota_ok(ota_scan_bool(&yes, "b", &b, &err));
    assert_true(b);
    assert_ota(ota_scan_bool(&number, "b", &b, &err), OTA_METADATA_TYPE);
    assert_ota_ok(ota_scan_text(&text, "t", &span, &err));
    assert_true(ota_span_equal_str(span, "ab"));
    assert_ota(ota_scan_text(&quoted, "t", &span, &err), OTA_METADATA_FIELD);
    assert_ota(ota_scan_text(&yes, "t", &span, &err), OTA_METADATA_TYPE);
    assert_ota_ok(ota_scan_string(&quoted, "t", out, sizeof out, &len, &err));
    assert_string_equal(out, "a\"b");
    assert_int_equal(len, 3);
    assert_ota(ota_scan_string(&quoted, "t", out, 3, &len, &err), OTA_METADATA_FIELD);
    assert_non_null(strstr(err.msg, "\"t\""));
}

static void test_scan_digests_and_times(void **state) {
    (void)state;
    uint8_t digest[OTA_SHA256_LEN];
    uint64_t seconds;
    struct ota_value good = value("\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\""),
                     upper = value("\"E3B0C44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\""),
                     brief = value("\"e3b0\""), then = value("\"2026-01-02T00:00:00Z\""),
                     zone = value("\"2026-01-02T00:00:00+01:00\"");
    assert_ota_ok(ota_scan_sha256(&good, "h", digest, &err));
    assert_int_equal(digest[31], 0x55);
    assert_ota(ota_scan_sha256(&upper, "h", digest, &err), OTA_METADATA_FIELD);
    assert_ota(ota_scan_sha256(&brief, "h", digest, &err), OTA_METADATA_FIELD);
    assert_ota_ok(ota_scan_time(&then, "t", &seconds, &err));
    assert_int_equal(seconds, 1767312000);
    assert_ota(ota_scan_time(&zone, "t", &seconds, &err), OTA_METADATA_FIELD);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scan_canonical_form),
        cmocka_unit_test(test_scan_refuses),
        cmocka_unit_test(test_scan_refuses_every_prefix),
        cmocka_unit_test(test_scan_bounds_the_length_of_keys),
        cmocka_unit_test(test_scan_canonical_mode_refuses_wire_spellings),
        cmocka_unit_test(test_scan_iterates),
        cmocka_unit_test(test_scan_cursor_is_bounded_on_any_bytes),
        cmocka_unit_test(test_scan_typed_reads),
        cmocka_unit_test(test_scan_digests_and_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
