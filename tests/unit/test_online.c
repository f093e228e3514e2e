/* SPDX-License-Identifier: Apache-2.0 */
/* The signer's judgement: what it signs, when, and what it refuses. */
#include <stdio.h>
#include <time.h>

#include "host/crypto.h"
#include "host/fs.h"
#include "host/role_file.h"
#include "host/rollout.h"
#include "sign/online.h"
#include "sign/role.h"
#include "sign/sign.h"
#include "support/signed_workspace.h"
#include "support/unit.h"

#define T0 1790000000ull
#define HOUR 3600ull
#define DAY 86400ull
#define YEAR (365ull * DAY)

static struct signed_workspace ws;
static struct ota_keyring keys;
static struct ota_last_signed past, after; /* as remembered; as it is once the answer is taken */
static struct ota_err err;

/* What a daemon would hold: the current files. */
static struct ota_buf root, targets, thermo, valve, rollout, snapshot, timestamp;

static void read_file(const char *name, struct ota_buf *out) {
    OTA_CLEAN_FREE char *path = ota_workspace_path(&ws.w, "state/repo/metadata/%s", name);
    assert_ota_ok(ota_fs_read(path, OTA_METADATA_MAX, out, &err));
}
static void read_numbered(const char *role, struct ota_buf *out) {
    OTA_CLEAN_FREE char *name = ota_sprintf("%llu.%s.json", T0, role);
    read_file(name, out);
}

static int set_up(void **state) {
    (void)state;
    OTA_CLEAN_FREE char *dir = NULL;
    signed_workspace_make(&ws, T0);
    dir = ota_workspace_path(&ws.w, "keys");
    assert_ota_ok(ota_keyring_load(&keys, dir, &err));
    assert_ota_ok(ota_last_signed_read(dir, &past, &err));
    read_file("1.root.json", &root);
    read_file("1.targets.json", &targets);
    read_file("1.thermo.json", &thermo);
    read_file("1.valve.json", &valve);
    read_numbered("rollout", &rollout);
    read_numbered("snapshot", &snapshot);
    read_file("timestamp.json", &timestamp);
    return 0;
}
static int tear_down(void **state) {
    (void)state;
    struct ota_buf *all[] = {&root, &targets, &thermo, &valve, &rollout, &snapshot, &timestamp};
    for (size_t i = 0; i < OTA_ARRAY_LEN(all); i++)
        ota_buf_free(all[i]);
    ota_keyring_free(&keys);
    signed_workspace_remove(&ws);
    return 0;
}

static const struct ota_key *key_of(const char *role) {
    for (size_t i = 0; i < keys.count; i++)
        if (strcmp(keys.entry[i].role, role) == 0)
            return keys.entry[i].key;
    fail_msg("no key of %s", role);
    return NULL;
}

static struct ota_online_proposal proposal(uint64_t now, const char *wanted) {
    return (struct ota_online_proposal){
        .now = now,
        .root_count = 1,
        .root = {ota_buf_span(&root)},
        .targets = ota_buf_span(&targets),
        .snapshot = ota_buf_span(&snapshot),
        .timestamp = ota_buf_span(&timestamp),
        .rollout = ota_buf_span(&rollout),
        .wanted = ota_span_str(wanted),
        .product_count = 2,
        .product = {ota_buf_span(&thermo), ota_buf_span(&valve)},
    };
}

static void adopt(struct ota_buf *from, struct ota_buf *to) {
    if (from->len == 0)
        return;
    ota_buf_free(to);
    *to = *from;
    *from = (struct ota_buf){0};
}

/* What was signed becomes current, as publishing does it. */
static void take(struct ota_online_answer *a) {
    past = after;
    adopt(&a->rollout, &rollout);
    adopt(&a->snapshot, &snapshot);
    adopt(&a->timestamp, &timestamp);
    adopt(&a->targets, &targets);
    adopt(&a->product[0], &thermo);
    adopt(&a->product[1], &valve);
    ota_online_answer_free(a);
}

