/* SPDX-License-Identifier: Apache-2.0 */
/* Attacks with names: roles, targets and labels that lead somewhere else. The keys are the right ones, so that only the names are wrong. */
#include <stdio.h>

#include "support/attack.h"
#include "support/unit.h"

static struct ota_err err;

/* No request may leave its folder, whichever way a server or a proxy decodes it. */
static void expect_plain_requests(const struct repo *r) {
    for (size_t i = 0; i < r->requests; i++)
        if (strpbrk(r->request[i], "/\\?#") || strcmp(r->request[i], "..") == 0)
            fail_msg("asked for %s", r->request[i]);
}

/* targets delegates to it, snapshot names it. */
static void test_attack_path_traversal_in_a_role(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    static const char *const names[] = {"../pump",  "../../keys/root", "/etc/passwd",
                                        "./thermo", "%2e%2e%2fpump",   "a?b#c"};
    for (size_t i = 0; i < OTA_ARRAY_LEN(names); i++) {
        OTA_CLEAN_FREE char *delegations =
            ota_sprintf("[{\"keyids\":[\"%s\"],\"name\":\"%s\",\"paths\":[\"img/thermo/*/"
                        "*\"],\"terminating\":false,\"threshold\":1}]",
                        repo_key_id(r->thermo), names[i]);
        OTA_CLEAN_FREE char *entry = ota_sprintf("\"meta\":{\"%s.json\":{\"version\":1},", names[i]);
        r->delegations = delegations;
        r->targets_version++;
        repo_bump(r);
        repo_publish(r);
        OTA_CLEAN_FREE char *snapshot = ota_sprintf("%u.snapshot.json", r->snapshot_version);
        repo_edit_signed(r, snapshot, "\"meta\":{", entry, r->snapshot);
        assert_ota_ok(w->kv.port.erase(w->kv.port.ctx, "snapshot", &err)); /* it named the last round's role */
        attack_refused_after(w, "ts snapshot roles", OTA_HTTP, "the server answered 404");
        expect_plain_requests(r);
        assert_true(r->requests >= 4);
    }
}

/* Names that no file has: refused where they stand. */
static void test_attack_unprintable_role_names(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    static const char *const names[] = {"..\\\\pump", "a\\nb", "\\u001b[2J", ""};
    for (size_t i = 0; i < OTA_ARRAY_LEN(names); i++) {
        OTA_CLEAN_FREE char *delegations =
            ota_sprintf("[{\"keyids\":[\"%s\"],\"name\":\"%s\",\"paths\":[\"img/thermo/*/"
                        "*\"],\"terminating\":false,\"threshold\":1}]",
                        repo_key_id(r->thermo), names[i]);
        r->delegations = delegations;
        r->targets_version++;
        repo_bump(r);
        repo_publish(r);
        attack_refused_after(w, "ts snapshot roles", OTA_METADATA_FIELD, "name");
    }
    r->delegations = NULL;
    attack_is_over(w);
}

/* ---- releases ------------------------------------------------------------------------------------------ */

static void test_attack_path_traversal_in_a_target(void **state) {
    struct world *w = *state;
    static const char *const steps[] = {"\"../1/app.bin\"", "\"..\"",          "\"/app.bin\"", "\"a/app.bin\"",
                                        "\"app..bin\"",     "\"release.txt\"", "\".app.bin\"", "\"app.bin\\u0001\""};
    world_release_2(w, "a");
    for (size_t i = 0; i < OTA_ARRAY_LEN(steps); i++) {
        OTA_CLEAN_FREE char *to = ota_sprintf("\"steps\":[%s],\"version\":\"2.0.0\"", steps[i]);
        w->server->edit = (struct fake_edit){"thermo", "\"steps\":[\"app.bin\"],\"version\":\"2.0.0\"", to};
        fake_server_publish(w->server);
        attack_world_refused(w, OTA_METADATA_FIELD, "release 2");
        assert_int_equal(w->server->image_requests, 0);
    }
    w->server->edit = (struct fake_edit){0};
    fake_server_publish(w->server);
    assert_true(world_run(w));
    world_expect_release_2(w, "a");
}

/* A file in the release's folder that is none of its steps. */
static void test_attack_path_traversal_beside_the_steps(void **state) {
    struct world *w = *state;
    static const char *const rows[][2] = {
        {"../1/app.bin", "app.bin"}, {"a/b.bin", "app.bin"}, {"b.bin", "release.txt"}};
    world_release_2(w, "a");
    for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++) {
        OTA_CLEAN_FREE char *from = ota_sprintf("\"img/thermo/2/%s\":", rows[i][1]);
        OTA_CLEAN_FREE char *to = ota_sprintf("\"img/thermo/2/%s\":{\"length\":1},%s", rows[i][0], from);
        w->server->edit = (struct fake_edit){"thermo", from, to};
        fake_server_publish(w->server);
        attack_world_refused(w, OTA_METADATA_FIELD, rows[i][0]);
        assert_int_equal(w->server->image_requests, 0);
    }
}

/* Data for a partition that is none of an update's business, or for a place that is no label. */
static void test_attack_path_traversal_in_a_label(void **state) {
    struct world *w = *state;
    static const struct {
        const char *label;
        enum ota_status status;
    } rows[] = {
        {"../ota_0", OTA_METADATA_FIELD},
        {"/dev/mtd0", OTA_METADATA_FIELD},
        {"@running", OTA_METADATA_FIELD},
        {"a\\\\b", OTA_METADATA_FIELD},
        {"sto rage", OTA_METADATA_FIELD},
        {"nowhere", OTA_LABEL},
        {"nvs", OTA_LABEL},
        {"otadata", OTA_LABEL},
        {"phy_init", OTA_LABEL},
        {"ota_0", OTA_LABEL},
        {"ota_1", OTA_LABEL},
        {OTA_STATE_LABEL, OTA_LABEL},
        {OTA_ID_LABEL, OTA_LABEL},
        {"Storage", OTA_LABEL},
        {"@ota", OTA_IMAGE_KIND},
    };
    world_release_2(w, "s");
    for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++) {
        OTA_CLEAN_FREE char *to = ota_sprintf("\"label\":\"%s\"", rows[i].label);
        w->server->edit = (struct fake_edit){"thermo", "\"label\":\"storage\"", to};
        fake_server_publish(w->server);
        attack_world_refused(w, rows[i].status, "release 2");
        assert_int_equal(w->server->image_requests, 0);
    }
    w->server->edit = (struct fake_edit){0};
    fake_server_publish(w->server);
    assert_true(world_run(w));
    world_expect_release_2(w, "s");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ATTACK_TEST(test_attack_path_traversal_in_a_role),
        ATTACK_TEST(test_attack_unprintable_role_names),
        ATTACK_WORLD_TEST(test_attack_path_traversal_in_a_target),
        ATTACK_WORLD_TEST(test_attack_path_traversal_beside_the_steps),
        ATTACK_WORLD_TEST(test_attack_path_traversal_in_a_label),
    };
    return cmocka_run_group_tests_name("attack_paths", tests, NULL, NULL);
}
