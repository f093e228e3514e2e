/* SPDX-License-Identifier: Apache-2.0 */
/* Files: bounds, atomic replacement, locks, trees. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "host/crypto.h"
#include "host/fs.h"
#include "support/unit.h"

static char *dir;

static int make_dir(void **state) {
    (void)state;
    dir = ota_strdup("/tmp/ota-fs-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}
static int remove_dir(void **state) {
    struct ota_err err;
    (void)state;
    int failed = ota_fs_remove_tree(dir, &err) != OTA_OK;
    free(dir);
    return failed;
}
static char *path_of(const char *name) {
    return ota_sprintf("%s/%s", dir, name);
}

static void test_fs_write_replaces_whole_and_sets_the_mode(void **state) {
    (void)state;
    struct ota_err err;
    struct stat st;
    OTA_CLEAN_FREE char *path = path_of("file");
    OTA_CLEAN(ota_buf_free) struct ota_buf b = {0};
    assert_ota_ok(ota_fs_write(path, "old contents", 12, 0644, &err));
    assert_ota_ok(ota_fs_write(path, "new", 3, 0600, &err));
    assert_ota_ok(ota_fs_read(path, 10, &b, &err));
    assert_string_equal(ota_buf_text(&b), "new");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names names = {0};
    assert_ota_ok(ota_fs_list(dir, &names, &err));
    assert_int_equal(names.count, 1); /* no temporary file is left */
}

static void test_fs_write_takes_no_place_but_a_files(void **state) {
    (void)state;
    struct ota_err err;
    struct stat st;
    OTA_CLEAN_FREE char *fifo = path_of("fifo");
    OTA_CLEAN_FREE char *folder = path_of("folder");
    OTA_CLEAN_FREE char *device = path_of("device");
    OTA_CLEAN_FREE char *from = path_of("from");
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_ota_ok(ota_fs_mkdirs(folder, 0700, &err));
    assert_ota_ok(ota_fs_write(from, "x", 1, 0600, &err));
    assert_ota(ota_fs_write(fifo, "x", 1, 0600, &err), OTA_IO);
    assert_non_null(strstr(err.msg, "is a FIFO"));
    assert_ota(ota_fs_write(folder, "x", 1, 0600, &err), OTA_IO);
    assert_non_null(strstr(err.msg, "is a folder"));
    assert_ota(ota_fs_copy(from, fifo, 0600, &err), OTA_IO);
    if (mknod(device, S_IFCHR | 0600, makedev(1, 3)) == 0) { /* only root may */
        assert_ota(ota_fs_write(device, "x", 1, 0600, &err), OTA_IO);
        assert_non_null(strstr(err.msg, "is a device"));
        assert_true(stat(device, &st) == 0 && S_ISCHR(st.st_mode));
    }
    assert_true(stat(fifo, &st) == 0 && S_ISFIFO(st.st_mode));
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names names = {0};
    assert_ota_ok(ota_fs_list(dir, &names, &err));
    assert_true(names.count <= 4); /* no temporary file is left */
}

static void test_fs_place_is_where_links_lead(void **state) {
    (void)state;
    struct ota_err err;
    OTA_CLEAN_FREE char *file = path_of("file");
    OTA_CLEAN_FREE char *link = path_of("link");
    OTA_CLEAN_FREE char *lost = path_of("lost");
    OTA_CLEAN_FREE char *fifo = path_of("fifo");
    OTA_CLEAN_FREE char *to_fifo = path_of("to-fifo");
    OTA_CLEAN_FREE char *here = NULL, *behind = NULL, *free_name = NULL, *none = NULL;
    assert_ota_ok(ota_fs_write(file, "x", 1, 0600, &err));
    assert_int_equal(symlink("file", link), 0);
    assert_int_equal(symlink("nothing", lost), 0);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(symlink("fifo", to_fifo), 0);
    assert_ota_ok(ota_fs_place(file, &here, &err));
    assert_string_equal(here, file);
    assert_ota_ok(ota_fs_place(link, &behind, &err));
    assert_true(ota_fs_same_file(behind, file));
    assert_string_equal(strrchr(behind, '/'), "/file");
    OTA_CLEAN_FREE char *unused = path_of("unused");
    assert_ota_ok(ota_fs_place(unused, &free_name, &err));
    assert_string_equal(free_name, unused);
    assert_ota(ota_fs_place(lost, &none, &err), OTA_NOT_FOUND);
    assert_ota(ota_fs_place(to_fifo, &none, &err), OTA_IO);
    assert_ota(ota_fs_place(dir, &none, &err), OTA_IO);
    assert_null(none);
    assert_false(ota_fs_same_file(file, unused));
    assert_false(ota_fs_same_file(unused, unused));
}

