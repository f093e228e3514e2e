/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The golden examples of manifests/examples: every signature, version, length and digest holds, and release and channels read back as they were
 * pushed. The clock plays no part: what has expired must still be readable.
 */
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "host/crypto.h"
#include "host/fs.h"
#include "host/json_tree.h"
#include "ota/release.h"

/* manifests/examples/make.sh makes these. */
#define PRODUCT "thermo"
#define DEVICE "kitchen"

struct golden {
    struct ota_buf wire, canonical; /* meta points into the latter */
    struct ota_metadata meta;
};

static void golden_free(struct golden *g) {
    ota_buf_free(&g->wire);
    ota_buf_free(&g->canonical);
}

static char *example_path(const char *name) {
    const char *top = getenv("OTA_TOP");
    return ota_sprintf("%s/manifests/examples/%s.json", top ? top : ".", name);
}

static void read_example(const char *name, struct ota_buf *out) {
    struct ota_err err;
    OTA_CLEAN_FREE char *path = example_path(name);
    assert_ota_ok(ota_fs_read(path, OTA_METADATA_MAX, out, &err));
}

static void open_role(const char *name, const char *type, struct golden *g) {
    struct ota_err err;
    memset(g, 0, sizeof *g);
    read_example(name, &g->wire);
    ota_buf_append(&g->canonical, g->wire.p, g->wire.len);
    assert_ota_ok(ota_metadata_parse(g->canonical.p, &g->canonical.len, type, &g->meta, &err));
}

static void signers_of(enum ota_role role, struct ota_signers *out) {
    struct ota_err err;
    OTA_CLEAN(golden_free) struct golden root;
    open_role("root", "root", &root);
    assert_ota_ok(ota_root_signers(&root.meta, role, &ota_crypto_openssl, out, &err));
}

/* Signed by the keys of root. */
static void open_top_role(enum ota_role role, struct golden *g) {
    struct ota_err err;
    struct ota_signers signers;
    open_role(ota_role_name(role), ota_role_name(role), g);
    signers_of(role, &signers);
    assert_ota_ok(ota_metadata_verify(&g->meta, &signers, &ota_crypto_openssl, &err));
}

static void delegation_for(const char *path, struct ota_delegation *out) {
    struct ota_err err;
    bool found;
    OTA_CLEAN(golden_free) struct golden targets;
    open_top_role(OTA_ROLE_TARGETS, &targets);
    assert_ota_ok(ota_targets_delegation(&targets.meta, path, 0, &ota_crypto_openssl, out, &found, &err));
    assert_true(found);
}

/* Signed by the keys targets delegates `path` to. */
static void open_delegated_role(const char *name, const char *path, struct golden *g) {
    struct ota_err err;
    struct ota_delegation by;
    open_role(name, "targets", g);
    delegation_for(path, &by);
    assert_ota_ok(ota_metadata_verify(&g->meta, &by.signers, &ota_crypto_openssl, &err));
}

static void open_product(struct golden *g) {
    open_delegated_role("product", "img/" PRODUCT "/2/release.txt", g);
}
static void open_rollout(struct golden *g) {
    open_delegated_role("rollout", "rollout/" PRODUCT "/stable", g);
}

/* ---- signatures ---------------------------------------------------------------------------------------- */

static void test_manifests_root_verifies_itself(void **state) {
    (void)state;
    OTA_CLEAN(golden_free) struct golden root;
    open_top_role(OTA_ROLE_ROOT, &root);
    assert_int_equal(root.meta.version, 1);
}

static void test_manifests_every_role_verifies_with_its_keys(void **state) {
    (void)state;
    OTA_CLEAN(golden_free) struct golden timestamp, snapshot, targets, product, rollout;
    open_top_role(OTA_ROLE_TIMESTAMP, &timestamp);
    open_top_role(OTA_ROLE_SNAPSHOT, &snapshot);
    open_top_role(OTA_ROLE_TARGETS, &targets);
    open_product(&product);
    open_rollout(&rollout);
}

static void test_manifests_delegations_are_a_product_and_terminating_rollout(void **state) {
    struct ota_delegation by;
    (void)state;
    delegation_for("img/" PRODUCT "/2/release.txt", &by);
    assert_string_equal(by.name, PRODUCT);
    assert_string_equal(by.path, "img/" PRODUCT "/*/*");
    assert_false(by.terminating);
    delegation_for("rollout/" PRODUCT "/stable", &by);
    assert_string_equal(by.name, "rollout");
    assert_true(by.terminating);
}

static void test_manifests_changed_bytes_do_not_verify(void **state) {
    struct ota_err err;
    struct ota_signers signers;
    (void)state;
    OTA_CLEAN(golden_free) struct golden g;
    open_role("timestamp", "timestamp", &g);
    signers_of(OTA_ROLE_TIMESTAMP, &signers);
    uint8_t *digit = (uint8_t *)(uintptr_t)(g.meta.signed_value.raw.p + g.meta.signed_value.raw.len - 2);
    *digit = *digit == '1' ? '2' : '1'; /* last digit of "version" */
    assert_ota(ota_metadata_verify(&g.meta, &signers, &ota_crypto_openssl, &err), OTA_SIGNATURE);
}

