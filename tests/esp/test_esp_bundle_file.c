/* SPDX-License-Identifier: Apache-2.0 */
/* Bundles from files: installed, found again after the reboot by their path, and gone when the card was pulled. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/transport.h"
#include "ota_esp_private.h"
#include "support/fake_bundle.h"
#include "support/fake_world.h"
#include "support/unit.h"

static struct ota_err err;
static struct world *world;
static char folder[64], file_2[128], file_3[128];
static unsigned taken, given, sets;
static bool busy, store_fails;

/* ---- what it leans on ---------------------------------------------------------------------------------- */

static struct ota_memory_kv *store;

static enum ota_status get(void *ctx, const char *key, void *p, size_t cap, size_t *len, struct ota_err *e) {
    const struct ota_kv *kv = ota_memory_kv_port(store);
    (void)ctx;
    return kv->get(kv->ctx, key, p, cap, len, e);
}

static enum ota_status set(void *ctx, const char *key, const void *p, size_t len, struct ota_err *e) {
    const struct ota_kv *kv = ota_memory_kv_port(store);
    (void)ctx;
    sets++;
    if (store_fails)
        return ota_err_set(e, OTA_KV, "full");
    return kv->set(kv->ctx, key, p, len, e);
}

const struct ota_kv ota_esp_kv = {.get = get, .set = set};

struct ota_agent *ota_esp_take(uint32_t wait_ms) {
    (void)wait_ms;
    assert_int_equal(taken, given);
    if (busy)
        return NULL;
    taken++;
    return world->agent;
}

void ota_esp_give(void) {
    given++;
}

static void write_bundle(const char *path, uint32_t counter) {
    struct fake_bundle made;
    fake_bundle_make(&made, world->server, counter);
    struct ota_buf b = fake_bundle_pack(&made);
    fake_bundle_free(&made);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(b.p, 1, b.len, f), b.len);
    assert_int_equal(fclose(f), 0);
    ota_buf_free(&b);
}

static int setup(void **state) {
    (void)state;
    taken = given = sets = 0;
    busy = store_fails = false;
    store = ota_memory_kv_new();
    world = world_new();
    world->board->bundle = &ota_esp_bundle_file;
    world_settle(world);
    snprintf(folder, sizeof folder, "/tmp/ota-test.XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(file_2, sizeof file_2, "%s/2.otab", folder);
    snprintf(file_3, sizeof file_3, "%s/3.otab", folder);
    (void)world_release_2(world, "a");
    write_bundle(file_2, 2);
    world->server->down = true;
    return 0;
}

static int teardown(void **state) {
    (void)state;
    (void)unlink(file_2);
    (void)unlink(file_3);
    (void)rmdir(folder);
    world_free(world);
    ota_memory_kv_free(&store);
    return 0;
}

static const char *kept(void) {
    static char path[200];
    size_t len = 0;
    struct ota_err unused;
    if (get(NULL, "bundle_file", path, sizeof path - 1, &len, &unused) != OTA_OK)
        return "";
    path[len] = '\0';
    return path;
}

/* The new program knows nothing but what is kept. */
static void reboot(void) {
    assert_true(world->agent->reboot);
    assert_int_equal(taken, given);
    assert_true(world_run(world));
}

/* ---- tests --------------------------------------------------------------------------------------------- */

static void test_esp_bundle_file_is_installed_and_proves_itself(void **state) {
    (void)state;
    assert_ota_ok(ota_esp_install_file(file_2, &err));
    assert_string_equal(kept(), file_2);
    reboot();
    world_expect_release_2(world, "a");
    assert_ota(ota_esp_install_file(file_2, &err), OTA_COUNTER);
    assert_int_equal(sets, 1); /* the same path is not written again */
}

static void test_esp_bundle_file_that_is_gone_proves_by_flash(void **state) {
    (void)state;
    assert_ota_ok(ota_esp_install_file(file_2, &err));
    assert_int_equal(unlink(file_2), 0);
    reboot();
    world_expect_release_2(world, "a");
}

static void test_esp_bundle_file_is_read_to_its_last_byte_for_the_proof(void **state) {
    (void)state;
    assert_ota_ok(ota_esp_install_file(file_2, &err));
    struct stat st;
    assert_int_equal(stat(file_2, &st), 0);
    assert_int_equal(truncate(file_2, st.st_size - 3000), 0);
    assert_true(world->agent->reboot);
    assert_true(world_start(world));
    uint32_t sleep_s;
    assert_ota_ok(ota_run(world->agent, &sleep_s, &err));
    assert_int_equal(world->agent->state, OTA_STATE_CONFIRMING);
    assert_int_equal(world->agent->last.code, OTA_TRUNCATED);
}

/* The path that is kept is the one by which an app that is not confirmed yet must prove itself. */
static void test_esp_bundle_file_keeps_no_path_of_one_that_may_not_begin(void **state) {
    (void)state;
    assert_ota_ok(ota_esp_install_file(file_2, &err));
    assert_ota(ota_esp_install_file(file_3, &err), OTA_NOT_FOUND);
    assert_int_equal(rename(file_2, file_3), 0);
    assert_ota(ota_esp_install_file(file_3, &err), OTA_BUSY);
    assert_string_equal(kept(), file_2);
    assert_int_equal(rename(file_3, file_2), 0);
    reboot();
    world_expect_release_2(world, "a");
}

static void test_esp_bundle_file_needs_no_store_to_be_installed(void **state) {
    (void)state;
    store_fails = true;
    assert_ota_ok(ota_esp_install_file(file_2, &err));
    assert_string_equal(kept(), "");
    reboot();
    world_expect_release_2(world, "a");
}

static void test_esp_bundle_file_says_what_is_wrong(void **state) {
    char path[200];
    (void)state;
    memset(path, 'x', sizeof path);
    path[128] = '\0';
    assert_ota(ota_esp_install_file(path, &err), OTA_ARGUMENT);
    assert_ota(ota_esp_install_file(file_3, &err), OTA_NOT_FOUND);
    assert_non_null(strstr(err.msg, "3.otab: No such file"));
    assert_ota(ota_esp_install_file(folder, &err), OTA_IO);
    busy = true;
    assert_ota(ota_esp_install_file(file_2, &err), OTA_BUSY);
    busy = false;
    assert_int_equal(taken, given);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_esp_bundle_file_is_installed_and_proves_itself),
        TEST(test_esp_bundle_file_that_is_gone_proves_by_flash),
        TEST(test_esp_bundle_file_is_read_to_its_last_byte_for_the_proof),
        TEST(test_esp_bundle_file_keeps_no_path_of_one_that_may_not_begin),
        TEST(test_esp_bundle_file_needs_no_store_to_be_installed),
        TEST(test_esp_bundle_file_says_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