static enum ota_status sign(const struct ota_online_proposal *p, struct ota_online_answer *a) {
    *a = (struct ota_online_answer){0};
    after = past;
    return ota_online_sign(&keys, p, &after, a, &err);
}

static void sign_and_take(uint64_t now, const char *wanted) {
    struct ota_online_answer a;
    const struct ota_online_proposal p = proposal(now, wanted);
    assert_ota_ok(sign(&p, &a));
    take(&a);
}

static void assert_refused(const struct ota_online_proposal *p, enum ota_status wanted) {
    struct ota_online_answer a;
    assert_ota(sign(p, &a), wanted);
    assert_int_equal(a.timestamp.len + a.snapshot.len + a.rollout.len + a.targets.len, 0);
}

static uint64_t version_of(const struct ota_buf *wire, const char *type) {
    OTA_CLEAN(ota_role_file_free) struct ota_role_file f = {0};
    ota_role_file_set(&f, "any", ota_buf_span(wire));
    assert_ota_ok(ota_role_file_parse(&f, type, &err));
    return f.meta.version;
}

static uint64_t expiry_of(const struct ota_buf *wire, const char *type) {
    OTA_CLEAN(ota_role_file_free) struct ota_role_file f = {0};
    ota_role_file_set(&f, "any", ota_buf_span(wire));
    assert_ota_ok(ota_role_file_parse(&f, type, &err));
    return f.meta.expires;
}

static struct ota_channel channel(const char *name) {
    OTA_CLEAN(ota_role_file_free) struct ota_role_file f = {0};
    static struct ota_rollout list;
    ota_role_file_set(&f, "rollout", ota_buf_span(&rollout));
    assert_ota_ok(ota_role_file_parse(&f, "targets", &err));
    assert_ota_ok(ota_rollout_read(&f.meta, &list, &err));
    const struct ota_rollout_channel *c = ota_rollout_find(&list, "thermo", name);
    assert_non_null(c);
    return c->channel;
}

static void add_release_from(uint32_t counter, uint32_t from_min) {
    OTA_CLEAN(ota_buf_free) struct ota_buf next = {0};
    struct ota_release r;
    uint64_t version;
    signed_workspace_release(&r, counter, "any");
    r.from_min = from_min;
    const struct ota_sign_release in = {{1, {key_of("thermo")}}, &r, ota_buf_span(&thermo), ota_buf_span(&rollout), T0};
    assert_ota_ok(ota_sign_release(&in, &next, &version, &err));
    assert_int_equal(version, version_of(&thermo, "targets") + 1);
    adopt(&next, &thermo);
}
static void add_release(uint32_t counter) {
    add_release_from(counter, 0);
}

/* ---- what is due ------------------------------------------------------------------------------------------ */

static void test_online_signs_nothing_that_is_not_due(void **state) {
    (void)state;
    struct ota_online_answer a;
    const struct ota_online_proposal p = proposal(T0 + DAY - 1, "");
    assert_ota_ok(sign(&p, &a));
    assert_int_equal(a.timestamp.len + a.snapshot.len + a.rollout.len + a.targets.len, 0);
}

static void test_online_signs_the_timestamp_alone_after_a_day(void **state) {
    (void)state;
    struct ota_online_answer a;
    const struct ota_online_proposal p = proposal(T0 + DAY, "");
    assert_ota_ok(sign(&p, &a));
    assert_int_equal(a.snapshot.len + a.rollout.len, 0);
    take(&a);
    assert_int_equal(version_of(&timestamp, "timestamp"), T0 + DAY);
    assert_int_equal(expiry_of(&timestamp, "timestamp"), T0 + DAY + 7 * DAY);
}

static void test_online_signs_snapshot_and_rollout_under_ten_days(void **state) {
    (void)state;
    sign_and_take(T0 + 20 * DAY, "");
    assert_int_equal(version_of(&snapshot, "snapshot"), T0);
    sign_and_take(T0 + 20 * DAY + 1, "");
    assert_int_equal(version_of(&snapshot, "snapshot"), T0 + 20 * DAY + 1);
    assert_int_equal(version_of(&rollout, "targets"), T0 + 20 * DAY + 1);
    assert_int_equal(expiry_of(&rollout, "targets"), T0 + 50 * DAY + 1);
}