/* ---- versions, lengths, digests ------------------------------------------------------------------------ */

static const struct ota_meta_entry *find_entry(const struct ota_meta_entry *e, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(e[i].name, name) == 0)
            return &e[i];
    fail_msg("no entry %s", name);
    return NULL;
}

static void assert_described(const struct ota_meta_entry *e, const struct golden *g) {
    struct ota_err err;
    uint8_t digest[OTA_SHA256_LEN];
    assert_int_equal(e->version, g->meta.version);
    assert_int_equal(e->length, g->wire.len);
    assert_true(e->has_sha256);
    assert_ota_ok(ota_sha256(&ota_crypto_openssl, g->wire.p, g->wire.len, digest, &err));
    assert_memory_equal(e->sha256, digest, sizeof digest);
}

static void test_manifests_timestamp_names_the_snapshot(void **state) {
    struct ota_err err;
    struct ota_meta_entry entry;
    size_t count;
    uint64_t issued;
    bool found;
    (void)state;
    OTA_CLEAN(golden_free) struct golden timestamp, snapshot;
    open_top_role(OTA_ROLE_TIMESTAMP, &timestamp);
    open_top_role(OTA_ROLE_SNAPSHOT, &snapshot);
    assert_ota_ok(ota_meta_entries(&timestamp.meta, &entry, 1, &count, &err));
    assert_string_equal(entry.name, "snapshot");
    assert_described(&entry, &snapshot);
    assert_ota_ok(ota_timestamp_issued(&timestamp.meta, &issued, &found, &err));
    assert_true(found);
    assert_int_equal(timestamp.meta.expires - issued, 7 * 86400);
}

static void test_manifests_snapshot_names_the_roles(void **state) {
    struct ota_err err;
    struct ota_meta_entry entry[OTA_SNAPSHOT_ENTRIES_MAX];
    size_t count;
    (void)state;
    OTA_CLEAN(golden_free) struct golden snapshot, targets, product, rollout;
    open_top_role(OTA_ROLE_SNAPSHOT, &snapshot);
    open_top_role(OTA_ROLE_TARGETS, &targets);
    open_product(&product);
    open_rollout(&rollout);
    assert_ota_ok(ota_meta_entries(&snapshot.meta, entry, OTA_SNAPSHOT_ENTRIES_MAX, &count, &err));
    assert_int_equal(count, 3);
    assert_described(find_entry(entry, count, "targets"), &targets);
    assert_described(find_entry(entry, count, PRODUCT), &product);
    assert_described(find_entry(entry, count, "rollout"), &rollout);
}

/* ---- what is in them ----------------------------------------------------------------------------------- */

static void read_release(uint32_t counter, struct ota_release *out) {
    struct ota_err err;
    bool found;
    OTA_CLEAN(golden_free) struct golden product;
    open_product(&product);
    assert_ota_ok(ota_release_read(&product.meta, PRODUCT, counter, out, &found, &err));
    assert_true(found);
    assert_ota_ok(ota_release_check(out, &err));
}

static void test_manifests_release_of_all_kinds_reads_back(void **state) {
    static const struct {
        enum ota_kind kind;
        const char *label;
    } wanted[] = {
        {OTA_KIND_TABLE, OTA_LABEL_TABLE},           {OTA_KIND_DATA, "assets"},     {OTA_KIND_DATA, "storage"},
        {OTA_KIND_BOOTLOADER, OTA_LABEL_BOOTLOADER}, {OTA_KIND_APP, OTA_LABEL_APP},
    };
    struct ota_release r;
    (void)state;
    read_release(2, &r);
    assert_string_equal(r.version, "2.0.0");
    assert_string_equal(r.chip, "esp32c3");
    assert_true(r.compat && r.risk && r.has_boot);
    assert_true(r.boot.rollback);
    assert_int_equal(r.boot.table_offset, 0x8000);
    assert_int_equal(r.channel_count, 2);
    assert_string_equal(r.channel[0], "beta");
    assert_string_equal(r.channel[1], "stable");
    assert_int_equal(r.step_count, OTA_ARRAY_LEN(wanted));
    for (size_t i = 0; i < r.step_count; i++) {
        assert_int_equal(r.step[i].kind, wanted[i].kind);
        assert_string_equal(r.step[i].label, wanted[i].label);
        assert_true(r.step[i].length > 0);
    }
    assert_int_equal(r.step[0].length, 0xC00);
    assert_int_equal(r.step[0].z_length, 0); /* too small to be worth one */
    assert_in_range(r.step[4].z_length, 1, r.step[4].length - r.step[4].length / 10);
}

