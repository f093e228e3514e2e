/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One image over HTTPS. The plain form is resumed after an interruption: what is staged was hashed from flash again, and
 * the server still has the same file (ETag, If-Range). The compressed form is inflated while it is written; it begins
 * anew, and after one that broke off the plain form is fetched.
 *
 * Memory: the sector in a->scratch; for the compressed form a sector of cfg.buf, and the 4 KiB window in the port.
 */
#include <string.h>

#include "core/agent_private.h"

#define STALL_S 60u      /* for one sector: 70 bytes a second */
#define DOWNLOAD_S 3600u /* for one request; the next one resumes */

struct download {
    struct ota_stager stager;
    struct ota_agent *a;
    struct ota_journal_step *s;
    bool packed;            /* the zlib form is asked for */
    uint32_t packed_pos;    /* bytes of it that arrived */
    bool missing;           /* the server does not have what was asked for */
    struct ota_sha256 hash; /* of it */
    bool hashing;
    uint64_t began_ms, moved_ms; /* the request; the last whole sector */
};

static uint32_t or_default(uint32_t n, uint32_t otherwise) {
    return n ? n : otherwise;
}

static void start_over(struct ota_journal_step *s) {
    s->done = 0;
    s->etag[0] = '\0';
}

/* ---- the server's answer ------------------------------------------------------------------------------- */

static enum ota_status refuse_status(struct ota_agent *a, const struct ota_response *r, struct ota_err *err) {
    if (r->retry_after > a->retry_after)
        a->retry_after = r->retry_after;
    if (r->status == 404)
        return ota_err_set(err, OTA_HTTP, "the server lists this image but does not have it (404): push it again");
    return ota_err_set(err, OTA_HTTP, "the server answered %d", r->status);
}

static enum ota_status check_length(const char *what, uint64_t got, uint64_t signed_length, struct ota_err *err) {
    if (got == OTA_LENGTH_UNKNOWN || got == signed_length)
        return OTA_OK;
    return ota_err_set(err, OTA_LENGTH, "the server announces %s %llu, the signed metadata says %llu", what,
                       (unsigned long long)got, (unsigned long long)signed_length);
}

/* A part is only good for the file we have the beginning of. */
static bool same_file(const struct download *d, const struct ota_response *r) {
    return r->range_from == d->stager.pos && (r->etag[0] == '\0' || strcmp(r->etag, d->s->etag) == 0);
}

/* *usable = false: ask again without a range. */
static enum ota_status judge_answer(struct download *d, const struct ota_response *r, bool *usable,
                                    struct ota_err *err) {
    uint32_t length = d->packed ? d->s->image.z_length : d->s->image.length, pos = d->stager.pos;
    *usable = true;
    if (r->status == 200 && pos == 0)
        return check_length("Content-Length", r->length, length, err);
    if (r->status == 206 && pos > 0 && same_file(d, r)) {
        OTA_TRY(check_length("Content-Length", r->length, length - pos, err));
        return check_length("Content-Range of", r->total, length, err);
    }
    if (pos == 0)
        return refuse_status(d->a, r, err);
    *usable = false;
    return r->status == 200 || r->status == 206 || r->status == 416 ? OTA_OK : refuse_status(d->a, r, err);
}

static bool image_path(const struct download *d, char *path, size_t cap) {
    const struct ota_step *image = &d->s->image;
    const char *product = d->a->cfg.identity.product;
    return d->packed ? ota_release_packed_path(product, d->a->journal.counter, image->file, image->z_sha256, path, cap)
                     : ota_release_served_path(product, d->a->journal.counter, image->file, image->sha256, path, cap);
}

static enum ota_status request(struct download *d, struct ota_response *resp, struct ota_err *err) {
    const struct ota_transport *t = d->a->cfg.transport;
    char path[OTA_TARGET_PATH_MAX];
    if (!image_path(d, path, sizeof path))
        return ota_err_set(err, OTA_INTERNAL, "path of %s too long", d->s->image.file);
    struct ota_request req = {
        .address = OTA_ADDRESS_TARGETS, .path = path, .allow_unauthenticated = d->a->unproven[OTA_ADDRESS_TARGETS]};
    if (d->stager.pos > 0) {
        req.range_from = d->stager.pos;
        req.if_range = d->s->etag;
    }
    enum ota_status status = t->open(t->ctx, &req, resp, err);
    if (status != OTA_TLS || !ota_agent_go_unproven(d->a, OTA_ADDRESS_TARGETS, err))
        return status;
    req.allow_unauthenticated = true;
    return t->open(t->ctx, &req, resp, err);
}

/* ---- the body ------------------------------------------------------------------------------------------ */

