/* SPDX-License-Identifier: Apache-2.0 */
/* Role writers: what they write is what the core reads, in the form TUF signs. */
#include <stdio.h>

#include "host/crypto.h"
#include "host/role_file.h"
#include "sign/role.h"
#include "support/signed_workspace.h"
#include "support/unit.h"

#define T0 1790000000ull

static struct ota_key *key[3];
static struct ota_role_keys by;
static struct ota_err err;

static int make_keys(void **state) {
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(key); i++)
        if (ota_key_generate(&key[i], &err) != OTA_OK)
            return -1;
    by = (struct ota_role_keys){.count = 1, .key = {key[0]}};
    return 0;
}
static int free_keys(void **state) {
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(key); i++)
        ota_key_free(&key[i]);
    return 0;
}

static struct ota_signers signers_of(const struct ota_role_keys *keys, uint32_t threshold) {
    struct ota_signers s = {.threshold = threshold, .count = (uint8_t)keys->count};
    for (size_t i = 0; i < keys->count; i++) {
        const struct ota_key_public *p = ota_key_public(keys->key[i]);
        s.keyid_crc[i] = ota_keyid_crc(ota_span_str(p->keyid));
        assert_ota_ok(ota_public_key_from_pem(ota_span_str(p->pem), &s.key[i], &err));
    }
    return s;
}

static void open_file(struct ota_role_file *f, const char *type, const struct ota_buf *wire) {
    const struct ota_signers s = signers_of(&by, 1);
    ota_role_file_set(f, type, ota_buf_span(wire));
    assert_ota_ok(ota_role_file_open(f, type, &s, &err));
}

static struct ota_role_by by_key(size_t i) {
    return ota_role_by_key(ota_key_public(key[i]));
}

static void test_role_root_names_each_roles_key(void **state) {
    (void)state;
    OTA_CLEAN(ota_buf_free) struct ota_buf wire = {0};
    OTA_CLEAN(ota_role_file_free) struct ota_role_file f = {0};
    struct ota_signers top[OTA_ROLE_COUNT];
    const struct ota_role_root root = {
        .version = 3,
        .expires = T0,
        .by = {by_key(0), by_key(1), by_key(2), by_key(1)},
    };
    assert_ota_ok(ota_role_root(&root, &by, &wire, &err));
    ota_role_file_set(&f, "root", ota_buf_span(&wire));
    assert_ota_ok(ota_role_file_open_root(&f, top, &err));
    assert_int_equal(f.meta.version, 3);
    assert_int_equal(f.meta.expires, T0);
    for (size_t i = 0; i < OTA_ROLE_COUNT; i++) {
        assert_int_equal(top[i].count, 1);
        assert_int_equal(top[i].threshold, 1);
        assert_int_equal(top[i].keyid_crc[0], ota_keyid_crc(ota_span_str(root.by[i].key[0].keyid)));
    }
    assert_non_null(strstr(ota_buf_text(&wire), "\"consistent_snapshot\":true"));
    assert_non_null(strstr(ota_buf_text(&wire), "\"spec_version\":\"1.0.31\""));
    assert_null(strchr(ota_buf_text(&wire), '\n')); /* the wire form escapes the line feeds of PEM */
    assert_int_equal(wire.p[wire.len - 1], '}');
}

static void test_role_targets_delegates_products_and_then_rollout(void **state) {
    (void)state;
    OTA_CLEAN(ota_buf_free) struct ota_buf wire = {0};
    OTA_CLEAN(ota_role_file_free) struct ota_role_file f = {0};
    static struct ota_role_delegations d;
    struct ota_delegation found;
    bool yes;
    const struct ota_role_targets targets = {1, T0, 2, {{"valve", by_key(1)}, {"thermo", by_key(2)}}, by_key(0)};
    assert_ota_ok(ota_role_targets(&targets, &by, &wire, &err));
    open_file(&f, "targets", &wire);
    assert_ota_ok(ota_role_delegations_read(&f, &d, &err));
    assert_int_equal(d.count, 3);
    assert_string_equal(d.delegation[0].name, "valve");
    assert_string_equal(d.delegation[0].path, "img/valve/*/*");
    assert_false(d.delegation[0].terminating);
    assert_int_equal(d.delegation[1].signers.keyid_crc[0], ota_keyid_crc(ota_span_str(ota_key_public(key[2])->keyid)));
    assert_string_equal(d.delegation[2].name, "rollout");
    assert_true(d.delegation[2].terminating);
    assert_ota_ok(ota_targets_delegation(&f.meta, "rollout/thermo/stable", 0, &ota_crypto_openssl, &found, &yes, &err));
    assert_true(yes);
    assert_string_equal(found.name, "rollout");
    assert_ota_ok(ota_targets_delegation(&f.meta, "img/thermo/1/app.bin", 1, &ota_crypto_openssl, &found, &yes, &err));
    assert_false(yes); /* one role per product, and no other */
}

