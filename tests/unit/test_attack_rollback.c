/* SPDX-License-Identifier: Apache-2.0 */
/* Attacks with what was once signed: older versions of each role, other contents under a known version, roles that vanish. */
#include "support/attack.h"
#include "support/unit.h"

static struct ota_err err;

static unsigned *version_of(struct repo *r, size_t role) {
    unsigned *const versions[] = {&r->targets_version, &r->thermo_version, &r->rollout_version};
    return versions[role];
}
static const char *const delegated[] = {"targets", "thermo", "rollout"};

/* The board reads rollout too, as an agent does for its channel. */
static enum ota_status whole_run(struct trust_world *w) {
    bool unchanged;
    OTA_TRY(trust_run(w, "rollout/thermo/stable", false, &unchanged, &err));
    OTA_TRY(trust_open_path(w, ATTACK_PATH, NULL, &err));
    return ota_trust_finish(&w->trust, true, &err);
}

/* A repository of version 5 of everything, known to the board. */
static void know_version_5(struct trust_world *w) {
    struct repo *r = &w->repo;
    r->rollout_list = ENTRY("rollout/thermo/stable");
    r->timestamp_version = r->snapshot_version = r->targets_version = r->thermo_version = r->pump_version =
        r->rollout_version = 5;
    repo_publish(r);
    assert_ota_ok(whole_run(w));
}

/* Roots are asked for by number only; an old one under the next number is none. */
static void test_attack_rollback_of_root(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    r->root_version = 2;
    repo_publish(r);
    struct ota_span old = ota_buf_span(repo_get(r, "2.root.json"));
    OTA_CLEAN(ota_buf_free) struct ota_buf kept = {0};
    ota_buf_append(&kept, old.p, old.len);
    r->root_version = 3;
    repo_publish(r);
    assert_ota_ok(trust_full_run(w, &err));
    repo_put(r, "4.root.json", kept.p, kept.len);
    attack_refused(w, OTA_VERSION, "version 2 where 4 must follow");
    /* A server that knows of no new root takes none away. */
    repo_remove(r, "4.root.json");
    repo_remove(r, "3.root.json");
    repo_remove(r, "2.root.json");
    assert_ota_ok(trust_full_run(w, &err));
    assert_int_equal(w->trust.root_version, 3);
}

static void test_attack_rollback_of_timestamp(void **state) {
    struct trust_world *w = *state;
    know_version_5(w);
    w->repo.timestamp_version = 4;
    repo_publish(&w->repo);
    attack_refused(w, OTA_ROLLBACK, "timestamp.json: timestamp version 4 is older than 5");
    w->repo.timestamp_version = 5;
    attack_is_over(w);
}

static void test_attack_rollback_of_snapshot(void **state) {
    struct trust_world *w = *state;
    know_version_5(w);
    w->repo.timestamp_version = 6;
    w->repo.snapshot_version = 4;
    repo_publish(&w->repo);
    attack_refused(w, OTA_ROLLBACK, "snapshot version 4 is older than 5");
    w->repo.snapshot_version = 5;
    attack_is_over(w);
}

/* The snapshot key alone names an older version of each role that others sign. */
static void rollback_in_snapshot(struct trust_world *w, size_t role) {
    struct repo *r = &w->repo;
    OTA_CLEAN_FREE char *reason = ota_sprintf("%s version 4 is older than 5", delegated[role]);
    know_version_5(w);
    *version_of(r, role) = 4;
    repo_bump(r);
    repo_publish(r);
    attack_refused_after(w, "ts", OTA_ROLLBACK, reason);
    attack_refused(w, OTA_ROLLBACK, reason);
    *version_of(r, role) = 5;
    attack_is_over(w);
}
static void test_attack_rollback_of_targets(void **state) {
    rollback_in_snapshot(*state, 0);
}
static void test_attack_rollback_of_product(void **state) {
    rollback_in_snapshot(*state, 1);
}
static void test_attack_rollback_of_rollout(void **state) {
    rollback_in_snapshot(*state, 2);
}

/* The board lost its snapshot, so that nothing there tells: its records of the roles do. */
static void test_attack_rollback_after_the_snapshot_was_lost(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    for (size_t i = 0; i < OTA_ARRAY_LEN(delegated); i++) {
        trust_world_teardown(state);
        attack_setup(state);
        w = *state;
        r = &w->repo;
        know_version_5(w);
        *version_of(r, i) = 4;
        repo_bump(r);
        repo_publish(r);
        assert_ota_ok(w->kv.port.erase(w->kv.port.ctx, "snapshot", &err));
        assert_ota(whole_run(w), OTA_ROLLBACK);
        assert_non_null(strstr(err.msg, "version 4 is older than 5"));
        assert_non_null(strstr(err.msg, delegated[i]));
    }
}

