/* SPDX-License-Identifier: Apache-2.0 */
/* The metadata folder; see shelf.h. */
#include "shelf.h"

#include <string.h>

#include "core/trust_private.h"
#include "host/fs.h"

struct shelf_body {
    char *name; /* as requested: "3.targets.json", "timestamp.json" */
    struct ota_buf bytes;
    struct shelf_body *next;
};

static struct shelf_body *find(const struct shelf *s, const char *name) {
    struct shelf_body *b = s->received;
    while (b && strcmp(b->name, name) != 0)
        b = b->next;
    return b;
}

static struct shelf_body *add(struct shelf *s, const char *name) {
    struct shelf_body *b = ota_calloc(1, sizeof *b);
    b->name = ota_strdup(name);
    b->next = s->received;
    s->received = b;
    return b;
}

/* "3.targets.json": "targets.json". */
static const char *unversioned(const char *name) {
    const size_t digits = strspn(name, "0123456789");
    return digits && name[digits] == '.' ? name + digits + 1 : name;
}

/* ---- transport ------------------------------------------------------------------------------------------- */

/* Fills `b` from D if that is where this versioned file lies. */
static bool read_kept(const struct shelf *s, struct shelf_body *b) {
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", s->dir, unversioned(b->name));
    OTA_CLEAN_FREE char *as = ota_sprintf("%s/.state/as/%s", s->dir, unversioned(b->name));
    OTA_CLEAN(ota_buf_free) struct ota_buf known = {0};
    struct ota_err unused;
    return unversioned(b->name) != b->name && ota_fs_read(as, OTA_TRUST_FILE_MAX, &known, &unused) == OTA_OK &&
           strcmp(ota_buf_text(&known), b->name) == 0 &&
           ota_fs_read(path, OTA_METADATA_MAX, &b->bytes, &unused) == OTA_OK;
}

static enum ota_status answer(struct shelf *s, struct shelf_body *b, struct ota_response *resp) {
    s->open = b;
    s->pos = 0;
    s->from_net = false;
    *resp = (struct ota_response){.status = 200, .length = b->bytes.len, .total = b->bytes.len};
    return OTA_OK;
}

static enum ota_status shelf_open(void *ctx, const struct ota_request *req, struct ota_response *resp,
                                  struct ota_err *err) {
    struct shelf *s = ctx;
    s->open = NULL;
    s->from_net = true;
    if (req->address != OTA_ADDRESS_METADATA)
        return s->net->open(s->net->ctx, req, resp, err);
    struct shelf_body *b = find(s, req->path);
    if (b)
        return answer(s, b, resp);
    b = add(s, req->path);
    if (read_kept(s, b))
        return answer(s, b, resp);
    s->open = b;
    return s->net->open(s->net->ctx, req, resp, err);
}

static enum ota_status shelf_read(void *ctx, void *p, size_t cap, size_t *got, struct ota_err *err) {
    struct shelf *s = ctx;
    if (s->from_net) {
        OTA_TRY(s->net->read(s->net->ctx, p, cap, got, err));
        if (s->open)
            ota_buf_append(&s->open->bytes, p, *got);
        return OTA_OK;
    }
    const size_t left = s->open->bytes.len - s->pos;
    *got = left < cap ? left : cap;
    memcpy(p, s->open->bytes.p + s->pos, *got);
    s->pos += *got;
    return OTA_OK;
}

static void shelf_close(void *ctx) {
    struct shelf *s = ctx;
    if (s->from_net)
        s->net->close(s->net->ctx);
}

/* ---- the core's records ---------------------------------------------------------------------------------- */

static char *kv_path(const struct shelf *s, const char *key) {
    return ota_sprintf("%s/.state/kv/%s", s->dir, key);
}

static enum ota_status kv_get(void *ctx, const char *key, void *p, size_t cap, size_t *len, struct ota_err *err) {
    OTA_CLEAN_FREE char *path = kv_path(ctx, key);
    OTA_CLEAN(ota_buf_free) struct ota_buf value = {0};
    OTA_TRY(ota_fs_read(path, cap, &value, err));
    if (value.len)
        memcpy(p, value.p, value.len);
    *len = value.len;
    return OTA_OK;
}

static enum ota_status kv_set(void *ctx, const char *key, const void *p, size_t len, struct ota_err *err) {
    OTA_CLEAN_FREE char *path = kv_path(ctx, key);
    return ota_fs_write(path, p, len, 0600, err);
}

static enum ota_status kv_erase(void *ctx, const char *key, struct ota_err *err) {
    OTA_CLEAN_FREE char *path = kv_path(ctx, key);
    return ota_fs_remove(path, err);
}

void shelf_init(struct shelf *s, const char *dir, const struct ota_transport *net) {
    *s = (struct shelf){.dir = dir, .net = net};
    s->transport = (struct ota_transport){.ctx = s, .open = shelf_open, .read = shelf_read, .close = shelf_close};
    s->kv = (struct ota_kv){.ctx = s, .get = kv_get, .set = kv_set, .erase = kv_erase};
}

void shelf_free(struct shelf *s) {
    while (s->received) {
        struct shelf_body *b = s->received;
        s->received = b->next;
        ota_buf_free(&b->bytes);
        free(b->name);
        free(b);
    }
}

/* ---- what is trusted ------------------------------------------------------------------------------------- */

static enum ota_status keep(const struct shelf *s, const char *name, struct ota_err *err) {
    const struct shelf_body *b = find(s, name);
    if (!b || b->bytes.len == 0)
        return OTA_OK; /* trusted since an earlier run */
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", s->dir, unversioned(name));
    OTA_CLEAN_FREE char *as = ota_sprintf("%s/.state/as/%s", s->dir, unversioned(name));
    OTA_TRY(ota_fs_write(path, b->bytes.p, b->bytes.len, 0644, err));
    return ota_fs_write(as, name, strlen(name), 0644, err);
}

static enum ota_status keep_version(const struct shelf *s, uint64_t version, const char *role, struct ota_err *err) {
    char name[OTA_TRUST_FILE_MAX];
    ota_trust_file(version, role, name);
    return keep(s, name, err);
}

/* A rotated key made the core forget it. */
static enum ota_status forget(const struct shelf *s, const char *name, struct ota_err *err) {
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", s->dir, name);
    return ota_fs_remove(path, err);
}

enum ota_status shelf_keep(struct shelf *s, const struct ota_trust *t, const struct ota_timestamp_record *before,
                           struct ota_err *err) {
    OTA_TRY(keep_version(s, t->root_version, "root", err));
    if (t->ts.version == 0)
        OTA_TRY(forget(s, "timestamp.json", err));
    else if (memcmp(t->ts.sha256, before->sha256, sizeof before->sha256) != 0)
        OTA_TRY(keep(s, "timestamp.json", err));
    if (t->snapshot_version == 0)
        OTA_TRY(forget(s, "snapshot.json", err));
    else
        OTA_TRY(keep_version(s, t->snapshot_version, "snapshot", err));
    for (size_t i = 0; i < t->role_count; i++)
        OTA_TRY(keep_version(s, t->roles[i].version, t->roles[i].name, err));
    return OTA_OK;
}
