/* SPDX-License-Identifier: Apache-2.0 */
/* Sample images and build folders: well-formed, deterministic, different where they should be. */
#include <sys/stat.h>
#include <unistd.h>

#include "host/crypto.h"
#include "host/fs.h"
#include "host/json_tree.h"
#include "image/sample_folder.h"
#include "support/images.h"
#include "support/unit.h"

static struct ota_err err;
static char dir[] = "/tmp/ota-sample-XXXXXX";

static int make_dir(void **state) {
    (void)state;
    memcpy(dir + strlen(dir) - 6, "XXXXXX", 6);
    return mkdtemp(dir) ? 0 : -1;
}
static int remove_dir(void **state) {
    (void)state;
    return ota_fs_remove_tree(dir, &err) == OTA_OK ? 0 : -1;
}

static bool contains(const struct ota_buf *b, const char *text) {
    return memmem(b->p, b->len, text, strlen(text)) != NULL;
}

static void test_sample_has_the_size_asked_for(void **state) {
    static const uint32_t sizes[] = {OTA_SAMPLE_APP_SIZE_MIN, 100000, 131072, 200016, OTA_SAMPLE_APP_SIZE, 1000000,
                                     OTA_SAMPLE_SLOT_SIZE};
    (void)state;
    for (size_t i = 0; i < OTA_ARRAY_LEN(sizes); i++) {
        OTA_CLEAN(ota_buf_free) struct ota_buf app = {0};
        struct ota_sample s = sample_of("esp32s3");
        struct ota_image_rules rules = {.chip = s.chip, .room = OTA_SAMPLE_SLOT_SIZE};
        struct ota_image image;
        s.app_size = sizes[i];
        sample_app(&s, &app);
        assert_int_equal(app.len, sizes[i] / 16 * 16);
        struct ota_span span = ota_buf_span(&app);
        struct ota_source src = memory_source(&span);
        assert_ota_ok(ota_image_read(&src, &ota_crypto_openssl, &image, &err));
        assert_int_equal(image.length, app.len);
        assert_ota_ok(ota_image_check_app(&image, app.len, &rules, &err));
        bool padding = false;
        for (unsigned n = 0; n < image.segment_count; n++)
            padding = padding || image.segment[n].load_addr == 0;
        assert_true(image.segment_count >= 4 && padding);
    }
}

static void test_sample_differs_by_version_and_fault(void **state) {
    OTA_CLEAN(ota_buf_free) struct ota_buf a = {0};
    OTA_CLEAN(ota_buf_free) struct ota_buf same = {0};
    OTA_CLEAN(ota_buf_free) struct ota_buf newer = {0};
    OTA_CLEAN(ota_buf_free) struct ota_buf faulty = {0};
    struct ota_sample s = sample_of("esp32c6");
    (void)state;
    sample_app(&s, &a);
    sample_app(&s, &same);
    s.version = "2.0.0";
    sample_app(&s, &newer);
    s.faulty = true;
    sample_app(&s, &faulty);
    assert_true(ota_span_equal(ota_buf_span(&a), ota_buf_span(&same)));
    size_t differ = 0;
    for (size_t i = 0; i < a.len; i++)
        differ += a.p[i] != newer.p[i];
    assert_true(differ > a.len / 4);
    assert_true(contains(&a, OTA_SAMPLE_MARKER_PASS) && !contains(&a, OTA_SAMPLE_MARKER_FAIL));
    assert_true(contains(&faulty, OTA_SAMPLE_MARKER_FAIL) && !contains(&faulty, OTA_SAMPLE_MARKER_PASS));
}

