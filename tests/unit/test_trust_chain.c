/* SPDX-License-Identifier: Apache-2.0 */
/* The TUF workflow: root chain, rollback, fast-forward recovery. */
#include <stdlib.h>

#include "support/trust_world.h"
#include "support/unit.h"

static struct ota_err err;

/* ---- root ---- */

static void test_trust_walks_the_root_chain_and_stores_each(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    struct repo_key *old = r->root, *fresh = repo_key_new("P-256");
    r->role[OTA_ROLE_ROOT] = (struct repo_role){{old, fresh}, 2, 1};
    r->root_version = 2;
    repo_publish_root(r);
    r->role[OTA_ROLE_ROOT] = (struct repo_role){{fresh}, 1, 1};
    r->root_version = 3;
    repo_publish_root(r);
    repo_publish(r);
    assert_ota_ok(trust_full_run(w, &err));
    assert_int_equal(w->trust.root_version, 3);
    /* From the store: neither the built-in root nor 2 and 3 are needed again. */
    assert_ota_ok(trust_full_run(w, &err));
    assert_int_equal(w->repo.requests, 2);
    assert_string_equal(r->request[0], "4.root.json");
    r->root = fresh;
    repo_key_free(old);
}

static void test_trust_refuses_a_root_without_the_old_or_the_new_threshold(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    const struct repo_key *own[] = {r->root}, *both[] = {r->root, r->pump};
    r->root_version = 2;
    r->role[OTA_ROLE_ROOT] = (struct repo_role){{r->pump}, 1, 1};
    repo_publish_root(r);
    assert_ota(trust_full_run(w, &err), OTA_SIGNATURE);
    assert_non_null(strstr(err.msg, "keys of version 1"));
    const char *text = strstr(ota_buf_text(repo_get(r, "2.root.json")), "\"signed\":") + strlen("\"signed\":");
    OTA_CLEAN_FREE char *body = ota_strdup(text);
    body[strlen(body) - 1] = '\0';
    repo_sign(r, "2.root.json", body, own, 1);
    assert_ota(trust_full_run(w, &err), OTA_SIGNATURE);
    assert_non_null(strstr(err.msg, "own keys"));
    assert_int_equal(w->trust.root_version, 1);
    repo_sign(r, "2.root.json", body, both, 2);
    assert_ota_ok(trust_full_run(w, &err));
}

static void test_trust_refuses_a_root_version_jump(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    r->root_version = 2;
    repo_publish_root(r);
    static const char *const versions[] = {"\"version\":3}", "\"version\":1}"};
    for (size_t i = 0; i < OTA_ARRAY_LEN(versions); i++) {
        repo_publish_root(r);
        trust_edit_root(w, "\"version\":2}", versions[i]);
        assert_ota(trust_full_run(w, &err), OTA_VERSION);
    }
}

static void test_trust_refuses_a_root_without_consistent_snapshots(void **state) {
    struct trust_world *w = *state;
    w->repo.root_version = 2;
    repo_publish_root(&w->repo);
    trust_edit_root(w, "\"consistent_snapshot\":true", "\"consistent_snapshot\":false");
    assert_ota(trust_full_run(w, &err), OTA_UNSUPPORTED);
}

static void test_trust_refuses_a_broken_key_in_a_root(void **state) {
    struct trust_world *w = *state;
    w->repo.root_version = 2;
    repo_publish_root(&w->repo);
    trust_edit_root(w, "-----BEGIN PUBLIC KEY-----\\nM", "-----BEGIN PUBLIC KEY-----\\nN");
    assert_ota(trust_full_run(w, &err), OTA_KEY);
}

static void test_trust_checks_expiry_of_the_last_root_only(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    r->root_version = 2;
    r->root_expires = "2025-01-01T00:00:00Z";
    repo_publish(r);
    assert_ota(trust_full_run(w, &err), OTA_EXPIRED);
    assert_non_null(strstr(err.msg, "root"));
    r->root_version = 3;
    r->root_expires = "2036-01-01T00:00:00Z";
    repo_publish(r);
    assert_ota_ok(trust_full_run(w, &err));
}

static void test_trust_bad_built_in_root_is_an_error(void **state) {
    struct trust_world *w = *state;
    w->root.p[w->root.len / 2] ^= 1;
    assert_int_not_equal(trust_boot(w, &err), OTA_OK);
    assert_non_null(strstr(err.msg, "built-in root"));
}

static void test_trust_damaged_store_starts_again_from_the_built_in_root(void **state) {
    struct trust_world *w = *state;
    static const char *const keys[] = {"root", "snapshot", "ts", "roles"};
    bool unchanged;
    w->repo.root_version = 2;
    w->repo.thermo_list = ENTRY("img/thermo/1/a");
    repo_publish(&w->repo);
    for (size_t i = 0; i < OTA_ARRAY_LEN(keys); i++) {
        assert_ota_ok(trust_run(w, "img/thermo/1/a", false, &unchanged, &err));
        assert_ota_ok(w->kv.port.set(w->kv.port.ctx, keys[i], "damaged", 7, &err));
        assert_ota_ok(trust_run(w, "img/thermo/1/a", true, &unchanged, &err));
        assert_int_equal(w->trust.root_version, 2);
        assert_int_equal(w->trust.ts.version, 1);
    }
}

