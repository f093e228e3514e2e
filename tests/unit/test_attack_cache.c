/* SPDX-License-Identifier: Apache-2.0 */
/* Attacks by caches, and by those who pose as one: a 304 for ever, another file's ETag, a "not found" that is kept too long. */
#include <stdio.h>

#include "support/attack.h"
#include "support/unit.h"

#define LATE "2030-06-01T00:00:00Z"

static struct ota_err err;

/* ---- a transport in between ---------------------------------------------------------------------------- */

static struct ota_transport honest;
static bool replays;       /* every conditional request is answered with 304 */
static bool unasked;       /* every request for the timestamp is */
static const char *etag;   /* the timestamp's, instead of the right one */
static const char *absent; /* answered with 404 unless caches are to be passed over */
static unsigned conditional, past_caches;

static enum ota_status open_between(void *ctx, const struct ota_request *req, struct ota_response *resp,
                                    struct ota_err *e) {
    conditional += req->if_none_match != NULL;
    past_caches += req->no_cache;
    struct ota_request on = *req;
    if (absent && !req->no_cache && strcmp(req->path, absent) == 0)
        on.path = "no such file";
    if ((replays && req->if_none_match) || (unasked && strcmp(req->path, "timestamp.json") == 0)) {
        on.path = "no such file";
        OTA_TRY(honest.open(ctx, &on, resp, e));
        resp->status = 304;
        return OTA_OK;
    }
    OTA_TRY(honest.open(ctx, &on, resp, e));
    if (etag && strcmp(req->path, "timestamp.json") == 0)
        (void)ota_format(resp->etag, sizeof resp->etag, "%s", etag);
    return OTA_OK;
}

static int set_up(void **state) {
    attack_setup(state);
    struct trust_world *w = *state;
    honest = w->repo.transport;
    w->repo.transport.open = open_between;
    replays = unasked = false;
    etag = absent = NULL;
    conditional = past_caches = 0;
    return 0;
}

/* ---- 304 ----------------------------------------------------------------------------------------------- */

/* Each role in turn ends on the tenth; whoever answers 304 to everything is not even asked so any more. */
static void test_attack_304_replayed_past_expiry(void **state) {
    for (size_t i = 0; i < 5; i++) {
        struct trust_world *w = *state;
        struct repo *r = &w->repo;
        const char **ends[] = {&r->timestamp_expires, &r->snapshot_expires, &r->targets_expires, &r->thermo_expires,
                               &r->root_expires};
        static const char *const names[] = {"timestamp", "snapshot", "targets", "thermo", "root"};
        bool unchanged;
        for (size_t k = 0; k < OTA_ARRAY_LEN(ends); k++)
            *ends[k] = k == i ? "2026-01-02T12:00:00Z" : LATE;
        r->root_version = r->targets_version = r->thermo_version = 2;
        repo_bump(r);
        repo_publish(r);
        assert_ota_ok(trust_run(w, ATTACK_PATH, false, &unchanged, &err));
        replays = true;
        trust_clock_now = JAN_2 + 6 * 3600;
        assert_ota_ok(trust_run(w, ATTACK_PATH, true, &unchanged, &err));
        assert_true(unchanged);
        trust_clock_now = JAN_2 + 13 * 3600; /* the daily run is not due yet */
        unsigned before = conditional;
        assert_ota(trust_run(w, ATTACK_PATH, true, &unchanged, &err), OTA_EXPIRED);
        assert_int_equal(conditional, before);
        OTA_CLEAN_FREE char *reason = ota_sprintf("%s version 2 expired", names[i]);
        attack_refused(w, OTA_EXPIRED, reason);
        trust_world_teardown(state);
        set_up(state);
    }
}

/* Unexpired, it hides what is new for a day, not longer. */
static void test_attack_304_replayed_for_days(void **state) {
    struct trust_world *w = *state;
    bool unchanged;
    assert_ota_ok(trust_run(w, ATTACK_PATH, true, &unchanged, &err));
    repo_bump(&w->repo);
    repo_publish(&w->repo);
    replays = true;
    for (unsigned hour = 1; hour < 24; hour++) {
        trust_clock_now = JAN_2 + hour * 3600;
        assert_ota_ok(trust_run(w, ATTACK_PATH, true, &unchanged, &err));
        assert_true(unchanged);
    }
    trust_clock_now = JAN_2 + DAY;
    assert_ota_ok(trust_run(w, ATTACK_PATH, true, &unchanged, &err));
    assert_false(unchanged);
    assert_int_equal(w->trust.ts.version, 2);
}

/* To a request that named no ETag a 304 is no answer. */
static void test_attack_304_unasked(void **state) {
    struct trust_world *w = *state;
    unasked = true;
    attack_refused(w, OTA_HTTP, "timestamp.json: the server answered 304");
    unasked = false;
    attack_is_over(w);
}

