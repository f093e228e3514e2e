/* SPDX-License-Identifier: Apache-2.0 */
/* The search through delegations: order, bounds, and that nobody signs for another. */
#include <stdlib.h>

#include "support/trust_world.h"
#include "support/unit.h"

static struct ota_err err;

/* ---- delegations ---- */

static void test_trust_says_which_delegation_led_there(void **state) {
    struct trust_world *w = *state;
    struct ota_delegation by;
    bool unchanged;
    w->repo.thermo_list = ENTRY("img/thermo/1/a");
    w->repo.targets_list = ENTRY("top");
    repo_publish(&w->repo);
    assert_ota_ok(trust_run(w, "img/thermo/1/a", false, &unchanged, &err));
    assert_ota_ok(trust_open_path(w, "img/thermo/1/a", &by, &err));
    assert_string_equal(by.name, "thermo");
    assert_string_equal(by.path, "img/thermo/*/*");
    assert_int_equal(by.signers.keyid_crc[0], ota_keyid_crc(ota_span_str(repo_key_id(w->repo.thermo))));
    assert_ota_ok(trust_open_path(w, "top", &by, &err));
    assert_string_equal(by.name, "targets");
}

static void test_trust_a_product_cannot_sign_for_another(void **state) {
    struct trust_world *w = *state;
    bool unchanged;
    static const char *const paths[] = {"img/thermo/1/a", "rollout/thermo/stable", "img/pump/1/2/3", "img/pump/1"};
    w->repo.pump_list =
        ENTRY("img/pump/1") "," ENTRY("img/pump/1/2/3") "," ENTRY("img/thermo/1/a") "," ENTRY("rollout/thermo/stable");
    repo_publish(&w->repo);
    for (size_t i = 0; i < OTA_ARRAY_LEN(paths); i++) {
        enum ota_status wanted = i == 1 ? OTA_DELEGATION : OTA_NOT_FOUND;
        assert_ota(trust_run(w, paths[i], false, &unchanged, &err), wanted);
        assert_false(repo_requested(&w->repo, "1.pump.json"));
    }
}

static char *role_json(const char *name, const char *path, bool terminating, const struct repo_key *key) {
    return ota_sprintf(
        "{\"keyids\":[\"%s\"],\"name\":\"%s\",\"paths\":[\"x\",\"%s\"],\"terminating\":%s,\"threshold\":1}",
        repo_key_id(key), name, path, terminating ? "true" : "false");
}

static void test_trust_searches_in_order_and_stops_at_a_terminating_role(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    bool unchanged;
    OTA_CLEAN_FREE char *pump = role_json("pump", "*", false, r->pump);
    OTA_CLEAN_FREE char *thermo = role_json("thermo", "?", true, r->thermo);
    OTA_CLEAN_FREE char *rollout = role_json("rollout", "*", false, r->rollout);
    OTA_CLEAN_FREE char *all = ota_sprintf("[%s,%s,%s]", pump, thermo, rollout);
    r->delegations = all;
    r->rollout_list = ENTRY("a") "," ENTRY("bb");
    repo_publish(r);
    assert_ota(trust_run(w, "a", false, &unchanged, &err), OTA_DELEGATION);
    assert_string_equal(r->request[r->requests - 2], "1.pump.json");
    assert_string_equal(r->request[r->requests - 1], "1.thermo.json");
    assert_ota_ok(trust_run(w, "bb", false, &unchanged, &err));
    assert_string_equal(r->request[r->requests - 2], "1.pump.json");
    assert_string_equal(r->request[r->requests - 1], "1.rollout.json");
}

/* A terminating role deeper down ends the whole search, what waits above it included. */
static void test_trust_nested_terminating_role_discards_what_waits(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    bool unchanged;
    OTA_CLEAN_FREE char *pump = role_json("pump", "*", false, r->pump);
    OTA_CLEAN_FREE char *thermo = role_json("thermo", "?", true, r->thermo);
    OTA_CLEAN_FREE char *rollout = role_json("rollout", "*", false, r->rollout);
    OTA_CLEAN_FREE char *all = ota_sprintf("[%s,%s]", pump, rollout);
    OTA_CLEAN_FREE char *nested =
        ota_sprintf("{\"_type\":\"targets\",\"delegations\":{\"keys\":{\"%s\":%s},\"roles\":[%s]},",
                    repo_key_id(r->thermo), repo_key_object(r->thermo), thermo);
    r->hashes = false;
    r->delegations = all;
    r->rollout_list = ENTRY("a") "," ENTRY("bb");
    repo_publish(r);
    repo_edit_signed(r, "1.pump.json", "{\"_type\":\"targets\",", nested, r->pump);
    assert_ota(trust_run(w, "a", false, &unchanged, &err), OTA_DELEGATION);
    assert_string_equal(r->request[r->requests - 1], "1.thermo.json");
    assert_ota_ok(trust_run(w, "bb", false, &unchanged, &err));
}

