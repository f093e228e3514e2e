/* SPDX-License-Identifier: Apache-2.0 */
/* The TUF workflow against hostile files: sizes, JSON, fields, signatures. */
#include <stdlib.h>

#include "support/trust_world.h"
#include "support/unit.h"

static struct ota_err err;

/* ---- bytes ---- */

static void test_trust_refuses_oversized_files(void **state) {
    struct trust_world *w = *state;
    OTA_CLEAN_FREE char *big = ota_calloc(1, OTA_METADATA_MAX + 2);
    memset(big, ' ', OTA_METADATA_MAX + 1);
    repo_put(&w->repo, "timestamp.json", big, OTA_CAP_TIMESTAMP + 1);
    assert_ota(trust_full_run(w, &err), OTA_TOO_LARGE);
    w->repo.hide_length = true;
    assert_ota(trust_full_run(w, &err), OTA_TOO_LARGE);
    repo_put(&w->repo, "2.root.json", big, OTA_CAP_ROOT + 1);
    assert_ota(trust_full_run(w, &err), OTA_TOO_LARGE);
    w->repo.hide_length = false;
    assert_ota(trust_full_run(w, &err), OTA_TOO_LARGE);
}

/* The buffer has room for more than a product role may have. */
static void test_trust_refuses_a_product_role_over_its_cap(void **state) {
    struct trust_world *w = *state;
    OTA_CLEAN(ota_buf_free) struct ota_buf list = {0};
    bool unchanged;
    for (unsigned i = 100; list.len < OTA_CAP_PRODUCT; i++)
        ota_buf_printf(&list, "%s\"img/thermo/%u/a\":{\"length\":5}", list.len ? "," : "", i);
    w->repo.thermo_list = ota_buf_text(&list);
    repo_publish(&w->repo);
    assert_true(repo_get(&w->repo, "1.thermo.json")->len < OTA_METADATA_MAX);
    assert_ota(trust_run(w, "img/thermo/100/a", false, &unchanged, &err), OTA_TOO_LARGE);
}

static void test_trust_accepts_bodies_without_content_length(void **state) {
    struct trust_world *w = *state;
    w->repo.hide_length = true;
    assert_ota_ok(trust_full_run(w, &err));
    w->repo.hashes = false;
    repo_bump(&w->repo);
    repo_publish(&w->repo);
    assert_ota_ok(trust_full_run(w, &err));
}

static void test_trust_refuses_a_wrong_content_length(void **state) {
    struct trust_world *w = *state;
    w->repo.claim_length = 1000;
    assert_ota(trust_full_run(w, &err), OTA_TRUNCATED);
    w->repo.claim_length = 3000;
    assert_ota(trust_full_run(w, &err), OTA_TOO_LARGE);
}

static void test_trust_refuses_wrong_length_and_hash(void **state) {
    struct trust_world *w = *state;
    struct ota_buf *b = repo_get(&w->repo, "1.snapshot.json");
    ota_buf_append(b, " ", 1);
    assert_ota(trust_full_run(w, &err), OTA_LENGTH);
    w->repo.hide_length = true;
    assert_ota(trust_full_run(w, &err), OTA_LENGTH);
    b->len -= 2;
    assert_ota(trust_full_run(w, &err), OTA_LENGTH);
    repo_bump(&w->repo);
    repo_publish(&w->repo);
    repo_get(&w->repo, "2.snapshot.json")->p[20] ^= 1;
    assert_ota(trust_full_run(w, &err), OTA_HASH);
}

static void test_trust_refuses_wrong_length_and_hash_of_a_role(void **state) {
    struct trust_world *w = *state;
    bool unchanged;
    w->repo.thermo_list = ENTRY("img/thermo/1/a");
    repo_publish(&w->repo);
    repo_get(&w->repo, "1.thermo.json")->p[20] ^= 1;
    assert_ota(trust_run(w, "img/thermo/1/a", false, &unchanged, &err), OTA_HASH);
    ota_buf_append(repo_get(&w->repo, "1.thermo.json"), " ", 1);
    assert_ota(trust_run(w, "img/thermo/1/a", false, &unchanged, &err), OTA_LENGTH);
}

