/* SPDX-License-Identifier: Apache-2.0 */
/* Releases: reader and writer agree, and every rule of the format is kept. */
#include "host/buf.h"
#include "ota/release.h"
#include "support/unit.h"

#define TEXT_MAX 8192u

static struct ota_err err;

/* A release with everything in it. */
static struct ota_release full(void) {
    struct ota_release r = {.product = "thermo",
                            .counter = 37,
                            .version = "v2.4.1 \"so\\so\" \xc3\xa9",
                            .chip = "esp32s3",
                            .chip_rev_min = 102,
                            .compat = true,
                            .risk = true,
                            .secure_version = 3,
                            .from_min = 30,
                            .channel_count = 2,
                            .channel = {"beta", "stable"},
                            .has_boot = true,
                            .boot = {true, false, true, 2, 0x8000},
                            .step_count = 4,
                            .notes_length = 31};
    static const struct {
        const char *file, *label;
        enum ota_kind kind;
    } steps[] = {{"table.bin", "@partition-table", OTA_KIND_TABLE},
                 {"storage.bin", "storage", OTA_KIND_DATA},
                 {"boot.bin", "@bootloader", OTA_KIND_BOOTLOADER},
                 {"app.bin", "@ota", OTA_KIND_APP}};
    for (size_t i = 0; i < OTA_ARRAY_LEN(steps); i++) {
        (void)ota_span_copy(ota_span_str(steps[i].file), r.step[i].file, sizeof r.step[i].file);
        (void)ota_span_copy(ota_span_str(steps[i].label), r.step[i].label, sizeof r.step[i].label);
        r.step[i].kind = steps[i].kind;
        r.step[i].length = 1000 + (uint32_t)i;
        memset(r.step[i].sha256, (int)(0x10 + i), sizeof r.step[i].sha256);
    }
    r.step[3].z_length = 77;
    memset(r.step[3].z_sha256, 0xee, sizeof r.step[3].z_sha256);
    memset(r.notes_sha256, 0xab, sizeof r.notes_sha256);
    return r;
}

/* A product role with the releases given, as text. */
static char *role_text(const struct ota_release *const *r, size_t count) {
    char *text = ota_calloc(1, TEXT_MAX);
    struct ota_json j;
    ota_json_init(&j, text, TEXT_MAX - 1, false);
    ota_json_object(&j);
    ota_json_key(&j, "signatures");
    ota_json_array(&j);
    ota_json_array_end(&j);
    ota_json_key(&j, "signed");
    ota_json_object(&j);
    ota_json_key(&j, "_type");
    ota_json_str(&j, "targets");
    ota_json_key(&j, "expires");
    ota_json_str(&j, "2030-01-01T00:00:00Z");
    ota_json_key(&j, "spec_version");
    ota_json_str(&j, "1.0.31");
    ota_json_key(&j, "targets");
    ota_json_object(&j);
    for (size_t i = 0; i < count; i++)
        ota_release_write(&j, r[i]);
    ota_json_object_end(&j);
    ota_json_key(&j, "version");
    ota_json_u64(&j, 1);
    ota_json_object_end(&j);
    ota_json_object_end(&j);
    assert_false(j.bad);
    return text;
}

static struct ota_metadata parse(char *text) {
    struct ota_metadata m;
    size_t len = strlen(text);
    assert_ota_ok(ota_metadata_parse((uint8_t *)text, &len, "targets", &m, &err));
    return m;
}

/* What was read writes the same text again; a field that both lose would show in the fields named here. */
static void assert_same(const struct ota_release *got, const struct ota_release *r) {
    OTA_CLEAN_FREE char *a = role_text(&got, 1), *b = role_text(&r, 1);
    assert_string_equal(a, b);
    assert_string_equal(got->version, r->version);
    assert_int_equal(got->boot.table_offset, r->boot.table_offset);
    assert_int_equal(got->boot.secure_boot, r->boot.secure_boot);
    assert_int_equal(got->chip_rev_min, r->chip_rev_min);
    assert_int_equal(got->secure_version, r->secure_version);
    assert_int_equal(got->from_min, r->from_min);
    for (size_t i = 0; i < OTA_STEPS_MAX; i++) {
        assert_int_equal(got->step[i].kind, r->step[i].kind);
        assert_int_equal(got->step[i].length, r->step[i].length);
        assert_int_equal(got->step[i].z_length, r->step[i].z_length);
        assert_string_equal(got->step[i].label, r->step[i].label);
        assert_memory_equal(got->step[i].sha256, r->step[i].sha256, OTA_SHA256_LEN);
        assert_memory_equal(got->step[i].z_sha256, r->step[i].z_sha256, OTA_SHA256_LEN);
    }
}