/* Somebody signed twice under one number. */
static void test_attack_other_contents_under_a_known_version(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    uint8_t trusted[OTA_SHA256_LEN];
    memcpy(trusted, w->trust.ts.sha256, sizeof trusted);
    r->timestamp_expires = "2026-01-09T00:00:00Z";
    repo_publish(r);
    assert_ota_ok(trust_full_run(w, &err)); /* TUF 5.4.3: discarded, not an error */
    assert_memory_equal(w->trust.ts.sha256, trusted, sizeof trusted);
    assert_string_equal(w->trust.etag, "");
    r->timestamp_expires = "2026-01-08T00:00:00Z";
    r->targets_list = ENTRY("more");
    repo_publish(r);
    attack_refused(w, OTA_ROLLBACK, "1.targets.json: version 1 has other contents");
    r->targets_list = "";
    r->thermo_list = ENTRY(ATTACK_PATH) "," ENTRY("img/thermo/1/b");
    repo_publish(r);
    attack_refused(w, OTA_ROLLBACK, "1.thermo.json: version 1 has other contents");
    attack_is_over(w);
}

/* Root gives timestamp and snapshot a second key. The first ones still count, and so would all they ever signed, were the board to forget
 * what it knows: only a key that is taken away asks for that. */
static void test_attack_rollback_when_a_key_is_added(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    OTA_CLEAN(ota_buf_free) struct ota_buf old = {0};
    struct repo_key *second = repo_key_new("P-256");
    const struct ota_buf *first = repo_get(r, "timestamp.json");
    ota_buf_append(&old, first->p, first->len);
    know_version_5(w);
    r->role[OTA_ROLE_TIMESTAMP].key[r->role[OTA_ROLE_TIMESTAMP].count++] = second;
    r->role[OTA_ROLE_SNAPSHOT].key[r->role[OTA_ROLE_SNAPSHOT].count++] = second;
    r->root_version = 2;
    repo_publish_root(r);
    repo_put(r, "timestamp.json", old.p, old.len);
    attack_refused_after(w, "root", OTA_ROLLBACK, "timestamp version 1 is older than 5");
    assert_int_equal(w->trust.root_version, 2);
    attack_is_over(w);
    repo_key_free(second);
}

/* The power went after the newer snapshot was kept and before its timestamp was. */
static void test_attack_rollback_by_other_contents_after_a_power_cut(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    bool unchanged;
    repo_bump(r);
    repo_publish(r);
    assert_ota_ok(trust_boot(w, &err));
    assert_ota_ok(ota_trust_refresh(&w->trust, false, &unchanged, &err));
    r->timestamp_version = r->snapshot_version = 1;
    r->timestamp_expires = "2026-01-09T00:00:00Z";
    repo_publish(r);
    attack_refused(w, OTA_ROLLBACK, "snapshot version 1 is older than 2");
    r->timestamp_version = r->snapshot_version = 2;
    attack_is_over(w);
}

/* A retired product keeps an empty role: one that vanishes was taken away. */
static void test_attack_role_removal(void **state) {
    static const char *const entries[] = {"\"pump.json\":{\"version\":5},", "\"rollout.json\":{\"version\":5},",
                                          "\"targets.json\":{\"version\":5},", ",\"thermo.json\":{\"version\":5}"};
    static const char *const names[] = {"pump", "rollout", "targets", "thermo"};
    struct trust_world *w = *state;
    know_version_5(w);
    for (size_t i = 0; i < OTA_ARRAY_LEN(entries); i++) {
        OTA_CLEAN_FREE char *file = ota_sprintf("%u.snapshot.json", w->repo.snapshot_version + 1);
        OTA_CLEAN_FREE char *reason = ota_sprintf("snapshot does not name role %s any more", names[i]);
        repo_bump(&w->repo);
        repo_publish(&w->repo);
        repo_edit_signed(&w->repo, file, entries[i], "", w->repo.snapshot);
        attack_refused_after(w, "ts", OTA_ROLLBACK, reason);
    }
    attack_is_over(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ATTACK_TEST(test_attack_rollback_of_root),
        ATTACK_TEST(test_attack_rollback_of_timestamp),
        ATTACK_TEST(test_attack_rollback_when_a_key_is_added),
        ATTACK_TEST(test_attack_rollback_by_other_contents_after_a_power_cut),
        ATTACK_TEST(test_attack_rollback_of_snapshot),
        ATTACK_TEST(test_attack_rollback_of_targets),
        ATTACK_TEST(test_attack_rollback_of_product),
        ATTACK_TEST(test_attack_rollback_of_rollout),
        ATTACK_TEST(test_attack_rollback_after_the_snapshot_was_lost),
        ATTACK_TEST(test_attack_other_contents_under_a_known_version),
        ATTACK_TEST(test_attack_role_removal),
    };
    return cmocka_run_group_tests_name("attack_rollback", tests, NULL, NULL);
}
