/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An idf.py build folder as candidates. flasher_args.json is the only complete list of images; what each one is for
 * comes from its flash offset and the build's own partition table, never from a file name or a top-level key, which
 * may collide.
 */
#include <string.h>

#include "host/idf_folder.h"
#include "release/build_parts.h"

/* ---- what the build says about itself ------------------------------------------------------------------ */

static enum ota_status check_target(const struct ota_idf_folder *f, const struct ota_build_options *o,
                                    struct ota_err *err) {
    const char *target = NULL;
    OTA_TRY(ota_idf_folder_chip(f, &target, err));
    if (target && strcmp(target, o->chip) != 0)
        return ota_err_set(err, OTA_CHIP, "%s is a build for %s, but product %s is %s; push it to another product",
                           f->given, target, o->product, o->chip);
    return OTA_OK;
}

static enum ota_status read_sdkconfig(const struct ota_idf_folder *f, const struct ota_build_options *o,
                                      struct ota_candidates *c, struct ota_err *err) {
    static const char usual[] = "config/sdkconfig.json";
    if (o->sdkconfig)
        return ota_build_read_sdkconfig(c, ota_chip_by_name(ota_span_str(o->chip)), o->sdkconfig, err);
    OTA_CLEAN_FREE char *own = ota_sprintf("%s/%s", f->given, usual);
    if (!ota_fs_exists(own))
        return OTA_OK;
    OTA_CLEAN_FREE char *path = NULL;
    OTA_TRY(ota_idf_folder_path(f, usual, &path, err));
    return ota_build_read_sdkconfig(c, ota_chip_by_name(ota_span_str(o->chip)), path, err);
}

/* ---- images -------------------------------------------------------------------------------------------- */

static enum ota_status add_table(const struct ota_idf_folder *f, struct ota_candidates *c, struct ota_err *err) {
    static const char usual[] = "partition_table/partition-table.bin";
    const char *file = NULL;
    uint32_t offset = 0;
    OTA_TRY(ota_idf_folder_entry(f, "partition-table", &file, &offset, err));
    if (file) {
        c->table_offset = offset;
        c->table_offset_known = true;
    }
    OTA_CLEAN_FREE char *fallback = ota_sprintf("%s/%s", f->given, usual);
    if (!file && !ota_fs_exists(fallback))
        return OTA_OK;
    OTA_CLEAN_FREE char *path = NULL;
    struct ota_candidate *added = NULL;
    OTA_TRY(ota_idf_folder_path(f, file ? file : usual, &path, err));
    return ota_candidates_add(c, path, file ? file : usual, OTA_KIND_TABLE, OTA_LABEL_TABLE, &added, err);
}

static enum ota_status add_one(struct ota_candidates *c, const struct ota_idf_folder *f, const char *file,
                               enum ota_kind kind, const char *label, const char *never, struct ota_err *err) {
    OTA_CLEAN_FREE char *path = NULL;
    struct ota_candidate *added = NULL;
    OTA_TRY(ota_idf_folder_path(f, file, &path, err));
    OTA_TRY(ota_candidates_add(c, path, file, kind, label, &added, err));
    if (never)
        added->never = ota_strdup(never);
    return OTA_OK;
}

/* The app goes to whatever slot is passive: its file counts, not the offset it is first flashed to. */
static enum ota_status app_file(const struct ota_idf_folder *f, const struct ota_table *table, const char **file,
                                struct ota_err *err) {
    uint32_t offset;
    OTA_TRY(ota_idf_folder_entry(f, "app", file, &offset, err));
    const struct ota_partition *first = ota_table_by_type(table, OTA_PART_APP, OTA_APP_FACTORY);
    if (!first)
        first = ota_table_by_type(table, OTA_PART_APP, OTA_APP_OTA_0);
    if (!*file && first)
        *file = ota_idf_folder_file_at(f, first->offset);
    if (!*file && f->project)
        *file = ota_json_tree_string(f->project, "app_bin");
    if (!*file)
        return ota_err_set(err, OTA_NOT_FOUND, "%s/flasher_args.json names no app; run idf.py build", f->given);
    return OTA_OK;
}

