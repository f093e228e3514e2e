/* SPDX-License-Identifier: Apache-2.0 */
/* Attacks on signatures: none, of the wrong role, too few, one counted twice. For every role, and every scheme that the host verifies. */
#include <ctype.h>
#include <stdlib.h>

#include "support/attack.h"
#include "support/unit.h"

/* Every file a run reads. The snapshot comes last: to be read at all, the board must have lost it. */
struct file {
    const char *name;
    enum ota_role role; /* OTA_ROLE_COUNT: delegated */
};

static const struct file files[] = {
    {"2.root.json", OTA_ROLE_ROOT},    {"timestamp.json", OTA_ROLE_TIMESTAMP}, {"1.targets.json", OTA_ROLE_TARGETS},
    {"1.thermo.json", OTA_ROLE_COUNT}, {"1.snapshot.json", OTA_ROLE_SNAPSHOT},
};

static const struct repo_key *key_of(const struct repo *r, const struct file *f) {
    const struct repo_key *keys[] = {r->root, r->targets, r->snapshot, r->timestamp, r->thermo};
    return keys[f->role];
}

/* The board has verified version 1 of everything. */
static void publish(struct trust_world *w, const struct file *f) {
    struct repo *r = &w->repo;
    struct ota_err err;
    if (repo_get(r, "2.root.json"))
        repo_remove(r, "2.root.json");
    r->root_version = f->role == OTA_ROLE_ROOT ? 2 : 1;
    repo_publish(r);
    if (f->role == OTA_ROLE_SNAPSHOT)
        assert_ota_ok(w->kv.port.erase(w->kv.port.ctx, "snapshot", &err));
}

static void test_attack_unsigned(void **state) {
    struct trust_world *w = *state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(files); i++) {
        publish(w, &files[i]);
        attack_sign(&w->repo, files[i].name, (const struct repo_key *const[]){NULL}, 0);
        attack_refused(w, OTA_SIGNATURE, "0 of 1 needed signatures");
        repo_edit(&w->repo, files[i].name, "\"signatures\":[]", "\"signatures\":{}");
        attack_refused(w, OTA_METADATA_TYPE, files[i].name);
        repo_edit(&w->repo, files[i].name, "\"signatures\":{},", "");
        attack_refused(w, OTA_METADATA_FIELD, "signatures");
    }
    attack_is_over(w);
}

/* A good signature by every key of the repository but the right one. */
static void test_attack_wrong_role(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    const struct repo_key *pump[] = {r->pump};
    const struct repo_key *all[] = {r->root, r->targets, r->snapshot, r->timestamp, r->thermo, r->pump, r->rollout};
    for (size_t i = 0; i < OTA_ARRAY_LEN(files); i++) {
        publish(w, &files[i]);
        for (size_t k = 0; k < OTA_ARRAY_LEN(all); k++) {
            if (all[k] == key_of(r, &files[i]))
                continue;
            attack_sign(r, files[i].name, &all[k], 1);
            attack_refused(w, OTA_SIGNATURE, files[i].name);
        }
        /* All of them together are no better, nor is one of them under the right key's name. */
        attack_sign(r, files[i].name, pump, 1);
        repo_edit(r, files[i].name, repo_key_id(r->pump), repo_key_id(key_of(r, &files[i])));
        attack_refused(w, OTA_SIGNATURE, "0 of 1 needed signatures");
    }
    attack_is_over(w);
}

/* From root 2 on two of three must sign; one signature, whichever, is not enough. */
static void test_attack_below_threshold(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    bool unchanged;
    struct ota_err err;
    for (int role = OTA_ROLE_TARGETS; role < OTA_ROLE_COUNT; role++)
        r->role[role] = (struct repo_role){{r->role[role].key[0], r->pump, r->rollout}, 3, 2};
    r->root_version = 2;
    r->targets_version = 2;
    repo_bump(r);
    repo_publish(r);
    assert_ota_ok(trust_run(w, ATTACK_PATH, false, &unchanged, &err));
    static const char *const names[] = {"timestamp.json", "2.targets.json", "2.snapshot.json"};
    for (size_t i = 0; i < OTA_ARRAY_LEN(names); i++) {
        const struct repo_key *key[] = {r->timestamp, r->targets, r->snapshot};
        const struct repo_key *alone[] = {key[i], r->pump, r->rollout};
        for (size_t k = 0; k < OTA_ARRAY_LEN(alone); k++) {
            repo_publish(r);
            attack_sign(r, names[i], &alone[k], 1);
            if (i == 2)
                assert_ota_ok(w->kv.port.erase(w->kv.port.ctx, "snapshot", &err));
            attack_refused(w, OTA_SIGNATURE, "1 of 2 needed signatures");
        }
    }
    attack_is_over(w);
}

