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

/* ---- in memory, with a hook ---------------------------------------------------------------------------- */

static struct ota_nor chip;

static int set_up_memory(void **state) {
    (void)state;
    assert_ota_ok(ota_nor_memory(&chip, OTA_NOR_SIZE_MIN, EXTRA, &err));
    return 0;
}

static int tear_down_memory(void **state) {
    (void)state;
    ota_nor_close(&chip);
    return 0;
}

static enum ota_status chip_put(uint32_t off, const void *p, size_t n) {
    return chip.port.write(chip.port.ctx, off, p, n, &err);
}

static enum ota_status chip_erase(uint32_t off) {
    return chip.port.erase(chip.port.ctx, off, OTA_SECTOR, &err);
}

static void test_nor_in_memory_keeps_the_rules(void **state) {
    (void)state;
    assert_int_equal(chip.memory[0], 0xFF);
    assert_ota_ok(chip_put(0x1000, "abcd", 4));
    assert_memory_equal(chip.memory + 0x1000, "abcd", 4);
    assert_ota_ok(chip_erase(0x1000));
    assert_int_equal(chip.memory[0x1000], 0xFF);
    assert_ota_ok(ota_nor_write_extra(&chip, 0, "fuse", 4, &err));
    assert_memory_equal(chip.memory + OTA_NOR_SIZE_MIN, "fuse", 4);
    assert_ota(chip_put(OTA_NOR_SIZE_MIN, "abcd", 4), OTA_FLASH);
    assert_int_equal(chip.operations, 2);
    assert_int_equal(chip.sectors_erased, 1);
}

/* At the second operation a child goes on without power; the parent never notices. */
static void fork_at_second(void *ctx, struct ota_nor *n, uint64_t operation) {
    pid_t *child = ctx;
    if (operation != 2)
        return;
    *child = fork();
    if (*child == 0) {
        ota_nor_cut_power(n, 1, OTA_NOR_CUT_TORN);
        n->before = NULL;
    }
}

static void test_nor_a_forked_child_goes_on_with_its_own_flash(void **state) {
    pid_t child = -1;
    int how;
    (void)state;
    chip.before = fork_at_second;
    chip.before_ctx = &child;
    assert_ota_ok(chip_put(0, "abcd", 4));
    enum ota_status status = chip_put(0x1000, "abcdefgh", 8);
    if (child == 0)
        _exit(status == OTA_FLASH && chip.off && memcmp(chip.memory, "abcd\xFF", 5) == 0 &&
                      memcmp(chip.memory + 0x1000, "abcd\xFF", 5) == 0
                  ? 0
                  : 1);
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 0);
    assert_int_equal(status, OTA_OK);
    assert_memory_equal(chip.memory + 0x1000, "abcdefgh", 8);
}

#define ZEROS 1024u

/* How many of the first `n` bytes at `off` are as they were, as they should be, and between. */
struct outcome {
    size_t old, new, between;
    bool ordered; /* new ones before old ones, nothing between */
};
static struct outcome look(uint32_t off, size_t n, uint8_t old, uint8_t new) {
    struct outcome o = {.ordered = true};
    for (size_t i = 0; i < n; i++) {
        uint8_t there = chip.memory[off + i];
        o.ordered = o.ordered && (there == old || (there == new &&o.old == 0));
        o.old += there == old;
        o.new += there == new;
        o.between += there != old && there != new;
    }
    return o;
}

static struct outcome cut_write(enum ota_nor_cut cut, uint64_t seed) {
    static const uint8_t zeros[ZEROS];
    chip.seed = seed;
    assert_ota_ok(chip_erase(0x2000));
    chip.operations = 0;
    ota_nor_cut_power(&chip, 1, cut);
    assert_ota(chip_put(0x2000, zeros, sizeof zeros), OTA_FLASH);
    ota_nor_power_on(&chip);
    return look(0x2000, sizeof zeros, 0xFF, 0);
}

static struct outcome cut_erase(enum ota_nor_cut cut, uint64_t seed) {
    static const uint8_t zeros[OTA_SECTOR];
    chip.seed = seed;
    assert_ota_ok(chip_erase(0x3000));
    assert_ota_ok(chip_put(0x3000, zeros, sizeof zeros));
    chip.operations = 0;
    ota_nor_cut_power(&chip, 1, cut);
    assert_ota(chip_erase(0x3000), OTA_FLASH);
    ota_nor_power_on(&chip);
    return look(0x3000, OTA_SECTOR, 0, 0xFF);
}

static void test_nor_a_cut_leaves_what_its_kind_says(void **state) {
    (void)state;
    assert_int_equal(cut_write(OTA_NOR_CUT_CLEAN, 0).old, ZEROS);
    assert_int_equal(cut_write(OTA_NOR_CUT_TORN, 0).new, ZEROS / 2);
    assert_int_equal(cut_write(OTA_NOR_CUT_AFTER, 0).new, ZEROS);
    assert_int_equal(cut_erase(OTA_NOR_CUT_CLEAN, 0).old, OTA_SECTOR);
    assert_int_equal(cut_erase(OTA_NOR_CUT_TORN, 0).new, OTA_SECTOR / 2);
    assert_int_equal(cut_erase(OTA_NOR_CUT_AFTER, 0).new, OTA_SECTOR);
}

static void test_nor_a_cut_at_a_byte_leaves_a_prefix(void **state) {
    bool differ = false, odd = false;
    size_t first = cut_write(OTA_NOR_CUT_BYTE, 0).new;
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct outcome w = cut_write(OTA_NOR_CUT_BYTE, seed), e = cut_erase(OTA_NOR_CUT_BYTE, seed);
        if (!w.ordered || !e.ordered || !w.old || !w.new || !e.old || !e.new)
            fail_msg("seed %llu: no proper prefix", (unsigned long long)seed);
        differ = differ || w.new != first;
        odd = odd || w.new % OTA_NOR_WRITE_ALIGN;
    }
    assert_true(differ && odd);
}

