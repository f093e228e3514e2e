/* SPDX-License-Identifier: Apache-2.0 */
/* The TUF workflow against a repository in memory: what is accepted and kept, time. */
#include <stdlib.h>

#include "support/trust_world.h"
#include "support/unit.h"

static struct ota_err err;

/* ---- the good way ---- */

static void test_trust_first_run_verifies_everything_and_keeps_it(void **state) {
    struct trust_world *w = *state;
    bool unchanged;
    w->repo.thermo_list = ENTRY("img/thermo/1/app.bin");
    repo_publish(&w->repo);
    assert_ota_ok(trust_run(w, "img/thermo/1/app.bin", false, &unchanged, &err));
    assert_false(unchanged);
    static const char *const wanted[] = {"2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json",
                                         "1.thermo.json"};
    assert_int_equal(w->repo.requests, OTA_ARRAY_LEN(wanted));
    for (size_t i = 0; i < OTA_ARRAY_LEN(wanted); i++)
        assert_string_equal(w->repo.request[i], wanted[i]);
    assert_int_equal(w->trust.ts.version, 1);
    assert_int_equal(w->trust.ts.floor, JAN_2 - DAY);
    assert_int_equal(w->trust.snapshot_count, 4);
    assert_true(w->trust.authenticated);
    assert_false(w->trust.time_unverified);
}

static void test_trust_second_run_is_one_request_and_no_write(void **state) {
    struct trust_world *w = *state;
    bool unchanged;
    assert_ota_ok(trust_full_run(w, &err));
    unsigned changes = w->kv.changes;
    assert_ota_ok(trust_run(w, NULL, true, &unchanged, &err));
    assert_true(unchanged);
    assert_int_equal(w->repo.requests, 1);
    assert_int_equal(w->kv.changes, changes);
    /* Unconditional, it asks more and still writes nothing; the stored snapshot is not fetched again. */
    assert_ota_ok(trust_full_run(w, &err));
    assert_false(repo_requested(&w->repo, "1.snapshot.json"));
    assert_int_equal(w->kv.changes, changes);
}

static void test_trust_changed_timestamp_is_fetched_once(void **state) {
    struct trust_world *w = *state;
    bool unchanged;
    assert_ota_ok(trust_full_run(w, &err));
    repo_bump(&w->repo);
    repo_publish(&w->repo);
    assert_ota_ok(trust_run(w, NULL, true, &unchanged, &err));
    assert_false(unchanged);
    assert_int_equal(w->repo.requests, 3);
    assert_string_equal(w->repo.request[0], "timestamp.json");
    assert_string_equal(w->repo.request[1], "2.root.json");
    assert_string_equal(w->repo.request[2], "2.snapshot.json");
    assert_int_equal(w->trust.ts.version, 2);
}

static void test_trust_changed_timestamp_survives_a_new_root(void **state) {
    struct trust_world *w = *state;
    bool unchanged;
    assert_ota_ok(trust_full_run(w, &err));
    repo_bump(&w->repo);
    w->repo.root_version = 2;
    repo_publish(&w->repo);
    assert_ota_ok(trust_run(w, NULL, true, &unchanged, &err));
    assert_false(unchanged);
    assert_int_equal(w->trust.root_version, 2);
    assert_int_equal(w->trust.ts.version, 2);
}

static void test_trust_expired_304_is_not_accepted(void **state) {
    struct trust_world *w = *state;
    bool unchanged;
    assert_ota_ok(trust_full_run(w, &err));
    trust_clock_now = JAN_2 + 6 * DAY;
    assert_ota(trust_run(w, NULL, true, &unchanged, &err), OTA_EXPIRED);
    assert_true(repo_requested(&w->repo, "2.root.json"));
    w->repo.timestamp_version++;
    w->repo.timestamp_expires = "2026-01-20T00:00:00Z";
    repo_publish(&w->repo);
    assert_ota_ok(trust_run(w, NULL, true, &unchanged, &err));
    assert_false(unchanged);
}

