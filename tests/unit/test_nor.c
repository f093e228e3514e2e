/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated flash chip: bits only fall, rules stop the program, power cuts, one user at a time. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/fs.h"
#include "support/unit.h"
#include "support/virtual_world.h"

#define EXTRA 4096u

static struct ota_err err;
static struct virtual_world world;
static struct ota_nor nor;

static int set_up(void **state) {
    (void)state;
    virtual_chip(&world, EXTRA);
    assert_ota_ok(ota_nor_open(&nor, world.path, EXTRA, OTA_NOR_WRITE, &err));
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    ota_nor_close(&nor);
    virtual_free(&world);
    return 0;
}

static enum ota_status put(uint32_t off, const void *p, size_t n) {
    return nor.port.write(nor.port.ctx, off, p, n, &err);
}

static enum ota_status erase(uint32_t off, uint32_t n) {
    return nor.port.erase(nor.port.ctx, off, n, &err);
}

static void holds(uint32_t off, const void *p, size_t n) {
    uint8_t there[OTA_SECTOR];
    assert_true(n <= sizeof there);
    assert_ota_ok(nor.port.read(nor.port.ctx, off, there, n, &err));
    assert_memory_equal(there, p, n);
}

static void test_nor_stores_across_opening(void **state) {
    (void)state;
    assert_ota_ok(put(0x1000, "abcd", 4));
    assert_ota_ok(ota_nor_sync(&nor, &err));
    ota_nor_close(&nor);
    assert_ota_ok(ota_nor_open(&nor, world.path, EXTRA, OTA_NOR_WRITE, &err));
    assert_int_equal(nor.size, VIRTUAL_FLASH_SIZE);
    holds(0x1000, "abcd", 4);
}

static void test_nor_bits_may_fall_without_an_erase(void **state) {
    (void)state;
    assert_ota_ok(put(0, "\xFE\xFF\xFF\xFF", 4));
    assert_ota_ok(put(0, "\xFC\xFF\xFF\xFF", 4));
    holds(0, "\xFC\xFF\xFF\xFF", 4);
}

static void test_nor_erase_gives_ff_in_whole_sectors(void **state) {
    uint8_t blank[8];
    (void)state;
    memset(blank, 0xFF, sizeof blank);
    assert_ota_ok(put(0x1FFC, "abcdefgh", 8));
    assert_ota_ok(erase(0x2000, OTA_SECTOR));
    holds(0x1FFC, "abcd", 4);
    holds(0x2000, blank, sizeof blank);
}

/* A child breaks a rule; it must be stopped by a signal, with this in its message. */
static void stops(void (*rule)(void), const char *message) {
    int out[2];
    char text[512] = "";
    assert_int_equal(pipe(out), 0);
    pid_t child = fork();
    if (child == 0) {
        struct rlimit none = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &none);
        (void)signal(SIGABRT, SIG_DFL);
        (void)dup2(out[1], STDERR_FILENO);
        rule();
        _exit(0);
    }
    (void)close(out[1]);
    size_t n = 0;
    for (ssize_t got; n < sizeof text - 1 && (got = read(out[0], text + n, sizeof text - 1 - n)) > 0;)
        n += (size_t)got;
    (void)close(out[0]);
    int how;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGABRT);
    if (!strstr(text, message))
        fail_msg("\"%s\" is not in \"%s\"", message, text);
}

static void write_over_written(void) {
    (void)!put(0x3000, "\x00\x00\x00\x00", 4);
    (void)!put(0x3000, "\x00\x00\x00\x01", 4);
}
static void write_misaligned(void) {
    (void)!put(0x3001, "abcd", 4);
}
static void write_odd_length(void) {
    (void)!put(0x3000, "abc", 3);
}
static void erase_misaligned(void) {
    (void)!erase(0x3004, OTA_SECTOR);
}
static void erase_odd_length(void) {
    (void)!erase(0x3000, 100);
}

static void test_nor_stops_what_a_chip_cannot_do(void **state) {
    (void)state;
    stops(write_over_written, "not erased at 0x3003");
    stops(write_misaligned, "misaligned write at 0x3001");
    stops(write_odd_length, "misaligned write at 0x3000");
    stops(erase_misaligned, "misaligned erase at 0x3004");
    stops(erase_odd_length, "misaligned erase at 0x3000");
}

static void test_nor_refuses_what_lies_outside(void **state) {
    uint8_t byte;
    (void)state;
    assert_ota(put(VIRTUAL_FLASH_SIZE - 4, "abcdefgh", 8), OTA_FLASH);
    assert_ota(erase(VIRTUAL_FLASH_SIZE, OTA_SECTOR), OTA_FLASH);
    assert_ota(nor.port.read(nor.port.ctx, UINT32_MAX, &byte, 1, &err), OTA_FLASH);
    assert_ota(nor.port.read(nor.port.ctx, 0, &byte, SIZE_MAX, &err), OTA_FLASH);
}