/* ---- rollback ---- */

static void test_trust_refuses_an_older_timestamp(void **state) {
    struct trust_world *w = *state;
    w->repo.timestamp_version = 5;
    repo_publish(&w->repo);
    assert_ota_ok(trust_full_run(w, &err));
    w->repo.timestamp_version = 4;
    repo_publish(&w->repo);
    assert_ota(trust_full_run(w, &err), OTA_ROLLBACK);
}

/* Neither what it says nor its ETag: a 304 for it would hide the true one. */
static void test_trust_ignores_another_timestamp_of_the_same_version(void **state) {
    struct trust_world *w = *state;
    bool unchanged;
    assert_ota_ok(trust_run(w, NULL, false, &unchanged, &err));
    const struct ota_timestamp_record before = w->trust.ts;
    w->repo.timestamp_expires = "2026-01-09T00:00:00Z";
    w->repo.snapshot_version = 9;
    repo_publish(&w->repo);
    assert_ota_ok(trust_run(w, NULL, true, &unchanged, &err));
    assert_false(repo_requested(&w->repo, "9.snapshot.json"));
    assert_ota_ok(trust_boot(w, &err));
    assert_memory_equal(w->trust.ts.sha256, before.sha256, sizeof before.sha256);
    assert_string_equal(w->trust.ts.etag, before.etag);
    assert_int_equal(w->trust.ts.snapshot_version, 1);
    trust_clock_now += 6 * DAY + DAY / 2; /* past the expiry of the trusted one, not of the other */
    assert_ota(trust_full_run(w, &err), OTA_EXPIRED);
}

static void test_trust_refuses_a_timestamp_with_an_older_snapshot(void **state) {
    struct trust_world *w = *state;
    w->repo.snapshot_version = 7;
    repo_publish(&w->repo);
    assert_ota_ok(trust_full_run(w, &err));
    w->repo.snapshot_version = 6;
    w->repo.timestamp_version = 2;
    repo_publish(&w->repo);
    assert_ota(trust_full_run(w, &err), OTA_ROLLBACK);
}

/* Either record alone is enough to tell. */
static void test_trust_refuses_an_older_snapshot_when_one_record_is_lost(void **state) {
    struct trust_world *w = *state;
    static const char *const lost[] = {"snapshot", "ts"};
    for (size_t i = 0; i < OTA_ARRAY_LEN(lost); i++) {
        w->repo.snapshot_version = 7;
        w->repo.timestamp_version++;
        repo_publish(&w->repo);
        assert_ota_ok(trust_full_run(w, &err));
        assert_ota_ok(w->kv.port.erase(w->kv.port.ctx, lost[i], &err));
        w->repo.snapshot_version = 6;
        w->repo.timestamp_version++;
        repo_publish(&w->repo);
        assert_ota(trust_full_run(w, &err), OTA_ROLLBACK);
        assert_non_null(strstr(err.msg, "snapshot"));
    }
}

static void test_trust_refuses_a_snapshot_that_lowers_or_drops_a_role(void **state) {
    struct trust_world *w = *state;
    w->repo.hashes = false;
    w->repo.thermo_version = 3;
    repo_publish(&w->repo);
    assert_ota_ok(trust_full_run(w, &err));
    w->repo.thermo_version = 2;
    repo_bump(&w->repo);
    repo_publish(&w->repo);
    assert_ota(trust_full_run(w, &err), OTA_ROLLBACK);
    assert_non_null(strstr(err.msg, "thermo"));
    repo_edit_signed(&w->repo, "2.snapshot.json", ",\"thermo.json\":{\"version\":2}", "", w->repo.snapshot);
    assert_ota(trust_full_run(w, &err), OTA_ROLLBACK);
    assert_non_null(strstr(err.msg, "thermo"));
}

static void test_trust_refuses_versions_that_differ_from_the_parent(void **state) {
    struct trust_world *w = *state;
    bool unchanged;
    static const char *const files[] = {"1.snapshot.json", "1.targets.json", "1.thermo.json"};
    static const char *const from[] = {"31\",\"version\":1}", "{},\"version\":1}", "}},\"version\":1}"};
    static const char *const to[] = {"31\",\"version\":2}", "{},\"version\":2}", "}},\"version\":2}"};
    const struct repo_key *by[] = {w->repo.snapshot, w->repo.targets, w->repo.thermo};
    w->repo.hashes = false;
    w->repo.thermo_list = ENTRY("img/thermo/1/a");
    for (size_t i = 0; i < OTA_ARRAY_LEN(files); i++) {
        repo_publish(&w->repo);
        repo_edit_signed(&w->repo, files[i], from[i], to[i], by[i]);
        assert_ota(trust_run(w, "img/thermo/1/a", false, &unchanged, &err), OTA_VERSION);
        assert_non_null(strstr(err.msg, files[i]));
    }
}

