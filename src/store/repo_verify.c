/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verifies a repository like a board that has only its root: the core's own workflow for the chain and for what
 * channels offer, then every release and image the product roles list, offered or not.
 */
#include "store/repo_verify.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "host/clock.h"
#include "host/crypto.h"
#include "host/role_file.h"
#include "host/rollout.h"
#include "host/transport.h"
#include "store/repo_set.h"
#include "store/repo_unpack.h"

#define CHUNK 65536u

struct verifier {
    const struct ota_repo_check *check;
    struct ota_memory_kv *kv;
    struct ota_trust trust;
    uint8_t buf[2 * OTA_METADATA_MAX];
    struct ota_role_file targets, rollout, product;
    struct ota_role_delegations delegations;
    struct ota_rollout channels;
    uint8_t chunk[CHUNK];
};

static void clean_verifier(struct verifier **v) {
    if (!*v)
        return;
    if ((*v)->kv)
        ota_memory_kv_free(&(*v)->kv);
    ota_role_file_free(&(*v)->targets);
    ota_role_file_free(&(*v)->rollout);
    ota_role_file_free(&(*v)->product);
    free(*v);
}

OTA_PRINTF(2, 3) static void tell(const struct verifier *v, const char *fmt, ...) {
    char line[256];
    va_list args;
    if (!v->check->report)
        return;
    va_start(args, fmt);
    (void)vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    v->check->report(v->check->ctx, line);
}

/* ---- roles ------------------------------------------------------------------------------------------------ */

static enum ota_status read_all(struct verifier *v, size_t cap, struct ota_buf *out, struct ota_err *err) {
    const struct ota_transport *net = v->check->transport;
    for (size_t got = 1; got;) {
        OTA_TRY(net->read(net->ctx, v->chunk, CHUNK, &got, err));
        if (out->len + got > cap)
            return ota_err_set(err, OTA_TOO_LARGE, "larger than its cap of %zu bytes", cap);
        ota_buf_append(out, v->chunk, got);
    }
    return OTA_OK;
}

static enum ota_status open_path(struct verifier *v, enum ota_address address, const char *path,
                                 struct ota_response *resp, struct ota_err *err) {
    const struct ota_transport *net = v->check->transport;
    const struct ota_request req = {.address = address, .path = path};
    memset(resp, 0, sizeof *resp);
    OTA_TRY(net->open(net->ctx, &req, resp, err));
    if (resp->status == 200)
        return OTA_OK;
    net->close(net->ctx);
    if (resp->status == 404)
        return ota_err_set(err, OTA_NOT_FOUND, "is missing");
    return ota_err_set(err, OTA_HTTP, "the server answered %d", resp->status);
}

static enum ota_status fetch_role(struct verifier *v, const struct ota_meta_entry *e, struct ota_role_file *f,
                                  struct ota_err *err) {
    const struct ota_transport *net = v->check->transport;
    OTA_CLEAN(ota_buf_free) struct ota_buf wire = {0};
    struct ota_response resp;
    char path[OTA_ROLE_NAME_MAX + 32];
    (void)snprintf(path, sizeof path, "%llu.%s.json", (unsigned long long)e->version, e->name);
    enum ota_status s = open_path(v, OTA_ADDRESS_METADATA, path, &resp, err);
    if (s == OTA_OK) {
        s = read_all(v, ota_repo_role_cap(e->name), &wire, err);
        net->close(net->ctx);
    }
    if (s != OTA_OK)
        return ota_err_prefix(err, "metadata/%s", path);
    ota_role_file_set(f, e->name, ota_buf_span(&wire));
    return OTA_OK;
}

/* As a board does it: signatures, the version, length and digest the snapshot names, expiry. */
static enum ota_status open_role(struct verifier *v, const char *name, const struct ota_signers *signers,
                                 struct ota_role_file *f, struct ota_err *err) {
    const struct ota_meta_entry *e = NULL;
    for (size_t i = 0; i < v->trust.snapshot_count && !e; i++)
        if (strcmp(v->trust.snapshot[i].name, name) == 0)
            e = &v->trust.snapshot[i];
    if (!e)
        return ota_err_set(err, OTA_METADATA_FIELD, "role %s is not listed by snapshot", name);
    OTA_TRY(fetch_role(v, e, f, err));
    OTA_TRY(ota_role_file_open(f, "targets", signers, err));
    OTA_TRY(ota_role_file_match(f, e, err));
    if (f->meta.expires <= v->trust.now) {
        char when[OTA_TIME_TEXT_MAX];
        ota_time_format(f->meta.expires, when);
        return ota_err_set(err, OTA_EXPIRED, "role %s expired at %s; sign it again", name, when);
    }
    tell(v, "role %s: version %llu, signatures, length and digest right", name, (unsigned long long)e->version);
    if (v->check->role)
        v->check->role(v->check->ctx, name, ota_buf_span(&f->wire));
    return OTA_OK;
}

