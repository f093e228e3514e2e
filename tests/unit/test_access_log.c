/* SPDX-License-Identifier: Apache-2.0 */
/* The access log's line: what a client sends cannot break it. */
#include <string.h>

#include "server/access_log.h"
#include "support/unit.h"

static struct ota_exchange exchange(const char *path) {
    struct ota_exchange x = {.method = "GET", .status = 206, .sent = 4096};
    (void)ota_format(x.path, sizeof x.path, "%s", path);
    return x;
}

static const char *line(enum ota_log_format format, const char *path, const char *agent, bool complete) {
    static char out[2048];
    struct ota_exchange x = exchange(path);
    size_t n = ota_access_log_line(format, &x, "192.0.2.7", agent, complete, 1790000000, 1500000, out, sizeof out - 1);
    out[n] = '\0';
    return out;
}

static void test_access_log_text(void **state) {
    (void)state;
    assert_string_equal(line(OTA_LOG_TEXT, "/metadata/timestamp.json", "otadevice/0.1.0", true),
                        "192.0.2.7 - - [21/Sep/2026:14:13:20 +0000] \"GET /metadata/timestamp.json HTTP/1.1\" 206 4096 "
                        "\"-\" \"otadevice/0.1.0\" 1.500000");
    assert_non_null(strstr(line(OTA_LOG_TEXT, "/", "-", false), " aborted"));
}

static void test_access_log_text_is_one_line(void **state) {
    (void)state;
    const char *text = line(OTA_LOG_TEXT, "/a\" 200 1\nx", "evil\"\r\n\x1b[31m\\\xff", true);
    assert_null(strchr(text, '\n'));
    assert_null(strchr(text, '\x1b'));
    assert_non_null(strstr(text, "/a\\x22 200 1\\x0ax"));
    assert_non_null(strstr(text, "evil\\x22\\x0d\\x0a\\x1b[31m\\x5c\\xff"));
}

static void test_access_log_json(void **state) {
    (void)state;
    assert_string_equal(line(OTA_LOG_JSON, "/a\"b\n", "x", true),
                        "{\"agent\":\"x\",\"bytes\":4096,\"complete\":true,\"method\":\"GET\",\"path\":\"/a\\\"b\\n\","
                        "\"remote\":\"192.0.2.7\",\"status\":206,\"time\":\"2026-09-21T14:13:20Z\",\"us\":1500000}");
}

static void test_access_log_longest_path_fits(void **state) {
    char path[OTA_URL_PATH_MAX];
    (void)state;
    memset(path, '"', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    assert_true(strlen(line(OTA_LOG_TEXT, path, path, true)) > 1000);
    assert_true(strlen(line(OTA_LOG_JSON, path, "x", true)) > 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_access_log_text),
        cmocka_unit_test(test_access_log_text_is_one_line),
        cmocka_unit_test(test_access_log_json),
        cmocka_unit_test(test_access_log_longest_path_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
