/* SPDX-License-Identifier: Apache-2.0 */
/* Bundles from the files of the fake server. */
#include "fake_bundle.h"

#include <stdio.h>
#include <string.h>

#include "unit.h"

#include "image/bundle_write.h"

static struct ota_err err;

static void add(struct fake_bundle *b, const char *path, struct ota_span bytes) {
    assert_in_range(b->count, 0, FAKE_MEMBERS_MAX - 1);
    struct fake_member *m = &b->member[b->count++];
    memset(m, 0, sizeof *m);
    snprintf(m->path, sizeof m->path, "%s", path);
    ota_buf_append(&m->bytes, bytes.p, bytes.len);
}

/* `served`: as the fake server names it, with its address before it. False when it has no such file. */
static bool add_served(struct fake_bundle *b, const struct fake_server *s, const char *served) {
    char path[OTA_TAR_PATH_MAX];
    for (size_t i = 0; i < s->file_count; i++) {
        if (strcmp(s->file[i].path, served) != 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", served[0] == 'm' ? "metadata" : "targets", served + 2);
        add(b, path, ota_buf_span(&s->file[i].bytes));
        return true;
    }
    return false;
}

static bool add_role(struct fake_bundle *b, const struct fake_server *s, const char *role, uint64_t version) {
    char served[OTA_TARGET_PATH_MAX];
    snprintf(served, sizeof served, "m/%llu.%s.json", (unsigned long long)version, role);
    return add_served(b, s, served);
}

static void add_notes(struct fake_bundle *b, const struct ota_release *r) {
    static const char notes[] = "notes\n";
    char path[OTA_TAR_PATH_MAX] = "targets/";
    assert_true(
        ota_release_served_path(r->product, r->counter, "release.txt", r->notes_sha256, path + 8, sizeof path - 8));
    add(b, path, (struct ota_span){(const uint8_t *)notes, sizeof notes - 1});
}

static void add_images(struct fake_bundle *b, const struct fake_server *s, const struct ota_release *r) {
    for (size_t i = 0; i < r->step_count; i++) {
        char served[OTA_TARGET_PATH_MAX + 2] = "t/";
        assert_true(ota_release_served_path(r->product, r->counter, r->step[i].file, r->step[i].sha256, served + 2,
                                            sizeof served - 2));
        assert_true(add_served(b, s, served));
    }
}

void fake_bundle_make(struct fake_bundle *b, struct fake_server *s, uint32_t counter) {
    const struct ota_release *r = NULL;
    b->count = 0;
    for (size_t i = 0; i < s->release_count; i++)
        if (s->release[i].counter == counter)
            r = &s->release[i];
    assert_non_null(r);
    add_notes(b, r);
    for (uint64_t v = 1; add_role(b, s, "root", v); v++)
        ;
    assert_true(add_served(b, s, "m/timestamp.json"));
    assert_true(add_role(b, s, "snapshot", s->version));
    assert_true(add_role(b, s, "targets", s->targets_version + 1));
    assert_true(add_role(b, s, "rollout", s->version));
    assert_true(add_role(b, s, "thermo", s->version));
    add_images(b, s, r);
}

void fake_bundle_free(struct fake_bundle *b) {
    for (size_t i = 0; i < b->count; i++)
        ota_buf_free(&b->member[i].bytes);
    b->count = 0;
}

static enum ota_status append(void *ctx, const void *p, size_t n, struct ota_err *e) {
    (void)e;
    ota_buf_append(ctx, p, n);
    return OTA_OK;
}

struct ota_buf fake_bundle_pack(const struct fake_bundle *b) {
    struct ota_buf out = {0};
    const struct ota_bundle_sink sink = {&out, append};
    struct ota_bundle_writer w;
    ota_bundle_write_begin(&w, &sink);
    for (size_t i = 0; i < b->count; i++)
        assert_ota_ok(ota_bundle_write_file(&w, b->member[i].path, ota_buf_span(&b->member[i].bytes), &err));
    assert_ota_ok(ota_bundle_write_end(&w, &err));
    return out;
}

struct fake_member *fake_bundle_member(struct fake_bundle *b, const char *part) {
    for (size_t i = 0; i < b->count; i++)
        if (strstr(b->member[i].path, part))
            return &b->member[i];
    fail_msg("the bundle has no %s", part);
    return NULL;
}

void fake_bundle_drop(struct fake_bundle *b, const char *part) {
    struct fake_member *m = fake_bundle_member(b, part);
    ota_buf_free(&m->bytes);
    memmove(m, m + 1, (size_t)(b->member + --b->count - m) * sizeof *m);
}

/* ---- a file -------------------------------------------------------------------------------------------- */

static enum ota_status file_open(void *ctx, struct ota_err *e) {
    struct fake_bundle_file *f = ctx;
    if (f->gone)
        return ota_err_set(e, OTA_NOT_FOUND, "the card holds no bundle");
    f->pos = 0;
    f->opened++;
    return OTA_OK;
}

static enum ota_status file_read(void *ctx, void *p, size_t cap, size_t *got, struct ota_err *e) {
    struct fake_bundle_file *f = ctx;
    if (f->unreadable)
        return ota_err_set(e, OTA_IO, "the card cannot be read");
    *got = f->bytes.len - f->pos < cap ? f->bytes.len - f->pos : cap;
    if (*got)
        memcpy(p, f->bytes.p + f->pos, *got);
    f->pos += *got;
    return OTA_OK;
}

static void file_close(void *ctx) {
    (void)ctx;
}

void fake_bundle_file(struct fake_bundle_file *f, struct ota_span bytes) {
    memset(f, 0, sizeof *f);
    f->bytes = bytes;
    f->port = (struct ota_bundle_file){f, file_open, file_read, file_close, &f->work};
}
