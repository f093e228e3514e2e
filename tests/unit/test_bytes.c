/* SPDX-License-Identifier: Apache-2.0 */
/* err, format, bytes, time, names: the ground the core stands on. */
#include <limits.h>
#include <stdio.h>

#include "ota/bytes.h"
#include "support/unit.h"

static void test_err_every_status_has_a_unique_name_and_a_documented_exit_code(void **state) {
    (void)state;
    for (int i = 0; i < OTA_STATUS_COUNT; i++) {
        assert_true(*ota_status_name((enum ota_status)i) && *ota_status_text((enum ota_status)i));
        assert_in_range(ota_status_exit_code((enum ota_status)i), 0, 2);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(ota_status_name((enum ota_status)i), ota_status_name((enum ota_status)k));
    }
    assert_string_equal(ota_status_name((enum ota_status)9999), "internal");
}

static void test_err_is_one_line_whatever_stands_in_it(void **state) {
    struct ota_err err;
    (void)state;
    assert_int_equal(ota_err_set(&err, OTA_KEY, "%s", "a\nE (1) ota: \x1b[31mb\x7f\xc3\xa4"), OTA_KEY);
    assert_int_equal(ota_err_prefix(&err, "%s", "c\r\t"), OTA_KEY);
    assert_string_equal(err.msg, "c??: a?E (1) ota: ?[31mb?\xc3\xa4");
}

static void test_err_prefix_keeps_the_code_and_cuts_the_end(void **state) {
    (void)state;
    struct ota_err err;
    assert_int_equal(ota_err_set(&err, OTA_HASH, "wanted %02x", 7), OTA_HASH);
    assert_int_equal(ota_err_prefix(&err, "slot %d", 1), OTA_HASH);
    assert_string_equal(err.msg, "slot 1: wanted 07");
    for (int i = 0; i < 200; i++)
        (void)ota_err_prefix(&err, "a rather long piece of context number %d", i);
    assert_true(strlen(err.msg) < sizeof err.msg);
    assert_true(strncmp(err.msg, "a rather long piece of context number 199: ", 43) == 0);
}

static void test_format_agrees_with_snprintf(void **state) {
    (void)state;
    char a[128], b[128];
#define SAME(...)                                                          \
    do {                                                                   \
        (void)snprintf(a, sizeof a, __VA_ARGS__);                          \
        assert_int_equal(ota_format(b, sizeof b, __VA_ARGS__), strlen(a)); \
        assert_string_equal(a, b);                                         \
    } while (0)
    SAME("%s|%.3s|%.*s|%8s|%-8s|", "abc", "abcdef", 2, "xyz", "r", "l");
    SAME("%d %d %d %5d %05d", 0, INT_MIN, INT_MAX, -42, -42);
    SAME("%u %lu %llu %zu %llx %08x", 4000000000u, ULONG_MAX, ULLONG_MAX, (size_t)7, 0xdeadbeefcafeULL, 0x1fu);
    SAME("%c%%%c %lld", 'a', 'b', LLONG_MIN);
    SAME("%o %llo %s", 0644u, ULLONG_MAX, "after");
#undef SAME
}

static void test_format_cuts_at_a_character(void **state) {
    (void)state;
    char out[6];
    assert_int_equal(ota_format(out, sizeof out, "abc%s", "\xe2\x82\xac"), 3);
    assert_string_equal(out, "abc");
    assert_int_equal(ota_format(out, sizeof out, "ab%s", "\xe2\x82\xac"), 5);
    assert_int_equal(ota_format(out, sizeof out, "%s", "longer than it may be"), 5);
}

static void test_bytes_hex_refuses_what_is_not_lower_case_hex(void **state) {
    (void)state;
    uint8_t out[2];
    char text[5];
    assert_true(ota_hex_decode(ota_span_str("0aff"), out, 2));
    ota_hex_encode(out, 2, text);
    assert_string_equal(text, "0aff");
    assert_false(ota_hex_decode(ota_span_str("0AFF"), out, 2));
    assert_false(ota_hex_decode(ota_span_str("0aff0"), out, 2));
    assert_false(ota_hex_decode(ota_span_str("0ag0"), out, 2));
}

static void test_bytes_base64_decodes_and_refuses(void **state) {
    (void)state;
    uint8_t out[8];
    size_t n;
    assert_true(ota_base64_decode(ota_span_str("aGVs\nbG8="), out, sizeof out, &n));
    assert_int_equal(n, 5);
    assert_memory_equal(out, "hello", 5);
    static const char *const bad[] = {"a", "aG=s", "aGVsbG9=", "aGVs*G8=", "aGVsbG8=aGVs", "aGVsbG8gaGVsbG8=", "===="};
    for (size_t i = 0; i < OTA_ARRAY_LEN(bad); i++)
        assert_false(ota_base64_decode(ota_span_str(bad[i]), out, sizeof out, &n));
}

