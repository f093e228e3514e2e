/* SPDX-License-Identifier: Apache-2.0 */
/* One metadata file: keys, entries, delegations, targets. Signatures and envelopes are judged in test_trust_bytes. */
#include "host/crypto.h"
#include "ota/metadata.h"
#include "support/repo_maker.h"
#include "support/unit.h"

static struct ota_err err;
static const struct ota_crypto *const crypto = &ota_crypto_openssl;

/* An unsigned file of `type` with these further members of "signed" (keys after "_type", before "version"). */
static struct ota_metadata parsed(char **text, const char *type, const char *more) {
    struct ota_metadata m;
    *text = ota_sprintf("{\"signatures\":[],\"signed\":{\"_type\":\"%s\",%s,\"version\":1}}", type, more);
    size_t len = strlen(*text);
    assert_ota_ok(ota_metadata_parse((uint8_t *)*text, &len, type, &m, &err));
    return m;
}

#define HEADER "\"expires\":\"2030-01-01T00:00:00Z\""
#define SPEC "\"spec_version\":\"1.0.31\""

static void test_metadata_path_patterns(void **state) {
    (void)state;
    static const struct {
        const char *pattern, *path;
        bool match;
    } rows[] = {
        {"img/thermo/*/*", "img/thermo/37/app.bin", true},
        {"img/thermo/*/*", "img/thermo/37/", true},
        {"img/thermo/*/*", "img/thermo/37", false},
        {"img/thermo/*/*", "img/thermo/37/a/b", false},
        {"img/thermo/*/*", "img/thermos/37/a", false},
        {"img/thermo/*/*", "ximg/thermo/37/a", false},
        {"*", "a", true},
        {"*", "", true},
        {"*", "a/b", false},
        {"**", "a/b", false},
        {"*/*", "a/b", true},
        {"?", "a", true},
        {"?", "", false},
        {"?", "/", false},
        {"a?c", "abc", true},
        {"a?c", "ac", false},
        {"*.bin", "app.bin", true},
        {"*.bin", "app.bin.bin", true},
        {"*.bin", "app.bin.z", false},
        {"a*b*c", "aXbYc", true},
        {"a*b*c", "abbbc", true},
        {"a*b*c", "abcb", false},
        {"*a/*b", "xa/yb", true},
        {"*a/*b", "x/a/yb", false},
        {"", "", true},
        {"", "a", false},
        {"[ab]", "a", false},
        {"\\*", "*", false},
    };
    for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++)
        if (ota_path_matches(ota_span_str(rows[i].pattern), ota_span_str(rows[i].path)) != rows[i].match)
            fail_msg("%s against %s", rows[i].pattern, rows[i].path);
}

static void test_metadata_reads_pem_with_and_without_last_newline(void **state) {
    (void)state;
    struct repo_key *k = repo_key_new("P-256");
    struct ota_span pem = repo_key_pem(k);
    struct ota_public_key a, b;
    assert_ota_ok(ota_public_key_from_pem(pem, &a, &err));
    pem.len--;
    assert_ota_ok(ota_public_key_from_pem(pem, &b, &err));
    assert_true(ota_public_key_equal(&a, &b));
    pem.len--;
    assert_ota(ota_public_key_from_pem(pem, &b, &err), OTA_KEY);
    for (size_t n = 0; n < pem.len; n++)
        assert_ota(ota_public_key_from_pem((struct ota_span){pem.p, n}, &b, &err), OTA_KEY);
    OTA_CLEAN_FREE char *more = ota_sprintf("%.*s-\nx", (int)pem.len, (const char *)pem.p);
    assert_ota(ota_public_key_from_pem(ota_span_str(more), &b, &err), OTA_KEY);
    repo_key_free(k);
}

static void test_metadata_refuses_pem_of_other_keys(void **state) {
    (void)state;
    static const char *const types[] = {"P-384", "rsa", "ed25519"};
    struct ota_public_key key;
    for (size_t i = 0; i < OTA_ARRAY_LEN(types); i++) {
        struct repo_key *k = repo_key_new(types[i]);
        assert_ota(ota_public_key_from_pem(repo_key_pem(k), &key, &err), OTA_KEY);
        repo_key_free(k);
    }
    /* A compressed point. */
    assert_ota(ota_public_key_from_pem(ota_span_str("-----BEGIN PUBLIC KEY-----\n"
                                                    "MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgACaxfR8uEsQkf4vOblY6RA8ncDfYEt\n"
                                                    "6zOg9KE5RdiYwpY=\n-----END PUBLIC KEY-----\n"),
                                       &key, &err),
               OTA_KEY);
}

