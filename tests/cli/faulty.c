/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linked into otactl, whose calls of these functions the linker leads here (--wrap): the N-th one fails, once.
 *
 *   OTA_FAULT=disk:N      calls that put something on the disk, SQLite's own among them; a write is half done then
 *   OTA_FAULT=memory:N    allocations of otactl, for cJSON as well; those of OpenSSL and SQLite are their own affair
 *   OTA_FAULT_LOG=FILE    gets the name of the call that failed; stays away when there were fewer than N
 */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum kind { NONE, DISK, MEMORY };

static enum kind wanted;
static unsigned long left;

/* The functions as they were. */
ssize_t __real_write(int fd, const void *p, size_t n);
ssize_t __real_pwrite(int fd, const void *p, size_t n, off_t at);
int __real_fsync(int fd);
int __real_ftruncate(int fd, off_t n);
int __real_rename(const char *from, const char *to);
int __real_link(const char *from, const char *to);
int __real_mkostemp(char *name, int flags);
int __real_fchmod(int fd, mode_t mode);
int __real_mkdir(const char *path, mode_t mode);
int __real_open(const char *path, int flags, ...);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
char *__real_strdup(const char *s);
int __real_vasprintf(char **out, const char *fmt, va_list args);

ssize_t __wrap_write(int fd, const void *p, size_t n);
ssize_t __wrap_pwrite(int fd, const void *p, size_t n, off_t at);
int __wrap_fsync(int fd);
int __wrap_ftruncate(int fd, off_t n);
int __wrap_rename(const char *from, const char *to);
int __wrap_link(const char *from, const char *to);
int __wrap_mkostemp(char *name, int flags);
int __wrap_fchmod(int fd, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode);
int __wrap_open(const char *path, int flags, ...);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
char *__wrap_strdup(const char *s);
int __wrap_vasprintf(char **out, const char *fmt, va_list args);

static bool fails(enum kind kind, const char *call, int error) {
    if (kind != wanted || left == 0 || --left > 0)
        return false;
    const char *log = getenv("OTA_FAULT_LOG");
    int fd = log ? __real_open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
    if (fd < 0 || __real_write(fd, call, strlen(call)) < 0)
        abort();
    (void)close(fd);
    errno = error;
    return true;
}

/* ---- the disk -------------------------------------------------------------------------------------------- */

ssize_t __wrap_write(int fd, const void *p, size_t n) {
    if (fd > STDERR_FILENO && fails(DISK, "write", ENOSPC)) {
        if (__real_write(fd, p, n / 2) < 0)
            abort();
        errno = ENOSPC;
        return -1;
    }
    return __real_write(fd, p, n);
}
ssize_t __wrap_pwrite(int fd, const void *p, size_t n, off_t at) {
    if (fails(DISK, "pwrite", ENOSPC)) {
        if (__real_pwrite(fd, p, n / 2, at) < 0)
            abort();
        errno = ENOSPC;
        return -1;
    }
    return __real_pwrite(fd, p, n, at);
}
int __wrap_fsync(int fd) {
    return fails(DISK, "fsync", EIO) ? -1 : __real_fsync(fd);
}
int __wrap_ftruncate(int fd, off_t n) {
    return fails(DISK, "ftruncate", EIO) ? -1 : __real_ftruncate(fd, n);
}
int __wrap_rename(const char *from, const char *to) {
    return fails(DISK, "rename", EIO) ? -1 : __real_rename(from, to);
}
int __wrap_link(const char *from, const char *to) {
    return fails(DISK, "link", EIO) ? -1 : __real_link(from, to);
}
int __wrap_mkostemp(char *name, int flags) {
    return fails(DISK, "mkostemp", ENOSPC) ? -1 : __real_mkostemp(name, flags);
}
int __wrap_fchmod(int fd, mode_t mode) {
    return fails(DISK, "fchmod", EIO) ? -1 : __real_fchmod(fd, mode);
}
int __wrap_mkdir(const char *path, mode_t mode) {
    return fails(DISK, "mkdir", ENOSPC) ? -1 : __real_mkdir(path, mode);
}
int __wrap_open(const char *path, int flags, ...) {
    mode_t mode = 0;
    if (flags & O_CREAT) {
        va_list args;
        va_start(args, flags);
        mode = va_arg(args, mode_t);
        va_end(args);
    }
    bool writes =
        (flags & O_ACCMODE) != O_RDONLY || flags & (O_CREAT | O_DIRECTORY); /* a folder is opened to sync it */
    return writes && fails(DISK, "open", EIO) ? -1 : __real_open(path, flags, mode);
}

/* ---- memory ---------------------------------------------------------------------------------------------- */

void *__wrap_calloc(size_t n, size_t size) {
    return fails(MEMORY, "calloc", ENOMEM) ? NULL : __real_calloc(n, size);
}
void *__wrap_realloc(void *p, size_t n) {
    return fails(MEMORY, "realloc", ENOMEM) ? NULL : __real_realloc(p, n);
}
char *__wrap_strdup(const char *s) {
    return fails(MEMORY, "strdup", ENOMEM) ? NULL : __real_strdup(s);
}
int __wrap_vasprintf(char **out, const char *fmt, va_list args) {
    return fails(MEMORY, "vasprintf", ENOMEM) ? -1 : __real_vasprintf(out, fmt, args);
}

/* ---- SQLite ---------------------------------------------------------------------------------------------- */

static void lead(sqlite3_vfs *vfs, const char *call, sqlite3_syscall_ptr to) {
    if (vfs->xGetSystemCall(vfs, call) && vfs->xSetSystemCall(vfs, call, to) != SQLITE_OK)
        abort();
}

static void lead_sqlite(void) {
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    if (!vfs || vfs->iVersion < 3)
        abort();
    lead(vfs, "pwrite", (sqlite3_syscall_ptr)__wrap_pwrite);
    lead(vfs, "pwrite64", (sqlite3_syscall_ptr)__wrap_pwrite);
    lead(vfs, "ftruncate", (sqlite3_syscall_ptr)__wrap_ftruncate);
    lead(vfs, "open", (sqlite3_syscall_ptr)__wrap_open);
}

__attribute__((constructor)) static void begin(void) {
    static const char *const names[] = {[DISK] = "disk:", [MEMORY] = "memory:"};
    const char *fault = getenv("OTA_FAULT");
    if (!fault)
        return;
    for (enum kind k = DISK; k <= MEMORY; k++)
        if (strncmp(fault, names[k], strlen(names[k])) == 0) {
            wanted = k;
            left = strtoul(fault + strlen(names[k]), NULL, 10);
        }
    if (left == 0)
        abort();
    if (wanted == DISK)
        lead_sqlite();
}
