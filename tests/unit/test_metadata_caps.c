/* SPDX-License-Identifier: Apache-2.0 */
/* How much of a thing one metadata file may hold, and what counts for nothing in it. */
#include <stdlib.h>

#include "host/crypto.h"
#include "support/repo_maker.h"
#include "support/unit.h"

static struct ota_err err;
static const struct ota_crypto *const crypto = &ota_crypto_openssl;

/* A root whose role "root" lists `keyids` keyids: the first `keys` have keys of their own, the others none. */
static char *root_text(unsigned keys, unsigned keyids) {
    OTA_CLEAN(ota_buf_free) struct ota_buf out = {0};
    struct repo_key *one = repo_key_new("P-256");
    ota_buf_str(&out,
                "{\"signatures\":[],\"signed\":{\"_type\":\"root\",\"expires\":\"2030-01-01T00:00:00Z\",\"keys\":{");
    for (unsigned i = 0; i < keys; i++) {
        OTA_CLEAN_FREE char *key = ota_strdup(repo_key_object(one));
        strstr(key, "\\n-----END")[-8] = (char)('A' + i); /* another point; nobody asks whether it is on the curve */
        ota_buf_printf(&out, "%s\"%02u\":%s", i ? "," : "", i, key);
    }
    ota_buf_str(&out, "},\"roles\":{\"root\":{\"keyids\":[");
    for (unsigned i = 0; i < keyids; i++)
        ota_buf_printf(&out, "%s\"%02u\"", i ? "," : "", i);
    ota_buf_str(&out, "],\"threshold\":1}},\"spec_version\":\"1.0\",\"version\":1}}");
    repo_key_free(one);
    return ota_strdup(ota_buf_text(&out));
}

static enum ota_status read_root(unsigned keys, unsigned keyids, struct ota_signers *out) {
    OTA_CLEAN_FREE char *text = root_text(keys, keyids);
    struct ota_metadata root;
    size_t len = strlen(text);
    assert_ota_ok(ota_metadata_parse((uint8_t *)text, &len, "root", &root, &err));
    return ota_root_signers(&root, OTA_ROLE_ROOT, crypto, out, &err);
}

static void test_metadata_bounds_the_keys_of_a_role(void **state) {
    (void)state;
    struct ota_signers *s = ota_calloc(1, sizeof *s);
    assert_ota_ok(read_root(OTA_ROLE_KEYS_MAX, OTA_ROLE_KEYS_MAX, s));
    assert_int_equal(s->count, OTA_ROLE_KEYS_MAX);
    assert_ota(read_root(OTA_ROLE_KEYS_MAX + 1, OTA_ROLE_KEYS_MAX + 1, s), OTA_TOO_LARGE);
    free(s);
}

static void test_metadata_bounds_the_keyids_of_a_role(void **state) {
    (void)state;
    struct ota_signers s;
    assert_ota_ok(read_root(1, OTA_ROLE_KEYIDS_MAX, &s));
    assert_int_equal(s.count, 1);
    assert_ota(read_root(1, OTA_ROLE_KEYIDS_MAX + 1, &s), OTA_TOO_LARGE);
}

/* ---- signatures ---------------------------------------------------------------------------------------- */

struct file {
    struct repo repo;
    struct ota_signers signers;
};

static int setup(void **state) {
    struct file *f = ota_calloc(1, sizeof *f);
    struct ota_metadata root;
    repo_init(&f->repo);
    repo_publish_root(&f->repo);
    struct ota_buf *b = repo_get(&f->repo, "1.root.json");
    OTA_CLEAN_FREE char *text = ota_strdup(ota_buf_text(b));
    size_t len = strlen(text);
    assert_ota_ok(ota_metadata_parse((uint8_t *)text, &len, "root", &root, &err));
    assert_ota_ok(ota_root_signers(&root, OTA_ROLE_ROOT, crypto, &f->signers, &err));
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct file *f = *state;
    repo_free(&f->repo);
    free(f);
    return 0;
}

static enum ota_status verify(struct file *f) {
    OTA_CLEAN_FREE char *text = ota_strdup(ota_buf_text(repo_get(&f->repo, "1.root.json")));
    struct ota_metadata root;
    size_t len = strlen(text);
    assert_ota_ok(ota_metadata_parse((uint8_t *)text, &len, "root", &root, &err));
    return ota_metadata_verify(&root, &f->signers, crypto, &err);
}

/* Signatures by strangers before the good one, each under a keyid of its own. */
static void add_strangers(struct file *f, unsigned count) {
    OTA_CLEAN(ota_buf_free) struct ota_buf more = {0};
    ota_buf_str(&more, "\"signatures\":[");
    for (unsigned i = 0; i < count; i++)
        ota_buf_printf(&more, "{\"keyid\":\"%u\",\"sig\":\"00\"},", i);
    repo_edit(&f->repo, "1.root.json", "\"signatures\":[", ota_buf_text(&more));
}

static void test_metadata_bounds_the_signatures_of_a_file(void **state) {
    struct file *f = *state;
    add_strangers(f, OTA_ROLE_SIGNATURES_MAX - 1);
    assert_ota_ok(verify(f));
    repo_publish_root(&f->repo);
    add_strangers(f, OTA_ROLE_SIGNATURES_MAX);
    assert_ota(verify(f), OTA_TOO_LARGE);
}

static void test_metadata_a_signature_under_another_keyid_counts_for_nothing(void **state) {
    struct file *f = *state;
    repo_edit(&f->repo, "1.root.json", "\"signatures\":[{\"keyid\":\"", "\"signatures\":[{\"keyid\":\"0");
    assert_ota(verify(f), OTA_SIGNATURE);
}

/* ---- entries ------------------------------------------------------------------------------------------- */

static void test_metadata_refuses_entries_of_other_files(void **state) {
    (void)state;
    static const char *const names[] = {"targets.jsom", "targets", ".json", "targets.json.gz"};
    for (size_t i = 0; i < OTA_ARRAY_LEN(names); i++) {
        OTA_CLEAN_FREE char *text =
            ota_sprintf("{\"signatures\":[],\"signed\":{\"_type\":\"snapshot\",\"expires\":\"2030-01-01T00:00:00Z\","
                        "\"meta\":{\"%s\":{\"version\":1}},\"spec_version\":\"1.0\",\"version\":1}}",
                        names[i]);
        struct ota_metadata m;
        struct ota_meta_entry entry;
        size_t len = strlen(text), count;
        assert_ota_ok(ota_metadata_parse((uint8_t *)text, &len, "snapshot", &m, &err));
        assert_ota(ota_meta_entries(&m, &entry, 1, &count, &err), OTA_METADATA_FIELD);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metadata_bounds_the_keys_of_a_role),
        cmocka_unit_test(test_metadata_bounds_the_keyids_of_a_role),
        cmocka_unit_test_setup_teardown(test_metadata_bounds_the_signatures_of_a_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_metadata_a_signature_under_another_keyid_counts_for_nothing, setup,
                                        teardown),
        cmocka_unit_test(test_metadata_refuses_entries_of_other_files),
    };
    return cmocka_run_group_tests_name("metadata_caps", tests, NULL, NULL);
}