static void test_metadata_old_keytype_is_the_same_key(void **state) {
    (void)state;
    struct repo_key *k = repo_key_new("P-256");
    struct ota_public_key key[2];
    for (int old = 0; old < 2; old++) {
        const char *rest = repo_key_object(k) + strlen("{\"keytype\":\"ecdsa\"");
        OTA_CLEAN_FREE char *text = ota_sprintf("{\"keytype\":\"%s\"%s", old ? "ecdsa-sha2-nistp256" : "ecdsa", rest);
        size_t len = strlen(text);
        struct ota_value v;
        assert_ota_ok(ota_scan_canonicalize((uint8_t *)text, &len, &err));
        assert_ota_ok(ota_scan_value((struct ota_span){(uint8_t *)text, len}, &v, &err));
        assert_ota_ok(ota_metadata_key(&v, crypto, &key[old], &err));
        /* A chip knows no other scheme: it has no decode_key. */
        struct ota_crypto chip = *crypto;
        chip.decode_key = NULL;
        assert_ota_ok(ota_metadata_key(&v, &chip, &key[old], &err));
    }
    assert_true(ota_public_key_equal(&key[0], &key[1]));
    repo_key_free(k);
}

static void test_metadata_chip_has_one_scheme(void **state) {
    (void)state;
    char text[] = "{\"keytype\":\"ed25519\",\"keyval\":{\"public\":\"00\"},\"scheme\":\"ed25519\"}";
    struct ota_crypto chip = *crypto;
    struct ota_public_key key;
    struct ota_value v;
    chip.decode_key = NULL;
    assert_ota_ok(ota_scan_value(ota_span_str(text), &v, &err));
    assert_ota(ota_metadata_key(&v, &chip, &key, &err), OTA_UNSUPPORTED);
}

static void test_metadata_signers_keep_who_may_sign(void **state) {
    (void)state;
    struct ota_signers a = {.threshold = 1, .count = 2}, b = {.threshold = 1, .count = 2};
    a.key[0].point[0] = 1;
    a.key[1].point[0] = 2;
    b.key[0].point[0] = 2;
    b.key[1].point[0] = 1;
    assert_true(ota_signers_keep(&a, &b));
    b.threshold = 2;
    assert_false(ota_signers_keep(&a, &b));
    assert_true(ota_signers_keep(&b, &a));
    b.threshold = 1;
    b.count = 1;
    assert_false(ota_signers_keep(&a, &b));
    assert_true(ota_signers_keep(&b, &a));
}

static void test_metadata_meta_entries(void **state) {
    (void)state;
    char *text;
    struct ota_meta_entry e[2];
    size_t count;
    struct ota_metadata m = parsed(
        &text, "snapshot",
        HEADER ",\"meta\":{\"a.json\":{\"version\":3},\"b.json\":{\"hashes\":{\"sha256\":"
               "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\",\"sha512\":\"00\"},\"length\":9,"
               "\"version\":4}}," SPEC);
    assert_ota_ok(ota_meta_entries(&m, e, 2, &count, &err));
    assert_int_equal(count, 2);
    assert_string_equal(e[0].name, "a");
    assert_true(e[0].version == 3 && e[0].length == OTA_LENGTH_UNKNOWN && !e[0].has_sha256);
    assert_true(e[1].version == 4 && e[1].length == 9 && e[1].has_sha256 && e[1].sha256[0] == 0xe3);
    assert_ota(ota_meta_entries(&m, e, 1, &count, &err), OTA_TOO_LARGE);
    free(text);
}

