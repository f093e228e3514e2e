/* SPDX-License-Identifier: Apache-2.0 */
/* inspect: the expected answer for every real image, and for everything samples and damage can show. */
#include "host/crypto.h"
#include "host/json_tree.h"
#include "image/inspect.h"
#include "support/images.h"
#include "support/unit.h"

static struct ota_err err;

/* The JSON form of these bytes; the text form is made too, so that it is exercised as often. The caller frees. */
static cJSON *inspect(const void *p, size_t n) {
    struct ota_span span = {p, n};
    struct ota_source src = memory_source(&span);
    OTA_CLEAN(ota_inspection_free) struct ota_inspection i = {0};
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    assert_ota_ok(ota_inspect(&src, &ota_crypto_openssl, &i, &err));
    ota_inspect_text(&i, "file", &text);
    const char *verdict = i.servable ? (i.kind == OTA_INSPECT_UNKNOWN ? "Servable: only as data" : "Servable: yes")
                          : i.broken ? "Servable: no, broken"
                                     : "Servable: no";
    if (!strstr(ota_buf_text(&text), verdict) || !strstr(ota_buf_text(&text), i.verdict.msg))
        fail_msg("no verdict in: %s", ota_buf_text(&text));
    return ota_inspect_json(&i, "file");
}
static const cJSON *get(const cJSON *o, const char *path) {
    OTA_CLEAN_FREE char *copy = ota_strdup(path);
    char *rest = copy;
    for (char *part; (part = strsep(&rest, "."));) {
        bool index = part[0] >= '0' && part[0] <= '9';
        o = index ? cJSON_GetArrayItem(o, atoi(part)) : cJSON_GetObjectItemCaseSensitive(o, part);
        if (!o)
            fail_msg("no member %s", path);
    }
    return o;
}
static const char *text_of(const cJSON *o, const char *path) {
    const cJSON *v = get(o, path);
    assert_true(cJSON_IsString(v));
    return v->valuestring;
}
static bool flag_of(const cJSON *o, const char *path) {
    const cJSON *v = get(o, path);
    assert_true(cJSON_IsBool(v));
    return cJSON_IsTrue(v);
}
static double number_of(const cJSON *o, const char *path) {
    const cJSON *v = get(o, path);
    assert_true(cJSON_IsNumber(v));
    return v->valuedouble;
}

/* ---- real images ---- */

struct expected {
    const char *file, *kind, *code, *reason; /* reason: a part of it */
    bool broken;
    const char *chip; /* NULL: no image was parsed */
};
static const struct expected real[] = {
    {"esp_idf_blink_esp32s2.bin", "app", "ok", "", false, "esp32s2"},
    {"hello-world-signed.bin", "app", "ok", "", false, "esp32"},
    {"bootloader_esp32_v5_2.bin", "bootloader", "ok", "", false, "esp32"},
    {"bootloader_esp32_v3.bin", "bootloader", "ok", "", false, "esp32"},
    {"bootloader_esp32c3.bin", "bootloader", "ok", "", false, "esp32c3"},
    {"bootloader_unsigned_v2.bin", "bootloader", "ok", "", false, "esp32"},
    {"bootloader_signed_v2_rsa.bin", "bootloader", "ok", "", false, "esp32"},
    {"bootloader_multi_signed_v2_rsa.bin", "bootloader", "ok", "", false, "esp32"},
    {"bootloader_signed_v2_ecdsa256.bin", "bootloader", "ok", "", false, "esp32"},
    {"rsa_public_key_digest.bin", "unknown", "ok", "no format known", false, NULL},
    {"ecdsa256_public_key_digest_v2.bin", "unknown", "ok", "no format known", false, NULL},
    {"partitions_singleapp.bin", "partition-table", "table-md5", "no MD5 row and no end marker", true, NULL},
    {"helloworld-esp32.bin", "image", "image-small", "under 1024 bytes", false, "esp32"},
    {"helloworld-esp32c5.bin", "image", "image-small", "under 1024 bytes", false, "esp32c5"},
    {"helloworld-esp32p4.bin", "image", "image-small", "under 1024 bytes", false, "esp32p4"},
    {"helloworld-esp32_edit.bin", "image", "image-hash", "SHA-256", true, "esp32"},
    {"esp32c3_header_min_rev.bin", "image", "truncated", "cut off", true, NULL},
    {"esp8266_deepsleep.bin", "image", "chip", "another family (ESP8266)", true, NULL},
};