static void test_trust_refuses_malformed_json(void **state) {
    struct trust_world *w = *state;
    static const struct {
        const char *from, *to;
        enum ota_status status;
    } rows[] = {
        {"{\"signatures\"", "\xef\xbb\xbf{\"signatures\"", OTA_JSON_SYNTAX},
        {"31\",\"version\":1}}", "31\",\"version\":1}}x", OTA_JSON_TRAILING},
        {"31\",\"version\":1}}", "31\",\"version\":1}}{}", OTA_JSON_TRAILING},
        {"31\",\"version\":1}}", "31\",\"version\":1,\"version\":1}}", OTA_JSON_KEYS},
        {"31\",\"version\":1}}", "31\",\"version\":1,\"a\":1}}", OTA_JSON_KEYS},
        {"31\",\"version\":1}}", "31\",\"version\":1.0}}", OTA_JSON_NUMBER},
        {"31\",\"version\":1}}", "31\",\"version\":1e0}}", OTA_JSON_NUMBER},
        {"31\",\"version\":1}}", "31\",\"version\":01}}", OTA_JSON_NUMBER},
        {"31\",\"version\":1}}", "31\",\"version\":-0}}", OTA_JSON_NUMBER},
        {"31\",\"version\":1}}", "31\",\"version\":1", OTA_JSON_SYNTAX},
        {"\"timestamp\"", "\"time\\u0000stamp\"", OTA_JSON_UTF8},
        {"\"timestamp\"", "\"time\xff\"", OTA_JSON_UTF8},
    };
    for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++) {
        repo_publish(&w->repo);
        repo_edit(&w->repo, "timestamp.json", rows[i].from, rows[i].to);
        assert_ota(trust_full_run(w, &err), rows[i].status);
    }
}

static void test_trust_refuses_wrong_fields(void **state) {
    struct trust_world *w = *state;
    static const struct {
        const char *from, *to;
        enum ota_status status;
    } rows[] = {
        {"\"timestamp\"", "\"snapshot\"", OTA_METADATA_TYPE},
        {"\"1.0.31\"", "\"2.0.0\"", OTA_SPEC_VERSION},
        {"\"1.0.31\"", "\"1\"", OTA_SPEC_VERSION},
        {"\"1.0.31\"", "\"1..0\"", OTA_SPEC_VERSION},
        {"\"1.0.31\"", "\"1.0.31.4\"", OTA_SPEC_VERSION},
        {"\"1.0.31\"", "1", OTA_METADATA_TYPE},
        {"31\",\"version\":1}", "31\",\"version\":0}", OTA_METADATA_FIELD},
        {"31\",\"version\":1}", "31\",\"version\":-1}", OTA_METADATA_FIELD},
        {"31\",\"version\":1}", "31\",\"version\":\"1\"}", OTA_METADATA_TYPE},
        {"2026-01-08T00:00:00Z", "2026-01-08", OTA_METADATA_FIELD},
        {"2026-01-01T00:00:00Z", "soon", OTA_METADATA_FIELD},
        {"\"snapshot.json\"", "\"shot.json\"", OTA_METADATA_FIELD},
        {"\"snapshot.json\"", "\"snapshot\"", OTA_METADATA_FIELD},
    };
    for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++) {
        repo_publish(&w->repo);
        repo_edit_signed(&w->repo, "timestamp.json", rows[i].from, rows[i].to, w->repo.timestamp);
        assert_ota(trust_full_run(w, &err), rows[i].status);
    }
}

static void test_trust_ignores_unknown_members_and_foreign_white_space(void **state) {
    struct trust_world *w = *state;
    repo_edit_signed(&w->repo, "timestamp.json", "31\",\"version\":1}", "31\",\"version\":1,\"x-more\":[{}]}",
                     w->repo.timestamp);
    repo_edit(&w->repo, "timestamp.json", "{\"signatures\":", " \n{ \"signatures\" :\t");
    repo_edit(&w->repo, "timestamp.json", "\"2026-01-08", "\"\\u0032026-01-08");
    assert_ota_ok(trust_full_run(w, &err));
}

/* ---- signatures ---- */