static void test_metadata_refuses_bad_meta(void **state) {
    (void)state;
    static const struct {
        const char *meta;
        enum ota_status status;
    } rows[] = {
        {"{\"a\":{\"version\":1}}", OTA_METADATA_FIELD},
        {"{\".json\":{\"version\":1}}", OTA_METADATA_FIELD},
        {"{\"a\\n.json\":{\"version\":1}}", OTA_METADATA_FIELD},
        {"{\"a\\\"b.json\":{\"version\":1}}", OTA_METADATA_FIELD},
        {"{\"123456789012345678901234567890123.json\":{\"version\":1}}", OTA_METADATA_FIELD},
        {"{\"a.json\":{}}", OTA_METADATA_FIELD},
        {"{\"a.json\":{\"version\":0}}", OTA_METADATA_FIELD},
        {"{\"a.json\":{\"length\":-1,\"version\":1}}", OTA_METADATA_FIELD},
        {"{\"a.json\":{\"hashes\":{\"sha256\":\"00\"},\"version\":1}}", OTA_METADATA_FIELD},
        {"{\"a.json\":1}", OTA_METADATA_TYPE},
        {"[]", OTA_METADATA_TYPE},
    };
    for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++) {
        char *text;
        struct ota_meta_entry e[2];
        size_t count;
        OTA_CLEAN_FREE char *more = ota_sprintf(HEADER ",\"meta\":%s," SPEC, rows[i].meta);
        struct ota_metadata m = parsed(&text, "snapshot", more);
        assert_ota(ota_meta_entries(&m, e, 2, &count, &err), rows[i].status);
        free(text);
    }
}

static void test_metadata_lists_delegations(void **state) {
    (void)state;
    struct repo r;
    struct ota_delegation d;
    struct ota_metadata m;
    bool found;
    static const char *const names[] = {"thermo", "pump", "rollout"};
    repo_init(&r);
    repo_publish(&r);
    struct ota_buf *b = repo_get(&r, "1.targets.json");
    assert_ota_ok(ota_metadata_parse(b->p, &b->len, "targets", &m, &err));
    for (size_t i = 0; i < 3; i++) {
        assert_ota_ok(ota_targets_delegation_at(&m, i, crypto, &d, &found, &err));
        assert_true(found);
        assert_string_equal(d.name, names[i]);
        assert_int_equal(d.terminating, i == 2);
        assert_int_equal(d.signers.threshold, 1);
        assert_int_equal(d.signers.count, 1);
    }
    assert_string_equal(d.path, "rollout/*/*");
    assert_ota_ok(ota_targets_delegation_at(&m, 3, crypto, &d, &found, &err));
    assert_false(found);
    assert_ota_ok(ota_targets_delegation(&m, "img/pump/1/a", 0, crypto, &d, &found, &err));
    assert_true(found);
    assert_string_equal(d.name, "pump");
    assert_ota_ok(ota_targets_delegation(&m, "img/pump/1/a", 1, crypto, &d, &found, &err));
    assert_false(found);
    repo_free(&r);
}

static void test_metadata_refuses_bad_signers(void **state) {
    (void)state;
    static const char key[] = "00000000000000000000000000000000000000000000000000000000000000aa";
    OTA_CLEAN_FREE char *twice = ota_sprintf("[\"%s\",\"%s\"]", key, key);
    OTA_CLEAN_FREE char *once = ota_sprintf("[\"%s\"]", key);
    const struct {
        const char *keyids, *threshold;
        enum ota_status status;
    } rows[] = {
        {once, "0", OTA_METADATA_FIELD},
        {once, "-1", OTA_METADATA_FIELD},
        {once, "4294967296", OTA_METADATA_FIELD},
        {once, "\"1\"", OTA_METADATA_TYPE},
        {"[\"short\"]", "1", OTA_OK},
        {"{}", "1", OTA_METADATA_TYPE},
        {"[1]", "1", OTA_METADATA_TYPE},
        {once, "1", OTA_OK},
    };
    for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++) {
        char *text;
        struct ota_signers s;
        OTA_CLEAN_FREE char *more =
            ota_sprintf(HEADER ",\"keys\":{},\"roles\":{\"root\":{\"keyids\":%s,\"threshold\":%s}}," SPEC,
                        rows[i].keyids, rows[i].threshold);
        struct ota_metadata m = parsed(&text, "root", more);
        assert_ota(ota_root_signers(&m, OTA_ROLE_ROOT, crypto, &s, &err), rows[i].status);
        free(text);
    }
    /* A keyid that is listed twice is refused even when one would do. */
    struct repo_key *k = repo_key_new("P-256");
    char *text;
    struct ota_signers s;
    OTA_CLEAN_FREE char *more =
        ota_sprintf(HEADER ",\"keys\":{\"%s\":%s},\"roles\":{\"root\":{\"keyids\":%s,\"threshold\":1}}," SPEC, key,
                    repo_key_object(k), twice);
    struct ota_metadata m = parsed(&text, "root", more);
    assert_ota(ota_root_signers(&m, OTA_ROLE_ROOT, crypto, &s, &err), OTA_METADATA_FIELD);
    assert_ota(ota_root_signers(&m, OTA_ROLE_TARGETS, crypto, &s, &err), OTA_METADATA_FIELD);
    free(text);
    repo_key_free(k);
}

