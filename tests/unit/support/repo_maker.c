/* SPDX-License-Identifier: Apache-2.0 */
/* Roles, files, transport and store of the repository in memory. */
#include "repo_maker.h"

#include <stdlib.h>

#include "host/crypto.h"
#include "unit.h"

/* ---- files ---- */

static struct repo_file *find(struct repo *r, const char *name) {
    for (size_t i = 0; i < r->file_count; i++)
        if (strcmp(r->file[i].name, name) == 0)
            return &r->file[i];
    return NULL;
}

void repo_put(struct repo *r, const char *name, const void *p, size_t n) {
    struct repo_file *f = find(r, name);
    if (!f) {
        assert_true(r->file_count < REPO_FILES_MAX);
        f = &r->file[r->file_count++];
        assert_true(ota_span_copy(ota_span_str(name), f->name, sizeof f->name));
    }
    struct ota_buf fresh = {0};
    ota_buf_append(&fresh, p, n);
    ota_buf_free(&f->bytes);
    f->bytes = fresh;
}

struct ota_buf *repo_get(struct repo *r, const char *name) {
    struct repo_file *f = find(r, name);
    return f ? &f->bytes : NULL;
}

void repo_remove(struct repo *r, const char *name) {
    struct repo_file *f = find(r, name);
    assert_non_null(f);
    ota_buf_free(&f->bytes);
    *f = r->file[--r->file_count];
    memset(&r->file[r->file_count], 0, sizeof *f);
}

struct ota_span repo_first_root(struct repo *r) {
    return ota_buf_span(repo_get(r, "1.root.json"));
}

bool repo_requested(const struct repo *r, const char *name) {
    for (size_t i = 0; i < r->requests; i++)
        if (strcmp(r->request[i], name) == 0)
            return true;
    return false;
}

