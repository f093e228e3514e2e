/* SPDX-License-Identifier: Apache-2.0 */
/* A repository of five products in the buffer that a chip has: one full run over every role of it. */
#include "support/trust_world.h"
#include "support/unit.h"

#define PRODUCTS 5u
#define RELEASES 3u

static struct ota_err err;

static const struct repo_key *key_of(const struct repo *r, unsigned product) {
    const struct repo_key *keys[] = {r->thermo, r->pump, r->rollout};
    return keys[product % OTA_ARRAY_LEN(keys)];
}

/* Releases of an app and a data image each, as push writes them. */
static void publish_product(struct repo *r, unsigned product) {
    static const char sha256[] = "3f24c58e5a9f374bf67d92c8bb09ed04c78690d0b2c3d4702736f9e1fb7ecbdf";
    OTA_CLEAN(ota_buf_free) struct ota_buf out = {0};
    char file[32];
    ota_buf_str(&out, "{\"_type\":\"targets\",\"expires\":\"2029-01-01T00:00:00Z\",\"spec_version\":\"1.0.31\","
                      "\"targets\":{");
    for (unsigned i = 1; i <= RELEASES; i++)
        ota_buf_printf(
            &out,
            "%s\"img/p%u/%u/app.bin\":{\"custom\":{\"kind\":\"app\",\"label\":\"@ota\"},\"hashes\":{\"sha256\":\"%s\"},"
            "\"length\":1310720},\"img/p%u/%u/release.txt\":{\"custom\":{\"channels\":[\"beta\",\"stable\"],"
            "\"chip\":\"esp32c3\",\"chip_rev_min\":0,\"compat\":true,\"counter\":%u,\"from_min\":0,\"needs\":[],"
            "\"product\":\"p%u\",\"secure_version\":0,\"steps\":[\"storage.bin\",\"app.bin\"],\"version\":\"%u.0.0\"},"
            "\"hashes\":{\"sha256\":\"%s\"},\"length\":31},\"img/p%u/%u/storage.bin\":{\"custom\":{\"kind\":\"data\","
            "\"label\":\"storage\"},\"hashes\":{\"sha256\":\"%s\"},\"length\":65536}",
            i > 1 ? "," : "", product, i, sha256, product, i, i, product, i, sha256, product, i, sha256);
    ota_buf_str(&out, "},\"version\":1}");
    ota_format(file, sizeof file, "1.p%u.json", product);
    const struct repo_key *key = key_of(r, product);
    repo_sign(r, file, ota_buf_text(&out), &key, 1);
}

static void publish(struct repo *r) {
    OTA_CLEAN(ota_buf_free) struct ota_buf roles = {0}, entries = {0};
    ota_buf_str(&roles, "[");
    ota_buf_str(&entries, "\"meta\":{");
    for (unsigned i = 0; i < PRODUCTS; i++) {
        ota_buf_printf(&roles,
                       "%s{\"keyids\":[\"%s\"],\"name\":\"p%u\",\"paths\":[\"img/p%u/*/*\"],\"terminating\":false,"
                       "\"threshold\":1}",
                       i ? "," : "", repo_key_id(key_of(r, i)), i, i);
        ota_buf_printf(&entries, "\"p%u.json\":{\"version\":1},", i);
        publish_product(r, i);
    }
    ota_buf_str(&roles, "]");
    r->hashes = false;
    r->delegations = ota_buf_text(&roles);
    repo_publish(r);
    repo_edit_signed(r, "1.snapshot.json", "\"meta\":{", ota_buf_text(&entries), r->snapshot);
}

static void test_trust_five_products_fit_the_buffer_of_a_chip(void **state) {
    struct trust_world *w = *state;
    bool unchanged;
    size_t largest = 0;
    publish(&w->repo);
    assert_ota_ok(trust_boot(w, &err));
    assert_ota_ok(ota_trust_refresh(&w->trust, false, &unchanged, &err));
    for (unsigned i = 0; i < PRODUCTS; i++) {
        char path[OTA_TARGET_PATH_MAX];
        ota_format(path, sizeof path, "img/p%u/%u/release.txt", i, RELEASES);
        assert_ota_ok(trust_open_path(w, path, NULL, &err));
    }
    assert_ota_ok(ota_trust_finish(&w->trust, true, &err));
    assert_int_equal(w->trust.role_count, PRODUCTS + 1);
    for (size_t i = 0; i < w->repo.file_count; i++)
        largest = w->repo.file[i].bytes.len > largest ? w->repo.file[i].bytes.len : largest;
    print_message("# largest file: %zu of %u bytes\n", largest, OTA_METADATA_MAX);
    assert_true(largest <= OTA_METADATA_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TRUST_TEST(test_trust_five_products_fit_the_buffer_of_a_chip),
    };
    return cmocka_run_group_tests_name("trust_products", tests, NULL, NULL);
}
