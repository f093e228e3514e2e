/* SPDX-License-Identifier: Apache-2.0 */
/* The gate before cJSON. */
#include "host/json_tree.h"
#include "support/unit.h"

static enum ota_status parse(const char *text) {
    OTA_CLEAN(ota_json_tree_free) cJSON *tree = NULL;
    struct ota_err err;
    return ota_json_tree_parse(ota_span_str(text), "text", 4096, &tree, &err);
}

static void test_json_tree_numbers_of_the_grammar(void **state) {
    static const char *const good[] = {"0",         "-0",       "10",      "1.5",          "0.05",
                                       "[1,2]",     "[1 ,2\n]", "1e5",     "1E+05",        "-1.25e-3",
                                       "{\"a\":7}", "[\"01\"]", "[\"-\"]", "{\"01\":[0]}", " 3 "};
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(good); i++)
        if (parse(good[i]) != OTA_OK)
            fail_msg("%s", good[i]);
}

static void test_json_tree_other_numbers(void **state) {
    static const char *const bad[] = {"01",  "-01", "00",     "-",   "1.",    "1.e5", "1e",           "1e+",
                                      "0x1", "1a",  "[1,02]", "- 1", "1.2.3", "1-2",  "{\"a\":0123}", "1\"a\""};
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(bad); i++)
        if (parse(bad[i]) != OTA_JSON_NUMBER)
            fail_msg("%s", bad[i]);
    assert_int_not_equal(parse("+1"), OTA_OK);
    assert_int_not_equal(parse(".5"), OTA_OK);
    assert_int_not_equal(parse("NaN"), OTA_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_tree_numbers_of_the_grammar),
        cmocka_unit_test(test_json_tree_other_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
