/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures added to a role that is made already, and taken over from a copy. */
#include "host/crypto.h"
#include "sign/role.h"
#include "sign/role_sign.h"
#include "support/unit.h"

#define T0 1790000000ull

static struct ota_key *key[3];
static struct ota_err err;

static int make_keys(void **state) {
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(key); i++)
        if (ota_key_generate(&key[i], &err) != OTA_OK)
            return -1;
    return 0;
}
static int free_keys(void **state) {
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(key); i++)
        ota_key_free(&key[i]);
    return 0;
}

/* Keys 0 .. count-1, all of them wanted. */
static struct ota_signers signers(uint8_t count) {
    struct ota_signers s = {.threshold = count, .count = count};
    for (uint8_t i = 0; i < count; i++) {
        const struct ota_key_public *p = ota_key_public(key[i]);
        s.keyid_crc[i] = ota_keyid_crc(ota_span_str(p->keyid));
        assert_ota_ok(ota_public_key_from_pem(ota_span_str(p->pem), &s.key[i], &err));
    }
    return s;
}

static void make_role(struct ota_buf *out, uint64_t version, size_t by) {
    const struct ota_role_keys keys = {.count = 1, .key = {key[by]}};
    const struct ota_role_product role = {.version = version, .expires = T0};
    assert_ota_ok(ota_role_product(&role, &keys, out, &err));
}

static enum ota_status opens(const struct ota_buf *file, const struct ota_signers *s) {
    OTA_CLEAN(ota_role_file_free) struct ota_role_file f = {0};
    ota_role_file_set(&f, "thermo", ota_buf_span(file));
    return ota_role_file_open(&f, "targets", s, &err);
}

static void test_role_sign_adds_a_second_signature(void **state) {
    (void)state;
    OTA_CLEAN(ota_buf_free) struct ota_buf one = {0}, two = {0};
    const struct ota_signers both = signers(2);
    make_role(&one, 4, 0);
    assert_ota(opens(&one, &both), OTA_SIGNATURE);
    assert_ota_ok(ota_role_add_signature(ota_buf_span(&one), key[1], &two, &err));
    assert_ota_ok(opens(&two, &both));
    const char *a = strstr(ota_buf_text(&one), "\"signed\":"), *b = strstr(ota_buf_text(&two), "\"signed\":");
    assert_string_equal(a, b); /* content untouched */
}

static void test_role_sign_replaces_the_same_keys_signature(void **state) {
    (void)state;
    OTA_CLEAN(ota_buf_free) struct ota_buf one = {0}, again = {0};
    const struct ota_signers s = signers(1);
    make_role(&one, 4, 0);
    assert_ota_ok(ota_role_add_signature(ota_buf_span(&one), key[0], &again, &err));
    assert_ota_ok(opens(&again, &s)); /* refused if there were two under one keyid */
}

static void test_role_sign_keeps_raw_newlines_of_a_root(void **state) {
    (void)state;
    OTA_CLEAN(ota_buf_free) struct ota_buf one = {0}, two = {0};
    OTA_CLEAN(ota_role_file_free) struct ota_role_file f = {0};
    struct ota_signers top[OTA_ROLE_COUNT];
    const struct ota_role_by one_key = ota_role_by_key(ota_key_public(key[0]));
    const struct ota_role_root root = {.version = 1, .expires = T0, .by = {one_key, one_key, one_key, one_key}};
    const struct ota_role_keys keys = {.count = 1, .key = {key[0]}};
    assert_ota_ok(ota_role_root(&root, &keys, &one, &err));
    assert_ota_ok(ota_role_add_signature(ota_buf_span(&one), key[1], &two, &err));
    ota_role_file_set(&f, "root", ota_buf_span(&two));
    assert_ota_ok(ota_role_file_open_root(&f, top, &err));
    assert_null(strchr(ota_buf_text(&two), '\n'));
}

