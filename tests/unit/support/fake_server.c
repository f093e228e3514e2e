/* SPDX-License-Identifier: Apache-2.0 */
/* A signed repository in memory and a transport that serves it. */
#include "fake_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "unit.h"

#include "host/crypto.h"
#include "host/rollout.h"
#include "sign/role.h"

#define LIFE (30u * 86400ull)

static struct ota_err err;

/* ---- files --------------------------------------------------------------------------------------------- */

static struct fake_file *find(struct fake_server *s, const char *path) {
    for (size_t i = 0; i < s->file_count; i++)
        if (strcmp(s->file[i].path, path) == 0)
            return &s->file[i];
    return NULL;
}

static void put(struct fake_server *s, const char *path, struct ota_span bytes) {
    uint8_t sha[OTA_SHA256_LEN];
    char hex[OTA_SHA256_HEX_LEN + 1];
    struct fake_file *f = find(s, path);
    if (!f) {
        assert_in_range(s->file_count, 0, FAKE_FILES_MAX - 1);
        f = &s->file[s->file_count++];
        snprintf(f->path, sizeof f->path, "%s", path);
    }
    f->bytes.len = 0;
    ota_buf_append(&f->bytes, bytes.p, bytes.len);
    assert_ota_ok(ota_sha256(&ota_crypto_openssl, bytes.p, bytes.len, sha, &err));
    ota_hex_encode(sha, sizeof sha, hex);
    snprintf(f->etag, sizeof f->etag, "\"%.32s\"", hex);
}

struct fake_file *fake_server_served(struct fake_server *s, uint32_t counter, const char *file) {
    char folder[OTA_TARGET_PATH_MAX];
    snprintf(folder, sizeof folder, "t/img/thermo/%u/", counter);
    for (size_t i = 0; i < s->file_count; i++)
        if (strncmp(s->file[i].path, folder, strlen(folder)) == 0 && strstr(s->file[i].path, file))
            return &s->file[i];
    fail_msg("release %u has no %s", counter, file);
    return NULL;
}

/* ---- signing ------------------------------------------------------------------------------------------- */

static struct ota_role_keys by(const struct ota_key *key) {
    return (struct ota_role_keys){1, {key}};
}

static void put_role(struct fake_server *s, const char *name, uint64_t version, const struct ota_buf *file,
                     struct ota_meta_entry *entry) {
    char path[OTA_TARGET_PATH_MAX];
    snprintf(path, sizeof path, "m/%llu.%s.json", (unsigned long long)version, name);
    put(s, path, ota_buf_span(file));
    assert_ota_ok(ota_role_entry(name, version, ota_buf_span(file), entry, &err));
}

static void sign_root(struct fake_server *s) {
    struct ota_role_root root = {.version = 1, .expires = FAKE_NOW + 10 * LIFE};
    struct ota_role_keys keys = by(s->key[OTA_ROLE_ROOT]);
    for (size_t i = 0; i < OTA_ROLE_COUNT; i++)
        root.by[i] = ota_role_by_key(ota_key_public(s->key[i]));
    assert_ota_ok(ota_role_root(&root, &keys, &s->root, &err));
    put(s, "m/1.root.json", ota_buf_span(&s->root));
}

/* `file` with the first `from` replaced, signed again. */
static void resign(const struct ota_key *key, const char *from, const char *to, struct ota_buf *file) {
    static const char mark[] = "\"signed\":";
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0}, canonical = {0};
    const char *body = strstr(ota_buf_text(file), mark) + strlen(mark), *at = strstr(body, from);
    if (!at)
        fail_msg("\"%s\" is not in %s", from, body);
    ota_buf_printf(&text, "%.*s%s%s", (int)(at - body), body, to, at + strlen(from));
    ota_buf_printf(&canonical, "{\"signatures\":[],\"signed\":%s", ota_buf_text(&text));
    struct ota_metadata m;
    struct ota_key_signature sig;
    char hex[2 * sizeof sig.der + 1];
    assert_ota_ok(ota_metadata_parse(canonical.p, &canonical.len, "targets", &m, &err));
    assert_ota_ok(ota_key_sign(key, m.signed_value.raw, &sig, &err));
    ota_hex_encode(sig.der, sig.len, hex);
    file->len = 0;
    ota_buf_printf(file, "{\"signatures\":[{\"keyid\":\"%s\",\"sig\":\"%s\"}],\"signed\":%s",
                   ota_key_public(key)->keyid, hex, ota_buf_text(&text));
}

