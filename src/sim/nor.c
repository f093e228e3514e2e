/* SPDX-License-Identifier: Apache-2.0 */
/* The chip itself: every rule of NOR flash is checked before a byte of the file changes. */
#include "sim/nor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "host/fs.h"

/* ---- the file ------------------------------------------------------------------------------------------ */

static enum ota_status read_at(const struct ota_nor *n, uint64_t off, void *p, size_t len, struct ota_err *err) {
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

static enum ota_status check_bits_fall(const struct ota_nor *n, uint32_t off, const uint8_t *p, size_t len,
                                       struct ota_err *err) {
    uint8_t there[OTA_SECTOR];
    for (size_t pos = 0; pos < len; pos += sizeof there) {
        size_t part = len - pos < sizeof there ? len - pos : sizeof there;
        OTA_TRY(read_at(n, off + pos, there, part, err));
        for (size_t i = 0; i < part; i++)
            if (p[pos + i] & ~there[i])
                fault("write over bytes that are not erased", (uint32_t)(off + pos + i), len - pos - i);
    }
    return OTA_OK;
}

/* Counts the operation; *len becomes what the power cut leaves of it. */
static bool power_fails(struct ota_nor *n, size_t *len) {
    n->operations++;
    if (n->cut_at == 0 || n->operations != n->cut_at)
        return false;
    n->off = true;
    *len = n->cut == OTA_NOR_CUT_TORN ? *len / 2 : 0;
    return true;
}

static enum ota_status report_cut(const struct ota_nor *n, struct ota_err *err) {
    return ota_err_set(err, OTA_FLASH, "power cut at flash operation %llu", (unsigned long long)n->operations);
}

/* ---- port ---------------------------------------------------------------------------------------------- */

static enum ota_status flash_read(void *ctx, uint32_t off, void *p, size_t len, struct ota_err *err) {
    const struct ota_nor *n = ctx;
    OTA_TRY(check_range(n, off, len, err));
    return read_at(n, off, p, len, err);
}

static enum ota_status flash_write(void *ctx, uint32_t off, const void *p, size_t len, struct ota_err *err) {
    struct ota_nor *n = ctx;
    OTA_TRY(check_range(n, off, len, err));
    if (off % OTA_NOR_WRITE_ALIGN || len % OTA_NOR_WRITE_ALIGN)
        fault("misaligned write", off, len);
    OTA_TRY(check_bits_fall(n, off, p, len, err));
    bool cut = power_fails(n, &len);
    n->bytes_written += len;
    OTA_TRY(write_at(n, off, p, len, err));
    return cut ? report_cut(n, err) : OTA_OK;
}

static enum ota_status erase_sector(struct ota_nor *n, uint32_t off, struct ota_err *err) {
    uint8_t blank[OTA_SECTOR];
    size_t len = sizeof blank;
    memset(blank, 0xFF, sizeof blank);
    bool cut = power_fails(n, &len);
    n->erases[off / OTA_SECTOR]++;
    OTA_TRY(write_at(n, off, blank, len, err));
    return cut ? report_cut(n, err) : OTA_OK;
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

enum ota_status ota_nor_open(struct ota_nor *n, const char *path, uint32_t extra, enum ota_nor_mode mode,
                             struct ota_err *err) {
    *n = (struct ota_nor){.fd = -1, .path = ota_strdup(path), .extra = extra};
    enum ota_status status = open_file(n, mode, err);
    if (status != OTA_OK) {
        ota_nor_close(n);
        return status;
    }
    n->erases = ota_calloc(n->size / OTA_SECTOR, sizeof *n->erases);
    n->port =
        (struct ota_flash){.ctx = n, .size = n->size, .read = flash_read, .write = flash_write, .erase = flash_erase};
    return OTA_OK;
}

void ota_nor_close(struct ota_nor *n) {
    if (!n->path)
        return;
    ota_clean_fd(&n->fd);
    free(n->path);
    free(n->erases);
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

enum ota_status ota_nor_sync(struct ota_nor *n, struct ota_err *err) {
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