/* Each run is a fresh boot, as on a board that sleeps deeply between its polls: a 304 ends none for longer than a day. */
static void test_trust_a_whole_run_is_made_daily(void **state) {
    struct trust_world *w = *state;
    bool unchanged;
    assert_ota_ok(trust_full_run(w, &err));
    unsigned changes = w->kv.changes;
    for (unsigned hour = 1; hour < 24; hour++) {
        trust_clock_now = JAN_2 + hour * 3600;
        assert_ota_ok(trust_run(w, NULL, true, &unchanged, &err));
        assert_true(unchanged);
    }
    assert_int_equal(w->kv.changes, changes);
    trust_clock_now = JAN_2 + DAY;
    assert_ota_ok(trust_run(w, NULL, true, &unchanged, &err));
    assert_false(unchanged);
    assert_true(repo_requested(&w->repo, "2.root.json"));
    assert_int_equal(w->kv.changes, changes + 1);
    trust_clock_now = JAN_2 + DAY + 3600;
    assert_ota_ok(trust_run(w, NULL, true, &unchanged, &err));
    assert_true(unchanged);
}

static void test_trust_failed_run_keeps_the_version_and_no_etag(void **state) {
    struct trust_world *w = *state;
    bool unchanged;
    assert_ota_ok(trust_full_run(w, &err));
    repo_bump(&w->repo);
    repo_publish(&w->repo);
    repo_remove(&w->repo, "2.snapshot.json");
    assert_ota(trust_full_run(w, &err), OTA_HTTP);
    assert_ota_ok(trust_boot(w, &err));
    assert_int_equal(w->trust.ts.version, 2);
    assert_string_equal(w->trust.ts.etag, "");
    repo_publish(&w->repo);
    w->repo.timestamp_version = 1;
    repo_publish(&w->repo);
    assert_ota(trust_full_run(w, &err), OTA_ROLLBACK);
    w->repo.timestamp_version = 3;
    repo_publish(&w->repo);
    assert_ota_ok(trust_run(w, NULL, true, &unchanged, &err));
    assert_false(unchanged);
}

static void test_trust_without_clock_uses_the_floor(void **state) {
    struct trust_world *w = *state;
    bool unchanged;
    w->repo.thermo_list = ENTRY("img/thermo/1/a");
    repo_publish(&w->repo);
    trust_clock_known = false;
    assert_ota_ok(trust_run(w, "img/thermo/1/a", false, &unchanged, &err));
    assert_true(w->trust.time_unverified);
    assert_ota_ok(trust_boot(w, &err));
    assert_int_equal(w->trust.now, JAN_2 - DAY);
    /* A clock that fell behind does not take time back. */
    trust_clock_known = true;
    trust_clock_now = JAN_2 - 100 * DAY;
    assert_ota_ok(trust_full_run(w, &err));
    assert_int_equal(w->trust.now, JAN_2 - DAY);
    assert_false(w->trust.time_unverified);
}

static void test_trust_says_when_the_server_proved_nothing(void **state) {
    struct trust_world *w = *state;
    w->repo.plain_http = true;
    assert_ota_ok(trust_full_run(w, &err));
    assert_false(w->trust.authenticated);
}

static void test_trust_root_gives_the_trusted_one(void **state) {
    struct trust_world *w = *state;
    struct ota_metadata root;
    w->repo.root_version = 2;
    repo_publish_root(&w->repo);
    assert_ota_ok(trust_full_run(w, &err));
    assert_ota_ok(ota_trust_root(&w->trust, &root, &err));
    assert_int_equal(root.version, 2);
}

/* ---- time ---- */

static void test_trust_refuses_every_expired_role(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    const char **expires[] = {&r->timestamp_expires, &r->snapshot_expires, &r->targets_expires, &r->thermo_expires};
    static const char *const names[] = {"timestamp", "snapshot", "targets", "thermo"};
    bool unchanged;
    r->issued = NULL;
    r->thermo_list = ENTRY("img/thermo/1/a");
    for (size_t i = 0; i < OTA_ARRAY_LEN(expires); i++) {
        const char *good = *expires[i];
        *expires[i] = "2026-01-02T00:00:00Z";
        repo_publish(r);
        assert_ota(trust_run(w, "img/thermo/1/a", false, &unchanged, &err), OTA_EXPIRED);
        assert_non_null(strstr(err.msg, names[i]));
        *expires[i] = good;
        repo_bump(r);
        r->targets_version++;
        r->thermo_version++;
        repo_publish(r);
        assert_ota_ok(trust_run(w, "img/thermo/1/a", false, &unchanged, &err));
        repo_bump(r);
        r->targets_version++;
        r->thermo_version++;
    }
}