static enum ota_status refresh(struct verifier *v, struct ota_err *err) {
    bool unchanged;
    v->kv = ota_memory_kv_new();
    const struct ota_trust_config config = {
        .crypto = &ota_crypto_openssl,
        .kv = ota_memory_kv_port(v->kv),
        .transport = v->check->transport,
        .clock = &ota_clock_system,
        .root = v->check->root,
        .buf = v->buf,
        .cap = sizeof v->buf,
    };
    OTA_TRY(ota_trust_init(&v->trust, &config, err));
    OTA_TRY(ota_trust_refresh(&v->trust, false, &unchanged, err));
    tell(v, "role root: version %llu", (unsigned long long)v->trust.root_version);
    tell(v, "role timestamp: version %llu", (unsigned long long)v->trust.ts.version);
    tell(v, "role snapshot: version %llu", (unsigned long long)v->trust.snapshot_version);
    return OTA_OK;
}

static enum ota_status open_targets(struct verifier *v, struct ota_err *err) {
    struct ota_metadata root;
    struct ota_signers signers;
    OTA_TRY(ota_trust_root(&v->trust, &root, err));
    OTA_TRY(ota_root_signers(&root, OTA_ROLE_TARGETS, &ota_crypto_openssl, &signers, err));
    OTA_TRY(open_role(v, "targets", &signers, &v->targets, err));
    return ota_role_delegations_read(&v->targets, &v->delegations, err);
}

/* ---- releases and images ---------------------------------------------------------------------------------- */

/* unpack NULL: the image is no zlib form. */
static enum ota_status hash_body(struct verifier *v, const struct ota_repo_image *image, struct ota_repo_unpack *unpack,
                                 uint8_t digest[OTA_SHA256_LEN], struct ota_err *err) {
    const struct ota_transport *net = v->check->transport;
    const struct ota_crypto *c = &ota_crypto_openssl;
    struct ota_sha256 h;
    uint64_t total = 0;
    OTA_TRY(c->sha256_begin(c->ctx, &h, err));
    enum ota_status s = OTA_OK;
    for (size_t got = 1; got && s == OTA_OK; total += got) {
        got = 0;
        s = net->read(net->ctx, v->chunk, CHUNK, &got, err);
        if (s == OTA_OK && got > image->length - total)
            s = ota_err_set(err, OTA_LENGTH, "more than the %llu bytes signed", (unsigned long long)image->length);
        else if (s == OTA_OK)
            s = c->sha256_update(c->ctx, &h, v->chunk, got, err);
        if (s == OTA_OK && unpack)
            s = ota_repo_unpack_feed(unpack, v->chunk, got, err);
    }
    if (s == OTA_OK && total != image->length)
        s = ota_err_set(err, OTA_LENGTH, "%llu bytes, %llu signed", (unsigned long long)total,
                        (unsigned long long)image->length);
    if (s == OTA_OK)
        return c->sha256_end(c->ctx, &h, digest, err);
    c->sha256_abort(c->ctx, &h);
    return s;
}

static enum ota_status check_image(struct verifier *v, const struct ota_repo_image *image, struct ota_err *err) {
    const struct ota_transport *net = v->check->transport;
    OTA_CLEAN(ota_repo_unpack_free) struct ota_repo_unpack *unpack = NULL;
    struct ota_response resp;
    uint8_t digest[OTA_SHA256_LEN];
    if (image->plain_length)
        OTA_TRY(ota_repo_unpack_begin(image, &unpack, err));
    OTA_TRY(open_path(v, OTA_ADDRESS_TARGETS, image->path, &resp, err));
    enum ota_status s = hash_body(v, image, unpack, digest, err);
    net->close(net->ctx);
    OTA_TRY(s);
    if (memcmp(digest, image->sha256, sizeof digest) != 0)
        return ota_err_set(err, OTA_HASH, "SHA-256 differs from the signed one");
    return unpack ? ota_repo_unpack_end(unpack, err) : OTA_OK;
}

static enum ota_status check_images(struct verifier *v, const struct ota_release *r, struct ota_err *err) {
    struct ota_repo_image image[OTA_REPO_IMAGES_MAX];
    size_t count;
    OTA_TRY(ota_repo_images(r, image, &count, err));
    for (size_t i = 0; i < count; i++)
        if (check_image(v, &image[i], err) != OTA_OK)
            return ota_err_prefix(err, "targets/%s", image[i].path);
    return OTA_OK;
}