/* The same for a delegated role. */
static void test_attack_below_threshold_of_a_delegation(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    const struct repo_key *one[] = {r->thermo}, *two[] = {r->thermo, r->pump}, *twice[] = {r->pump, r->pump};
    OTA_CLEAN_FREE char *delegations =
        ota_sprintf("[{\"keyids\":[\"%s\",\"%s\"],\"name\":\"thermo\",\"paths\":[\"img/thermo/*/"
                    "*\"],\"terminating\":false,\"threshold\":2}]",
                    repo_key_id(r->thermo), repo_key_id(r->pump));
    r->delegations = delegations;
    r->targets_version = 2;
    repo_bump(r);
    repo_publish(r);
    attack_sign(r, "1.thermo.json", one, 1);
    attack_refused_after(w, "ts snapshot roles", OTA_SIGNATURE, "1 of 2 needed signatures");
    attack_refused(w, OTA_SIGNATURE, "1 of 2 needed signatures");
    attack_sign(r, "1.thermo.json", twice, 2);
    attack_refused(w, OTA_SIGNATURE, "two signatures under one keyid");
    struct ota_err err;
    bool unchanged;
    attack_sign(r, "1.thermo.json", two, 2);
    assert_ota_ok(trust_run(w, ATTACK_PATH, false, &unchanged, &err));
}

/* A signature under one keyid twice, in the file and in the list of those who may sign. */
static void test_attack_duplicate_keyid(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    for (size_t i = 0; i < OTA_ARRAY_LEN(files); i++) {
        const struct repo_key *twice[] = {key_of(r, &files[i]), key_of(r, &files[i])};
        publish(w, &files[i]);
        attack_sign(r, files[i].name, twice, 2);
        attack_refused(w, OTA_SIGNATURE, "two signatures under one keyid");
    }
    publish(w, &files[0]);
    OTA_CLEAN_FREE char *once =
        ota_sprintf("\"timestamp\":{\"keyids\":[\"%s\"],\"threshold\":1", repo_key_id(r->timestamp));
    OTA_CLEAN_FREE char *two = ota_sprintf("\"timestamp\":{\"keyids\":[\"%s\",\"%s\"],\"threshold\":2",
                                           repo_key_id(r->timestamp), repo_key_id(r->timestamp));
    trust_edit_root(w, once, two);
    attack_refused(w, OTA_METADATA_FIELD, "2.root.json");
    repo_remove(r, "2.root.json");
    attack_is_over(w);
}

/* ---- one key under two names ---- */

/* Root 2 lists the timestamp's key under a second keyid, spelled as `object`, and asks for two signatures; the timestamp carries the one
 * key's signature twice. */
static void sign_under_two_names(struct trust_world *w, const char *object) {
    struct repo *r = &w->repo;
    const char *id = repo_key_id(r->timestamp);
    char alias[OTA_SHA256_HEX_LEN + 1] = {0};
    memset(alias, 'f', OTA_SHA256_HEX_LEN);
    r->root_version = 2;
    repo_publish(r);
    OTA_CLEAN_FREE char *from = ota_sprintf("\"timestamp\":{\"keyids\":[\"%s\"],\"threshold\":1}", id);
    OTA_CLEAN_FREE char *to = ota_sprintf("\"timestamp\":{\"keyids\":[\"%s\",\"%s\"],\"threshold\":2}", id, alias);
    trust_edit_root(w, from, to);
    OTA_CLEAN_FREE char *more = ota_sprintf(",\"%s\":%s},\"roles\":{\"root\"", alias, object);
    trust_edit_root(w, "},\"roles\":{\"root\"", more);
    const char *text = ota_buf_text(repo_get(r, "timestamp.json"));
    const char *start = strstr(text, "{\"keyid\""), *end = strstr(text, "]");
    OTA_CLEAN_FREE char *one = ota_sprintf("%.*s", (int)(end - start), start);
    OTA_CLEAN_FREE char *both = ota_sprintf("%s,{\"keyid\":\"%s%s", one, alias, one + strlen("{\"keyid\":\"") + 64);
    repo_edit(r, "timestamp.json", one, both);
}

