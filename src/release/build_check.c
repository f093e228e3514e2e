/* SPDX-License-Identifier: Apache-2.0 */
/* What a board would refuse is refused here, with the core's own checks, before anything is signed. */
#include <string.h>
#include <sys/stat.h>

#include "host/crypto.h"
#include "host/err_place.h"
#include "host/slot_pages.h"
#include "release/build_parts.h"

#define HASH_CHUNK 65536u

/* ---- reading ------------------------------------------------------------------------------------------- */

static enum ota_status digest(const struct ota_file_source *f, const struct ota_build_options *o, const char *shown,
                              uint8_t out[OTA_SHA256_LEN], struct ota_err *err) {
    const struct ota_crypto *crypto = &ota_crypto_openssl;
    struct ota_sha256 h;
    OTA_CLEAN_FREE uint8_t *chunk = ota_calloc(1, HASH_CHUNK);
    OTA_TRY(crypto->sha256_begin(crypto->ctx, &h, err));
    for (uint64_t off = 0; off < f->source.size;) {
        size_t n = f->source.size - off < HASH_CHUNK ? (size_t)(f->source.size - off) : HASH_CHUNK;
        enum ota_status st = f->source.read(f->source.ctx, off, chunk, n, err);
        if (st == OTA_OK)
            st = crypto->sha256_update(crypto->ctx, &h, chunk, n, err);
        if (st != OTA_OK) {
            crypto->sha256_abort(crypto->ctx, &h);
            return st;
        }
        off += n;
        if (o->progress.bytes)
            o->progress.bytes(o->progress.ctx, shown, off, f->source.size);
    }
    return crypto->sha256_end(crypto->ctx, &h, out, err);
}