static enum ota_status check_release(struct verifier *v, uint32_t counter, struct ota_err *err) {
    const char *product = v->product.name;
    struct ota_release r;
    bool found;
    OTA_TRY(ota_release_read(&v->product.meta, product, counter, &r, &found, err));
    if (!found)
        return ota_err_set(err, OTA_METADATA_FIELD, "img/%s/%u/ has no release.txt", product, counter);
    OTA_TRY(ota_release_check(&r, err));
    if (v->check->with_images)
        OTA_TRY(check_images(v, &r, err));
    tell(v, "release %u of %s, version %s: %u image%s%s", counter, product, r.version, r.step_count,
         r.step_count == 1 ? "" : "s", v->check->with_images ? ", lengths and digests right" : "");
    return OTA_OK;
}

static enum ota_status check_product(struct verifier *v, const struct ota_delegation *d, struct ota_err *err) {
    uint32_t counter[OTA_RELEASES_MAX];
    size_t count;
    OTA_TRY(open_role(v, d->name, &d->signers, &v->product, err));
    OTA_TRY(ota_release_counters(&v->product.meta, d->name, counter, OTA_RELEASES_MAX, &count, err));
    for (size_t i = 0; i < count; i++)
        if (check_release(v, counter[i], err) != OTA_OK)
            return ota_err_prefix(err, "release %u of %s", counter[i], d->name);
    return OTA_OK;
}

static bool is_chosen(const struct verifier *v, const char *product) {
    return !v->check->product || strcmp(v->check->product, product) == 0;
}

static enum ota_status check_delegated(struct verifier *v, struct ota_err *err) {
    for (size_t i = 0; i < v->delegations.count; i++) {
        const struct ota_delegation *d = &v->delegations.delegation[i];
        if (strcmp(d->name, "rollout") == 0)
            OTA_TRY(open_role(v, d->name, &d->signers, &v->rollout, err));
        else if (is_chosen(v, d->name))
            OTA_TRY(check_product(v, d, err));
    }
    return OTA_OK;
}

/* ---- what boards are offered: the search they make themselves --------------------------------------------- */

static enum ota_status find_like_a_board(struct verifier *v, const char *path, struct ota_err *err) {
    struct ota_metadata role;
    struct ota_target entry;
    struct ota_delegation by;
    return ota_trust_open(&v->trust, path, &role, &entry, &by, err);
}

static enum ota_status check_channel(struct verifier *v, const struct ota_rollout_channel *c, struct ota_err *err) {
    char path[OTA_TARGET_PATH_MAX + 1];
    if (!ota_channel_path(c->product, c->name, path, sizeof path))
        return ota_err_set(err, OTA_METADATA_FIELD, "no path for it");
    OTA_TRY(find_like_a_board(v, path, err));
    for (size_t i = 0; i < c->channel.path_count; i++) {
        if (!ota_release_path(c->product, c->channel.path[i], "release.txt", path, sizeof path))
            return ota_err_set(err, OTA_METADATA_FIELD, "no path for release %u", c->channel.path[i]);
        OTA_TRY(find_like_a_board(v, path, err));
    }
    tell(v, "channel %s of %s: offers release %u to %u of 1000 boards", c->name, c->product, c->channel.counter,
         c->channel.permille);
    return OTA_OK;
}

static enum ota_status check_channels(struct verifier *v, struct ota_err *err) {
    if (v->rollout.wire.len == 0)
        return OTA_OK;
    OTA_TRY(ota_rollout_read(&v->rollout.meta, &v->channels, err));
    for (size_t i = 0; i < v->channels.count; i++) {
        const struct ota_rollout_channel *c = &v->channels.entry[i];
        if (is_chosen(v, c->product) && check_channel(v, c, err) != OTA_OK)
            return ota_err_prefix(err, "channel %s of %s", c->name, c->product);
    }
    return OTA_OK;
}

enum ota_status ota_repo_verify_part(const struct ota_repo_check *check, struct ota_err *err) {
    OTA_CLEAN(clean_verifier) struct verifier *v = ota_calloc(1, sizeof *v);
    v->check = check;
    OTA_TRY(refresh(v, err));
    OTA_TRY(open_targets(v, err));
    OTA_TRY(check_delegated(v, err));
    OTA_TRY(check_channels(v, err));
    return ota_trust_finish(&v->trust, true, err);
}

enum ota_status ota_repo_verify(const struct ota_transport *transport, struct ota_span root, bool with_images,
                                void (*report)(void *ctx, const char *line), void *ctx, struct ota_err *err) {
    const struct ota_repo_check check = {
        .transport = transport, .root = root, .with_images = with_images, .report = report, .ctx = ctx};
    return ota_repo_verify_part(&check, err);
}