static void test_role_with_several_keys_has_as_many_signatures(void **state) {
    (void)state;
    OTA_CLEAN(ota_buf_free) struct ota_buf wire = {0};
    OTA_CLEAN(ota_role_file_free) struct ota_role_file f = {0};
    const struct ota_role_product role = {.version = 1, .expires = T0};
    const struct ota_role_keys two = {.count = 2, .key = {key[0], key[1]}};
    const struct ota_role_keys all = {.count = 3, .key = {key[0], key[1], key[2]}};
    struct ota_signers s = signers_of(&all, 2);
    assert_ota_ok(ota_role_product(&role, &two, &wire, &err));
    ota_role_file_set(&f, "thermo", ota_buf_span(&wire));
    assert_ota_ok(ota_role_file_open(&f, "targets", &s, &err));
    s.threshold = 3;
    assert_ota(ota_role_file_open(&f, "targets", &s, &err), OTA_SIGNATURE);
}

static void test_role_without_keys_is_signed_later(void **state) {
    (void)state;
    OTA_CLEAN(ota_buf_free) struct ota_buf wire = {0};
    OTA_CLEAN(ota_role_file_free) struct ota_role_file f = {0};
    const struct ota_role_product role = {.version = 1, .expires = T0};
    const struct ota_role_keys none = {0};
    const struct ota_signers s = signers_of(&by, 1);
    assert_ota_ok(ota_role_product(&role, &none, &wire, &err));
    assert_int_equal(strncmp(ota_buf_text(&wire), "{\"signatures\":[],", 17), 0);
    ota_role_file_set(&f, "thermo", ota_buf_span(&wire));
    assert_ota(ota_role_file_open(&f, "targets", &s, &err), OTA_SIGNATURE);
}

/* What is read back and written again is the same role. */
static void test_role_root_read_back_keeps_keys_and_thresholds(void **state) {
    (void)state;
    OTA_CLEAN(ota_buf_free) struct ota_buf wire = {0}, again = {0};
    OTA_CLEAN(ota_role_file_free) struct ota_role_file f = {0};
    struct ota_role_root root = {3, T0, {by_key(0), by_key(1), by_key(2), by_key(1)}}, back;
    root.by[OTA_ROLE_ROOT] =
        (struct ota_role_by){2, 3, {*ota_key_public(key[0]), *ota_key_public(key[1]), *ota_key_public(key[2])}};
    const struct ota_role_keys none = {0};
    assert_ota_ok(ota_role_root(&root, &none, &wire, &err));
    ota_role_file_set(&f, "root", ota_buf_span(&wire));
    assert_ota_ok(ota_role_file_parse(&f, "root", &err));
    assert_ota_ok(ota_role_root_read(&f.meta, &back, &err));
    assert_int_equal(back.by[OTA_ROLE_ROOT].threshold, 2);
    assert_int_equal(back.by[OTA_ROLE_ROOT].count, 3);
    assert_ota_ok(ota_role_root(&back, &none, &again, &err));
    assert_string_equal(ota_buf_text(&again), ota_buf_text(&wire));
}

static void test_role_targets_read_back_keeps_the_order_of_products(void **state) {
    (void)state;
    OTA_CLEAN(ota_buf_free) struct ota_buf wire = {0}, again = {0};
    OTA_CLEAN(ota_role_file_free) struct ota_role_file f = {0};
    static struct ota_role_targets back;
    const struct ota_role_targets targets = {1, T0, 2, {{"valve", by_key(1)}, {"thermo", by_key(2)}}, by_key(0)};
    assert_ota_ok(ota_role_targets(&targets, &by, &wire, &err));
    open_file(&f, "targets", &wire);
    assert_ota_ok(ota_role_targets_read(&f.meta, &back, &err));
    assert_string_equal(back.product[0].name, "valve");
    assert_ota_ok(ota_role_targets(&back, &by, &again, &err));
    /* Signatures may differ (OpenSSL before 3.2), the content may not. */
    assert_string_equal(strstr(ota_buf_text(&again), "\"signed\""), strstr(ota_buf_text(&wire), "\"signed\""));
}