static void test_online_versions_grow_within_one_second(void **state) {
    (void)state;
    add_release(1);
    sign_and_take(T0, "thermo stable 1 10 *\n");
    assert_int_equal(version_of(&rollout, "targets"), T0 + 1);
    assert_int_equal(version_of(&snapshot, "snapshot"), T0 + 1);
    assert_int_equal(version_of(&timestamp, "timestamp"), T0 + 1);
    sign_and_take(T0, "thermo stable 1 20 *\n");
    assert_int_equal(version_of(&timestamp, "timestamp"), T0 + 2);
}

static void test_online_renews_offline_roles_whose_keys_are_here(void **state) {
    (void)state;
    sign_and_take(T0 + 1096 * DAY - YEAR, "");
    assert_int_equal(version_of(&targets, "targets"), 1);
    sign_and_take(T0 + 1096 * DAY - YEAR + 1, "");
    assert_int_equal(version_of(&targets, "targets"), 2);
    assert_int_equal(version_of(&thermo, "targets"), 2);
    assert_int_equal(version_of(&valve, "targets"), 2);
    assert_int_equal(expiry_of(&thermo, "targets"), T0 + 2 * 1096 * DAY - YEAR + 1);
    sign_and_take(T0 + 1096 * DAY - YEAR + 2, ""); /* and the renewed roles are good to go on from */
    assert_int_equal(version_of(&targets, "targets"), 2);
}

static void test_online_leaves_offline_roles_whose_keys_are_away(void **state) {
    (void)state;
    for (size_t i = 0; i < keys.count; i++)
        if (strcmp(keys.entry[i].role, "thermo") == 0) {
            ota_key_free(&keys.entry[i].key); /* another key under its name is as good as none */
            assert_ota_ok(ota_key_generate(&keys.entry[i].key, &err));
        }
    sign_and_take(T0 + 3 * YEAR - 10, "");
    assert_int_equal(version_of(&thermo, "targets"), 1);
    assert_int_equal(version_of(&valve, "targets"), 2);
}

static void test_online_renewal_keeps_releases(void **state) {
    (void)state;
    add_release(1);
    sign_and_take(T0 + 1, "thermo stable 1 1000 *\n");
    sign_and_take(T0 + 1096 * DAY - YEAR + 9, "");
    uint32_t counter;
    assert_int_equal(version_of(&thermo, "targets"), 3);
    assert_ota_ok(ota_sign_next_counter(ota_buf_span(&thermo), "thermo", &counter, &err));
    assert_int_equal(counter, 2);
}

static void assert_same_but_for_signatures(const struct ota_buf *a, const struct ota_buf *b) {
    const char *x = strstr(ota_buf_text(a), "\"signed\":"), *y = strstr(ota_buf_text(b), "\"signed\":");
    assert_non_null(x);
    assert_non_null(y);
    /* Before OpenSSL 3.2 the nonce is random, so signatures and the digests of signed files differ. */
    if (!strstr(x, "\"sha256\""))
        assert_string_equal(x, y);
}

static void test_online_same_input_and_clock_give_the_same_content(void **state) {
    (void)state;
    struct ota_online_answer a, b;
    add_release(1);
    const struct ota_online_proposal p = proposal(T0 + 5, "thermo stable 1 250 early,*\n");
    assert_ota_ok(sign(&p, &a));
    assert_ota_ok(sign(&p, &b));
    assert_same_but_for_signatures(&a.timestamp, &b.timestamp);
    const char *x = strstr(ota_buf_text(&a.rollout), "\"signed\":"),
               *y = strstr(ota_buf_text(&b.rollout), "\"signed\":");
    assert_string_equal(x, y); /* salts and all */
    ota_online_answer_free(&a);
    ota_online_answer_free(&b);
}

