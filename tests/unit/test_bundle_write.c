/* SPDX-License-Identifier: Apache-2.0 */
/* Bundles, byte for byte: what Python's tarfile writes for the same files, and what tar reads. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/buf.h"
#include "host/fs.h"
#include "image/bundle_write.h"
#include "support/unit.h"

static struct ota_err err;

static enum ota_status append(void *ctx, const void *p, size_t n, struct ota_err *why) {
    (void)why;
    ota_buf_append(ctx, p, n);
    return OTA_OK;
}

/* A path of `slash` bytes, '/', and `rest` more. */
static char *long_path(size_t slash, size_t rest) {
    char *path = ota_calloc(1, slash + rest + 2);
    memset(path, 'd', slash);
    path[slash] = '/';
    memset(path + slash + 1, 'f', rest);
    return path;
}

static char *content(size_t n) {
    char *text = ota_calloc(1, n + 1);
    for (size_t i = 0; i < n; i++)
        text[i] = (char)('a' + i % 26);
    return text;
}

struct file {
    char *path;
    size_t length;
};

static void write_files(const struct file *file, size_t count, struct ota_buf *out) {
    const struct ota_bundle_sink sink = {.ctx = out, .write = append};
    struct ota_bundle_writer w;
    ota_bundle_write_begin(&w, &sink);
    for (size_t i = 0; i < count; i++) {
        OTA_CLEAN_FREE char *text = content(file[i].length);
        const struct ota_span bytes = {(const uint8_t *)text, file[i].length};
        assert_ota_ok(ota_bundle_write_file(&w, file[i].path, bytes, &err));
    }
    assert_ota_ok(ota_bundle_write_end(&w, &err));
    assert_int_equal(w.bytes, out->len);
}

/* Runs the script with the archive's path and, for each file, "path length"; its messages are the test's. */
static void assert_python(const char *script, const struct ota_buf *archive, const struct file *file, size_t count) {
    char path[] = "/tmp/ota-bundle-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, archive->p, archive->len), archive->len);
    (void)close(fd);
    OTA_CLEAN(ota_buf_free) struct ota_buf command = {0};
    ota_buf_printf(&command, "python3 -c '%s' %s", script, path);
    for (size_t i = 0; i < count; i++)
        ota_buf_printf(&command, " %s %zu", file[i].path, file[i].length);
    int rc = system(ota_buf_text(&command));
    (void)unlink(path);
    if (rc != 0)
        fail_msg("ended with %d: %s", WEXITSTATUS(rc), ota_buf_text(&command));
}