static void test_sample_descriptors(void **state) {
    OTA_CLEAN(ota_buf_free) struct ota_buf app = {0};
    OTA_CLEAN(ota_buf_free) struct ota_buf boot = {0};
    struct ota_sample s = sample_of("esp32c5");
    struct ota_image i;
    (void)state;
    s.project = "a-project-name-of-31-characters";
    s.version = "v2.2-252-g62edbd26-of-31-chars!";
    sample_app(&s, &app);
    struct ota_span span = ota_buf_span(&app);
    struct ota_source src = memory_source(&span);
    assert_ota_ok(ota_image_read(&src, &ota_crypto_openssl, &i, &err));
    assert_string_equal(i.app.project, s.project);
    assert_string_equal(i.app.version, s.version);
    assert_int_equal(i.app.mmu_page, 65536);
    sample_bootloader(&s, &boot);
    assert_int_equal(boot.len, OTA_SAMPLE_BOOTLOADER_SIZE);
    span = ota_buf_span(&boot);
    assert_ota_ok(ota_image_read(&src, &ota_crypto_openssl, &i, &err));
    assert_int_equal(i.boot.version, 1);
    assert_string_equal(i.boot.idf, OTA_SAMPLE_IDF);
}

static void test_sample_check_refuses(void **state) {
    struct ota_sample s = sample_of("esp32");
    (void)state;
#define REFUSED(member, bad)                                  \
    do {                                                      \
        struct ota_sample t = s;                              \
        t.member = (bad);                                     \
        assert_ota(ota_sample_check(&t, &err), OTA_ARGUMENT); \
    } while (0)
    REFUSED(project, "");
    REFUSED(project, "has/slash");
    REFUSED(project, "a-project-name-of-32-characters-");
    REFUSED(project, "storage");
    REFUSED(version, "");
    REFUSED(version, "line\nbreak");
    REFUSED(version, "01234567890123456789012345678901");
    REFUSED(app_size, OTA_SAMPLE_APP_SIZE_MIN - 1);
    REFUSED(app_size, OTA_SAMPLE_SLOT_SIZE + 1);
    REFUSED(add_label, "storage");
    REFUSED(add_label, "bootloader");
    REFUSED(add_label, "thermo");
    REFUSED(add_label, "../x");
    REFUSED(add_label, "a-label-too-long-");
#undef REFUSED
    assert_ota_ok(ota_sample_check(&s, &err));
}

/* ---- folders ---- */

static void read_text(const char *name, struct ota_buf *out) {
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", dir, name);
    out->len = 0;
    assert_ota_ok(ota_fs_read(path, 4 * 1024 * 1024, out, &err));
}
static cJSON *read_json(const char *name) {
    OTA_CLEAN(ota_buf_free) struct ota_buf b = {0};
    cJSON *tree = NULL;
    read_text(name, &b);
    assert_ota_ok(ota_json_tree_parse(ota_buf_span(&b), name, 65536, &tree, &err));
    return tree;
}

static void test_sample_folder_lists_every_image(void **state) {
    struct ota_sample s = sample_of("esp32p4");
    (void)state;
    s.add_label = "voices";
    assert_ota_ok(ota_sample_folder(&s, dir, &ota_crypto_openssl, &err));
    OTA_CLEAN(ota_json_tree_free) cJSON *args = read_json("flasher_args.json");
    static const char *const expect[][3] = {
        {"bootloader", "0x2000", "bootloader/bootloader.bin"},
        {"partition-table", "0x8000", "partition_table/partition-table.bin"},
        {"otadata", "0xd000", "ota_data_initial.bin"},
        {"app", "0x10000", "thermo.bin"},
        {"storage", "0x320000", "storage.bin"},
        {"voices", "0x360000", "voices.bin"},
    };
    const cJSON *files = ota_json_tree_object(args, "flash_files");
    assert_int_equal(cJSON_GetArraySize(files), OTA_ARRAY_LEN(expect));
    for (size_t i = 0; i < OTA_ARRAY_LEN(expect); i++) {
        OTA_CLEAN(ota_buf_free) struct ota_buf b = {0};
        const cJSON *entry = ota_json_tree_object(args, expect[i][0]);
        assert_string_equal(ota_json_tree_string(entry, "offset"), expect[i][1]);
        assert_string_equal(ota_json_tree_string(entry, "file"), expect[i][2]);
        assert_string_equal(ota_json_tree_string(entry, "encrypted"), "false");
        assert_string_equal(ota_json_tree_string(files, expect[i][1]), expect[i][2]);
        read_text(expect[i][2], &b);
        assert_true(b.len > 0);
    }
    OTA_CLEAN(ota_json_tree_free) cJSON *description = read_json("project_description.json");
    assert_string_equal(ota_json_tree_string(description, "project_name"), "thermo");
    assert_string_equal(ota_json_tree_string(description, "project_version"), "1.0.0");
    assert_string_equal(ota_json_tree_string(description, "target"), "esp32p4");
    OTA_CLEAN(ota_json_tree_free) cJSON *config = read_json("config/sdkconfig.json");
    assert_true(cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(config, "BOOTLOADER_APP_ROLLBACK_ENABLE")));
    assert_true(cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(config, "BOOTLOADER_APP_ANTI_ROLLBACK")));
    assert_int_equal(cJSON_GetObjectItemCaseSensitive(config, "PARTITION_TABLE_OFFSET")->valueint, 0x8000);
}