/* ---- channels --------------------------------------------------------------------------------------------- */

static void test_online_salt_is_kept_while_the_share_grows(void **state) {
    (void)state;
    add_release(1);
    sign_and_take(T0 + 1, "thermo stable 1 10 *\n");
    struct ota_channel first = channel("stable");
    assert_int_equal(strlen(first.salt), 16);
    sign_and_take(T0 + 2, "thermo stable 1 500 *\n");
    assert_string_equal(channel("stable").salt, first.salt);
    assert_int_equal(channel("stable").permille, 500);
    add_release(2);
    sign_and_take(T0 + 3, "thermo stable 2 500 *\n");
    assert_string_not_equal(channel("stable").salt, first.salt);
}

static void test_online_wanting_what_is_changes_nothing(void **state) {
    (void)state;
    struct ota_online_answer a;
    add_release(1);
    sign_and_take(T0 + 1, "thermo stable 1 10 *\n");
    const struct ota_online_proposal p = proposal(T0 + 2, "thermo stable 1 10 *\n");
    assert_ota_ok(sign(&p, &a));
    assert_int_equal(a.timestamp.len + a.snapshot.len + a.rollout.len, 0);
}

static void test_online_path_leads_old_boards_over_stepping_stones(void **state) {
    (void)state;
    add_release(1);
    sign_and_take(T0 + 1, "thermo stable 1 1000 *\n");
    add_release_from(12, 1); /* over 1 or newer */
    sign_and_take(T0 + 2, "thermo stable 12 1000 *\n");
    assert_int_equal(channel("stable").path_count, 2);
    add_release_from(30, 12);
    sign_and_take(T0 + 3, "thermo stable 30 1000 *\n");
    add_release_from(37, 30);
    sign_and_take(T0 + 4, "thermo stable 37 1000 *\n");
    struct ota_channel c = channel("stable");
    static const uint32_t path[] = {1, 12, 30, 37};
    assert_int_equal(c.path_count, OTA_ARRAY_LEN(path));
    for (size_t i = 0; i < OTA_ARRAY_LEN(path); i++)
        assert_int_equal(c.path[i], path[i]);
    add_release(38); /* installs over anything: no stones, and those before may go */
    sign_and_take(T0 + 5, "thermo stable 38 1000 *\n");
    assert_int_equal(channel("stable").path_count, 1);
}

static void test_online_refuses_to_lower_a_channel(void **state) {
    (void)state;
    add_release(1);
    add_release(2);
    sign_and_take(T0 + 1, "thermo stable 2 1000 *\n");
    const struct ota_online_proposal p = proposal(T0 + 2, "thermo stable 1 1000 *\n");
    assert_refused(&p, OTA_COUNTER);
}

static void test_online_refuses_channels_and_releases_nobody_signed(void **state) {
    (void)state;
    struct ota_online_proposal p;
    add_release(1);
    p = proposal(T0 + 1, "thermo beta 1 1000 *\n");
    assert_refused(&p, OTA_CHANNEL);
    p = proposal(T0 + 1, "thermo stable 2 1000 *\n");
    assert_refused(&p, OTA_NOT_FOUND);
    p = proposal(T0 + 1, "gizmo stable 1 1000 *\n");
    assert_refused(&p, OTA_NOT_FOUND);
}

static void test_online_refuses_a_role_that_drops_what_a_channel_offers(void **state) {
    (void)state;
    add_release(1);
    OTA_CLEAN(ota_buf_free) struct ota_buf empty = {0};
    sign_and_take(T0 + 1, "thermo stable 1 1000 *\n");
    struct ota_release other;
    signed_workspace_release(&other, 7, "any");
    const struct ota_release *list[] = {&other};
    const struct ota_role_product next = {.version = 9, .expires = T0 + YEAR, .count = 1, .release = list};
    const struct ota_role_keys by = {.count = 1, .key = {key_of("thermo")}};
    assert_ota_ok(ota_role_product(&next, &by, &empty, &err));
    struct ota_online_proposal p = proposal(T0 + 2, "");
    p.product[0] = ota_buf_span(&empty);
    assert_refused(&p, OTA_CHANNEL);
}