static void test_trust_refuses_issued_after_an_offline_role_expires(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    bool unchanged;
    r->thermo_list = ENTRY("img/thermo/1/a");
    repo_publish(r);
    assert_ota_ok(trust_run(w, "img/thermo/1/a", false, &unchanged, &err));
    static const char *const issued[] = {"2037-01-01T00:00:00Z", "2030-01-01T00:00:00Z"};
    for (size_t i = 0; i < OTA_ARRAY_LEN(issued); i++) {
        r->issued = issued[i];
        r->timestamp_version = r->snapshot_version = 10;
        r->thermo_version = 2;
        r->timestamp_expires = "2040-01-01T00:00:00Z";
        repo_publish(r);
        assert_ota(trust_run(w, "img/thermo/1/a", false, &unchanged, &err), OTA_ISSUED);
        assert_ota_ok(trust_boot(w, &err));
        assert_int_equal(w->trust.ts.version, 1);
        assert_int_equal(w->trust.ts.floor, JAN_2 - DAY);
    }
    /* The honest server is not locked out. */
    r->timestamp_version = 2;
    r->snapshot_version = 11;
    r->issued = "2026-01-02T00:00:00Z";
    repo_publish(r);
    assert_ota_ok(trust_run(w, "img/thermo/1/a", false, &unchanged, &err));
}

/* Before it was provisioned anew, the board was of a product that has retired since: its role is never renewed. */
static void test_trust_outlives_the_role_of_another_product(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    bool unchanged;
    r->thermo_expires = "2026-01-05T00:00:00Z"; /* pump's, too */
    r->thermo_list = ENTRY("img/thermo/1/a");
    r->pump_list = ENTRY("img/pump/1/a");
    r->hashes = false;
    repo_publish(r);
    assert_ota_ok(trust_run(w, "img/pump/1/a", false, &unchanged, &err));
    trust_clock_now = JAN_2 + 5 * DAY;
    r->thermo_expires = "2029-01-01T00:00:00Z";
    r->issued = "2026-01-06T00:00:00Z";
    r->thermo_version++;
    repo_bump(r);
    repo_publish(r);
    assert_ota_ok(trust_run(w, "img/thermo/1/a", false, &unchanged, &err));
    assert_int_equal(w->trust.ts.floor, JAN_2 + 4 * DAY);
    assert_ota_ok(trust_run(w, NULL, true, &unchanged, &err));
    assert_true(unchanged);
}

static void expect_floor_stays(struct trust_world *w, enum ota_status refused) {
    bool unchanged;
    assert_ota(trust_run(w, "img/thermo/1/a", false, &unchanged, &err), refused);
    assert_ota_ok(trust_boot(w, &err));
    assert_true(w->trust.ts.floor <= JAN_2 - DAY);
}

/* The timestamp key alone, on a board that knows no offline role yet: a run that is cut short keeps no time. */
static void test_trust_floor_waits_for_targets_and_product(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    bool unchanged;
    r->thermo_list = ENTRY("img/thermo/1/a");
    r->issued = "2028-01-01T00:00:00Z";
    repo_publish(r);
    static const char *const missing[] = {"1.thermo.json", "1.targets.json"};
    for (size_t i = 0; i < OTA_ARRAY_LEN(missing); i++) {
        OTA_CLEAN(ota_buf_free) struct ota_buf bytes = {0};
        ota_buf_append(&bytes, repo_get(r, missing[i])->p, repo_get(r, missing[i])->len);
        repo_remove(r, missing[i]);
        expect_floor_stays(w, OTA_HTTP);
        assert_int_equal(w->trust.ts.version, 1); /* versions are kept all the same */
        repo_put(r, missing[i], bytes.p, bytes.len);
    }
    /* The same timestamp again, this time with everything: its time counts now. */
    assert_ota_ok(trust_run(w, "img/thermo/1/a", false, &unchanged, &err));
    assert_int_equal(w->trust.ts.floor, 1830297600);
}

