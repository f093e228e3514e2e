/* SPDX-License-Identifier: Apache-2.0 */
/* boards.jsonl: what is read back after the power went, or the disk was full. */
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "ctl/provision_record.h"
#include "host/fs.h"
#include "support/unit.h"

#define LINE_1 "{\"id\":\"b1\",\"files\":[{\"file\":\"b1.bin\",\"bytes\":100}]}\n"
#define LINE_2 \
    "{\"id\":\"b2\",\"files\":[{\"file\":\"b2.nvs.bin\",\"bytes\":5},{\"file\":\"b2.ota_id.bin\",\"bytes\":6}]}\n"
#define AGAIN "{\"id\":\"b1\",\"again\":true}\n"

static char *dir, *path;
static struct ota_err err;

static int set_up(void **state) {
    (void)state;
    dir = ota_strdup("/tmp/ota-record-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    path = ota_sprintf("%s/%s", dir, OTA_PROVISION_RECORD);
    return 0;
}
static int tear_down(void **state) {
    (void)state;
    int failed = ota_fs_remove_tree(dir, &err) != OTA_OK;
    free(path);
    free(dir);
    return failed;
}

static void put(const char *text, size_t n) {
    assert_ota_ok(ota_fs_write(path, text, n, 0600, &err));
}
static void assert_file(const char *text) {
    OTA_CLEAN(ota_buf_free) struct ota_buf got = {0};
    assert_ota_ok(ota_fs_read(path, 65536, &got, &err));
    assert_string_equal(ota_buf_text(&got), text);
}

static void test_provision_record_is_read_back(void **state) {
    (void)state;
    OTA_CLEAN(ota_provision_record_close) struct ota_provision_record r = {.fd = -1};
    put(LINE_1 LINE_2, strlen(LINE_1 LINE_2));
    assert_ota_ok(ota_provision_record_open(&r, dir, &err));
    const struct ota_provision_entry *e = ota_provision_record_find(&r, "b2");
    assert_non_null(e);
    assert_false(e->again);
    assert_int_equal(e->file_count, 2);
    assert_string_equal(e->file[1].name, "b2.ota_id.bin");
    assert_int_equal(e->file[1].bytes, 6);
    assert_null(ota_provision_record_find(&r, "b3"));
}

static void test_provision_record_tells_what_a_board_is_made_of(void **state) {
    (void)state;
    OTA_CLEAN(ota_provision_record_close) struct ota_provision_record r = {.fd = -1};
    static const char lines[] = LINE_1 LINE_2
        "{\"id\":\"b1\",\"mac\":\"aa:bb:cc:00:00:01\",\"inputs\":\"k-d\",\"made_of\":{\"ca\":\"01234567\","
        "\"channel\":\"0\",\"groups\":5},\"files\":[{\"file\":\"b1.bin\","
        "\"bytes\":7,\"sha256\":\"abc\"}]}\n";
    put(lines, sizeof lines - 1);
    assert_ota_ok(ota_provision_record_open(&r, dir, &err));
    assert_int_equal(r.count, 2);
    assert_string_equal(r.entry[0]->id, "b1");
    assert_string_equal(r.entry[0]->mac, "aa:bb:cc:00:00:01");
    assert_string_equal(r.entry[0]->inputs, "k-d");
    assert_string_equal(r.entry[0]->made_of[OTA_MADE_OF_CA], "01234567");
    assert_string_equal(r.entry[0]->made_of[OTA_MADE_OF_CHANNEL], ""); /* no digest */
    assert_string_equal(r.entry[0]->made_of[OTA_MADE_OF_GROUPS], "");
    assert_string_equal(r.entry[0]->file[0].sha256, "abc");
    assert_ptr_equal(r.entry[0], ota_provision_record_find(&r, "b1"));
    assert_ptr_equal(r.entry[1], ota_provision_record_find(&r, "b2"));
    assert_null(r.entry[1]->mac); /* a record of before */
    assert_null(r.entry[1]->inputs);
    assert_string_equal(r.entry[1]->file[0].sha256, "");
}

static void test_provision_record_refuses_a_line_too_long_to_be_read(void **state) {
    (void)state;
    OTA_CLEAN(ota_provision_record_close) struct ota_provision_record r = {.fd = -1};
    OTA_CLEAN_FREE char *text = ota_calloc(1, 1024 * 1024 + 1);
    memset(text, 'x', 1024 * 1024);
    put(LINE_1, strlen(LINE_1));
    assert_ota_ok(ota_provision_record_open(&r, dir, &err));
    cJSON *line = cJSON_Parse(LINE_2);
    (void)cJSON_AddStringToObject(line, "commands", text);
    assert_ota(ota_provision_record_append(&r, line, &err), OTA_TOO_LARGE);
    cJSON_Delete(line);
    assert_file(LINE_1);
}

static void test_provision_record_begins_empty(void **state) {
    (void)state;
    OTA_CLEAN(ota_provision_record_close) struct ota_provision_record r = {.fd = -1};
    cJSON *line = cJSON_Parse("{\"id\":\"b1\",\"again\":true}");
    assert_ota_ok(ota_provision_record_open(&r, dir, &err));
    assert_null(ota_provision_record_find(&r, "b1"));
    assert_false(ota_fs_exists(path)); /* before there is a line there is no file */
    assert_ota_ok(ota_provision_record_append(&r, line, &err));
    assert_file(AGAIN);
    cJSON_Delete(line);
}

/* Cut at every byte: whole lines stay, the rest goes, and the next line is not glued to it. */
static void test_provision_record_loses_only_the_line_that_was_cut(void **state) {
    (void)state;
    const char *both = LINE_1 LINE_2;
    for (size_t cut = 0; cut <= strlen(both); cut++) {
        OTA_CLEAN(ota_provision_record_close) struct ota_provision_record r = {.fd = -1};
        const char *kept = cut == strlen(both) ? both : cut >= strlen(LINE_1) ? LINE_1 : "";
        put(both, cut);
        assert_ota_ok(ota_provision_record_open(&r, dir, &err));
        assert_file(kept);
        assert_int_equal(ota_provision_record_find(&r, "b1") != NULL, kept[0] != 0);
        assert_int_equal(ota_provision_record_find(&r, "b2") != NULL, kept == both);
    }
}

static void test_provision_record_last_line_of_a_board_holds(void **state) {
    (void)state;
    OTA_CLEAN(ota_provision_record_close) struct ota_provision_record r = {.fd = -1};
    OTA_CLEAN(ota_provision_record_close) struct ota_provision_record next = {.fd = -1};
    put(LINE_1 AGAIN, strlen(LINE_1 AGAIN));
    assert_ota_ok(ota_provision_record_open(&r, dir, &err));
    assert_true(ota_provision_record_find(&r, "b1")->again);
    put(LINE_1 AGAIN LINE_1, strlen(LINE_1 AGAIN LINE_1));
    assert_ota_ok(ota_provision_record_open(&next, dir, &err));
    assert_false(ota_provision_record_find(&next, "b1")->again);
}

static void test_provision_record_refuses_what_it_did_not_write(void **state) {
    (void)state;
    static const char *const bad[] = {
        "b1\n",
        "[]\n",
        "{\"id\":\"../b1\",\"files\":[{\"file\":\"b1.bin\",\"bytes\":1}]}\n",
        "{\"id\":\"b1\"}\n",
        "{\"id\":\"b1\",\"files\":[]}\n",
        "{\"id\":\"b1\",\"files\":[{\"file\":\"../b1.bin\",\"bytes\":1}]}\n",
        "{\"id\":\"b1\",\"files\":[{\"file\":\"boards.jsonl\",\"bytes\":1}]}\n",
        "{\"id\":\"b1\",\"files\":[{\"file\":\"b1./../x\",\"bytes\":1}]}\n",
        "{\"id\":\"b1\",\"files\":[{\"file\":\"b1.bin\",\"bytes\":-1}]}\n",
        "{\"id\":\"b1\",\"files\":[{\"file\":\"b1.bin\"}]}\n",
        "{\"id\":\"b1\",\"id\":\"b2\",\"files\":[{\"file\":\"b1.bin\",\"bytes\":1}]}\n",
    };
    for (size_t i = 0; i < OTA_ARRAY_LEN(bad); i++) {
        OTA_CLEAN(ota_provision_record_close) struct ota_provision_record r = {.fd = -1};
        put(bad[i], strlen(bad[i]));
        if (ota_provision_record_open(&r, dir, &err) == OTA_OK)
            fail_msg("accepted: %s", bad[i]);
        assert_non_null(strstr(err.msg, OTA_PROVISION_RECORD ":1"));
        assert_file(bad[i]);
    }
}

static void limit_files(rlim_t bytes) {
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_provision_record_failed_append_leaves_nothing(void **state) {
    (void)state;
    OTA_CLEAN(ota_provision_record_close) struct ota_provision_record r = {.fd = -1};
    put(LINE_1, strlen(LINE_1));
    assert_ota_ok(ota_provision_record_open(&r, dir, &err));
    cJSON *line = cJSON_Parse(LINE_2);
    (void)signal(SIGXFSZ, SIG_IGN);
    limit_files(strlen(LINE_1) + 20);
    enum ota_status st = ota_provision_record_append(&r, line, &err);
    limit_files(RLIM_INFINITY);
    assert_int_not_equal(st, OTA_OK);
    assert_file(LINE_1);
    assert_ota_ok(ota_provision_record_append(&r, line, &err));
    assert_file(LINE_1 LINE_2);
    cJSON_Delete(line);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_provision_record_is_read_back),
        T(test_provision_record_tells_what_a_board_is_made_of),
        T(test_provision_record_refuses_a_line_too_long_to_be_read),
        T(test_provision_record_begins_empty),
        T(test_provision_record_loses_only_the_line_that_was_cut),
        T(test_provision_record_last_line_of_a_board_holds),
        T(test_provision_record_refuses_what_it_did_not_write),
        T(test_provision_record_failed_append_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
