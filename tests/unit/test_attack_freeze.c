/* SPDX-License-Identifier: Apache-2.0 */
/* Attacks with time: old files served for ever, a clock turned back, a timestamp from the future. */
#include "support/attack.h"
#include "support/unit.h"

#define LATE "2030-06-01T00:00:00Z" /* after every role but root */

static struct ota_err err;

/* The clock goes to the day after `role` expired; everything else is signed anew, with a later end. */
static void freeze(struct trust_world *w, const char **role, const char *expires, uint64_t now) {
    struct repo *r = &w->repo;
    const char **all[] = {&r->targets_expires, &r->snapshot_expires, &r->timestamp_expires, &r->thermo_expires,
                          &r->rollout_expires};
    for (size_t i = 0; i < OTA_ARRAY_LEN(all); i++)
        *all[i] = "2031-01-01T00:00:00Z";
    *role = expires;
    r->rollout_list = ENTRY("rollout/thermo/stable");
    repo_bump(r);
    r->targets_version++;
    r->thermo_version++;
    r->rollout_version++;
    repo_publish(r);
    assert_ota_ok(trust_full_run(w, &err));
    trust_clock_now = now;
}

static void test_attack_freeze_of_root(void **state) {
    struct trust_world *w = *state;
    w->repo.root_version = 2;
    w->repo.root_expires = "2026-01-10T00:00:00Z";
    freeze(w, &w->repo.root_expires, "2026-01-10T00:00:00Z", JAN_2 + 8 * DAY);
    attack_refused(w, OTA_EXPIRED, "root version 2 expired on 2026-01-10");
}

static void test_attack_freeze_of_timestamp(void **state) {
    struct trust_world *w = *state;
    freeze(w, &w->repo.timestamp_expires, "2026-01-10T00:00:00Z", JAN_2 + 8 * DAY);
    attack_refused(w, OTA_EXPIRED, "timestamp version 2 expired on 2026-01-10");
}

static void test_attack_freeze_of_snapshot(void **state) {
    struct trust_world *w = *state;
    freeze(w, &w->repo.snapshot_expires, "2026-01-10T00:00:00Z", JAN_2 + 8 * DAY);
    attack_refused(w, OTA_EXPIRED, "snapshot version 2 expired on 2026-01-10");
    /* The timestamp key alone cannot keep it alive. */
    w->repo.timestamp_version++;
    repo_publish(&w->repo);
    attack_refused_after(w, "ts", OTA_EXPIRED, "snapshot version 2 expired on 2026-01-10");
}

static void test_attack_freeze_of_targets(void **state) {
    struct trust_world *w = *state;
    freeze(w, &w->repo.targets_expires, "2026-01-10T00:00:00Z", JAN_2 + 8 * DAY);
    attack_refused(w, OTA_EXPIRED, "targets version 2 expired on 2026-01-10");
}

static void test_attack_freeze_of_product(void **state) {
    struct trust_world *w = *state;
    freeze(w, &w->repo.thermo_expires, "2026-01-10T00:00:00Z", JAN_2 + 8 * DAY);
    attack_refused_after(w, "roles", OTA_EXPIRED, "thermo version 2 expired on 2026-01-10");
    attack_refused(w, OTA_EXPIRED, "thermo version 2 expired on 2026-01-10");
}

static void test_attack_freeze_of_rollout(void **state) {
    struct trust_world *w = *state;
    static const char channel[] = "rollout/thermo/stable";
    freeze(w, &w->repo.rollout_expires, "2026-01-10T00:00:00Z", JAN_2 + 8 * DAY);
    attack_refused_at(w, channel, "roles", OTA_EXPIRED, "rollout version 2 expired on 2026-01-10");
    attack_refused_at(w, channel, "", OTA_EXPIRED, "rollout version 2 expired on 2026-01-10");
}

/* ---- the board's clock --------------------------------------------------------------------------------- */

/* The board saw a timestamp of March. Then its clock is turned back, or lost, and files that ended in February, of versions it has not
 * seen, are served. */
static void test_attack_clock_below_the_floor(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    bool unchanged;
    r->issued = "2026-03-01T00:00:00Z";
    r->timestamp_expires = r->snapshot_expires = "2026-03-08T00:00:00Z";
    trust_clock_now = JAN_2 + 60 * DAY;
    repo_bump(r);
    repo_publish(r);
    assert_ota_ok(trust_run(w, ATTACK_PATH, false, &unchanged, &err));
    r->issued = "2026-01-20T00:00:00Z";
    r->timestamp_expires = "2026-02-01T00:00:00Z";
    repo_bump(r);
    repo_publish(r);
    static const uint64_t clocks[] = {JAN_2 + 20 * DAY, 0, 1};
    for (size_t i = 0; i <= OTA_ARRAY_LEN(clocks); i++) {
        trust_clock_known = i < OTA_ARRAY_LEN(clocks);
        trust_clock_now = trust_clock_known ? clocks[i] : 0;
        attack_refused(w, OTA_EXPIRED, "expired on 2026-02-01T00:00:00Z, it is 2026-03-01T00:00:00Z here");
    }
    /* What is fresh is still taken, by the floor. */
    r->issued = "2026-03-02T00:00:00Z";
    r->timestamp_expires = "2026-03-09T00:00:00Z";
    attack_is_over(w);
    assert_true(w->trust.time_unverified);
}