/* ---- ETag ---------------------------------------------------------------------------------------------- */

/* The old timestamp is served under the ETag of the new one, which then seems to be known. It is found by the daily run. */
static void test_attack_poisoned_etag(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    bool unchanged;
    static const char of_the_next[] = "\"the next one\"";
    repo_bump(r);
    repo_publish(r);
    etag = of_the_next;
    assert_ota_ok(trust_run(w, ATTACK_PATH, false, &unchanged, &err));
    assert_string_equal(w->trust.ts.etag, of_the_next);
    repo_bump(r);
    repo_publish(r);
    replays = true; /* the honest server: it has that ETag, so nothing changed */
    assert_ota_ok(trust_run(w, ATTACK_PATH, true, &unchanged, &err));
    assert_true(unchanged);
    trust_clock_now = JAN_2 + DAY;
    assert_ota_ok(trust_run(w, ATTACK_PATH, true, &unchanged, &err));
    assert_false(unchanged);
    assert_int_equal(w->trust.ts.version, 3);
}

/* What came with refused bytes is not kept. */
static void test_attack_poisoned_etag_of_refused_bytes(void **state) {
    struct trust_world *w = *state;
    const struct repo_key *wrong[] = {w->repo.pump};
    bool unchanged;
    etag = "\"poison\"";
    attack_sign(&w->repo, "timestamp.json", wrong, 1);
    attack_refused(w, OTA_SIGNATURE, "timestamp.json");
    assert_ota_ok(trust_boot(w, &err));
    assert_string_not_equal(w->trust.ts.etag, etag);
    etag = NULL;
    repo_bump(&w->repo);
    repo_publish(&w->repo);
    assert_ota_ok(trust_run(w, ATTACK_PATH, true, &unchanged, &err));
    assert_false(unchanged);
}

/* ---- a root that is hidden ----------------------------------------------------------------------------- */

/* Root 2 names new keys for timestamp and snapshot. */
static void rotate(struct trust_world *w, struct repo_key *stolen[2]) {
    struct repo *r = &w->repo;
    stolen[0] = r->timestamp;
    stolen[1] = r->snapshot;
    r->timestamp = repo_key_new("P-256");
    r->snapshot = repo_key_new("P-256");
    r->role[OTA_ROLE_TIMESTAMP].key[0] = r->timestamp;
    r->role[OTA_ROLE_SNAPSHOT].key[0] = r->snapshot;
    r->root_version = 2;
    repo_bump(r);
    repo_publish(r);
}

/* A proxy has kept the 404 from before the rotation: the board looks behind it. */
static void test_attack_root_404_cached_across_a_rotation(void **state) {
    struct trust_world *w = *state;
    struct repo_key *stolen[2];
    bool unchanged;
    rotate(w, stolen);
    absent = "2.root.json";
    assert_ota_ok(trust_run(w, ATTACK_PATH, true, &unchanged, &err));
    assert_int_equal(w->trust.root_version, 2);
    assert_int_equal(w->trust.ts.version, 2);
    assert_int_equal(past_caches, 2); /* 2.root.json and 3.root.json */
    /* Where all is well nobody is asked so. */
    assert_ota_ok(trust_run(w, ATTACK_PATH, false, &unchanged, &err));
    assert_int_equal(past_caches, 2);
    repo_key_free(stolen[0]);
    repo_key_free(stolen[1]);
}

/* A server without the root, or a cache that heeds nobody: refused, and good again once the root is there. */
static void test_attack_root_404_for_good(void **state) {
    struct trust_world *w = *state;
    struct repo_key *stolen[2];
    rotate(w, stolen);
    struct ota_buf kept = {0};
    ota_buf_append(&kept, repo_get(&w->repo, "2.root.json")->p, repo_get(&w->repo, "2.root.json")->len);
    repo_remove(&w->repo, "2.root.json");
    attack_refused(w, OTA_SIGNATURE, "timestamp.json: 0 of 1 needed signatures");
    assert_int_equal(past_caches, 1);
    repo_put(&w->repo, "2.root.json", kept.p, kept.len);
    attack_is_over(w);
    ota_buf_free(&kept);
    repo_key_free(stolen[0]);
    repo_key_free(stolen[1]);
}

#define CACHE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, trust_world_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CACHE_TEST(test_attack_304_replayed_past_expiry),
        CACHE_TEST(test_attack_304_replayed_for_days),
        CACHE_TEST(test_attack_304_unasked),
        CACHE_TEST(test_attack_poisoned_etag),
        CACHE_TEST(test_attack_poisoned_etag_of_refused_bytes),
        CACHE_TEST(test_attack_root_404_cached_across_a_rotation),
        CACHE_TEST(test_attack_root_404_for_good),
    };
    return cmocka_run_group_tests_name("attack_cache", tests, NULL, NULL);
}