static void test_inspect_real_files(void **state) {
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(real); i++) {
        OTA_CLEAN(ota_buf_free) struct ota_buf b = {0};
        if (!reference_image(real[i].file, &b)) {
            print_message("reference images are absent\n");
            skip();
        }
        OTA_CLEAN(ota_json_tree_free) cJSON *j = inspect(b.p, b.len);
        if (strcmp(text_of(j, "kind"), real[i].kind) != 0 || strcmp(text_of(j, "code"), real[i].code) != 0 ||
            !strstr(text_of(j, "reason"), real[i].reason))
            fail_msg("%s: %s, %s: %s", real[i].file, text_of(j, "kind"), text_of(j, "code"), text_of(j, "reason"));
        assert_int_equal(flag_of(j, "broken"), real[i].broken);
        assert_int_equal(flag_of(j, "servable"), strcmp(real[i].code, "ok") == 0);
        if (real[i].chip)
            assert_string_equal(text_of(j, "image.chip"), real[i].chip);
    }
}

static cJSON *inspect_real(const char *file) {
    OTA_CLEAN(ota_buf_free) struct ota_buf b = {0};
    if (!reference_image(file, &b)) {
        print_message("reference images are absent\n");
        skip();
    }
    return inspect(b.p, b.len);
}

static void test_inspect_says_what_esptool_says(void **state) {
    OTA_CLEAN(ota_json_tree_free) cJSON *j = inspect_real("esp_idf_blink_esp32s2.bin");
    (void)state;
    assert_int_equal(number_of(j, "image.chip_id"), 2);
    assert_int_equal(cJSON_GetArraySize(get(j, "image.segments")), 6);
    assert_int_equal(number_of(j, "image.checksum"), 0x18);
    assert_true(flag_of(j, "image.checksum_valid") && flag_of(j, "image.hash_valid"));
    assert_string_equal(text_of(j, "image.hash"), "10f48f4a71a48cc4c917d70d13bf717b1bc7f3187b3d564b00192f7e381531b7");
    assert_string_equal(text_of(j, "image.flash_mode"), "dio");
    assert_string_equal(text_of(j, "image.flash_freq"), "80m");
    assert_string_equal(text_of(j, "image.flash_size"), "2MB");
    assert_string_equal(text_of(j, "image.segments.0.memory.0"), "DROM");
    assert_string_equal(text_of(j, "image.segments.1.memory.2"), "DRAM");
    assert_string_equal(text_of(j, "image.segments.5.memory.0"), "RTC_DATA");
    assert_string_equal(text_of(j, "app.project"), "blink");
    assert_string_equal(text_of(j, "app.version"), "qa-test-v5.0-20220830-4-g4532e6");
    assert_string_equal(text_of(j, "app.idf"), "v5.0-beta1-427-g4532e6e0b2-dirt");
    assert_int_equal(number_of(j, "app.secure_version"), 0);
}

static void test_inspect_descriptors_of_bootloaders(void **state) {
    OTA_CLEAN(ota_json_tree_free) cJSON *now = inspect_real("bootloader_esp32_v5_2.bin");
    OTA_CLEAN(ota_json_tree_free) cJSON *old = inspect_real("bootloader_esp32c3.bin");
    (void)state;
    assert_true(flag_of(now, "bootloader.descriptor"));
    assert_string_equal(text_of(now, "bootloader.idf"), "v5.2-dev-254-g1950b15");
    assert_string_equal(text_of(now, "bootloader.date_time"), "Apr 25 2023 00:13:32");
    assert_false(flag_of(old, "bootloader.descriptor"));
}

static void test_inspect_names_signing_keys(void **state) {
    static const struct {
        const char *file, *scheme;
        int count;
        const char *digest[3]; /* how the key digests begin */
    } rows[] = {
        {"bootloader_unsigned_v2.bin", NULL, 0, {NULL}},
        {"bootloader_signed_v2_rsa.bin", "rsa3072", 1, {"cb2791a3"}},
        {"bootloader_multi_signed_v2_rsa.bin", "rsa3072", 3, {"cb2791a3", "901a7409", "27919392"}},
        {"bootloader_signed_v2_ecdsa256.bin", "ecdsa256", 1, {"f35cc5db"}},
    };
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++) {
        OTA_CLEAN(ota_json_tree_free) cJSON *j = inspect_real(rows[i].file);
        const cJSON *blocks = get(j, "signature.blocks");
        assert_false(flag_of(j, "signature.v1"));
        assert_int_equal(cJSON_GetArraySize(blocks), rows[i].count);
        for (int n = 0; n < rows[i].count; n++) {
            const cJSON *b = cJSON_GetArrayItem(blocks, n);
            assert_string_equal(text_of(b, "scheme"), rows[i].scheme);
            assert_true(flag_of(b, "crc_valid") && flag_of(b, "digest_valid"));
            assert_memory_equal(text_of(b, "key_digest"), rows[i].digest[n], 8);
        }
    }
    OTA_CLEAN(ota_json_tree_free) cJSON *v1 = inspect_real("hello-world-signed.bin");
    assert_true(flag_of(v1, "signature.v1"));
}

