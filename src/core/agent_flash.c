/* SPDX-License-Identifier: Apache-2.0 */
/* Flash as the agent uses it: hashed, compared, copied by sectors that differ. */
#include <string.h>

#include "core/agent_private.h"

/* A sector that does not take its bytes at once gets this many tries. */
#define SECTOR_TRIES 3u

uint32_t ota_sector_up(uint32_t n) {
    return (n + OTA_SECTOR - 1u) & ~(OTA_SECTOR - 1u);
}

uint32_t ota_agent_bootloader_room(const struct ota_agent *a) {
    const struct ota_board *b = &a->cfg.board;
    return b->table_offset > b->chip->bootloader_offset ? b->table_offset - b->chip->bootloader_offset : 0;
}

static enum ota_status read_window(void *ctx, uint64_t off, void *p, size_t n, struct ota_err *err) {
    const struct ota_flash_window *w = ctx;
    return w->flash->read(w->flash->ctx, w->offset + (uint32_t)off, p, n, err);
}

struct ota_source ota_flash_source(struct ota_flash_window *w, const struct ota_flash *flash, uint32_t offset,
                                   uint32_t length) {
    *w = (struct ota_flash_window){flash, offset};
    return (struct ota_source){.ctx = w, .size = length, .read = read_window};
}

static uint32_t at_most(uint32_t n, uint32_t cap) {
    return n < cap ? n : cap;
}

enum ota_status ota_agent_hash_add(struct ota_agent *a, struct ota_sha256 *hash, uint32_t offset, uint32_t length,
                                   struct ota_err *err) {
    const struct ota_crypto *c = a->cfg.crypto;
    const struct ota_flash *f = a->cfg.flash;
    for (uint32_t pos = 0; pos < length;) {
        uint32_t n = at_most(length - pos, OTA_CHUNK);
        OTA_TRY(f->read(f->ctx, offset + pos, a->scratch.bytes, n, err));
        OTA_TRY(c->sha256_update(c->ctx, hash, a->scratch.bytes, n, err));
        pos += n;
    }
    return OTA_OK;
}

enum ota_status ota_agent_hash(struct ota_agent *a, uint32_t offset, uint32_t length, uint8_t out[OTA_SHA256_LEN],
                               struct ota_err *err) {
    const struct ota_crypto *c = a->cfg.crypto;
    struct ota_sha256 hash;
    OTA_TRY(c->sha256_begin(c->ctx, &hash, err));
    enum ota_status status = ota_agent_hash_add(a, &hash, offset, length, err);
    if (status != OTA_OK) {
        c->sha256_abort(c->ctx, &hash);
        return status;
    }
    return c->sha256_end(c->ctx, &hash, out, err);
}

static bool all_erased(const uint8_t *p, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (p[i] != 0xFF)
            return false;
    return true;
}

enum ota_status ota_agent_holds(struct ota_agent *a, const struct ota_step *image, uint32_t offset, uint32_t room,
                                bool *holds, struct ota_err *err) {
    const struct ota_flash *f = a->cfg.flash;
    uint8_t digest[OTA_SHA256_LEN];
    OTA_TRY(ota_agent_hash(a, offset, image->length, digest, err));
    *holds = memcmp(digest, image->sha256, sizeof digest) == 0;
    for (uint32_t pos = image->length; *holds && pos < room;) {
        uint32_t n = at_most(room - pos, OTA_CHUNK);
        OTA_TRY(f->read(f->ctx, offset + pos, a->scratch.bytes, n, err));
        *holds = all_erased(a->scratch.bytes, n);
        pos += n;
    }
    return OTA_OK;
}

/* Writes a->scratch.bytes to the sector at `to` and reads it back into `back`. */
static enum ota_status write_sector(struct ota_agent *a, uint32_t to, uint8_t *back, struct ota_err *err) {
    const struct ota_flash *f = a->cfg.flash;
    enum ota_status status = OTA_OK;
    for (unsigned i = 0; i < SECTOR_TRIES; i++) {
        status = f->erase(f->ctx, to, OTA_SECTOR, err);
        if (status == OTA_OK && !all_erased(a->scratch.bytes, OTA_SECTOR))
            status = f->write(f->ctx, to, a->scratch.bytes, OTA_SECTOR, err);
        if (status == OTA_OK)
            status = f->read(f->ctx, to, back, OTA_SECTOR, err);
        if (status == OTA_OK && memcmp(back, a->scratch.bytes, OTA_SECTOR) == 0)
            return OTA_OK;
    }
    if (status != OTA_OK)
        return ota_err_prefix(err, "sector at 0x%x", (unsigned)to);
    return ota_err_set(err, OTA_READBACK, "sector at 0x%x reads back other than written after %u tries: worn out?",
                       (unsigned)to, SECTOR_TRIES);
}

enum ota_status ota_agent_copy_sectors(struct ota_agent *a, uint32_t from, uint32_t length, uint32_t to, uint32_t room,
                                       uint32_t *written, struct ota_err *err) {
    const struct ota_flash *f = a->cfg.flash;
    uint8_t *wanted = a->scratch.bytes, *there = a->cfg.buf;
    *written = 0;
    for (uint32_t pos = 0; pos < room; pos += OTA_SECTOR) {
        uint32_t n = pos < length ? at_most(length - pos, OTA_SECTOR) : 0;
        memset(wanted + n, 0xFF, OTA_SECTOR - n);
        if (n > 0)
            OTA_TRY(f->read(f->ctx, from + pos, wanted, n, err));
        OTA_TRY(f->read(f->ctx, to + pos, there, OTA_SECTOR, err));
        if (memcmp(wanted, there, OTA_SECTOR) == 0)
            continue;
        OTA_TRY(write_sector(a, to + pos, there, err));
        *written += 1;
    }
    return OTA_OK;
}
