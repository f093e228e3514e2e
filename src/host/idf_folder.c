/* SPDX-License-Identifier: Apache-2.0 */
/* One reading of a build folder for releases and for factory images. */
#include "host/idf_folder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/fs.h"
#include "host/printable.h"

#define IDF_JSON_MAX (256u * 1024u)
#define FLASH_MIB_MAX 128u

void ota_idf_folder_free(struct ota_idf_folder *f) {
    free(f->real);
    f->real = NULL;
    ota_json_tree_free(&f->flasher);
    ota_json_tree_free(&f->project);
    f->file_count = 0;
}

/* ---- paths and texts ----------------------------------------------------------------------------------- */

enum ota_status ota_idf_folder_path(const struct ota_idf_folder *f, const char *name, char **out, struct ota_err *err) {
    if (name[0] == '/' || strcmp(name, "..") == 0 || strncmp(name, "../", 3) == 0 || strstr(name, "/../"))
        return ota_err_set(err, OTA_ARGUMENT, "%s names \"%s\", which lies outside of it; %s", f->given, name,
                           f->remedy);
    OTA_CLEAN_FREE char *joined = ota_sprintf("%s/%s", f->given, name);
    OTA_CLEAN_FREE char *real = realpath(joined, NULL);
    if (!real && errno == ENOENT)
        return ota_err_set(err, OTA_NOT_FOUND, "%s: does not exist; is the build finished (idf.py build)?", joined);
    if (!real)
        return ota_fs_errno(err, joined, "cannot resolve");
    size_t n = strlen(f->real);
    if (strncmp(real, f->real, n) != 0 || real[n] != '/')
        return ota_err_set(err, OTA_ARGUMENT, "%s: a link out of the build folder; %s", joined, f->remedy);
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

static enum ota_status read_json(const struct ota_idf_folder *f, const char *name, cJSON **out, struct ota_err *err) {
    OTA_CLEAN_FREE char *path = NULL;
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    OTA_TRY(ota_idf_folder_path(f, name, &path, err));
    OTA_TRY(ota_fs_read(path, IDF_JSON_MAX, &text, err));
    OTA_TRY(ota_json_tree_parse(ota_buf_span(&text), path, IDF_JSON_MAX, out, err));
    if (!cJSON_IsObject(*out))
        return ota_err_set(err, OTA_CONFIG, "%s: not a JSON object", path);
    return check_strings(*out, path, err);
}

/* ---- flash_files and entries --------------------------------------------------------------------------- */

/* Nothing but "0x1f000": what else strtoull() takes is not what idf.py writes. */
static bool parse_offset(const char *text, uint32_t *out) {
    char *end = NULL;
    if (strncmp(text, "0x", 2) != 0 || !text[2] || !strchr("0123456789abcdefABCDEF", text[2]))
        return false;
    errno = 0;
    unsigned long long v = strtoull(text + 2, &end, 16);
    *out = (uint32_t)v;
    return !errno && !*end && v <= UINT32_MAX;
}

static enum ota_status add_file(struct ota_idf_folder *f, const cJSON *m, struct ota_err *err) {
    struct ota_idf_file file;
    if (!cJSON_IsString(m) || !parse_offset(m->string, &file.offset))
        return ota_err_set(err, OTA_CONFIG, "%s/flasher_args.json: flash_files: \"%.40s\" is no \"0x...\": file pair",
                           f->given, m->string);
    if (ota_idf_folder_file_at(f, file.offset))
        return ota_err_set(err, OTA_CONFIG, "%s/flasher_args.json: flash_files puts two files at 0x%x", f->given,
                           (unsigned)file.offset);
    if (f->file_count == OTA_IDF_FILES_MAX)
        return ota_err_set(err, OTA_CONFIG, "%s/flasher_args.json: more than %u flash_files", f->given,
                           OTA_IDF_FILES_MAX);
    file.name = m->valuestring;
    f->file[f->file_count++] = file;
    return OTA_OK;
}

const char *ota_idf_folder_file_at(const struct ota_idf_folder *f, uint32_t offset) {
    for (size_t i = 0; i < f->file_count; i++)
        if (f->file[i].offset == offset)
            return f->file[i].name;
    return NULL;
}

enum ota_status ota_idf_folder_entry(const struct ota_idf_folder *f, const char *name, const char **file,
                                     uint32_t *offset, struct ota_err *err) {
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

static const char *text_in(const struct ota_idf_folder *f, const char *object, const char *name) {
    const cJSON *o = ota_json_tree_object(f->flasher, object);
    return o ? ota_json_tree_string(o, name) : NULL;
}

enum ota_status ota_idf_folder_chip(const struct ota_idf_folder *f, const char **out, struct ota_err *err) {
    const char *target = f->project ? ota_json_tree_string(f->project, "target") : NULL;
    const char *chip = text_in(f, "extra_esptool_args", "chip");
    if (target && chip && strcmp(target, chip) != 0)
        return ota_err_set(err, OTA_CHIP,
                           "%s: project_description.json is of a build for %.20s, flasher_args.json for %.20s; run "
                           "idf.py build",
                           f->given, target, chip);
    *out = target ? target : chip;
    return OTA_OK;
}

const char *ota_idf_folder_setting(const struct ota_idf_folder *f, const char *name) {
    return text_in(f, "flash_settings", name);
}

uint32_t ota_idf_flash_size(const char *text) {
    for (uint32_t mib = 1; text && mib <= FLASH_MIB_MAX; mib *= 2) {
        char name[8];
        (void)ota_format(name, sizeof name, "%uMB", mib);
        if (strcmp(text, name) == 0)
            return mib << 20;
    }
    return 0;
}

enum ota_status ota_idf_folder_open(struct ota_idf_folder *f, const char *given, const char *remedy,
                                    struct ota_err *err) {
    *f = (struct ota_idf_folder){.given = given, .remedy = remedy, .real = realpath(given, NULL)};
    if (!f->real)
        return ota_fs_errno(err, given, "cannot open");
    enum ota_status st = read_json(f, "flasher_args.json", &f->flasher, err);
    if (st == OTA_NOT_FOUND)
        return ota_err_set(err, st, "%s has no flasher_args.json: not a finished idf.py build; run idf.py build",
                           given);
    OTA_TRY(st);
    OTA_CLEAN_FREE char *description = ota_sprintf("%s/project_description.json", given);
    if (ota_fs_exists(description))
        OTA_TRY(read_json(f, "project_description.json", &f->project, err));
    const cJSON *files = ota_json_tree_object(f->flasher, "flash_files");
    for (const cJSON *m = files ? files->child : NULL; m; m = m->next)
        OTA_TRY(add_file(f, m, err));
    return OTA_OK;
}