static void edit(const struct fake_server *s, const char *role, const struct ota_key *key, struct ota_buf *file) {
    if (s->edit.role && strcmp(s->edit.role, role) == 0)
        resign(key, s->edit.from, s->edit.to, file);
}

static void sign_targets(struct fake_server *s, struct ota_meta_entry *entry) {
    OTA_CLEAN(ota_buf_free) struct ota_buf file = {0};
    struct ota_role_targets role = {
        .version = s->targets_version + 1,
        .expires = FAKE_NOW + (s->targets_days ? s->targets_days * 86400u : 10 * LIFE),
        .count = 1,
        .product = {{"thermo", ota_role_by_key(ota_key_public(s->key[OTA_ROLE_TARGETS]))}},
        .rollout = ota_role_by_key(ota_key_public(s->rollout_key)),
    };
    struct ota_role_keys keys = by(s->key[OTA_ROLE_TARGETS]);
    assert_ota_ok(ota_role_targets(&role, &keys, &file, &err));
    if (s->product_path)
        resign(s->key[OTA_ROLE_TARGETS], "img/thermo/*/*", s->product_path, &file);
    put_role(s, "targets", role.version, &file, entry);
}

static void sign_product(struct fake_server *s, struct ota_meta_entry *entry) {
    OTA_CLEAN(ota_buf_free) struct ota_buf file = {0};
    const struct ota_release *listed[FAKE_RELEASES_MAX];
    for (size_t i = 0; i < s->release_count; i++)
        listed[i] = &s->release[i];
    struct ota_role_product role = {
        .version = s->version, .expires = FAKE_NOW + s->later + LIFE, .count = s->release_count, .release = listed};
    struct ota_role_keys keys = by(s->product_key ? s->product_key : s->key[OTA_ROLE_TARGETS]);
    assert_ota_ok(ota_role_product(&role, &keys, &file, &err));
    edit(s, "thermo", s->key[OTA_ROLE_TARGETS], &file);
    put_role(s, "thermo", role.version, &file, entry);
}

static void sign_rollout(struct fake_server *s, struct ota_meta_entry *entry) {
    OTA_CLEAN(ota_buf_free) struct ota_buf file = {0};
    struct ota_rollout rollout = {0};
    if (!s->no_channel)
        ota_rollout_need(&rollout, "thermo", "stable")->channel = s->channel;
    struct ota_role_rollout role = {.version = s->version, .expires = FAKE_NOW + s->later + LIFE, .rollout = &rollout};
    struct ota_role_keys keys = by(s->rollout_key);
    assert_ota_ok(ota_role_rollout(&role, &keys, &file, &err));
    edit(s, "rollout", s->rollout_key, &file);
    put_role(s, "rollout", role.version, &file, entry);
}

void fake_server_delegate(struct fake_server *s, const char *product_path) {
    s->product_path = product_path;
    s->targets_version++;
}

void fake_server_publish(struct fake_server *s) {
    OTA_CLEAN(ota_buf_free) struct ota_buf snapshot = {0}, timestamp = {0};
    struct ota_meta_entry entry[3];
    s->version++;
    sign_targets(s, &entry[0]);
    sign_product(s, &entry[1]);
    sign_rollout(s, &entry[2]);
    const uint64_t expires = FAKE_NOW + s->later + LIFE;
    struct ota_role_snapshot role = {.version = s->version, .expires = expires, .count = 3, .entry = entry};
    struct ota_role_timestamp ts = {.version = s->version, .expires = expires, .issued = FAKE_NOW + s->later - 60};
    struct ota_role_keys snapshot_key = by(s->key[OTA_ROLE_SNAPSHOT]), ts_key = by(s->key[OTA_ROLE_TIMESTAMP]);
    assert_ota_ok(ota_role_snapshot(&role, &snapshot_key, &snapshot, &err));
    put_role(s, "snapshot", s->version, &snapshot, &ts.snapshot);
    assert_ota_ok(ota_role_timestamp(&ts, &ts_key, &timestamp, &err));
    put(s, "m/timestamp.json", ota_buf_span(&timestamp));
}

