/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An idf.py build folder as candidates. flasher_args.json is the only complete list of images; what each one is for
 * comes from its flash offset and the build's own partition table, never from a file name or a top-level key, which
 * may collide.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "host/json_tree.h"
#include "host/printable.h"
#include "release/build_parts.h"

#define BUILD_JSON_MAX (256u * 1024u)

/* The folder being read. */
struct folder {
    const char *given; /* as the user named it */
    char *real;        /* resolved */
    cJSON *flasher;    /* flasher_args.json */
    cJSON *project;    /* project_description.json, or NULL */
};

static void folder_free(struct folder *f) {
    free(f->real);
    ota_json_tree_free(&f->flasher);
    ota_json_tree_free(&f->project);
}

/* ---- paths --------------------------------------------------------------------------------------------- */

/* A file the build names, which must lie below the folder also after links are followed: a build may come from
 * elsewhere, and what it names is published. */
static enum ota_status inside(const struct folder *f, const char *name, char **out, struct ota_err *err) {
    if (name[0] == '/' || strcmp(name, "..") == 0 || strncmp(name, "../", 3) == 0 || strstr(name, "/../"))
        return ota_err_set(err, OTA_ARGUMENT, "%s names \"%s\", which lies outside of it; push that file as FILE:LABEL",
                           f->given, name);
    OTA_CLEAN_FREE char *joined = ota_sprintf("%s/%s", f->given, name);
    OTA_CLEAN_FREE char *real = realpath(joined, NULL);
    if (!real && errno == ENOENT)
        return ota_err_set(err, OTA_NOT_FOUND, "%s: does not exist; is the build finished (idf.py build)?", joined);
    if (!real)
        return ota_fs_errno(err, joined, "cannot resolve");
    size_t n = strlen(f->real);
    if (strncmp(real, f->real, n) != 0 || real[n] != '/')
        return ota_err_set(err, OTA_ARGUMENT, "%s: a link out of the build folder; push that file as FILE:LABEL",
                           joined);
    *out = OTA_STEAL(joined);
    return OTA_OK;
}

/* Names and values end up in messages, plans and logs. Recursion is bounded: the parser has bounded the depth. */
static enum ota_status check_strings(const cJSON *value, const char *path, struct ota_err *err) {
    if ((value->string && !ota_printable(value->string)) ||
        (cJSON_IsString(value) && !ota_printable(value->valuestring)))
        return ota_err_set(err, OTA_CONFIG, "%s: a control character in a text; this is not what idf.py writes", path);
    for (const cJSON *child = value->child; child; child = child->next)
        OTA_TRY(check_strings(child, path, err));
    return OTA_OK;
}

static enum ota_status read_json(const struct folder *f, const char *name, cJSON **out, struct ota_err *err) {
    OTA_CLEAN_FREE char *path = NULL;
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    OTA_TRY(inside(f, name, &path, err));
    OTA_TRY(ota_fs_read(path, BUILD_JSON_MAX, &text, err));
    OTA_TRY(ota_json_tree_parse(ota_buf_span(&text), path, BUILD_JSON_MAX, out, err));
    if (!cJSON_IsObject(*out))
        return ota_err_set(err, OTA_CONFIG, "%s: not a JSON object", path);
    return check_strings(*out, path, err);
}

static bool parse_offset(const char *text, uint32_t *out) {
    char *end = NULL;
    if (strncmp(text, "0x", 2) != 0 || !text[2])
        return false;
    errno = 0;
    unsigned long long v = strtoull(text + 2, &end, 16);
    if (errno || *end || v > UINT32_MAX || !strchr("0123456789abcdefABCDEF", text[2]))
        return false;
    *out = (uint32_t)v;
    return true;
}

/* A top-level entry {offset, file, encrypted}, all of them strings. *file stays NULL when there is none. */
static enum ota_status entry(const struct folder *f, const char *name, const char **file, uint32_t *offset,
                             struct ota_err *err) {
    const cJSON *object = ota_json_tree_object(f->flasher, name);
    if (!object)
        return OTA_OK;
    const char *at = ota_json_tree_string(object, "offset");
    *file = ota_json_tree_string(object, "file");
    if (!*file || !at || !parse_offset(at, offset))
        return ota_err_set(err, OTA_CONFIG, "%s/flasher_args.json: entry \"%s\" lacks a file or an offset \"0x...\"",
                           f->given, name);
    return OTA_OK;
}

