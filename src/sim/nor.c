/* SPDX-License-Identifier: Apache-2.0 */
/* The chip itself: every rule of NOR flash is checked before a byte changes. */
#include "sim/nor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "host/fs.h"

#define PAGE 256u
#define STUCK_EVERY 16u /* the smallest thing that is written has as many bytes: an encrypted block */

/* ---- the bytes ----------------------------------------------------------------------------------------- */

static enum ota_status read_at(const struct ota_nor *n, uint64_t off, void *p, size_t len, struct ota_err *err) {
    if (n->memory) {
        memcpy(p, n->memory + off, len);
        return OTA_OK;
    }
    for (size_t done = 0; done < len;) {
        ssize_t got = pread(n->fd, (uint8_t *)p + done, len - done, (off_t)(off + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return ota_fs_errno(err, n->path, "cannot read");
        if (got == 0)
            return ota_err_set(err, OTA_FLASH, "%s: was cut short while it was in use", n->path);
        done += (size_t)got;
    }
    return OTA_OK;
}

static enum ota_status write_at(const struct ota_nor *n, uint64_t off, const void *p, size_t len, struct ota_err *err) {
    if (n->memory) {
        memcpy(n->memory + off, p, len);
        return OTA_OK;
    }
    for (size_t done = 0; done < len;) {
        ssize_t put = pwrite(n->fd, (const uint8_t *)p + done, len - done, (off_t)(off + done));
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return ota_fs_errno(err, n->path, "cannot write");
        done += (size_t)put;
    }
    return OTA_OK;
}

/* ---- rules --------------------------------------------------------------------------------------------- */

static _Noreturn void fault(const char *what, uint32_t off, size_t len) {
    (void)fprintf(stderr, "flash: %s at 0x%" PRIx32 ", %zu bytes: a real chip would store something else\n", what, off,
                  len);
    abort();
}

static enum ota_status check_range(const struct ota_nor *n, uint32_t off, size_t len, struct ota_err *err) {
    if (n->off)
        return ota_err_set(err, OTA_FLASH, "the power is off");
    if (off > n->size || len > n->size - off)
        return ota_err_set(err, OTA_FLASH, "0x%x and %zu bytes: beyond the flash of 0x%x bytes", (unsigned)off, len,
                           (unsigned)n->size);
    return OTA_OK;
}

/* A stuck sector is not the program's mistake: it finds out when it reads back. */
static uint8_t faults_at(const struct ota_nor *n, uint32_t off) {
    uint32_t sector = off / OTA_SECTOR;
    bool worn = n->worn_after && n->erases[sector] > n->worn_after;
    return (uint8_t)(n->faults[sector] | (worn ? OTA_NOR_STUCK_ERASE | OTA_NOR_STUCK_WRITE : 0));
}

static enum ota_status check_bits_fall(const struct ota_nor *n, uint32_t off, const uint8_t *p, size_t len,
                                       struct ota_err *err) {
    uint8_t there[PAGE];
    for (size_t pos = 0; pos < len; pos += sizeof there) {
        size_t part = len - pos < sizeof there ? len - pos : sizeof there;
        OTA_TRY(read_at(n, off + pos, there, part, err));
        for (size_t i = 0; i < part; i++)
            if (p[pos + i] & ~there[i] && !(faults_at(n, (uint32_t)(off + pos + i)) & OTA_NOR_STUCK_ERASE))
                fault("write over bytes that are not erased", (uint32_t)(off + pos + i), len - pos - i);
    }
    return OTA_OK;
}

/* ---- power cuts ---------------------------------------------------------------------------------------- */

/* What happens of an operation: its bytes before `whole`, and of those up to `until` some bits. */
struct extent {
    size_t whole, until;
    uint64_t seed;
};

/* splitmix64: a number for every (seed, index). */
static uint64_t draw(uint64_t seed, uint64_t index) {
    uint64_t z = seed + (index + 1u) * 0x9E3779B97F4A7C15ull;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ z >> 27) * 0x94D049BB133111EBull;
    return z ^ z >> 31;
}

/* One page of those a write touches; its ends within the write. */
static void choose_page(uint32_t off, size_t len, struct extent *e) {
    size_t first = off % PAGE, pages = (first + len + PAGE - 1u) / PAGE;
    size_t page = (size_t)(draw(e->seed, 0) % pages) * PAGE;
    e->whole = page > first ? page - first : 0;
    e->until = page + PAGE - first < len ? page + PAGE - first : len;
}

static struct extent cut_extent(const struct ota_nor *n, uint32_t off, size_t len, bool erase) {
    struct extent e = {.seed = draw(n->seed, n->operations)};
    switch (n->cut) {
    case OTA_NOR_CUT_CLEAN:
    case OTA_NOR_CUT_COUNT:
        break;
    case OTA_NOR_CUT_TORN:
        e.whole = len / 2;
        break;
    case OTA_NOR_CUT_AFTER:
        e.whole = len;
        break;
    case OTA_NOR_CUT_BYTE:
        e.whole = 1u + (size_t)(draw(e.seed, 0) % (len - 1u));
        break;
    case OTA_NOR_CUT_BITS:
        e.until = len;
        if (!erase)
            choose_page(off, len, &e);
        break;
    }
    return e;
}

/* Counts the operation; what happens of it. */
static struct extent begin_operation(struct ota_nor *n, uint32_t off, size_t len, bool erase) {
    if (n->before)
        n->before(n->before_ctx, n, n->operations + 1u);
    n->operations++;
    if (n->cut_at == 0 || n->operations != n->cut_at)
        return (struct extent){.whole = len};
    n->off = true;
    return len ? cut_extent(n, off, len, erase) : (struct extent){0};
}

const char *ota_nor_cut_name(enum ota_nor_cut cut) {
    static const char *const name[OTA_NOR_CUT_COUNT] = {"clean", "torn", "after", "byte", "bits"};
    return (unsigned)cut < OTA_NOR_CUT_COUNT ? name[cut] : "?";
}

static enum ota_status report_cut(const struct ota_nor *n, struct ota_err *err) {
    return ota_err_set(err, OTA_FLASH, "power cut at flash operation %llu", (unsigned long long)n->operations);
}

/* ---- what the cells hold afterwards -------------------------------------------------------------------- */

/* Which bits of byte `i` have not changed yet: hardly any, half of them or nearly all, as the seed says. */
static uint8_t late_bits(const struct extent *e, size_t i) {
    uint64_t r = draw(e->seed, 1u + i);
    uint8_t a = (uint8_t)r, b = (uint8_t)(r >> 8), c = (uint8_t)(r >> 16);
    switch (e->seed % 3u) {
    case 0:
        return a & b & c;
    case 1:
        return a;
    default:
        return a | b | c;
    }
}

/* The same cells of a sector every time. A write drives bits to 0, which a cell that stays 1 does not take. */
static uint8_t stick(const struct ota_nor *n, uint32_t off, uint8_t old, uint8_t now, bool erase) {
    uint8_t faults = faults_at(n, off);
    if (faults == 0 || off % STUCK_EVERY != off / OTA_SECTOR % STUCK_EVERY)
        return now;
    if (erase)
        return faults & OTA_NOR_STUCK_ERASE ? 0x7F : now;
    return faults & OTA_NOR_STUCK_WRITE ? old : now;
}

/* p NULL: erased. A write can only clear bits, also where what is there is not what the program thinks. */
static enum ota_status store(struct ota_nor *n, uint32_t off, const uint8_t *p, size_t len, const struct extent *e,
                             struct ota_err *err) {
    uint8_t cells[OTA_SECTOR];
    for (size_t pos = 0; pos < e->whole || pos < e->until; pos += sizeof cells) {
        size_t part = len - pos < sizeof cells ? len - pos : sizeof cells;
        OTA_TRY(read_at(n, off + pos, cells, part, err));
        for (size_t i = 0; i < part; i++) {
            size_t at = pos + i;
            uint8_t old = cells[i], now = p ? (uint8_t)(old & p[at]) : 0xFF;
            uint8_t late = at < e->whole ? 0 : at < e->until ? late_bits(e, at) : 0xFF;
            now = stick(n, (uint32_t)(off + at), old, now, !p);
            cells[i] = (uint8_t)((old & late) | (now & ~late));
        }
        OTA_TRY(write_at(n, off + pos, cells, part, err));
    }
    return n->off ? report_cut(n, err) : OTA_OK;
}

/* ---- port ---------------------------------------------------------------------------------------------- */

static enum ota_status flash_read(void *ctx, uint32_t off, void *p, size_t len, struct ota_err *err) {
    const struct ota_nor *n = ctx;
    OTA_TRY(check_range(n, off, len, err));
    return read_at(n, off, p, len, err);
}

static enum ota_status report_bad_sector(const struct ota_nor *n, uint32_t off, const char *what, struct ota_err *err) {
    if (n->off)
        return report_cut(n, err);
    return ota_err_set(err, OTA_FLASH, "sector 0x%x: the chip reports that the %s failed",
                       (unsigned)(off / OTA_SECTOR * OTA_SECTOR), what);
}

static bool any_fails(const struct ota_nor *n, uint32_t off, size_t len, uint8_t fault_bit) {
    for (uint32_t at = off / OTA_SECTOR * OTA_SECTOR; at < off + len; at += OTA_SECTOR)
        if (faults_at(n, at) & fault_bit)
            return true;
    return false;
}

static enum ota_status flash_write(void *ctx, uint32_t off, const void *p, size_t len, struct ota_err *err) {
    struct ota_nor *n = ctx;
    OTA_TRY(check_range(n, off, len, err));
    if (off % OTA_NOR_WRITE_ALIGN || len % OTA_NOR_WRITE_ALIGN)
        fault("misaligned write", off, len);
    OTA_TRY(check_bits_fall(n, off, p, len, err));
    struct extent e = begin_operation(n, off, len, false);
    if (any_fails(n, off, len, OTA_NOR_FAIL_WRITE))
        return report_bad_sector(n, off, "write", err);
    n->bytes_written += e.whole;
    return store(n, off, p, len, &e, err);
}

static enum ota_status erase_sector(struct ota_nor *n, uint32_t off, struct ota_err *err) {
    struct extent e = begin_operation(n, off, OTA_SECTOR, true);
    n->erases[off / OTA_SECTOR]++;
    n->sectors_erased++;
    if (any_fails(n, off, OTA_SECTOR, OTA_NOR_FAIL_ERASE))
        return report_bad_sector(n, off, "erase", err);
    return store(n, off, NULL, OTA_SECTOR, &e, err);
}

static enum ota_status flash_erase(void *ctx, uint32_t off, uint32_t len, struct ota_err *err) {
    struct ota_nor *n = ctx;
    OTA_TRY(check_range(n, off, len, err));
    if (off % OTA_SECTOR || len % OTA_SECTOR)
        fault("misaligned erase", off, len);
    for (uint32_t pos = 0; pos < len; pos += OTA_SECTOR)
        OTA_TRY(erase_sector(n, off + pos, err));
    return OTA_OK;
}

/* ---- open and close ------------------------------------------------------------------------------------ */

static enum ota_status check_file(struct ota_nor *n, struct ota_err *err) {
    struct stat st;
    if (fstat(n->fd, &st))
        return ota_fs_errno(err, n->path, "cannot examine");
    if (!S_ISREG(st.st_mode))
        return ota_err_set(err, OTA_IO, "%s: is %s; a flash file is wanted here", n->path,
                           S_ISDIR(st.st_mode) ? "a folder" : "not a regular file");
    uint64_t size = (uint64_t)st.st_size;
    if (size < (uint64_t)OTA_NOR_SIZE_MIN + n->extra)
        return ota_err_set(err, OTA_TRUNCATED, "%s: %llu bytes are no flash file; make one with otadevice create",
                           n->path, (unsigned long long)size);
    if (size > (uint64_t)OTA_NOR_SIZE_MAX + n->extra)
        return ota_err_set(err, OTA_TOO_LARGE, "%s: %llu bytes; a flash has at most %u", n->path,
                           (unsigned long long)size, OTA_NOR_SIZE_MAX);
    if ((size - n->extra) % OTA_SECTOR)
        return ota_err_set(err, OTA_TRUNCATED, "%s: %llu bytes are no whole number of sectors: the file is damaged",
                           n->path, (unsigned long long)size);
    n->size = (uint32_t)(size - n->extra);
    return OTA_OK;
}

static enum ota_status lock(const struct ota_nor *n, enum ota_nor_mode mode, struct ota_err *err) {
    if (flock(n->fd, (mode == OTA_NOR_WRITE ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0)
        return OTA_OK;
    if (errno == EWOULDBLOCK)
        return ota_err_set(err, OTA_BUSY, "%s: another otadevice is running this board", n->path);
    return ota_fs_errno(err, n->path, "cannot lock");
}

static enum ota_status open_file(struct ota_nor *n, enum ota_nor_mode mode, struct ota_err *err) {
    n->fd = open(n->path, (mode == OTA_NOR_WRITE ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (n->fd < 0 && errno == EISDIR)
        return ota_err_set(err, OTA_IO, "%s: is a folder; a flash file is wanted here", n->path);
    if (n->fd < 0)
        return ota_fs_errno(err, n->path, "cannot open");
    OTA_TRY(check_file(n, err));
    return lock(n, mode, err);
}

static void make_chip(struct ota_nor *n) {
    n->erases = ota_calloc(n->size / OTA_SECTOR, sizeof *n->erases);
    n->faults = ota_calloc(n->size / OTA_SECTOR, sizeof *n->faults);
    n->port =
        (struct ota_flash){.ctx = n, .size = n->size, .read = flash_read, .write = flash_write, .erase = flash_erase};
}

enum ota_status ota_nor_open(struct ota_nor *n, const char *path, uint32_t extra, enum ota_nor_mode mode,
                             struct ota_err *err) {
    *n = (struct ota_nor){.fd = -1, .path = ota_strdup(path), .extra = extra};
    enum ota_status status = open_file(n, mode, err);
    if (status != OTA_OK) {
        ota_nor_close(n);
        return status;
    }
    make_chip(n);
    return OTA_OK;
}

/* Private: what a child writes after fork() is its own, page by page. */
enum ota_status ota_nor_memory(struct ota_nor *n, uint32_t size, uint32_t extra, struct ota_err *err) {
    *n = (struct ota_nor){.fd = -1, .size = size, .extra = extra};
    void *p = mmap(NULL, (size_t)size + extra, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return ota_fs_errno(err, "flash in memory", "cannot map");
    n->memory = p;
    n->path = ota_strdup("flash in memory");
    memset(n->memory, 0xFF, (size_t)size + extra);
    make_chip(n);
    return OTA_OK;
}

void ota_nor_close(struct ota_nor *n) {
    if (!n->path)
        return;
    if (n->memory)
        (void)munmap(n->memory, (size_t)n->size + n->extra);
    ota_clean_fd(&n->fd);
    free(n->path);
    free(n->erases);
    free(n->faults);
    *n = (struct ota_nor){.fd = -1};
}

/* ---- power, wear, eFuses ------------------------------------------------------------------------------- */

void ota_nor_cut_power(struct ota_nor *n, uint64_t after, enum ota_nor_cut cut) {
    n->cut_at = n->operations + after;
    n->cut = cut;
}

void ota_nor_power_on(struct ota_nor *n) {
    n->off = false;
    n->cut_at = 0;
}

void ota_nor_fault(struct ota_nor *n, uint32_t sector, uint8_t faults) {
    n->faults[sector] = faults;
}

enum ota_status ota_nor_sync(struct ota_nor *n, struct ota_err *err) {
    if (n->memory)
        return OTA_OK;
    return fdatasync(n->fd) ? ota_fs_errno(err, n->path, "cannot sync") : OTA_OK;
}

uint32_t ota_nor_wear(const struct ota_nor *n) {
    uint32_t most = 0;
    for (uint32_t i = 0; i < n->size / OTA_SECTOR; i++)
        most = n->erases[i] > most ? n->erases[i] : most;
    return most;
}

enum ota_status ota_nor_read_extra(const struct ota_nor *n, uint32_t off, void *p, size_t len, struct ota_err *err) {
    return read_at(n, (uint64_t)n->size + off, p, len, err);
}

enum ota_status ota_nor_write_extra(struct ota_nor *n, uint32_t off, const void *p, size_t len, struct ota_err *err) {
    return write_at(n, (uint64_t)n->size + off, p, len, err);
}