static void test_online_refuses_malformed_wishes(void **state) {
    (void)state;
    static const char *const bad[] = {
        "\n",
        "thermo\n",
        "thermo stable 1 1000\n",
        "thermo stable 1 1000 \n",
        "thermo stable 1 1001 *\n",
        "thermo stable -1 1000 *\n",
        "thermo stable 1 1000 * *\n",
        "thermo stable 1 1000 a,,b\n",
        "thermo ../x 1 1000 *\n",
        "thermo stable 4294967297 1000 *\n",
    };
    add_release(1);
    for (size_t i = 0; i < OTA_ARRAY_LEN(bad); i++) {
        const struct ota_online_proposal p = proposal(T0 + 1, bad[i]);
        assert_refused(&p, OTA_ARGUMENT);
    }
}

/* ---- what it does not believe ----------------------------------------------------------------------------- */

static void test_online_refuses_another_root(void **state) {
    (void)state;
    struct ota_role_root other = {.version = 2, .expires = T0 + YEAR};
    OTA_CLEAN(ota_key_free) struct ota_key *mine = NULL;
    OTA_CLEAN(ota_buf_free) struct ota_buf wire = {0};
    assert_ota_ok(ota_key_generate(&mine, &err));
    for (size_t i = 0; i < OTA_ROLE_COUNT; i++)
        other.by[i] = ota_role_by_key(ota_key_public(mine));
    const struct ota_role_keys by = {.count = 1, .key = {mine}};
    assert_ota_ok(ota_role_root(&other, &by, &wire, &err));
    struct ota_online_proposal p = proposal(T0 + 2 * DAY, "");
    p.root[0] = ota_buf_span(&wire);
    assert_refused(&p, OTA_KEY);
}

static void test_online_refuses_a_role_signed_by_another_products_key(void **state) {
    (void)state;
    OTA_CLEAN(ota_buf_free) struct ota_buf wire = {0};
    const struct ota_role_product role = {.version = 2, .expires = T0 + YEAR};
    const struct ota_role_keys by = {.count = 1, .key = {key_of("valve")}};
    assert_ota_ok(ota_role_product(&role, &by, &wire, &err));
    struct ota_online_proposal p = proposal(T0 + 1, "");
    p.product[0] = ota_buf_span(&wire);
    assert_refused(&p, OTA_SIGNATURE);
}

static void test_online_refuses_to_lower_a_version(void **state) {
    (void)state;
    OTA_CLEAN(ota_buf_free) struct ota_buf first = {0};
    ota_buf_append(&first, thermo.p, thermo.len);
    add_release(1);
    sign_and_take(T0 + 1, "");
    struct ota_online_proposal p = proposal(T0 + 2, "");
    p.product[0] = ota_buf_span(&first);
    assert_refused(&p, OTA_ROLLBACK);
}

static void test_online_refuses_other_content_under_a_published_version(void **state) {
    (void)state;
    OTA_CLEAN(ota_buf_free) struct ota_buf wire = {0};
    const struct ota_role_product role = {.version = 1, .expires = T0 + YEAR};
    const struct ota_role_keys by = {.count = 1, .key = {key_of("thermo")}};
    assert_ota_ok(ota_role_product(&role, &by, &wire, &err));
    struct ota_online_proposal p = proposal(T0 + 1, "");
    p.product[0] = ota_buf_span(&wire);
    struct ota_online_answer a;
    assert_true(sign(&p, &a) == OTA_HASH || err.code == OTA_LENGTH);
    assert_int_equal(a.timestamp.len, 0);
}

