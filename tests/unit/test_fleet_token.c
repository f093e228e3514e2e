/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of the API: made, checked, ended. */
#include <sqlite3.h>
#include <string.h>
#include <time.h>

#include "host/fs.h"
#include "store/fleet_token.h"
#include "support/unit.h"

static char *dir, *path;
static struct ota_fleet *fleet;
static struct ota_err err;

static int set_up(void **state) {
    (void)state;
    dir = ota_strdup("/tmp/ota-token-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    path = ota_sprintf("%s/fleet.db", dir);
    return ota_fleet_open(&fleet, path, &err) == OTA_OK ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    ota_fleet_close(&fleet);
    int failed = ota_fs_remove_tree(dir, &err) != OTA_OK;
    free(path);
    free(dir);
    return failed;
}

static enum ota_status create(const char *name, const char *product, enum ota_token_role role, uint64_t created,
                              uint64_t life, char token[OTA_TOKEN_TEXT_MAX]) {
    struct ota_fleet_token wanted = {.role = role, .created = created, .expires = created + life};
    (void)ota_format(wanted.name, sizeof wanted.name, "%s", name);
    (void)ota_format(wanted.product, sizeof wanted.product, "%s", product);
    return ota_fleet_token_create(fleet, &wanted, token, &err);
}

static enum ota_status enrol(const char *id, const char *product, const char *channel, char token[OTA_TOKEN_TEXT_MAX]) {
    const struct ota_fleet_enrolment e = {.id = id, .product = product, .channel = channel, .token = token};
    assert_ota_ok(ota_fleet_token_make(token, &err));
    return ota_fleet_enrol(fleet, &e, &err);
}

static enum ota_status check(const char *token, struct ota_fleet_token *out) {
    return ota_fleet_token_check(fleet, token, out, &err);
}

static uint64_t now(void) {
    return (uint64_t)time(NULL);
}

static void test_fleet_token_opens_as_what_it_was_made(void **state) {
    char a[OTA_TOKEN_TEXT_MAX], b[OTA_TOKEN_TEXT_MAX];
    struct ota_fleet_token t;
    (void)state;
    assert_ota_ok(create("ci", "thermo", OTA_TOKEN_PUSH, now(), 3600, a));
    assert_ota_ok(create("wall", "", OTA_TOKEN_READ, now(), 3600, b));
    assert_string_not_equal(a, b);
    assert_ota_ok(check(a, &t));
    assert_string_equal(t.name, "ci");
    assert_string_equal(t.product, "thermo");
    assert_int_equal(t.role, OTA_TOKEN_PUSH);
    assert_ota_ok(check(b, &t));
    assert_string_equal(t.product, "");
    assert_int_equal(t.role, OTA_TOKEN_READ);
}

static void test_fleet_token_of_nobody(void **state) {
    char token[OTA_TOKEN_TEXT_MAX], board[OTA_TOKEN_TEXT_MAX];
    struct ota_fleet_token t;
    (void)state;
    assert_int_equal(check("", &t), OTA_UNAUTHORIZED);
    assert_ota_ok(create("ci", "", OTA_TOKEN_ADMIN, now(), 3600, token));
    assert_ota_ok(enrol("kitchen", "thermo", "stable", board));
    assert_int_equal(check(board, &t), OTA_UNAUTHORIZED);
    token[strlen(token) - 1] ^= 1;
    assert_int_equal(check(token, &t), OTA_UNAUTHORIZED);
}

static void test_fleet_token_revoked_and_expired(void **state) {
    char token[OTA_TOKEN_TEXT_MAX], old[OTA_TOKEN_TEXT_MAX];
    struct ota_fleet_token t;
    (void)state;
    assert_ota_ok(create("old", "", OTA_TOKEN_PUSH, now() - 7200, 3600, old));
    assert_int_equal(check(old, &t), OTA_UNAUTHORIZED);
    assert_ota_ok(create("ci", "", OTA_TOKEN_PUSH, now(), 3600, token));
    assert_ota_ok(ota_fleet_token_revoke(fleet, "ci", &err));
    assert_ota_ok(ota_fleet_token_revoke(fleet, "ci", &err));
    assert_ota(ota_fleet_token_check(fleet, token, &t, &err), OTA_UNAUTHORIZED);
    assert_non_null(strstr(err.msg, "revoked"));
    assert_int_equal(ota_fleet_token_revoke(fleet, "nobody", &err), OTA_NOT_FOUND);
}

static void test_fleet_token_name_is_free_again_when_it_is_over(void **state) {
    char a[OTA_TOKEN_TEXT_MAX], b[OTA_TOKEN_TEXT_MAX];
    struct ota_fleet_token t;
    (void)state;
    assert_ota_ok(create("ci", "", OTA_TOKEN_PUSH, now(), 3600, a));
    assert_int_equal(create("ci", "", OTA_TOKEN_PUSH, now(), 3600, b), OTA_EXISTS);
    assert_ota_ok(check(a, &t));
    assert_ota_ok(ota_fleet_token_revoke(fleet, "ci", &err));
    assert_ota_ok(create("ci", "", OTA_TOKEN_PUSH, now(), 3600, b));
    assert_int_equal(check(a, &t), OTA_UNAUTHORIZED);
    assert_ota_ok(check(b, &t));
    assert_int_equal(create("Bad name", "", OTA_TOKEN_PUSH, now(), 3600, a), OTA_ARGUMENT);
}

static void test_fleet_token_is_kept_as_digest_only(void **state) {
    char token[OTA_TOKEN_TEXT_MAX];
    OTA_CLEAN(ota_buf_free) struct ota_buf bytes = {0};
    (void)state;
    assert_ota_ok(create("ci", "", OTA_TOKEN_PUSH, now(), 3600, token));
    ota_fleet_close(&fleet);
    assert_ota_ok(ota_fs_read(path, 1u << 20, &bytes, &err));
    assert_non_null(memmem(bytes.p, bytes.len, "ci", 2));
    assert_null(memmem(bytes.p, bytes.len, token + 4, strlen(token) - 4));
    assert_ota_ok(ota_fleet_open(&fleet, path, &err));
}

struct seen {
    size_t count;
    struct ota_fleet_token last;
};
static void note(void *ctx, const struct ota_fleet_token *t) {
    struct seen *s = ctx;
    s->count++;
    s->last = *t;
}

static void test_fleet_token_use_is_noted(void **state) {
    char token[OTA_TOKEN_TEXT_MAX];
    struct ota_fleet_token t;
    struct seen s = {0};
    (void)state;
    assert_ota_ok(create("ci", "", OTA_TOKEN_PUSH, now(), 3600, token));
    assert_ota_ok(ota_fleet_token_list(fleet, note, &s, &err));
    assert_int_equal(s.count, 1);
    assert_int_equal(s.last.used, 0);
    assert_ota_ok(check(token, &t));
    assert_ota_ok(ota_fleet_token_list(fleet, note, &s, &err));
    assert_in_range(s.last.used, now() - 5, now());
}

static void test_fleet_token_count_is_bounded(void **state) {
    char token[OTA_TOKEN_TEXT_MAX], name[OTA_NAME_MAX + 1];
    (void)state;
    for (unsigned i = 0; i < OTA_TOKENS_MAX; i++) {
        (void)ota_format(name, sizeof name, "t%u", i);
        assert_ota_ok(create(name, "", OTA_TOKEN_READ, now(), 3600, token));
    }
    assert_int_equal(create("one-more", "", OTA_TOKEN_READ, now(), 3600, token), OTA_TOO_LARGE);
}

/* A database of the version before has boards and no tokens. */
static void test_fleet_token_table_is_added_to_an_older_database(void **state) {
    char token[OTA_TOKEN_TEXT_MAX], board[OTA_TOKEN_TEXT_MAX];
    enum ota_fleet_auth auth;
    sqlite3 *db;
    (void)state;
    assert_ota_ok(enrol("kitchen", "thermo", "stable", board));
    ota_fleet_close(&fleet);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "DROP TABLE token; ALTER TABLE device DROP COLUMN revoked;"
                                  "ALTER TABLE device DROP COLUMN client_key; PRAGMA user_version = 1",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    (void)sqlite3_close(db);
    assert_ota_ok(ota_fleet_open(&fleet, path, &err));
    assert_ota_ok(create("ci", "", OTA_TOKEN_PUSH, now(), 3600, token));
    assert_ota_ok(ota_fleet_authenticate(fleet, "kitchen", board, &auth, &err));
    assert_int_equal(auth, OTA_FLEET_TOKEN_OK);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_fleet_token_opens_as_what_it_was_made), TEST(test_fleet_token_of_nobody),
        TEST(test_fleet_token_revoked_and_expired),       TEST(test_fleet_token_name_is_free_again_when_it_is_over),
        TEST(test_fleet_token_is_kept_as_digest_only),    TEST(test_fleet_token_use_is_noted),
        TEST(test_fleet_token_count_is_bounded),          TEST(test_fleet_token_table_is_added_to_an_older_database),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
