/* SPDX-License-Identifier: Apache-2.0 */
/* Watches what the folders of the inbox look like until they are quiet. */
#include "server/inbox.h"

#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "server/inbox_take.h"

#define LOOK_AGAIN_MS 500
#define TRY_AGAIN_MS 15000u
#define FNV_BASIS 14695981039346656037ull

static uint64_t uptime_ms(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

void ota_inbox_free(struct ota_inbox *in) {
    free(in->dir);
    in->dir = NULL;
}

char *ota_inbox_path(const struct ota_inbox *in, const struct ota_inbox_folder *f) {
    return f->name[0] ? ota_sprintf("%s/%s", in->dir, f->name) : ota_strdup(in->dir);
}

static uint64_t mix(uint64_t h, const void *p, size_t n) {
    for (const uint8_t *b = p; n; n--)
        h = (h ^ *b++) * 1099511628211ull;
    return h;
}

void ota_inbox_init(struct ota_inbox *in, const struct ota_workspace *w, struct ota_publisher *p, const char *dir) {
    *in = (struct ota_inbox){.w = w, .publisher = p};
    in->dir = dir ? ota_strdup(dir) : ota_workspace_path(w, "images");
    OTA_CLEAN_FREE char *usual = ota_workspace_path(w, "images");
    OTA_CLEAN_FREE char *whole = realpath(in->dir, NULL);
    if (dir && whole && strcmp(whole, usual) != 0)
        (void)ota_format(in->tag, sizeof in->tag, ".%016llx", (unsigned long long)mix(FNV_BASIS, whole, strlen(whole)));
}

uint64_t ota_inbox_mark(const char *name, const struct stat *st) {
    const uint64_t facts[] = {st->st_ino,
                              (uint64_t)st->st_size,
                              (uint64_t)st->st_mtim.tv_sec,
                              (uint64_t)st->st_mtim.tv_nsec,
                              (uint64_t)st->st_ctim.tv_sec,
                              (uint64_t)st->st_ctim.tv_nsec,
                              st->st_mode,
                              st->st_uid};
    return mix(mix(FNV_BASIS, name, strlen(name)), facts, sizeof facts);
}

/* A number that differs when anything in the folder does; 0 when it holds no image. */
static uint64_t look(const struct ota_inbox *in, const struct ota_inbox_folder *f) {
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names names = {0};
    OTA_CLEAN_FREE char *path = ota_inbox_path(in, f);
    struct ota_err ignored;
    struct stat st;
    uint64_t h = FNV_BASIS;
    size_t images = 0;
    if (ota_fs_list(path, &names, &ignored) != OTA_OK || stat(path, &st) != 0)
        return 0;
    const uint64_t owner[] = {st.st_mode, st.st_uid};
    h = mix(h, owner, sizeof owner);
    for (size_t i = 0; i < names.count; i++) {
        OTA_CLEAN_FREE char *file = ota_sprintf("%s/%s", path, names.name[i]);
        if (!ota_inbox_is_image(f, names.name[i]) || lstat(file, &st) != 0 || S_ISDIR(st.st_mode))
            continue;
        const uint64_t mark = ota_inbox_mark(names.name[i], &st);
        h = mix(h, &mark, sizeof mark);
        images++;
    }
    return images ? h : 0;
}

static struct ota_inbox_folder *find_or_add(struct ota_inbox *in, const char *name) {
    for (size_t i = 0; i < in->count; i++)
        if (strcmp(in->folder[i].name, name) == 0)
            return &in->folder[i];
    if (in->count == OTA_INBOX_FOLDERS_MAX || strlen(name) > OTA_INBOX_NAME_MAX)
        return NULL;
    struct ota_inbox_folder *f = &in->folder[in->count++];
    *f = (struct ota_inbox_folder){.present = false};
    (void)ota_format(f->name, sizeof f->name, "%s", name);
    return f;
}

static void drop_absent(struct ota_inbox *in) {
    size_t kept = 0;
    for (size_t i = 0; i < in->count; i++)
        if (in->folder[i].present)
            in->folder[kept++] = in->folder[i];
    in->count = kept;
}

static void find_folders(struct ota_inbox *in) {
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names names = {0};
    struct ota_err ignored;
    for (size_t i = 0; i < in->count; i++)
        in->folder[i].present = false;
    if (ota_fs_list(in->dir, &names, &ignored) == OTA_OK) {
        find_or_add(in, "")->present = true;
        for (size_t i = 0; i < names.count; i++) {
            OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", in->dir, names.name[i]);
            struct ota_inbox_folder *f =
                names.name[i][0] != '.' && ota_fs_is_dir(path) ? find_or_add(in, names.name[i]) : NULL;
            if (f)
                f->present = true;
        }
    }
    drop_absent(in);
}

static bool passing(enum ota_status code) {
    return code == OTA_BUSY || code == OTA_IO || code == OTA_NO_SPACE || code == OTA_CLOCK || code == OTA_INTERRUPTED ||
           code == OTA_INTERNAL;
}

static void judge(struct ota_inbox *in, struct ota_inbox_folder *f, uint64_t now, bool *changed) {
    if (passing(ota_inbox_take(in, f, changed)))
        f->since_ms = now + TRY_AGAIN_MS;
    else
        f->judged = f->seen;
}

int ota_inbox_scan(struct ota_inbox *in, bool *changed) {
    bool waiting = false;
    *changed = false;
    find_folders(in);
    for (size_t i = 0; i < in->count; i++) {
        struct ota_inbox_folder *f = &in->folder[i];
        uint64_t h = look(in, f), now = uptime_ms();
        if (h != f->seen) {
            f->seen = h;
            f->since_ms = now;
        }
        if (h == 0 || h == f->judged)
            continue;
        if (now >= f->since_ms + OTA_INBOX_QUIET_MS)
            judge(in, f, now, changed);
        waiting |= f->judged != f->seen;
    }
    return waiting ? LOOK_AGAIN_MS : -1;
}
