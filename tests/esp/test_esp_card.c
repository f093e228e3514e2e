/* SPDX-License-Identifier: Apache-2.0 */
/* Bundles on a card: which files, in which order, how often; and what the log says of each. The reference application's own
 * files, which need no driver. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>

#include "double/log.h"
#include "nvs.h"
#include "ota_esp.h"
#include "support/unit.h"

#include "../../firmware/main/card_bad.c"

#include "../../firmware/main/card_files.c"

static char folder[64], tried[1024];
static enum ota_status answer;
static const char *answer_of; /* NULL: all files; else the file that gets it, others OTA_COUNTER */

/* ---- what it leans on ---------------------------------------------------------------------------------- */

static struct {
    uint8_t bytes[128];
    size_t len;
    unsigned writes;
    bool closed_to_writing;
} store;

esp_err_t nvs_open(const char *name, nvs_open_mode_t mode, nvs_handle_t *h) {
    assert_string_equal(name, "card");
    *h = 1;
    if (mode == NVS_READONLY && store.len == 0)
        return ESP_ERR_NVS_NOT_FOUND;
    return mode == NVS_READWRITE && store.closed_to_writing ? ESP_ERR_NVS_NOT_ENOUGH_SPACE : ESP_OK;
}

void nvs_close(nvs_handle_t h) {
    assert_int_equal(h, 1);
}

esp_err_t nvs_get_blob(nvs_handle_t h, const char *key, void *p, size_t *len) {
    (void)h, (void)key;
    if (store.len > *len)
        return ESP_ERR_NVS_INVALID_LENGTH;
    memcpy(p, store.bytes, store.len);
    *len = store.len;
    return ESP_OK;
}

esp_err_t nvs_set_blob(nvs_handle_t h, const char *key, const void *p, size_t len) {
    (void)h, (void)key;
    assert_in_range(len, 1, sizeof store.bytes);
    memcpy(store.bytes, p, len);
    store.len = len;
    return ESP_OK;
}

esp_err_t nvs_commit(nvs_handle_t h) {
    (void)h;
    store.writes++;
    return ESP_OK;
}

enum ota_status ota_esp_install_file(const char *path, struct ota_err *err) {
    const char *name = path + strlen(folder) + 1;
    const enum ota_status status = !answer_of || strcmp(name, answer_of) == 0 ? answer : OTA_COUNTER;
    snprintf(tried + strlen(tried), sizeof tried - strlen(tried), "%s ", name);
    return status == OTA_OK ? OTA_OK : ota_err_set(err, status, "because of %s", ota_status_name(status));
}

static void put(const char *name, time_t time) {
    char path[300];
    const struct utimbuf times = {time, time};
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(utime(path, &times), 0);
}

static int setup(void **state) {
    (void)state;
    memset(&store, 0, sizeof store);
    tried[0] = '\0';
    answer = OTA_COUNTER;
    answer_of = NULL;
    double_log_clear();
    snprintf(folder, sizeof folder, "/tmp/ota-test.XXXXXX");
    assert_non_null(mkdtemp(folder));
    return 0;
}

static int teardown(void **state) {
    char path[400];
    (void)state;
    DIR *dir = opendir(folder);
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        (void)unlink(path);
    }
    (void)closedir(dir);
    return rmdir(folder);
}

static void expect_tries(bool done, const char *wanted) {
    tried[0] = '\0';
    assert_int_equal(app_card_try_all(folder), done);
    assert_string_equal(tried, wanted);
}

/* ---- tests --------------------------------------------------------------------------------------------- */

static void test_esp_card_tries_bundles_in_the_order_of_names(void **state) {
    char too_long[NAME_MAX_LEN + 10];
    (void)state;
    expect_tries(true, "");
    memset(too_long, 'x', NAME_MAX_LEN - 4);
    strcpy(too_long + NAME_MAX_LEN - 4, ".otab");
    static const char *const names[] = {"thermo-38.otab", "b.OTAB", "THERMO~1.OTA", "._b.otab",
                                        "notes.txt",      "otab",   "a.bin",        "thermo-37.otab"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        put(names[i], 1000);
    put(too_long, 1000);
    expect_tries(true, "THERMO~1.OTA b.OTAB thermo-37.otab thermo-38.otab ");
}

static void test_esp_card_looks_at_so_many_files(void **state) {
    char name[16];
    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "%02u.otab", i);
        put(name, 1000);
    }
    expect_tries(true,
                 "00.otab 01.otab 02.otab 03.otab 04.otab 05.otab 06.otab 07.otab 08.otab 09.otab 10.otab 11.otab "
                 "12.otab 13.otab 14.otab 15.otab ");
    assert_true(double_logged("W (card) 16.otab and what follows is not looked at"));
}