static void test_inspect_key_digest_is_the_efuse_value(void **state) {
    OTA_CLEAN(ota_buf_free) struct ota_buf digest = {0};
    OTA_CLEAN(ota_json_tree_free) cJSON *rsa = inspect_real("bootloader_signed_v2_rsa.bin");
    OTA_CLEAN(ota_json_tree_free) cJSON *ecdsa = inspect_real("bootloader_signed_v2_ecdsa256.bin");
    char hex[65];
    (void)state;
    assert_true(reference_image("rsa_public_key_digest.bin", &digest));
    assert_int_equal(digest.len, 32);
    ota_hex_encode(digest.p, 32, hex);
    assert_string_equal(text_of(rsa, "signature.blocks.0.key_digest"), hex);
    assert_string_equal(text_of(ecdsa, "signature.blocks.0.key_digest"),
                        "f35cc5dbdde67f94a7bbcb5723371ba91822193582308f84cb95b4531219056d");
}

static void test_inspect_notices_a_damaged_signature(void **state) {
    static const size_t places[] = {32768 + 4, 32768 + 100, 32768 + 900, 32768 + 1196};
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(places); i++) {
        OTA_CLEAN(ota_buf_free) struct ota_buf b = {0};
        if (!reference_image("bootloader_signed_v2_rsa.bin", &b)) {
            print_message("reference images are absent\n");
            skip();
        }
        b.p[places[i]] ^= 1;
        OTA_CLEAN(ota_json_tree_free) cJSON *j = inspect(b.p, b.len);
        assert_false(flag_of(j, "signature.blocks.0.crc_valid"));
        assert_true(flag_of(j, "broken"));
        assert_string_equal(text_of(j, "code"), "signature");
        b.p[places[i]] ^= 1;
        b.p[32767] ^= 1; /* padding, which the image's own digests do not cover */
        OTA_CLEAN(ota_json_tree_free) cJSON *other = inspect(b.p, b.len);
        assert_true(flag_of(other, "signature.blocks.0.crc_valid"));
        assert_false(flag_of(other, "signature.blocks.0.digest_valid"));
        assert_true(flag_of(other, "broken"));
    }
}

/* ---- samples ---- */

static void test_inspect_samples_of_every_chip(void **state) {
    (void)state;
    for (size_t n = 0; ota_chip_at(n); n++) {
        OTA_CLEAN(ota_buf_free) struct ota_buf app = {0};
        OTA_CLEAN(ota_buf_free) struct ota_buf boot = {0};
        struct ota_sample s = sample_of(ota_chip_at(n)->name);
        sample_app(&s, &app);
        sample_bootloader(&s, &boot);
        OTA_CLEAN(ota_json_tree_free) cJSON *a = inspect(app.p, app.len);
        OTA_CLEAN(ota_json_tree_free) cJSON *b = inspect(boot.p, boot.len);
        assert_string_equal(text_of(a, "kind"), "app");
        assert_string_equal(text_of(b, "kind"), "bootloader");
        assert_string_equal(text_of(a, "image.chip"), s.chip->name);
        assert_true(flag_of(a, "servable") && flag_of(b, "servable"));
        assert_string_equal(text_of(a, "image.segments.0.memory.0"), "DROM");
        assert_string_equal(text_of(a, "image.segments.3.memory.0"), "PADDING");
        assert_true(cJSON_GetArraySize(get(b, "image.segments.0.memory")) > 0);
    }
}

