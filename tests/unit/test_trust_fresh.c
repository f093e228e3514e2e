/* SPDX-License-Identifier: Apache-2.0 */
/* What a board may still take for fresh: "not modified", stored records, and the time it judges by. */
#include "support/trust_world.h"
#include "support/unit.h"

#define PATH "img/thermo/1/a"

static struct ota_err err;

static void first_run(struct trust_world *w) {
    bool unchanged;
    w->repo.thermo_list = ENTRY(PATH);
    repo_publish(&w->repo);
    assert_ota_ok(trust_run(w, PATH, false, &unchanged, &err));
}

/* ---- not modified -------------------------------------------------------------------------------------- */

/* Within a day of the last whole run, so that expiry alone sends the board through everything again. */
static void test_trust_not_modified_ends_no_run_once_a_role_expired(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    const char **expires[] = {&r->timestamp_expires, &r->snapshot_expires, &r->targets_expires, &r->thermo_expires};
    for (size_t i = 0; i < OTA_ARRAY_LEN(expires); i++) {
        const char *usual = *expires[i];
        bool unchanged;
        trust_clock_now = JAN_2;
        *expires[i] = "2026-01-02T01:00:00Z";
        r->targets_version++;
        r->thermo_version++;
        repo_bump(r);
        first_run(w);
        assert_ota_ok(trust_run(w, PATH, true, &unchanged, &err));
        assert_true(unchanged);
        trust_clock_now = JAN_2 + 3600;
        assert_ota(trust_run(w, PATH, true, &unchanged, &err), OTA_EXPIRED);
        assert_false(unchanged);
        *expires[i] = usual;
    }
}

static enum ota_status (*repo_open)(void *, const struct ota_request *, struct ota_response *, struct ota_err *);

static enum ota_status open_not_modified(void *ctx, const struct ota_request *req, struct ota_response *resp,
                                         struct ota_err *e) {
    OTA_TRY(repo_open(ctx, req, resp, e));
    if (strcmp(req->path, "timestamp.json") == 0)
        resp->status = 304;
    return OTA_OK;
}

static void test_trust_not_modified_answers_no_other_question(void **state) {
    struct trust_world *w = *state;
    bool unchanged;
    repo_open = w->repo.transport.open;
    w->repo.transport.open = open_not_modified;
    assert_ota(trust_run(w, NULL, false, &unchanged, &err), OTA_HTTP);
    assert_false(unchanged);
}

static void test_trust_refuses_a_stored_snapshot_once_it_expired(void **state) {
    struct trust_world *w = *state;
    first_run(w);
    trust_clock_now = JAN_2 + 40 * DAY;
    w->repo.timestamp_version++;
    w->repo.timestamp_expires = "2026-03-01T00:00:00Z";
    OTA_CLEAN(ota_buf_free) struct ota_buf old = {0};
    const struct ota_buf *b = repo_get(&w->repo, "1.snapshot.json");
    ota_buf_append(&old, b->p, b->len);
    repo_publish(&w->repo);
    repo_put(&w->repo, "1.snapshot.json", old.p, old.len);
    assert_ota(trust_full_run(w, &err), OTA_EXPIRED);
    assert_non_null(strstr(err.msg, "snapshot"));
}

/* ---- the store ----------------------------------------------------------------------------------------- */

static size_t stored(struct trust_world *w, const char *key, uint8_t *out, size_t cap) {
    size_t len = 0;
    assert_ota_ok(w->kv.port.get(w->kv.port.ctx, key, out, cap, &len, &err));
    return len;
}

static void test_trust_a_record_with_one_bit_flipped_counts_as_lost(void **state) {
    struct trust_world *w = *state;
    uint8_t record[512];
    first_run(w);
    size_t len = stored(w, "ts", record, sizeof record);
    for (size_t i = 0; i < len; i++) {
        record[i] ^= 1;
        assert_ota_ok(w->kv.port.set(w->kv.port.ctx, "ts", record, len, &err));
        record[i] ^= 1;
        assert_ota_ok(trust_boot(w, &err));
        assert_int_equal(w->trust.ts.version, 0);
        assert_int_equal(w->trust.ts.floor, 0);
    }
}

