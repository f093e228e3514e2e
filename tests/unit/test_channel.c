/* SPDX-License-Identifier: Apache-2.0 */
/* Channels: reader and writer agree, forms are kept, and who is in the open share. */
#include "host/buf.h"
#include "host/crypto.h"
#include "ota/release.h"
#include "support/unit.h"

static struct ota_err err;

static struct ota_channel sample(void) {
    return (struct ota_channel){.counter = 37,
                                .permille = 250,
                                .group_count = 2,
                                .path_count = 3,
                                .group = {"*", "lab"},
                                .path = {12, 30, 37},
                                .salt = "b3f1c09a7d52e486"};
}

static char *written(const struct ota_channel *c) {
    char *text = ota_calloc(1, 1024);
    struct ota_json j;
    ota_json_init(&j, text, 1023, false);
    ota_json_object(&j);
    ota_channel_write(&j, "thermo", "stable", c);
    ota_json_object_end(&j);
    assert_false(j.bad);
    return text;
}

static enum ota_status read_back(char *members, struct ota_channel *out) {
    struct ota_value targets;
    struct ota_scan it;
    struct ota_target entry;
    bool more;
    size_t len = strlen(members);
    assert_ota_ok(ota_scan_canonicalize((uint8_t *)members, &len, &err));
    assert_ota_ok(ota_scan_value((struct ota_span){(uint8_t *)members, len}, &targets, &err));
    assert_ota_ok(ota_scan_object(&targets, &it, &err));
    assert_ota_ok(ota_targets_next(&it, &entry, &more, &err));
    assert_true(more);
    return ota_channel_read(&entry, "thermo", out, &err);
}

static void test_channel_writer_and_reader_agree(void **state) {
    (void)state;
    struct ota_channel c = sample(), got;
    OTA_CLEAN_FREE char *text = written(&c);
    assert_string_equal(
        text, "{\"rollout/thermo/stable\":{\"custom\":{\"counter\":37,\"groups\":[\"*\",\"lab\"],\"path\":[12,"
              "30,37],\"permille\":250,\"release\":\"img/thermo/37/release.txt\",\"salt\":"
              "\"b3f1c09a7d52e486\"},\"hashes\":{\"sha256\":"
              "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"},\"length\":0}}");
    assert_ota_ok(read_back(text, &got));
    OTA_CLEAN_FREE char *again = written(&got), *once = written(&c);
    assert_string_equal(again, once);
    assert_int_equal(got.path[1], 30);
    assert_string_equal(got.group[1], "lab");
}

static void test_channel_reader_refuses(void **state) {
    (void)state;
    static const struct {
        const char *from, *to;
        enum ota_status status;
    } rows[] = {
        {"\"counter\":37", "\"counter\":0", OTA_METADATA_FIELD},
        {"\"counter\":37", "\"counter\":38", OTA_METADATA_FIELD},
        {"\"permille\":250", "\"permille\":1001", OTA_METADATA_FIELD},
        {"\"permille\":250", "\"permille\":true", OTA_METADATA_TYPE},
        {"img/thermo/37/", "img/thermo/36/", OTA_METADATA_FIELD},
        {"img/thermo/37/", "img/pump/37/", OTA_METADATA_FIELD},
        {"[12,30,37]", "[12,30,30,37]", OTA_METADATA_FIELD},
        {"[12,30,37]", "[30,12,37]", OTA_METADATA_FIELD},
        {"[12,30,37]", "[12,30]", OTA_METADATA_FIELD},
        {"[12,30,37]", "[]", OTA_METADATA_FIELD},
        {"[12,30,37]", "[0,37]", OTA_METADATA_FIELD},
        {"[12,30,37]", "[1,2,3,4,5,6,7,8,37]", OTA_METADATA_FIELD},
        {"[12,30,37]", "37", OTA_METADATA_TYPE},
        {"\"lab\"", "\"La b\"", OTA_METADATA_FIELD},
        {"\"lab\"", "\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\"", OTA_METADATA_FIELD},
        {"\"b3f1c09a7d52e486\"", "\"\"", OTA_METADATA_FIELD},
        {"\"b3f1c09a7d52e486\"", "\"b3 f1\"", OTA_METADATA_FIELD},
        {"\"b3f1c09a7d52e486\"", "\"012345678901234567890123456789012\"", OTA_METADATA_FIELD},
        {"\"length\":0", "\"length\":1", OTA_METADATA_FIELD},
        {"\"custom\"", "\"custo\"", OTA_METADATA_FIELD},
        {",\"salt\":\"b3f1c09a7d52e486\"", "", OTA_METADATA_FIELD},
    };
    struct ota_channel c = sample(), got;
    OTA_CLEAN_FREE char *good = written(&c);
    for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++) {
        const char *at = strstr(good, rows[i].from);
        assert_non_null(at);
        OTA_CLEAN_FREE char *bad =
            ota_sprintf("%.*s%s%s", (int)(at - good), good, rows[i].to, at + strlen(rows[i].from));
        enum ota_status status = read_back(bad, &got);
        if (status != rows[i].status)
            fail_msg("%s: %s (%s)", rows[i].to, ota_status_name(status), err.msg);
        assert_non_null(strstr(err.msg, "rollout/thermo/stable"));
    }
}

static bool includes(unsigned permille, const char *device) {
    struct ota_channel c = sample();
    bool in = false;
    c.permille = (uint16_t)permille;
    assert_ota_ok(ota_channel_includes(&c, &ota_crypto_openssl, device, &in, &err));
    return in;
}

/* printf 'b3f1c09a7d52e486\0dev-1' | sha256sum gives 44610799...: 267.1 permille. */
static void test_channel_share_is_fixed_by_salt_and_device(void **state) {
    (void)state;
    unsigned in = 0;
    char device[16];
    for (unsigned i = 0; i < 1000; i++) {
        ota_format(device, sizeof device, "board-%u", i);
        assert_false(includes(0, device));
        assert_true(includes(1000, device));
        in += includes(250, device);
        assert_true(!includes(250, device) || includes(251, device));
    }
    assert_in_range(in, 200, 300);
    assert_int_equal(includes(267, "dev-1"), 0);
    assert_int_equal(includes(268, "dev-1"), 1);
}

static void test_channel_share_bounds_the_device_id(void **state) {
    (void)state;
    struct ota_channel c = sample();
    char device[OTA_DEVICE_ID_MAX + 2];
    bool in;
    memset(device, 'd', sizeof device - 1);
    device[sizeof device - 1] = '\0';
    assert_ota(ota_channel_includes(&c, &ota_crypto_openssl, device, &in, &err), OTA_ARGUMENT);
    device[OTA_DEVICE_ID_MAX] = '\0';
    assert_ota_ok(ota_channel_includes(&c, &ota_crypto_openssl, device, &in, &err));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_channel_writer_and_reader_agree),
        cmocka_unit_test(test_channel_reader_refuses),
        cmocka_unit_test(test_channel_share_is_fixed_by_salt_and_device),
        cmocka_unit_test(test_channel_share_bounds_the_device_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
