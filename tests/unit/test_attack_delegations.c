/* SPDX-License-Identifier: Apache-2.0 */
/* Attacks through delegations and releases: one product's key for another product, products named like roles, unknown needs. */
#include "support/attack.h"
#include "support/unit.h"

/* pump's key writes thermo's role; and pump's role lists thermo's files. */
static void test_attack_product_key_of_another_product(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    const struct repo_key *pump[] = {r->pump};
    attack_sign(r, "1.thermo.json", pump, 1);
    attack_refused(w, OTA_SIGNATURE, "1.thermo.json: 0 of 1 needed signatures");
    static const char *const paths[] = {"img/thermo/2/release.txt", "img/thermo/2/app.bin", "img/pump/../thermo/2/a"};
    r->pump_list =
        ENTRY("img/pump/../thermo/2/a") "," ENTRY("img/thermo/2/app.bin") "," ENTRY("img/thermo/2/release.txt");
    r->pump_version = 2;
    repo_bump(r);
    repo_publish(r);
    for (size_t i = 0; i < OTA_ARRAY_LEN(paths); i++) {
        attack_refused_at(w, paths[i], "ts snapshot", OTA_NOT_FOUND, "is not in the repository");
        assert_false(repo_requested(r, "2.pump.json"));
    }
    attack_is_over(w);
}

/* The rollout key, which the server holds, is no product's key and lists no image. */
static void test_attack_rollout_role_lists_images(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    r->rollout_list = ENTRY("img/thermo/2/app.bin") "," ENTRY("img/thermo/2/release.txt");
    r->rollout_version = 2;
    repo_bump(r);
    repo_publish(r);
    attack_refused_at(w, "img/thermo/2/release.txt", "ts snapshot", OTA_NOT_FOUND, "is not in the repository");
    /* Nor does a product open channels: rollout's delegation ends the search. */
    r->thermo_list = ENTRY(ATTACK_PATH) "," ENTRY("rollout/thermo/stable");
    r->thermo_version = 2;
    repo_bump(r);
    repo_publish(r);
    attack_refused_at(w, "rollout/thermo/stable", "ts snapshot roles", OTA_DELEGATION, "is not listed by the role");
    attack_is_over(w);
}

/* A delegation named like a top-level role would be fetched as that role's file. */
static void test_attack_products_named_like_roles(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    for (int role = 0; role < OTA_ROLE_COUNT; role++) {
        const char *name = ota_role_name((enum ota_role)role);
        OTA_CLEAN_FREE char *delegations =
            ota_sprintf("[{\"keyids\":[\"%s\"],\"name\":\"%s\",\"paths\":[\"img/thermo/*/"
                        "*\"],\"terminating\":false,\"threshold\":1}]",
                        repo_key_id(r->thermo), name);
        OTA_CLEAN_FREE char *reason = ota_sprintf("a delegation to the top-level role %s", name);
        r->delegations = delegations;
        r->targets_version++;
        repo_bump(r);
        repo_publish(r);
        attack_refused_after(w, "ts snapshot roles", OTA_METADATA_FIELD, reason);
        assert_true(ota_name_reserved(ota_span_str(name))); /* and no product is made with it */
    }
    assert_true(ota_name_reserved(ota_span_str("rollout")));
    r->delegations = NULL;
    attack_is_over(w);
}

/* A product named rollout, delegated before the real one: its key signs no channel, because its path is another. */
static void test_attack_product_named_rollout(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    OTA_CLEAN_FREE char *delegations = ota_sprintf(
        "[{\"keyids\":[\"%s\"],\"name\":\"rollout\",\"paths\":[\"img/rollout/*/"
        "*\"],\"terminating\":false,\"threshold\":1},"
        "{\"keyids\":[\"%s\"],\"name\":\"rollout\",\"paths\":[\"rollout/*/*\"],\"terminating\":true,\"threshold\":1}]",
        repo_key_id(r->pump), repo_key_id(r->rollout));
    const struct repo_key *pump[] = {r->pump};
    r->delegations = delegations;
    r->rollout_list = ENTRY("rollout/thermo/stable");
    r->targets_version = r->rollout_version = 2;
    repo_bump(r);
    repo_publish(r);
    attack_sign(r, "2.rollout.json", pump, 1);
    attack_refused_at(w, "rollout/thermo/stable", "ts snapshot roles", OTA_SIGNATURE, "2.rollout.json");
}

/* What an agent does not know it does not do by halves. */
static void test_attack_unknown_needs(void **state) {
    struct world *w = *state;
    struct ota_release *r = world_release_2(w, "a");
    r->need_count = 1;
    strcpy(r->need[0], "teleport");
    fake_server_publish(w->server);
    attack_world_refused(w, OTA_NEEDS, "teleport");
    assert_int_equal(w->server->image_requests, 0);
    r->need_count = 0;
    fake_server_publish(w->server);
    assert_true(world_run(w));
    world_expect_release_2(w, "a");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ATTACK_TEST(test_attack_product_key_of_another_product),
        ATTACK_TEST(test_attack_rollout_role_lists_images),
        ATTACK_TEST(test_attack_products_named_like_roles),
        ATTACK_TEST(test_attack_product_named_rollout),
        ATTACK_WORLD_TEST(test_attack_unknown_needs),
    };
    return cmocka_run_group_tests_name("attack_delegations", tests, NULL, NULL);
}