/* Its own path says nothing about what may pass through the roles above it, so the caller is told. */
static void test_trust_says_when_another_role_delegated(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    struct ota_delegation by;
    bool unchanged;
    OTA_CLEAN_FREE char *pump = role_json("pump", "*", false, r->pump);
    OTA_CLEAN_FREE char *thermo = role_json("thermo", "*", false, r->thermo);
    OTA_CLEAN_FREE char *all = ota_sprintf("[%s]", pump);
    OTA_CLEAN_FREE char *below =
        ota_sprintf("{\"_type\":\"targets\",\"delegations\":{\"keys\":{\"%s\":%s},\"roles\":[%s]},",
                    repo_key_id(r->thermo), repo_key_object(r->thermo), thermo);
    r->hashes = false;
    r->delegations = all;
    r->pump_list = ENTRY("a");
    r->thermo_list = ENTRY("b");
    repo_publish(r);
    repo_edit_signed(r, "1.pump.json", "{\"_type\":\"targets\",", below, r->pump);
    assert_ota_ok(trust_run(w, "a", false, &unchanged, &err));
    assert_ota_ok(trust_open_path(w, "a", &by, &err));
    assert_false(by.nested);
    assert_ota_ok(trust_open_path(w, "b", &by, &err));
    assert_string_equal(by.name, "thermo");
    assert_true(by.nested);
}

static void test_trust_visits_a_role_once_and_bounds_what_waits(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    bool unchanged;
    OTA_CLEAN(ota_buf_free) struct ota_buf many = {0};
    OTA_CLEAN_FREE char *pump = role_json("pump", "*", false, r->pump);
    OTA_CLEAN_FREE char *three = ota_sprintf("[%s,%s,%s]", pump, pump, pump);
    r->delegations = three;
    repo_publish(r);
    assert_ota(trust_run(w, "a", false, &unchanged, &err), OTA_NOT_FOUND);
    assert_string_equal(r->request[r->requests - 1], "1.pump.json");
    assert_string_equal(r->request[r->requests - 2], "1.targets.json");
    for (unsigned i = 0; i <= OTA_DELEGATIONS_MAX; i++)
        ota_buf_printf(&many, "%s%s", i ? "," : "[", pump);
    ota_buf_str(&many, "]");
    r->delegations = ota_buf_text(&many);
    r->targets_version++;
    repo_bump(r);
    repo_publish(r);
    assert_ota(trust_run(w, "a", false, &unchanged, &err), OTA_TOO_LARGE);
}

static void test_trust_refuses_bad_delegations(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    bool unchanged;
    char long_path[OTA_DELEGATION_PATH_MAX + 2];
    memset(long_path, '*', sizeof long_path - 1);
    long_path[sizeof long_path - 1] = '\0';
    char *rows[] = {role_json("targets", "*", false, r->pump),
                    role_json("timestamp", "*", false, r->pump),
                    role_json("nowhere", "*", false, r->pump),
                    role_json("", "*", false, r->pump),
                    role_json("a-name-that-is-longer-than-32-bytes", "*", false, r->pump),
                    role_json("pump", long_path, false, r->pump)};
    for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++) {
        OTA_CLEAN_FREE char *list = ota_sprintf("[%s]", rows[i]);
        r->delegations = list;
        repo_publish(r);
        assert_ota(trust_run(w, "a", false, &unchanged, &err), OTA_METADATA_FIELD);
        r->targets_version++;
        repo_bump(r);
        free(rows[i]);
    }
}

/* A role's name comes from metadata: in a path it must not become a folder. */
static void test_trust_asks_for_odd_role_names_in_safe_characters(void **state) {
    struct trust_world *w = *state;
    bool unchanged;
    OTA_CLEAN_FREE char *role = role_json("a/b", "*", false, w->repo.pump);
    OTA_CLEAN_FREE char *list = ota_sprintf("[%s]", role);
    w->repo.delegations = list;
    w->repo.hashes = false;
    repo_publish(&w->repo);
    repo_edit_signed(&w->repo, "1.snapshot.json", "\"meta\":{", "\"meta\":{\"a/b.json\":{\"version\":1},",
                     w->repo.snapshot);
    assert_int_not_equal(trust_run(w, "a", false, &unchanged, &err), OTA_OK);
    assert_true(repo_requested(&w->repo, "1.a%2Fb.json") || repo_requested(&w->repo, "1.a%2fb.json"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TRUST_TEST(test_trust_says_which_delegation_led_there),
        TRUST_TEST(test_trust_a_product_cannot_sign_for_another),
        TRUST_TEST(test_trust_searches_in_order_and_stops_at_a_terminating_role),
        TRUST_TEST(test_trust_nested_terminating_role_discards_what_waits),
        TRUST_TEST(test_trust_says_when_another_role_delegated),
        TRUST_TEST(test_trust_visits_a_role_once_and_bounds_what_waits),
        TRUST_TEST(test_trust_refuses_bad_delegations),
        TRUST_TEST(test_trust_asks_for_odd_role_names_in_safe_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