static void test_fs_read_refuses_folders_devices_and_what_is_too_large(void **state) {
    (void)state;
    struct ota_err err;
    OTA_CLEAN_FREE char *path = path_of("sparse");
    OTA_CLEAN(ota_buf_free) struct ota_buf b = {0};
    OTA_CLEAN_FD int fd = open(path, O_RDWR | O_CREAT, 0600);
    assert_true(fd >= 0 && ftruncate(fd, (off_t)4 << 30) == 0);
    assert_ota(ota_fs_read(path, 65536, &b, &err), OTA_TOO_LARGE);
    assert_true(b.cap < 65536); /* refused before it was allocated */
    assert_non_null(strstr(err.msg, "sparse"));
    assert_ota(ota_fs_read(dir, 65536, &b, &err), OTA_IO);
    assert_ota(ota_fs_read("/dev/zero", 65536, &b, &err), OTA_IO);
    OTA_CLEAN_FREE char *fifo = path_of("fifo");
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_ota(ota_fs_read(fifo, 65536, &b, &err), OTA_IO);
    assert_ota(ota_fs_read("/nonexistent/x", 10, &b, &err), OTA_NOT_FOUND);
}

static void test_fs_lock_is_exclusive_until_closed(void **state) {
    (void)state;
    struct ota_err err;
    OTA_CLEAN_FREE char *path = path_of("lock");
    int a = -1, b = -1;
    assert_ota_ok(ota_fs_lock(path, 0, &a, &err));
    assert_ota(ota_fs_lock(path, 60, &b, &err), OTA_BUSY);
    (void)close(a);
    assert_ota_ok(ota_fs_lock(path, 0, &b, &err));
    (void)close(b);
}

static void test_fs_remove_tree_follows_no_link(void **state) {
    (void)state;
    struct ota_err err;
    OTA_CLEAN_FREE char *keep = path_of("keep");
    OTA_CLEAN_FREE char *kept = path_of("keep/file");
    OTA_CLEAN_FREE char *tree = path_of("tree/deep");
    OTA_CLEAN_FREE char *top = path_of("tree");
    OTA_CLEAN_FREE char *link = path_of("tree/deep/link");
    assert_ota_ok(ota_fs_mkdirs(keep, 0700, &err));
    assert_ota_ok(ota_fs_write(kept, "x", 1, 0600, &err));
    assert_ota_ok(ota_fs_mkdirs(tree, 0700, &err));
    assert_int_equal(symlink(keep, link), 0);
    assert_ota_ok(ota_fs_remove_tree(top, &err));
    assert_false(ota_fs_exists(top));
    assert_true(ota_fs_is_file(kept));
    assert_ota(ota_fs_mkdirs(kept, 0700, &err), OTA_EXISTS);
}

static void test_fs_source_hashes_and_ends_where_the_file_ends(void **state) {
    (void)state;
    struct ota_err err;
    uint8_t digest[OTA_SHA256_LEN], byte;
    char hex[OTA_SHA256_HEX_LEN + 1];
    OTA_CLEAN_FREE char *path = path_of("abc");
    OTA_CLEAN(ota_file_source_close) struct ota_file_source f = {.fd = -1};
    assert_ota_ok(ota_fs_write(path, "abc", 3, 0600, &err));
    assert_ota_ok(ota_file_source_open(&f, path, 100, &err));
    assert_ota_ok(ota_source_sha256(&f.source, &ota_crypto_openssl, digest, &err));
    ota_hex_encode(digest, sizeof digest, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(truncate(path, 2), 0);
    assert_ota(f.source.read(f.source.ctx, 2, &byte, 1, &err), OTA_TRUNCATED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_fs_write_replaces_whole_and_sets_the_mode, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_fs_write_takes_no_place_but_a_files, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_fs_place_is_where_links_lead, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_fs_read_refuses_folders_devices_and_what_is_too_large, make_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(test_fs_lock_is_exclusive_until_closed, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_fs_remove_tree_follows_no_link, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_fs_source_hashes_and_ends_where_the_file_ends, make_dir, remove_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
