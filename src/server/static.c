/* SPDX-License-Identifier: Apache-2.0 */
/* The cache of mapped repository files. */
#include "server/static.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "host/buf.h"
#include "host/log.h"
#include "server/problem.h"
#include "server/static_file.h"

#define BUCKETS 256u

struct entry {
    struct entry *next;
    char *name;
    struct ota_static_file *file;
    atomic_ullong used;
};

struct ota_static {
    char *root;
    pthread_rwlock_t lock;
    struct entry *bucket[BUCKETS];
    size_t count;
    atomic_ullong turn;
};

/* FNV-1a. Only names of files that exist are kept, so nobody outside chooses collisions. */
static unsigned bucket_of(const char *name) {
    uint32_t h = 2166136261u;
    for (; *name; name++)
        h = (h ^ (uint8_t)*name) * 16777619u;
    return (h ^ h >> 16) % BUCKETS;
}

struct ota_static *ota_static_new(const char *root) {
    struct ota_static *s = ota_calloc(1, sizeof *s);
    s->root = ota_strdup(root);
    (void)pthread_rwlock_init(&s->lock, NULL);
    return s;
}

static void entry_free(struct entry *e) {
    ota_static_file_release(e->file);
    free(e->name);
    free(e);
}

void ota_static_free(struct ota_static **sp) {
    struct ota_static *s = *sp;
    if (!s)
        return;
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct entry *e = s->bucket[i], *next; e; e = next) {
            next = e->next;
            entry_free(e);
        }
    (void)pthread_rwlock_destroy(&s->lock);
    free(s->root);
    free(s);
    *sp = NULL;
}

static struct entry **find(struct ota_static *s, const char *name) {
    struct entry **e = &s->bucket[bucket_of(name)];
    while (*e && strcmp((*e)->name, name) != 0)
        e = &(*e)->next;
    return e;
}

static bool same_on_disk(const struct ota_static *s, const char *name, const struct ota_static_file *f) {
    struct stat st;
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", s->root, name);
    return lstat(path, &st) == 0 && ota_static_file_same(f, &st);
}

static void drop(struct ota_static *s, struct entry **at) {
    struct entry *e = *at;
    *at = e->next;
    s->count--;
    entry_free(e);
}

static struct ota_static_file *cached(struct ota_static *s, const char *name) {
    struct ota_static_file *f = NULL;
    (void)pthread_rwlock_rdlock(&s->lock);
    struct entry *e = *find(s, name);
    if (e) {
        atomic_store_explicit(&e->used, atomic_fetch_add_explicit(&s->turn, 1, memory_order_relaxed),
                              memory_order_relaxed);
        f = e->file;
        ota_static_file_hold(f);
    }
    (void)pthread_rwlock_unlock(&s->lock);
    if (f && !same_on_disk(s, name, f)) {
        ota_static_file_release(f);
        return NULL;
    }
    return f;
}

static void drop_least_used(struct ota_static *s) {
    struct entry **oldest = NULL;
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct entry **e = &s->bucket[i]; *e; e = &(*e)->next)
            if (!oldest || atomic_load(&(*e)->used) < atomic_load(&(*oldest)->used))
                oldest = e;
    if (oldest)
        drop(s, oldest);
}

/* Two threads may load the same file at once: the later one wins, both answers are right. */
static void keep(struct ota_static *s, const char *name, struct ota_static_file *f) {
    struct entry *fresh = ota_calloc(1, sizeof *fresh);
    fresh->name = ota_strdup(name);
    fresh->file = f;
    ota_static_file_hold(f);
    (void)pthread_rwlock_wrlock(&s->lock);
    atomic_init(&fresh->used, atomic_fetch_add(&s->turn, 1));
    struct entry **at = find(s, name);
    if (*at)
        drop(s, at);
    else if (s->count >= OTA_STATIC_FILES_MAX)
        drop_least_used(s);
    at = &s->bucket[bucket_of(name)];
    fresh->next = *at;
    *at = fresh;
    s->count++;
    (void)pthread_rwlock_unlock(&s->lock);
}

static enum MHD_Result answer_absent(struct ota_exchange *x, enum ota_served kind) {
    const char *cache = kind == OTA_SERVED_ROOT ? "public, max-age=30" : "no-store";
    return ota_problem_answer_with(x, MHD_HTTP_NOT_FOUND, OTA_NOT_FOUND, "no such file in the repository",
                                   (struct ota_problem_header){MHD_HTTP_HEADER_CACHE_CONTROL, cache});
}

enum MHD_Result ota_static_serve(struct ota_static *s, struct ota_exchange *x, enum ota_served kind) {
    const char *name = x->path + 1;
    struct ota_static_file *f = cached(s, name);
    struct ota_err err;
    if (!f) {
        enum ota_status rc = ota_static_file_open(s->root, name, kind, &f, &err);
        if (rc == OTA_NOT_FOUND)
            return answer_absent(x, kind);
        if (rc != OTA_OK) {
            ota_log(&ota_log_stderr, OTA_LOG_ERROR, "state/repo/%s", err.msg);
            return ota_problem_answer(x, MHD_HTTP_INTERNAL_SERVER_ERROR, rc, "the file cannot be read here");
        }
        keep(s, name, f);
    }
    enum MHD_Result rc = ota_static_file_answer(f, x);
    ota_static_file_release(f);
    return rc;
}

void ota_static_sweep(struct ota_static *s) {
    (void)pthread_rwlock_wrlock(&s->lock);
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct entry **e = &s->bucket[i]; *e;)
            if (same_on_disk(s, (*e)->name, (*e)->file))
                e = &(*e)->next;
            else
                drop(s, e);
    (void)pthread_rwlock_unlock(&s->lock);
}