static void test_nor_power_cut_leaves_the_write_undone_or_half_done(void **state) {
    (void)state;
    ota_nor_cut_power(&nor, 2, OTA_NOR_CUT_TORN);
    assert_ota_ok(put(0, "abcdefgh", 8));
    assert_ota(put(0x1000, "abcdefgh", 8), OTA_FLASH);
    assert_ota(put(0x2000, "abcdefgh", 8), OTA_FLASH); /* the power is off */
    assert_true(nor.off);
    ota_nor_power_on(&nor);
    holds(0x1000, "abcd\xFF\xFF\xFF\xFF", 8);
    holds(0x2000, "\xFF\xFF\xFF\xFF", 4);
    ota_nor_cut_power(&nor, 1, OTA_NOR_CUT_CLEAN);
    assert_ota(put(0x2000, "abcd", 4), OTA_FLASH);
    ota_nor_power_on(&nor);
    holds(0x2000, "\xFF\xFF\xFF\xFF", 4);
    assert_ota_ok(put(0x2000, "abcd", 4));
}

static void test_nor_power_cut_tears_an_erase(void **state) {
    uint8_t zero[8] = {0};
    (void)state;
    assert_ota_ok(put(0x1000, zero, 8));
    assert_ota_ok(put(0x1FF8, zero, 8));
    ota_nor_cut_power(&nor, 1, OTA_NOR_CUT_TORN);
    assert_ota(erase(0x1000, OTA_SECTOR), OTA_FLASH);
    ota_nor_power_on(&nor);
    holds(0x1000, "\xFF\xFF\xFF\xFF", 4);
    holds(0x1FF8, zero, 8);
}

static void test_nor_counts_wear(void **state) {
    (void)state;
    assert_ota_ok(erase(0x1000, 3 * OTA_SECTOR));
    assert_ota_ok(erase(0x2000, OTA_SECTOR));
    assert_ota_ok(put(0x2000, "abcd", 4));
    assert_int_equal(ota_nor_wear(&nor), 2);
    assert_int_equal(nor.operations, 5);
    assert_int_equal(nor.bytes_written, 4);
}

static void test_nor_keeps_the_bytes_behind_the_flash(void **state) {
    char back[4];
    (void)state;
    assert_ota_ok(ota_nor_write_extra(&nor, 100, "fuse", 4, &err));
    assert_ota_ok(ota_nor_read_extra(&nor, 100, back, 4, &err));
    assert_memory_equal(back, "fuse", 4);
    holds(VIRTUAL_FLASH_SIZE - 4, "\xFF\xFF\xFF\xFF", 4);
}

static void test_nor_is_used_by_one_writer_or_by_readers(void **state) {
    struct ota_nor other;
    (void)state;
    assert_ota(ota_nor_open(&other, world.path, EXTRA, OTA_NOR_WRITE, &err), OTA_BUSY);
    assert_ota(ota_nor_open(&other, world.path, EXTRA, OTA_NOR_READ, &err), OTA_BUSY);
    ota_nor_close(&nor);
    assert_ota_ok(ota_nor_open(&nor, world.path, EXTRA, OTA_NOR_READ, &err));
    assert_ota_ok(ota_nor_open(&other, world.path, EXTRA, OTA_NOR_READ, &err));
    ota_nor_close(&other);
}

static void test_nor_refuses_other_files(void **state) {
    struct ota_nor other;
    char path[128];
    (void)state;
    (void)snprintf(path, sizeof path, "%s/other", world.dir);
    assert_ota(ota_nor_open(&other, path, EXTRA, OTA_NOR_READ, &err), OTA_NOT_FOUND);
    assert_ota(ota_nor_open(&other, world.dir, EXTRA, OTA_NOR_READ, &err), OTA_IO);
    assert_ota(ota_nor_open(&other, world.dir, EXTRA, OTA_NOR_WRITE, &err), OTA_IO);
    assert_ota_ok(ota_fs_write(path, "", 0, 0600, &err));
    assert_ota(ota_nor_open(&other, path, EXTRA, OTA_NOR_READ, &err), OTA_TRUNCATED);
    assert_int_equal(truncate(path, VIRTUAL_FLASH_SIZE + EXTRA + 1), 0);
    assert_ota(ota_nor_open(&other, path, EXTRA, OTA_NOR_READ, &err), OTA_TRUNCATED);
    assert_int_equal(truncate(path, (off_t)4 << 30), 0);
    assert_ota(ota_nor_open(&other, path, EXTRA, OTA_NOR_READ, &err), OTA_TOO_LARGE);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_ota(ota_nor_open(&other, path, EXTRA, OTA_NOR_READ, &err), OTA_IO);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_nor_stores_across_opening),
        TEST(test_nor_bits_may_fall_without_an_erase),
        TEST(test_nor_erase_gives_ff_in_whole_sectors),
        TEST(test_nor_stops_what_a_chip_cannot_do),
        TEST(test_nor_refuses_what_lies_outside),
        TEST(test_nor_power_cut_leaves_the_write_undone_or_half_done),
        TEST(test_nor_power_cut_tears_an_erase),
        TEST(test_nor_counts_wear),
        TEST(test_nor_keeps_the_bytes_behind_the_flash),
        TEST(test_nor_is_used_by_one_writer_or_by_readers),
        TEST(test_nor_refuses_other_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
