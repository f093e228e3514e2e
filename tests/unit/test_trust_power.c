/* SPDX-License-Identifier: Apache-2.0 */
/* The TUF workflow and power: a cut at any access to the store leaves a board that trusts nothing old and goes on. */
#include <stdlib.h>

#include "support/trust_world.h"
#include "support/unit.h"

static struct ota_err err;

/* ---- one rotated key ---- */

/* A board that trusts version 1000 of everything, and a server with root 2, which rotates the timestamp key, and version 20. */
static void rotate_timestamp_key(struct trust_world *w, struct repo_key *stolen, struct repo_key *fresh) {
    struct repo *r = &w->repo;
    bool unchanged;
    repo_kv_free(&w->kv);
    repo_kv_init(&w->kv);
    r->timestamp = stolen;
    r->role[OTA_ROLE_TIMESTAMP].key[0] = stolen;
    r->root_version = 1;
    r->timestamp_version = r->snapshot_version = r->thermo_version = 1000;
    repo_publish(r);
    if (repo_get(r, "2.root.json"))
        repo_remove(r, "2.root.json");
    repo_put(r, "1.root.json", w->root.p, w->root.len);
    assert_ota_ok(trust_run(w, "img/thermo/1/a", false, &unchanged, &err));
    r->timestamp = fresh;
    r->role[OTA_ROLE_TIMESTAMP].key[0] = fresh;
    r->root_version = 2;
    r->timestamp_version = r->snapshot_version = r->thermo_version = 20;
    repo_publish(r);
}

/* Whoever withholds root 2 after the cut, and holds an old timestamp: the board takes neither. */
static void expect_no_replay(struct trust_world *w, struct repo_key *stolen, unsigned cut) {
    struct repo *r = &w->repo;
    struct repo_key *fresh = r->timestamp;
    bool unchanged;
    r->timestamp = stolen;
    r->role[OTA_ROLE_TIMESTAMP].key[0] = stolen;
    r->timestamp_version = r->snapshot_version = r->thermo_version = 500;
    repo_publish(r);
    repo_remove(r, "2.root.json");
    enum ota_status status = trust_run(w, "img/thermo/1/a", false, &unchanged, &err);
    if (status != OTA_ROLLBACK && status != OTA_SIGNATURE)
        fail_msg("cut %u: replayed metadata is answered with %s", cut, ota_status_name(status));
    r->timestamp = fresh;
    r->role[OTA_ROLE_TIMESTAMP].key[0] = fresh;
    r->timestamp_version = r->snapshot_version = r->thermo_version = 21;
    repo_publish(r);
}

/* Cut at every change of the store during a run that follows a rotated root; nothing old is accepted after it, the new always is. */
static void test_trust_survives_a_cut_at_every_write(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    struct repo_key *stolen = r->timestamp, *fresh = repo_key_new("P-256");
    bool unchanged;
    unsigned cuts = 0;
    r->thermo_list = ENTRY("img/thermo/1/a");
    for (unsigned cut = 1;; cut++) {
        rotate_timestamp_key(w, stolen, fresh);
        w->kv.fail_at = w->kv.changes + cut;
        enum ota_status status = trust_run(w, "img/thermo/1/a", true, &unchanged, &err);
        if (status == OTA_OK) {
            assert_false(unchanged);
            break;
        }
        assert_int_equal(status, OTA_KV);
        cuts++;
        w->kv.fail_at = 0;
        expect_no_replay(w, stolen, cut);
        if (trust_run(w, "img/thermo/1/a", true, &unchanged, &err) != OTA_OK)
            fail_msg("cut %u: %s", cut, err.msg);
        assert_int_equal(w->trust.root_version, 2);
        assert_int_equal(w->trust.ts.version, 21);
        assert_string_not_equal(w->trust.ts.etag, "");
    }
    /* rotated, root; forget ts, roles, snapshot, rotated; snapshot; roles, ts. */
    assert_int_equal(cuts, 9);
    repo_key_free(stolen);
}

/* The same without a reset in between: what could not be stored is not in memory either. */
static void test_trust_failed_rotation_is_repeated_in_the_same_boot(void **state) {
    struct trust_world *w = *state;
    struct repo_key *stolen = w->repo.timestamp, *fresh = repo_key_new("P-256");
    bool unchanged;
    w->repo.thermo_list = ENTRY("img/thermo/1/a");
    for (unsigned cut = 1; cut <= 6; cut++) {
        rotate_timestamp_key(w, stolen, fresh);
        assert_ota_ok(trust_boot(w, &err));
        w->kv.fail_at = w->kv.changes + cut;
        assert_ota(ota_trust_refresh(&w->trust, false, &unchanged, &err), OTA_KV);
        w->kv.fail_at = 0;
        assert_ota_ok(ota_trust_finish(&w->trust, false, &err));
        assert_ota_ok(ota_trust_refresh(&w->trust, false, &unchanged, &err));
        assert_ota_ok(trust_open_path(w, "img/thermo/1/a", NULL, &err));
        assert_ota_ok(ota_trust_finish(&w->trust, true, &err));
        assert_int_equal(w->trust.root_version, 2);
        assert_ota_ok(trust_boot(w, &err));
        assert_int_equal(w->trust.ts.version, 20);
    }
    repo_key_free(stolen);
}