struct ota_release *fake_server_release(struct fake_server *s, uint32_t counter, const char *version) {
    static const char notes[] = "notes\n";
    assert_in_range(s->release_count, 0, FAKE_RELEASES_MAX - 1);
    struct ota_release *r = &s->release[s->release_count++];
    memset(r, 0, sizeof *r);
    strcpy(r->product, "thermo");
    strcpy(r->chip, "esp32c3");
    snprintf(r->version, sizeof r->version, "%s", version);
    r->counter = counter;
    r->compat = true;
    r->risk = true;
    r->channel_count = 1;
    strcpy(r->channel[0], "stable");
    r->has_boot = true;
    r->boot = (struct ota_boot_config){.rollback = true, .table_offset = 0x8000};
    r->notes_length = sizeof notes - 1;
    assert_ota_ok(ota_sha256(&ota_crypto_openssl, notes, sizeof notes - 1, r->notes_sha256, &err));
    return r;
}

void fake_server_image(struct fake_server *s, struct ota_release *r, enum ota_kind kind, const char *label,
                       const char *file, struct ota_span bytes) {
    char path[OTA_TARGET_PATH_MAX] = "t/";
    struct ota_step *step = &r->step[r->step_count++];
    step->kind = kind;
    step->length = (uint32_t)bytes.len;
    snprintf(step->label, sizeof step->label, "%s", label);
    snprintf(step->file, sizeof step->file, "%s", file);
    assert_ota_ok(ota_sha256(&ota_crypto_openssl, bytes.p, bytes.len, step->sha256, &err));
    assert_true(ota_release_served_path(r->product, r->counter, file, step->sha256, path + 2, sizeof path - 2));
    put(s, path, bytes);
}