/* The online keys alone: versions of offline roles that do not exist must not hide the expiry of those that do. */
static void test_trust_floor_is_not_raised_by_roles_nobody_signed(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    static const char *const made_up[] = {"99.targets.json", "99.thermo.json"};
    bool unchanged;
    r->thermo_list = ENTRY("img/thermo/1/a");
    repo_publish(r);
    assert_ota_ok(trust_run(w, "img/thermo/1/a", false, &unchanged, &err));
    r->issued = "2035-12-01T00:00:00Z";
    r->targets_version = r->thermo_version = 99;
    for (size_t i = 0; i < OTA_ARRAY_LEN(made_up); i++) {
        repo_bump(r);
        repo_publish(r);
        repo_remove(r, made_up[i]);
        expect_floor_stays(w, OTA_HTTP);
    }
    /* Nor by a snapshot that was never seen. */
    repo_bump(r);
    repo_publish(r);
    repo_remove(r, "4.snapshot.json");
    expect_floor_stays(w, OTA_HTTP);
}

static void test_trust_issued_is_not_held_against_replaced_roles(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    bool unchanged;
    r->targets_list = ENTRY("notes.txt");
    r->targets_expires = "2026-02-01T00:00:00Z";
    repo_publish(r);
    assert_ota_ok(trust_run(w, "notes.txt", false, &unchanged, &err));
    /* The board was off for a year; targets was renewed meanwhile. */
    trust_clock_now = JAN_2 + 365 * DAY;
    r->targets_version++;
    r->targets_expires = "2029-01-01T00:00:00Z";
    r->snapshot_expires = r->timestamp_expires = "2027-02-01T00:00:00Z";
    r->issued = "2027-01-01T00:00:00Z";
    repo_bump(r);
    repo_publish(r);
    /* A run that does not look at targets has only the old record of it. */
    assert_ota_ok(trust_full_run(w, &err));
    assert_ota_ok(trust_run(w, "notes.txt", false, &unchanged, &err));
}

static void test_trust_next_run_starts_from_the_store_after_a_refused_one(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    bool unchanged;
    assert_ota_ok(trust_full_run(w, &err));
    r->timestamp_version = 10;
    repo_publish(r);
    assert_ota_ok(ota_trust_refresh(&w->trust, false, &unchanged, &err));
    assert_int_equal(w->trust.ts.version, 10);
    /* No finish(): nothing of it was kept, so version 9 is still good. */
    r->timestamp_version = 9;
    repo_publish(r);
    assert_ota_ok(ota_trust_refresh(&w->trust, false, &unchanged, &err));
    assert_ota_ok(ota_trust_finish(&w->trust, true, &err));
    assert_int_equal(w->trust.ts.version, 9);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TRUST_TEST(test_trust_first_run_verifies_everything_and_keeps_it),
        TRUST_TEST(test_trust_second_run_is_one_request_and_no_write),
        TRUST_TEST(test_trust_changed_timestamp_is_fetched_once),
        TRUST_TEST(test_trust_changed_timestamp_survives_a_new_root),
        TRUST_TEST(test_trust_expired_304_is_not_accepted),
        TRUST_TEST(test_trust_a_whole_run_is_made_daily),
        TRUST_TEST(test_trust_failed_run_keeps_the_version_and_no_etag),
        TRUST_TEST(test_trust_without_clock_uses_the_floor),
        TRUST_TEST(test_trust_says_when_the_server_proved_nothing),
        TRUST_TEST(test_trust_root_gives_the_trusted_one),
        TRUST_TEST(test_trust_refuses_every_expired_role),
        TRUST_TEST(test_trust_refuses_issued_after_an_offline_role_expires),
        TRUST_TEST(test_trust_outlives_the_role_of_another_product),
        TRUST_TEST(test_trust_floor_waits_for_targets_and_product),
        TRUST_TEST(test_trust_floor_is_not_raised_by_roles_nobody_signed),
        TRUST_TEST(test_trust_issued_is_not_held_against_replaced_roles),
        TRUST_TEST(test_trust_next_run_starts_from_the_store_after_a_refused_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