static void test_release_writer_and_reader_agree(void **state) {
    (void)state;
    struct ota_release r = full(), small = full(), got;
    bool found;
    small.counter = 4;
    small.has_boot = small.risk = small.compat = false;
    small.boot = (struct ota_boot_config){0};
    small.channel_count = 0;
    memset(small.channel, 0, sizeof small.channel);
    small.step_count = 1;
    small.step[0] = small.step[3];
    memset(&small.step[1], 0, 3 * sizeof small.step[1]);
    const struct ota_release *both[] = {&r, &small};
    OTA_CLEAN_FREE char *text = role_text(both, 2);
    struct ota_metadata m = parse(text);
    assert_ota_ok(ota_release_read(&m, "thermo", 37, &got, &found, &err));
    assert_true(found);
    assert_same(&got, &r);
    assert_ota_ok(ota_release_read(&m, "thermo", 4, &got, &found, &err));
    assert_true(found);
    assert_same(&got, &small);
    assert_ota_ok(ota_release_read(&m, "thermo", 5, &got, &found, &err));
    assert_false(found);
    assert_ota_ok(ota_release_read(&m, "therm", 37, &got, &found, &err));
    assert_false(found);
}

static void test_release_reads_the_documented_example(void **state) {
    (void)state;
    static const char example[] =
        "{\"signatures\":[],\"signed\":{\"_type\":\"targets\",\"expires\":\"2030-01-01T00:00:00Z\","
        "\"spec_version\":\"1.0.31\",\"targets\":{"
        "\"img/thermo/37/app.bin\":{\"custom\":{\"kind\":\"app\",\"label\":\"@ota\"},\"hashes\":{\"sha256\":"
        "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"},\"length\":1310720},"
        "\"img/thermo/37/release.txt\":{\"custom\":{\"channels\":[\"beta\",\"stable\"],\"chip\":\"esp32s3\","
        "\"chip_rev_min\":0,\"compat\":true,\"counter\":37,\"from_min\":30,\"later\":[{}],\"needs\":[],\"product\":"
        "\"thermo\",\"secure_version\":3,\"steps\":[\"storage.bin\",\"app.bin\"],\"version\":\"2.4.1\"},\"hashes\":"
        "{\"sha256\":\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"},\"length\":31},"
        "\"img/thermo/37/storage.bin\":{\"custom\":{\"kind\":\"data\",\"label\":\"storage\"},\"hashes\":{\"sha256\":"
        "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"},\"length\":65536}},\"version\":1}}";
    OTA_CLEAN_FREE char *text = ota_strdup(example);
    struct ota_metadata m = parse(text);
    struct ota_release r;
    bool found;
    assert_ota_ok(ota_release_read(&m, "thermo", 37, &r, &found, &err));
    assert_true(found);
    assert_int_equal(r.step_count, 2);
    assert_string_equal(r.step[0].label, "storage");
    assert_int_equal(r.step[0].length, 65536);
    assert_string_equal(r.step[1].file, "app.bin");
    assert_false(r.has_boot || r.risk);
    assert_ota_ok(ota_release_check(&r, &err));
}