static void test_metadata_bounds_keyids_of_a_role(void **state) {
    (void)state;
    for (size_t count = OTA_ROLE_KEYIDS_MAX; count <= OTA_ROLE_KEYIDS_MAX + 1; count++) {
        OTA_CLEAN(ota_buf_free) struct ota_buf ids = {0};
        struct ota_signers s;
        char *text;
        for (size_t i = 0; i < count; i++)
            ota_buf_printf(&ids, "%s\"%zu\"", i ? "," : "", i);
        OTA_CLEAN_FREE char *more = ota_sprintf(
            HEADER ",\"keys\":{},\"roles\":{\"root\":{\"keyids\":[%s],\"threshold\":1}}," SPEC, ota_buf_text(&ids));
        struct ota_metadata m = parsed(&text, "root", more);
        assert_ota(ota_root_signers(&m, OTA_ROLE_ROOT, crypto, &s, &err),
                   count > OTA_ROLE_KEYIDS_MAX ? OTA_TOO_LARGE : OTA_OK);
        free(text);
    }
}

/* Two keyids of one CRC-32 hide no key from each other, and lend none a signature. */
static void test_metadata_keyids_of_one_crc(void **state) {
    (void)state;
    struct repo r;
    struct ota_metadata m;
    repo_init(&r);
    repo_publish(&r);
    struct ota_buf *b = repo_get(&r, "timestamp.json");
    assert_ota_ok(ota_metadata_parse(b->p, &b->len, "timestamp", &m, &err));
    const uint32_t crc = ota_keyid_crc(ota_span_str(repo_key_id(r.timestamp)));
    struct ota_signers s = {.threshold = 1, .count = 2, .keyid_crc = {crc, crc}};
    assert_ota_ok(ota_public_key_from_pem(repo_key_pem(r.pump), &s.key[0], &err));
    assert_ota_ok(ota_public_key_from_pem(repo_key_pem(r.timestamp), &s.key[1], &err));
    assert_ota_ok(ota_metadata_verify(&m, &s, crypto, &err));
    s.threshold = 2;
    assert_ota(ota_metadata_verify(&m, &s, crypto, &err), OTA_SIGNATURE);
    s.threshold = s.count = 1;
    assert_ota(ota_metadata_verify(&m, &s, crypto, &err), OTA_SIGNATURE);
    repo_free(&r);
}

static void test_metadata_finds_targets(void **state) {
    (void)state;
    char *text;
    struct ota_target t;
    struct ota_scan it;
    bool found;
    size_t n = 0;
    struct ota_metadata m = parsed(&text, "targets",
                                   HEADER "," SPEC ",\"targets\":{\"a\":{\"custom\":{\"x\":1},\"length\":0},"
                                          "\"b/c\":{\"length\":7}}");
    assert_ota_ok(ota_targets_find(&m, "b/c", &t, &found, &err));
    assert_true(found && t.length == 7 && !t.has_custom && !t.has_sha256);
    assert_ota_ok(ota_targets_find(&m, "b", &t, &found, &err));
    assert_false(found);
    assert_ota_ok(ota_targets_begin(&m, &it, &err));
    for (bool more = true; more; n += more)
        assert_ota_ok(ota_targets_next(&it, &t, &more, &err));
    assert_int_equal(n, 2);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metadata_path_patterns),
        cmocka_unit_test(test_metadata_reads_pem_with_and_without_last_newline),
        cmocka_unit_test(test_metadata_refuses_pem_of_other_keys),
        cmocka_unit_test(test_metadata_old_keytype_is_the_same_key),
        cmocka_unit_test(test_metadata_chip_has_one_scheme),
        cmocka_unit_test(test_metadata_signers_keep_who_may_sign),
        cmocka_unit_test(test_metadata_meta_entries),
        cmocka_unit_test(test_metadata_refuses_bad_meta),
        cmocka_unit_test(test_metadata_lists_delegations),
        cmocka_unit_test(test_metadata_refuses_bad_signers),
        cmocka_unit_test(test_metadata_bounds_keyids_of_a_role),
        cmocka_unit_test(test_metadata_keyids_of_one_crc),
        cmocka_unit_test(test_metadata_finds_targets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