/* The transport notices a silent line; one that trickles is given up here, and asked again later. */
static enum ota_status check_pace(const struct download *d, struct ota_err *err) {
    const struct ota_agent_config *cfg = &d->a->cfg;
    uint64_t now = ota_agent_uptime(d->a);
    uint32_t stall_s = or_default(cfg->stall_s, STALL_S), download_s = or_default(cfg->download_s, DOWNLOAD_S);
    if (now - d->moved_ms >= stall_s * 1000ull)
        return ota_err_set(err, OTA_TIMEOUT, "less than a sector arrived in %u s, at %u of %u bytes", (unsigned)stall_s,
                           (unsigned)d->stager.pos, (unsigned)d->s->image.length);
    if (now - d->began_ms >= download_s * 1000ull)
        return ota_err_set(err, OTA_TIMEOUT, "not complete after %u s, at %u of %u bytes", (unsigned)download_s,
                           (unsigned)d->stager.pos, (unsigned)d->s->image.length);
    return OTA_OK;
}

static enum ota_status read_some(struct download *d, void *p, size_t cap, size_t *got, struct ota_err *err) {
    const struct ota_transport *t = d->a->cfg.transport;
    OTA_TRY(t->read(t->ctx, p, cap, got, err));
    return check_pace(d, err);
}

static enum ota_status ends_early(const struct download *d, struct ota_err *err) {
    return ota_err_set(err, OTA_TRUNCATED, "the download ends after %u of %u bytes",
                       (unsigned)(d->packed ? d->packed_pos : d->stager.pos + d->stager.fill),
                       (unsigned)(d->packed ? d->s->image.z_length : d->s->image.length));
}

static enum ota_status expect_end(struct download *d, struct ota_err *err) {
    uint8_t beyond;
    size_t got = 0;
    OTA_TRY(read_some(d, &beyond, 1, &got, err));
    if (got > 0)
        return ota_err_set(err, OTA_LENGTH, "the server sends more than the signed %u bytes",
                           (unsigned)(d->packed ? d->s->image.z_length : d->s->image.length));
    return OTA_OK;
}

static enum ota_status take(struct download *d, size_t n, struct ota_err *err) {
    struct ota_stager *st = &d->stager;
    uint32_t before = st->pos;
    OTA_TRY(ota_stager_take(st, n, err));
    if (st->pos != before)
        d->moved_ms = ota_agent_uptime(d->a);
    if (d->packed || st->pos - st->journaled < OTA_PROGRESS_EVERY || ota_stager_left(st) == 0 || st->fill > 0)
        return OTA_OK;
    return ota_stager_save(st, err);
}

static enum ota_status receive_plain(struct download *d, struct ota_err *err) {
    while (ota_stager_left(&d->stager) > 0) {
        uint8_t *p;
        size_t got = 0, room = ota_stager_room(&d->stager, &p);
        OTA_TRY(read_some(d, p, room, &got, err));
        if (got == 0)
            return ends_early(d, err);
        OTA_TRY(take(d, got, err));
    }
    return expect_end(d, err);
}

/* in[0..len) through the port into the sector. *end: the stream is complete. */
static enum ota_status inflate_some(struct download *d, const uint8_t *in, size_t len, bool *end, struct ota_err *err) {
    const struct ota_inflate *z = d->a->cfg.inflate;
    while (!*end) {
        uint8_t *p, beyond;
        size_t taken = len, room = ota_stager_room(&d->stager, &p), given = room ? room : 1;
        OTA_TRY(z->run(z->ctx, in, &taken, room ? p : &beyond, &given, end, err));
        if (given > room)
            return ota_err_set(err, OTA_LENGTH, "the compressed form holds more than the signed %u bytes",
                               (unsigned)d->s->image.length);
        if (given > 0)
            OTA_TRY(take(d, given, err));
        in += taken;
        len -= taken;
        if (taken == 0 && given == 0)
            break;
    }
    if (len > 0)
        return ota_err_set(err, OTA_LENGTH, "bytes after the end of the compressed form");
    return OTA_OK;
}

static enum ota_status receive_packed(struct download *d, struct ota_err *err) {
    const struct ota_crypto *c = d->a->cfg.crypto;
    const struct ota_step *image = &d->s->image;
    bool end = false;
    while (d->packed_pos < image->z_length) {
        size_t got = 0, left = image->z_length - d->packed_pos;
        OTA_TRY(read_some(d, d->a->cfg.buf, left < OTA_SECTOR ? left : OTA_SECTOR, &got, err));
        if (got == 0)
            return ends_early(d, err);
        OTA_TRY(c->sha256_update(c->ctx, &d->hash, d->a->cfg.buf, got, err));
        d->packed_pos += (uint32_t)got;
        OTA_TRY(inflate_some(d, d->a->cfg.buf, got, &end, err));
    }
    if (!end || ota_stager_left(&d->stager) > 0)
        return ota_err_set(err, OTA_LENGTH, "the compressed form holds less than the signed %u bytes",
                           (unsigned)image->length);
    return expect_end(d, err);
}