struct ota_buf fake_server_deflate(struct ota_span bytes, int window_bits) {
    struct ota_buf out = {0};
    z_stream z = {.next_in = (Bytef *)(uintptr_t)bytes.p, .avail_in = (uInt)bytes.len};
    assert_int_equal(deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
    const uLong bound = deflateBound(&z, (uLong)bytes.len);
    ota_buf_reserve(&out, bound);
    z.next_out = out.p;
    z.avail_out = (uInt)bound;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    out.len = z.total_out;
    assert_int_equal(deflateEnd(&z), Z_OK);
    return out;
}

void fake_server_pack(struct fake_server *s, struct ota_release *r, const char *file, struct ota_span z) {
    char path[OTA_TARGET_PATH_MAX] = "t/";
    struct ota_step *step = r->step;
    while (strcmp(step->file, file) != 0)
        step++;
    step->z_length = (uint32_t)z.len;
    assert_ota_ok(ota_sha256(&ota_crypto_openssl, z.p, z.len, step->z_sha256, &err));
    assert_true(ota_release_packed_path(r->product, r->counter, file, step->z_sha256, path + 2, sizeof path - 2));
    put(s, path, z);
}

void fake_server_offer(struct fake_server *s, uint32_t counter) {
    s->channel = (struct ota_channel){.counter = counter, .permille = 1000, .group_count = 1, .path_count = 1};
    strcpy(s->channel.group[0], "*");
    strcpy(s->channel.salt, "b3f1c09a7d52e486");
    s->channel.path[0] = counter;
}

/* ---- transport ----------------------------------------------------------------------------------------- */

static bool concerned(const struct fake_server *s, const char *path) {
    return s->fault_path && strstr(path, s->fault_path);
}

static void answer_file(struct fake_server *s, const struct fake_file *f, const struct ota_request *req,
                        struct ota_response *resp) {
    size_t from = 0;
    snprintf(resp->etag, sizeof resp->etag, "%s", f->etag);
    resp->status = 200;
    if (req->if_none_match && strcmp(req->if_none_match, f->etag) == 0) {
        resp->status = 304;
        return;
    }
    if (req->range_from > 0)
        s->ranges++;
    if (req->range_from > 0 && req->if_range && (s->any_if_range || strcmp(req->if_range, f->etag) == 0)) {
        resp->status = 206;
        from = (size_t)req->range_from;
        resp->range_from = from + s->range_shift;
        resp->total = f->bytes.len;
    }
    ota_buf_append(&s->body, f->bytes.p + from, f->bytes.len - from);
}

static enum ota_status take_report(struct fake_server *s, const struct ota_request *req, struct ota_response *resp) {
    s->report.len = 0;
    ota_buf_append(&s->report, req->body.p, req->body.len);
    s->reports++;
    resp->status = s->report_status ? s->report_status : 204;
    resp->retry_after = s->report_status ? s->retry_after : 0;
    return OTA_OK;
}

static enum ota_status open_request(void *ctx, const struct ota_request *req, struct ota_response *resp,
                                    struct ota_err *e) {
    struct fake_server *s = ctx;
    char path[OTA_TARGET_PATH_MAX + 2];
    if (s->down)
        return ota_err_set(e, OTA_NETWORK, "nobody answers");
    if (s->retired & 1u << req->address && !req->allow_unauthenticated)
        return ota_err_set(e, OTA_TLS, "unknown issuer");
    assert_false(req->allow_unauthenticated && req->address == OTA_ADDRESS_API);
    memset(resp, 0, sizeof *resp);
    resp->authenticated = !s->unauthenticated && !req->allow_unauthenticated;
    s->requests++;
    s->unproven += req->allow_unauthenticated;
    s->conditional += req->if_none_match != NULL;
    s->body.len = s->body_pos = 0;
    s->breaks = s->trickles = false;
    if (req->address == OTA_ADDRESS_API)
        return take_report(s, req, resp);
    s->image = req->address == OTA_ADDRESS_TARGETS;
    if (s->image && s->on_image) {
        void (*call)(struct fake_server *) = s->on_image;
        s->on_image = NULL;
        call(s);
    }
    s->image_requests += s->image;
    s->polls += !s->image && strcmp(req->path, "timestamp.json") == 0;
    snprintf(path, sizeof path, "%s%s", s->image ? "t/" : "m/", req->path);
    const struct fake_file *f = find(s, path);
    resp->status = 404;
    if (f)
        answer_file(s, f, req, resp);
    resp->length = s->body.len;
    if (resp->status != 206)
        resp->total = resp->length;
    if (!concerned(s, path))
        return OTA_OK;
    if (s->status) {
        resp->status = s->status;
        resp->retry_after = s->retry_after;
        s->body.len = 0;
        resp->length = 0;
    }
    for (size_t i = 0; i < s->append; i++)
        ota_buf_append(&s->body, "x", 1);
    s->body.len -= s->drop < s->body.len ? s->drop : s->body.len;
    if (s->announce)
        resp->length = s->announce;
    s->breaks = s->break_after > 0;
    s->trickles = s->trickle > 0;
    return OTA_OK;
}

/* Uneven pieces, as a network gives them. */
static enum ota_status read_body(void *ctx, void *p, size_t cap, size_t *got, struct ota_err *e) {
    struct fake_server *s = ctx;
    size_t n = s->body.len - s->body_pos;
    n = n < cap ? n : cap;
    n = n < 1500 ? n : 1500;
    if (s->trickles && s->body_pos >= s->trickle_from) {
        n = n < s->trickle ? n : s->trickle;
        *s->uptime_ms += s->trickle_ms;
    }
    if (s->breaks && s->body_pos + n > s->break_after) {
        s->break_after = 0;
        return ota_err_set(e, OTA_NETWORK, "the connection broke");
    }
    memcpy(p, s->body.p + s->body_pos, n);
    s->body_pos += n;
    if (s->image)
        s->image_bytes += n;
    *got = n;
    return OTA_OK;
}

static void close_request(void *ctx) {
    (void)ctx;
}

struct fake_server *fake_server_new(void) {
    struct fake_server *s = ota_calloc(1, sizeof *s);
    for (size_t i = 0; i < OTA_ARRAY_LEN(s->key); i++)
        assert_ota_ok(ota_key_generate(&s->key[i], &err));
    assert_ota_ok(ota_key_generate(&s->rollout_key, &err));
    s->port = (struct ota_transport){.ctx = s, .open = open_request, .read = read_body, .close = close_request};
    ota_buf_append(&s->body, "", 0);
    ota_buf_reserve(&s->body, 1);
    sign_root(s);
    return s;
}

void fake_server_free(struct fake_server *s) {
    for (size_t i = 0; i < OTA_ARRAY_LEN(s->key); i++)
        ota_key_free(&s->key[i]);
    ota_key_free(&s->rollout_key);
    for (size_t i = 0; i < s->file_count; i++)
        ota_buf_free(&s->file[i].bytes);
    ota_buf_free(&s->root);
    ota_buf_free(&s->report);
    ota_buf_free(&s->body);
    free(s);
}
