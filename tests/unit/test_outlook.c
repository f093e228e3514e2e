/* SPDX-License-Identifier: Apache-2.0 */
/* Who holds which key, when is expiry said, and what does a thief get: the judgement behind status, healthz and log. */
#include <string.h>

#include "store/outlook.h"
#include "support/unit.h"

#define NOW 1790000000u
#define DAY 86400u

static const char key_a[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static const char key_b[] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
static const char key_c[] = "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc";

static struct ota_outlook_role role(const char *name, uint64_t left, size_t here) {
    struct ota_outlook_role r = {.version = 3, .expires = NOW + left, .threshold = 1, .keys = 1, .here = here};
    (void)ota_format(r.name, sizeof r.name, "%s", name);
    return r;
}

static const char *said(const struct ota_outlook_role *r, enum ota_outlook_level wanted) {
    static char text[OTA_ERR_MSG_MAX];
    assert_int_equal(ota_outlook_judge(r, NOW, text), wanted);
    assert_int_equal(text[0] == '\0', wanted == OTA_OUTLOOK_WELL);
    return text;
}

static void test_outlook_thresholds_of_offline_roles(void **state) {
    static const char *const names[] = {"root", "targets", "thermo"};
    (void)state;
    for (size_t i = 0; i < 3; i++)
        for (size_t here = 0; here < 2; here++) {
            struct ota_outlook_role r = role(names[i], 60 * DAY, here);
            (void)said(&r, OTA_OUTLOOK_WELL);
            r.expires = NOW + 60 * DAY - 1;
            assert_non_null(strstr(said(&r, OTA_OUTLOOK_WARNING), "less than 60 days"));
            r.expires = NOW + 30 * DAY;
            assert_non_null(strstr(said(&r, OTA_OUTLOOK_WARNING), "less than 60 days"));
            r.expires = NOW + 30 * DAY - 1;
            assert_non_null(strstr(said(&r, OTA_OUTLOOK_WARNING), "less than 30 days"));
            r.expires = NOW + 7 * DAY;
            assert_non_null(strstr(said(&r, OTA_OUTLOOK_WARNING), "less than 30 days"));
            r.expires = NOW + 7 * DAY - 1;
            assert_non_null(strstr(said(&r, OTA_OUTLOOK_WARNING), "in 6 days"));
            r.expires = NOW;
            assert_non_null(strstr(said(&r, OTA_OUTLOOK_EXPIRED), "expired on"));
        }
}

/* A log that tells only new text then speaks every day. */
static void test_outlook_text_changes_daily_below_7_days(void **state) {
    char before[OTA_ERR_MSG_MAX] = "", text[OTA_ERR_MSG_MAX];
    struct ota_outlook_role r = role("root", 0, 1);
    (void)state;
    for (int day = 6; day >= -3; day--) {
        r.expires = (uint64_t)((int64_t)NOW + day * (int64_t)DAY + 10);
        (void)ota_outlook_judge(&r, NOW, text);
        assert_string_not_equal(text, before);
        memcpy(before, text, sizeof before);
    }
}

static void test_outlook_thresholds_of_online_roles(void **state) {
    static const struct {
        const char *name;
        uint64_t below; /* days */
    } online[] = {{"snapshot", 7}, {"rollout", 7}, {"timestamp", 4}};
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(online); i++) {
        struct ota_outlook_role r = role(online[i].name, online[i].below * DAY, 1);
        (void)said(&r, OTA_OUTLOOK_WELL);
        r.expires--;
        assert_non_null(strstr(said(&r, OTA_OUTLOOK_WARNING), "start it"));
        r.expires = NOW - 1;
        (void)said(&r, OTA_OUTLOOK_EXPIRED);
    }
}