static void test_bytes_crc32_has_the_vectors_of_otadata(void **state) {
    (void)state;
    static const uint8_t one[] = {1, 0, 0, 0}, two[] = {2, 0, 0, 0};
    assert_int_equal(ota_crc32(0, "123456789", 9), 0xCBF43926);
    assert_int_equal(ota_crc32(0xFFFFFFFF, one, 4), 0x4743989A);
    assert_int_equal(ota_crc32(0xFFFFFFFF, two, 4), 0x55F63774);
}

static void test_bytes_records_stop_at_their_bounds(void **state) {
    (void)state;
    uint8_t room[7];
    char text[3];
    struct ota_writer w = {.p = room, .cap = sizeof room};
    ota_write_u32(&w, 0x01020304);
    ota_write_str(&w, "ab");
    assert_false(w.bad);
    ota_write_u8(&w, 1);
    assert_true(w.bad);
    struct ota_reader r = {.p = room, .len = w.len};
    assert_int_equal(ota_read_u32(&r), 0x01020304);
    ota_read_str(&r, text, sizeof text);
    assert_string_equal(text, "ab");
    assert_int_equal(ota_read_u64(&r), 0);
    assert_true(r.bad);
    struct ota_reader tight = {.p = room + 4, .len = 3};
    ota_read_str(&tight, text, 2);
    assert_true(tight.bad);
    /* It would read back as another string than the one that was written. */
    struct ota_reader cut = {.p = (const uint8_t *)"\2a", .len = 3};
    ota_read_str(&cut, text, sizeof text);
    assert_true(cut.bad);
    assert_string_equal(text, "");
}

static void test_time_round_trips_and_refuses_other_forms(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint64_t unix_seconds;
    } good[] = {{"1970-01-01T00:00:00Z", 0},
                {"2000-02-29T23:59:59Z", 951868799},
                {"2026-11-20T12:34:56Z", 1795178096},
                {"2100-03-01T00:00:00Z", 4107542400},
                {"9999-12-31T23:59:59Z", 253402300799}};
    char text[OTA_TIME_TEXT_MAX];
    uint64_t t;
    for (size_t i = 0; i < OTA_ARRAY_LEN(good); i++) {
        assert_true(ota_time_parse(ota_span_str(good[i].text), &t));
        assert_int_equal(t, good[i].unix_seconds);
        ota_time_format(t, text);
        assert_string_equal(text, good[i].text);
    }
    static const char *const bad[] = {"2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01T24:00:00Z",
                                      "2026-01-01T00:00:00",  "2026-01-01 00:00:00Z", "1969-12-31T23:59:59Z",
                                      "2026-01-01T00:00:60Z", "2026-1-01T00:00:00Z ", "2026-00-01T00:00:00Z"};
    for (size_t i = 0; i < OTA_ARRAY_LEN(bad); i++)
        assert_false(ota_time_parse(ota_span_str(bad[i]), &t));
    ota_time_format(UINT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59Z");
}

static void test_names_keep_paths_and_roles_out(void **state) {
    (void)state;
    assert_true(ota_name_valid(ota_span_str("thermo-2")));
    assert_false(ota_name_valid(ota_span_str("-thermo")));
    assert_false(ota_name_valid(ota_span_str("Thermo")));
    assert_false(ota_name_valid(ota_span_str("")));
    assert_false(ota_name_valid(ota_span_str("a23456789012345678901234567890123")));
    assert_false(ota_name_valid((struct ota_span){(const uint8_t *)"a\0b", 3}));
    assert_true(ota_name_reserved(ota_span_str("rollout")));
    assert_false(ota_name_reserved(ota_span_str("rollouts")));
    assert_true(ota_file_valid(ota_span_str("app.bin.z")));
    assert_false(ota_file_valid(ota_span_str("a..b")));
    assert_false(ota_file_valid(ota_span_str(".hidden")));
    assert_false(ota_file_valid(ota_span_str("a/b")));
    assert_true(ota_label_valid(ota_span_str("@partition-table")));
    assert_true(ota_label_valid(ota_span_str("storage_16_chars")));
    assert_false(ota_label_valid(ota_span_str("@other")));
    assert_false(ota_label_valid(ota_span_str("sto rage")));
    assert_false(ota_label_valid(ota_span_str("../x")));
    assert_true(ota_device_id_valid(ota_span_str("aa:bb:cc:00:11:22")));
    assert_false(ota_device_id_valid(ota_span_str("x/../y")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_err_every_status_has_a_unique_name_and_a_documented_exit_code),
        cmocka_unit_test(test_err_prefix_keeps_the_code_and_cuts_the_end),
        cmocka_unit_test(test_err_is_one_line_whatever_stands_in_it),
        cmocka_unit_test(test_format_agrees_with_snprintf),
        cmocka_unit_test(test_format_cuts_at_a_character),
        cmocka_unit_test(test_bytes_hex_refuses_what_is_not_lower_case_hex),
        cmocka_unit_test(test_bytes_base64_decodes_and_refuses),
        cmocka_unit_test(test_bytes_crc32_has_the_vectors_of_otadata),
        cmocka_unit_test(test_bytes_records_stop_at_their_bounds),
        cmocka_unit_test(test_time_round_trips_and_refuses_other_forms),
        cmocka_unit_test(test_names_keep_paths_and_roles_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
