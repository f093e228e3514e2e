/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Downloading: each image goes sector by sector from the network to the place where it waits, hashed on its way. What
 * was staged before an interruption is hashed again from flash and not downloaded again, if the server still has the
 * same file.
 */
#include <string.h>

#include "core/agent_private.h"

#define HEAD_MAX 1024u
#define WRITE_ALIGN 16u /* flash encryption works on blocks of 16 bytes */
#define LOG_EVERY_PERCENT 20u

struct download {
    struct ota_agent *a;
    struct ota_journal_step *s;
    struct ota_sha256 hash;
    uint32_t pos;       /* bytes staged */
    uint32_t journaled; /* of them as written in the journal */
    uint32_t percent;   /* last one logged */
};

static uint32_t at_most(uint32_t n, uint32_t cap) {
    return n < cap ? n : cap;
}

static enum ota_status save_progress(struct download *d, struct ota_err *err) {
    uint32_t whole = d->pos & ~(OTA_SECTOR - 1u);
    if (whole == d->journaled)
        return OTA_OK;
    d->s->done = whole;
    d->journaled = whole;
    return ota_agent_save_journal(d->a, err);
}

static void start_over(struct ota_journal_step *s) {
    s->done = 0;
    s->etag[0] = '\0';
}

static void log_step(const struct download *d, enum ota_log_level level, const char *what) {
    ota_log(d->a->cfg.log, level, "release %u (%s): %s %u bytes, %s", (unsigned)d->a->journal.counter,
            d->a->journal.version, d->s->image.label, (unsigned)d->s->image.length, what);
}

/* Without 64-bit division, which a small chip has to emulate. */
static uint32_t percent_of(uint32_t n, uint32_t total) {
    return total > UINT32_MAX / 100u ? n / (total / 100u) : n * 100u / total;
}

static void show_progress(struct download *d) {
    const struct ota_hooks *hooks = &d->a->cfg.hooks;
    uint32_t percent = percent_of(d->pos, d->s->image.length);
    if (hooks->progress)
        hooks->progress(hooks->ctx, d->s->image.label, d->pos, d->s->image.length);
    if (percent / LOG_EVERY_PERCENT == d->percent / LOG_EVERY_PERCENT)
        return;
    d->percent = percent;
    ota_log(d->a->cfg.log, OTA_LOG_INFO, "release %u (%s): %s %u bytes, %u %%", (unsigned)d->a->journal.counter,
            d->a->journal.version, d->s->image.label, (unsigned)d->s->image.length, (unsigned)percent);
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
    return r->range_from == d->pos && (r->etag[0] == '\0' || strcmp(r->etag, d->s->etag) == 0);
}

/* *usable = false: ask again without a range. */
static enum ota_status judge_answer(struct download *d, const struct ota_response *r, bool *usable,
                                    struct ota_err *err) {
    uint32_t length = d->s->image.length;
    *usable = true;
    if (r->status == 200 && d->pos == 0)
        return check_length("Content-Length", r->length, length, err);
    if (r->status == 206 && d->pos > 0 && same_file(d, r)) {
        OTA_TRY(check_length("Content-Length", r->length, length - d->pos, err));
        return check_length("Content-Range of", r->total, length, err);
    }
    if (d->pos == 0)
        return refuse_status(d->a, r, err);
    *usable = false;
    return r->status == 200 || r->status == 206 || r->status == 416 ? OTA_OK : refuse_status(d->a, r, err);
}

static enum ota_status request(struct download *d, struct ota_response *resp, struct ota_err *err) {
    const struct ota_transport *t = d->a->cfg.transport;
    char path[OTA_TARGET_PATH_MAX];
    if (!ota_release_served_path(d->a->cfg.identity.product, d->a->journal.counter, d->s->image.file,
                                 d->s->image.sha256, path, sizeof path))
        return ota_err_set(err, OTA_INTERNAL, "path of %s too long", d->s->image.file);
    struct ota_request req = {
        .address = OTA_ADDRESS_TARGETS, .path = path, .allow_unauthenticated = d->a->unproven[OTA_ADDRESS_TARGETS]};
    if (d->pos > 0) {
        req.range_from = d->pos;
        req.if_range = d->s->etag;
    }
    enum ota_status status = t->open(t->ctx, &req, resp, err);
    if (status != OTA_TLS || !ota_agent_go_unproven(d->a, OTA_ADDRESS_TARGETS, err))
        return status;
    req.allow_unauthenticated = true;
    return t->open(t->ctx, &req, resp, err);
}

