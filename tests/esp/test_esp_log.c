/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's lines on the console. */
#include "double/log.h"
#include "ota_esp_ports.h"
#include "support/unit.h"

static void test_esp_log_lines_have_a_tag_and_a_level(void **state) {
    (void)state;
    double_log_clear();
    ota_log(&ota_esp_log, OTA_LOG_ERROR, "flash at 0x%x", 0x1000u);
    ota_log(&ota_esp_log, OTA_LOG_WARNING, "two");
    ota_log(&ota_esp_log, OTA_LOG_INFO, "three");
    ota_log(&ota_esp_log, OTA_LOG_DEBUG, "four");
    assert_string_equal(double_log_text(), "E (ota) flash at 0x1000\nW (ota) two\nI (ota) three\nD (ota) four\n");
}

/* A version out of metadata is no format. */
static void test_esp_log_text_is_no_format(void **state) {
    (void)state;
    double_log_clear();
    ota_esp_log.line(ota_esp_log.ctx, OTA_LOG_INFO, "release 2 (%s%n): 100 %");
    assert_string_equal(double_log_text(), "I (ota) release 2 (%s%n): 100 %\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_esp_log_lines_have_a_tag_and_a_level),
        cmocka_unit_test(test_esp_log_text_is_no_format),
    };
    return cmocka_run_group_tests_name("esp_log", tests, NULL, NULL);
}
