/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way of an image into flash, whichever door it comes through: sector by sector to the place where it waits, hashed
 * on its way. The sector that fills up is a->scratch.
 */
#include <string.h>

#include "core/agent_private.h"

#define HEAD_MAX 1024u
#define WRITE_ALIGN 16u /* flash encryption works on blocks of 16 bytes */
#define LOG_EVERY_PERCENT 20u

static uint32_t at_most(uint32_t n, uint32_t cap) {
    return n < cap ? n : cap;
}

enum ota_status ota_stager_begin(struct ota_stager *t, struct ota_agent *a, struct ota_journal_step *s,
                                 struct ota_err *err) {
    const struct ota_crypto *c = a->cfg.crypto;
    *t = (struct ota_stager){.a = a, .s = s, .pos = s->done, .journaled = s->done};
    OTA_TRY(c->sha256_begin(c->ctx, &t->hash, err));
    enum ota_status status = ota_agent_hash_add(a, &t->hash, s->stage_offset, s->done, err);
    t->hashing = status == OTA_OK;
    if (status != OTA_OK)
        c->sha256_abort(c->ctx, &t->hash);
    return status;
}

void ota_stager_abort(struct ota_stager *t) {
    const struct ota_crypto *c = t->hashing ? t->a->cfg.crypto : NULL;
    t->hashing = false;
    if (c)
        c->sha256_abort(c->ctx, &t->hash);
}

uint32_t ota_stager_left(const struct ota_stager *t) {
    return t->s->image.length - t->pos - t->fill;
}

size_t ota_stager_room(const struct ota_stager *t, uint8_t **p) {
    *p = t->a->scratch.bytes + t->fill;
    return at_most(ota_stager_left(t), OTA_SECTOR - t->fill);
}

enum ota_status ota_stager_save(struct ota_stager *t, struct ota_err *err) {
    uint32_t whole = t->pos & ~(OTA_SECTOR - 1u);
    if (whole == t->journaled)
        return OTA_OK;
    t->s->done = whole;
    t->journaled = whole;
    return ota_agent_save_journal(t->a, err);
}

/* Without 64-bit division, which a small chip has to emulate. */
static uint32_t percent_of(uint32_t n, uint32_t total) {
    return total > UINT32_MAX / 100u ? n / (total / 100u) : n * 100u / total;
}

static void show_progress(struct ota_stager *t) {
    const struct ota_hooks *hooks = &t->a->cfg.hooks;
    const struct ota_step *image = &t->s->image;
    uint32_t percent = percent_of(t->pos, image->length);
    t->a->done = t->pos;
    t->a->total = image->length;
    if (hooks->progress)
        hooks->progress(hooks->ctx, image->label, t->pos, image->length);
    if (percent / LOG_EVERY_PERCENT == t->percent / LOG_EVERY_PERCENT)
        return;
    t->percent = percent;
    ota_log(t->a->cfg.log, OTA_LOG_INFO, "release %u (%s): %s %u of %u bytes, %u %%", (unsigned)t->a->journal.counter,
            t->a->journal.version, image->label, (unsigned)t->pos, (unsigned)image->length, (unsigned)percent);
}

/* The first KiB says enough to refuse what cannot be meant, before it costs the rest of the download. */
static enum ota_status check_head(const struct ota_stager *t, struct ota_err *err) {
    const struct ota_hooks *hooks = &t->a->cfg.hooks;
    const struct ota_step *image = &t->s->image;
    struct ota_span head = {t->a->scratch.bytes, at_most(t->fill, HEAD_MAX)};
    if (ota_kind_is_image(image->kind))
        OTA_TRY(ota_image_check_head(head, t->a->cfg.board.chip, image->length, t->s->dest_size, err));
    if (image->kind == OTA_KIND_TABLE && (head.len < 2 || head.p[0] != 0xAA || head.p[1] != 0x50))
        return ota_err_set(err, OTA_TABLE_FORMAT, "does not begin as a partition table (AA 50)");
    if (hooks->accept_image && !hooks->accept_image(hooks->ctx, image->label, head))
        return ota_err_set(err, OTA_REFUSED_BY_APP, "the application refused the image by its first %zu bytes",
                           head.len);
    return OTA_OK;
}

static enum ota_status write_sector(struct ota_stager *t, struct ota_err *err) {
    const struct ota_flash *f = t->a->cfg.flash;
    const struct ota_crypto *c = t->a->cfg.crypto;
    uint8_t *bytes = t->a->scratch.bytes;
    uint32_t at = t->s->stage_offset + t->pos;
    uint32_t padded = (t->fill + WRITE_ALIGN - 1u) & ~(WRITE_ALIGN - 1u);
    /* Whatever else went wrong: never over bootloader and table, nor past the image. */
    if (at < t->a->cfg.board.table_offset + OTA_SECTOR || t->fill > t->s->image.length ||
        t->pos > t->s->image.length - t->fill)
        return ota_err_set(err, OTA_INTERNAL, "%s: no place to wait at 0x%x", t->s->image.label, (unsigned)at);
    if (t->pos == 0)
        OTA_TRY(check_head(t, err));
    OTA_TRY(c->sha256_update(c->ctx, &t->hash, bytes, t->fill, err));
    memset(bytes + t->fill, 0xFF, padded - t->fill);
    OTA_TRY(f->erase(f->ctx, at, OTA_SECTOR, err));
    return f->write(f->ctx, at, bytes, padded, err);
}

enum ota_status ota_stager_take(struct ota_stager *t, size_t n, struct ota_err *err) {
    t->fill += (uint32_t)n;
    if (t->fill < OTA_SECTOR && ota_stager_left(t) > 0)
        return OTA_OK;
    OTA_TRY(write_sector(t, err));
    t->pos += t->fill;
    t->fill = 0;
    show_progress(t);
    return OTA_OK;
}

/* A whole app that nobody signed must not lie where a bootloader that falls back would find it. */
static void unmake_app(const struct ota_stager *t) {
    const struct ota_flash *f = t->a->cfg.flash;
    struct ota_err why;
    if (t->s->image.kind == OTA_KIND_APP && f->erase(f->ctx, t->s->stage_offset, OTA_SECTOR, &why) != OTA_OK)
        ota_log(t->a->cfg.log, OTA_LOG_WARNING, "%s", why.msg);
}

enum ota_status ota_stager_end(struct ota_stager *t, struct ota_err *err) {
    const struct ota_crypto *c = t->a->cfg.crypto;
    uint8_t digest[OTA_SHA256_LEN];
    t->hashing = false;
    OTA_TRY(c->sha256_end(c->ctx, &t->hash, digest, err));
    if (memcmp(digest, t->s->image.sha256, sizeof digest) != 0) {
        unmake_app(t);
        return ota_err_set(err, OTA_HASH,
                           "the bytes received are not the signed ones (SHA-256 differs): nothing is installed; is a "
                           "proxy or mirror changing files?");
    }
    t->s->state = OTA_STEP_STAGED;
    t->s->done = t->s->image.length;
    t->s->etag[0] = '\0';
    ota_stager_log(t, OTA_LOG_INFO, "received and its SHA-256 is the signed one");
    return OTA_OK;
}

void ota_stager_log(const struct ota_stager *t, enum ota_log_level level, const char *what) {
    ota_log(t->a->cfg.log, level, "release %u (%s): %s %u bytes, %s", (unsigned)t->a->journal.counter,
            t->a->journal.version, t->s->image.label, (unsigned)t->s->image.length, what);
}