static char *replaced(const char *text, const char *from, const char *to) {
    const char *at = strstr(text, from);
    if (!at)
        fail_msg("\"%s\" is not in %s", from, text);
    return ota_sprintf("%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
}

void repo_edit(struct repo *r, const char *name, const char *from, const char *to) {
    OTA_CLEAN_FREE char *text = replaced(ota_buf_text(repo_get(r, name)), from, to);
    repo_put(r, name, text, strlen(text));
}

void repo_edit_signed(struct repo *r, const char *name, const char *from, const char *to, const struct repo_key *by) {
    static const char mark[] = "\"signed\":";
    OTA_CLEAN_FREE char *text = ota_strdup(strstr(ota_buf_text(repo_get(r, name)), mark) + strlen(mark));
    text[strlen(text) - 1] = '\0';
    OTA_CLEAN_FREE char *edited = replaced(text, from, to);
    repo_sign(r, name, edited, &by, 1);
}

/* ---- roles ---- */

void repo_sign(struct repo *r, const char *name, const char *signed_json, const struct repo_key *const *keys,
               size_t count) {
    struct ota_err err;
    OTA_CLEAN_FREE char *canonical = ota_strdup(signed_json);
    OTA_CLEAN(ota_buf_free) struct ota_buf out = {0};
    size_t len = strlen(canonical);
    uint8_t sig[512];
    char hex[1025];
    assert_ota_ok(ota_scan_canonicalize((uint8_t *)canonical, &len, &err));
    ota_buf_str(&out, "{\"signatures\":[");
    for (size_t i = 0; i < count; i++) {
        size_t n = repo_key_sign(keys[i], (struct ota_span){(const uint8_t *)canonical, len}, sig);
        ota_hex_encode(sig, n, hex);
        ota_buf_printf(&out, "%s{\"keyid\":\"%s\",\"sig\":\"%s\"}", i ? "," : "", repo_key_id(keys[i]), hex);
    }
    ota_buf_printf(&out, "],\"signed\":%s}", signed_json);
    repo_put(r, name, out.p, out.len);
}

static int compare_keys(const void *a, const void *b) {
    const struct repo_key *const *x = a, *const *y = b;
    return strcmp(repo_key_id(*x), repo_key_id(*y));
}

static void write_keys(struct ota_buf *out, const struct repo_key **keys, size_t count) {
    qsort(keys, count, sizeof *keys, compare_keys);
    const char *comma = "";
    for (size_t i = 0; i < count; i++) {
        if (i && keys[i] == keys[i - 1])
            continue;
        ota_buf_printf(out, "%s\"%s\":%s", comma, repo_key_id(keys[i]), repo_key_object(keys[i]));
        comma = ",";
    }
}

void repo_publish_root(struct repo *r) {
    static const enum ota_role sorted[] = {OTA_ROLE_ROOT, OTA_ROLE_SNAPSHOT, OTA_ROLE_TARGETS, OTA_ROLE_TIMESTAMP};
    OTA_CLEAN(ota_buf_free) struct ota_buf out = {0};
    const struct repo_key *keys[OTA_ROLE_COUNT * REPO_KEYS_MAX];
    size_t count = 0;
    char name[32];
    for (int i = 0; i < OTA_ROLE_COUNT; i++)
        for (size_t k = 0; k < r->role[i].count; k++)
            keys[count++] = r->role[i].key[k];
    ota_buf_printf(&out, "{\"_type\":\"root\",\"consistent_snapshot\":true,\"expires\":\"%s\",\"keys\":{",
                   r->root_expires);
    write_keys(&out, keys, count);
    ota_buf_str(&out, "},\"roles\":{");
    for (size_t i = 0; i < OTA_ARRAY_LEN(sorted); i++) {
        const struct repo_role *role = &r->role[sorted[i]];
        ota_buf_printf(&out, "%s\"%s\":{\"keyids\":[", i ? "," : "", ota_role_name(sorted[i]));
        for (size_t k = 0; k < role->count; k++)
            ota_buf_printf(&out, "%s\"%s\"", k ? "," : "", repo_key_id(role->key[k]));
        ota_buf_printf(&out, "],\"threshold\":%u}", role->threshold);
    }
    ota_buf_printf(&out, "},\"spec_version\":\"1.0.31\",\"version\":%u}", r->root_version);
    ota_format(name, sizeof name, "%u.root.json", r->root_version);
    repo_sign(r, name, ota_buf_text(&out), r->role[OTA_ROLE_ROOT].key, r->role[OTA_ROLE_ROOT].count);
}

static char *default_delegations(const struct repo *r) {
    return ota_sprintf(
        "[{\"keyids\":[\"%s\"],\"name\":\"thermo\",\"paths\":[\"img/thermo/*/"
        "*\"],\"terminating\":false,\"threshold\":1},"
        "{\"keyids\":[\"%s\"],\"name\":\"pump\",\"paths\":[\"img/pump/*/*\"],\"terminating\":false,\"threshold\":1},"
        "{\"keyids\":[\"%s\"],\"name\":\"rollout\",\"paths\":[\"rollout/*/*\"],\"terminating\":true,\"threshold\":1}]",
        repo_key_id(r->thermo), repo_key_id(r->pump), repo_key_id(r->rollout));
}

static void publish_targets(struct repo *r) {
    OTA_CLEAN(ota_buf_free) struct ota_buf out = {0};
    OTA_CLEAN_FREE char *usual = default_delegations(r);
    const struct repo_key *keys[] = {r->thermo, r->pump, r->rollout};
    char name[32];
    ota_buf_str(&out, "{\"_type\":\"targets\",\"delegations\":{\"keys\":{");
    write_keys(&out, keys, OTA_ARRAY_LEN(keys));
    ota_buf_printf(&out,
                   "},\"roles\":%s},\"expires\":\"%s\",\"spec_version\":\"1.0.31\",\"targets\":{%s},\"version\":%u}",
                   r->delegations ? r->delegations : usual, r->targets_expires, r->targets_list, r->targets_version);
    ota_format(name, sizeof name, "%u.targets.json", r->targets_version);
    repo_sign(r, name, ota_buf_text(&out), r->role[OTA_ROLE_TARGETS].key, r->role[OTA_ROLE_TARGETS].count);
}

static void publish_delegated(struct repo *r, const char *role, unsigned version, const char *expires, const char *list,
                              const struct repo_key *key) {
    char name[64];
    OTA_CLEAN_FREE char *text = ota_sprintf(
        "{\"_type\":\"targets\",\"expires\":\"%s\",\"spec_version\":\"1.0.31\",\"targets\":{%s},\"version\":%u}",
        expires, list, version);
    ota_format(name, sizeof name, "%u.%s.json", version, role);
    repo_sign(r, name, text, &key, 1);
}

static void write_entry(struct repo *r, struct ota_buf *out, const char *role, unsigned version) {
    char file[64], hex[OTA_SHA256_HEX_LEN + 1];
    uint8_t digest[OTA_SHA256_LEN];
    struct ota_err err;
    ota_format(file, sizeof file, "%u.%s.json", version, role);
    const struct ota_buf *b = repo_get(r, file);
    ota_buf_printf(out, "\"%s.json\":{", role);
    if (r->hashes) {
        assert_ota_ok(ota_sha256(&ota_crypto_openssl, b->p, b->len, digest, &err));
        ota_hex_encode(digest, sizeof digest, hex);
        ota_buf_printf(out, "\"hashes\":{\"sha256\":\"%s\"},\"length\":%zu,", hex, b->len);
    }
    ota_buf_printf(out, "\"version\":%u}", version);
}

static void publish_snapshot(struct repo *r) {
    OTA_CLEAN(ota_buf_free) struct ota_buf out = {0};
    char name[32];
    ota_buf_printf(&out, "{\"_type\":\"snapshot\",\"expires\":\"%s\",\"meta\":{", r->snapshot_expires);
    write_entry(r, &out, "pump", r->pump_version);
    ota_buf_str(&out, ",");
    write_entry(r, &out, "rollout", r->rollout_version);
    ota_buf_str(&out, ",");
    write_entry(r, &out, "targets", r->targets_version);
    ota_buf_str(&out, ",");
    write_entry(r, &out, "thermo", r->thermo_version);
    ota_buf_printf(&out, "},\"spec_version\":\"1.0.31\",\"version\":%u}", r->snapshot_version);
    ota_format(name, sizeof name, "%u.snapshot.json", r->snapshot_version);
    repo_sign(r, name, ota_buf_text(&out), r->role[OTA_ROLE_SNAPSHOT].key, r->role[OTA_ROLE_SNAPSHOT].count);
}

static void publish_timestamp(struct repo *r) {
    OTA_CLEAN(ota_buf_free) struct ota_buf out = {0};
    ota_buf_printf(&out, "{\"_type\":\"timestamp\",\"expires\":\"%s\",", r->timestamp_expires);
    if (r->issued)
        ota_buf_printf(&out, "\"issued\":\"%s\",", r->issued);
    ota_buf_str(&out, "\"meta\":{");
    write_entry(r, &out, "snapshot", r->snapshot_version);
    ota_buf_printf(&out, "},\"spec_version\":\"1.0.31\",\"version\":%u}", r->timestamp_version);
    repo_sign(r, "timestamp.json", ota_buf_text(&out), r->role[OTA_ROLE_TIMESTAMP].key,
              r->role[OTA_ROLE_TIMESTAMP].count);
}

void repo_publish(struct repo *r) {
    repo_publish_root(r);
    publish_delegated(r, "thermo", r->thermo_version, r->thermo_expires, r->thermo_list, r->thermo);
    publish_delegated(r, "pump", r->pump_version, r->thermo_expires, r->pump_list, r->pump);
    publish_delegated(r, "rollout", r->rollout_version, r->rollout_expires, r->rollout_list, r->rollout);
    publish_targets(r);
    publish_snapshot(r);
    publish_timestamp(r);
}

/* ---- transport ---- */

static void etag_of(const struct repo_file *f, char out[OTA_ETAG_MAX]) {
    ota_format(out, OTA_ETAG_MAX, "\"%08x-%zu\"", (unsigned)ota_crc32(0, f->bytes.p, f->bytes.len), f->bytes.len);
}

static enum ota_status serve_open(void *ctx, const struct ota_request *req, struct ota_response *resp,
                                  struct ota_err *err) {
    struct repo *r = ctx;
    (void)err;
    assert_true(r->requests < REPO_REQUESTS_MAX);
    ota_format(r->request[r->requests++], sizeof r->request[0], "%s", req->path);
    assert_null(r->open_file);
    assert_int_equal(req->address, OTA_ADDRESS_METADATA);
    *resp = (struct ota_response){.status = 404, .authenticated = !r->plain_http};
    struct repo_file *f = find(r, req->path);
    if (!f)
        return OTA_OK;
    etag_of(f, resp->etag);
    if (req->if_none_match && strcmp(req->if_none_match, resp->etag) == 0) {
        resp->status = 304;
        return OTA_OK;
    }
    r->open_file = f;
    r->open_at = 0;
    resp->status = 200;
    resp->length = r->hide_length ? OTA_LENGTH_UNKNOWN : r->claim_length ? r->claim_length : f->bytes.len;
    return OTA_OK;
}

/* In pieces, as a network gives it. */
static enum ota_status serve_read(void *ctx, void *p, size_t cap, size_t *got, struct ota_err *err) {
    struct repo *r = ctx;
    (void)err;
    assert_non_null(r->open_file);
    size_t left = r->open_file->bytes.len - r->open_at;
    *got = left < cap ? left : cap;
    *got = *got < 700 ? *got : 700;
    memcpy(p, r->open_file->bytes.p + r->open_at, *got);
    r->open_at += *got;
    return OTA_OK;
}

static void serve_close(void *ctx) {
    struct repo *r = ctx;
    r->open_file = NULL;
}

/* ---- lifetime ---- */

void repo_init(struct repo *r) {
    memset(r, 0, sizeof *r);
    struct repo_key **keys[] = {&r->root, &r->targets, &r->snapshot, &r->timestamp, &r->thermo, &r->pump, &r->rollout};
    for (size_t i = 0; i < OTA_ARRAY_LEN(keys); i++)
        *keys[i] = repo_key_new("P-256");
    r->role[OTA_ROLE_ROOT] = (struct repo_role){{r->root}, 1, 1};
    r->role[OTA_ROLE_TARGETS] = (struct repo_role){{r->targets}, 1, 1};
    r->role[OTA_ROLE_SNAPSHOT] = (struct repo_role){{r->snapshot}, 1, 1};
    r->role[OTA_ROLE_TIMESTAMP] = (struct repo_role){{r->timestamp}, 1, 1};
    r->root_version = r->targets_version = r->snapshot_version = r->timestamp_version = 1;
    r->thermo_version = r->pump_version = r->rollout_version = 1;
    r->root_expires = "2036-01-01T00:00:00Z";
    r->targets_expires = r->thermo_expires = "2029-01-01T00:00:00Z";
    r->snapshot_expires = r->rollout_expires = "2026-02-01T00:00:00Z";
    r->timestamp_expires = "2026-01-08T00:00:00Z";
    r->issued = "2026-01-01T00:00:00Z";
    r->targets_list = r->thermo_list = r->pump_list = r->rollout_list = "";
    r->hashes = true;
    r->transport = (struct ota_transport){.ctx = r, .open = serve_open, .read = serve_read, .close = serve_close};
}

void repo_free(struct repo *r) {
    struct repo_key *keys[] = {r->root, r->targets, r->snapshot, r->timestamp, r->thermo, r->pump, r->rollout};
    for (size_t i = 0; i < OTA_ARRAY_LEN(keys); i++)
        repo_key_free(keys[i]);
    for (size_t i = 0; i < r->file_count; i++)
        ota_buf_free(&r->file[i].bytes);
}

/* ---- store ---- */

static const struct ota_kv *memory_of(struct repo_kv *kv) {
    return ota_memory_kv_port(kv->memory);
}

static enum ota_status power_cut(bool cut, struct ota_err *err) {
    return cut ? ota_err_set(err, OTA_KV, "power was cut") : OTA_OK;
}

static enum ota_status access_store(struct repo_kv *kv, struct ota_err *err) {
    kv->accesses++;
    return power_cut(kv->fail_access && kv->accesses >= kv->fail_access, err);
}

static enum ota_status change_store(struct repo_kv *kv, struct ota_err *err) {
    OTA_TRY(access_store(kv, err));
    kv->changes++;
    return power_cut(kv->fail_at && kv->changes >= kv->fail_at, err);
}

static enum ota_status kv_get(void *ctx, const char *key, void *p, size_t cap, size_t *len, struct ota_err *err) {
    const struct ota_kv *kv = memory_of(ctx);
    OTA_TRY(access_store(ctx, err));
    return kv->get(kv->ctx, key, p, cap, len, err);
}

static enum ota_status kv_set(void *ctx, const char *key, const void *p, size_t len, struct ota_err *err) {
    const struct ota_kv *kv = memory_of(ctx);
    OTA_TRY(change_store(ctx, err));
    return kv->set(kv->ctx, key, p, len, err);
}

static enum ota_status kv_erase(void *ctx, const char *key, struct ota_err *err) {
    const struct ota_kv *kv = memory_of(ctx);
    OTA_TRY(change_store(ctx, err));
    return kv->erase(kv->ctx, key, err);
}

void repo_kv_init(struct repo_kv *kv) {
    *kv = (struct repo_kv){.memory = ota_memory_kv_new()};
    kv->port = (struct ota_kv){.ctx = kv, .get = kv_get, .set = kv_set, .erase = kv_erase};
}

void repo_kv_free(struct repo_kv *kv) {
    ota_memory_kv_free(&kv->memory);
}