static void test_role_writers_refuse_thresholds_nobody_can_meet(void **state) {
    (void)state;
    OTA_CLEAN(ota_buf_free) struct ota_buf wire = {0};
    const struct ota_role_root good = {3, T0, {by_key(0), by_key(1), by_key(2), by_key(1)}};
    struct ota_role_root root = good;
    root.by[OTA_ROLE_TARGETS].threshold = 2;
    assert_ota(ota_role_root(&root, &by, &wire, &err), OTA_ARGUMENT);
    root.by[OTA_ROLE_TARGETS].threshold = 0;
    assert_ota(ota_role_root(&root, &by, &wire, &err), OTA_ARGUMENT);
    root = good;
    root.by[OTA_ROLE_SNAPSHOT].count = 0;
    assert_ota(ota_role_root(&root, &by, &wire, &err), OTA_ARGUMENT);
    root = good;
    root.by[OTA_ROLE_ROOT] = (struct ota_role_by){2, 2, {*ota_key_public(key[0]), *ota_key_public(key[0])}};
    assert_ota(ota_role_root(&root, &by, &wire, &err), OTA_ARGUMENT);
}

static void test_role_product_lists_releases_in_key_order(void **state) {
    (void)state;
    OTA_CLEAN(ota_buf_free) struct ota_buf wire = {0};
    OTA_CLEAN(ota_role_file_free) struct ota_role_file f = {0};
    struct ota_release r[4], back;
    static const uint32_t counters[] = {9, 10, 1, 100}; /* as text: 1, 10, 100, 9 */
    const struct ota_release *list[4];
    uint32_t read[4];
    size_t count;
    bool found;
    for (size_t i = 0; i < 4; i++) {
        signed_workspace_release(&r[i], counters[i], "1.0");
        list[i] = &r[i];
    }
    const struct ota_role_product role = {.version = 1, .expires = T0, .count = 4, .release = list};
    assert_ota_ok(ota_role_product(&role, &by, &wire, &err));
    open_file(&f, "targets", &wire); /* the scanner refuses unsorted keys */
    assert_ota_ok(ota_release_counters(&f.meta, "thermo", read, 4, &count, &err));
    assert_int_equal(count, 4);
    assert_int_equal(read[0], 1);
    assert_int_equal(read[3], 100);
    assert_ota_ok(ota_release_read(&f.meta, "thermo", 10, &back, &found, &err));
    assert_true(found);
    assert_memory_equal(back.step[0].sha256, r[1].step[0].sha256, OTA_SHA256_LEN);
}

static void test_role_product_over_its_cap_names_the_remedy(void **state) {
    (void)state;
    OTA_CLEAN(ota_buf_free) struct ota_buf wire = {0};
    struct ota_release r[20];
    const struct ota_release *list[20];
    for (uint32_t i = 0; i < 20; i++) {
        signed_workspace_release(&r[i], i + 1, "1.0");
        list[i] = &r[i];
    }
    const struct ota_role_product role = {.version = 1, .expires = T0, .count = 20, .release = list};
    assert_ota(ota_role_product(&role, &by, &wire, &err), OTA_TOO_LARGE);
    assert_non_null(strstr(err.msg, "6144"));
    assert_non_null(strstr(err.msg, "channels"));
}

