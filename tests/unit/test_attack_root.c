/* SPDX-License-Identifier: Apache-2.0 */
/* Attacks on the root chain: a successor that only one side signed, jumps, a chain without end. */
#include <stdio.h>

#include "support/attack.h"
#include "support/unit.h"

static struct ota_err err;

/* 2.root.json lists `next` for itself; the old root's key is r->root. */
static void publish_successor(struct repo *r, const struct repo_key *next) {
    struct repo_role old = r->role[OTA_ROLE_ROOT];
    r->root_version = 2;
    r->role[OTA_ROLE_ROOT] = (struct repo_role){{next}, 1, 1};
    repo_publish_root(r);
    r->root_version = 1;
    r->role[OTA_ROLE_ROOT] = old;
}

/* Whoever has keys of his own names himself. */
static void test_attack_root_without_old_threshold(void **state) {
    struct trust_world *w = *state;
    publish_successor(&w->repo, w->repo.pump);
    attack_refused(w, OTA_SIGNATURE, "2.root.json: by the keys of version 1: 0 of 1");
    repo_remove(&w->repo, "2.root.json");
    attack_is_over(w);
}

/* The old root names keys that have not signed: nobody could ever follow it. */
static void test_attack_root_without_new_threshold(void **state) {
    struct trust_world *w = *state;
    const struct repo_key *old[] = {w->repo.root};
    publish_successor(&w->repo, w->repo.pump);
    attack_sign(&w->repo, "2.root.json", old, 1);
    attack_refused(w, OTA_SIGNATURE, "2.root.json: by its own keys: 0 of 1");
    repo_remove(&w->repo, "2.root.json");
    attack_is_over(w);
}

/* One of two old keys and one of two new ones make neither threshold. */
static void test_attack_root_below_both_thresholds(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    const struct repo_key *both[] = {r->root, r->pump}, *mixed[] = {r->root, r->thermo};
    r->root_version = 2;
    r->role[OTA_ROLE_ROOT] = (struct repo_role){{r->root, r->pump}, 2, 2};
    repo_publish_root(r);
    assert_ota_ok(trust_full_run(w, &err));
    assert_int_equal(w->trust.root_version, 2);
    r->root_version = 3;
    r->role[OTA_ROLE_ROOT] = (struct repo_role){{r->thermo, r->rollout}, 2, 2};
    repo_publish_root(r);
    attack_sign(r, "3.root.json", mixed, 2);
    attack_refused(w, OTA_SIGNATURE, "by the keys of version 2: 1 of 2");
    attack_sign(r, "3.root.json", both, 2);
    attack_refused(w, OTA_SIGNATURE, "by its own keys: 0 of 2");
    repo_remove(r, "3.root.json");
    r->root_version = 2;
    r->role[OTA_ROLE_ROOT] = (struct repo_role){{r->root, r->pump}, 2, 2};
    attack_is_over(w);
}

/* A key that root took out signs nothing any more, not even with the file it is still listed in. */
static void test_attack_root_by_a_retired_key(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    const struct repo_key *both[] = {r->root, r->pump}, *old[] = {r->root};
    publish_successor(r, r->pump);
    attack_sign(r, "2.root.json", both, 2);
    assert_ota_ok(trust_full_run(w, &err));
    r->root_version = 3;
    r->role[OTA_ROLE_ROOT] = (struct repo_role){{r->root}, 1, 1};
    repo_publish_root(r);
    attack_sign(r, "3.root.json", old, 1);
    attack_refused(w, OTA_SIGNATURE, "by the keys of version 2");
}

static void test_attack_root_version_jump(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    static const char *const versions[] = {"\"version\":3}", "\"version\":1}", "\"version\":999999999999999}"};
    r->root_version = 2;
    for (size_t i = 0; i < OTA_ARRAY_LEN(versions); i++) {
        repo_publish_root(r);
        trust_edit_root(w, "\"version\":2}", versions[i]);
        attack_refused(w, OTA_VERSION, "where 2 must follow");
    }
    repo_publish_root(r);
    attack_is_over(w);
    assert_int_equal(w->trust.root_version, 2);
}

/* ---- a chain without end ---- */

/* Every root that is asked for exists, properly signed. */
static struct ota_transport honest;
static unsigned roots;

static enum ota_status open_endless(void *ctx, const struct ota_request *req, struct ota_response *resp,
                                    struct ota_err *e) {
    struct repo *r = ctx;
    unsigned version;
    char role[8], before[32];
    r->requests = 0;
    if (sscanf(req->path, "%u.%7[a-z].json", &version, role) == 2 && strcmp(role, "root") == 0) {
        (void)snprintf(before, sizeof before, "%u.root.json", version - 1);
        if (repo_get(r, before))
            repo_remove(r, before);
        r->root_version = version;
        repo_publish_root(r);
        roots++;
    }
    return honest.open(ctx, req, resp, e);
}

/* One run follows a bounded number, keeps what it verified, and comes to its end; the next one goes on from there. */
static void test_attack_root_endless_chain(void **state) {
    struct trust_world *w = *state;
    honest = w->repo.transport;
    w->repo.transport.open = open_endless;
    roots = 0;
    for (unsigned run = 1; run <= 2; run++) {
        assert_ota_ok(trust_full_run(w, &err));
        assert_int_equal(roots, run * OTA_ROOT_ROTATIONS_MAX);
        assert_int_equal(w->trust.root_version, 1 + run * OTA_ROOT_ROTATIONS_MAX);
        assert_int_equal(w->trust.ts.version, 1);
    }
    assert_ota_ok(trust_boot(w, &err));
    assert_int_equal(w->trust.root_version, 1 + 2 * OTA_ROOT_ROTATIONS_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ATTACK_TEST(test_attack_root_without_old_threshold), ATTACK_TEST(test_attack_root_without_new_threshold),
        ATTACK_TEST(test_attack_root_below_both_thresholds), ATTACK_TEST(test_attack_root_by_a_retired_key),
        ATTACK_TEST(test_attack_root_version_jump),          ATTACK_TEST(test_attack_root_endless_chain),
    };
    return cmocka_run_group_tests_name("attack_root", tests, NULL, NULL);
}
