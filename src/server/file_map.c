/* SPDX-License-Identifier: Apache-2.0 */
/* Files in memory, and what happens when one shrinks under a mapping. */
#include "server/file_map.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "host/buf.h"
#include "host/fs.h"

/* Where the handler looks: it may not take a lock, and finds memory that only atomic stores change. */
struct slot {
    atomic_uintptr_t begin; /* 0: free; TAKEN: being filled */
    atomic_size_t length;
};
#define TAKEN 1u

struct ota_file_map {
    atomic_uint references;
    struct slot *slot; /* NULL: copied */
    char *bytes;
    size_t length;
};

static struct slot slots[OTA_FILE_MAPS_MAX];
static size_t page_size;

static bool ours(uintptr_t address) {
    for (size_t i = 0; i < OTA_FILE_MAPS_MAX; i++) {
        uintptr_t begin = atomic_load_explicit(&slots[i].begin, memory_order_acquire);
        if (begin > TAKEN && address >= begin &&
            address - begin < atomic_load_explicit(&slots[i].length, memory_order_relaxed))
            return true;
    }
    return false;
}

/* Runs in the thread that read the page, at that instruction, which is repeated afterwards. It is safe there: it
 * calls mmap() alone, which POSIX does not list as async-signal-safe but which is a bare system call on Linux, and
 * the mapping it looks for cannot go away, for the interrupted reader holds it. A fault elsewhere is a defect and
 * ends the program as it would have without a handler: at the repeated instruction. */
static void on_fault(int sig, siginfo_t *info, void *context) {
    int saved = errno;
    uintptr_t page = (uintptr_t)info->si_addr & ~(uintptr_t)(page_size - 1);
    (void)context;
    if (info->si_code <= 0 || !ours((uintptr_t)info->si_addr) ||
        mmap((void *)page, page_size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
        (void)signal(sig, SIG_DFL);
    errno = saved;
}

enum ota_status ota_file_map_guard(struct ota_err *err) {
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_RESTART};
    (void)sigemptyset(&action.sa_mask);
    page_size = (size_t)sysconf(_SC_PAGESIZE);
    if (sigaction(SIGBUS, &action, NULL) != 0)
        return ota_err_set(err, OTA_INTERNAL, "SIGBUS cannot be handled: %s", strerror(errno));
    return OTA_OK;
}

static struct slot *take_slot(void) {
    for (size_t i = 0; i < OTA_FILE_MAPS_MAX; i++) {
        uintptr_t free_slot = 0;
        if (atomic_compare_exchange_strong(&slots[i].begin, &free_slot, TAKEN))
            return &slots[i];
    }
    return NULL;
}

static enum ota_status map(struct ota_file_map *m, int fd, const char *name, struct ota_err *err) {
    m->slot = take_slot();
    if (!m->slot)
        return ota_err_set(err, OTA_BUSY, "%s: more than %u files are being sent", name, OTA_FILE_MAPS_MAX);
    void *bytes = mmap(NULL, m->length, PROT_READ, MAP_SHARED, fd, 0);
    if (bytes == MAP_FAILED)
        return ota_fs_errno(err, name, "cannot map");
    m->bytes = bytes;
    size_t whole_pages = (m->length + page_size - 1) / page_size * page_size;
    atomic_store_explicit(&m->slot->length, whole_pages, memory_order_relaxed);
    atomic_store_explicit(&m->slot->begin, (uintptr_t)bytes, memory_order_release);
    return OTA_OK;
}

static enum ota_status copy(struct ota_file_map *m, int fd, const char *name, struct ota_err *err) {
    m->bytes = malloc(m->length);
    if (!m->bytes)
        return ota_err_set(err, OTA_MEMORY, "%s: out of memory", name);
    for (size_t have = 0; have < m->length;) {
        ssize_t n = pread(fd, m->bytes + have, m->length - have, (off_t)have);
        if (n == 0)
            return ota_err_set(err, OTA_IO, "%s: became shorter while it was read", name);
        if (n < 0 && errno != EINTR)
            return ota_fs_errno(err, name, "cannot read");
        have += n > 0 ? (size_t)n : 0;
    }
    return OTA_OK;
}

enum ota_status ota_file_map_new(int fd, const char *name, size_t length, bool copied, struct ota_file_map **out,
                                 struct ota_err *err) {
    struct ota_file_map *m = ota_calloc(1, sizeof *m);
    atomic_init(&m->references, 1);
    m->length = length;
    enum ota_status st = OTA_OK;
    if (length)
        st = copied ? copy(m, fd, name, err) : map(m, fd, name, err);
    if (st == OTA_OK)
        *out = m;
    else
        ota_file_map_release(m);
    return st;
}

char *ota_file_map_bytes(const struct ota_file_map *m) {
    return m->bytes;
}

size_t ota_file_map_length(const struct ota_file_map *m) {
    return m->length;
}

void ota_file_map_hold(struct ota_file_map *m) {
    atomic_fetch_add_explicit(&m->references, 1, memory_order_relaxed);
}

void ota_file_map_release(void *p) {
    struct ota_file_map *m = p;
    if (atomic_fetch_sub_explicit(&m->references, 1, memory_order_acq_rel) != 1)
        return;
    if (m->slot) {
        /* First, for the next mapping of anybody may lie there. */
        atomic_store_explicit(&m->slot->begin, 0, memory_order_release);
        if (m->bytes)
            (void)munmap(m->bytes, m->length);
    } else {
        free(m->bytes);
    }
    free(m);
}