static void test_esp_card_says_what_became_of_each(void **state) {
    (void)state;
    put("a.otab", 1000);
    put("b.otab", 1000);
    answer_of = "a.otab";
    answer = OTA_OK;
    expect_tries(true, "a.otab b.otab ");
    assert_true(double_logged("a.otab: all of it is there already"));
    assert_true(double_logged("b.otab: not installed: because of counter"));
}

static void test_esp_card_stops_where_it_is_not_the_time(void **state) {
    (void)state;
    put("a.otab", 1000);
    put("b.otab", 1000);
    answer = OTA_BUSY;
    expect_tries(false, "a.otab ");
    assert_true(double_logged("a.otab: not yet: because of busy"));
    assert_int_equal(store.writes, 0);
}

static void test_esp_card_is_another_when_a_file_is(void **state) {
    (void)state;
    assert_int_equal(app_card_number(folder), 0);
    put("a.otab", 1000);
    const uint32_t one = app_card_number(folder);
    assert_int_not_equal(one, 0);
    put("notes.txt", 1000);
    assert_int_equal(app_card_number(folder), one);
    put("a.otab", 1002);
    assert_int_not_equal(app_card_number(folder), one);
    put("a.otab", 1000);
    assert_int_equal(app_card_number(folder), one);
    put("b.otab", 1000);
    assert_int_not_equal(app_card_number(folder), one);
}

/* Each reading of it writes flash. */
static void test_esp_card_reads_a_wrong_file_three_times(void **state) {
    static const enum ota_status wrong[] = {OTA_HASH, OTA_TRUNCATED,   OTA_BUNDLE,     OTA_LENGTH,
                                            OTA_IO,   OTA_IMAGE_MAGIC, OTA_IMAGE_KIND, OTA_TABLE_MD5};
    (void)state;
    put("a.otab", 1000);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        memset(&store, 0, sizeof store);
        answer = wrong[i];
        for (unsigned n = 0; n < READINGS_MAX; n++)
            expect_tries(true, "a.otab ");
        expect_tries(true, "");
        expect_tries(true, "");
        assert_int_equal(store.writes, READINGS_MAX);
    }
    assert_true(double_logged("a.otab: was wrong each time it was read: replace it"));
    put("a.otab", 1002);
    expect_tries(true, "a.otab ");
}

/* It may be right one day, and costs no flash. */
static void test_esp_card_reads_what_is_refused_for_its_metadata_each_time(void **state) {
    static const enum ota_status refused[] = {OTA_COUNTER,   OTA_ROLLED_BACK, OTA_EXPIRED,   OTA_ROLLBACK,
                                              OTA_SIGNATURE, OTA_CHIP,        OTA_NOT_FOUND, OTA_FLASH};
    (void)state;
    put("a.otab", 1000);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        answer = refused[i];
        for (unsigned n = 0; n < READINGS_MAX + 2u; n++)
            expect_tries(true, "a.otab ");
    }
    assert_int_equal(store.writes, 0);
}

static void test_esp_card_forgets_the_wrong_file_that_was_read_longest_ago(void **state) {
    (void)state;
    for (uint32_t file = 1; file <= FILES; file++)
        for (unsigned n = 0; n < READINGS_MAX; n++)
            app_card_bad_note(file, OTA_HASH);
    assert_true(app_card_bad_is_enough(1));
    app_card_bad_note(1, OTA_HASH); /* now file 2 is the oldest */
    app_card_bad_note(100, OTA_HASH);
    assert_false(app_card_bad_is_enough(2));
    assert_false(app_card_bad_is_enough(100));
    for (uint32_t file = 1; file <= FILES; file++)
        assert_int_equal(app_card_bad_is_enough(file), file != 2);
}

static void test_esp_card_works_without_a_store(void **state) {
    (void)state;
    put("a.otab", 1000);
    answer = OTA_HASH;
    store.closed_to_writing = true;
    for (unsigned n = 0; n < READINGS_MAX + 2u; n++)
        expect_tries(true, "a.otab ");
    store.closed_to_writing = false;
    store.len = 3; /* of another version of this program */
    expect_tries(true, "a.otab ");
    assert_int_equal(store.len, FILES * sizeof(struct bad));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_esp_card_tries_bundles_in_the_order_of_names),
        TEST(test_esp_card_looks_at_so_many_files),
        TEST(test_esp_card_says_what_became_of_each),
        TEST(test_esp_card_stops_where_it_is_not_the_time),
        TEST(test_esp_card_is_another_when_a_file_is),
        TEST(test_esp_card_reads_a_wrong_file_three_times),
        TEST(test_esp_card_reads_what_is_refused_for_its_metadata_each_time),
        TEST(test_esp_card_forgets_the_wrong_file_that_was_read_longest_ago),
        TEST(test_esp_card_works_without_a_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