/* ---- a timestamp from the future ----------------------------------------------------------------------- */

/* Past the end of root, of targets, of the product: refused, and nothing of it is kept, so the next honest one is good. */
static void test_attack_issued_far_in_the_future(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    static const struct {
        const char *issued, *reason;
    } rows[] = {
        {"2029-01-01T00:00:01Z", "issued on 2029-01-01T00:00:01Z, after targets expires on 2029-01-01T00:00:00Z"},
        {"2036-01-01T00:00:01Z", "issued on 2036-01-01T00:00:01Z"},
        {"9999-12-31T23:59:59Z", "issued on 9999-12-31T23:59:59Z"},
    };
    r->timestamp_expires = "9999-12-31T23:59:59Z";
    for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++) {
        r->issued = rows[i].issued;
        r->timestamp_version = 1000 + (unsigned)i;
        repo_publish(r);
        attack_refused(w, OTA_ISSUED, rows[i].reason);
    }
    r->issued = "2026-01-02T00:00:00Z";
    r->timestamp_expires = "2026-01-08T00:00:00Z";
    r->timestamp_version = 1;
    attack_is_over(w);
}

/* Within the life of every offline role it cannot be told from the truth: the board lives in that future until root changes the
 * timestamp's key. Then it is back in the present. */
static void test_attack_issued_in_the_future_then_recovery(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    struct repo_key *stolen = r->timestamp;
    bool unchanged;
    r->issued = "2028-12-31T00:00:00Z";
    r->timestamp_expires = r->snapshot_expires = LATE;
    repo_bump(r);
    repo_publish(r);
    assert_ota_ok(trust_run(w, ATTACK_PATH, false, &unchanged, &err));
    r->issued = "2026-01-02T00:00:00Z";
    r->timestamp_expires = r->snapshot_expires = "2026-02-01T00:00:00Z";
    repo_bump(r);
    repo_publish(r);
    attack_refused(w, OTA_EXPIRED, "it is 2028-12-31T00:00:00Z here");
    r->timestamp = repo_key_new("P-256");
    r->role[OTA_ROLE_TIMESTAMP].key[0] = r->timestamp;
    r->root_version = 2;
    attack_is_over(w);
    assert_int_equal(w->trust.now, JAN_2);
    assert_int_equal(w->trust.ts.floor, JAN_2);
    repo_key_free(stolen);
}

/* "signed" of a role that delegates `name` below itself. */
static char *delegating(const struct repo_key *key, const char *name) {
    return ota_sprintf("{\"_type\":\"targets\",\"delegations\":{\"keys\":{\"%s\":%s},\"roles\":[{\"keyids\":[\"%s\"],"
                       "\"name\":\"%s\",\"paths\":[\"rollout/*/*\"],\"terminating\":false,\"threshold\":1}]},",
                       repo_key_id(key), repo_key_object(key), repo_key_id(key), name);
}

/* The thief of the online keys has rollout delegate a role that is named like the product, and signs it with a late expiry: it must not
 * stand for the product's own, whose expiry bounds the time that is kept. */
static void test_attack_issued_beyond_the_product_by_a_role_of_its_name(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    struct repo_key *thief = repo_key_new("P-256");
    const struct repo_key *by = thief;
    OTA_CLEAN_FREE char *below = delegating(thief, "thermo");
    bool unchanged;
    r->issued = "2028-06-01T00:00:00Z";
    r->timestamp_expires = r->snapshot_expires = r->rollout_expires = r->thermo_expires = LATE;
    r->rollout_version = r->thermo_version = 2;
    repo_bump(r);
    repo_publish(r);
    repo_edit_signed(r, "2.rollout.json", "{\"_type\":\"targets\",", below, r->rollout);
    attack_sign(r, "2.thermo.json", &by, 1);
    assert_ota(trust_run(w, "rollout/thermo/stable", false, &unchanged, &err), OTA_DELEGATION);
    assert_true(repo_requested(r, "2.thermo.json"));
    assert_false(ota_trust_complete(&w->trust));
    assert_int_equal(w->trust.ts.floor, JAN_2 - DAY);
    /* Nor does it keep the product's own role of that version out. */
    r->issued = "2026-01-02T00:00:00Z";
    r->rollout_version++;
    repo_bump(r);
    repo_publish(r);
    assert_ota_ok(trust_run(w, ATTACK_PATH, false, &unchanged, &err));
    assert_int_equal(w->trust.ts.floor, JAN_2);
    repo_key_free(thief);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ATTACK_TEST(test_attack_freeze_of_root),
        ATTACK_TEST(test_attack_freeze_of_timestamp),
        ATTACK_TEST(test_attack_freeze_of_snapshot),
        ATTACK_TEST(test_attack_freeze_of_targets),
        ATTACK_TEST(test_attack_freeze_of_product),
        ATTACK_TEST(test_attack_freeze_of_rollout),
        ATTACK_TEST(test_attack_clock_below_the_floor),
        ATTACK_TEST(test_attack_issued_far_in_the_future),
        ATTACK_TEST(test_attack_issued_in_the_future_then_recovery),
        ATTACK_TEST(test_attack_issued_beyond_the_product_by_a_role_of_its_name),
    };
    return cmocka_run_group_tests_name("attack_freeze", tests, NULL, NULL);
}