static void test_trust_refuses_a_foreign_signature_for_every_role(void **state) {
    struct trust_world *w = *state;
    bool unchanged;
    static const char *const files[] = {"timestamp.json", "1.snapshot.json", "1.targets.json", "1.thermo.json"};
    w->repo.hashes = false;
    w->repo.thermo_list = ENTRY("img/thermo/1/a");
    for (size_t i = 0; i < OTA_ARRAY_LEN(files); i++) {
        repo_publish(&w->repo);
        repo_edit_signed(&w->repo, files[i], "1.0.31", "1.0.32", w->repo.pump);
        assert_ota(trust_run(w, "img/thermo/1/a", false, &unchanged, &err), OTA_SIGNATURE);
        assert_non_null(strstr(err.msg, files[i]));
    }
}

static void test_trust_refuses_changed_content(void **state) {
    struct trust_world *w = *state;
    repo_edit(&w->repo, "timestamp.json", "31\",\"version\":1}", "31\",\"version\":2}");
    assert_ota(trust_full_run(w, &err), OTA_SIGNATURE);
}

static void test_trust_refuses_two_signatures_under_one_keyid(void **state) {
    struct trust_world *w = *state;
    w->repo.role[OTA_ROLE_TIMESTAMP] = (struct repo_role){{w->repo.timestamp, w->repo.timestamp}, 2, 1};
    repo_edit(&w->repo, "timestamp.json", "\"signatures\":[",
              "\"signatures\":[{\"keyid\":\"ab\",\"sig\":\"\"},{\"keyid\":\"ab\",\"sig\":\"00\"},");
    assert_ota(trust_full_run(w, &err), OTA_SIGNATURE);
    assert_non_null(strstr(err.msg, "keyid"));
}

static void test_trust_ignores_unknown_and_empty_signatures(void **state) {
    struct trust_world *w = *state;
    repo_edit(&w->repo, "timestamp.json", "\"signatures\":[",
              "\"signatures\":[{\"keyid\":\"ab\",\"sig\":\"\"},{\"keyid\":\"cd\",\"sig\":\"zz\"},");
    assert_ota_ok(trust_full_run(w, &err));
}

static void test_trust_one_key_under_two_keyids_counts_once(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    const char *id = repo_key_id(r->timestamp);
    char alias[65], keys_from[100], sig[2000];
    memset(alias, 'f', 64);
    alias[64] = '\0';
    r->root_version = 2;
    repo_publish(r);
    OTA_CLEAN_FREE char *role_from = ota_sprintf("\"timestamp\":{\"keyids\":[\"%s\"],\"threshold\":1}", id);
    OTA_CLEAN_FREE char *role_to = ota_sprintf("\"timestamp\":{\"keyids\":[\"%s\",\"%s\"],\"threshold\":2}", id, alias);
    trust_edit_root(w, role_from, role_to);
    ota_format(keys_from, sizeof keys_from, "},\"roles\":{\"root\"");
    OTA_CLEAN_FREE char *keys_to = ota_sprintf(",\"%s\":%s%s", alias, repo_key_object(r->timestamp), keys_from);
    trust_edit_root(w, keys_from, keys_to);
    /* The same key signs twice, once under each name. */
    const char *text = ota_buf_text(repo_get(r, "timestamp.json"));
    const char *start = strstr(text, "{\"keyid\""), *end = strstr(text, "]");
    ota_format(sig, sizeof sig, "%.*s", (int)(end - start), start);
    OTA_CLEAN_FREE char *second = ota_sprintf("%s,{\"keyid\":\"%s%s", sig, alias, sig + strlen("{\"keyid\":\"") + 64);
    repo_edit(r, "timestamp.json", sig, second);
    assert_ota(trust_full_run(w, &err), OTA_SIGNATURE);
    assert_non_null(strstr(err.msg, "1 of 2"));
}

/* Escapes, spaces and spellings included: what counts is the text they stand for. */
static void test_trust_takes_keyids_of_any_form(void **state) {
    static const char *const spellings[] = {"z \\\"k\\\" \\u00e9", "z \\\"k\\\" \xc3\xa9"};
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    const char *id = repo_key_id(r->timestamp);
    r->root_version = 2;
    repo_publish(r);
    OTA_CLEAN_FREE char *role_from = ota_sprintf("\"timestamp\":{\"keyids\":[\"%s\"]", id);
    OTA_CLEAN_FREE char *role_to = ota_sprintf("\"timestamp\":{\"keyids\":[\"%s\"]", spellings[0]);
    OTA_CLEAN_FREE char *keys_to =
        ota_sprintf(",\"%s\":%s},\"roles\":{\"root\"", spellings[1], repo_key_object(r->timestamp));
    trust_edit_root(w, role_from, role_to);
    trust_edit_root(w, "},\"roles\":{\"root\"", keys_to);
    assert_ota(trust_full_run(w, &err), OTA_SIGNATURE); /* signed under a keyid that is not listed */
    const char *from = id;
    for (size_t i = 0; i < OTA_ARRAY_LEN(spellings); i++) {
        repo_edit(r, "timestamp.json", from, spellings[i]);
        assert_ota_ok(trust_full_run(w, &err));
        from = spellings[i];
    }
}

