/* SPDX-License-Identifier: Apache-2.0 */
/* Attacks on the reader: JSON that two parsers understand differently, numbers and strings beyond the grammar, bombs. In every role, in the
 * signed part and beside it. */
#include "support/attack.h"
#include "support/unit.h"

static struct ota_err err;

/* The snapshot comes last: to be read at all, the board must have lost it. */
static const char *const files[] = {"2.root.json", "timestamp.json", "1.targets.json", "1.thermo.json",
                                    "1.snapshot.json"};
#define SNAPSHOT 4u

static void publish(struct trust_world *w, size_t file) {
    struct repo *r = &w->repo;
    if (repo_get(r, "2.root.json"))
        repo_remove(r, "2.root.json");
    r->root_version = file == 0 ? 2 : 1;
    repo_publish(r);
    if (file == SNAPSHOT)
        assert_ota_ok(w->kv.port.erase(w->kv.port.ctx, "snapshot", &err));
}

/* In place of `from`, in every role. */
static void inject(struct trust_world *w, const char *from, const char *to, enum ota_status wanted) {
    for (size_t i = 0; i < OTA_ARRAY_LEN(files); i++) {
        publish(w, i);
        repo_edit(&w->repo, files[i], from, to);
        attack_refused(w, wanted, files[i]);
    }
    attack_is_over(w);
}

#define SPEC "\"spec_version\":\"1.0.31\""
#define SIGNATURES "\"signatures\":["

/* A world of its own for each: attack_is_over() raises what the board trusts. */
static void each(void **state, const char *from, const char *const *to, size_t count, enum ota_status wanted) {
    for (size_t i = 0; i < count; i++) {
        inject(*state, from, to[i], wanted);
        trust_world_teardown(state);
        attack_setup(state);
    }
}
#define EACH(from, rows, wanted) each(state, from, rows, OTA_ARRAY_LEN(rows), wanted)

static void test_attack_json_duplicate_keys(void **state) {
    static const char *const in_signed[] = {SPEC "," SPEC, SPEC ",\"spec_version\":\"9.0\"",
                                            SPEC ",\"\\u0073pec_version\":\"9.0\""};
    static const char *const beside[] = {SIGNATURES "{\"keyid\":\"ab\",\"keyid\":\"cd\",\"sig\":\"\"},",
                                         SIGNATURES "],\"signatures\":["};
    EACH(SPEC, in_signed, OTA_JSON_KEYS);
    EACH(SIGNATURES, beside, OTA_JSON_KEYS);
}

static void test_attack_json_unsorted_keys(void **state) {
    static const char *const in_signed[] = {SPEC ",\"a\":1", SPEC ",\"spec_versio\":1", SPEC ",\"Z\":1"};
    static const char *const beside[] = {SIGNATURES "{\"sig\":\"\",\"keyid\":\"ab\"},"};
    EACH(SPEC, in_signed, OTA_JSON_KEYS);
    EACH(SIGNATURES, beside, OTA_JSON_KEYS);
}

static void test_attack_json_floats(void **state) {
    static const char *const rows[] = {SPEC ",\"t\":1.5",  SPEC ",\"t\":1.0", SPEC ",\"t\":1e3",
                                       SPEC ",\"t\":1E-3", SPEC ",\"t\":-0",  SPEC ",\"t\":01"};
    EACH(SPEC, rows, OTA_JSON_NUMBER);
}

static void test_attack_json_sixteen_digits(void **state) {
    static const char *const rows[] = {SPEC ",\"t\":1000000000000000", SPEC ",\"t\":-1000000000000000",
                                       SPEC ",\"t\":18446744073709551617"};
    EACH(SPEC, rows, OTA_JSON_NUMBER);
}

static void test_attack_json_nul_escapes(void **state) {
    static const char *const rows[] = {SPEC ",\"t\":\"\\u0000\"", "\"spec_version\":\"1.0.31\\u0000.9\"",
                                       "\"spec_version\\u0000\":\"9\"," SPEC, SPEC ",\"t\":\"\xc0\x80\""};
    EACH(SPEC, rows, OTA_JSON_UTF8);
}

static void test_attack_json_bad_surrogates(void **state) {
    static const char *const rows[] = {SPEC ",\"t\":\"\\ud800\"", SPEC ",\"t\":\"\\udc00\\ud800\"",
                                       SPEC ",\"t\":\"\\ud800\\ud800\"", SPEC ",\"t\":\"\\ud800x\"",
                                       SPEC ",\"t\":\"\xed\xa0\x80\""};
    EACH(SPEC, rows, OTA_JSON_UTF8);
}