static bool same_file(const struct stat *a, const struct stat *b) {
    return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* ---- images -------------------------------------------------------------------------------------------- */

/* Bytes from the bootloader's place to the table's. */
static uint32_t bootloader_room(const struct ota_chip *chip, const struct ota_candidates *c) {
    uint32_t table = c->table_offset_known ? c->table_offset : OTA_TABLE_DEFAULT_OFFSET;
    return table > chip->bootloader_offset ? table - chip->bootloader_offset : 0;
}

/* An app goes to whichever slot is passive, so that the smallest one counts. */
static enum ota_status app_room(const struct ota_build *b, const struct ota_partition **smallest, struct ota_err *err) {
    size_t slots = ota_table_slot_count(&b->table);
    if (slots == 0)
        return ota_err_set(err, OTA_LABEL,
                           "the partition table has no app slots ota_0, ota_1: such a board cannot "
                           "be updated over the air");
    *smallest = ota_table_slot(&b->table, 0);
    for (size_t i = 1; i < slots; i++)
        if (ota_table_slot(&b->table, i)->size < (*smallest)->size)
            *smallest = ota_table_slot(&b->table, i);
    return OTA_OK;
}

/* A board finds it by its type, whatever its label is; none goes anywhere else. */
static enum ota_status factory_room(const struct ota_build *b, const struct ota_candidates *c,
                                    struct ota_image_rules *rules, struct ota_err *err) {
    const struct ota_partition *p = b->table_known ? ota_table_by_type(&b->table, OTA_PART_APP, OTA_APP_FACTORY) : NULL;
    if (!b->table_known)
        return ota_err_set(err, OTA_LABEL,
                           "whether boards have a factory app, only their partition table says; name it with --table, "
                           "or push the build folder");
    if (!p)
        return ota_err_set(err, OTA_LABEL, "the partition table has no factory app");
    if (c->boot_known && c->boot.anti_rollback)
        return ota_err_set(err, OTA_UNSUPPORTED, "with anti-rollback the bootloader starts no factory app");
    rules->room = p->size;
    rules->place = p->offset;
    return OTA_OK;
}

static void keep_highest(uint16_t *kept, uint16_t value) {
    if (value > *kept)
        *kept = value;
}

static enum ota_status check_app(struct ota_build *b, struct ota_image_rules *rules, const struct ota_image *image,
                                 uint64_t length, char *version, struct ota_err *err) {
    const struct ota_partition *slot = NULL;
    if (b->table_known) {
        OTA_TRY(app_room(b, &slot, err));
        rules->room = slot->size;
    }
    enum ota_status st = ota_image_check_app(image, length, rules, err);
    if (st == OTA_SLOT_SIZE && slot)
        (void)ota_err_prefix(err, "app slot %s", slot->label);
    OTA_TRY(st);
    if (slot)
        OTA_TRY(ota_slot_pages_check(&b->table, rules, image, length, err));
    b->release.secure_version = image->app.secure_version;
    (void)ota_format(version, OTA_VERSION_MAX + 1, "%s", image->app.version);
    return OTA_OK;
}

/* The release keeps the version and secure version of the app that boards run. */
static enum ota_status check_factory(const struct ota_build *b, const struct ota_candidates *c,
                                     struct ota_image_rules *rules, const struct ota_image *image, uint64_t length,
                                     struct ota_err *err) {
    OTA_TRY(factory_room(b, c, rules, err));
    enum ota_status st = ota_image_check_app(image, length, rules, err);
    return st == OTA_SLOT_SIZE ? ota_err_prefix(err, "the factory partition") : st;
}

static enum ota_status check_bootloader(const struct ota_candidates *c, struct ota_image_rules *rules,
                                        const struct ota_image *image, uint64_t length, struct ota_err *err) {
    rules->room = bootloader_room(rules->chip, c);
    enum ota_status st = ota_image_check_bootloader(image, length, rules, err);
    if (st == OTA_SLOT_SIZE)
        (void)ota_err_prefix(err, "it would run into the partition table at 0x%x",
                             c->table_offset_known ? c->table_offset : OTA_TABLE_DEFAULT_OFFSET);
    return st;
}

static enum ota_status check_image(struct ota_build *b, const struct ota_build_options *o,
                                   const struct ota_candidates *c, const struct ota_candidate *file,
                                   const struct ota_source *s, char *version, struct ota_err *err) {
    OTA_CLEAN_FREE struct ota_image *image = ota_calloc(1, sizeof *image);
    const struct ota_boot_rules signing = ota_build_signature_rules(o, c);
    struct ota_image_rules rules = {
        .chip = signing.chip,
        .room = OTA_IMAGE_LENGTH_MAX,
        .secure_boot = ota_boot_rules_take_sector(&signing, file->kind),
    };
    OTA_TRY(ota_image_read(s, &ota_crypto_openssl, image, err));
    if (file->kind == OTA_KIND_APP)
        OTA_TRY(check_app(b, &rules, image, s->size, version, err));
    else if (file->kind == OTA_KIND_FACTORY)
        OTA_TRY(check_factory(b, c, &rules, image, s->size, err));
    else
        OTA_TRY(check_bootloader(c, &rules, image, s->size, err));
    OTA_TRY(ota_build_check_signature(b, o, c, file, s, image->length, err));
    keep_highest(&b->release.chip_rev_min, image->min_rev);
    return OTA_OK;
}

/* ---- data ---------------------------------------------------------------------------------------------- */

/* Without a table only the name can tell; a board looks at the subtype. */
static bool usual_name_of_board_data(const char *label) {
    static const char *const names[] = {"nvs",      "nvs_key",   "nvs_keys", "otadata",   "phy_init",
                                        "coredump", "ota_state", "ota_id",   "emul_efuse"};
    for (size_t i = 0; i < OTA_ARRAY_LEN(names); i++)
        if (strcmp(label, names[i]) == 0)
            return true;
    return false;
}

static enum ota_status check_data(const struct ota_build *b, const struct ota_candidate *file, uint64_t length,
                                  struct ota_err *err) {
    if (length == 0)
        return ota_err_set(err, OTA_TRUNCATED, "is empty");
    if (!b->table_known) {
        if (usual_name_of_board_data(file->label))
            return ota_err_set(err, OTA_LABEL,
                               "partition %s holds what the board itself writes; no release replaces it", file->label);
        return OTA_OK;
    }
    const struct ota_partition *row = ota_table_by_label(&b->table, file->label);
    if (!row)
        return ota_err_set(err, OTA_LABEL, "the partition table has no partition \"%s\"", file->label);
    OTA_TRY(ota_table_updatable(row, err));
    if (length > row->size)
        return ota_err_set(err, OTA_SLOT_SIZE, "%llu bytes do not fit into partition %s of %u bytes",
                           (unsigned long long)length, row->label, row->size);
    return OTA_OK;
}

/* ---- one file ------------------------------------------------------------------------------------------ */

static enum ota_status check_open(struct ota_build *b, const struct ota_build_options *o,
                                  const struct ota_candidates *c, const struct ota_candidate *file,
                                  const struct ota_file_source *f, struct ota_step *step, char *version,
                                  struct ota_err *err) {
    struct stat before, after;
    if (fstat(f->fd, &before))
        return ota_fs_errno(err, file->path, "cannot examine");
    if (ota_kind_is_image(file->kind))
        OTA_TRY(check_image(b, o, c, file, &f->source, version, err));
    if (file->kind == OTA_KIND_DATA) {
        OTA_TRY(check_data(b, file, f->source.size, err));
        OTA_TRY(ota_build_check_data_signature(b, o, c, file, &f->source, err));
    }
    OTA_TRY(digest(f, o, file->shown, step->sha256, err));
    if (fstat(f->fd, &after) || !same_file(&before, &after))
        return ota_err_set(err, OTA_HASH, "changed while it was being read; push again when the build is done");
    step->length = (uint32_t)f->source.size;
    step->kind = file->kind;
    memcpy(step->label, file->label, sizeof step->label);
    return OTA_OK;
}

enum ota_status ota_build_check(struct ota_build *b, const struct ota_build_options *o, const struct ota_candidates *c,
                                const struct ota_candidate *file, struct ota_step *step, char *version,
                                struct ota_err *err) {
    OTA_CLEAN(ota_file_source_close) struct ota_file_source f = {.fd = -1};
    OTA_TRY(ota_file_source_open(&f, file->path, OTA_IMAGE_LENGTH_MAX, err));
    if (check_open(b, o, c, file, &f, step, version, err) != OTA_OK)
        return ota_err_place(err, file->shown, 0);
    return OTA_OK;
}
