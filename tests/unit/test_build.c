/* SPDX-License-Identifier: Apache-2.0 */
/* Releases from build folders, files and drop-ins: what goes in, what is left out, and everything a board would refuse. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "host/crypto.h"
#include "host/fs.h"
#include "image/sample_folder.h"
#include "release/build.h"
#include "support/unit.h"

static const char *const channels[] = {"stable", "beta", NULL};
static char *dir, *build_dir;

static struct ota_sample sample(const char *chip) {
    return (struct ota_sample){
        .chip = ota_chip_by_name(ota_span_str(chip)),
        .project = "hello",
        .version = "1.1.0",
        .app_size = OTA_SAMPLE_APP_SIZE_MIN,
    };
}

static int make_sample(void **state) {
    struct ota_err err;
    struct ota_sample s = sample("esp32c3");
    (void)state;
    s.add_label = "voices";
    dir = ota_strdup("/tmp/ota-build-XXXXXX");
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

static struct ota_build_options options(void) {
    return (struct ota_build_options){.product = "thermo", .chip = "esp32c3", .channels = channels};
}

/* Opens the sample folder with `with` (NULL-terminated) and expects `wanted`, whose message holds `says`. */
static void folder_gives(struct ota_build_options o, const char *const *with, enum ota_status wanted,
                         const char *says) {
    struct ota_err err;
    OTA_CLEAN(ota_build_free) struct ota_build b;
    o.with = with;
    assert_ota(ota_build_open_folder(&b, &o, build_dir, &err), wanted);
    if (says && !strstr(err.msg, says))
        fail_msg("got \"%s\", wanted \"%s\"", err.msg, says);
}

static char *in_build(const char *name) {
    return ota_sprintf("%s/%s", build_dir, name);
}

static void put(const char *name, const char *text) {
    struct ota_err err;
    OTA_CLEAN_FREE char *path = in_build(name);
    assert_ota_ok(ota_fs_write(path, text, strlen(text), 0644, &err));
}

/* Replaces the first `from` in a file of the build by `to`. */
static void edit(const char *name, const char *from, const char *to) {
    struct ota_err err;
    OTA_CLEAN_FREE char *path = in_build(name);
    OTA_CLEAN(ota_buf_free) struct ota_buf old = {0};
    OTA_CLEAN(ota_buf_free) struct ota_buf new = {0};
    assert_ota_ok(ota_fs_read(path, 1 << 20, &old, &err));
    const char *text = ota_buf_text(&old), *at = strstr(text, from);
    if (!at)
        fail_msg("%s holds no \"%s\":\n%s", name, from, text);
    ota_buf_append(&new, text, (size_t)(at - text));
    ota_buf_str(&new, to);
    ota_buf_str(&new, at + strlen(from));
    assert_ota_ok(ota_fs_write(path, new.p, new.len, 0644, &err));
}