/* ---- a whole chain ---- */

#define PATH "img/thermo/1/a"

/* Root 2 rotates the timestamp key and brings a new root key; root 3 drops the old one and rotates the snapshot key. */
struct chain {
    struct repo_key *root[2], *timestamp[2], *snapshot[2]; /* old, new */
};

static void sign_with(struct repo *r, const struct chain *c, size_t timestamp, size_t snapshot) {
    r->timestamp = c->timestamp[timestamp];
    r->snapshot = c->snapshot[snapshot];
    r->role[OTA_ROLE_TIMESTAMP] = (struct repo_role){{r->timestamp}, 1, 1};
    r->role[OTA_ROLE_SNAPSHOT] = (struct repo_role){{r->snapshot}, 1, 1};
}

static void publish_versions(struct repo *r, unsigned version) {
    r->timestamp_version = r->snapshot_version = r->targets_version = r->thermo_version = version;
    repo_publish(r);
}

/* By the old keys; what follows root 1 is withheld. */
static void serve_old(struct trust_world *w, const struct chain *c, unsigned version) {
    static const char *const later[] = {"2.root.json", "3.root.json"};
    struct repo *r = &w->repo;
    sign_with(r, c, 0, 0);
    r->role[OTA_ROLE_ROOT] = (struct repo_role){{c->root[0]}, 1, 1};
    r->root_version = 1;
    publish_versions(r, version);
    for (size_t i = 0; i < OTA_ARRAY_LEN(later); i++)
        if (repo_get(r, later[i]))
            repo_remove(r, later[i]);
}

static void serve_new(struct trust_world *w, const struct chain *c, unsigned version) {
    struct repo *r = &w->repo;
    sign_with(r, c, 1, 0);
    r->role[OTA_ROLE_ROOT] = (struct repo_role){{c->root[0], c->root[1]}, 2, 1};
    r->root_version = 2;
    repo_publish_root(r);
    sign_with(r, c, 1, 1);
    r->role[OTA_ROLE_ROOT] = (struct repo_role){{c->root[1]}, 1, 1};
    r->root_version = 3;
    publish_versions(r, version);
}

/* Old metadata is refused, and after a second cut at the same place the new is still taken. */
static void expect_recovery(struct trust_world *w, const struct chain *c, unsigned cut) {
    bool unchanged;
    w->kv.fail_access = 0;
    serve_old(w, c, 500);
    enum ota_status status = trust_run(w, PATH, false, &unchanged, &err);
    if (status != OTA_ROLLBACK && status != OTA_SIGNATURE)
        fail_msg("cut %u: replayed metadata is answered with %s", cut, ota_status_name(status));
    serve_new(w, c, 21);
    w->kv.fail_access = w->kv.accesses + cut;
    status = trust_run(w, PATH, false, &unchanged, &err);
    if (status != OTA_OK && status != OTA_KV)
        fail_msg("cut %u, second time: %s", cut, err.msg);
    w->kv.fail_access = 0;
    if (trust_run(w, PATH, true, &unchanged, &err) != OTA_OK)
        fail_msg("cut %u: %s", cut, err.msg);
    assert_int_equal(w->trust.root_version, 3);
    assert_int_equal(w->trust.ts.version, 21);
    assert_int_equal(w->trust.snapshot_version, 21);
}

static void test_trust_survives_a_cut_at_every_access_of_a_root_chain(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    struct chain c = {
        {r->root, repo_key_new("P-256")}, {r->timestamp, repo_key_new("P-256")}, {r->snapshot, repo_key_new("P-256")}};
    bool unchanged;
    unsigned cut = 1;
    r->thermo_list = ENTRY(PATH);
    for (;; cut++) {
        repo_kv_free(&w->kv);
        repo_kv_init(&w->kv);
        serve_old(w, &c, 1000);
        assert_ota_ok(trust_run(w, PATH, false, &unchanged, &err));
        serve_new(w, &c, 20);
        w->kv.fail_access = w->kv.accesses + cut;
        enum ota_status status = trust_run(w, PATH, true, &unchanged, &err);
        if (status == OTA_OK)
            break;
        assert_int_equal(status, OTA_KV);
        expect_recovery(w, &c, cut);
    }
    /* Loading: root, ts, roles, rotated, snapshot. Twice: rotated, root; forget ts, roles, snapshot, rotated. Then snapshot, roles, ts. */
    assert_int_equal(cut - 1, 5 + 2 * 6 + 3);
    sign_with(r, &c, 0, 0);
    repo_key_free(c.root[1]);
    repo_key_free(c.timestamp[1]);
    repo_key_free(c.snapshot[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TRUST_TEST(test_trust_survives_a_cut_at_every_write),
        TRUST_TEST(test_trust_failed_rotation_is_repeated_in_the_same_boot),
        TRUST_TEST(test_trust_survives_a_cut_at_every_access_of_a_root_chain),
    };
    return cmocka_run_group_tests_name("trust_power", tests, NULL, NULL);
}