static void test_inspect_tables(void **state) {
    OTA_CLEAN(ota_buf_free) struct ota_buf table = {0};
    struct ota_sample s = sample_of("esp32c3");
    (void)state;
    assert_ota_ok(ota_sample_table(&s, &ota_crypto_openssl, &table, &err));
    OTA_CLEAN(ota_json_tree_free) cJSON *j = inspect(table.p, table.len);
    assert_true(flag_of(j, "servable") && flag_of(j, "table.md5_valid") && flag_of(j, "table.has_end"));
    assert_string_equal(text_of(j, "table.rows.6.label"), "ota_id");
    assert_true(flag_of(j, "table.rows.6.readonly"));
    assert_string_equal(text_of(j, "table.rows.4.subtype"), "ota_1");
    assert_int_equal(number_of(j, "table.rows.4.offset"), 0x190000);
    table.p[100] ^= 1;
    OTA_CLEAN(ota_json_tree_free) cJSON *bad = inspect(table.p, table.len);
    assert_true(flag_of(bad, "broken") && !flag_of(bad, "table.md5_valid"));
    assert_string_equal(text_of(bad, "code"), "table-md5");
    ota_buf_reserve(&table, 5000);
    table.len = 5000;
    OTA_CLEAN(ota_json_tree_free) cJSON *longer = inspect(table.p, table.len);
    assert_string_equal(text_of(longer, "code"), "table-format");
}

static void test_inspect_otadata(void **state) {
    OTA_CLEAN_FREE uint8_t *bytes = ota_calloc(1, OTA_OTADATA_SIZE);
    (void)state;
    memset(bytes, 0xFF, OTA_OTADATA_SIZE);
    OTA_CLEAN(ota_json_tree_free) cJSON *initial = inspect(bytes, OTA_OTADATA_SIZE);
    assert_string_equal(text_of(initial, "kind"), "otadata");
    assert_true(cJSON_IsNull(get(initial, "otadata.active")) && cJSON_IsNull(get(initial, "otadata.entries.1.seq")));
    ota_otadata_encode(4, OTA_SLOT_PENDING_VERIFY, bytes + OTA_SECTOR);
    OTA_CLEAN(ota_json_tree_free) cJSON *j = inspect(bytes, OTA_OTADATA_SIZE);
    assert_int_equal(number_of(j, "otadata.active"), 1);
    assert_int_equal(number_of(j, "otadata.entries.1.seq"), 4);
    assert_string_equal(text_of(j, "otadata.entries.1.state"), "pending-verify");
    assert_true(!flag_of(j, "servable") && !flag_of(j, "broken"));
    bytes[OTA_SECTOR + 40] = 0;
    OTA_CLEAN(ota_json_tree_free) cJSON *other = inspect(bytes, OTA_OTADATA_SIZE);
    assert_string_equal(text_of(other, "kind"), "unknown");
}

static void test_inspect_nvs_shows_no_secrets(void **state) {
    OTA_CLEAN(ota_nvs_writer_free) struct ota_nvs_writer w;
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    OTA_CLEAN(ota_inspection_free) struct ota_inspection i = {0};
    (void)state;
    assert_ota_ok(ota_nvs_writer_init(&w, 0x4000, &err));
    assert_ota_ok(ota_nvs_namespace(&w, "ota", &err));
    assert_ota_ok(ota_nvs_put_string(&w, "token", "top-secret", &err));
    assert_ota_ok(ota_nvs_put_number(&w, "n", OTA_NVS_I16, -5, &err));
    assert_ota_ok(ota_nvs_put_number(&w, "big", OTA_NVS_U64, -1, &err));
    OTA_CLEAN_FREE uint8_t *blob = ota_calloc(1, 6000);
    assert_ota_ok(ota_nvs_put_blob(&w, "root", blob, 6000, &err));
    OTA_CLEAN(ota_json_tree_free) cJSON *j = inspect(w.image, w.size);
    assert_string_equal(text_of(j, "kind"), "nvs");
    assert_true(!flag_of(j, "servable") && !flag_of(j, "broken"));
    OTA_CLEAN_FREE char *printed = cJSON_PrintUnformatted(j);
    assert_null(strstr(printed, "secret"));
    assert_non_null(
        strstr(printed, "{\"namespace\":\"ota\",\"key\":\"n\",\"type\":\"i16\",\"length\":2,\"value\":-5}"));
    assert_non_null(strstr(printed, "\"value\":18446744073709551615"));
    assert_int_equal(cJSON_GetArraySize(get(j, "nvs.items")), 4); /* chunks are part of their blob */
    assert_int_equal(number_of(j, "nvs.items.3.length"), 6000);
    struct ota_span span = {w.image, w.size};
    struct ota_source src = memory_source(&span);
    assert_ota_ok(ota_inspect(&src, &ota_crypto_openssl, &i, &err));
    ota_inspect_text(&i, "f", &text);
    assert_null(strstr(ota_buf_text(&text), "secret"));
    w.image[64 + 32 + 10] ^= 1;
    OTA_CLEAN(ota_json_tree_free) cJSON *bad = inspect(w.image, w.size);
    assert_true(flag_of(bad, "broken"));
    assert_string_equal(text_of(bad, "code"), "journal");
}