static void test_outlook_warns_of_an_online_role_without_its_key(void **state) {
    static const char *const online[] = {"timestamp", "snapshot", "rollout"};
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(online); i++) {
        struct ota_outlook_role r = role(online[i], 30 * DAY, 0);
        assert_non_null(strstr(said(&r, OTA_OUTLOOK_WARNING), "otactl root rotate"));
        r.expires = NOW;
        (void)said(&r, OTA_OUTLOOK_EXPIRED);
    }
}

static void test_outlook_says_who_must_do_what(void **state) {
    struct ota_outlook_role r = role("root", 10 * DAY, 1);
    (void)state;
    assert_non_null(strstr(said(&r, OTA_OUTLOOK_WARNING), "Run: otactl renew root"));
    r.here = 0;
    assert_non_null(strstr(said(&r, OTA_OUTLOOK_WARNING), "otactl renew root --key FILE"));
    r = role("thermo", 10 * DAY, 1);
    assert_non_null(strstr(said(&r, OTA_OUTLOOK_WARNING), "otaserve renews it"));
    r.threshold = 2;
    assert_non_null(strstr(said(&r, OTA_OUTLOOK_WARNING), "2 of its keys must sign"));
    assert_false(ota_outlook_renewed(&r));
}

static void test_outlook_certificate(void **state) {
    char text[OTA_ERR_MSG_MAX];
    (void)state;
    assert_int_equal(ota_outlook_judge_tls(NOW + 60 * DAY, NOW, text), OTA_OUTLOOK_WELL);
    assert_int_equal(ota_outlook_judge_tls(NOW + 59 * DAY, NOW, text), OTA_OUTLOOK_WARNING);
    assert_non_null(strstr(text, "keys/server.crt"));
    assert_int_equal(ota_outlook_judge_tls(NOW, NOW, text), OTA_OUTLOOK_EXPIRED);
}

/* ---- custody ---------------------------------------------------------------------------------------------- */

static void add_role(struct ota_repo_info *info, const char *name, uint32_t threshold, const char *const *keyid) {
    struct ota_repo_role_info *r = &info->role[info->role_count++];
    (void)ota_format(r->name, sizeof r->name, "%s", name);
    r->expires = NOW + 1000 * DAY + info->role_count;
    r->threshold = threshold;
    for (; keyid[r->key_count]; r->key_count++)
        r->keyid_crc[r->key_count] = ota_keyid_crc(ota_span_str(keyid[r->key_count]));
}

static void add_key(struct ota_key_list *list, const char *keyid, bool token, const char *file) {
    struct ota_key_place *k = &list->key[list->count++];
    (void)ota_format(k->keyid, sizeof k->keyid, "%s", keyid);
    (void)ota_format(k->file, sizeof k->file, "%s", file);
    k->token = token;
}

struct custody {
    struct ota_repo_info info;
    struct ota_key_list keys;
    struct ota_outlook outlook;
};
static int set_up(void **state) {
    struct custody *c = ota_calloc(1, sizeof *c);
    add_role(&c->info, "root", 2, (const char *const[]){key_a, key_b, key_c, NULL});
    add_role(&c->info, "targets", 1, (const char *const[]){key_b, NULL});
    add_role(&c->info, "thermo", 1, (const char *const[]){key_c, NULL});
    add_role(&c->info, "timestamp", 1, (const char *const[]){key_a, NULL});
    *state = c;
    return 0;
}
static int tear_down(void **state) {
    free(*state);
    return 0;
}

static const char *theft(struct custody *c) {
    static char text[1024];
    OTA_CLEAN(ota_buf_free) struct ota_buf lines = {0};
    ota_outlook_find(&c->info, &c->keys, &c->outlook);
    ota_outlook_theft(&c->outlook, &lines);
    (void)ota_format(text, sizeof text, "%s", ota_buf_text(&lines));
    return text;
}