/* ---- the body ------------------------------------------------------------------------------------------ */

static enum ota_status fill(struct download *d, uint32_t want, struct ota_err *err) {
    const struct ota_transport *t = d->a->cfg.transport;
    for (uint32_t have = 0; have < want;) {
        size_t got = 0;
        OTA_TRY(t->read(t->ctx, d->a->scratch.bytes + have, want - have, &got, err));
        if (got == 0)
            return ota_err_set(err, OTA_TRUNCATED, "the download ends after %u of %u bytes", (unsigned)(d->pos + have),
                               (unsigned)d->s->image.length);
        have += (uint32_t)got;
    }
    return OTA_OK;
}

static enum ota_status expect_end(struct download *d, struct ota_err *err) {
    const struct ota_transport *t = d->a->cfg.transport;
    size_t got = 0;
    OTA_TRY(t->read(t->ctx, d->a->scratch.bytes, 1, &got, err));
    if (got > 0)
        return ota_err_set(err, OTA_LENGTH, "the server sends more than the signed %u bytes",
                           (unsigned)d->s->image.length);
    return OTA_OK;
}

/* The first KiB says enough to refuse what cannot be meant, before it costs the rest of the download. */
static enum ota_status check_head(struct download *d, uint32_t have, struct ota_err *err) {
    const struct ota_hooks *hooks = &d->a->cfg.hooks;
    const struct ota_step *image = &d->s->image;
    struct ota_span head = {d->a->scratch.bytes, at_most(have, HEAD_MAX)};
    if (image->kind == OTA_KIND_APP || image->kind == OTA_KIND_BOOTLOADER)
        OTA_TRY(ota_image_check_head(head, d->a->cfg.board.chip, image->length, d->s->dest_size, err));
    if (image->kind == OTA_KIND_TABLE && (head.len < 2 || head.p[0] != 0xAA || head.p[1] != 0x50))
        return ota_err_set(err, OTA_TABLE_FORMAT, "does not begin as a partition table (AA 50)");
    if (hooks->accept_image && !hooks->accept_image(hooks->ctx, image->label, head))
        return ota_err_set(err, OTA_REFUSED_BY_APP, "the application refused the image by its first %zu bytes",
                           head.len);
    return OTA_OK;
}

static enum ota_status write_sector(struct download *d, uint32_t n, struct ota_err *err) {
    const struct ota_flash *f = d->a->cfg.flash;
    uint32_t at = d->s->stage_offset + d->pos;
    uint32_t padded = (n + WRITE_ALIGN - 1u) & ~(WRITE_ALIGN - 1u);
    memset(d->a->scratch.bytes + n, 0xFF, padded - n);
    OTA_TRY(f->erase(f->ctx, at, OTA_SECTOR, err));
    return f->write(f->ctx, at, d->a->scratch.bytes, padded, err);
}

static enum ota_status receive(struct download *d, struct ota_err *err) {
    const struct ota_crypto *c = d->a->cfg.crypto;
    uint32_t length = d->s->image.length;
    while (d->pos < length) {
        uint32_t n = at_most(length - d->pos, OTA_CHUNK);
        OTA_TRY(fill(d, n, err));
        if (d->pos == 0)
            OTA_TRY(check_head(d, n, err));
        OTA_TRY(c->sha256_update(c->ctx, &d->hash, d->a->scratch.bytes, n, err));
        OTA_TRY(write_sector(d, n, err));
        d->pos += n;
        show_progress(d);
        if (d->pos - d->journaled >= OTA_PROGRESS_EVERY && d->pos < length)
            OTA_TRY(save_progress(d, err));
    }
    return expect_end(d, err);
}

/* ---- one image ----------------------------------------------------------------------------------------- */