static void test_nor_a_cut_between_bits_changes_some_of_them(void **state) {
    bool hardly = false, nearly = false;
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct outcome w = cut_write(OTA_NOR_CUT_BITS, seed), e = cut_erase(OTA_NOR_CUT_BITS, seed);
        if (w.between == 0 || w.between > 256 || w.old + w.new < ZEROS - 256 || e.between < OTA_SECTOR / 2)
            fail_msg("seed %llu: %zu bytes of the write, %zu of the erase are half-way", (unsigned long long)seed,
                     w.between, e.between);
        hardly = hardly || e.old > OTA_SECTOR / 5;
        nearly = nearly || e.new > OTA_SECTOR / 5;
    }
    assert_true(hardly && nearly);
}

/* The same operation, kind and seed leave the same bytes: what a failed proof prints can be run again. */
static void test_nor_a_cut_can_be_repeated(void **state) {
    uint8_t once[OTA_SECTOR];
    (void)state;
    for (unsigned cut = 0; cut < OTA_NOR_CUT_COUNT; cut++) {
        (void)cut_erase((enum ota_nor_cut)cut, 7);
        memcpy(once, chip.memory + 0x3000, sizeof once);
        (void)cut_erase((enum ota_nor_cut)cut, 7);
        assert_memory_equal(once, chip.memory + 0x3000, sizeof once);
    }
    (void)cut_erase(OTA_NOR_CUT_BITS, 7);
    memcpy(once, chip.memory + 0x3000, sizeof once);
    (void)cut_erase(OTA_NOR_CUT_BITS, 8);
    assert_memory_not_equal(once, chip.memory + 0x3000, sizeof once);
}

/* ---- bad sectors --------------------------------------------------------------------------------------- */

static void test_nor_a_stuck_sector_reads_back_something_else(void **state) {
    static const uint8_t zeros[32];
    uint8_t blank[32];
    (void)state;
    memset(blank, 0xFF, sizeof blank);
    ota_nor_fault(&chip, 2, OTA_NOR_STUCK_ERASE);
    assert_ota_ok(chip_erase(0x2000));
    assert_memory_not_equal(chip.memory + 0x2000, blank, sizeof blank);
    assert_ota_ok(chip_put(0x2000, blank, sizeof blank)); /* no rule is broken by who cannot know */
    ota_nor_fault(&chip, 2, OTA_NOR_STUCK_WRITE);
    assert_ota_ok(chip_erase(0x2000));
    assert_memory_equal(chip.memory + 0x2000, blank, sizeof blank);
    assert_ota_ok(chip_put(0x2000, zeros, sizeof zeros));
    assert_memory_not_equal(chip.memory + 0x2000, zeros, sizeof zeros);
    ota_nor_fault(&chip, 2, 0);
    assert_ota_ok(chip_put(0x2000, zeros, sizeof zeros));
    assert_memory_equal(chip.memory + 0x2000, zeros, sizeof zeros);
}

static void test_nor_a_failing_sector_says_so_and_changes_nothing(void **state) {
    (void)state;
    ota_nor_fault(&chip, 2, OTA_NOR_FAIL_WRITE);
    assert_ota(chip_put(0x1FFC, "abcdefgh", 8), OTA_FLASH);
    assert_int_equal(chip.memory[0x1FFC], 0xFF);
    assert_ota_ok(chip_erase(0x2000));
    ota_nor_fault(&chip, 2, OTA_NOR_FAIL_ERASE);
    assert_ota_ok(chip_put(0x2000, "abcd", 4));
    assert_ota(chip_erase(0x2000), OTA_FLASH);
    assert_memory_equal(chip.memory + 0x2000, "abcd", 4);
    assert_false(chip.off);
}

static void test_nor_a_sector_wears_out(void **state) {
    static const uint8_t zeros[32];
    (void)state;
    chip.worn_after = 2;
    for (unsigned i = 0; i < 2; i++) {
        assert_ota_ok(chip_erase(0x2000));
        assert_ota_ok(chip_put(0x2000, zeros, sizeof zeros));
        assert_memory_equal(chip.memory + 0x2000, zeros, sizeof zeros);
    }
    assert_ota_ok(chip_erase(0x2000));
    bool erased = true;
    for (size_t i = 0; i < OTA_SECTOR; i++)
        erased = erased && chip.memory[0x2000 + i] == 0xFF;
    assert_false(erased);
    assert_ota_ok(chip_erase(0x3000)); /* another one */
    assert_int_equal(chip.memory[0x3000], 0xFF);
}

#define IN_MEMORY(name) cmocka_unit_test_setup_teardown(name, set_up_memory, tear_down_memory)
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
        IN_MEMORY(test_nor_in_memory_keeps_the_rules),
        IN_MEMORY(test_nor_a_forked_child_goes_on_with_its_own_flash),
        IN_MEMORY(test_nor_a_cut_leaves_what_its_kind_says),
        IN_MEMORY(test_nor_a_cut_at_a_byte_leaves_a_prefix),
        IN_MEMORY(test_nor_a_cut_between_bits_changes_some_of_them),
        IN_MEMORY(test_nor_a_cut_can_be_repeated),
        IN_MEMORY(test_nor_a_stuck_sector_reads_back_something_else),
        IN_MEMORY(test_nor_a_failing_sector_says_so_and_changes_nothing),
        IN_MEMORY(test_nor_a_sector_wears_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