static void test_trust_counts_threshold_over_distinct_keys(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    r->root_version = 2;
    r->role[OTA_ROLE_TIMESTAMP] = (struct repo_role){{r->timestamp, r->pump, r->thermo}, 3, 2};
    repo_publish(r);
    assert_ota_ok(trust_full_run(w, &err));
    repo_edit_signed(r, "timestamp.json", "31\",\"version\":1}", "31\",\"version\":2}", r->pump);
    assert_ota(trust_full_run(w, &err), OTA_SIGNATURE);
}

static void test_trust_skips_keys_of_unknown_schemes(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    r->root_version = 2;
    r->role[OTA_ROLE_TIMESTAMP] = (struct repo_role){{r->timestamp, r->pump}, 2, 1};
    repo_publish(r);
    char from[120];
    ota_format(from, sizeof from, "\"%s\":{\"keytype\":\"ecdsa\"", repo_key_id(r->pump));
    OTA_CLEAN_FREE char *to = ota_sprintf("\"%s\":{\"keytype\":\"quantum\"", repo_key_id(r->pump));
    trust_edit_root(w, from, to);
    assert_ota_ok(trust_full_run(w, &err));
}

static void test_trust_verifies_ed25519_and_rsa(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    struct repo_key *ed = repo_key_new("ed25519"), *rsa = repo_key_new("rsa");
    r->root_version = 2;
    r->role[OTA_ROLE_TIMESTAMP] = (struct repo_role){{ed}, 1, 1};
    r->role[OTA_ROLE_SNAPSHOT] = (struct repo_role){{rsa}, 1, 1};
    r->role[OTA_ROLE_ROOT] = (struct repo_role){{r->root, rsa, ed}, 3, 2};
    repo_publish(r);
    assert_ota_ok(trust_full_run(w, &err));
    assert_true(w->trust.key_bytes > 0);
    repo_bump(r);
    repo_publish(r);
    assert_ota_ok(trust_full_run(w, &err));
    repo_edit_signed(r, "timestamp.json", "31\",\"version\":2}", "31\",\"version\":3}", rsa);
    assert_ota(trust_full_run(w, &err), OTA_SIGNATURE);
    repo_key_free(ed);
    repo_key_free(rsa);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TRUST_TEST(test_trust_refuses_oversized_files),
        TRUST_TEST(test_trust_refuses_a_product_role_over_its_cap),
        TRUST_TEST(test_trust_accepts_bodies_without_content_length),
        TRUST_TEST(test_trust_refuses_a_wrong_content_length),
        TRUST_TEST(test_trust_refuses_wrong_length_and_hash),
        TRUST_TEST(test_trust_refuses_wrong_length_and_hash_of_a_role),
        TRUST_TEST(test_trust_refuses_malformed_json),
        TRUST_TEST(test_trust_refuses_wrong_fields),
        TRUST_TEST(test_trust_ignores_unknown_members_and_foreign_white_space),
        TRUST_TEST(test_trust_refuses_a_foreign_signature_for_every_role),
        TRUST_TEST(test_trust_refuses_changed_content),
        TRUST_TEST(test_trust_refuses_two_signatures_under_one_keyid),
        TRUST_TEST(test_trust_ignores_unknown_and_empty_signatures),
        TRUST_TEST(test_trust_one_key_under_two_keyids_counts_once),
        TRUST_TEST(test_trust_takes_keyids_of_any_form),
        TRUST_TEST(test_trust_counts_threshold_over_distinct_keys),
        TRUST_TEST(test_trust_skips_keys_of_unknown_schemes),
        TRUST_TEST(test_trust_verifies_ed25519_and_rsa),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
