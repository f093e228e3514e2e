/* SPDX-License-Identifier: Apache-2.0 */
/* Attacks that put together what does not belong together: roles of two publications, images of two releases, one role as another. */
#include <stdio.h>

#include "support/attack.h"
#include "support/unit.h"

static struct ota_err err;

/* The bytes of `from` are served as `name`. */
static void serve_as(struct repo *r, const char *from, const char *name) {
    const struct ota_buf *b = repo_get(r, from);
    OTA_CLEAN(ota_buf_free) struct ota_buf copy = {0};
    ota_buf_append(&copy, b->p, b->len);
    repo_put(r, name, copy.p, copy.len);
}

/* Version 2 of every role, the product's with one path more; version 1 stays where it is. */
static void publish_version_2(struct trust_world *w, bool hashes, const char *list) {
    struct repo *r = &w->repo;
    r->hashes = hashes;
    r->targets_version = r->thermo_version = r->snapshot_version = r->timestamp_version = 2;
    r->thermo_list = list;
    repo_publish(r);
}

/* Each as long as the right one, so that only the hash can tell. */
static void test_attack_mix_and_match_by_hash(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    static const char *const mixed[][2] = {{"1.snapshot.json", "2.snapshot.json"},
                                           {"1.targets.json", "2.targets.json"},
                                           {"1.thermo.json", "2.thermo.json"}};
    publish_version_2(w, true, ENTRY(ATTACK_PATH));
    for (size_t i = 0; i < OTA_ARRAY_LEN(mixed); i++) {
        serve_as(r, mixed[i][1], "right");
        size_t len = repo_get(r, "right")->len;
        serve_as(r, mixed[i][0], mixed[i][1]);
        struct ota_buf *wrong = repo_get(r, mixed[i][1]);
        while (wrong->len < len)
            ota_buf_str(wrong, " ");
        wrong->len = len;
        attack_refused_after(w, "ts snapshot roles", OTA_HASH, mixed[i][1]);
        attack_refused(w, OTA_HASH, mixed[i][1]);
        serve_as(r, "right", mixed[i][1]);
    }
    attack_is_over(w);
}

static void test_attack_mix_and_match_by_length(void **state) {
    struct trust_world *w = *state;
    static const char longer[] = ENTRY(ATTACK_PATH) "," ENTRY("img/thermo/2/a");
    publish_version_2(w, true, longer);
    serve_as(&w->repo, "1.thermo.json", "2.thermo.json");
    attack_refused_after(w, "ts snapshot roles", OTA_LENGTH, "2.thermo.json");
    attack_refused(w, OTA_LENGTH, "2.thermo.json");
    w->repo.hide_length = true;
    attack_refused(w, OTA_LENGTH, "2.thermo.json");
    w->repo.hide_length = false;
    attack_is_over(w);
}

/* Without hashes, as other signers publish: the number inside must be the one its parent names. */
static void test_attack_mix_and_match_by_version(void **state) {
    struct trust_world *w = *state;
    publish_version_2(w, false, ENTRY(ATTACK_PATH));
    static const char *const mixed[][2] = {{"1.snapshot.json", "2.snapshot.json"},
                                           {"1.targets.json", "2.targets.json"},
                                           {"1.thermo.json", "2.thermo.json"}};
    for (size_t i = 0; i < OTA_ARRAY_LEN(mixed); i++) {
        publish_version_2(w, false, ENTRY(ATTACK_PATH));
        serve_as(&w->repo, mixed[i][0], mixed[i][1]);
        attack_refused_after(w, "ts snapshot roles", OTA_VERSION, mixed[i][1]);
        attack_refused(w, OTA_VERSION, mixed[i][1]);
    }
    attack_is_over(w);
}

/* One key signs for every top-level role, and what it signed for one is served as another. */
static void test_attack_mix_and_match_by_swapped_type(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    static const char *const names[] = {"3.root.json", "timestamp.json", "2.targets.json", "2.snapshot.json"};
    static const char *const sources[] = {"2.root.json", "timestamp.copy", "2.targets.json", "2.snapshot.json"};
    for (int role = 0; role < OTA_ROLE_COUNT; role++)
        r->role[role] = (struct repo_role){{r->root}, 1, 1};
    r->root_version = 2;
    repo_publish(r);
    const struct repo_key *own[] = {r->root};
    attack_sign(r, "2.root.json", own, 1);
    publish_version_2(w, false, ENTRY(ATTACK_PATH));
    assert_ota_ok(trust_full_run(w, &err));
    for (size_t i = 0; i < OTA_ARRAY_LEN(names); i++) {
        for (size_t k = 0; k < OTA_ARRAY_LEN(sources); k++) {
            if (i == k)
                continue;
            publish_version_2(w, false, ENTRY(ATTACK_PATH));
            serve_as(r, "timestamp.json", "timestamp.copy");
            serve_as(r, sources[k], names[i]);
            if (i == 3)
                assert_ota_ok(w->kv.port.erase(w->kv.port.ctx, "snapshot", &err));
            attack_refused(w, OTA_METADATA_TYPE, names[i]);
            if (repo_get(r, "3.root.json"))
                repo_remove(r, "3.root.json");
        }
    }
    attack_is_over(w);
}

/* ---- images -------------------------------------------------------------------------------------------- */

static void serve_image(struct world *w, uint32_t counter, const char *file, const struct ota_buf *bytes) {
    struct fake_file *f = fake_server_served(w->server, counter, file);
    f->bytes.len = 0;
    ota_buf_append(&f->bytes, bytes->p, bytes->len);
}

/* Release 2's app comes with release 1's storage, and the other way round. */
static void test_attack_images_of_two_releases(void **state) {
    struct world *w = *state;
    world_release_2(w, "sa");
    serve_image(w, 2, "storage.bin", &w->one.bootloader);
    attack_download_refused(w, OTA_LENGTH, "storage");
    serve_image(w, 2, "storage.bin", &w->one.storage);
    attack_download_refused(w, OTA_HASH, "storage");
    serve_image(w, 2, "storage.bin", &w->two.storage);
    serve_image(w, 2, "app.bin", &w->one.app);
    attack_download_refused(w, OTA_HASH, "@ota");
    serve_image(w, 2, "app.bin", &w->two.app);
    assert_true(world_run(w));
    world_expect_release_2(w, "sa");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ATTACK_TEST(test_attack_mix_and_match_by_hash),        ATTACK_TEST(test_attack_mix_and_match_by_length),
        ATTACK_TEST(test_attack_mix_and_match_by_version),     ATTACK_TEST(test_attack_mix_and_match_by_swapped_type),
        ATTACK_WORLD_TEST(test_attack_images_of_two_releases),
    };
    return cmocka_run_group_tests_name("attack_mix_and_match", tests, NULL, NULL);
}
