/* SPDX-License-Identifier: Apache-2.0 */
/* Boards, tokens, reports and quarantine in SQLite. */
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "host/certificate.h"
#include "host/fs.h"
#include "store/fleet.h"
#include "support/unit.h"

static char *dir, *path;
static struct ota_fleet *fleet;

static int set_up(void **state) {
    struct ota_err err;
    (void)state;
    dir = ota_strdup("/tmp/ota-fleet-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    path = ota_sprintf("%s/fleet.db", dir);
    return ota_fleet_open(&fleet, path, &err) == OTA_OK ? 0 : -1;
}

static int tear_down(void **state) {
    struct ota_err err;
    (void)state;
    ota_fleet_close(&fleet);
    int failed = ota_fs_remove_tree(dir, &err) != OTA_OK;
    free(path);
    free(dir);
    return failed;
}

static enum ota_fleet_auth ask(const char *id, const char *token) {
    enum ota_fleet_auth auth;
    struct ota_err err;
    assert_ota_ok(ota_fleet_authenticate(fleet, id, token, &auth, &err));
    return auth;
}

static enum ota_fleet_auth ask_key(const char *id, uint8_t fill) {
    uint8_t key[OTA_SHA256_LEN];
    enum ota_fleet_auth auth;
    struct ota_err err;
    memset(key, fill, sizeof key);
    assert_ota_ok(ota_fleet_authenticate_key(fleet, id, key, &auth, &err));
    return auth;
}

static enum ota_status put(const char *id, bool quarantine, const char *json) {
    struct ota_err err;
    return ota_fleet_report(fleet, id, ota_span_str(json), "192.0.2.1", quarantine, &err);
}

static enum ota_status put_version(const char *stream, unsigned number, const char *version) {
    OTA_CLEAN_FREE char *json = ota_sprintf(
        "{\"product\":\"thermo\",\"stream\":\"%s\",\"number\":%u,\"version\":\"%s\"}", stream, number, version);
    return put("kitchen", false, json);
}

struct rows {
    size_t count, stop_at;
    struct ota_fleet_device row[8];
};
static bool collect(void *ctx, const struct ota_fleet_device *d) {
    struct rows *r = ctx;
    if (r->count < 8)
        r->row[r->count] = *d;
    return ++r->count != r->stop_at;
}
static struct rows all(const char *product) {
    struct rows r = {0};
    struct ota_err err;
    assert_ota_ok(ota_fleet_list(fleet, product, collect, &r, &err));
    return r;
}

static void write_certificate(struct ota_buf *crt) {
    OTA_CLEAN_FREE char *file = ota_sprintf("%s/crt", dir);
    OTA_CLEAN_FREE char *command = ota_sprintf("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
                                               "-subj /CN=t -keyout %s.key -out %s 2>/dev/null",
                                               file, file);
    struct ota_err err;
    assert_int_equal(system(command), 0);
    assert_ota_ok(ota_fs_read(file, 65536, crt, &err));
}

static enum ota_status enrol(const char *id, const char *product, const char *channel, char token[OTA_TOKEN_TEXT_MAX]) {
    const struct ota_fleet_enrolment e = {.id = id, .product = product, .channel = channel, .token = token};
    struct ota_err err;
    assert_ota_ok(ota_fleet_token_make(token, &err));
    return ota_fleet_enrol(fleet, &e, &err);
}

static void add(const char *id, char token[OTA_TOKEN_TEXT_MAX]) {
    struct ota_err err;
    assert_ota_ok(enrol(id, "thermo", "stable", token));
}

static void test_fleet_token_is_random_and_checked(void **state) {
    char a[OTA_TOKEN_TEXT_MAX], b[OTA_TOKEN_TEXT_MAX];
    (void)state;
    add("kitchen", a);
    add("cellar", b);
    assert_int_equal(strlen(a), 47);
    assert_int_equal(strncmp(a, "ota_", 4), 0);
    assert_int_equal(strspn(a + 4, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), 43);
    assert_string_not_equal(a, b);
    assert_int_equal(ask("kitchen", a), OTA_FLEET_TOKEN_OK);
    assert_int_equal(ask("kitchen", b), OTA_FLEET_TOKEN_WRONG);
    assert_int_equal(ask("kitchen", NULL), OTA_FLEET_TOKEN_WRONG);
    assert_int_equal(ask("kitchen", ""), OTA_FLEET_TOKEN_WRONG);
    assert_int_equal(ask("attic", a), OTA_FLEET_UNKNOWN_DEVICE);
}

static void test_fleet_add_twice_and_bad_names(void **state) {
    char token[OTA_TOKEN_TEXT_MAX];
    (void)state;
    add("kitchen", token);
    assert_int_equal(enrol("kitchen", "thermo", "stable", token), OTA_EXISTS);
    assert_int_equal(enrol("a/b", "thermo", "stable", token), OTA_ARGUMENT);
    assert_int_equal(enrol("x", "Thermo", "stable", token), OTA_ARGUMENT);
    assert_int_equal(all(NULL).count, 1);
}

static void test_fleet_enrols_a_board_with_its_token(void **state) {
    char token[OTA_TOKEN_TEXT_MAX], other[OTA_TOKEN_TEXT_MAX];
    struct ota_err err;
    (void)state;
    assert_ota_ok(ota_fleet_token_make(token, &err));
    assert_ota_ok(ota_fleet_token_make(other, &err));
    struct ota_fleet_enrolment e = {
        .id = "kitchen", .product = "thermo", .channel = "beta", .token = token, .table = "0123456789abcdef"};
    assert_ota_ok(ota_fleet_enrol(fleet, &e, &err));
    assert_int_equal(ask("kitchen", token), OTA_FLEET_TOKEN_OK);
    struct rows r = all(NULL);
    assert_int_equal(r.count, 1);
    assert_string_equal(r.row[0].channel, "beta");
    assert_string_equal(r.row[0].table, "0123456789abcdef");
    e.token = other;
    assert_ota(ota_fleet_enrol(fleet, &e, &err), OTA_EXISTS);
    assert_int_equal(ask("kitchen", token), OTA_FLEET_TOKEN_OK);
}

static void test_fleet_replaces_the_token_of_a_known_board_alone(void **state) {
    char token[OTA_TOKEN_TEXT_MAX], other[OTA_TOKEN_TEXT_MAX];
    struct ota_err err;
    (void)state;
    add("kitchen", token);
    assert_ota_ok(ota_fleet_token_make(other, &err));
    struct ota_fleet_enrolment e = {
        .id = "cellar", .product = "thermo", .channel = "stable", .token = other, .replace = true};
    assert_ota(ota_fleet_enrol(fleet, &e, &err), OTA_NOT_FOUND);
    assert_int_equal(all(NULL).count, 1);
    e.id = "kitchen";
    assert_ota_ok(ota_fleet_enrol(fleet, &e, &err));
    assert_int_equal(ask("kitchen", other), OTA_FLEET_TOKEN_OK);
    assert_int_equal(ask("kitchen", token), OTA_FLEET_TOKEN_WRONG);
}

/* Whoever can have a certificate made with a board's id is not that board. */
static void test_fleet_takes_no_key_of_a_board_that_was_given_none(void **state) {
    char token[OTA_TOKEN_TEXT_MAX];
    (void)state;
    add("kitchen", token);
    assert_int_equal(ask_key("kitchen", 1), OTA_FLEET_TOKEN_WRONG);
    assert_int_equal(ask_key("kitchen", 0), OTA_FLEET_TOKEN_WRONG);
    assert_int_equal(ask_key("attic", 1), OTA_FLEET_UNKNOWN_DEVICE);
}

static void test_fleet_takes_any_key_where_that_is_meant(void **state) {
    struct ota_fleet_enrolment e = {
        .id = "kitchen", .product = "thermo", .channel = "stable", .token = "ota_a", .any_crt = true};
    struct ota_err err;
    (void)state;
    assert_ota_ok(ota_fleet_enrol(fleet, &e, &err));
    assert_int_equal(ask_key("kitchen", 1), OTA_FLEET_TOKEN_OK);
    assert_int_equal(ask_key("kitchen", 2), OTA_FLEET_TOKEN_OK);
    assert_ota_ok(ota_fleet_revoke(fleet, "kitchen", &err));
    assert_ota(ota_fleet_enrol(fleet, &e, &err), OTA_ARGUMENT); /* those of its first life would count again */
    assert_int_equal(ask_key("kitchen", 1), OTA_FLEET_REVOKED);
    e.any_crt = false;
    assert_ota_ok(ota_fleet_enrol(fleet, &e, &err));
    assert_int_equal(ask_key("kitchen", 1), OTA_FLEET_TOKEN_WRONG);
}

static void test_fleet_holds_a_board_to_the_key_it_was_given(void **state) {
    OTA_CLEAN(ota_buf_free) struct ota_buf crt = {0};
    uint8_t key[OTA_SHA256_LEN];
    enum ota_fleet_auth auth;
    struct ota_err err;
    (void)state;
    write_certificate(&crt);
    assert_ota_ok(ota_certificate_key_digest(ota_buf_span(&crt), "crt", key, &err));
    struct ota_fleet_enrolment e = {
        .id = "kitchen", .product = "thermo", .channel = "stable", .token = "ota_a", .crt = ota_buf_span(&crt)};
    assert_ota_ok(ota_fleet_enrol(fleet, &e, &err));
    assert_ota_ok(ota_fleet_authenticate_key(fleet, "kitchen", key, &auth, &err));
    assert_int_equal(auth, OTA_FLEET_TOKEN_OK);
    assert_int_equal(ask_key("kitchen", 1), OTA_FLEET_TOKEN_WRONG);
    e.crt = (struct ota_span){0};
    e.replace = true;
    assert_ota_ok(ota_fleet_enrol(fleet, &e, &err)); /* a new life without a certificate: what it had ends */
    assert_ota_ok(ota_fleet_authenticate_key(fleet, "kitchen", key, &auth, &err));
    assert_int_equal(auth, OTA_FLEET_TOKEN_WRONG);
    assert_int_equal(ask_key("kitchen", 0), OTA_FLEET_TOKEN_WRONG);
    e.crt = ota_span_str("no PEM");
    assert_ota(ota_fleet_enrol(fleet, &e, &err), OTA_KEY);
}

static void test_fleet_revokes_token_and_keys(void **state) {
    char token[OTA_TOKEN_TEXT_MAX], other[OTA_TOKEN_TEXT_MAX];
    struct ota_err err;
    (void)state;
    add("kitchen", token);
    add("cellar", other);
    assert_ota(ota_fleet_revoke(fleet, "attic", &err), OTA_NOT_FOUND);
    assert_ota_ok(ota_fleet_revoke(fleet, "kitchen", &err));
    assert_ota_ok(ota_fleet_revoke(fleet, "kitchen", &err));
    assert_int_equal(ask("kitchen", token), OTA_FLEET_REVOKED);
    assert_int_equal(ask("kitchen", other), OTA_FLEET_TOKEN_WRONG); /* it is not said to whom it is no secret */
    assert_int_equal(ask_key("kitchen", 1), OTA_FLEET_TOKEN_WRONG);
    assert_int_equal(ask("cellar", other), OTA_FLEET_TOKEN_OK);
    struct rows r = all(NULL);
    assert_false(r.row[0].revoked);
    assert_true(r.row[1].revoked);
}

static void test_fleet_adds_a_revoked_board_anew(void **state) {
    char token[OTA_TOKEN_TEXT_MAX], other[OTA_TOKEN_TEXT_MAX];
    struct ota_err err;
    (void)state;
    add("kitchen", token);
    assert_ota_ok(ota_fleet_revoke(fleet, "kitchen", &err));
    assert_ota_ok(enrol("kitchen", "valve", "beta", other));
    assert_int_equal(ask("kitchen", token), OTA_FLEET_TOKEN_WRONG);
    assert_int_equal(ask("kitchen", other), OTA_FLEET_TOKEN_OK);
    assert_int_equal(ask_key("kitchen", 1), OTA_FLEET_TOKEN_WRONG);
    struct rows r = all(NULL);
    assert_int_equal(r.count, 1);
    assert_string_equal(r.row[0].product, "valve");
    assert_false(r.row[0].revoked);
    assert_int_equal(enrol("kitchen", "valve", "beta", other), OTA_EXISTS);
}

static void test_fleet_opens_a_database_of_the_version_before(void **state) {
    char token[OTA_TOKEN_TEXT_MAX];
    struct ota_err err;
    sqlite3 *db;
    (void)state;
    add("kitchen", token);
    ota_fleet_close(&fleet);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "ALTER TABLE device DROP COLUMN revoked; ALTER TABLE device DROP COLUMN client_key;"
                                  "PRAGMA user_version = 2",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    (void)sqlite3_close(db);
    assert_ota_ok(ota_fleet_open(&fleet, path, &err));
    assert_int_equal(ask("kitchen", token), OTA_FLEET_TOKEN_OK);
    assert_int_equal(ask_key("kitchen", 1), OTA_FLEET_TOKEN_WRONG);
    assert_ota_ok(ota_fleet_revoke(fleet, "kitchen", &err));
    assert_int_equal(ask("kitchen", token), OTA_FLEET_REVOKED);
}

static void test_fleet_report_is_kept_whole(void **state) {
    char token[OTA_TOKEN_TEXT_MAX];
    (void)state;
    add("kitchen", token);
    assert_int_equal(
        put("kitchen", false,
            "{\"agent\":\"otadevice/"
            "0.1.0\",\"channel\":\"beta\",\"chip\":\"esp32c3\",\"counter\":7,\"counter_unknown\":true,"
            "\"labels\":[{\"counter\":2,\"label\":\"storage\",\"sha256\":\"00\"}],\"last\":{\"code\":\"hash\","
            "\"counter\":8,"
            "\"label\":\"@ota\",\"message\":\"wrong\",\"result\":\"failed\",\"stage\":\"stage\"},\"mixed\":true,"
            "\"number\":1,"
            "\"product\":\"thermo\",\"secure_version\":0,\"state\":\"idle\",\"stream\":\"00\",\"table\":\"ab\","
            "\"time\":1790000000,\"time_unverified\":true,\"version\":\"1.0.0\"}"),
        OTA_OK);
    struct rows r = all(NULL);
    assert_int_equal(r.count, 1);
    const struct ota_fleet_device *d = &r.row[0];
    assert_string_equal(d->id, "kitchen");
    assert_string_equal(d->channel, "beta");
    assert_int_equal(d->counter, 7);
    assert_string_equal(d->version, "1.0.0");
    assert_string_equal(d->result, "failed");
    assert_string_equal(d->code, "hash");
    assert_string_equal(d->message, "wrong");
    assert_int_equal(d->result_counter, 8);
    assert_true(d->mixed && d->counter_unknown && d->time_unverified);
    assert_true(d->seen >= d->added && d->added > 0);
    assert_string_equal(d->address, "192.0.2.1");
}

static void test_fleet_report_once_and_in_order(void **state) {
    char token[OTA_TOKEN_TEXT_MAX];
    (void)state;
    add("kitchen", token);
    assert_int_equal(put_version("aa", 2, "2"), OTA_OK);
    assert_int_equal(put_version("aa", 2, "changed"), OTA_OK);
    assert_int_equal(put_version("aa", 1, "1"), OTA_OK);
    assert_string_equal(all(NULL).row[0].version, "2");
    assert_int_equal(put_version("aa", 3, "3"), OTA_OK);
    assert_string_equal(all(NULL).row[0].version, "3");
    assert_int_equal(put_version("bb", 1, "new stream"), OTA_OK);
    assert_string_equal(all(NULL).row[0].version, "new stream");
}

static int count_rows(const char *sql) {
    sqlite3 *db;
    sqlite3_stmt *s;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    int n = sqlite3_column_int(s, 0);
    (void)sqlite3_finalize(s);
    (void)sqlite3_close(db);
    return n;
}

static void test_fleet_history_is_bounded(void **state) {
    char token[OTA_TOKEN_TEXT_MAX];
    (void)state;
    add("kitchen", token);
    for (unsigned i = 1; i <= 70; i++)
        assert_int_equal(put_version("aa", i, "1"), OTA_OK);
    assert_int_equal(count_rows("SELECT count(*) FROM report"), 50);
    assert_int_equal(count_rows("SELECT min(number) FROM report"), 21);
}

static void test_fleet_report_of_wrong_shape(void **state) {
    static const char *const bad[] = {
        "{\"product\":\"thermo\",\"stream\":\"aa\",\"number\":0}",
        "{\"product\":\"thermo\",\"stream\":\"\",\"number\":1}",
        "{\"stream\":\"aa\",\"number\":1}",
        "{\"product\":\"thermo\",\"stream\":\"aa\",\"number\":4294967296}",
        "{\"product\":\"thermo\",\"stream\":\"aa\",\"number\":1,\"mixed\":1}",
        "{\"product\":\"thermo\",\"stream\":\"aa\",\"number\":1,\"labels\":{}}",
        "{\"product\":\"thermo\",\"stream\":\"aa\",\"number\":1,\"labels\":[1]}",
        "{\"product\":\"thermo\",\"stream\":\"aa\",\"number\":1,\"last\":[]}",
        "{\"product\":\"thermo\",\"stream\":\"aa\",\"number\":1,\"last\":{\"code\":5}}",
        "{\"product\":\"thermo\",\"stream\":\"aa\",\"number\":1,\"version\":\"\\u009b31m\"}",
        "{\"product\":\"thermo\",\"stream\":\"aa\",\"number\":1,\"state\":null}",
        "[]",
        "\"x\"",
    };
    char token[OTA_TOKEN_TEXT_MAX];
    (void)state;
    add("kitchen", token);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (put("kitchen", false, bad[i]) != OTA_ARGUMENT)
            fail_msg("%s", bad[i]);
    assert_int_equal(all(NULL).row[0].seen, 0);
}

static void test_fleet_long_message_is_cut(void **state) {
    char token[OTA_TOKEN_TEXT_MAX], message[400];
    (void)state;
    add("kitchen", token);
    memset(message, 'm', sizeof message - 1);
    message[sizeof message - 1] = '\0';
    OTA_CLEAN_FREE char *json =
        ota_sprintf("{\"last\":{\"message\":\"%s\"},\"number\":1,\"product\":\"thermo\",\"stream\":\"aa\"}", message);
    assert_int_equal(put("kitchen", false, json), OTA_OK);
    assert_int_equal(strlen(all(NULL).row[0].message), sizeof((struct ota_fleet_device *)0)->message - 1);
}

static void test_fleet_quarantine(void **state) {
    char token[OTA_TOKEN_TEXT_MAX];
    struct rows r = {.stop_at = 1};
    struct ota_err err;
    (void)state;
    add("kitchen", token);
    assert_int_equal(put("attic", true, "{\"number\":1,\"product\":\"thermo\",\"stream\":\"aa\",\"version\":\"x\"}"),
                     OTA_OK);
    assert_int_equal(put("attic", true, "{\"number\":2,\"product\":\"valve\",\"stream\":\"aa\"}"), OTA_OK);
    assert_int_equal(all(NULL).count, 2);
    assert_true(all(NULL).row[1].quarantine);
    assert_string_equal(all(NULL).row[1].version, "");
    assert_string_equal(all("valve").row[0].id, "attic");
    assert_ota_ok(ota_fleet_list(fleet, NULL, collect, &r, &err));
    assert_int_equal(r.count, 1);
    add("attic", token);
    assert_false(all(NULL).row[0].quarantine);
    assert_int_equal(all(NULL).count, 2);
}

static void test_fleet_quarantine_is_bounded(void **state) {
    char id[32];
    (void)state;
    for (unsigned i = 0; i < 1010; i++) {
        (void)snprintf(id, sizeof id, "board%u", i);
        assert_int_equal(put(id, true, "{\"number\":1,\"product\":\"thermo\",\"stream\":\"aa\"}"), OTA_OK);
    }
    assert_int_equal(count_rows("SELECT count(*) FROM stranger"), 1000);
}

static void test_fleet_survives_reopening_and_is_private(void **state) {
    char token[OTA_TOKEN_TEXT_MAX];
    struct ota_err err;
    struct stat st;
    (void)state;
    add("kitchen", token);
    ota_fleet_close(&fleet);
    assert_ota_ok(ota_fleet_open(&fleet, path, &err));
    assert_int_equal(ask("kitchen", token), OTA_FLEET_TOKEN_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_fleet_refuses_what_is_not_its_own(void **state) {
    struct ota_fleet *other = NULL;
    struct ota_err err;
    OTA_CLEAN_FREE char *text = ota_sprintf("%s/text.db", dir);
    (void)state;
    assert_ota_ok(
        ota_fs_write(text, "this is certainly not a database, but long enough to look at it", 63, 0600, &err));
    assert_int_equal(ota_fleet_open(&other, text, &err), OTA_IO);
    assert_int_equal(ota_fleet_open(&other, dir, &err), OTA_IO);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL), SQLITE_OK);
    (void)sqlite3_close(db);
    assert_int_equal(ota_fleet_open(&other, path, &err), OTA_UNSUPPORTED);
}

static void test_fleet_waits_no_longer_than_it_may(void **state) {
    char token[OTA_TOKEN_TEXT_MAX];
    struct ota_err err;
    struct timespec before, after;
    sqlite3 *db;
    (void)state;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    ota_fleet_set_patience(fleet, 20);
    (void)clock_gettime(CLOCK_MONOTONIC, &before);
    assert_int_equal(enrol("kitchen", "thermo", "stable", token), OTA_BUSY);
    (void)clock_gettime(CLOCK_MONOTONIC, &after);
    assert_true(after.tv_sec - before.tv_sec <= 1);
    (void)sqlite3_close(db);
    assert_ota_ok(enrol("kitchen", "thermo", "stable", token));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_fleet_token_is_random_and_checked),
        TEST(test_fleet_add_twice_and_bad_names),
        TEST(test_fleet_enrols_a_board_with_its_token),
        TEST(test_fleet_replaces_the_token_of_a_known_board_alone),
        TEST(test_fleet_takes_no_key_of_a_board_that_was_given_none),
        TEST(test_fleet_takes_any_key_where_that_is_meant),
        TEST(test_fleet_holds_a_board_to_the_key_it_was_given),
        TEST(test_fleet_revokes_token_and_keys),
        TEST(test_fleet_adds_a_revoked_board_anew),
        TEST(test_fleet_opens_a_database_of_the_version_before),
        TEST(test_fleet_report_is_kept_whole),
        TEST(test_fleet_report_once_and_in_order),
        TEST(test_fleet_history_is_bounded),
        TEST(test_fleet_report_of_wrong_shape),
        TEST(test_fleet_long_message_is_cut),
        TEST(test_fleet_quarantine),
        TEST(test_fleet_quarantine_is_bounded),
        TEST(test_fleet_survives_reopening_and_is_private),
        TEST(test_fleet_refuses_what_is_not_its_own),
        TEST(test_fleet_waits_no_longer_than_it_may),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