static void test_trust_a_record_with_too_many_roles_counts_as_lost(void **state) {
    struct trust_world *w = *state;
    uint8_t record[2048];
    static const uint8_t digest[OTA_SHA256_LEN];
    struct ota_writer out = {.p = record, .cap = sizeof record};
    first_run(w);
    ota_write_u8(&out, OTA_TRUST_RECORD_VERSION);
    ota_write_u8(&out, OTA_SNAPSHOT_ENTRIES_MAX + 1);
    for (unsigned i = 0; i <= OTA_SNAPSHOT_ENTRIES_MAX; i++) {
        ota_write_str(&out, "thermo");
        ota_write_u64(&out, 1);
        ota_write_u64(&out, JAN_2 + DAY);
        ota_write_bytes(&out, digest, sizeof digest);
    }
    ota_write_u32(&out, ota_crc32(0, record, out.len));
    assert_false(out.bad);
    assert_ota_ok(w->kv.port.set(w->kv.port.ctx, "roles", record, out.len, &err));
    assert_ota_ok(trust_boot(w, &err));
    assert_int_equal(w->trust.role_count, 0);
}

/* Whoever wrote to the flash cannot make a board take role versions that nobody signed. */
static void test_trust_a_stored_snapshot_is_verified_again(void **state) {
    struct trust_world *w = *state;
    static uint8_t bytes[OTA_METADATA_MAX + 1];
    first_run(w);
    size_t len = stored(w, "snapshot", bytes, OTA_METADATA_MAX);
    bytes[len] = '\0';
    char *at = strstr((char *)bytes, "2026-02-01");
    assert_non_null(at);
    at[3] = '9';
    assert_ota_ok(w->kv.port.set(w->kv.port.ctx, "snapshot", bytes, len, &err));
    assert_ota_ok(trust_boot(w, &err));
    assert_int_equal(w->trust.snapshot_version, 0);
    assert_int_equal(w->trust.snapshot_count, 0);
}

/* ---- time ---------------------------------------------------------------------------------------------- */

static void test_trust_time_is_never_before_the_build(void **state) {
    struct trust_world *w = *state;
    struct ota_trust_config cfg;
    assert_ota_ok(trust_boot(w, &err));
    cfg = w->trust.cfg;
    cfg.build_time = JAN_2 + 3 * DAY;
    trust_clock_known = false;
    assert_ota_ok(ota_trust_init(&w->trust, &cfg, &err));
    assert_int_equal(w->trust.now, JAN_2 + 3 * DAY);
    assert_true(w->trust.time_unverified);
    trust_clock_known = true; /* a clock that is behind says nothing */
    assert_ota_ok(ota_trust_init(&w->trust, &cfg, &err));
    assert_int_equal(w->trust.now, JAN_2 + 3 * DAY);
}

/* An online role expires soon and is signed anew by the daemon: it bounds no time. */
static void test_trust_issued_may_lie_beyond_the_rollout_role(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    bool unchanged;
    r->hashes = false;
    r->rollout_list = ENTRY("rollout/thermo/stable");
    r->rollout_expires = "2026-01-03T00:00:00Z";
    first_run(w);
    assert_ota_ok(trust_run(w, "rollout/thermo/stable", false, &unchanged, &err));
    r->issued = "2026-01-04T00:00:00Z";
    r->timestamp_version++;
    repo_publish(r);
    assert_ota_ok(trust_run(w, PATH, false, &unchanged, &err));
    assert_int_equal(w->trust.ts.floor, JAN_2 + 2 * DAY);
}

/* The product role that is known already does not stand in for targets of a version that nobody signed. */
static void test_trust_floor_waits_for_the_newest_targets(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    bool unchanged;
    first_run(w);
    const uint64_t floor = w->trust.ts.floor;
    r->targets_version = 2;
    r->issued = "2026-01-05T00:00:00Z";
    repo_bump(r);
    repo_publish(r);
    repo_remove(r, "2.targets.json");
    assert_ota(trust_run(w, PATH, false, &unchanged, &err), OTA_HTTP);
    assert_ota_ok(trust_boot(w, &err));
    assert_int_equal(w->trust.ts.floor, floor);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TRUST_TEST(test_trust_not_modified_ends_no_run_once_a_role_expired),
        TRUST_TEST(test_trust_not_modified_answers_no_other_question),
        TRUST_TEST(test_trust_refuses_a_stored_snapshot_once_it_expired),
        TRUST_TEST(test_trust_a_record_with_one_bit_flipped_counts_as_lost),
        TRUST_TEST(test_trust_a_record_with_too_many_roles_counts_as_lost),
        TRUST_TEST(test_trust_a_stored_snapshot_is_verified_again),
        TRUST_TEST(test_trust_time_is_never_before_the_build),
        TRUST_TEST(test_trust_issued_may_lie_beyond_the_rollout_role),
        TRUST_TEST(test_trust_floor_waits_for_the_newest_targets),
    };
    return cmocka_run_group_tests_name("trust_fresh", tests, NULL, NULL);
}