static char *edited(const char *text, const char *from, const char *to) {
    const char *at = strstr(text, from);
    if (!at)
        fail_msg("%s is not in %s", from, text);
    return ota_sprintf("%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
}

static void test_release_reader_refuses(void **state) {
    (void)state;
    static const struct {
        const char *from, *to;
        enum ota_status status;
    } rows[] = {
        {"\"counter\":37", "\"counter\":38", OTA_METADATA_FIELD},
        {"\"product\":\"thermo\"", "\"product\":\"pump\"", OTA_METADATA_FIELD},
        {"\"channels\":[\"beta\",\"stable\"]", "\"channels\":[\"stable\",\"beta\"]", OTA_METADATA_FIELD},
        {"\"channels\":[\"beta\",\"stable\"]", "\"channels\":[\"beta\",\"beta\"]", OTA_METADATA_FIELD},
        {"\"channels\":[\"beta\",\"stable\"]", "\"channels\":[\"Beta\"]", OTA_METADATA_FIELD},
        {"\"channels\":[\"beta\",\"stable\"]", "\"channels\":\"beta\"", OTA_METADATA_TYPE},
        {"\"chip\":\"esp32s3\"", "\"chip\":\"\"", OTA_METADATA_FIELD},
        {"\"chip\":\"esp32s3\"", "\"chip\":\"a-chip-name-too-long\"", OTA_METADATA_FIELD},
        {"\"chip_rev_min\":102", "\"chip_rev_min\":65536", OTA_METADATA_FIELD},
        {"\"compat\":true", "\"compat\":1", OTA_METADATA_TYPE},
        {"\"compat\":true,", "", OTA_METADATA_FIELD},
        {"\"from_min\":30", "\"from_min\":-1", OTA_METADATA_FIELD},
        {"\"needs\":[]", "\"needs\":[\"\"]", OTA_METADATA_FIELD},
        {"\"needs\":[]", "\"needs\":[\"1\",\"2\",\"3\",\"4\",\"5\"]", OTA_METADATA_FIELD},
        {"\"needs\":[],", "", OTA_METADATA_FIELD},
        {"\"risk\":\"accept\"", "\"risk\":\"maybe\"", OTA_METADATA_FIELD},
        {"\"risk\":\"accept\"", "\"risk\":true", OTA_METADATA_TYPE},
        {"\"secure_boot\":2", "\"secure_boot\":3", OTA_METADATA_FIELD},
        {"\"anti_rollback\":true,", "", OTA_METADATA_FIELD},
        {"\"boot\":{", "\"boot\":[],\"boot2\":{", OTA_METADATA_TYPE},
        {"\"version\":\"v2", "\"version\":\"\\u001b[31mv2", OTA_METADATA_FIELD},
        {"\"steps\":[\"table.bin\",", "\"steps\":[", OTA_METADATA_FIELD},
        {"\"steps\":[\"table.bin\",", "\"steps\":[\"gone.bin\",\"table.bin\",", OTA_METADATA_FIELD},
        {"\"steps\":[\"table.bin\",", "\"steps\":[\"table.bin\",\"table.bin\",", OTA_METADATA_FIELD},
        {"\"steps\":[\"table.bin\",", "\"steps\":[\"../36/table.bin\",", OTA_METADATA_FIELD},
        {"\"steps\":[\"table.bin\",", "\"steps\":[\"release.txt\",\"table.bin\",", OTA_METADATA_FIELD},
        {"[\"table.bin\",\"storage.bin\"", "[\"storage.bin\",\"table.bin\"", OTA_METADATA_FIELD},
        {"\"boot.bin\",\"app.bin\"]", "\"app.bin\",\"boot.bin\"]", OTA_METADATA_FIELD},
        {"\"boot.bin\",\"app.bin\"]", "\"boot.bin\",\"app.bin\",\"gone.bin\"]", OTA_METADATA_FIELD},
        {"[\"table.bin\",\"storage.bin\",\"boot.bin\",\"app.bin\"]", "[]", OTA_METADATA_FIELD},
        {"\"kind\":\"app\"", "\"kind\":\"apps\"", OTA_METADATA_FIELD},
        {"\"kind\":\"app\"", "\"kind\":\"data\"", OTA_IMAGE_KIND},
        {"\"kind\":\"data\"", "\"kind\":\"app\"", OTA_IMAGE_KIND},
        {"\"kind\":\"bootloader\"", "\"kind\":\"partition-table\"", OTA_IMAGE_KIND},
        {"\"label\":\"storage\"", "\"label\":\"@ota\"", OTA_IMAGE_KIND},
        {"\"label\":\"storage\"", "\"label\":\"a/b\"", OTA_METADATA_FIELD},
        {"\"label\":\"storage\"", "\"label\":\"seventeen-letters\"", OTA_METADATA_FIELD},
        {"\"length\":1000}", "\"length\":0}", OTA_METADATA_FIELD},
        {"\"length\":1000}", "\"length\":67108865}", OTA_METADATA_FIELD},
        {"\"length\":31}", "\"length\":4097}", OTA_METADATA_FIELD},
        {"\"z\":{\"length\":77", "\"z\":{\"length\":0", OTA_METADATA_FIELD},
        {"\"sha256\":\"101010", "\"sha256\":\"10101", OTA_METADATA_FIELD},
        {"\"sha256\":\"101010", "\"sha512\":\"101010", OTA_METADATA_FIELD},
        {"\"custom\":{\"kind\":\"app\"", "\"custo\":{\"kind\":\"app\"", OTA_METADATA_FIELD},
    };
    struct ota_release r = full(), got;
    const struct ota_release *one = &r;
    OTA_CLEAN_FREE char *good = role_text(&one, 1);
    bool found;
    for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++) {
        OTA_CLEAN_FREE char *bad = edited(good, rows[i].from, rows[i].to);
        struct ota_metadata m = parse(bad);
        enum ota_status status = ota_release_read(&m, "thermo", 37, &got, &found, &err);
        if (status != rows[i].status)
            fail_msg("%s: %s (%s)", rows[i].to, ota_status_name(status), err.msg);
    }
}