static void test_bundle_write_is_what_tarfile_writes(void **state) {
    static const char script[] =
        "import io, sys, tarfile\n"
        "made = io.BytesIO()\n"
        "archive = tarfile.TarFile(fileobj=made, mode=\"w\", format=tarfile.USTAR_FORMAT)\n"
        "for name, length in zip(sys.argv[2::2], map(int, sys.argv[3::2])):\n"
        "    info = tarfile.TarInfo(name)\n"
        "    info.size = length\n"
        "    archive.addfile(info, io.BytesIO(bytes(97 + i % 26 for i in range(length))))\n"
        "wanted, got = made.getvalue()[:archive.offset] + bytes(1024), open(sys.argv[1], \"rb\").read()\n"
        "sys.exit(wanted != got and \"differs at %d of %d, %d\" % (next((i for i, (a, b) in enumerate(zip(wanted, "
        "got)) if a != b), -1), "
        "len(wanted), len(got)))\n";
    struct file file[] = {
        {ota_strdup("metadata/1.root.json"), 2093},
        {ota_strdup("metadata/timestamp.json"), 512},
        {ota_strdup("empty"), 0},
        {ota_strdup("one"), 1},
        {ota_strdup("under"), 511},
        {ota_strdup("over"), 513},
        {long_path(49, 50), 7},   /* 100 bytes: in the name */
        {long_path(50, 50), 7},   /* 101: in two */
        {long_path(155, 100), 7}, /* the longest */
        {ota_strdup("targets/img/a-product-with-a-rather-long-name/123456789/"
                    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.partition-table.bin"),
         3072},
    };
    OTA_CLEAN(ota_buf_free) struct ota_buf archive = {0};
    (void)state;
    write_files(file, OTA_ARRAY_LEN(file), &archive);
    assert_python(script, &archive, file, OTA_ARRAY_LEN(file));
    for (size_t i = 0; i < OTA_ARRAY_LEN(file); i++)
        free(file[i].path);
}

static void test_bundle_write_can_be_listed_by_tar(void **state) {
    static const char script[] =
        "import subprocess, sys\n"
        "tool = subprocess.run([\"tar\", \"tvf\", sys.argv[1]], capture_output=True, text=True, "
        "env={\"TZ\": \"UTC\", \"PATH\": \"/usr/bin:/bin\"})\n"
        "got = [tuple(line.split()) for line in tool.stdout.splitlines()]\n"
        "wanted = [(\"-rw-r--r--\", \"0/0\", length, \"1970-01-01\", \"00:00\", name)\n"
        "          for name, length in zip(sys.argv[2::2], sys.argv[3::2])]\n"
        "sys.exit((tool.returncode or tool.stderr or got != wanted) and str((tool, wanted)))\n";
    char name[] = "metadata/1.root.json";
    struct file file[] = {{name, 2093}, {long_path(120, 90), 12345}};
    OTA_CLEAN(ota_buf_free) struct ota_buf archive = {0};
    (void)state;
    write_files(file, OTA_ARRAY_LEN(file), &archive);
    assert_python(script, &archive, file, OTA_ARRAY_LEN(file));
    free(file[1].path);
}

static void test_bundle_write_ends_with_two_blocks_and_nothing_more(void **state) {
    OTA_CLEAN(ota_buf_free) struct ota_buf archive = {0};
    (void)state;
    write_files(NULL, 0, &archive);
    assert_int_equal(archive.len, 1024);
    for (size_t i = 0; i < archive.len; i++)
        assert_int_equal(archive.p[i], 0);
}

static void test_bundle_write_refuses_paths_that_fit_no_header(void **state) {
    OTA_CLEAN(ota_buf_free) struct ota_buf out = {0};
    const struct ota_bundle_sink sink = {.ctx = &out, .write = append};
    struct ota_bundle_writer w;
    OTA_CLEAN_FREE char *name = long_path(3, 101), *prefix = long_path(156, 10), *no_slash = content(101);
    const char *const bad[] = {"", name, prefix, no_slash};
    (void)state;
    ota_bundle_write_begin(&w, &sink);
    for (size_t i = 0; i < OTA_ARRAY_LEN(bad); i++)
        assert_ota(ota_bundle_write_file_begin(&w, bad[i], 1, &err), OTA_TOO_LARGE);
    assert_ota(ota_bundle_write_file_begin(&w, "x", OTA_BUNDLE_WRITE_FILE_MAX + 1, &err), OTA_TOO_LARGE);
    assert_int_equal(out.len, 0);
}

static void test_bundle_write_holds_to_the_length_announced(void **state) {
    OTA_CLEAN(ota_buf_free) struct ota_buf out = {0};
    const struct ota_bundle_sink sink = {.ctx = &out, .write = append};
    struct ota_bundle_writer w;
    (void)state;
    ota_bundle_write_begin(&w, &sink);
    assert_ota_ok(ota_bundle_write_file_begin(&w, "x", 5, &err));
    assert_ota_ok(ota_bundle_write_bytes(&w, "abc", 3, &err));
    assert_ota(ota_bundle_write_bytes(&w, "def", 3, &err), OTA_LENGTH);
    assert_ota(ota_bundle_write_file_end(&w, &err), OTA_LENGTH);
    assert_ota(ota_bundle_write_file_begin(&w, "y", 1, &err), OTA_INTERNAL);
    assert_ota_ok(ota_bundle_write_bytes(&w, "de", 2, &err));
    assert_ota_ok(ota_bundle_write_file_end(&w, &err));
    assert_int_equal(out.len, 1024);
    assert_memory_equal(out.p + 512, "abcde\0\0", 7);
}

static enum ota_status full(void *ctx, const void *p, size_t n, struct ota_err *why) {
    (void)p;
    (void)n;
    return *(int *)ctx ? OTA_OK : ota_err_set(why, OTA_NO_SPACE, "full");
}

static void test_bundle_write_passes_on_what_the_sink_says(void **state) {
    int room = 0;
    const struct ota_bundle_sink sink = {.ctx = &room, .write = full};
    struct ota_bundle_writer w;
    (void)state;
    ota_bundle_write_begin(&w, &sink);
    assert_ota(ota_bundle_write_file_begin(&w, "x", 1, &err), OTA_NO_SPACE);
    assert_ota(ota_bundle_write_end(&w, &err), OTA_NO_SPACE);
    room = 1;
    assert_ota_ok(ota_bundle_write_file_begin(&w, "x", 1, &err));
    room = 0;
    assert_ota(ota_bundle_write_bytes(&w, "a", 1, &err), OTA_NO_SPACE);
    assert_int_equal(w.bytes, 512);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bundle_write_is_what_tarfile_writes),
        cmocka_unit_test(test_bundle_write_can_be_listed_by_tar),
        cmocka_unit_test(test_bundle_write_ends_with_two_blocks_and_nothing_more),
        cmocka_unit_test(test_bundle_write_refuses_paths_that_fit_no_header),
        cmocka_unit_test(test_bundle_write_holds_to_the_length_announced),
        cmocka_unit_test(test_bundle_write_passes_on_what_the_sink_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