static void test_outlook_knows_keys_by_keyid(void **state) {
    struct custody *c = *state;
    add_key(&c->keys, key_c, false, "root.old.pem"); /* whatever the file is called */
    add_key(&c->keys, key_b, true, "targets.uri");
    add_key(&c->keys, "", false, "thermo.pem");
    ota_outlook_find(&c->info, &c->keys, &c->outlook);
    assert_int_equal(c->outlook.count, 4);
    assert_string_equal(c->outlook.role[0].holder, "2 of 3, 2 keys here: keys/targets.uri (HSM), keys/root.old.pem");
    assert_string_equal(c->outlook.role[1].holder, "keys/targets.uri (HSM)");
    assert_string_equal(c->outlook.role[2].holder, "keys/root.old.pem, keys/thermo.pem (encrypted)");
    assert_string_equal(c->outlook.role[3].holder, "elsewhere");
    assert_int_equal(c->outlook.role[3].here, 0);
}

static void test_outlook_theft_falls_with_each_key_that_leaves(void **state) {
    struct custody *c = *state;
    add_key(&c->keys, key_c, false, "thermo.pem");
    add_key(&c->keys, key_b, false, "targets.pem");
    assert_non_null(strstr(theft(c), "change every key")); /* the two also sign for root */
    assert_non_null(strstr(theft(c), "add products"));
    assert_non_null(strstr(theft(c), "sign any release of thermo"));
    c->keys.count = 1;
    assert_null(strstr(theft(c), "change every key"));
    assert_null(strstr(theft(c), "add products"));
    assert_non_null(strstr(theft(c), "sign any release of thermo"));
    c->keys.count = 0;
    add_key(&c->keys, key_a, false, "timestamp.pem");
    assert_string_equal(theft(c), "only choose among releases that were signed for a channel, never an older one\n");
}

static void test_outlook_next_is_the_first_a_person_must_renew(void **state) {
    struct custody *c = *state;
    add_key(&c->keys, key_c, false, "thermo.pem");
    ota_outlook_find(&c->info, &c->keys, &c->outlook);
    assert_string_equal(ota_outlook_next(&c->outlook)->name, "root");
    c->outlook.role[1].expires = NOW;
    c->outlook.role[2].expires = NOW - 1; /* otaserve renews that one */
    assert_string_equal(ota_outlook_next(&c->outlook)->name, "targets");
}

static void test_outlook_key_list_round_trip(void **state) {
    struct custody *c = *state;
    static const char *const bad[] = {"- file",
                                      "- file ../x.pem\n",
                                      "- disk root.pem\n",
                                      "zz file root.pem\n",
                                      "- file tls-ca.pem\n",
                                      "- file root.A.pem\n"};
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    struct ota_key_list again;
    struct ota_err err;
    add_key(&c->keys, key_a, false, "root.pem");
    add_key(&c->keys, "", true, "targets.laptop-2.uri");
    ota_key_list_write(&c->keys, &text);
    assert_int_equal(ota_key_list_read(ota_buf_span(&text), &again, &err), OTA_OK);
    assert_int_equal(again.count, 2);
    assert_string_equal(again.key[0].keyid, key_a);
    assert_true(again.key[1].token);
    assert_string_equal(again.key[1].file, "targets.laptop-2.uri");
    for (size_t i = 0; i < OTA_ARRAY_LEN(bad); i++)
        assert_int_equal(ota_key_list_read(ota_span_str(bad[i]), &again, &err), OTA_INTERNAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outlook_thresholds_of_offline_roles),
        cmocka_unit_test(test_outlook_text_changes_daily_below_7_days),
        cmocka_unit_test(test_outlook_thresholds_of_online_roles),
        cmocka_unit_test(test_outlook_warns_of_an_online_role_without_its_key),
        cmocka_unit_test(test_outlook_says_who_must_do_what),
        cmocka_unit_test(test_outlook_certificate),
        cmocka_unit_test_setup_teardown(test_outlook_knows_keys_by_keyid, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_outlook_theft_falls_with_each_key_that_leaves, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_outlook_next_is_the_first_a_person_must_renew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_outlook_key_list_round_trip, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