static void test_online_refuses_a_new_role_that_has_expired(void **state) {
    (void)state;
    OTA_CLEAN(ota_buf_free) struct ota_buf wire = {0};
    const struct ota_role_product role = {.version = 2, .expires = T0};
    const struct ota_role_keys by = {.count = 1, .key = {key_of("thermo")}};
    assert_ota_ok(ota_role_product(&role, &by, &wire, &err));
    struct ota_online_proposal p = proposal(T0 + 1, "");
    p.product[0] = ota_buf_span(&wire);
    assert_refused(&p, OTA_EXPIRED);
}

static void test_online_refuses_current_files_that_do_not_belong_together(void **state) {
    (void)state;
    OTA_CLEAN(ota_buf_free) struct ota_buf old = {0};
    ota_buf_append(&old, rollout.p, rollout.len);
    add_release(1);
    sign_and_take(T0 + 1, "thermo stable 1 10 *\n");
    struct ota_online_proposal p = proposal(T0 + 2, "");
    p.rollout = ota_buf_span(&old); /* an older rollout would forget what was offered */
    assert_refused(&p, OTA_VERSION);
    p = proposal(T0 + 2, "");
    p.rollout = (struct ota_span){0};
    assert_refused(&p, OTA_ARGUMENT);
    p = proposal(T0 + 2, "");
    p.product_count = 1;
    assert_refused(&p, OTA_ARGUMENT);
}

/* ---- the clock -------------------------------------------------------------------------------------------- */

static void test_online_refuses_a_clock_before_its_last_signature(void **state) {
    (void)state;
    struct ota_online_proposal p = proposal(T0 - 1, "");
    assert_refused(&p, OTA_CLOCK);
    assert_non_null(strstr(err.msg, "--clock-ok"));
    p.clock_ok = true;
    struct ota_online_answer a;
    assert_ota_ok(sign(&p, &a));
    take(&a);
    assert_int_equal(version_of(&timestamp, "timestamp"), T0 + 1); /* versions grow all the same */
    assert_int_equal(expiry_of(&timestamp, "timestamp"), T0 - 1 + 7 * DAY);
}

static void test_online_refuses_a_clock_past_an_offline_role(void **state) {
    (void)state;
    struct ota_online_proposal p = proposal(T0 + 1097 * DAY, ""); /* targets: 3 years */
    assert_refused(&p, OTA_ISSUED);
    p.clock_ok = true;
    sign_and_take(T0 + 1, "");
    struct ota_online_answer a;
    assert_ota_ok(sign(&p, &a)); /* someone vouches for the clock: targets is renewed first */
    assert_true(a.targets.len > 0);
    take(&a);
    p = proposal(T0 + 3653 * DAY, ""); /* root: 10 years; no word helps, boards would refuse */
    p.clock_ok = true;
    assert_refused(&p, OTA_ISSUED);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_online_signs_nothing_that_is_not_due),
        T(test_online_signs_the_timestamp_alone_after_a_day),
        T(test_online_signs_snapshot_and_rollout_under_ten_days),
        T(test_online_versions_grow_within_one_second),
        T(test_online_renews_offline_roles_whose_keys_are_here),
        T(test_online_leaves_offline_roles_whose_keys_are_away),
        T(test_online_renewal_keeps_releases),
        T(test_online_same_input_and_clock_give_the_same_content),
        T(test_online_salt_is_kept_while_the_share_grows),
        T(test_online_wanting_what_is_changes_nothing),
        T(test_online_path_leads_old_boards_over_stepping_stones),
        T(test_online_refuses_to_lower_a_channel),
        T(test_online_refuses_channels_and_releases_nobody_signed),
        T(test_online_refuses_a_role_that_drops_what_a_channel_offers),
        T(test_online_refuses_malformed_wishes),
        T(test_online_refuses_another_root),
        T(test_online_refuses_a_role_signed_by_another_products_key),
        T(test_online_refuses_to_lower_a_version),
        T(test_online_refuses_other_content_under_a_published_version),
        T(test_online_refuses_a_new_role_that_has_expired),
        T(test_online_refuses_current_files_that_do_not_belong_together),
        T(test_online_refuses_a_clock_before_its_last_signature),
        T(test_online_refuses_a_clock_past_an_offline_role),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