/* ---- what the build says about itself ------------------------------------------------------------------ */

static enum ota_status check_target(const struct folder *f, const struct ota_build_options *o, struct ota_err *err) {
    const char *target = f->project ? ota_json_tree_string(f->project, "target") : NULL;
    const cJSON *extra = ota_json_tree_object(f->flasher, "extra_esptool_args");
    if (!target && extra)
        target = ota_json_tree_string(extra, "chip");
    if (target && strcmp(target, o->chip) != 0)
        return ota_err_set(err, OTA_CHIP, "%s is a build for %s, but product %s is %s; push it to another product",
                           f->given, target, o->product, o->chip);
    return OTA_OK;
}

/* "4MB"; `keep` and `detect` say nothing. */
static uint32_t flash_size(const struct folder *f) {
    const cJSON *settings = ota_json_tree_object(f->flasher, "flash_settings");
    const char *text = settings ? ota_json_tree_string(settings, "flash_size") : NULL;
    char *end = NULL;
    unsigned long long mb = text ? strtoull(text, &end, 10) : 0;
    return end && end != text && strcmp(end, "MB") == 0 && mb >= 1 && mb <= 2048 ? (uint32_t)mb << 20 : 0;
}

static enum ota_status read_sdkconfig(const struct folder *f, const struct ota_build_options *o,
                                      struct ota_candidates *c, struct ota_err *err) {
    static const char usual[] = "config/sdkconfig.json";
    if (o->sdkconfig)
        return ota_build_read_sdkconfig(c, o->sdkconfig, err);
    OTA_CLEAN_FREE char *own = ota_sprintf("%s/%s", f->given, usual);
    if (!ota_fs_exists(own))
        return OTA_OK;
    OTA_CLEAN_FREE char *path = NULL;
    OTA_TRY(inside(f, usual, &path, err));
    return ota_build_read_sdkconfig(c, path, err);
}

/* ---- images -------------------------------------------------------------------------------------------- */

static enum ota_status add_table(const struct folder *f, struct ota_candidates *c, struct ota_err *err) {
    static const char usual[] = "partition_table/partition-table.bin";
    const char *file = NULL;
    uint32_t offset = 0;
    OTA_TRY(entry(f, "partition-table", &file, &offset, err));
    if (file) {
        c->table_offset = offset;
        c->table_offset_known = true;
    }
    OTA_CLEAN_FREE char *fallback = ota_sprintf("%s/%s", f->given, usual);
    if (!file && !ota_fs_exists(fallback))
        return OTA_OK;
    OTA_CLEAN_FREE char *path = NULL;
    struct ota_candidate *added = NULL;
    OTA_TRY(inside(f, file ? file : usual, &path, err));
    return ota_candidates_add(c, path, file ? file : usual, OTA_KIND_TABLE, OTA_LABEL_TABLE, &added, err);
}

static enum ota_status add_one(struct ota_candidates *c, const struct folder *f, const char *file, enum ota_kind kind,
                               const char *label, const char *never, struct ota_err *err) {
    OTA_CLEAN_FREE char *path = NULL;
    struct ota_candidate *added = NULL;
    OTA_TRY(inside(f, file, &path, err));
    OTA_TRY(ota_candidates_add(c, path, file, kind, label, &added, err));
    if (never)
        added->never = ota_strdup(never);
    return OTA_OK;
}

/* The file that flash_files puts at `offset`, or NULL. */
static const char *file_at(const struct folder *f, uint32_t offset) {
    const cJSON *files = ota_json_tree_object(f->flasher, "flash_files");
    uint32_t at;
    for (const cJSON *m = files ? files->child : NULL; m; m = m->next)
        if (cJSON_IsString(m) && parse_offset(m->string, &at) && at == offset)
            return m->valuestring;
    return NULL;
}

/* The app goes to whatever slot is passive: its file counts, not the offset it is first flashed to. */
static enum ota_status app_file(const struct folder *f, const struct ota_table *table, const char **file,
                                struct ota_err *err) {
    uint32_t offset;
    OTA_TRY(entry(f, "app", file, &offset, err));
    const struct ota_partition *first = ota_table_by_type(table, OTA_PART_APP, OTA_APP_FACTORY);
    if (!first)
        first = ota_table_by_type(table, OTA_PART_APP, OTA_APP_OTA_0);
    if (!*file && first)
        *file = file_at(f, first->offset);
    if (!*file && f->project)
        *file = ota_json_tree_string(f->project, "app_bin");
    if (!*file)
        return ota_err_set(err, OTA_NOT_FOUND, "%s/flasher_args.json names no app; run idf.py build", f->given);
    return OTA_OK;
}

