/* SPDX-License-Identifier: Apache-2.0 */
/* Fast-forward: whoever held a key signed the highest number there is. Refused is what comes after, until root changes the key. */
#include "support/attack.h"
#include "support/unit.h"

#define HIGHEST 999999999u /* as far as the repository maker counts */

static struct ota_err err;

struct stolen {
    struct repo_key *key[3];
    size_t count;
};

static void replace(struct stolen *s, struct repo_key **key) {
    s->key[s->count++] = *key;
    *key = repo_key_new("P-256");
}
static void free_stolen(struct stolen *s) {
    for (size_t i = 0; i < s->count; i++)
        repo_key_free(s->key[i]);
}

/* Root 2 names new keys for these roles. */
static void rotate(struct trust_world *w, struct stolen *s, bool timestamp, bool snapshot) {
    struct repo *r = &w->repo;
    if (timestamp)
        replace(s, &r->timestamp);
    if (snapshot)
        replace(s, &r->snapshot);
    r->role[OTA_ROLE_TIMESTAMP].key[0] = r->timestamp;
    r->role[OTA_ROLE_SNAPSHOT].key[0] = r->snapshot;
    r->root_version = 2;
}

/* The attacker's version is taken once; the honest one that follows is not. */
static void fast_forward(struct trust_world *w, unsigned *version, const char *reason) {
    struct repo *r = &w->repo;
    unsigned honest = *version + 1;
    bool unchanged;
    *version = HIGHEST;
    if (version != &r->timestamp_version)
        r->timestamp_version++;
    repo_publish(r);
    assert_ota_ok(trust_run(w, ATTACK_PATH, false, &unchanged, &err));
    *version = honest;
    r->timestamp_version = version == &r->timestamp_version ? honest : r->timestamp_version + 1;
    repo_publish(r);
    attack_refused(w, OTA_ROLLBACK, reason);
}

static void test_attack_fast_forward_of_timestamp_and_recovery(void **state) {
    struct trust_world *w = *state;
    struct stolen s = {{0}, 0};
    fast_forward(w, &w->repo.timestamp_version, "timestamp version 2 is older than 999999999");
    rotate(w, &s, true, false);
    attack_is_over(w);
    assert_int_equal(w->trust.ts.version, 3);
    free_stolen(&s);
}

static void test_attack_fast_forward_of_snapshot_and_recovery(void **state) {
    struct trust_world *w = *state;
    struct stolen s = {{0}, 0};
    fast_forward(w, &w->repo.snapshot_version, "snapshot version 2 is older than 999999999");
    rotate(w, &s, false, true);
    attack_is_over(w);
    assert_int_equal(w->trust.snapshot_version, 3);
    free_stolen(&s);
}

/* Named in a snapshot, though nobody signed such a version of targets or of the product. */
static void test_attack_fast_forward_by_a_made_up_version_and_recovery(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    struct stolen s = {{0}, 0};
    unsigned *const versions[] = {&r->thermo_version, &r->targets_version};
    static const char *const files[] = {"999999999.thermo.json", "999999999.targets.json"};
    for (size_t i = 0; i < OTA_ARRAY_LEN(versions); i++) {
        *versions[i] = HIGHEST;
        repo_bump(r);
        repo_publish(r);
        repo_remove(r, files[i]);
        attack_refused_after(w, "ts snapshot roles", OTA_HTTP, files[i]);
    }
    r->targets_version = r->thermo_version = 2;
    repo_bump(r);
    repo_publish(r);
    attack_refused_after(w, "ts", OTA_ROLLBACK, "targets version 2 is older than 999999999");
    rotate(w, &s, true, true);
    attack_is_over(w);
    free_stolen(&s);
}

/* All online keys at once, rollout's too: targets names its new one, root those of the others. */
static void test_attack_fast_forward_of_rollout_and_recovery(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    struct stolen s = {{0}, 0};
    static const char channel[] = "rollout/thermo/stable";
    bool unchanged;
    r->rollout_list = ENTRY("rollout/thermo/stable");
    r->rollout_version = HIGHEST;
    repo_bump(r);
    repo_publish(r);
    assert_ota_ok(trust_run(w, channel, false, &unchanged, &err));
    r->rollout_version = 2;
    repo_bump(r);
    repo_publish(r);
    attack_refused_at(w, channel, "ts", OTA_ROLLBACK, "rollout version 2 is older than 999999999");
    replace(&s, &r->rollout);
    rotate(w, &s, true, true);
    attack_is_over(w);
    assert_ota_ok(trust_run(w, channel, false, &unchanged, &err));
    free_stolen(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ATTACK_TEST(test_attack_fast_forward_of_timestamp_and_recovery),
        ATTACK_TEST(test_attack_fast_forward_of_snapshot_and_recovery),
        ATTACK_TEST(test_attack_fast_forward_by_a_made_up_version_and_recovery),
        ATTACK_TEST(test_attack_fast_forward_of_rollout_and_recovery),
    };
    return cmocka_run_group_tests_name("attack_recovery", tests, NULL, NULL);
}