static void test_inspect_merged_flash(void **state) {
    OTA_CLEAN(ota_buf_free) struct ota_buf table = {0};
    OTA_CLEAN(ota_buf_free) struct ota_buf boot = {0};
    OTA_CLEAN_FREE uint8_t *flash = ota_calloc(1, 0x20000);
    struct ota_sample s = sample_of("esp32c3");
    (void)state;
    sample_bootloader(&s, &boot);
    assert_ota_ok(ota_sample_table(&s, &ota_crypto_openssl, &table, &err));
    for (uint32_t at = 0x8000; at <= 0x10000; at += 0x8000) {
        memset(flash, 0xFF, 0x20000);
        memcpy(flash, boot.p, boot.len); /* begins like a bootloader, and is not one */
        memcpy(flash + at, table.p, table.len);
        OTA_CLEAN(ota_json_tree_free) cJSON *j = inspect(flash, 0x20000);
        assert_string_equal(text_of(j, "kind"), "merged-flash");
        assert_true(!flag_of(j, "servable"));
    }
}

static void test_inspect_small_and_odd_files(void **state) {
    static const char hostile[] = "\x1b[2J\xff";
    uint8_t byte = 0xE9;
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    OTA_CLEAN(ota_inspection_free) struct ota_inspection i = {0};
    (void)state;
    OTA_CLEAN(ota_json_tree_free) cJSON *empty = inspect(&byte, 0);
    assert_true(flag_of(empty, "broken"));
    assert_string_equal(text_of(empty, "code"), "truncated");
    OTA_CLEAN(ota_json_tree_free) cJSON *one = inspect(&byte, 1);
    assert_string_equal(text_of(one, "code"), "truncated");
    byte = 0xAA;
    OTA_CLEAN(ota_json_tree_free) cJSON *other = inspect(&byte, 1);
    assert_string_equal(text_of(other, "kind"), "unknown");
    byte = 0xEA;
    OTA_CLEAN(ota_json_tree_free) cJSON *v2 = inspect(&byte, 1);
    assert_string_equal(text_of(v2, "code"), "image-magic");
    struct ota_span span = {&byte, 1};
    struct ota_source src = memory_source(&span);
    assert_ota_ok(ota_inspect(&src, &ota_crypto_openssl, &i, &err));
    ota_inspect_text(&i, hostile, &text);
    assert_null(strchr(ota_buf_text(&text), '\x1b'));
    OTA_CLEAN(ota_json_tree_free) cJSON *j = ota_inspect_json(&i, hostile);
    assert_true(ota_utf8_valid(ota_span_str(text_of(j, "file"))));
}

static void test_inspect_unknown_chip(void **state) {
    OTA_CLEAN(ota_buf_free) struct ota_buf app = {0};
    struct ota_sample s = sample_of("esp32c3");
    (void)state;
    sample_app(&s, &app);
    app.p[13] = 0x70;
    app.p[3] = 0x29;
    reseal_image(&app);
    OTA_CLEAN(ota_json_tree_free) cJSON *j = inspect(app.p, app.len);
    assert_string_equal(text_of(j, "kind"), "app");
    assert_true(cJSON_IsNull(get(j, "image.chip")) && cJSON_IsNull(get(j, "image.flash_freq")));
    assert_string_equal(text_of(j, "code"), "chip");
    assert_false(flag_of(j, "broken"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inspect_real_files),
        cmocka_unit_test(test_inspect_says_what_esptool_says),
        cmocka_unit_test(test_inspect_descriptors_of_bootloaders),
        cmocka_unit_test(test_inspect_names_signing_keys),
        cmocka_unit_test(test_inspect_key_digest_is_the_efuse_value),
        cmocka_unit_test(test_inspect_notices_a_damaged_signature),
        cmocka_unit_test(test_inspect_samples_of_every_chip),
        cmocka_unit_test(test_inspect_tables),
        cmocka_unit_test(test_inspect_otadata),
        cmocka_unit_test(test_inspect_nvs_shows_no_secrets),
        cmocka_unit_test(test_inspect_merged_flash),
        cmocka_unit_test(test_inspect_small_and_odd_files),
        cmocka_unit_test(test_inspect_unknown_chip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
