/* SPDX-License-Identifier: Apache-2.0 */
/* Which paths may reach the file system. */
#include <string.h>

#include "server/served_name.h"
#include "support/unit.h"

#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_served_name_accepts_files_of_the_repository(void **state) {
    (void)state;
    assert_int_equal(ota_served_name("/metadata/timestamp.json"), OTA_SERVED_TIMESTAMP);
    assert_int_equal(ota_served_name("/metadata/1.root.json"), OTA_SERVED_ROOT);
    assert_int_equal(ota_served_name("/metadata/1790000000.snapshot.json"), OTA_SERVED_METADATA);
    assert_int_equal(ota_served_name("/metadata/999999999999999.thermo-2.json"), OTA_SERVED_METADATA);
    assert_int_equal(ota_served_name("/targets/img/thermo/1/" SHA ".app.bin"), OTA_SERVED_IMAGE);
    assert_int_equal(ota_served_name("/targets/img/thermo/999999999/" SHA ".app.bin.z"), OTA_SERVED_IMAGE);
}

static void test_served_name_refuses_everything_else(void **state) {
    static const char *const paths[] = {
        "",
        "/",
        "/metadata",
        "/metadata/",
        "/metadata/../x",
        "/metadata/timestamp.json/",
        "/metadata/timestamp.json.",
        "/metadata//timestamp.json",
        "/metadata/Timestamp.json",
        "/metadata/root.json",
        "/metadata/.root.json",
        "/metadata/0.root.json",
        "/metadata/01.root.json",
        "/metadata/1..json",
        "/metadata/1.root.json.bak",
        "/metadata/1.ro/ot.json",
        "/metadata/1.Root.json",
        "/metadata/1.root",
        "/metadata/1000000000000000.root.json",
        "/metadata/-1.root.json",
        "/metadata/1.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.json",
        "metadata/timestamp.json",
        "/targets/thermo/1/" SHA ".app.bin",
        "/targets/img/thermo/0/" SHA ".app.bin",
        "/targets/img/thermo/1000000000/" SHA ".app.bin",
        "/targets/img/thermo/1/" SHA,
        "/targets/img/thermo/1/" SHA ".",
        "/targets/img/thermo/1/" SHA "../x",
        "/targets/img/thermo/1/" SHA ".a/b",
        "/targets/img/thermo/1/" SHA ".a..b",
        "/targets/img/thermo/1/" SHA "0.app.bin",
        "/targets/img/thermo/1/" SHA ".app.bin/",
        "/targets/img/../1/" SHA ".app.bin",
        "/targets/img//1/" SHA ".app.bin",
        "/targets/img/thermo/1/0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef.app.bin",
        "/keys/root.pem",
    };
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        if (ota_served_name(paths[i]) != OTA_SERVED_NOTHING)
            fail_msg("%s", paths[i]);
}

static void test_served_name_decode(void **state) {
    char out[16];
    (void)state;
    assert_true(ota_url_decode("/a%2eb%20", out, sizeof out));
    assert_string_equal(out, "/a.b ");
    assert_true(ota_url_decode("/%C3%A4", out, sizeof out));
    assert_true(ota_url_decode("/0123456789abcd", out, sizeof out));
    assert_false(ota_url_decode("/0123456789abcde", out, sizeof out));
    assert_false(ota_url_decode("/a%2Fb", out, sizeof out));
    assert_false(ota_url_decode("/a%00", out, sizeof out));
    assert_false(ota_url_decode("/a%0a", out, sizeof out));
    assert_false(ota_url_decode("/a\tb", out, sizeof out));
    assert_false(ota_url_decode("/a%", out, sizeof out));
    assert_false(ota_url_decode("/a%2", out, sizeof out));
    assert_false(ota_url_decode("/a%g0", out, sizeof out));
    assert_true(ota_url_decode("/%252e", out, sizeof out));
    assert_string_equal(out, "/%2e");
}

static void test_served_name_path_of_a_target(void **state) {
    (void)state;
    assert_string_equal(ota_url_path("/a/b"), "/a/b");
    assert_string_equal(ota_url_path("https://host:8443/a/b"), "/a/b");
    assert_string_equal(ota_url_path("HTTP://[::1]/a"), "/a");
    assert_string_equal(ota_url_path("https://host"), "/");
    assert_string_equal(ota_url_path("https://"), "/");
    assert_string_equal(ota_url_path("ftp://host/a"), "ftp://host/a");
    assert_string_equal(ota_url_path("*"), "*");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_served_name_accepts_files_of_the_repository),
        cmocka_unit_test(test_served_name_refuses_everything_else),
        cmocka_unit_test(test_served_name_decode),
        cmocka_unit_test(test_served_name_path_of_a_target),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