/* One request; *again = true when the server no longer has the file whose beginning is staged. */
static enum ota_status attempt(struct download *d, bool *again, struct ota_err *err) {
    const struct ota_transport *t = d->a->cfg.transport;
    struct ota_response resp;
    bool usable;
    *again = false;
    OTA_TRY(request(d, &resp, err));
    enum ota_status status = judge_answer(d, &resp, &usable, err);
    if (status != OTA_OK)
        goto out;
    if (!usable) {
        *again = true;
        goto out;
    }
    if (d->pos > 0) {
        d->a->journal.saved_bytes += d->pos;
        ota_log(d->a->cfg.log, OTA_LOG_INFO, "release %u (%s): %s resumed at %u of %u bytes: %u bytes saved",
                (unsigned)d->a->journal.counter, d->a->journal.version, d->s->image.label, (unsigned)d->pos,
                (unsigned)d->s->image.length, (unsigned)d->pos);
    }
    ota_format(d->s->etag, sizeof d->s->etag, "%s", resp.etag);
    status = receive(d, err);
out:
    t->close(t->ctx);
    return status;
}

static enum ota_status hash_prefix(struct download *d, struct ota_err *err) {
    const struct ota_crypto *c = d->a->cfg.crypto;
    OTA_TRY(c->sha256_begin(c->ctx, &d->hash, err));
    enum ota_status status = ota_agent_hash_add(d->a, &d->hash, d->s->stage_offset, d->s->done, err);
    if (status != OTA_OK)
        c->sha256_abort(c->ctx, &d->hash);
    d->pos = d->s->done;
    d->journaled = d->s->done;
    return status;
}

static enum ota_status check_digest(struct download *d, struct ota_err *err) {
    const struct ota_crypto *c = d->a->cfg.crypto;
    uint8_t digest[OTA_SHA256_LEN];
    OTA_TRY(c->sha256_end(c->ctx, &d->hash, digest, err));
    if (memcmp(digest, d->s->image.sha256, sizeof digest) == 0)
        return OTA_OK;
    return ota_err_set(err, OTA_HASH,
                       "the bytes received are not the signed ones (SHA-256 differs): nothing is "
                       "installed; is a proxy or mirror changing files?");
}

static bool keeps_prefix(enum ota_status status) {
    return status == OTA_NETWORK || status == OTA_TLS || status == OTA_TIMEOUT || status == OTA_TRUNCATED ||
           status == OTA_HTTP || status == OTA_INTERRUPTED;
}

/* What arrived before the line broke is kept; a fault of the bytes themselves starts over. */
static enum ota_status interrupted(struct download *d, enum ota_status status, struct ota_err *err) {
    struct ota_err unkept;
    if (!keeps_prefix(status) || d->s->etag[0] == '\0') {
        start_over(d->s);
        d->pos = 0;
    }
    if (save_progress(d, &unkept) != OTA_OK)
        ota_log(d->a->cfg.log, OTA_LOG_WARNING, "%s", unkept.msg);
    return ota_err_prefix(err, "release %u (%s): %s", (unsigned)d->a->journal.counter, d->a->journal.version,
                          d->s->image.label);
}

static enum ota_status stage_image(struct ota_agent *a, struct ota_journal_step *s, struct ota_err *err) {
    const struct ota_crypto *c = a->cfg.crypto;
    struct download d = {.a = a, .s = s};
    bool again = true;
    if (s->etag[0] == '\0')
        s->done = 0;
    enum ota_status status = OTA_OK;
    for (unsigned i = 0; again && status == OTA_OK && i < 2; i++) {
        if (i > 0) {
            log_step(&d, OTA_LOG_INFO, "the server's file has changed: starts over");
            start_over(s);
        }
        status = hash_prefix(&d, err);
        if (status != OTA_OK)
            break;
        status = attempt(&d, &again, err);
        if (status != OTA_OK || again)
            c->sha256_abort(c->ctx, &d.hash);
    }
    if (status == OTA_OK)
        status = check_digest(&d, err);
    if (status != OTA_OK)
        return interrupted(&d, status, err);
    s->state = OTA_STEP_STAGED;
    s->done = s->image.length;
    s->etag[0] = '\0';
    log_step(&d, OTA_LOG_INFO, "received and its SHA-256 is the signed one");
    return ota_agent_save_journal(a, err);
}

enum ota_status ota_agent_stage(struct ota_agent *a, enum ota_event *event, struct ota_err *err) {
    struct ota_journal *j = &a->journal;
    (void)event;
    for (size_t i = 0; i < j->count; i++) {
        if (j->step[i].state != OTA_STEP_WAITING)
            continue;
        ota_agent_at(a, j->step[i].image.label);
        OTA_TRY(stage_image(a, &j->step[i], err));
    }
    ota_agent_at(a, NULL);
    return OTA_OK;
}