static void test_release_refuses_two_steps_for_one_label(void **state) {
    (void)state;
    struct ota_release r = full(), got;
    const struct ota_release *one = &r;
    bool found;
    r.step[0] = r.step[3];
    memcpy(r.step[0].file, "app2.bin", sizeof "app2.bin");
    r.step[1] = r.step[3];
    r.step_count = 2;
    OTA_CLEAN_FREE char *text = role_text(&one, 1);
    struct ota_metadata m = parse(text);
    assert_ota(ota_release_read(&m, "thermo", 37, &got, &found, &err), OTA_METADATA_FIELD);
    assert_ota(ota_release_check(&r, &err), OTA_METADATA_FIELD);
}

static void test_release_refuses_a_file_that_no_step_names(void **state) {
    (void)state;
    struct ota_release r = full(), got;
    const struct ota_release *one = &r;
    bool found;
    OTA_CLEAN_FREE char *good = role_text(&one, 1);
    static const char *const strangers[] = {"zz.bin", "zz/app.bin", "zz\\\"", "zz\\n"};
    for (size_t i = 0; i < OTA_ARRAY_LEN(strangers); i++) {
        OTA_CLEAN_FREE char *extra =
            ota_sprintf("},\"img/thermo/37/%s\":{\"length\":1}},\"version\":1}}", strangers[i]);
        OTA_CLEAN_FREE char *bad = edited(good, "}},\"version\":1}}", extra);
        struct ota_metadata m = parse(bad);
        assert_ota(ota_release_read(&m, "thermo", 37, &got, &found, &err), OTA_METADATA_FIELD);
    }
    /* In another folder it is none of this release's business. */
    OTA_CLEAN_FREE char *other =
        edited(good, "}},\"version\":1}}", "},\"img/thermo/371/a\":{\"length\":1}},\"version\":1}}");
    struct ota_metadata m = parse(other);
    assert_ota_ok(ota_release_read(&m, "thermo", 37, &got, &found, &err));
}

