/* SPDX-License-Identifier: Apache-2.0 */
/* Paths in messages: what is wrong, and where, is not cut off behind a long one. */
#include <stdlib.h>

#include "host/err_place.h"
#include "host/fs.h"
#include "host/shell_words.h"
#include "support/unit.h"

static struct ota_err err;

static char *long_path(const char *name) {
    char folders[400];
    memset(folders, 'd', sizeof folders);
    return ota_sprintf("/%.*s/%.*s/%s", 180, folders, 180, folders, name);
}

static void test_err_place_keeps_name_and_line(void **state) {
    (void)state;
    OTA_CLEAN_FREE char *path = long_path("boards.csv");
    (void)ota_err_set(&err, OTA_ARGUMENT, "two columns are named \"mac\"");
    assert_int_equal(ota_err_place(&err, path, 100000), OTA_ARGUMENT);
    assert_int_equal(strncmp(err.msg, "...d", 4), 0);
    assert_non_null(strstr(err.msg, "/boards.csv:100000: two columns are named \"mac\""));
    (void)ota_err_set(&err, OTA_ARGUMENT, "is no table");
    (void)ota_err_place(&err, path, 0);
    assert_non_null(strstr(err.msg, "/boards.csv: is no table"));
    (void)ota_err_set(&err, OTA_ARGUMENT, "is no table");
    (void)ota_err_place(&err, "a/b.csv", 7);
    assert_string_equal(err.msg, "a/b.csv:7: is no table");
}

static void test_err_place_cuts_between_characters(void **state) {
    (void)state;
    struct ota_short_path s;
    assert_string_equal(ota_short_path(&s, "/1234567890/x", 13), "/1234567890/x");
    assert_string_equal(ota_short_path(&s, "/1234567890/x", 12), "...4567890/x");
    assert_string_equal(ota_short_path(&s,
                                       "/12345\xC3\xBC"
                                       "67890/x",
                                       11),
                        "...67890/x"); /* its 8th byte from the end */
    assert_string_equal(ota_short_path(&s,
                                       "/12345\xC3\xBC"
                                       "67890/x",
                                       12),
                        "...\xC3\xBC"
                        "67890/x");
}

static void test_err_place_of_files(void **state) {
    (void)state;
    OTA_CLEAN(ota_buf_free) struct ota_buf bytes = {0};
    OTA_CLEAN_FREE char *path = long_path("boards.csv");
    assert_int_equal(ota_fs_read(path, 100, &bytes, &err), OTA_NOT_FOUND);
    assert_non_null(strstr(err.msg, "/boards.csv: cannot open: No such file or directory"));
}

static void test_shell_words_are_quoted(void **state) {
    (void)state;
    static const struct {
        const char *word, *quoted;
    } words[] = {
        {"boards/b1.bin", "boards/b1.bin"},
        {"my boards/b1.bin", "'my boards/b1.bin'"},
        {"it's", "'it'\\''s'"},
        {"a?*[b]", "'a?*[b]'"},
        {"$HOME`x`\"!\\", "'$HOME`x`\"!\\'"},
        {"", "''"},
        {"~/b", "'~/b'"},
        {"a;b|c&d<e>f(g)#", "'a;b|c&d<e>f(g)#'"},
    };
    for (size_t i = 0; i < OTA_ARRAY_LEN(words); i++) {
        OTA_CLEAN_FREE char *got = ota_shell_word(words[i].word);
        assert_string_equal(got, words[i].quoted);
    }
    cJSON *command = cJSON_Parse("[\"esptool\",\"write-flash\",\"0x0\",\"my boards/b1.bin\"]");
    OTA_CLEAN_FREE char *line = ota_shell_line(command);
    assert_string_equal(line, "esptool write-flash 0x0 'my boards/b1.bin'");
    cJSON_Delete(command);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_err_place_keeps_name_and_line),
        cmocka_unit_test(test_err_place_cuts_between_characters),
        cmocka_unit_test(test_err_place_of_files),
        cmocka_unit_test(test_shell_words_are_quoted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
