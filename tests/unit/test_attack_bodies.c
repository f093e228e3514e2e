/* SPDX-License-Identifier: Apache-2.0 */
/* Attacks with bodies: endless, larger than announced, larger than the cap, cut short. Slow ones are in test_curl.c and tests/net/slow.sh. */
#include <stdio.h>
#include <stdlib.h>

#include "support/attack.h"
#include "support/unit.h"

static struct ota_err err;

static const struct {
    const char *name;
    size_t cap;
} files[] = {{"2.root.json", OTA_CAP_ROOT},
             {"timestamp.json", OTA_CAP_TIMESTAMP},
             {"1.targets.json", OTA_CAP_TARGETS},
             {"1.thermo.json", OTA_CAP_PRODUCT},
             {"1.snapshot.json", OTA_CAP_SNAPSHOT}}; /* last: the board must have lost it to read it */

static void forget_snapshot(struct trust_world *w, size_t file) {
    if (strstr(files[file].name, "snapshot"))
        assert_ota_ok(w->kv.port.erase(w->kv.port.ctx, "snapshot", &err));
}

/* ---- endless ------------------------------------------------------------------------------------------- */

static struct ota_transport honest;
static const char *endless;
static bool flowing;
static size_t flowed;

static enum ota_status open_endless(void *ctx, const struct ota_request *req, struct ota_response *resp,
                                    struct ota_err *e) {
    flowing = strcmp(req->path, endless) == 0;
    if (!flowing)
        return honest.open(ctx, req, resp, e);
    *resp = (struct ota_response){.status = 200, .length = OTA_LENGTH_UNKNOWN, .authenticated = true};
    return OTA_OK;
}
static enum ota_status read_endless(void *ctx, void *p, size_t cap, size_t *got, struct ota_err *e) {
    if (!flowing)
        return honest.read(ctx, p, cap, got, e);
    *got = cap < 700 ? cap : 700;
    memset(p, ' ', *got);
    flowed += *got;
    return OTA_OK;
}

/* The board stops one byte behind the cap. */
static void test_attack_endless_body(void **state) {
    struct trust_world *w = *state;
    honest = w->repo.transport;
    w->repo.transport.open = open_endless;
    w->repo.transport.read = read_endless;
    for (size_t i = 0; i < OTA_ARRAY_LEN(files); i++) {
        endless = files[i].name;
        flowed = 0;
        forget_snapshot(w, i);
        attack_refused(w, OTA_TOO_LARGE, "larger than its cap");
        assert_int_equal(flowed, files[i].cap + 1);
    }
    w->repo.transport = honest;
    attack_is_over(w);
}

/* Where the length is signed the board stops there. */
static void test_attack_endless_body_of_a_signed_length(void **state) {
    struct trust_world *w = *state;
    w->repo.hashes = true;
    w->repo.thermo_version = 2;
    repo_bump(&w->repo);
    repo_publish(&w->repo);
    honest = w->repo.transport;
    w->repo.transport.open = open_endless;
    w->repo.transport.read = read_endless;
    endless = "2.thermo.json";
    flowed = 0;
    attack_refused_after(w, "ts snapshot roles", OTA_LENGTH, endless);
    assert_int_equal(flowed, repo_get(&w->repo, endless)->len + 1);
    w->repo.transport = honest;
    attack_is_over(w);
}

/* ---- oversized ----------------------------------------------------------------------------------------- */

static void test_attack_oversized_body(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    OTA_CLEAN_FREE char *big = ota_calloc(1, OTA_METADATA_MAX + 2);
    memset(big, ' ', OTA_METADATA_MAX + 1);
    for (size_t i = 0; i < OTA_ARRAY_LEN(files); i++) {
        repo_publish(r);
        repo_put(r, files[i].name, big, files[i].cap + 1);
        forget_snapshot(w, i);
        for (int hidden = 0; hidden < 2; hidden++) {
            r->hide_length = hidden;
            attack_refused(w, OTA_TOO_LARGE, "larger than its cap");
        }
        r->hide_length = false;
        if (i == 0)
            repo_remove(r, files[0].name);
    }
    attack_is_over(w);
}

/* Content-Length beyond the cap, and beyond what follows. */
static void test_attack_announced_length(void **state) {
    struct trust_world *w = *state;
    w->repo.claim_length = 1u << 30;
    attack_refused(w, OTA_TOO_LARGE, "larger than its cap");
    w->repo.claim_length = OTA_CAP_TIMESTAMP;
    attack_refused(w, OTA_TRUNCATED, "announced");
    w->repo.claim_length = 0;
    attack_is_over(w);
}

/* ---- images -------------------------------------------------------------------------------------------- */

static void expect_recovery(struct world *w) {
    struct fake_server *s = w->server;
    s->fault_path = NULL;
    s->append = s->drop = 0;
    s->announce = 0;
    assert_true(world_run(w));
    world_expect_release_2(w, "a");
}

static void test_attack_endless_image(void **state) {
    struct world *w = *state;
    world_release_2(w, "a");
    w->server->fault_path = "app.bin";
    w->server->announce = OTA_LENGTH_UNKNOWN;
    w->server->append = 1u << 20;
    attack_download_refused(w, OTA_LENGTH, "more than the signed");
    assert_int_equal(w->server->image_bytes, w->two.app.len + 1);
    expect_recovery(w);
}

static void test_attack_oversized_image(void **state) {
    struct world *w = *state;
    world_release_2(w, "a");
    w->server->fault_path = "app.bin";
    w->server->append = 1;
    w->server->announce = w->two.app.len + 1;
    attack_download_refused(w, OTA_LENGTH, "Content-Length");
    assert_int_equal(w->server->image_bytes, 0);
    /* It says the right length and sends more. */
    w->server->announce = w->two.app.len;
    attack_download_refused(w, OTA_LENGTH, "more than the signed");
    expect_recovery(w);
}

static void test_attack_truncated_image(void **state) {
    struct world *w = *state;
    world_release_2(w, "a");
    w->server->fault_path = "app.bin";
    w->server->drop = 1;
    w->server->announce = w->two.app.len;
    attack_download_refused(w, OTA_TRUNCATED, "the download ends after");
    expect_recovery(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ATTACK_TEST(test_attack_endless_body),          ATTACK_TEST(test_attack_endless_body_of_a_signed_length),
        ATTACK_TEST(test_attack_oversized_body),        ATTACK_TEST(test_attack_announced_length),
        ATTACK_WORLD_TEST(test_attack_endless_image),   ATTACK_WORLD_TEST(test_attack_oversized_image),
        ATTACK_WORLD_TEST(test_attack_truncated_image),
    };
    return cmocka_run_group_tests_name("attack_bodies", tests, NULL, NULL);
}