static void test_trust_refuses_a_role_older_or_other_than_recorded(void **state) {
    struct trust_world *w = *state;
    bool unchanged;
    w->repo.hashes = false;
    w->repo.thermo_version = 4;
    w->repo.thermo_list = ENTRY("img/thermo/1/a");
    repo_publish(&w->repo);
    assert_ota_ok(trust_run(w, "img/thermo/1/a", false, &unchanged, &err));
    w->repo.thermo_list = ENTRY("img/thermo/1/a") "," ENTRY("img/thermo/1/b");
    repo_publish(&w->repo);
    assert_ota(trust_run(w, "img/thermo/1/a", false, &unchanged, &err), OTA_ROLLBACK);
    /* Without the snapshot that would have told, the record does. */
    assert_ota_ok(w->kv.port.erase(w->kv.port.ctx, "snapshot", &err));
    w->repo.thermo_version = 3;
    repo_bump(&w->repo);
    repo_publish(&w->repo);
    assert_ota(trust_run(w, "img/thermo/1/a", false, &unchanged, &err), OTA_ROLLBACK);
}

static void test_trust_recovers_from_fast_forward(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    struct repo_key *stolen = r->timestamp;
    bool unchanged;
    r->thermo_list = ENTRY("img/thermo/1/a");
    r->timestamp_version = r->snapshot_version = 4000000;
    r->issued = "2026-01-05T00:00:00Z";
    repo_publish(r);
    assert_ota_ok(trust_run(w, "img/thermo/1/a", false, &unchanged, &err));
    assert_ota_ok(trust_boot(w, &err));
    assert_int_equal(w->trust.now, JAN_2 + 3 * DAY);
    r->timestamp_version = r->snapshot_version = 2;
    r->issued = "2026-01-02T00:00:00Z";
    repo_publish(r);
    assert_ota(trust_full_run(w, &err), OTA_ROLLBACK);
    r->timestamp = repo_key_new("P-256");
    r->role[OTA_ROLE_TIMESTAMP].key[0] = r->timestamp;
    r->root_version = 2;
    repo_publish(r);
    assert_ota_ok(trust_run(w, "img/thermo/1/a", false, &unchanged, &err));
    assert_int_equal(w->trust.ts.version, 2);
    assert_int_equal(w->trust.ts.floor, JAN_2);
    assert_int_equal(w->trust.now, JAN_2);
    repo_key_free(stolen);
}

static void test_trust_rotated_snapshot_key_keeps_the_floor(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    struct repo_key *stolen = r->snapshot;
    bool unchanged;
    r->thermo_list = ENTRY("img/thermo/1/a");
    r->timestamp_version = r->snapshot_version = 4000000;
    repo_publish(r);
    assert_ota_ok(trust_run(w, "img/thermo/1/a", false, &unchanged, &err));
    r->snapshot = repo_key_new("P-256");
    r->role[OTA_ROLE_SNAPSHOT].key[0] = r->snapshot;
    r->root_version = 2;
    r->timestamp_version = r->snapshot_version = 2;
    r->issued = NULL;
    repo_publish(r);
    assert_ota_ok(trust_run(w, "img/thermo/1/a", false, &unchanged, &err));
    assert_int_equal(w->trust.snapshot_version, 2);
    assert_int_equal(w->trust.ts.floor, JAN_2 - DAY);
    repo_key_free(stolen);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TRUST_TEST(test_trust_walks_the_root_chain_and_stores_each),
        TRUST_TEST(test_trust_refuses_a_root_without_the_old_or_the_new_threshold),
        TRUST_TEST(test_trust_refuses_a_root_version_jump),
        TRUST_TEST(test_trust_refuses_a_root_without_consistent_snapshots),
        TRUST_TEST(test_trust_refuses_a_broken_key_in_a_root),
        TRUST_TEST(test_trust_checks_expiry_of_the_last_root_only),
        TRUST_TEST(test_trust_bad_built_in_root_is_an_error),
        TRUST_TEST(test_trust_damaged_store_starts_again_from_the_built_in_root),
        TRUST_TEST(test_trust_refuses_an_older_timestamp),
        TRUST_TEST(test_trust_ignores_another_timestamp_of_the_same_version),
        TRUST_TEST(test_trust_refuses_a_timestamp_with_an_older_snapshot),
        TRUST_TEST(test_trust_refuses_an_older_snapshot_when_one_record_is_lost),
        TRUST_TEST(test_trust_refuses_a_snapshot_that_lowers_or_drops_a_role),
        TRUST_TEST(test_trust_refuses_versions_that_differ_from_the_parent),
        TRUST_TEST(test_trust_refuses_a_role_older_or_other_than_recorded),
        TRUST_TEST(test_trust_recovers_from_fast_forward),
        TRUST_TEST(test_trust_rotated_snapshot_key_keeps_the_floor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