/* Flips one byte of a file. */
static void flip(const char *name, long offset) {
    OTA_CLEAN_FREE char *path = in_build(name);
    OTA_CLEAN_FD int fd = open(path, O_RDWR);
    uint8_t byte;
    assert_int_equal(pread(fd, &byte, 1, offset), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
}

static void resize(const char *name, off_t size) {
    OTA_CLEAN_FREE char *path = in_build(name);
    assert_int_equal(truncate(path, size), 0);
}

/* ---- build folder -------------------------------------------------------------------------------------- */

static const struct ota_build_left *left_of(const struct ota_build *b, const char *label) {
    for (size_t i = 0; i < b->left_count; i++)
        if (strcmp(b->left[i].label, label) == 0)
            return &b->left[i];
    fail_msg("%s is not among what was left out", label);
    return NULL;
}

static void test_build_takes_the_app_only_and_lists_the_rest(void **state) {
    (void)state;
    struct ota_err err;
    struct ota_build_options o = options();
    OTA_CLEAN(ota_build_free) struct ota_build b;
    assert_ota_ok(ota_build_open_folder(&b, &o, build_dir, &err));
    assert_int_equal(b.release.step_count, 1);
    assert_string_equal(b.release.step[0].file, "app.bin");
    assert_string_equal(b.release.step[0].label, "@ota");
    assert_int_equal(b.release.step[0].kind, OTA_KIND_APP);
    assert_string_equal(b.release.version, "1.1.0");
    assert_string_equal(b.release.chip, "esp32c3");
    assert_int_equal(b.release.channel_count, 2);
    assert_string_equal(b.release.channel[0], "beta");
    assert_false(b.release.compat || b.release.risk || b.release.has_boot);
    assert_string_equal(ota_buf_text(&b.notes), "thermo 1.1.0\n");
    assert_true(b.table_known);
    assert_int_equal(b.left_count, 5);
    assert_string_equal(left_of(&b, "storage")->remedy, "--with storage");
    assert_string_equal(left_of(&b, "@bootloader")->remedy, "--with @bootloader");
    assert_string_equal(left_of(&b, "otadata")->remedy, "");
    assert_non_null(left_of(&b, "voices"));
    assert_non_null(left_of(&b, "@partition-table"));
}

static void test_build_with_all_orders_steps_and_signs_the_boot_words(void **state) {
    (void)state;
    static const char *const with[] = {"all", NULL};
    static const char *const order[] = {"@partition-table", "storage", "voices", "@bootloader", "@ota"};
    struct ota_err err;
    struct ota_build_options o = options();
    o.with = with;
    o.compatible = o.accept_risk = true;
    OTA_CLEAN(ota_build_free) struct ota_build b;
    assert_ota_ok(ota_build_open_folder(&b, &o, build_dir, &err));
    assert_int_equal(b.release.step_count, OTA_ARRAY_LEN(order));
    for (size_t i = 0; i < OTA_ARRAY_LEN(order); i++)
        assert_string_equal(b.release.step[i].label, order[i]);
    assert_true(b.release.compat && b.release.risk && b.release.has_boot && b.release.boot.rollback);
    assert_int_equal(b.release.boot.table_offset, 0x8000);
    assert_int_equal(b.left_count, 1); /* otadata */
}

static void test_build_asks_for_the_words_a_release_needs(void **state) {
    (void)state;
    static const char *const storage[] = {"storage", NULL}, *const bootloader[] = {"@bootloader", NULL};
    struct ota_build_options o = options();
    folder_gives(o, storage, OTA_COMPAT, "--compatible");
    o.compatible = true;
    folder_gives(o, storage, OTA_OK, NULL);
    folder_gives(o, bootloader, OTA_RISK, "--accept-brick-risk");
    o.accept_risk = true;
    folder_gives(o, bootloader, OTA_OK, NULL);
    OTA_CLEAN_FREE char *sdkconfig = in_build("config/sdkconfig.json");
    OTA_CLEAN_FREE char *moved = ota_sprintf("%s/sdkconfig.json", dir);
    assert_int_equal(rename(sdkconfig, moved), 0);
    folder_gives(o, bootloader, OTA_BOOT_CONFIG, "--sdkconfig");
    o.sdkconfig = moved;
    folder_gives(o, bootloader, OTA_OK, NULL);
}

static void test_build_refuses_labels_that_are_not_for_releases(void **state) {
    (void)state;
    static const char *const otadata[] = {"otadata", NULL}, *const typo[] = {"storag", NULL};
    struct ota_build_options o = options();
    o.compatible = true;
    folder_gives(o, otadata, OTA_LABEL, "otadata");
    folder_gives(o, typo, OTA_LABEL, "storage");
}

static void test_build_refuses_what_a_board_would(void **state) {
    (void)state;
    struct ota_build_options o = options();
    static const char *const storage[] = {"storage", NULL};
    o.chip = "esp32s3";
    folder_gives(o, NULL, OTA_CHIP, "esp32c3");
    o = options();
    flip("hello.bin", 5000);
    folder_gives(o, NULL, OTA_IMAGE_CHECKSUM, "hello.bin");
    flip("hello.bin", 5000);
    flip("hello.bin", 21); /* a reserved header byte: only the appended SHA-256 covers it */
    folder_gives(o, NULL, OTA_IMAGE_HASH, "hello.bin");
    flip("hello.bin", 21);
    folder_gives(o, NULL, OTA_OK, NULL);
    o.compatible = true;
    resize("storage.bin", 0x40001);
    folder_gives(o, storage, OTA_SLOT_SIZE, "storage");
    resize("storage.bin", 0);
    folder_gives(o, storage, OTA_TRUNCATED, "empty");
    resize("hello.bin", 0x180001);
    folder_gives(o, NULL, OTA_SLOT_SIZE, "app slot");
    resize("hello.bin", 5000);
    folder_gives(o, NULL, OTA_TRUNCATED, "hello.bin");
    resize("hello.bin", 0);
    folder_gives(o, NULL, OTA_TRUNCATED, NULL);
    resize("hello.bin", (off_t)4 << 30);
    folder_gives(o, NULL, OTA_TOO_LARGE, "hello.bin");
}

static void test_build_refuses_a_bootloader_over_the_table(void **state) {
    (void)state;
    static const char *const with[] = {"@bootloader", NULL};
    struct ota_build_options o = options();
    o.accept_risk = o.compatible = true;
    resize("bootloader/bootloader.bin", 0x8001);
    folder_gives(o, with, OTA_SLOT_SIZE, "0x8000");
}

static void test_build_asks_for_the_signature_its_configuration_wants(void **state) {
    (void)state;
    edit("config/sdkconfig.json", "NO_SECURE_BOOT\":\tfalse", "NO_SECURE_BOOT\":true");
    folder_gives(options(), NULL, OTA_SIGNATURE, "leaves signing to you");
}

static void test_build_refuses_a_damaged_table(void **state) {
    (void)state;
    flip("partition_table/partition-table.bin", 8);
    folder_gives(options(), NULL, OTA_TABLE_MD5, "partition-table.bin");
}

static void test_build_lets_no_path_escape(void **state) {
    (void)state;
    struct ota_err err;
    OTA_CLEAN_FREE char *secret = ota_sprintf("%s/secret", dir);
    OTA_CLEAN_FREE char *storage = in_build("storage.bin");
    assert_ota_ok(ota_fs_write(secret, "secret", 6, 0600, &err));
    assert_int_equal(unlink(storage), 0);
    assert_int_equal(symlink(secret, storage), 0);
    folder_gives(options(), NULL, OTA_ARGUMENT, "link out of the build folder");
    assert_int_equal(unlink(storage), 0);
    edit("flasher_args.json", "\"storage.bin\"", "\"../secret\"");
    folder_gives(options(), NULL, OTA_ARGUMENT, "outside");
}

/* `name` of the build becomes a link to itself, moved out of the folder. */
static void refuses_a_link_at(const char *name) {
    OTA_CLEAN_FREE char *inside = in_build(name);
    OTA_CLEAN_FREE char *outside = ota_sprintf("%s/moved", dir);
    assert_int_equal(rename(inside, outside), 0);
    assert_int_equal(symlink(outside, inside), 0);
    folder_gives(options(), NULL, OTA_ARGUMENT, "link out of the build folder");
    assert_int_equal(rename(outside, inside), 0);
    folder_gives(options(), NULL, OTA_OK, NULL);
}

static void test_build_reads_no_description_through_a_link(void **state) {
    (void)state;
    refuses_a_link_at("flasher_args.json");
    refuses_a_link_at("project_description.json");
    refuses_a_link_at("config/sdkconfig.json");
}

static void test_build_refuses_control_characters(void **state) {
    (void)state;
    edit("flasher_args.json", "\"storage.bin\"", "\"\\u001b]0;owned\\u0007.bin\"");
    folder_gives(options(), NULL, OTA_CONFIG, "flasher_args.json: a control character");
    edit("flasher_args.json", "\"\\u001b]0;owned\\u0007.bin\"", "\"storage.bin\"");
    folder_gives(options(), NULL, OTA_OK, NULL);
    edit("flasher_args.json", "{", "{\"a\\u009b2J\": 1, ");
    folder_gives(options(), NULL, OTA_CONFIG, "flasher_args.json: a control character");
    edit("flasher_args.json", "{\"a\\u009b2J\": 1, ", "{");
    edit("project_description.json", "{", "{\"a\": [\"\\u202e\"], ");
    folder_gives(options(), NULL, OTA_CONFIG, "project_description.json: a control character");
}

static void test_build_takes_offsets_as_idf_writes_them(void **state) {
    (void)state;
    static const struct {
        const char *offset, *says;
    } bad[] = {{"0x010000", "puts two files at 0x10000"},
               {"0xD000", "puts two files at 0xd000"},
               {"3801088", "\"3801088\" is no \"0x...\": file pair"},
               {"0X3a0000", "\"0X3a0000\" is no \"0x...\": file pair"}};
    for (size_t i = 0; i < OTA_ARRAY_LEN(bad); i++) {
        OTA_CLEAN_FREE char *more = ota_sprintf("\"flash_files\": {\"%s\": \"storage.bin\",", bad[i].offset);
        edit("flasher_args.json", "\"flash_files\":\t{", more);
        folder_gives(options(), NULL, OTA_CONFIG, bad[i].says);
        edit("flasher_args.json", more, "\"flash_files\":\t{");
    }
    folder_gives(options(), NULL, OTA_OK, NULL);
}

static void test_build_reads_hostile_json_with_care(void **state) {
    (void)state;
    OTA_CLEAN(ota_buf_free) struct ota_buf deep = {0};
    for (int i = 0; i < 100; i++)
        ota_buf_str(&deep, "[");
    put("flasher_args.json", ota_buf_text(&deep));
    folder_gives(options(), NULL, OTA_JSON_DEPTH, "flasher_args.json");
    put("flasher_args.json", "{\"app\":{\"offset\":\"0x10000\",\"file\":\"a\"},\"app\":{}}");
    folder_gives(options(), NULL, OTA_JSON_KEYS, "\"app\" appears twice");
    put("flasher_args.json", "{\"app\":{},\"\\u0061pp\":{}}");
    folder_gives(options(), NULL, OTA_JSON_KEYS, "appears twice");
    put("flasher_args.json", "{\"a\":\"\xff\"}");
    folder_gives(options(), NULL, OTA_JSON_UTF8, NULL);
    put("flasher_args.json", "{\"a\":\"\\u0000\"}");
    folder_gives(options(), NULL, OTA_JSON_UTF8, NULL);
    put("flasher_args.json", "{} x");
    folder_gives(options(), NULL, OTA_JSON_TRAILING, NULL);
    put("flasher_args.json", "{");
    folder_gives(options(), NULL, OTA_JSON_SYNTAX, NULL);
    put("flasher_args.json", "[]");
    folder_gives(options(), NULL, OTA_CONFIG, "not a JSON object");
    put("flasher_args.json", "{\"app\":{\"offset\":65536,\"file\":\"hello.bin\"}}");
    folder_gives(options(), NULL, OTA_CONFIG, "\"app\"");
    put("flasher_args.json", "{}");
    put("project_description.json", "{}");
    folder_gives(options(), NULL, OTA_NOT_FOUND, "names no app");
    resize("flasher_args.json", (off_t)4 << 30);
    folder_gives(options(), NULL, OTA_TOO_LARGE, NULL);
    OTA_CLEAN_FREE char *args = in_build("flasher_args.json");
    assert_int_equal(unlink(args), 0);
    folder_gives(options(), NULL, OTA_NOT_FOUND, "flasher_args.json");
}

static void test_build_takes_the_bootloader_that_secure_boot_leaves_unlisted(void **state) {
    (void)state;
    static const char *const with[] = {"@bootloader", NULL};
    struct ota_build_options o = options();
    o.accept_risk = o.compatible = true;
    edit("flasher_args.json", "\"bootloader\"", "\"not-listed\"");
    edit("flasher_args.json", "\"0x0\"", "\"0x7000\"");
    folder_gives(o, with, OTA_OK, NULL);
}

/* ---- files and drop-ins -------------------------------------------------------------------------------- */

static void files_give(struct ota_build_options o, const char *const *operand, size_t count, enum ota_status wanted,
                       const char *says) {
    struct ota_err err;
    OTA_CLEAN(ota_build_free) struct ota_build b;
    assert_ota(ota_build_open_files(&b, &o, operand, count, &err), wanted);
    if (says && !strstr(err.msg, says))
        fail_msg("got \"%s\", wanted \"%s\"", err.msg, says);
}

static void test_build_files_find_kind_and_label(void **state) {
    (void)state;
    struct ota_err err;
    struct ota_build_options o = options();
    OTA_CLEAN_FREE char *app = in_build("hello.bin");
    OTA_CLEAN_FREE char *storage = in_build("storage.bin");
    OTA_CLEAN_FREE char *named = ota_sprintf("%s:app", storage);
    const char *files[] = {app, storage, named};
    o.compatible = true;
    {
        OTA_CLEAN(ota_build_free) struct ota_build b;
        assert_ota_ok(ota_build_open_files(&b, &o, files, 3, &err));
        assert_int_equal(b.release.step_count, 3);
        assert_string_equal(b.release.step[0].label, "app");
        assert_string_equal(b.release.step[0].file, "app-data.bin"); /* app.bin is the app's */
        assert_string_equal(b.release.step[1].file, "storage.bin");
        assert_string_equal(b.release.step[2].file, "app.bin");
        assert_int_equal(b.remark_count, 1); /* no table */
    }
    files_give(o, (const char *[]){storage, storage}, 2, OTA_ARGUMENT, "both go to storage");
    OTA_CLEAN_FREE char *wrong = ota_sprintf("%s:@ota", storage);
    files_give(o, (const char *[]){wrong}, 1, OTA_IMAGE_KIND, "plain data");
    OTA_CLEAN_FREE char *nvs = ota_sprintf("%s:nvs", storage);
    files_give(o, (const char *[]){nvs}, 1, OTA_LABEL, "nvs");
    OTA_CLEAN_FREE char *bad = ota_sprintf("%s:a/b", storage);
    files_give(o, (const char *[]){bad}, 1, OTA_USAGE, "no partition label");
    files_give(o, (const char *[]){build_dir}, 1, OTA_IO, "folder");
    files_give(o, (const char *[]){"/nonexistent/app.bin"}, 1, OTA_NOT_FOUND, "nonexistent");
    resize("storage.bin", (off_t)4 << 30);
    files_give(o, (const char *[]){storage}, 1, OTA_TOO_LARGE, "storage.bin");
}

static void test_build_files_use_a_table_among_them(void **state) {
    (void)state;
    struct ota_build_options o = options();
    OTA_CLEAN_FREE char *table = in_build("partition_table/partition-table.bin");
    OTA_CLEAN_FREE char *storage = in_build("storage.bin");
    OTA_CLEAN_FREE char *unknown = ota_sprintf("%s:unknown", storage);
    OTA_CLEAN_FREE char *sdkconfig = in_build("config/sdkconfig.json");
    o.accept_risk = true;
    o.sdkconfig = sdkconfig;
    files_give(o, (const char *[]){storage, table}, 2, OTA_OK, NULL);
    files_give(o, (const char *[]){unknown, table}, 2, OTA_LABEL, "no partition \"unknown\"");
}

static void test_build_version_of_data_alone_names_its_content(void **state) {
    (void)state;
    struct ota_err err;
    struct ota_build_options o = options();
    OTA_CLEAN_FREE char *storage = in_build("storage.bin");
    OTA_CLEAN(ota_build_free) struct ota_build b;
    assert_ota_ok(ota_build_open_files(&b, &o, (const char *[]){storage}, 1, &err));
    assert_int_equal(strncmp(b.release.version, "storage-", 8), 0);
    assert_int_equal(strlen(b.release.version), 16);
    o.version = "bad\nversion";
    files_give(o, (const char *[]){storage}, 1, OTA_ARGUMENT, "--version");
}

static void test_build_recognises_a_merged_flash(void **state) {
    (void)state;
    struct ota_err err;
    OTA_CLEAN(ota_buf_free) struct ota_buf flash = {0};
    OTA_CLEAN(ota_buf_free) struct ota_buf table = {0};
    OTA_CLEAN_FREE char *table_path = in_build("partition_table/partition-table.bin");
    OTA_CLEAN_FREE char *path = in_build("merged.bin");
    assert_ota_ok(ota_fs_read(table_path, 4096, &table, &err));
    ota_buf_reserve(&flash, 0x9000);
    memset(flash.p, 0xFF, 0x9000);
    memcpy(flash.p + 0x8000, table.p, table.len);
    flash.len = 0x9000;
    assert_ota_ok(ota_fs_write(path, flash.p, flash.len, 0644, &err));
    files_give(options(), (const char *[]){path}, 1, OTA_IMAGE_KIND, "merged");
}

static void copy_to_drop(const char *drop, const char *name, const char *as) {
    struct ota_err err;
    OTA_CLEAN_FREE char *from = in_build(name);
    OTA_CLEAN_FREE char *to = ota_sprintf("%s/%s", drop, as);
    assert_ota_ok(ota_fs_copy(from, to, 0644, &err));
}

/* table: NULL when none is known. */
static void dropins_give(const char *drop, const char *table, enum ota_status wanted, const char *says) {
    struct ota_err err;
    struct ota_build_options o = options();
    o.table = table;
    OTA_CLEAN(ota_build_free) struct ota_build b;
    assert_ota(ota_build_open_dropins(&b, &o, drop, &err), wanted);
    if (says && !strstr(err.msg, says))
        fail_msg("got \"%s\", wanted \"%s\"", err.msg, says);
}

static void test_build_dropins_take_an_app_or_data(void **state) {
    (void)state;
    struct ota_err err;
    OTA_CLEAN_FREE char *drop = ota_sprintf("%s/drop", dir);
    OTA_CLEAN_FREE char *app = ota_sprintf("%s/whatever.bin", drop);
    OTA_CLEAN_FREE char *table = in_build("partition_table/partition-table.bin");
    OTA_CLEAN_FREE char *link = ota_sprintf("%s/link.bin", drop);
    assert_ota_ok(ota_fs_mkdirs(drop, 0755, &err));
    dropins_give(drop, NULL, OTA_NOT_FOUND, "no image");
    assert_int_equal(symlink("/etc/passwd", link), 0);
    dropins_give(drop, NULL, OTA_NOT_FOUND, "no image"); /* links are not followed */
    copy_to_drop(drop, "hello.bin", "whatever.bin");
    dropins_give(drop, NULL, OTA_OK, NULL);
    copy_to_drop(drop, "storage.bin", "storage.bin");
    dropins_give(drop, NULL, OTA_COMPAT, "otactl push");
    assert_int_equal(unlink(app), 0);
    dropins_give(drop, NULL, OTA_LABEL, "push a build folder once");
    dropins_give(drop, table, OTA_OK, NULL);
    copy_to_drop(drop, "storage.bin", "weird-label.bin");
    dropins_give(drop, table, OTA_LABEL, "no partition \"weird-label\"");
    copy_to_drop(drop, "bootloader/bootloader.bin", "b.bin");
    dropins_give(drop, NULL, OTA_IMAGE_KIND, "otactl push BUILD_DIR --with @bootloader");
}

/* ---- writing ------------------------------------------------------------------------------------------- */

static void test_build_writes_an_incoming_folder_and_notices_changes(void **state) {
    (void)state;
    struct ota_err err;
    struct ota_build_options o = options();
    OTA_CLEAN(ota_build_free) struct ota_build b;
    OTA_CLEAN_FREE char *incoming = ota_sprintf("%s/incoming", dir);
    char served[256];
    o.notes = "What is new\n";
    assert_ota_ok(ota_build_open_folder(&b, &o, build_dir, &err));
    assert_ota(ota_build_write(&b, incoming, NULL, &err), OTA_INTERNAL); /* no counter yet */
    b.release.counter = 7;
    assert_ota_ok(ota_build_write(&b, incoming, NULL, &err));
    const struct ota_build_request request = {.channel = "stable", .permille = 250, .groups = "*", .by = "me"};
    assert_ota_ok(ota_build_write_request(&b, incoming, &request, &err));

    assert_true(ota_release_served_path("thermo", 7, "app.bin", b.release.step[0].sha256, served, sizeof served));
    OTA_CLEAN_FREE char *image = ota_sprintf("%s/targets/%s", incoming, served);
    assert_true(ota_fs_is_file(image));
    assert_true(ota_release_served_path("thermo", 7, "release.txt", b.release.notes_sha256, served, sizeof served));
    OTA_CLEAN_FREE char *notes = ota_sprintf("%s/targets/%s", incoming, served);
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    assert_ota_ok(ota_fs_read(notes, 100, &text, &err));
    assert_string_equal(ota_buf_text(&text), "What is new\n");
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/request", incoming);
    assert_ota_ok(ota_fs_read(path, 200, &text, &err));
    assert_string_equal(ota_buf_text(&text), "product thermo\ncounter 7\nversion 1.1.0\nchannel stable 250 *\nby me\n");

    flip("hello.bin", 5000);
    assert_ota(ota_build_write(&b, incoming, NULL, &err), OTA_HASH);
}

/* ---- the factory app ----------------------------------------------------------------------------------- */

/* Puts a factory partition into the hole behind the others. */
static void add_factory_partition(uint32_t size) {
    struct ota_err err;
    struct ota_table t;
    uint8_t bytes[OTA_TABLE_LENGTH];
    OTA_CLEAN_FREE char *path = in_build("partition_table/partition-table.bin");
    OTA_CLEAN(ota_buf_free) struct ota_buf old = {0};
    assert_ota_ok(ota_fs_read(path, OTA_SECTOR, &old, &err));
    assert_ota_ok(ota_table_read(ota_buf_span(&old), &ota_crypto_openssl, &t, &err));
    const struct ota_partition *last = &t.row[t.count - 1];
    t.row[t.count++] = (struct ota_partition){.type = OTA_PART_APP,
                                              .subtype = OTA_APP_FACTORY,
                                              .offset = (last->offset + last->size + 0xFFFF) & ~0xFFFFu,
                                              .size = size,
                                              .label = "rescue"};
    assert_ota_ok(ota_table_write(&t, &ota_crypto_openssl, bytes, &err));
    assert_ota_ok(ota_fs_write(path, bytes, sizeof bytes, 0644, &err));
}

static void test_build_with_factory_takes_the_app_twice(void **state) {
    (void)state;
    static const char *const with[] = {"factory", NULL};
    struct ota_err err;
    struct ota_build_options o = options();
    o.with = with;
    o.compatible = true;
    add_factory_partition(0x60000);
    OTA_CLEAN(ota_build_free) struct ota_build b;
    assert_ota_ok(ota_build_open_folder(&b, &o, build_dir, &err));
    assert_int_equal(b.release.step_count, 2);
    assert_string_equal(b.release.step[0].label, "factory");
    assert_string_equal(b.release.step[0].file, "factory.bin");
    assert_string_equal(b.release.step[1].label, "@ota");
    assert_memory_equal(b.release.step[0].sha256, b.release.step[1].sha256, OTA_SHA256_LEN);
    assert_string_equal(b.release.version, "1.1.0");
    b.release.counter = 1;
    assert_ota_ok(ota_release_check(&b.release, &err));
}

static void test_build_with_all_leaves_the_factory_app(void **state) {
    (void)state;
    static const char *const with[] = {"all", NULL};
    struct ota_err err;
    struct ota_build_options o = options();
    o.with = with;
    o.compatible = o.accept_risk = true;
    add_factory_partition(0x60000);
    OTA_CLEAN(ota_build_free) struct ota_build b;
    assert_ota_ok(ota_build_open_folder(&b, &o, build_dir, &err));
    for (size_t i = 0; i < b.release.step_count; i++)
        assert_string_not_equal(b.release.step[i].label, "factory");
    assert_string_equal(left_of(&b, "factory")->remedy, "--with factory");
}

static void test_build_with_factory_needs_a_partition_that_holds_it(void **state) {
    (void)state;
    static const char *const with[] = {"factory", NULL};
    struct ota_build_options o = options();
    folder_gives(o, with, OTA_LABEL, "no such image");
    add_factory_partition(0x10000);
    folder_gives(o, with, OTA_SLOT_SIZE, "the factory partition");
}

static void test_build_with_factory_is_refused_under_anti_rollback(void **state) {
    (void)state;
    static const char *const with[] = {"factory", NULL};
    struct ota_build_options o = options();
    o.compatible = true;
    add_factory_partition(0x60000);
    folder_gives(o, with, OTA_OK, NULL);
    edit("config/sdkconfig.json", "\"BOOTLOADER_APP_ANTI_ROLLBACK\":\tfalse",
         "\"BOOTLOADER_APP_ANTI_ROLLBACK\":\ttrue");
    folder_gives(o, with, OTA_UNSUPPORTED, "anti-rollback");
}

static void test_build_files_may_name_the_factory_app(void **state) {
    (void)state;
    struct ota_err err;
    struct ota_build_options o = options();
    OTA_CLEAN_FREE char *operand = in_build("hello.bin:factory");
    OTA_CLEAN_FREE char *table = in_build("partition_table/partition-table.bin");
    const char *const operands[] = {operand};
    OTA_CLEAN(ota_build_free) struct ota_build untold, without, b;
    assert_ota(ota_build_open_files(&untold, &o, operands, 1, &err), OTA_LABEL);
    o.table = table;
    assert_ota(ota_build_open_files(&without, &o, operands, 1, &err), OTA_LABEL);
    add_factory_partition(0x60000);
    assert_ota_ok(ota_build_open_files(&b, &o, operands, 1, &err));
    assert_int_equal(b.release.step[0].kind, OTA_KIND_FACTORY);
    assert_false(ota_build_has_app(&b.release));
    assert_non_null(strstr(b.release.version, "factory-"));
    assert_int_equal(b.release.secure_version, 0);
}

/* ---- zlib forms ---------------------------------------------------------------------------------------- */

static void assert_inflates(const struct ota_buf *packed, const char *plain_path) {
    struct ota_err err;
    OTA_CLEAN(ota_buf_free) struct ota_buf plain = {0};
    assert_ota_ok(ota_fs_read(plain_path, OTA_IMAGE_LENGTH_MAX, &plain, &err));
    OTA_CLEAN_FREE uint8_t *out = ota_calloc(1, plain.len + 1);
    z_stream z = {
        .next_in = packed->p, .avail_in = (uInt)packed->len, .next_out = out, .avail_out = (uInt)plain.len + 1};
    assert_int_equal(inflateInit2(&z, 12), Z_OK);
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    assert_int_equal(z.avail_in, 0);
    assert_int_equal(inflateEnd(&z), Z_OK);
    assert_int_equal(z.total_out, plain.len);
    assert_memory_equal(out, plain.p, plain.len);
}

static const struct ota_step *step_for(const struct ota_build *b, const char *label, size_t *index) {
    for (size_t i = 0; i < b->release.step_count; i++)
        if (strcmp(b->release.step[ *index = i].label, label) == 0)
            return &b->release.step[i];
    fail_msg("no step for %s", label);
    return NULL;
}

static void test_build_compresses_what_that_makes_smaller(void **state) {
    (void)state;
    static const char *const with[] = {"all", NULL};
    struct ota_err err;
    struct ota_build_options o = options();
    size_t i;
    o.with = with;
    o.compatible = o.accept_risk = true;
    OTA_CLEAN(ota_buf_free) struct ota_buf noise = {0};
    for (uint32_t x = 1; noise.len < 30000; x = x * 1664525u + 1013904223u)
        ota_buf_append(&noise, (const uint8_t *)&x + 3, 1);
    OTA_CLEAN_FREE char *voices = in_build("voices.bin");
    assert_ota_ok(ota_fs_write(voices, noise.p, noise.len, 0644, &err));
    OTA_CLEAN(ota_build_free) struct ota_build b;
    assert_ota_ok(ota_build_open_folder(&b, &o, build_dir, &err));
    assert_ota_ok(ota_build_compress(&b, NULL, &err));

    const struct ota_step *app = step_for(&b, "@ota", &i);
    assert_true(app->z_length > 0 && app->z_length <= app->length - app->length / 10);
    assert_int_equal(app->z_length, b.packed[i].len);
    assert_inflates(&b.packed[i], b.path[i]);
    uint8_t digest[OTA_SHA256_LEN];
    assert_ota_ok(ota_sha256(&ota_crypto_openssl, b.packed[i].p, b.packed[i].len, digest, &err));
    assert_memory_equal(app->z_sha256, digest, sizeof digest);
    static const char *const not_worth_it[] = {"voices", "@partition-table"}; /* noise; 3 KiB */
    for (size_t k = 0; k < OTA_ARRAY_LEN(not_worth_it); k++) {
        assert_int_equal(step_for(&b, not_worth_it[k], &i)->z_length, 0);
        assert_int_equal(b.packed[i].len, 0);
    }
}

static void test_build_compresses_equal_images_to_equal_bytes(void **state) {
    (void)state;
    struct ota_err err;
    struct ota_build_options o = options();
    OTA_CLEAN(ota_build_free) struct ota_build b, again;
    assert_ota_ok(ota_build_open_folder(&b, &o, build_dir, &err));
    assert_ota_ok(ota_build_open_folder(&again, &o, build_dir, &err));
    assert_ota_ok(ota_build_compress(&b, NULL, &err));
    assert_ota_ok(ota_build_compress(&again, NULL, &err));
    assert_true(b.packed[0].len > 0 && b.packed[0].len == again.packed[0].len);
    assert_memory_equal(b.packed[0].p, again.packed[0].p, b.packed[0].len);
}

static void test_build_writes_the_zlib_form_beside_the_image(void **state) {
    (void)state;
    struct ota_err err;
    struct ota_build_options o = options();
    char served[256];
    OTA_CLEAN(ota_build_free) struct ota_build b;
    OTA_CLEAN_FREE char *incoming = ota_sprintf("%s/incoming", dir);
    assert_ota_ok(ota_build_open_folder(&b, &o, build_dir, &err));
    assert_ota_ok(ota_build_compress(&b, NULL, &err));
    b.release.counter = 7;
    assert_ota_ok(ota_build_write(&b, incoming, NULL, &err));
    assert_true(ota_release_served_path("thermo", 7, "app.bin.z", b.release.step[0].z_sha256, served, sizeof served));
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/targets/%s", incoming, served);
    OTA_CLEAN(ota_buf_free) struct ota_buf bytes = {0};
    assert_ota_ok(ota_fs_read(path, OTA_IMAGE_LENGTH_MAX, &bytes, &err));
    assert_inflates(&bytes, b.path[0]);
}

static void test_build_compresses_nothing_that_changed(void **state) {
    (void)state;
    struct ota_err err;
    struct ota_build_options o = options();
    OTA_CLEAN(ota_build_free) struct ota_build b;
    assert_ota_ok(ota_build_open_folder(&b, &o, build_dir, &err));
    flip("hello.bin", 5000);
    assert_ota(ota_build_compress(&b, NULL, &err), OTA_HASH);
}

#define WITH_SAMPLE(test) cmocka_unit_test_setup_teardown(test, make_sample, remove_sample)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_SAMPLE(test_build_takes_the_app_only_and_lists_the_rest),
        WITH_SAMPLE(test_build_with_all_orders_steps_and_signs_the_boot_words),
        WITH_SAMPLE(test_build_asks_for_the_words_a_release_needs),
        WITH_SAMPLE(test_build_refuses_labels_that_are_not_for_releases),
        WITH_SAMPLE(test_build_refuses_what_a_board_would),
        WITH_SAMPLE(test_build_refuses_a_bootloader_over_the_table),
        WITH_SAMPLE(test_build_asks_for_the_signature_its_configuration_wants),
        WITH_SAMPLE(test_build_refuses_a_damaged_table),
        WITH_SAMPLE(test_build_lets_no_path_escape),
        WITH_SAMPLE(test_build_reads_no_description_through_a_link),
        WITH_SAMPLE(test_build_refuses_control_characters),
        WITH_SAMPLE(test_build_takes_offsets_as_idf_writes_them),
        WITH_SAMPLE(test_build_reads_hostile_json_with_care),
        WITH_SAMPLE(test_build_takes_the_bootloader_that_secure_boot_leaves_unlisted),
        WITH_SAMPLE(test_build_files_find_kind_and_label),
        WITH_SAMPLE(test_build_files_use_a_table_among_them),
        WITH_SAMPLE(test_build_version_of_data_alone_names_its_content),
        WITH_SAMPLE(test_build_recognises_a_merged_flash),
        WITH_SAMPLE(test_build_dropins_take_an_app_or_data),
        WITH_SAMPLE(test_build_writes_an_incoming_folder_and_notices_changes),
        WITH_SAMPLE(test_build_with_factory_takes_the_app_twice),
        WITH_SAMPLE(test_build_with_all_leaves_the_factory_app),
        WITH_SAMPLE(test_build_with_factory_needs_a_partition_that_holds_it),
        WITH_SAMPLE(test_build_with_factory_is_refused_under_anti_rollback),
        WITH_SAMPLE(test_build_files_may_name_the_factory_app),
        WITH_SAMPLE(test_build_compresses_what_that_makes_smaller),
        WITH_SAMPLE(test_build_compresses_equal_images_to_equal_bytes),
        WITH_SAMPLE(test_build_writes_the_zlib_form_beside_the_image),
        WITH_SAMPLE(test_build_compresses_nothing_that_changed),
    };
    return cmocka_run_group_tests_name("build", tests, NULL, NULL);
}
