/* SPDX-License-Identifier: Apache-2.0 */
/* Key texts that a root in a bundle brought stay where no metadata file is read to, also after the bundle. */
#include "support/unit.h"

#include "core/trust_private.h"
#include "support/trust_world.h"

static struct ota_err err;

static void test_attack_bundle_root_leaves_no_key_unprotected(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    struct ota_trust *t = &w->trust;
    struct ota_trust_bundle b;
    assert_ota_ok(trust_full_run(w, &err));
    const size_t before = t->key_bytes;
    repo_key_free(r->timestamp);
    r->timestamp = repo_key_new("rsa");
    r->role[OTA_ROLE_TIMESTAMP].key[0] = r->timestamp;
    r->root_version = 2;
    r->timestamp_version = r->snapshot_version = 7;
    repo_publish(r);
    assert_ota_ok(ota_trust_bundle_begin(t, &b, &err));
    const struct ota_buf *root = repo_get(r, "2.root.json");
    memcpy(t->cfg.buf, root->p, root->len);
    assert_ota_ok(ota_trust_bundle_root(t, root->len, 2, &err));
    assert_true(t->key_bytes > before);
    const size_t root_keys = t->key_bytes;
    ota_trust_bundle_end(t);
    assert_int_equal(t->key_bytes, root_keys);
    const struct ota_span text = t->signers[OTA_ROLE_TIMESTAMP].key[0].text;
    assert_true(text.p >= t->cfg.buf + ota_trust_room(t));
}

int main(void) {
    const struct CMUnitTest tests[] = {TRUST_TEST(test_attack_bundle_root_leaves_no_key_unprotected)};
    return cmocka_run_group_tests_name("attack_bundle_keys", tests, NULL, NULL);
}
