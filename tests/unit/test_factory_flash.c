/* SPDX-License-Identifier: Apache-2.0 */
/* Flash images of a factory: what a build folder may bring, where it may go, and the header that esptool would write. */
#include <stdio.h>
#include <unistd.h>

#include "host/crypto.h"
#include "host/fs.h"
#include "image/factory_flash.h"
#include "image/sample_folder.h"
#include "support/unit.h"

#define SETTINGS "\"flash_settings\":{\"flash_mode\":\"dio\",\"flash_size\":\"4MB\",\"flash_freq\":\"40m\"}"
#define FILES                                                                                   \
    "\"0x0\":\"bootloader/bootloader.bin\",\"0x8000\":\"partition_table/partition-table.bin\"," \
    "\"0xd000\":\"ota_data_initial.bin\",\"0x10000\":\"hello.bin\",\"0x320000\":\"storage.bin\""

static char *dir, *build_dir;

static int make_sample(void **state) {
    struct ota_err err;
    const struct ota_sample s = {.chip = ota_chip_by_name(ota_span_str("esp32c3")),
                                 .project = "hello",
                                 .version = "1.0.0",
                                 .app_size = OTA_SAMPLE_APP_SIZE_MIN};
    (void)state;
    dir = ota_strdup("/tmp/ota-factory-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    build_dir = ota_sprintf("%s/build", dir);
    return ota_sample_folder(&s, build_dir, &ota_crypto_openssl, &err) == OTA_OK ? 0 : -1;
}

static int remove_sample(void **state) {
    struct ota_err err;
    (void)state;
    int failed = ota_fs_remove_tree(dir, &err) != OTA_OK;
    free(dir);
    free(build_dir);
    return failed;
}

static char *in_build(const char *name) {
    return ota_sprintf("%s/%s", build_dir, name);
}

static void put(const char *name, const void *p, size_t n) {
    struct ota_err err;
    OTA_CLEAN_FREE char *path = in_build(name);
    assert_ota_ok(ota_fs_write(path, p, n, 0644, &err));
}

static void put_zeros(const char *name, size_t n) {
    OTA_CLEAN_FREE uint8_t *zeros = ota_calloc(1, n + 1);
    put(name, zeros, n);
}

static void read_file(const char *name, struct ota_buf *out) {
    struct ota_err err;
    OTA_CLEAN_FREE char *path = in_build(name);
    assert_ota_ok(ota_fs_read(path, 4u << 20, out, &err));
}

/* flasher_args.json with these flash settings, and more flash_files ("" or ",..."). */
static void describe(const char *settings, const char *more) {
    OTA_CLEAN_FREE char *text =
        ota_sprintf("{%s,\"flash_files\":{" FILES "%s},\"extra_esptool_args\":{\"chip\":\"esp32c3\"}}", settings, more);
    put("flasher_args.json", text, strlen(text));
}

static enum ota_status fill(struct ota_factory_build *b, struct ota_factory_flash *f, struct ota_err *err) {
    memset(f, 0, sizeof *f);
    OTA_TRY(ota_factory_build_open(b, build_dir, NULL, err));
    return ota_factory_flash_fill(f, b, false, err);
}

static void fill_gives(enum ota_status wanted, const char *says) {
    OTA_CLEAN(ota_factory_build_free) struct ota_factory_build b;
    OTA_CLEAN(ota_factory_flash_free) struct ota_factory_flash f;
    struct ota_err err = {0};
    assert_ota(fill(&b, &f, &err), wanted);
    if (!strstr(err.msg, says))
        fail_msg("got \"%s\", wanted \"%s\"", err.msg, says);
}

static void with_more(const char *more, enum ota_status wanted, const char *says) {
    describe(SETTINGS, more);
    fill_gives(wanted, says);
}

/* ---- the folder ---------------------------------------------------------------------------------------- */

static void test_factory_flash_holds_the_files_where_the_build_says(void **state) {
    (void)state;
    static const struct {
        uint32_t offset;
        const char *name;
    } files[] = {{0, "bootloader/bootloader.bin"},
                 {0x8000, "partition_table/partition-table.bin"},
                 {0xd000, "ota_data_initial.bin"},
                 {0x10000, "hello.bin"},
                 {0x320000, "storage.bin"}};
    OTA_CLEAN(ota_factory_build_free) struct ota_factory_build b;
    OTA_CLEAN(ota_factory_flash_free) struct ota_factory_flash f;
    OTA_CLEAN(ota_buf_free) struct ota_buf wanted = {0};
    struct ota_err err;
    describe(SETTINGS, "");
    assert_ota_ok(fill(&b, &f, &err));
    for (size_t i = 0; i < OTA_ARRAY_LEN(files); i++) {
        OTA_CLEAN(ota_buf_free) struct ota_buf file = {0};
        read_file(files[i].name, &file);
        while (wanted.len < files[i].offset)
            ota_buf_append(&wanted, "\xff", 1);
        ota_buf_append(&wanted, file.p, file.len);
        const struct ota_span stands = ota_factory_flash_at(&f, &b, files[i].offset);
        assert_true(ota_span_equal(stands, ota_buf_span(&file)));
    }
    assert_int_equal(f.end, wanted.len);
    assert_memory_equal(f.bytes.p, wanted.p, wanted.len);
    assert_false(f.header_set);
    assert_null(ota_factory_flash_at(&f, &b, 0x360000).p);
}

static void test_factory_flash_takes_no_file_from_outside_of_the_folder(void **state) {
    (void)state;
    static const char *const outside[] = {"../secret", "/etc/passwd", "bootloader/../../secret", "../build/storage.bin",
                                          ".."};
    struct ota_err err;
    OTA_CLEAN_FREE char *secret = ota_sprintf("%s/secret", dir);
    OTA_CLEAN_FREE char *link_path = in_build("linked.bin");
    assert_ota_ok(ota_fs_write(secret, "secret", 6, 0600, &err));
    for (size_t i = 0; i < OTA_ARRAY_LEN(outside); i++) {
        OTA_CLEAN_FREE char *more = ota_sprintf(",\"0x360000\":\"%s\"", outside[i]);
        with_more(more, OTA_ARGUMENT, "lies outside of it; copy it into the build folder");
    }
    assert_int_equal(symlink(secret, link_path), 0);
    with_more(",\"0x360000\":\"linked.bin\"", OTA_ARGUMENT, "link out of the build folder; copy it into the build");
    assert_int_equal(unlink(link_path), 0);
    assert_int_equal(symlink("storage.bin", link_path), 0);
    with_more(",\"0x360000\":\"linked.bin\"", OTA_OK, "");
    with_more(",\"0x360000\":\"none.bin\"", OTA_NOT_FOUND, "none.bin: does not exist");
}

/* The boot configuration says which chips may be locked: it comes from the build, too. */
static void test_factory_flash_reads_no_description_through_a_link(void **state) {
    (void)state;
    static const char *const names[] = {"flasher_args.json", "project_description.json", "config/sdkconfig.json"};
    OTA_CLEAN_FREE char *outside = ota_sprintf("%s/moved", dir);
    describe(SETTINGS, "");
    for (size_t i = 0; i < OTA_ARRAY_LEN(names); i++) {
        OTA_CLEAN_FREE char *path = in_build(names[i]);
        assert_int_equal(rename(path, outside), 0);
        assert_int_equal(symlink(outside, path), 0);
        fill_gives(OTA_ARGUMENT, "link out of the build folder");
        assert_int_equal(rename(outside, path), 0);
        fill_gives(OTA_OK, "");
    }
}

static void test_factory_flash_takes_offsets_as_idf_writes_them(void **state) {
    (void)state;
    static const char *const none[] = {"3538944",   "0X360000", "0x",           "360000",   "0x360000 ",
                                       " 0x360000", "0x-1",     "0x1000360000", "0x36000g", ""};
    for (size_t i = 0; i < OTA_ARRAY_LEN(none); i++) {
        OTA_CLEAN_FREE char *more = ota_sprintf(",\"%s\":\"storage.bin\"", none[i]);
        with_more(more, OTA_CONFIG, "is no \"0x...\": file pair");
    }
    with_more(",\"0x360000\":7", OTA_CONFIG, "is no \"0x...\": file pair");
    with_more(",\"0x010000\":\"storage.bin\"", OTA_CONFIG, "puts two files at 0x10000");
    with_more(",\"0xD000\":\"storage.bin\"", OTA_CONFIG, "puts two files at 0xd000");
    with_more(",\"0xd000\":\"storage.bin\"", OTA_JSON_KEYS, "twice");
    with_more(",\"0x360000\":\"\\u001b[2J.bin\"", OTA_CONFIG, "a control character");
    OTA_CLEAN(ota_buf_free) struct ota_buf many = {0};
    for (unsigned i = 0; i < OTA_IDF_FILES_MAX; i++)
        ota_buf_printf(&many, ",\"0x%x\":\"storage.bin\"", 0x360000 + i * 4096);
    with_more(ota_buf_text(&many), OTA_CONFIG, "more than 63 flash_files");
}

static void test_factory_flash_knows_what_the_build_is_for(void **state) {
    (void)state;
    describe(SETTINGS, "");
    put("project_description.json", "{\"target\":\"esp32s3\"}", 20);
    fill_gives(OTA_CHIP, "is of a build for esp32s3, flasher_args.json for esp32c3");
    put("project_description.json", "{\"target\":\"esp32c3\"}", 20);
    fill_gives(OTA_OK, "");
    OTA_CLEAN_FREE char *path = in_build("project_description.json");
    assert_int_equal(unlink(path), 0);
    fill_gives(OTA_OK, "");
}

/* ---- places -------------------------------------------------------------------------------------------- */

static void test_factory_flash_refuses_what_runs_into_another(void **state) {
    (void)state;
    put_zeros("one", 1);
    put_zeros("two", 8192);
    with_more(",\"0x20000\":\"one\"", OTA_CONFIG, "one: goes to 0x20000, inside ota_0 (0x10000 to 0x190000)");
    with_more(",\"0x2000\":\"one\"", OTA_CONFIG, "one: goes to 0x2000, inside the bootloader's place (0x0 to 0x8000)");
    with_more(",\"0x321000\":\"one\"", OTA_CONFIG, "one: goes to 0x321000, inside storage");
    with_more(",\"0x9000\":\"one\"", OTA_OK, "");
    with_more(",\"0x9010\":\"one\"", OTA_CONFIG, "no flash sector (of 0x1000 bytes) begins");
    with_more(",\"0xf000\":\"one\"", OTA_OK, "");
    with_more(",\"0xf000\":\"two\"", OTA_SLOT_SIZE, "two: 8192 bytes do not fit at 0xf000, where 4096 are free");
    with_more(",\"0x400000\":\"one\"", OTA_SLOT_SIZE, "beyond the flash of 4 MiB");
    with_more(",\"0x3ff000\":\"two\"", OTA_SLOT_SIZE, "do not fit at 0x3ff000, where 4096 are free");
    with_more(",\"0x360000\":\"two\",\"0x362000\":\"two\"", OTA_OK, "");
    with_more(",\"0x360000\":\"two\",\"0x361000\":\"one\"", OTA_CONFIG,
              "one: 1 bytes at 0x361000 share flash sectors with");
    with_more(",\"0x361000\":\"one\",\"0x360000\":\"two\"", OTA_CONFIG,
              "two: 8192 bytes at 0x360000 share flash sectors with");
}

/* An ESP32, whose bootloader leaves the first sector free, with gaps between its partitions. */
static void test_factory_place_lets_others_have_what_no_row_has(void **state) {
    (void)state;
    static const struct {
        uint32_t offset;
        size_t length;
        enum ota_status wanted;
    } cases[] = {
        {0, 4096, OTA_OK},
        {0, 4097, OTA_SLOT_SIZE},
        {0x1000, 0x8000, OTA_OK},
        {0x1000, 0x8001, OTA_SLOT_SIZE},
        {0x8000, 1, OTA_CONFIG},
        {0x9000, 4096, OTA_OK},
        {0x9000, 4097, OTA_SLOT_SIZE},
        {0xA000, 0x2000, OTA_OK},
        {0xA000, 0x2001, OTA_SLOT_SIZE},
        {0xB000, 0x1000, OTA_OK},
        {0xB000, 0x1001, OTA_SLOT_SIZE},
        {0xC000, 0x4000, OTA_OK},
        {0xD000, 1, OTA_CONFIG},
        {0x10000, 0x10000, OTA_OK},
        {0x10000, 0x10001, OTA_SLOT_SIZE},
        {0x20000, 0xE0000, OTA_OK},
        {0x20000, 0xE0001, OTA_SLOT_SIZE},
        {0xFF000, 0x1000, OTA_OK},
        {0x100000, 0, OTA_SLOT_SIZE},
        {0xFFFFF000, 1, OTA_SLOT_SIZE},
        {0x30001, 0, OTA_CONFIG},
    };
    const struct ota_table table = {
        .count = 2,
        .row = {{OTA_PART_DATA, OTA_DATA_NVS, 0xC000, 0x4000, "nvs", 0},
                {OTA_PART_APP, OTA_APP_FACTORY, 0x10000, 0x10000, "factory", 0}},
    };
    static char path[] = "a.bin";
    for (size_t i = 0; i < OTA_ARRAY_LEN(cases); i++) {
        struct ota_factory_places p = {
            .table = &table, .bootloader_offset = 0x1000, .table_offset = 0x9000, .flash_size = 0x100000};
        const struct ota_factory_part part = {cases[i].offset, path};
        struct ota_err err = {0};
        if (ota_factory_places_add(&p, &part, cases[i].length, &err) != cases[i].wanted)
            fail_msg("0x%x, %zu bytes: %s", cases[i].offset, cases[i].length, err.msg);
    }
}

/* ---- flash settings ------------------------------------------------------------------------------------ */

/* The bootloader in the flash, made with these settings, has `mode` and `size_speed`, and is sound. */
static void header_becomes(const char *settings, uint8_t mode, uint8_t size_speed) {
    OTA_CLEAN(ota_factory_build_free) struct ota_factory_build b;
    OTA_CLEAN(ota_factory_flash_free) struct ota_factory_flash f;
    OTA_CLEAN(ota_buf_free) struct ota_buf file = {0};
    OTA_CLEAN_FREE struct ota_image *image = ota_calloc(1, sizeof *image);
    struct ota_err err = {0};
    describe(settings, "");
    read_file("bootloader/bootloader.bin", &file);
    if (fill(&b, &f, &err) != OTA_OK)
        fail_msg("%s: %s", settings, err.msg);
    const struct ota_span stands = ota_factory_flash_at(&f, &b, 0);
    const struct ota_source source = ota_span_source(&stands);
    assert_ota_ok(ota_image_read(&source, &ota_crypto_openssl, image, &err));
    assert_true(image->checksum_ok && image->hash_appended && image->hash_ok);
    assert_int_equal(stands.p[2], mode);
    assert_int_equal(stands.p[3], size_speed);
    assert_int_equal(f.header_set, mode != file.p[2] || size_speed != file.p[3]);
    file.p[2] = mode; /* nothing else but the hash is another one */
    file.p[3] = size_speed;
    assert_int_equal(stands.len, file.len);
    assert_memory_equal(stands.p, file.p, image->length - OTA_SHA256_LEN);
    assert_memory_equal(stands.p + image->length, file.p + image->length, file.len - image->length);
}

static enum ota_status fill_of_size(const char *size, struct ota_err *err) {
    OTA_CLEAN(ota_factory_build_free) struct ota_factory_build b;
    OTA_CLEAN(ota_factory_flash_free) struct ota_factory_flash f = {0};
    OTA_TRY(ota_factory_build_open(&b, build_dir, size, err));
    OTA_TRY(ota_factory_flash_fill(&f, &b, false, err));
    assert_int_equal(ota_flash_settings_size(f.bytes.p[3] >> 4), f.bytes.len);
    return OTA_OK;
}

#define WITH(mode, size, freq) \
    "\"flash_settings\":{\"flash_mode\":\"" mode "\",\"flash_size\":\"" size "\",\"flash_freq\":\"" freq "\"}"

static void test_factory_flash_writes_the_header_as_merge_bin_does(void **state) {
    (void)state;
    header_becomes(WITH("dio", "4MB", "40m"), 2, 0x20);
    header_becomes(WITH("qio", "4MB", "80m"), 0, 0x2F);
    header_becomes(WITH("qout", "8MB", "26m"), 1, 0x31);
    header_becomes(WITH("dout", "128MB", "20m"), 3, 0x72);
    header_becomes(WITH("keep", "4MB", "80m"), 2, 0x2F);
    header_becomes("\"flash_settings\":{\"flash_size\":\"4MB\"}", 2, 0x20);
    describe("\"a\":1", "");
    fill_gives(OTA_CONFIG, "does not say how large the flash is; give --flash-size");
}

static void test_factory_flash_writes_the_size_that_was_given(void **state) {
    struct ota_err err;
    (void)state;
    describe(WITH("dio", "2MB", "40m"), "");
    assert_ota(fill_of_size(NULL, &err), OTA_TABLE_LAYOUT);
    assert_ota_ok(fill_of_size("4MB", &err));
    assert_ota_ok(fill_of_size("16MB", &err));
    describe(WITH("keep", "keep", "keep"), "");
    assert_ota_ok(fill_of_size("8MB", &err));
    assert_ota(fill_of_size("2MB", &err), OTA_TABLE_LAYOUT);
    assert_ota(fill_of_size("keep", &err), OTA_USAGE);
}

/* "keep", and the size that the configuration says: the header is the file's. */
static void test_factory_flash_holds_the_table_against_the_header(void **state) {
    static const char config[] = "{\"PARTITION_TABLE_OFFSET\":32768,\"ESPTOOLPY_FLASHSIZE\":\"4MB\"}";
    static const struct {
        uint8_t code;
        enum ota_status wanted;
        const char *says;
    } rows[] = {{0, OTA_TABLE_LAYOUT, "bootloader.bin: its header says that the flash has 1MB, and ota_0 ends at"},
                {1, OTA_TABLE_LAYOUT, "has 2MB, and ota_1 ends at 0x310000"},
                {2, OTA_OK, ""},
                {3, OTA_CONFIG, "has 8MB, and the board's has 4MB: no app would run"},
                {7, OTA_CONFIG, "has 128MB, and the board's has 4MB"},
                {8, OTA_TABLE_LAYOUT, "has 2MB, and ota_1 ends at 0x310000"},
                {15, OTA_TABLE_LAYOUT, "has 2MB"}};
    OTA_CLEAN(ota_buf_free) struct ota_buf file = {0};
    (void)state;
    put("config/sdkconfig.json", config, sizeof config - 1);
    describe(WITH("keep", "keep", "keep"), "");
    read_file("bootloader/bootloader.bin", &file);
    for (size_t i = 0; i < OTA_ARRAY_LEN(rows); i++) {
        file.p[3] = (uint8_t)(rows[i].code << 4 | (file.p[3] & 0x0F));
        put("bootloader/bootloader.bin", file.p, file.len);
        fill_gives(rows[i].wanted, rows[i].says);
    }
}

static void test_factory_flash_refuses_settings_that_esptool_does_not_know(void **state) {
    (void)state;
    describe(WITH("fast_read", "4MB", "40m"), "");
    fill_gives(OTA_CONFIG, "flash_mode \"fast_read\" is none that the esp32c3 has");
    describe(WITH("dio", "3MB", "40m"), "");
    fill_gives(OTA_CONFIG, "flash_size \"3MB\" is none that the esp32c3 has");
    describe(WITH("dio", "4MB", "60m"), "");
    fill_gives(OTA_CONFIG, "flash_freq \"60m\" is none that the esp32c3 has");
    describe(WITH("dio", "4MB", "m"), "");
    fill_gives(OTA_CONFIG, "flash_freq \"m\"");
}

/* What is broken must not look sound behind a hash that was made anew. */
static void test_factory_flash_mends_no_broken_bootloader(void **state) {
    (void)state;
    OTA_CLEAN(ota_factory_build_free) struct ota_factory_build b;
    OTA_CLEAN(ota_factory_flash_free) struct ota_factory_flash f;
    OTA_CLEAN(ota_buf_free) struct ota_buf file = {0};
    struct ota_err err;
    read_file("bootloader/bootloader.bin", &file);
    file.p[4] ^= 1; /* the entry address, which only the hash covers */
    put("bootloader/bootloader.bin", file.p, file.len);
    describe(WITH("qio", "4MB", "80m"), "");
    assert_ota_ok(fill(&b, &f, &err));
    assert_false(f.header_set);
    assert_true(ota_span_equal(ota_factory_flash_at(&f, &b, 0), ota_buf_span(&file)));
}

static void test_flash_settings_of_the_c6_have_one_code_for_two_frequencies(void **state) {
    (void)state;
    static const char *const freq[] = {"80m", "40m"};
    const struct ota_chip *c6 = ota_chip_by_name(ota_span_str("esp32c6"));
    for (size_t i = 0; i < OTA_ARRAY_LEN(freq); i++) {
        OTA_CLEAN_FREE char *text =
            ota_sprintf("{\"flash_settings\":{\"flash_mode\":\"qio\",\"flash_freq\":\"%s\"}}", freq[i]);
        OTA_CLEAN(ota_json_tree_free) cJSON *flasher = cJSON_Parse(text);
        const struct ota_idf_folder folder = {.given = "build", .flasher = flasher};
        struct ota_flash_settings s;
        struct ota_err err;
        assert_ota_ok(ota_flash_settings_read(&folder, c6, NULL, &s, &err));
        assert_int_equal(s.speed, 0);
        assert_int_equal(s.size, -1);
        OTA_CLEAN_FREE char *options = ota_flash_settings_options(&s, c6);
        assert_string_equal(options, " --flash-mode qio --flash-freq 80m");
    }
}

int main(void) {
#define ON_SAMPLE(name) cmocka_unit_test_setup_teardown(name, make_sample, remove_sample)
    const struct CMUnitTest tests[] = {
        ON_SAMPLE(test_factory_flash_holds_the_files_where_the_build_says),
        ON_SAMPLE(test_factory_flash_takes_no_file_from_outside_of_the_folder),
        ON_SAMPLE(test_factory_flash_reads_no_description_through_a_link),
        ON_SAMPLE(test_factory_flash_takes_offsets_as_idf_writes_them),
        ON_SAMPLE(test_factory_flash_knows_what_the_build_is_for),
        ON_SAMPLE(test_factory_flash_refuses_what_runs_into_another),
        cmocka_unit_test(test_factory_place_lets_others_have_what_no_row_has),
        ON_SAMPLE(test_factory_flash_writes_the_header_as_merge_bin_does),
        ON_SAMPLE(test_factory_flash_writes_the_size_that_was_given),
        ON_SAMPLE(test_factory_flash_holds_the_table_against_the_header),
        ON_SAMPLE(test_factory_flash_refuses_settings_that_esptool_does_not_know),
        ON_SAMPLE(test_factory_flash_mends_no_broken_bootloader),
        cmocka_unit_test(test_flash_settings_of_the_c6_have_one_code_for_two_frequencies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