static void test_role_rollout_and_snapshot_sort_by_file_name(void **state) {
    (void)state;
    OTA_CLEAN(ota_buf_free) struct ota_buf rollout = {0}, snapshot = {0};
    OTA_CLEAN(ota_role_file_free) struct ota_role_file r = {0}, s = {0};
    static struct ota_rollout list, back;
    static const char *const product[] = {"a", "a-b", "ab"}; /* '-' < '.' < '/' < 'b' */
    struct ota_role_entries entries;
    struct ota_meta_entry entry[3];
    for (size_t i = 0; i < 3; i++) {
        struct ota_rollout_channel *c = ota_rollout_need(&list, product[i], "stable");
        c->channel = (struct ota_channel){.counter = 1,
                                          .permille = 10,
                                          .group_count = 1,
                                          .group = {"*"},
                                          .path_count = 1,
                                          .path = {1},
                                          .salt = "0123456789abcdef"};
        assert_ota_ok(ota_role_entry(product[i], i + 1, ota_span_str("file"), &entry[i], &err));
    }
    ota_rollout_sort(&list);
    const struct ota_role_rollout role = {7, T0, &list};
    assert_ota_ok(ota_role_rollout(&role, &by, &rollout, &err));
    open_file(&r, "targets", &rollout);
    assert_ota_ok(ota_rollout_read(&r.meta, &back, &err));
    assert_int_equal(back.count, 3);
    assert_string_equal(back.entry[0].product, "a-b");
    const struct ota_role_snapshot names = {8, T0, 3, entry};
    assert_ota_ok(ota_role_snapshot(&names, &by, &snapshot, &err));
    open_file(&s, "snapshot", &snapshot);
    assert_ota_ok(ota_role_entries_read(&s, &entries, &err));
    assert_int_equal(entries.count, 3);
    assert_string_equal(entries.entry[0].name, "a-b");
    assert_int_equal(entries.entry[0].version, 2);
    assert_int_equal(entries.entry[0].length, 4);
}

static void test_role_timestamp_says_when_it_was_issued(void **state) {
    (void)state;
    OTA_CLEAN(ota_buf_free) struct ota_buf wire = {0};
    OTA_CLEAN(ota_role_file_free) struct ota_role_file f = {0};
    struct ota_role_timestamp role = {.version = T0, .expires = T0 + 60, .issued = T0};
    uint64_t issued;
    bool found;
    assert_ota_ok(ota_role_entry("snapshot", 5, ota_span_str("file"), &role.snapshot, &err));
    assert_ota_ok(ota_role_timestamp(&role, &by, &wire, &err));
    open_file(&f, "timestamp", &wire);
    assert_ota_ok(ota_timestamp_issued(&f.meta, &issued, &found, &err));
    assert_true(found);
    assert_int_equal(issued, T0);
    assert_int_equal(f.meta.expires, T0 + 60);
}

static void test_role_renewal_changes_version_and_expiry_alone(void **state) {
    (void)state;
    OTA_CLEAN(ota_buf_free) struct ota_buf wire = {0}, renewed = {0};
    OTA_CLEAN(ota_role_file_free) struct ota_role_file f = {0}, g = {0};
    struct ota_release r;
    const struct ota_release *list[] = {&r};
    signed_workspace_release(&r, 1, "say \"1\" \\ \xc3\xa9");
    const struct ota_role_product role = {.version = 1, .expires = T0, .count = 1, .release = list};
    assert_ota_ok(ota_role_product(&role, &by, &wire, &err));
    open_file(&f, "targets", &wire);
    assert_ota_ok(ota_role_renew(&f.meta, 2, T0 + 86400, OTA_CAP_PRODUCT, &by, &renewed, &err));
    open_file(&g, "targets", &renewed);
    assert_int_equal(g.meta.version, 2);
    assert_int_equal(g.meta.expires, T0 + 86400);
    struct ota_value before, after;
    assert_ota_ok(ota_scan_get(&f.meta.signed_value, "targets", &before, &err));
    assert_ota_ok(ota_scan_get(&g.meta.signed_value, "targets", &after, &err));
    assert_true(ota_span_equal(before.raw, after.raw));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_role_root_names_each_roles_key),
        cmocka_unit_test(test_role_targets_delegates_products_and_then_rollout),
        cmocka_unit_test(test_role_with_several_keys_has_as_many_signatures),
        cmocka_unit_test(test_role_without_keys_is_signed_later),
        cmocka_unit_test(test_role_root_read_back_keeps_keys_and_thresholds),
        cmocka_unit_test(test_role_targets_read_back_keeps_the_order_of_products),
        cmocka_unit_test(test_role_writers_refuse_thresholds_nobody_can_meet),
        cmocka_unit_test(test_role_product_lists_releases_in_key_order),
        cmocka_unit_test(test_role_product_over_its_cap_names_the_remedy),
        cmocka_unit_test(test_role_rollout_and_snapshot_sort_by_file_name),
        cmocka_unit_test(test_role_timestamp_says_when_it_was_issued),
        cmocka_unit_test(test_role_renewal_changes_version_and_expiry_alone),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
