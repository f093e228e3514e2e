/* SPDX-License-Identifier: Apache-2.0 */
/* Passphrases from files; what there is to do without one. */
#include <sys/stat.h>
#include <unistd.h>

#include "host/fs.h"
#include "host/passphrase.h"
#include "support/unit.h"

static char dir[] = "/tmp/ota-passphrase-XXXXXX";
static struct ota_err err;

static int make_dir(void **state) {
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}
static int remove_dir(void **state) {
    (void)state;
    return ota_fs_remove_tree(dir, &err) == OTA_OK ? 0 : -1;
}
static char *file_of(const char *name, const char *text) {
    char *path = ota_sprintf("%s/%s", dir, name);
    assert_ota_ok(ota_fs_write(path, text, strlen(text), 0600, &err));
    return path;
}

static void test_passphrase_is_the_first_line(void **state) {
    (void)state;
    static const char *const forms[] = {"four words of mine", "four words of mine\n", "four words of mine\r\nmore\n"};
    for (size_t i = 0; i < OTA_ARRAY_LEN(forms); i++) {
        OTA_CLEAN_FREE char *path = file_of("p", forms[i]);
        OTA_CLEAN(ota_secret_free) struct ota_buf got = {0};
        const struct ota_passphrase from = {.file = path};
        assert_ota_ok(ota_passphrase_get(&from, "a key", &got, &err));
        assert_string_equal(ota_buf_text(&got), "four words of mine");
    }
}

static void test_passphrase_file_is_guarded_like_a_key(void **state) {
    (void)state;
    OTA_CLEAN_FREE char *path = file_of("open", "four words of mine\n");
    OTA_CLEAN(ota_secret_free) struct ota_buf got = {0};
    assert_int_equal(chmod(path, 0640), 0);
    assert_ota(ota_passphrase_read_file(path, &got, &err), OTA_PERMISSION);
    assert_non_null(strstr(err.msg, "chmod 600"));
    assert_null(strstr(err.msg, "four words"));
}

static void test_passphrase_refuses_nothing_and_too_much(void **state) {
    (void)state;
    OTA_CLEAN(ota_secret_free) struct ota_buf got = {0};
    char many[OTA_PASSPHRASE_MAX + 2];
    memset(many, 'x', sizeof many);
    many[sizeof many - 1] = '\0';
    OTA_CLEAN_FREE char *empty = file_of("empty", "");
    OTA_CLEAN_FREE char *blank = file_of("blank", "\nsecond line\n");
    OTA_CLEAN_FREE char *longer = file_of("long", many);
    assert_ota(ota_passphrase_read_file(empty, &got, &err), OTA_ARGUMENT);
    assert_ota(ota_passphrase_read_file(blank, &got, &err), OTA_ARGUMENT);
    assert_ota(ota_passphrase_read_file(longer, &got, &err), OTA_TOO_LARGE);
    many[sizeof many - 2] = '\0';
    OTA_CLEAN_FREE char *longest = file_of("longest", many);
    assert_ota_ok(ota_passphrase_read_file(longest, &got, &err));
    assert_int_equal(got.len, OTA_PASSPHRASE_MAX);
}

static void test_passphrase_without_a_terminal_names_the_file_option(void **state) {
    (void)state;
    OTA_CLEAN(ota_secret_free) struct ota_buf got = {0};
    const struct ota_passphrase nowhere = {0};
    assert_ota(ota_passphrase_get(&nowhere, "keys/root.pem", &got, &err), OTA_PERMISSION);
    assert_non_null(strstr(err.msg, "keys/root.pem"));
    assert_non_null(strstr(err.msg, "--passphrase-file"));
    assert_ota(ota_passphrase_get(NULL, "keys/root.pem", &got, &err), OTA_PERMISSION);
    assert_ota(ota_passphrase_choose(&nowhere, "keys/root.pem", &got, &err), OTA_PERMISSION);
}

static void test_passphrase_chosen_anew_is_not_short(void **state) {
    (void)state;
    OTA_CLEAN(ota_secret_free) struct ota_buf got = {0}, again = {0};
    OTA_CLEAN_FREE char *seven = file_of("seven", "\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\n");
    OTA_CLEAN_FREE char *eight = file_of("eight", "12345678\n");
    const struct ota_passphrase s = {.file = seven}, e = {.file = eight};
    assert_ota(ota_passphrase_choose(&s, "a key", &got, &err), OTA_ARGUMENT); /* 14 bytes, 7 characters */
    assert_ota_ok(ota_passphrase_choose(&e, "a key", &again, &err));
}

static void test_passphrase_source_prefers_the_option(void **state) {
    (void)state;
    assert_int_equal(setenv("OTA_PASSPHRASE_FILE", "/somewhere", 1), 0);
    assert_string_equal(ota_passphrase_source(NULL).file, "/somewhere");
    assert_string_equal(ota_passphrase_source("here").file, "here");
    assert_int_equal(setenv("OTA_PASSPHRASE_FILE", "", 1), 0);
    assert_null(ota_passphrase_source(NULL).file);
    assert_int_equal(unsetenv("OTA_PASSPHRASE_FILE"), 0);
    assert_null(ota_passphrase_source(NULL).file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_passphrase_is_the_first_line),
        cmocka_unit_test(test_passphrase_file_is_guarded_like_a_key),
        cmocka_unit_test(test_passphrase_refuses_nothing_and_too_much),
        cmocka_unit_test(test_passphrase_without_a_terminal_names_the_file_option),
        cmocka_unit_test(test_passphrase_chosen_anew_is_not_short),
        cmocka_unit_test(test_passphrase_source_prefers_the_option),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