static void test_sample_folder_table_may_be_installed(void **state) {
    OTA_CLEAN(ota_buf_free) struct ota_buf before = {0};
    OTA_CLEAN(ota_buf_free) struct ota_buf after = {0};
    struct ota_table now, next;
    struct ota_sample s = sample_of("esp32");
    (void)state;
    assert_ota_ok(ota_sample_folder(&s, dir, &ota_crypto_openssl, &err));
    read_text("partition_table/partition-table.bin", &before);
    s.add_label = "voices";
    assert_ota_ok(ota_sample_folder(&s, dir, &ota_crypto_openssl, &err)); /* over the earlier sample */
    read_text("partition_table/partition-table.bin", &after);
    assert_ota_ok(ota_table_read(ota_buf_span(&before), &ota_crypto_openssl, &now, &err));
    assert_ota_ok(ota_table_read(ota_buf_span(&after), &ota_crypto_openssl, &next, &err));
    assert_ota_ok(ota_table_check(&next, OTA_TABLE_DEFAULT_OFFSET, OTA_SAMPLE_FLASH_SIZE, &err));
    assert_ota_ok(ota_table_check_change(&now, &next, &err));
    assert_ota_ok(ota_table_updatable(ota_table_by_label(&next, "voices"), &err));
}

static void test_sample_folder_leaves_other_folders_alone(void **state) {
    OTA_CLEAN_FREE char *file = ota_sprintf("%s/notes.txt", dir);
    OTA_CLEAN_FREE char *description = ota_sprintf("%s/project_description.json", dir);
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names names = {0};
    static const char real[] = "{\"project_name\":\"mine\"}";
    struct ota_sample s = sample_of("esp32");
    (void)state;
    assert_ota_ok(ota_fs_write(file, "x", 1, 0644, &err));
    assert_ota(ota_sample_folder(&s, dir, &ota_crypto_openssl, &err), OTA_EXISTS);
    assert_ota_ok(ota_fs_write(description, real, sizeof real - 1, 0644, &err)); /* a real build folder */
    assert_ota(ota_sample_folder(&s, dir, &ota_crypto_openssl, &err), OTA_EXISTS);
    assert_ota_ok(ota_fs_list(dir, &names, &err));
    assert_int_equal(names.count, 2);
    assert_int_not_equal(ota_sample_folder(&s, file, &ota_crypto_openssl, &err), OTA_OK); /* a file */
}

#define IN_DIR(t) cmocka_unit_test_setup_teardown(t, make_dir, remove_dir)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sample_has_the_size_asked_for),
        cmocka_unit_test(test_sample_differs_by_version_and_fault),
        cmocka_unit_test(test_sample_descriptors),
        cmocka_unit_test(test_sample_check_refuses),
        IN_DIR(test_sample_folder_lists_every_image),
        IN_DIR(test_sample_folder_table_may_be_installed),
        IN_DIR(test_sample_folder_leaves_other_folders_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