static void test_release_lists_counters(void **state) {
    (void)state;
    static const char text[] =
        "{\"signatures\":[],\"signed\":{\"_type\":\"targets\",\"expires\":\"2030-01-01T00:00:00Z\",\"spec_version\":"
        "\"1.0.31\",\"targets\":{\"img/pump/3/release.txt\":{\"length\":0},\"img/thermo/012/"
        "release.txt\":{\"length\":0},"
        "\"img/thermo/1/app.bin\":{\"length\":0},\"img/thermo/100/release.txt\":{\"length\":0},"
        "\"img/thermo/1000000000/release.txt\":{\"length\":0},\"img/thermo/2/release.txt\":{\"length\":0},"
        "\"img/thermo/37/release.txt\":{\"length\":0},\"img/thermo/4x/release.txt\":{\"length\":0},"
        "\"img/thermo//release.txt\":{\"length\":0}},\"version\":1}}";
    OTA_CLEAN_FREE char *sorted =
        edited(text, "\"img/thermo/012", "\"img/thermo//release.txt\":{\"length\":0},\"img/thermo/012");
    OTA_CLEAN_FREE char *copy = edited(sorted, ",\"img/thermo//release.txt\":{\"length\":0}},", "},");
    struct ota_metadata m = parse(copy);
    uint32_t out[3];
    size_t count;
    assert_ota_ok(ota_release_counters(&m, "thermo", out, 3, &count, &err));
    assert_int_equal(count, 3);
    assert_true(out[0] == 2 && out[1] == 37 && out[2] == 100);
    assert_ota(ota_release_counters(&m, "thermo", out, 2, &count, &err), OTA_TOO_LARGE);
    assert_ota_ok(ota_release_counters(&m, "none", out, 3, &count, &err));
    assert_int_equal(count, 0);
}

static void test_release_check_wants_the_signers_words(void **state) {
    (void)state;
    struct ota_release r = full();
    assert_ota_ok(ota_release_check(&r, &err));
    r.risk = false;
    assert_ota(ota_release_check(&r, &err), OTA_RISK);
    r.has_boot = false;
    assert_ota(ota_release_check(&r, &err), OTA_BOOT_CONFIG);
    r.compat = false;
    assert_ota(ota_release_check(&r, &err), OTA_COMPAT);
    r = full();
    r.step[0] = r.step[3];
    r.step_count = 1;
    r.risk = r.has_boot = r.compat = false;
    assert_ota_ok(ota_release_check(&r, &err));
    r.need_count = 1;
    memcpy(r.need[0], "teleport", sizeof "teleport");
    assert_ota(ota_release_check(&r, &err), OTA_NEEDS);
    assert_non_null(strstr(err.msg, "teleport"));
    r = full(); /* recovery came with a later revision of this chip */
    memcpy(r.chip, "esp32p4", sizeof "esp32p4");
    r.risk = false;
    r.chip_rev_min = 299;
    assert_ota(ota_release_check(&r, &err), OTA_RISK);
    r.chip_rev_min = 300;
    assert_ota_ok(ota_release_check(&r, &err));
    memcpy(r.chip, "esp9000", sizeof "esp9000");
    assert_ota(ota_release_check(&r, &err), OTA_CHIP);
}

static void test_release_paths(void **state) {
    (void)state;
    char out[OTA_TARGET_PATH_MAX];
    uint8_t digest[OTA_SHA256_LEN];
    memset(digest, 0xab, sizeof digest);
    assert_true(ota_release_path("thermo", 37, "app.bin", out, sizeof out));
    assert_string_equal(out, "img/thermo/37/app.bin");
    assert_true(ota_release_served_path("thermo", 37, "app.bin", digest, out, sizeof out));
    assert_string_equal(out, "img/thermo/37/abababababababababababababababababababababababababababababababab.app.bin");
    assert_false(ota_release_path("thermo", 37, "app.bin", out, 20));
    /* The longest of everything fits what callers reserve. */
    char product[OTA_NAME_MAX + 1], file[OTA_FILE_MAX + 2];
    memset(product, 'p', sizeof product - 1);
    product[OTA_NAME_MAX] = '\0';
    memset(file, 'f', sizeof file - 1);
    file[OTA_FILE_MAX + 1] = '\0';
    assert_false(ota_release_served_path(product, OTA_COUNTER_MAX, file, digest, out, sizeof out));
    file[OTA_FILE_MAX] = '\0';
    assert_true(ota_release_served_path(product, OTA_COUNTER_MAX, file, digest, out, sizeof out));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_release_writer_and_reader_agree),
        cmocka_unit_test(test_release_reads_the_documented_example),
        cmocka_unit_test(test_release_reader_refuses),
        cmocka_unit_test(test_release_refuses_two_steps_for_one_label),
        cmocka_unit_test(test_release_refuses_a_file_that_no_step_names),
        cmocka_unit_test(test_release_lists_counters),
        cmocka_unit_test(test_release_check_wants_the_signers_words),
        cmocka_unit_test(test_release_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
