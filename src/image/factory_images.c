/* SPDX-License-Identifier: Apache-2.0 */
/* See factory_images.h. */
#include "image/factory_images.h"

#include <string.h>

#include "host/boot_rules.h"
#include "host/crypto.h"
#include "host/err_place.h"
#include "host/fs.h"
#include "host/slot_pages.h"

struct judge {
    const struct ota_factory_flash *flash;
    const struct ota_factory_build *build;
    struct ota_boot_rules signing;
    struct ota_factory_images *out;
};

/* Where an image may stand. */
struct room {
    const char *label;
    enum ota_kind kind;
    uint32_t offset, size;
    bool slot; /* updates go there */
};

static struct room room_of(const struct ota_partition *row) {
    return (struct room){
        .label = row->label,
        .kind = OTA_KIND_APP,
        .offset = row->offset,
        .size = row->size,
        .slot = row->subtype >= OTA_APP_OTA_0 && row->subtype <= OTA_APP_OTA_15,
    };
}

static bool is_blank(struct ota_span bytes) {
    for (size_t i = 0; i < bytes.len; i++)
        if (bytes.p[i] != 0xFF)
            return false;
    return true;
}

/* Its file's bytes, so that what is cut short is seen; of a loaded flash all that could be. */
static struct ota_span bytes_in(const struct judge *j, const struct room *r) {
    const struct ota_span file = ota_factory_flash_at(j->flash, j->build, r->offset);
    return file.len ? file : (struct ota_span){j->flash->bytes.p + r->offset, r->size};
}

static bool is_empty(const struct judge *j, const struct room *r) {
    return is_blank(bytes_in(j, r));
}

static const char *path_of(const struct judge *j, const struct room *r) {
    return j->flash->image ? j->flash->image : ota_factory_build_at(j->build, r->offset);
}

static enum ota_status prefix(const struct judge *j, const struct room *r, struct ota_err *err) {
    if (j->flash->image)
        (void)ota_err_prefix(err, "%s at 0x%x", r->label, (unsigned)r->offset);
    return ota_err_place(err, path_of(j, r), 0);
}

/* ---- one image ----------------------------------------------------------------------------------------- */

static enum ota_status check_image(const struct judge *j, const struct room *r, const struct ota_source *source,
                                   const struct ota_image *image, struct ota_err *err) {
    struct ota_image_rules rules = {
        .chip = j->build->chip, .room = r->size, .secure_boot = ota_boot_rules_take_sector(&j->signing, r->kind)};
    if (r->kind == OTA_KIND_BOOTLOADER)
        return ota_image_check_bootloader(image, source->size, &rules, err);
    rules.place = r->offset;
    OTA_TRY(ota_image_check_app(image, source->size, &rules, err));
    return r->slot ? ota_slot_pages_check(&j->flash->table, &rules, image, source->size, err) : OTA_OK;
}

static enum ota_status check_bytes(const struct judge *j, const struct room *r, struct ota_image *image,
                                   struct ota_signatures *found, struct ota_err *err) {
    const struct ota_span bytes = bytes_in(j, r);
    const struct ota_source source = ota_span_source(&bytes);
    struct ota_boot_file judged = {.kind = r->kind, .path = path_of(j, r), .source = &source};
    OTA_TRY(ota_image_read(&source, &ota_crypto_openssl, image, err));
    judged.length = image->length;
    OTA_TRY(check_image(j, r, &source, image, err));
    return ota_boot_rules_check(&j->signing, &judged, found, err);
}

/* When it starts first, a bootloader with Secure Boot V2 burns the keys that signed it into eFuse, and goes no further
 * unless one of them signed the app. */
static enum ota_status check_pair(const struct judge *j, const struct ota_signatures *found, struct ota_err *err) {
    const struct ota_signatures *first = &j->out->bootloader;
    if (!ota_boot_rules_secure_boot(&j->signing) || !first->count ||
        ota_signatures_share_key(first, found, ota_boot_rules_blocks(&j->signing)))
        return OTA_OK;
    return ota_err_set(
        err, OTA_SIGNATURE,
        "no Secure Boot key that signed the bootloader signed it, too, and the bootloader's keys are the "
        "ones that boards trust: sign both with one key");
}

/* Behind the bootloader. `version` NULL: of no interest. */
static enum ota_status judge(const struct judge *j, const struct room *r, char *version, struct ota_err *err) {
    OTA_CLEAN_FREE struct ota_image *image = ota_calloc(1, sizeof *image);
    struct ota_signatures found;
    enum ota_status st = check_bytes(j, r, image, &found, err);
    if (st == OTA_OK)
        st = check_pair(j, &found, err);
    if (st != OTA_OK)
        return prefix(j, r, err);
    if (version)
        (void)ota_format(version, sizeof j->out->version, "%s", image->app.version);
    return OTA_OK;
}

/* ---- bootloaders --------------------------------------------------------------------------------------- */

static struct room bootloader_room(const struct judge *j, const char *label, uint32_t offset) {
    const uint32_t size = j->build->boot.table_offset - j->build->chip->bootloader_offset;
    return (struct room){.label = label, .kind = OTA_KIND_BOOTLOADER, .offset = offset, .size = size};
}