/* The root itself is good, so it may be taken over; the one signature must still not count twice. */
static void expect_counted_once(struct trust_world *w, const char *object) {
    sign_under_two_names(w, object);
    attack_refused_after(w, "root rotated ts roles snapshot", OTA_SIGNATURE, "1 of 2 needed signatures");
    attack_refused(w, OTA_SIGNATURE, "1 of 2 needed signatures");
}

static void test_attack_same_key_under_two_keyids(void **state) {
    struct trust_world *w = *state;
    expect_counted_once(w, repo_key_object(w->repo.timestamp));
}

/* The old keytype is another spelling of the same key. */
static void test_attack_same_key_under_two_keytypes(void **state) {
    struct trust_world *w = *state;
    const char *rest = repo_key_object(w->repo.timestamp) + strlen("{\"keytype\":\"ecdsa\"");
    OTA_CLEAN_FREE char *object = ota_sprintf("{\"keytype\":\"ecdsa-sha2-nistp256\"%s", rest);
    expect_counted_once(w, object);
}

static void use_timestamp_key(struct trust_world *w, const char *type) {
    struct repo *r = &w->repo;
    repo_key_free(r->timestamp);
    r->timestamp = repo_key_new(type);
    r->role[OTA_ROLE_TIMESTAMP].key[0] = r->timestamp;
}

static void test_attack_same_ed25519_key_in_other_letters(void **state) {
    struct trust_world *w = *state;
    use_timestamp_key(w, "ed25519");
    OTA_CLEAN_FREE char *object = ota_strdup(repo_key_object(w->repo.timestamp));
    for (char *p = strstr(object, "\"public\":\"") + strlen("\"public\":\""); *p != '"'; p++)
        *p = (char)toupper((unsigned char)*p);
    sign_under_two_names(w, object);
    attack_refused(w, OTA_KEY, "64 hex digits"); /* of the one spelling that is read */
    use_timestamp_key(w, "ed25519");
    expect_counted_once(w, repo_key_object(w->repo.timestamp));
}

/* A PEM may be wrapped and padded otherwise and is still the same key. */
static void test_attack_same_rsa_key_in_another_pem(void **state) {
    struct trust_world *w = *state;
    use_timestamp_key(w, "rsa");
    const char *object = repo_key_object(w->repo.timestamp);
    const char *end = strstr(object, "\\n-----END");
    assert_non_null(end);
    OTA_CLEAN_FREE char *wrapped = ota_sprintf("%.*s\\n%s", (int)(end - object - 4), object, end - 4);
    expect_counted_once(w, wrapped);
}

/* An RSA or ed25519 key beside P-256: each is asked for its own scheme's signature. */
static void test_attack_signature_of_another_scheme(void **state) {
    struct trust_world *w = *state;
    struct repo *r = &w->repo;
    static const char *const types[] = {"ed25519", "rsa"};
    for (size_t i = 0; i < OTA_ARRAY_LEN(types); i++) {
        use_timestamp_key(w, types[i]);
        r->root_version = 2 + (unsigned)i;
        repo_publish(r);
        repo_edit_signed(r, "timestamp.json", "1.0.31", "1.0.32", r->pump);
        repo_edit(r, "timestamp.json", repo_key_id(r->pump), repo_key_id(r->timestamp));
        attack_refused_after(w, "root rotated ts roles snapshot", OTA_SIGNATURE, "0 of 1 needed signatures");
        attack_refused(w, OTA_SIGNATURE, "0 of 1 needed signatures");
    }
    repo_publish(r);
    attack_is_over(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ATTACK_TEST(test_attack_unsigned),
        ATTACK_TEST(test_attack_wrong_role),
        ATTACK_TEST(test_attack_below_threshold),
        ATTACK_TEST(test_attack_below_threshold_of_a_delegation),
        ATTACK_TEST(test_attack_duplicate_keyid),
        ATTACK_TEST(test_attack_same_key_under_two_keyids),
        ATTACK_TEST(test_attack_same_key_under_two_keytypes),
        ATTACK_TEST(test_attack_same_ed25519_key_in_other_letters),
        ATTACK_TEST(test_attack_same_rsa_key_in_another_pem),
        ATTACK_TEST(test_attack_signature_of_another_scheme),
    };
    return cmocka_run_group_tests_name("attack_signatures", tests, NULL, NULL);
}
