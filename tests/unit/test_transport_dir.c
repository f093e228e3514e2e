/* SPDX-License-Identifier: Apache-2.0 */
/* The folder transport, the store in memory, the system clock. */
#include <stdio.h>
#include <sys/stat.h>

#include "host/clock.h"
#include "host/fs.h"
#include "host/transport.h"
#include "support/unit.h"

static struct ota_err err;

struct folders {
    char dir[64];
    char *repo, *overlay;
    struct ota_dir_transport t;
};

static void put(const char *root, const char *path, const char *text) {
    OTA_CLEAN_FREE char *full = ota_sprintf("%s/%s", root, path);
    assert_ota_ok(ota_fs_write(full, text, strlen(text), 0644, &err));
}

static int setup(void **state) {
    struct folders *f = ota_calloc(1, sizeof *f);
    (void)snprintf(f->dir, sizeof f->dir, "/tmp/ota-dir-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    f->repo = ota_sprintf("%s/repo", f->dir);
    f->overlay = ota_sprintf("%s/overlay", f->dir);
    const char *roots[] = {f->repo, f->overlay};
    for (size_t i = 0; i < 2; i++) {
        OTA_CLEAN_FREE char *metadata = ota_sprintf("%s/metadata/sub", roots[i]);
        OTA_CLEAN_FREE char *targets = ota_sprintf("%s/targets", roots[i]);
        assert_ota_ok(ota_fs_mkdirs(metadata, 0755, &err));
        assert_ota_ok(ota_fs_mkdirs(targets, 0755, &err));
    }
    put(f->dir, "secret", "secret");
    put(f->repo, "metadata/a.json", "0123456789");
    put(f->repo, "metadata/b.json", "old");
    put(f->overlay, "metadata/b.json", "new");
    put(f->repo, "targets/a.json", "target");
    ota_dir_transport_init(&f->t, f->repo, f->overlay);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct folders *f = *state;
    assert_ota_ok(ota_fs_remove_tree(f->dir, &err));
    free(f->repo);
    free(f->overlay);
    free(f);
    return 0;
}

/* Status; a body goes to text[32]. */
static int get(struct folders *f, const struct ota_request *req, struct ota_response *resp, char *text) {
    const struct ota_transport *p = &f->t.port;
    size_t n = 0, got;
    assert_ota_ok(p->open(p->ctx, req, resp, &err));
    do {
        assert_ota_ok(p->read(p->ctx, text + n, 3, &got, &err));
        n += got;
    } while (got);
    text[n] = '\0';
    p->close(p->ctx);
    assert_int_equal(f->t.fd, -1);
    if (resp->status < 300)
        assert_int_equal(n, resp->length);
    return resp->status;
}

static void test_transport_dir_serves_files_and_overlay(void **state) {
    struct folders *f = *state;
    struct ota_response resp;
    char text[32];
    struct ota_request req = {.address = OTA_ADDRESS_METADATA, .path = "a.json"};
    assert_int_equal(get(f, &req, &resp, text), 200);
    assert_string_equal(text, "0123456789");
    req.path = "b.json";
    assert_int_equal(get(f, &req, &resp, text), 200);
    assert_string_equal(text, "new");
    req = (struct ota_request){.address = OTA_ADDRESS_TARGETS, .path = "a.json"};
    assert_int_equal(get(f, &req, &resp, text), 200);
    assert_string_equal(text, "target");
}

static void test_transport_dir_answers_ranges(void **state) {
    struct folders *f = *state;
    struct ota_response resp;
    char text[32];
    struct ota_request req = {.address = OTA_ADDRESS_METADATA, .path = "a.json", .range_from = 7};
    assert_int_equal(get(f, &req, &resp, text), 206);
    assert_string_equal(text, "789");
    assert_true(resp.range_from == 7 && resp.total == 10);
    req.if_range = "\"tag\"";
    assert_int_equal(get(f, &req, &resp, text), 200);
    assert_string_equal(text, "0123456789");
    req.if_range = NULL;
    req.range_from = 10;
    assert_int_equal(get(f, &req, &resp, text), 416);
    assert_string_equal(text, "");
}

static void test_transport_dir_does_not_leave_the_folder(void **state) {
    struct folders *f = *state;
    static const char *const paths[] = {"",         "/a.json", "..",   "../secret", "../../secret", "sub/../a.json",
                                        "./a.json", "sub//a",  "sub/", "sub",       "none.json",    "a.json/x"};
    struct ota_response resp;
    char text[32];
    for (size_t i = 0; i < OTA_ARRAY_LEN(paths); i++) {
        struct ota_request req = {.address = OTA_ADDRESS_METADATA, .path = paths[i]};
        if (get(f, &req, &resp, text) != 404)
            fail_msg("served: %s", paths[i]);
    }
    struct ota_request api = {.address = OTA_ADDRESS_API, .path = "a.json"};
    assert_int_equal(get(f, &api, &resp, text), 404);
}

static void test_transport_dir_does_not_open_devices(void **state) {
    struct folders *f = *state;
    OTA_CLEAN_FREE char *pipe = ota_sprintf("%s/metadata/pipe.json", f->repo);
    struct ota_response resp;
    char text[32];
    assert_int_equal(mkfifo(pipe, 0600), 0);
    struct ota_request req = {.address = OTA_ADDRESS_METADATA, .path = "pipe.json"};
    assert_int_equal(get(f, &req, &resp, text), 404);
}

static void test_memory_kv_keeps_replaces_and_forgets(void **state) {
    (void)state;
    struct ota_memory_kv *kv = ota_memory_kv_new();
    const struct ota_kv *p = ota_memory_kv_port(kv);
    char out[8];
    size_t len;
    assert_ota(p->get(p->ctx, "a", out, sizeof out, &len, &err), OTA_NOT_FOUND);
    assert_ota_ok(p->set(p->ctx, "a", "12345678", 8, &err));
    assert_ota_ok(p->set(p->ctx, "b", "x", 1, &err));
    assert_ota_ok(p->get(p->ctx, "a", out, sizeof out, &len, &err));
    assert_int_equal(len, 8);
    assert_ota(p->get(p->ctx, "a", out, 7, &len, &err), OTA_TOO_LARGE);
    assert_ota_ok(p->set(p->ctx, "a", "", 0, &err));
    assert_ota_ok(p->get(p->ctx, "a", out, 0, &len, &err));
    assert_int_equal(len, 0);
    assert_ota(p->set(p->ctx, "sixteen-letters!", "x", 1, &err), OTA_KV);
    assert_ota_ok(p->erase(p->ctx, "a", &err));
    assert_ota_ok(p->erase(p->ctx, "a", &err));
    assert_ota(p->get(p->ctx, "a", out, sizeof out, &len, &err), OTA_NOT_FOUND);
    assert_ota_ok(p->get(p->ctx, "b", out, sizeof out, &len, &err));
    ota_memory_kv_free(&kv);
    assert_null(kv);
}

static void test_clock_system_goes_forward(void **state) {
    (void)state;
    const struct ota_clock *c = &ota_clock_system;
    uint64_t first = 0, second = 0, uptime = c->uptime_ms(c->ctx);
    if (!c->now(c->ctx, &first))
        skip();
    assert_true(c->now(c->ctx, &second));
    assert_true(second >= first);
    assert_true(c->uptime_ms(c->ctx) >= uptime);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_transport_dir_serves_files_and_overlay, setup, teardown),
        cmocka_unit_test_setup_teardown(test_transport_dir_answers_ranges, setup, teardown),
        cmocka_unit_test_setup_teardown(test_transport_dir_does_not_leave_the_folder, setup, teardown),
        cmocka_unit_test_setup_teardown(test_transport_dir_does_not_open_devices, setup, teardown),
        cmocka_unit_test(test_memory_kv_keeps_replaces_and_forgets),
        cmocka_unit_test(test_clock_system_goes_forward),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