static void test_manifests_app_release_reads_back(void **state) {
    struct ota_release r;
    (void)state;
    read_release(3, &r);
    assert_string_equal(r.version, "3.0.0");
    assert_int_equal(r.from_min, 2);
    assert_int_equal(r.step_count, 1);
    assert_int_equal(r.step[0].kind, OTA_KIND_APP);
    assert_false(r.risk || r.has_boot);
}

static void test_manifests_product_lists_what_channels_need(void **state) {
    struct ota_err err;
    uint32_t counter[8];
    size_t count;
    (void)state;
    OTA_CLEAN(golden_free) struct golden product;
    open_product(&product);
    assert_ota_ok(ota_release_counters(&product.meta, PRODUCT, counter, OTA_ARRAY_LEN(counter), &count, &err));
    assert_int_equal(count, 2);
    assert_int_equal(counter[0], 2);
    assert_int_equal(counter[1], 3);
}

static void read_channel(const char *name, struct ota_channel *out) {
    struct ota_err err;
    struct ota_target entry;
    bool found;
    OTA_CLEAN(golden_free) struct golden rollout;
    OTA_CLEAN_FREE char *path = ota_sprintf("rollout/" PRODUCT "/%s", name);
    open_rollout(&rollout);
    assert_ota_ok(ota_targets_find(&rollout.meta, path, &entry, &found, &err));
    assert_true(found);
    assert_ota_ok(ota_channel_read(&entry, PRODUCT, out, &err));
}

static void test_manifests_channels_read_back(void **state) {
    struct ota_channel c;
    (void)state;
    read_channel("stable", &c);
    assert_int_equal(c.counter, 2);
    assert_int_equal(c.permille, 1000);
    assert_int_equal(c.group_count, 1);
    assert_string_equal(c.group[0], "*");
    assert_int_equal(c.path_count, 1);
    read_channel("beta", &c);
    assert_int_equal(c.counter, 3);
    assert_int_equal(c.permille, 250);
    assert_int_equal(c.path_count, 2);
    assert_int_equal(c.path[0], 2);
    assert_int_equal(c.path[1], 3);
}

/* The numbers that ota-manifest(5) gives. */
static void test_manifests_share_is_what_the_man_page_says(void **state) {
    struct ota_err err;
    struct ota_channel c = {.counter = 37, .salt = "b3f1c09a7d52e486"};
    bool in;
    (void)state;
    for (uint16_t permille = 244; permille <= 245; permille++) {
        c.permille = permille;
        assert_ota_ok(ota_channel_includes(&c, &ota_crypto_openssl, DEVICE, &in, &err));
        assert_int_equal(in, permille == 245);
    }
}

/* ---- the report ---------------------------------------------------------------------------------------- */

static const char *report_text(const cJSON *object, const char *name) {
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
    if (!text)
        fail_msg("the report has no text \"%s\"", name);
    return text;
}

static void test_manifests_report_is_of_the_board_that_updated(void **state) {
    struct ota_err err;
    struct ota_release r;
    char hex[OTA_SHA256_HEX_LEN + 1];
    (void)state;
    OTA_CLEAN(ota_buf_free) struct ota_buf bytes = {0};
    OTA_CLEAN(ota_json_tree_free) cJSON *tree = NULL;
    read_example("report", &bytes);
    assert_ota_ok(ota_json_tree_parse(ota_buf_span(&bytes), "report.json", OTA_METADATA_MAX, &tree, &err));
    const cJSON *last = cJSON_GetObjectItemCaseSensitive(tree, "last");
    assert_string_equal(report_text(tree, "product"), PRODUCT);
    assert_string_equal(report_text(tree, "version"), "2.0.0");
    assert_string_equal(report_text(last, "result"), "installed");
    assert_string_equal(report_text(last, "code"), "ok");
    read_release(2, &r);
    ota_hex_encode(r.step[0].sha256, OTA_SHA256_LEN, hex); /* the table is the one the release installed */
    assert_string_equal(report_text(tree, "table"), hex);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_manifests_root_verifies_itself),
        cmocka_unit_test(test_manifests_every_role_verifies_with_its_keys),
        cmocka_unit_test(test_manifests_delegations_are_a_product_and_terminating_rollout),
        cmocka_unit_test(test_manifests_changed_bytes_do_not_verify),
        cmocka_unit_test(test_manifests_timestamp_names_the_snapshot),
        cmocka_unit_test(test_manifests_snapshot_names_the_roles),
        cmocka_unit_test(test_manifests_release_of_all_kinds_reads_back),
        cmocka_unit_test(test_manifests_app_release_reads_back),
        cmocka_unit_test(test_manifests_product_lists_what_channels_need),
        cmocka_unit_test(test_manifests_channels_read_back),
        cmocka_unit_test(test_manifests_share_is_what_the_man_page_says),
        cmocka_unit_test(test_manifests_report_is_of_the_board_that_updated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