static enum ota_status check_bootloader(const struct judge *j, struct ota_err *err) {
    const struct ota_chip *chip = j->build->chip;
    const struct room room = bootloader_room(j, "bootloader", chip->bootloader_offset);
    OTA_CLEAN_FREE struct ota_image *image = ota_calloc(1, sizeof *image);
    if (is_empty(j, &room))
        return ota_err_set(err, OTA_CONFIG, "%s%s puts no bootloader at 0x%x, where the %s starts it",
                           OTA_SHORT_PATH(j->flash->image ? j->flash->image : j->build->folder, 110),
                           j->flash->image ? "" : "/flasher_args.json", (unsigned)room.offset, chip->name);
    if (check_bytes(j, &room, image, &j->out->bootloader, err) != OTA_OK)
        return prefix(j, &room, err);
    return OTA_OK;
}

/* The ROM starts it only when the other one fails; then it is too late to see that it is none. */
static enum ota_status check_recovery(const struct judge *j, struct ota_err *err) {
    const struct ota_partition *row = ota_table_by_type(&j->flash->table, OTA_PART_BOOTLOADER, OTA_BOOT_RECOVERY);
    if (!row && !j->build->recovery)
        return OTA_OK;
    const struct room room =
        bootloader_room(j, "recovery bootloader", j->build->recovery ? j->build->recovery_offset : row->offset);
    if (room.offset > j->flash->bytes.len || room.size > j->flash->bytes.len - room.offset)
        return ota_err_set(err, OTA_CONFIG, "a recovery bootloader at 0x%x is outside of the flash",
                           (unsigned)room.offset);
    if (is_empty(j, &room))
        return OTA_OK;
    OTA_TRY(judge(j, &room, NULL, err));
    return ota_factory_flash_check_header(j->flash, room.offset, path_of(j, &room), err);
}

/* ---- apps ---------------------------------------------------------------------------------------------- */

static enum ota_status check_first(const struct judge *j, const struct ota_partition *row, const char *why,
                                   char *version, struct ota_err *err) {
    const struct room room = room_of(row);
    if (is_empty(j, &room))
        return ota_err_set(err, OTA_CONFIG, "%s/flasher_args.json puts no app into %s at 0x%x, which %s",
                           OTA_SHORT_PATH(j->build->folder, 110), row->label, (unsigned)row->offset, why);
    return judge(j, &room, version, err);
}

static bool may_start(const struct ota_partition *row) {
    return row->type == OTA_PART_APP && (row->subtype == OTA_APP_FACTORY || row->subtype == OTA_APP_TEST ||
                                         (row->subtype >= OTA_APP_OTA_0 && row->subtype <= OTA_APP_OTA_15) ||
                                         row->subtype == OTA_APP_TEE_0 || row->subtype == OTA_APP_TEE_1);
}

static enum ota_status check_others(const struct judge *j, const struct ota_partition *first, struct ota_err *err) {
    const struct ota_table *t = &j->flash->table;
    for (size_t i = 0; i < t->count; i++) {
        const struct room room = room_of(&t->row[i]);
        if (&t->row[i] != first && may_start(&t->row[i]) && !is_empty(j, &room))
            OTA_TRY(judge(j, &room, NULL, err));
    }
    return OTA_OK;
}

static enum ota_status check_apps(const struct judge *j, struct ota_err *err) {
    const struct ota_table *t = &j->flash->table;
    const struct ota_partition *first = ota_table_by_type(t, OTA_PART_APP, OTA_APP_FACTORY);
    const struct ota_partition *tee = ota_table_by_type(t, OTA_PART_APP, OTA_APP_TEE_0);
    if (!first)
        first = ota_table_slot(t, 0);
    if (!first)
        return ota_err_set(err, OTA_CONFIG, "the partition table has neither a factory app nor ota_0: nothing starts");
    OTA_TRY(check_first(j, first, "boots first", j->out->version, err));
    if (tee)
        OTA_TRY(check_first(j, tee, "the bootloader starts before any other", NULL, err));
    return check_others(j, first, err);
}

/* ---- otadata ------------------------------------------------------------------------------------------- */

static enum ota_status check_otadata(const struct judge *j, uint8_t subtype, struct ota_err *err) {
    const struct ota_partition *row = ota_table_by_type(&j->flash->table, OTA_PART_DATA, subtype);
    if (!row || is_blank(ota_factory_flash_at(j->flash, j->build, row->offset)))
        return OTA_OK;
    return ota_err_set(err, OTA_CONFIG,
                       "%s: is not blank: it would choose which app boots first; leave %s to ESP-IDF, which flashes FF",
                       OTA_SHORT_PATH(ota_factory_build_at(j->build, row->offset), 110), row->label);
}

enum ota_status ota_factory_images_check(const struct ota_factory_flash *f, const struct ota_factory_build *b,
                                         const struct ota_boot_policy *policy, struct ota_factory_images *out,
                                         struct ota_err *err) {
    const struct judge j = {f, b, {b->chip, &b->signing, policy}, out};
    memset(out, 0, sizeof *out);
    OTA_TRY(check_otadata(&j, OTA_DATA_OTA, err));
    OTA_TRY(check_otadata(&j, OTA_DATA_TEE_OTA, err));
    OTA_TRY(check_bootloader(&j, err));
    OTA_TRY(check_recovery(&j, err));
    return f->image ? OTA_OK : check_apps(&j, err);
}