/* Its own digest says whether the mirror or the signer is wrong; the plain image's decides. */
static enum ota_status check_packed(struct download *d, struct ota_err *err) {
    const struct ota_crypto *c = d->a->cfg.crypto;
    uint8_t digest[OTA_SHA256_LEN];
    d->hashing = false;
    OTA_TRY(c->sha256_end(c->ctx, &d->hash, digest, err));
    if (memcmp(digest, d->s->image.z_sha256, sizeof digest) == 0)
        return OTA_OK;
    return ota_err_set(err, OTA_HASH, "the compressed bytes received are not the signed ones (SHA-256 differs)");
}

static enum ota_status receive(struct download *d, struct ota_err *err) {
    const struct ota_inflate *z = d->a->cfg.inflate;
    const struct ota_crypto *c = d->a->cfg.crypto;
    if (!d->packed)
        return receive_plain(d, err);
    OTA_TRY(c->sha256_begin(c->ctx, &d->hash, err));
    d->hashing = true;
    enum ota_status status = z->begin(z->ctx, err);
    if (status == OTA_OK)
        status = receive_packed(d, err);
    z->end(z->ctx);
    return status == OTA_OK ? check_packed(d, err) : status;
}

/* ---- one image ----------------------------------------------------------------------------------------- */

/* One request; *again = true when the server no longer has the file whose beginning is staged. */
static enum ota_status attempt(struct download *d, bool *again, struct ota_err *err) {
    const struct ota_transport *t = d->a->cfg.transport;
    struct ota_response resp;
    bool usable;
    *again = false;
    OTA_TRY(request(d, &resp, err));
    d->began_ms = d->moved_ms = ota_agent_uptime(d->a);
    d->missing = resp.status == 404;
    enum ota_status status = judge_answer(d, &resp, &usable, err);
    if (status != OTA_OK)
        goto out;
    if (!usable) {
        *again = true;
        goto out;
    }
    if (d->stager.pos > 0) {
        d->a->journal.saved_bytes += d->stager.pos;
        ota_log(d->a->cfg.log, OTA_LOG_INFO, "release %u (%s): %s resumed at %u of %u bytes: %u bytes saved",
                (unsigned)d->a->journal.counter, d->a->journal.version, d->s->image.label, (unsigned)d->stager.pos,
                (unsigned)d->s->image.length, (unsigned)d->stager.pos);
    }
    if (!d->packed)
        ota_format(d->s->etag, sizeof d->s->etag, "%s", resp.etag);
    status = receive(d, err);
out:
    t->close(t->ctx);
    return status;
}

static bool keeps_prefix(enum ota_status status) {
    return status == OTA_NETWORK || status == OTA_TLS || status == OTA_TIMEOUT || status == OTA_TRUNCATED ||
           status == OTA_HTTP || status == OTA_INTERRUPTED;
}

/* What arrived before the line broke is kept; a fault of the bytes themselves starts over. A compressed form that is
 * faulty, missing or too much for the board's memory must not keep it from the plain one, which may be all right. */
static enum ota_status interrupted(struct download *d, enum ota_status status, struct ota_err *err) {
    struct ota_err unkept;
    struct ota_stager *st = &d->stager;
    if (d->hashing)
        d->a->cfg.crypto->sha256_abort(d->a->cfg.crypto->ctx, &d->hash);
    ota_stager_abort(st);
    bool packed_broke = d->packed && (d->packed_pos > 0 || d->missing || !keeps_prefix(status));
    if (d->packed || !keeps_prefix(status) || d->s->etag[0] == '\0') {
        start_over(d->s);
        st->pos = 0;
    }
    d->s->plain |= packed_broke;
    enum ota_status kept = packed_broke ? ota_agent_save_journal(d->a, &unkept) : ota_stager_save(st, &unkept);
    if (kept != OTA_OK)
        ota_log(d->a->cfg.log, OTA_LOG_WARNING, "%s", unkept.msg);
    return ota_err_prefix(err, "release %u (%s): %s", (unsigned)d->a->journal.counter, d->a->journal.version,
                          d->s->image.label);
}

/* What was staged in part came in the plain form. */
static bool wants_packed(const struct ota_agent *a, const struct ota_journal_step *s) {
    return a->cfg.inflate && s->image.z_length > 0 && !s->plain && s->done == 0;
}

enum ota_status ota_agent_download(struct ota_agent *a, struct ota_journal_step *s, struct ota_err *err) {
    struct download d = {.a = a, .s = s};
    bool again = true;
    if (s->etag[0] == '\0')
        s->done = 0;
    d.packed = wants_packed(a, s);
    enum ota_status status = OTA_OK;
    for (unsigned i = 0; again && status == OTA_OK && i < 2; i++) {
        if (i > 0) {
            ota_stager_log(&d.stager, OTA_LOG_INFO, "the server's file has changed: starts over");
            ota_stager_abort(&d.stager);
            start_over(s);
        }
        status = ota_stager_begin(&d.stager, a, s, err);
        if (status == OTA_OK)
            status = attempt(&d, &again, err);
    }
    if (status == OTA_OK)
        status = ota_stager_end(&d.stager, err);
    if (status != OTA_OK)
        return interrupted(&d, status, err);
    return ota_agent_save_journal(a, err);
}
