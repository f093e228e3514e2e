/* SPDX-License-Identifier: Apache-2.0 */
/* Making a workspace's repository, and putting releases into product roles. */
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "host/fs.h"
#include "host/role_file.h"
#include "sign/keyring.h"
#include "sign/sign.h"
#include "store/repo.h"
#include "support/signed_workspace.h"
#include "support/unit.h"

#define T0 1790000000ull

static struct signed_workspace ws;
static struct ota_err err;

static int set_up(void **state) {
    (void)state;
    signed_workspace_make(&ws, T0);
    return 0;
}
static int tear_down(void **state) {
    (void)state;
    signed_workspace_remove(&ws);
    return 0;
}

/* ---- creation --------------------------------------------------------------------------------------------- */

static void test_sign_create_keeps_keys_to_their_owner(void **state) {
    (void)state;
    OTA_CLEAN_FREE char *dir = ota_workspace_path(&ws.w, "keys");
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names names = {0};
    struct stat st;
    assert_int_equal(stat(dir, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_ota_ok(ota_fs_list(dir, &names, &err));
    assert_int_equal(names.count, 9); /* five roles, two products, root.json, last-signed */
    for (size_t i = 0; i < names.count; i++) {
        OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", dir, names.name[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
}

static void test_sign_create_never_overwrites(void **state) {
    (void)state;
    OTA_CLEAN(ota_buf_free) struct ota_buf before = {0}, after = {0};
    assert_ota_ok(ota_repo_role(&ws.w, "timestamp", &before, &err));
    assert_ota(ota_sign_create(&ws.w, T0 + 9, &err), OTA_EXISTS);
    assert_ota_ok(ota_repo_role(&ws.w, "timestamp", &after, &err));
    assert_string_equal(ota_buf_text(&before), ota_buf_text(&after));
}

static void test_sign_create_finishes_what_was_cut_short(void **state) {
    (void)state;
    OTA_CLEAN_FREE char *repo = ota_workspace_path(&ws.w, "state/repo");
    OTA_CLEAN_FREE char *half = ota_workspace_path(&ws.w, "state/.repo-tmp");
    OTA_CLEAN_FREE char *lost = ota_workspace_path(&ws.w, "keys/valve.pem");
    OTA_CLEAN_FREE char *path = ota_workspace_path(&ws.w, "keys/root.pem");
    OTA_CLEAN(ota_key_free) struct ota_key *before = NULL, *after = NULL;
    struct ota_repo_info info;
    assert_ota_ok(ota_key_load(&before, path, &err));
    assert_ota_ok(ota_fs_rename(repo, half, &err));
    assert_ota_ok(ota_fs_remove(lost, &err));
    assert_ota_ok(ota_sign_create(&ws.w, T0 + 9, &err));
    assert_ota_ok(ota_key_load(&after, path, &err));
    assert_string_equal(ota_key_public(before)->keyid, ota_key_public(after)->keyid);
    assert_ota_ok(ota_repo_read(&ws.w, &info, &err));
    assert_int_equal(info.role_count, 7);
    assert_false(ota_fs_exists(half));
    ota_repo_info_free(&info);
}

static void remake_with_products(const char *format, size_t count) {
    static const char *const folders[] = {"state", "keys"};
    for (size_t i = 0; i < OTA_ARRAY_LEN(folders); i++) {
        OTA_CLEAN_FREE char *path = ota_workspace_path(&ws.w, "%s", folders[i]);
        assert_ota_ok(ota_fs_remove_tree(path, &err));
    }
    ws.w.config.product_count = (uint8_t)count;
    for (size_t i = 0; i < count; i++) {
        OTA_CLEAN_FREE char *name = ota_sprintf("%s%02zu", format, i);
        assert_true(ota_span_copy(ota_span_str(name), ws.w.config.product[i].name, OTA_NAME_MAX + 1));
    }
}

static void test_sign_create_holds_twelve_products_of_the_longest_name(void **state) {
    (void)state;
    struct ota_repo_info info;
    remake_with_products("a-product-with-a-very-long-nam", OTA_PRODUCTS_MAX);
    assert_int_equal(strlen(ws.w.config.product[0].name), OTA_NAME_MAX);
    assert_ota_ok(ota_sign_create(&ws.w, T0, &err));
    assert_ota_ok(ota_repo_read(&ws.w, &info, &err));
    assert_int_equal(info.role_count, OTA_PRODUCTS_MAX + 5);
    ota_repo_info_free(&info);
}

static void test_sign_create_refuses_products_named_like_tls_keys(void **state) {
    (void)state;
    remake_with_products("tls-", 1);
    assert_ota(ota_sign_create(&ws.w, T0, &err), OTA_CONFIG);
}

static void test_keyring_refuses_a_folder_others_may_write(void **state) {
    (void)state;
    OTA_CLEAN_FREE char *folder = ota_workspace_path(&ws.w, "keys");
    OTA_CLEAN_FREE char *remedy = ota_sprintf("chmod go-w %s", folder);
    OTA_CLEAN(ota_keyring_free) struct ota_keyring ring = {0};
    static const mode_t shared[] = {0720, 0702, 0777};
    for (size_t i = 0; i < OTA_ARRAY_LEN(shared); i++) {
        assert_int_equal(chmod(folder, shared[i]), 0);
        assert_ota(ota_keyring_load(&ring, folder, &err), OTA_PERMISSION);
        assert_non_null(strstr(err.msg, remedy));
    }
    assert_int_equal(chmod(folder, 0755), 0);
    assert_ota_ok(ota_keyring_load(&ring, folder, &err));
}

static struct ota_signers signers_of(const struct ota_key *a, const struct ota_key *b, uint32_t threshold) {
    struct ota_signers s = {.threshold = threshold, .count = 2};
    s.keyid_crc[0] = ota_keyid_crc(ota_span_str(ota_key_public(a)->keyid));
    s.keyid_crc[1] = ota_keyid_crc(ota_span_str(ota_key_public(b)->keyid));
    return s;
}

static void test_keyring_finds_keys_by_keyid_in_any_file(void **state) {
    (void)state;
    OTA_CLEAN_FREE char *folder = ota_workspace_path(&ws.w, "keys");
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/thermo.pem", folder), *moved = ota_sprintf("%s/valve.old.pem", folder);
    OTA_CLEAN_FREE char *second = ota_sprintf("%s/thermo.2027.pem", folder);
    OTA_CLEAN(ota_keyring_free) struct ota_keyring ring = {0};
    OTA_CLEAN(ota_key_free) struct ota_key *a = NULL, *b = NULL, *away = NULL;
    struct ota_role_keys by;
    assert_ota_ok(ota_key_load(&a, path, &err));
    assert_ota_ok(ota_fs_rename(path, moved, &err));
    assert_ota_ok(ota_key_ensure(&b, second, &err));
    assert_ota_ok(ota_key_generate(&away, &err));
    assert_ota_ok(ota_keyring_load(&ring, folder, &err));
    struct ota_signers two = signers_of(a, b, 1), half = signers_of(a, away, 2);
    ota_keyring_for(&ring, &two, &by);
    assert_int_equal(by.count, 2);
    assert_ota_ok(ota_keyring_need(&ring, "thermo", &two, &by, &err));
    assert_int_equal(by.count, 1); /* no more signatures than are asked for */
    assert_string_equal(ota_key_public(by.key[0])->keyid, ota_key_public(a)->keyid);
    ota_keyring_for(&ring, &half, &by);
    assert_int_equal(by.count, 1);
    assert_ota(ota_keyring_need(&ring, "thermo", &half, &by, &err), OTA_KEY);
}

/* Root's keys sign nothing without a person, and a broken file is told of where its key is missed. */
static void test_keyring_leaves_out_root_tls_and_what_cannot_be_used(void **state) {
    (void)state;
    OTA_CLEAN_FREE char *folder = ota_workspace_path(&ws.w, "keys");
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/thermo.pem", folder), *root = ota_sprintf("%s/root.b.pem", folder);
    OTA_CLEAN_FREE char *tls = ota_sprintf("%s/tls-ca.pem", folder);
    OTA_CLEAN(ota_keyring_free) struct ota_keyring ring = {0};
    OTA_CLEAN(ota_key_free) struct ota_key *a = NULL, *b = NULL, *c = NULL;
    struct ota_role_keys by;
    assert_ota_ok(ota_key_load(&a, path, &err));
    assert_ota_ok(ota_key_ensure(&b, root, &err));
    assert_ota_ok(ota_key_ensure(&c, tls, &err));
    assert_int_equal(chmod(path, 0644), 0);
    assert_ota_ok(ota_keyring_load(&ring, folder, &err));
    assert_ota_ok(ota_keyring_check(&ring, &err));
    struct ota_signers s = signers_of(b, c, 1);
    ota_keyring_for(&ring, &s, &by);
    assert_int_equal(by.count, 0);
    s = signers_of(a, c, 1);
    assert_ota(ota_keyring_need(&ring, "thermo", &s, &by, &err), OTA_KEY);
    assert_non_null(strstr(err.msg, "chmod"));
}

/* ---- releases --------------------------------------------------------------------------------------------- */

static enum ota_status sign_release(const struct ota_release *r, struct ota_buf *out, uint64_t *version) {
    OTA_CLEAN(ota_buf_free) struct ota_buf role = {0}, rollout = {0};
    OTA_CLEAN(ota_key_free) struct ota_key *key = NULL;
    OTA_CLEAN_FREE char *path = ota_workspace_path(&ws.w, "keys/thermo.pem");
    assert_ota_ok(ota_repo_role(&ws.w, "thermo", &role, &err));
    assert_ota_ok(ota_repo_role(&ws.w, "rollout", &rollout, &err));
    assert_ota_ok(ota_key_load(&key, path, &err));
    const struct ota_sign_release in = {{1, {key}}, r, ota_buf_span(&role), ota_buf_span(&rollout), T0};
    return ota_sign_release(&in, out, version, &err);
}

static void test_sign_release_takes_the_next_version_and_counter(void **state) {
    (void)state;
    OTA_CLEAN(ota_buf_free) struct ota_buf role = {0}, out = {0};
    struct ota_release r;
    uint64_t version;
    uint32_t counter;
    assert_ota_ok(ota_repo_role(&ws.w, "thermo", &role, &err));
    assert_ota_ok(ota_sign_next_counter(ota_buf_span(&role), "thermo", &counter, &err));
    assert_int_equal(counter, 1);
    signed_workspace_release(&r, counter, "1.0.0");
    assert_ota_ok(sign_release(&r, &out, &version));
    assert_int_equal(version, 2);
    assert_ota_ok(ota_sign_next_counter(ota_buf_span(&out), "thermo", &counter, &err));
    assert_int_equal(counter, 2);
}

/* Releases up to 14 were lost with a disk. */
static void test_sign_release_stays_above_the_counter_floor(void **state) {
    (void)state;
    OTA_CLEAN(ota_buf_free) struct ota_buf role = {0}, renewed = {0}, out = {0};
    OTA_CLEAN(ota_role_file_free) struct ota_role_file f = {0};
    OTA_CLEAN_FREE char *path = ota_workspace_path(&ws.w, "keys/thermo.pem");
    OTA_CLEAN(ota_key_free) struct ota_key *key = NULL;
    struct ota_release r;
    uint64_t version;
    uint32_t counter;
    assert_ota_ok(ota_repo_role(&ws.w, "thermo", &role, &err));
    assert_ota_ok(ota_key_load(&key, path, &err));
    const struct ota_role_keys by = {1, {key}};
    for (uint32_t floor = 13; floor < 15; floor++) { /* a second one replaces the first */
        ota_role_file_set(&f, "thermo", ota_buf_span(&role));
        assert_ota_ok(ota_role_file_parse(&f, "targets", &err));
        assert_ota_ok(ota_role_renew_product(&f.meta, T0, T0 + 86400, floor, &by, &renewed, &err));
        role.len = 0;
        ota_buf_append(&role, renewed.p, renewed.len);
    }
    assert_ota_ok(ota_sign_next_counter(ota_buf_span(&role), "thermo", &counter, &err));
    assert_int_equal(counter, 15);
    struct ota_sign_release in = {{1, {key}}, &r, ota_buf_span(&role), {0}, T0};
    signed_workspace_release(&r, 14, "1.0.0");
    assert_ota(ota_sign_release(&in, &out, &version, &err), OTA_COUNTER);
    signed_workspace_release(&r, 15, "1.0.0");
    assert_ota_ok(ota_sign_release(&in, &out, &version, &err));
    assert_int_equal(version, T0 + 1);
    assert_ota_ok(ota_sign_next_counter(ota_buf_span(&out), "thermo", &counter, &err));
    assert_int_equal(counter, 16);
}

static void test_sign_release_refuses_what_no_board_would_take(void **state) {
    (void)state;
    OTA_CLEAN(ota_buf_free) struct ota_buf out = {0};
    struct ota_release r;
    uint64_t version;
    signed_workspace_release(&r, 1, "1.0.0");
    r.channel_count = 0;
    assert_ota(sign_release(&r, &out, &version), OTA_CHANNEL);
    signed_workspace_release(&r, 1, "1.0.0");
    r.step[1] = r.step[0];
    (void)snprintf(r.step[1].label, sizeof r.step[1].label, "storage");
    (void)snprintf(r.step[0].file, sizeof r.step[0].file, "a-storage.bin");
    r.step[0].kind = OTA_KIND_DATA;
    (void)snprintf(r.step[0].label, sizeof r.step[0].label, "storage");
    (void)snprintf(r.step[1].label, sizeof r.step[1].label, "%s", OTA_LABEL_APP);
    r.step_count = 2; /* an app with data, and nobody said they are compatible */
    assert_ota(sign_release(&r, &out, &version), OTA_COMPAT);
    r.compat = true;
    assert_ota_ok(sign_release(&r, &out, &version));
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_sign_create_keeps_keys_to_their_owner),
        T(test_sign_create_never_overwrites),
        T(test_sign_create_finishes_what_was_cut_short),
        T(test_sign_create_holds_twelve_products_of_the_longest_name),
        T(test_sign_create_refuses_products_named_like_tls_keys),
        T(test_keyring_refuses_a_folder_others_may_write),
        T(test_keyring_finds_keys_by_keyid_in_any_file),
        T(test_keyring_leaves_out_root_tls_and_what_cannot_be_used),
        T(test_sign_release_takes_the_next_version_and_counter),
        T(test_sign_release_stays_above_the_counter_floor),
        T(test_sign_release_refuses_what_no_board_would_take),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