/* Secure Boot leaves the bootloader out of the list. */
static enum ota_status bootloader_file(const struct folder *f, const struct ota_chip *chip, const char **file,
                                       struct ota_err *err) {
    static const char usual[] = "bootloader/bootloader.bin";
    uint32_t offset;
    OTA_TRY(entry(f, "bootloader", file, &offset, err));
    if (!*file)
        *file = file_at(f, chip->bootloader_offset);
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
static enum ota_status add_other(struct ota_build *b, const struct folder *f, struct ota_candidates *c,
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

static enum ota_status add_images(struct ota_build *b, const struct ota_chip *chip, const struct folder *f,
                                  struct ota_candidates *c, struct ota_err *err) {
    const char *app = NULL, *bootloader = NULL;
    uint32_t offset;
    OTA_TRY(app_file(f, &b->table, &app, err));
    OTA_TRY(add_one(c, f, app, OTA_KIND_APP, OTA_LABEL_APP, NULL, err));
    c->item[c->count - 1].chosen = true;
    if (ota_table_by_type(&b->table, OTA_PART_APP, OTA_APP_FACTORY))
        OTA_TRY(add_one(c, f, app, OTA_KIND_FACTORY, OTA_LABEL_FACTORY, NULL, err));
    OTA_TRY(bootloader_file(f, chip, &bootloader, err));
    if (bootloader)
        OTA_TRY(add_one(c, f, bootloader, OTA_KIND_BOOTLOADER, OTA_LABEL_BOOTLOADER, NULL, err));

    const cJSON *files = ota_json_tree_object(f->flasher, "flash_files");
    for (const cJSON *m = files ? files->child : NULL; m; m = m->next) {
        if (!cJSON_IsString(m) || !parse_offset(m->string, &offset))
            return ota_err_set(err, OTA_CONFIG,
                               "%s/flasher_args.json: flash_files: \"%.40s\" is no \"0x...\": file pair", f->given,
                               m->string);
        bool known = strcmp(m->valuestring, app) == 0 || offset == chip->bootloader_offset ||
                     (c->table_offset_known && offset == c->table_offset);
        if (!known)
            OTA_TRY(add_other(b, f, c, m->valuestring, offset, err));
    }
    return OTA_OK;
}

static enum ota_status scan(struct ota_build *b, const struct ota_build_options *o, struct folder *f,
                            struct ota_candidates *c, struct ota_err *err) {
    f->real = realpath(f->given, NULL);
    if (!f->real)
        return ota_fs_errno(err, f->given, "cannot open");
    enum ota_status st = read_json(f, "flasher_args.json", &f->flasher, err);
    if (st == OTA_NOT_FOUND)
        return ota_err_set(err, st,
                           "%s has no flasher_args.json: not a finished idf.py build. Run idf.py build, or name the "
                           "files: otactl push app.bin",
                           f->given);
    OTA_TRY(st);
    OTA_CLEAN_FREE char *description = ota_sprintf("%s/project_description.json", f->given);
    if (ota_fs_exists(description))
        OTA_TRY(read_json(f, "project_description.json", &f->project, err));
    OTA_TRY(check_target(f, o, err));
    OTA_TRY(add_table(f, c, err));
    OTA_TRY(read_sdkconfig(f, o, c, err));
    c->flash_size = flash_size(f);
    const struct ota_candidate *table = ota_candidates_by_label(c, OTA_LABEL_TABLE);
    if (table)
        OTA_TRY(ota_build_load_table(b, c, table->path, err));
    return add_images(b, ota_chip_by_name(ota_span_str(o->chip)), f, c, err);
}

enum ota_status ota_build_scan_folder(struct ota_build *b, const struct ota_build_options *o, const char *folder,
                                      struct ota_candidates *c, struct ota_err *err) {
    OTA_CLEAN(folder_free) struct folder f = {.given = folder};
    return scan(b, o, &f, c, err);
}