/* Secure Boot leaves the bootloader out of the list. */
static enum ota_status bootloader_file(const struct ota_idf_folder *f, const struct ota_chip *chip, const char **file,
                                       struct ota_err *err) {
    static const char usual[] = "bootloader/bootloader.bin";
    uint32_t offset;
    OTA_TRY(ota_idf_folder_entry(f, "bootloader", file, &offset, err));
    if (!*file)
        *file = ota_idf_folder_file_at(f, chip->bootloader_offset);
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", f->given, usual);
    if (!*file && ota_fs_exists(path))
        *file = usual;
    return OTA_OK;
}

static const struct ota_partition *row_at(const struct ota_table *table, uint32_t offset) {
    for (size_t i = 0; i < table->count; i++)
        if (table->row[i].offset == offset)
            return &table->row[i];
    return NULL;
}

/* One of flash_files that is neither app, bootloader nor table. */
static enum ota_status add_other(struct ota_build *b, const struct ota_idf_folder *f, struct ota_candidates *c,
                                 const char *file, uint32_t offset, struct ota_err *err) {
    char place[OTA_LABEL_MAX + 1];
    struct ota_err why = {0};
    (void)ota_format(place, sizeof place, "0x%x", offset);
    const struct ota_partition *row = b->table_known ? row_at(&b->table, offset) : NULL;
    if (!row || !ota_label_valid(ota_span_str(row->label)))
        return add_one(c, f, file, OTA_KIND_DATA, place, "no partition with a usable label begins there", err);
    if (ota_table_updatable(row, &why) != OTA_OK)
        return add_one(c, f, file, OTA_KIND_DATA, row->label, why.msg, err);
    return add_one(c, f, file, OTA_KIND_DATA, row->label, NULL, err);
}

static enum ota_status add_images(struct ota_build *b, const struct ota_chip *chip, const struct ota_idf_folder *f,
                                  struct ota_candidates *c, struct ota_err *err) {
    const char *app = NULL, *bootloader = NULL;
    OTA_TRY(app_file(f, &b->table, &app, err));
    OTA_TRY(add_one(c, f, app, OTA_KIND_APP, OTA_LABEL_APP, NULL, err));
    c->item[c->count - 1].chosen = true;
    if (ota_table_by_type(&b->table, OTA_PART_APP, OTA_APP_FACTORY))
        OTA_TRY(add_one(c, f, app, OTA_KIND_FACTORY, OTA_LABEL_FACTORY, NULL, err));
    OTA_TRY(bootloader_file(f, chip, &bootloader, err));
    if (bootloader)
        OTA_TRY(add_one(c, f, bootloader, OTA_KIND_BOOTLOADER, OTA_LABEL_BOOTLOADER, NULL, err));

    for (size_t i = 0; i < f->file_count; i++) {
        const struct ota_idf_file *file = &f->file[i];
        bool known = strcmp(file->name, app) == 0 || file->offset == chip->bootloader_offset ||
                     (c->table_offset_known && file->offset == c->table_offset);
        if (!known)
            OTA_TRY(add_other(b, f, c, file->name, file->offset, err));
    }
    return OTA_OK;
}

static enum ota_status scan(struct ota_build *b, const struct ota_build_options *o, const char *folder,
                            struct ota_idf_folder *f, struct ota_candidates *c, struct ota_err *err) {
    enum ota_status st = ota_idf_folder_open(f, folder, "push that file as FILE:LABEL", err);
    if (st == OTA_NOT_FOUND && f->real)
        return ota_err_set(err, st,
                           "%s has no flasher_args.json: not a finished idf.py build. Run idf.py build, or name the "
                           "files: otactl push app.bin",
                           folder);
    OTA_TRY(st);
    OTA_TRY(check_target(f, o, err));
    OTA_TRY(add_table(f, c, err));
    OTA_TRY(read_sdkconfig(f, o, c, err));
    c->flash_size = ota_idf_flash_size(ota_idf_folder_setting(f, "flash_size")); /* keep and detect say nothing */
    const struct ota_candidate *table = ota_candidates_by_label(c, OTA_LABEL_TABLE);
    if (table)
        OTA_TRY(ota_build_load_table(b, c, table->path, err));
    return add_images(b, ota_chip_by_name(ota_span_str(o->chip)), f, c, err);
}

enum ota_status ota_build_scan_folder(struct ota_build *b, const struct ota_build_options *o, const char *folder,
                                      struct ota_candidates *c, struct ota_err *err) {
    OTA_CLEAN(ota_idf_folder_free) struct ota_idf_folder f = {0};
    return scan(b, o, folder, &f, c, err);
}