static void test_attack_json_depth_bombs(void **state) {
    char open[1200] = SPEC ",\"t\":", beside[1200] = SIGNATURES;
    memset(open + strlen(open), '[', 600);
    memset(beside + strlen(beside), '[', 600);
    const char *const in_signed[] = {
        SPEC ",\"t\":[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]",
        SPEC ",\"t\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":"
             "{\"a\":{\"a\":{\"a\":{\"a\":1}}}}}}}}}}}}}}}",
        open};
    const char *const in_signatures[] = {beside};
    EACH(SPEC, in_signed, OTA_JSON_DEPTH);
    EACH(SIGNATURES, in_signatures, OTA_JSON_DEPTH);
}

/* Behind the value: another one, a character, a NUL with something after it. */
static void test_attack_json_trailing_bytes(void **state) {
    struct trust_world *w = *state;
    static const struct ota_span tails[] = {{(const uint8_t *)"x", 1},
                                            {(const uint8_t *)"{}", 2},
                                            {(const uint8_t *)"\0", 1},
                                            {(const uint8_t *)" \0{\"version\":9}", 15},
                                            {(const uint8_t *)",", 1}};
    for (size_t i = 0; i < OTA_ARRAY_LEN(files); i++) {
        for (size_t k = 0; k < OTA_ARRAY_LEN(tails); k++) {
            publish(w, i);
            ota_buf_append(repo_get(&w->repo, files[i]), tails[k].p, tails[k].len);
            attack_refused(w, OTA_JSON_TRAILING, files[i]);
        }
    }
    attack_is_over(w);
}

/* ---- letters ------------------------------------------------------------------------------------------- */

/* A parser that does not tell "Version" from "version" would read the other one. Ours reads the right one, signed or not. */
static void test_attack_json_case_variant_keys(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    bool unchanged;
    static const char beside[] =
        "{\"Signed\":{\"_type\":\"timestamp\",\"expires\":\"2030-01-01T00:00:00Z\",\"meta\":{\"snapshot.json\":"
        "{\"version\":99}},\"spec_version\":\"1.0.31\",\"version\":99},\"signatures\"";
    /* Added by somebody without a key: */
    for (size_t i = 0; i < OTA_ARRAY_LEN(files); i++) {
        publish(w, i);
        repo_edit(r, files[i], "{\"_type\"", "{\"Version\":99,\"_type\"");
        attack_refused(w, OTA_SIGNATURE, "0 of 1 needed signatures");
    }
    /* In place of the right one, with the right key's signature: */
    publish(w, 1);
    repo_edit_signed(r, "timestamp.json", "\"spec_version\":\"1.0.31\",\"version\":1}", SPEC "}", r->timestamp);
    repo_edit_signed(r, "timestamp.json", "{\"_type\"", "{\"Version\":99,\"_type\"", r->timestamp);
    assert_ota_ok(w->kv.port.erase(w->kv.port.ctx, "ts", &err));
    attack_refused_after(w, "snapshot", OTA_METADATA_FIELD, "\"version\" is missing");
    /* Beside it, in the signed part and outside: not read at all. */
    publish(w, 1);
    repo_edit_signed(r, "timestamp.json", "{\"_type\"", "{\"Version\":99,\"_type\"", r->timestamp);
    repo_edit(r, "timestamp.json", "{\"signatures\"", beside);
    assert_ota_ok(trust_run(w, ATTACK_PATH, false, &unchanged, &err));
    assert_int_equal(w->trust.ts.version, 1);
    assert_int_equal(w->trust.snapshot_version, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ATTACK_TEST(test_attack_json_duplicate_keys),
        ATTACK_TEST(test_attack_json_unsorted_keys),
        ATTACK_TEST(test_attack_json_floats),
        ATTACK_TEST(test_attack_json_sixteen_digits),
        ATTACK_TEST(test_attack_json_nul_escapes),
        ATTACK_TEST(test_attack_json_bad_surrogates),
        ATTACK_TEST(test_attack_json_depth_bombs),
        ATTACK_TEST(test_attack_json_trailing_bytes),
        ATTACK_TEST(test_attack_json_case_variant_keys),
    };
    return cmocka_run_group_tests_name("attack_json", tests, NULL, NULL);
}