static void test_role_sign_is_bounded(void **state) {
    (void)state;
    OTA_CLEAN(ota_buf_free) struct ota_buf file = {0}, next = {0};
    make_role(&file, 1, 0);
    for (unsigned i = 1; i < OTA_ROLE_SIGNATURES_MAX; i++) {
        OTA_CLEAN(ota_key_free) struct ota_key *more = NULL;
        assert_ota_ok(ota_key_generate(&more, &err));
        next.len = 0;
        assert_ota_ok(ota_role_add_signature(ota_buf_span(&file), more, &next, &err));
        struct ota_buf swap = file;
        file = next;
        next = swap;
    }
    assert_ota(ota_role_add_signature(ota_buf_span(&file), key[1], &next, &err), OTA_TOO_LARGE);
}

static void test_role_sign_refuses_what_is_no_role(void **state) {
    (void)state;
    OTA_CLEAN(ota_buf_free) struct ota_buf out = {0};
    static const char *const files[] = {"", "{}", "[]", "{\"signatures\":[],\"signed\":{}}",
                                        "{\"signatures\":[],\"signed\":{\"_type\":\"root\"}}"};
    for (size_t i = 0; i < OTA_ARRAY_LEN(files); i++)
        assert_int_not_equal(ota_role_add_signature(ota_span_str(files[i]), key[0], &out, &err), OTA_OK);
}

static void test_role_sign_says_who_signed(void **state) {
    (void)state;
    OTA_CLEAN(ota_buf_free) struct ota_buf one = {0}, two = {0};
    OTA_CLEAN(ota_role_file_free) struct ota_role_file f = {0};
    const struct ota_signers all = signers(3);
    uint32_t by;
    make_role(&one, 1, 2);
    assert_ota_ok(ota_role_add_signature(ota_buf_span(&one), key[0], &two, &err));
    assert_ota_ok(ota_role_sign_open(ota_buf_span(&two), &f, &err));
    assert_string_equal(f.name, "targets");
    assert_ota_ok(ota_role_signed_by(&f, &all, &by, &err));
    assert_int_equal(by, 5);
}

static void test_role_sign_takes_valid_signatures_only(void **state) {
    (void)state;
    OTA_CLEAN(ota_buf_free) struct ota_buf here = {0}, away = {0}, more = {0}, merged = {0};
    const struct ota_signers both = signers(2);
    size_t taken;
    make_role(&here, 7, 0);
    assert_ota_ok(ota_role_add_signature(ota_buf_span(&here), key[1], &away, &err));
    assert_ota_ok(ota_role_add_signature(ota_buf_span(&away), key[2], &more, &err)); /* nobody asked key 2 */
    assert_ota_ok(ota_role_take_signatures(ota_buf_span(&here), ota_buf_span(&more), &both, &merged, &taken, &err));
    assert_int_equal(taken, 1);
    assert_string_equal(ota_buf_text(&merged), ota_buf_text(&away));

    char *sig = strstr(ota_buf_text(&away), ota_key_public(key[1])->keyid) + OTA_SHA256_HEX_LEN + 40;
    *sig = *sig == '0' ? '1' : '0'; /* broken on its way back */
    merged.len = 0;
    assert_ota_ok(ota_role_take_signatures(ota_buf_span(&here), ota_buf_span(&away), &both, &merged, &taken, &err));
    assert_int_equal(taken, 0);
    assert_string_equal(ota_buf_text(&merged), ota_buf_text(&here));
}

static void test_role_sign_takes_nothing_from_another_role(void **state) {
    (void)state;
    OTA_CLEAN(ota_buf_free) struct ota_buf here = {0}, other = {0}, merged = {0};
    const struct ota_signers s = signers(2);
    size_t taken;
    make_role(&here, 7, 0);
    make_role(&other, 8, 1);
    assert_ota(ota_role_take_signatures(ota_buf_span(&here), ota_buf_span(&other), &s, &merged, &taken, &err),
               OTA_HASH);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_role_sign_adds_a_second_signature),
        cmocka_unit_test(test_role_sign_replaces_the_same_keys_signature),
        cmocka_unit_test(test_role_sign_keeps_raw_newlines_of_a_root),
        cmocka_unit_test(test_role_sign_is_bounded),
        cmocka_unit_test(test_role_sign_refuses_what_is_no_role),
        cmocka_unit_test(test_role_sign_says_who_signed),
        cmocka_unit_test(test_role_sign_takes_valid_signatures_only),
        cmocka_unit_test(test_role_sign_takes_nothing_from_another_role),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
