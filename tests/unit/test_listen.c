/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses to listen on, and the URL that boards use. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ota/bytes.h"
#include "server/listen.h"
#include "support/unit.h"

static void bound(const char *where, const char *starts) {
    struct ota_listener l;
    struct ota_err err;
    assert_ota_ok(ota_listen_bind(where, &l, &err));
    assert_int_equal(strncmp(l.text, starts, strlen(starts)), 0);
    assert_true(l.port > 0);
    (void)close(l.fd);
}

static void test_listen_forms(void **state) {
    (void)state;
    bound("127.0.0.1:0", "127.0.0.1:");
    bound("localhost:0", "");
}

static void test_listen_refuses(void **state) {
    static const char *const bad[] = {
        "",         "8443",       ":8443",           "127.0.0.1",      "127.0.0.1:", "127.0.0.1:x",
        "::1:8443", "1.2.3.4:-1", "127.0.0.1:65536", "127.0.0.1:8443/"};
    struct ota_listener l;
    struct ota_err err;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (ota_listen_bind(bad[i], &l, &err) != OTA_CONFIG)
            fail_msg("%s", bad[i]);
}

static void test_listen_port_in_use(void **state) {
    struct ota_listener first, second;
    struct ota_err err;
    (void)state;
    assert_ota_ok(ota_listen_bind("127.0.0.1:0", &first, &err));
    assert_ota_ok(ota_listen_start(&first, &err));
    assert_int_equal(ota_listen_bind(first.text, &second, &err), OTA_BUSY);
    assert_non_null(strstr(err.msg, "--listen"));
    (void)close(first.fd);
}

static const char *url(const char *configured, bool chosen) {
    static char out[256];
    const struct ota_listener l = {.port = 40123};
    ota_listen_url(configured, &l, chosen, out, sizeof out);
    return out;
}

static void test_listen_url(void **state) {
    (void)state;
    assert_string_equal(url("https://ota.example.com", false), "https://ota.example.com");
    assert_string_equal(url("https://host:8443/", false), "https://host:8443");
    assert_string_equal(url("https://host:8443", true), "https://host:40123");
    assert_string_equal(url("https://host", true), "https://host:40123");
    assert_string_equal(url("https://host:0/ota/", true), "https://host:40123/ota");
    assert_string_equal(url("https://10.0.0.1", true), "https://10.0.0.1:40123");
    assert_string_equal(url("https://[::1]", true), "https://[::1]:40123");
    assert_string_equal(url("https://[::1]:8443", true), "https://[::1]:40123");
    assert_int_equal(strncmp(url("", false), "https://", 8), 0);
}

static bool reached(const char *configured, const char *text) {
    struct ota_listener l = {.port = (unsigned)strtoul(strrchr(text, ':') + 1, NULL, 10)};
    (void)ota_format(l.text, sizeof l.text, "%s", text);
    return ota_listen_reached(configured, &l);
}

static void test_listen_reached(void **state) {
    (void)state;
    assert_true(reached("https://ota.example.com:8443", "0.0.0.0:8443"));
    assert_true(reached("https://10.0.0.1:8443/ota", "[::]:8443"));
    assert_true(reached("https://ota.example.com", "0.0.0.0:443"));
    assert_true(reached("https://ota.example.com:8443", "10.0.0.1:8443"));
    assert_true(reached("https://10.0.0.1:8443", "10.0.0.1:8443"));
    assert_true(reached("https://[fd00::1]:8443/", "[fd00::1]:8443"));
    assert_true(reached("https://localhost:8443", "127.0.0.1:8443"));
    assert_false(reached("https://ota.example.com", "0.0.0.0:8443"));
    assert_false(reached("https://ota.example.com:8443", "0.0.0.0:9445"));
    assert_false(reached("https://ota.example.com:9445", "127.0.0.1:9445"));
    assert_false(reached("https://10.0.0.1:8443", "10.0.0.2:8443"));
    assert_false(reached("https://localhost:8443", "10.0.0.2:8443"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listen_forms),       cmocka_unit_test(test_listen_refuses),
        cmocka_unit_test(test_listen_port_in_use), cmocka_unit_test(test_listen_url),
        cmocka_unit_test(test_listen_reached),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
