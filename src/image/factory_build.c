/* SPDX-License-Identifier: Apache-2.0 */
/* flasher_args.json, project_description.json and config/sdkconfig.json of a build folder. */
#include "image/factory_build.h"

#include <errno.h>
#include <string.h>

#include "host/crypto.h"
#include "host/fs.h"
#include "host/json_tree.h"

#define JSON_MAX (1024u * 1024u)

void ota_factory_build_free(struct ota_factory_build *b) {
    for (size_t i = 0; i < b->part_count; i++)
        free(b->part[i].path);
    b->part_count = 0;
}

const char *ota_factory_build_at(const struct ota_factory_build *b, uint32_t offset) {
    for (size_t i = 0; i < b->part_count; i++)
        if (b->part[i].offset == offset)
            return b->part[i].path;
    return NULL;
}

static enum ota_status read_json(const char *folder, const char *name, cJSON **out, struct ota_err *err) {
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", folder, name);
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    enum ota_status status = ota_fs_read(path, JSON_MAX, &text, err);
    if (status == OTA_NOT_FOUND)
        return ota_err_set(err, OTA_NOT_FOUND, "%s: does not exist; is it the folder of a finished idf.py build?",
                           path);
    OTA_TRY(status);
    OTA_TRY(ota_json_tree_parse(ota_buf_span(&text), path, JSON_MAX, out, err));
    return cJSON_IsObject(*out) ? OTA_OK : ota_err_set(err, OTA_CONFIG, "%s: not a JSON object", path);
}

/* "0x8000" or "32768". */
static bool parse_number(const char *text, uint32_t *out) {
    char *end = NULL;
    errno = 0;
    unsigned long long v = text[0] >= '0' && text[0] <= '9' ? strtoull(text, &end, 0) : 0;
    *out = (uint32_t)v;
    return end && end != text && !*end && !errno && v <= UINT32_MAX;
}

/* ---- flasher_args.json --------------------------------------------------------------------------------- */

static enum ota_status find_chip(const char *folder, const cJSON *flasher, struct ota_factory_build *b,
                                 struct ota_err *err) {
    const cJSON *extra = ota_json_tree_object(flasher, "extra_esptool_args");
    const char *name = extra ? ota_json_tree_string(extra, "chip") : NULL;
    b->chip = name ? ota_chip_by_name(ota_span_str(name)) : NULL;
    if (b->chip)
        return OTA_OK;
    return ota_err_set(err, OTA_CHIP, "%s/flasher_args.json: %s", folder,
                       name ? "names a chip that is not known here" : "names no chip in extra_esptool_args");
}

/* 0: it says none; a build with Secure Boot says "keep". */
static uint32_t parse_flash_size(const char *text) {
    char *end = NULL;
    unsigned long mb = text && text[0] >= '1' && text[0] <= '9' ? strtoul(text, &end, 10) : 0;
    bool good = mb >= 1 && mb <= OTA_FACTORY_FLASH_MAX >> 20 && (mb & (mb - 1)) == 0 && strcmp(end, "MB") == 0;
    return good ? (uint32_t)mb << 20 : 0;
}

static enum ota_status find_flash_size(const cJSON *flasher, const char *given, struct ota_factory_build *b,
                                       struct ota_err *err) {
    const cJSON *settings = ota_json_tree_object(flasher, "flash_settings");
    b->flash_size = parse_flash_size(given ? given : settings ? ota_json_tree_string(settings, "flash_size") : NULL);
    return b->flash_size || !given
               ? OTA_OK
               : ota_err_set(err, OTA_USAGE, "--flash-size %.20s: a flash has 1MB, 2MB, 4MB ... %uMB", given,
                             OTA_FACTORY_FLASH_MAX >> 20);
}

static enum ota_status add_image(const char *folder, const cJSON *m, struct ota_factory_build *b, struct ota_err *err) {
    struct ota_factory_part *part = &b->part[b->part_count];
    if (!cJSON_IsString(m) || !parse_number(m->string, &part->offset))
        return ota_err_set(err, OTA_CONFIG, "%s/flasher_args.json: flash_files: \"%.40s\" is no \"0x...\": file pair",
                           folder, m->string);
    if (b->part_count + 1 == OTA_FACTORY_PARTS_MAX)
        return ota_err_set(err, OTA_CONFIG, "%s/flasher_args.json: more than %u flash_files", folder,
                           OTA_FACTORY_PARTS_MAX - 1);
    part->path = m->valuestring[0] == '/' ? ota_strdup(m->valuestring) : ota_sprintf("%s/%s", folder, m->valuestring);
    b->part_count++;
    return OTA_OK;
}

static enum ota_status read_flasher(const char *folder, const char *flash_size, struct ota_factory_build *b,
                                    struct ota_err *err) {
    OTA_CLEAN(ota_json_tree_free) cJSON *flasher = NULL;
    OTA_TRY(read_json(folder, "flasher_args.json", &flasher, err));
    OTA_TRY(find_chip(folder, flasher, b, err));
    OTA_TRY(find_flash_size(flasher, flash_size, b, err));
    const cJSON *files = ota_json_tree_object(flasher, "flash_files");
    for (const cJSON *m = files ? files->child : NULL; m; m = m->next)
        OTA_TRY(add_image(folder, m, b, err));
    if (b->part_count == 0)
        return ota_err_set(err, OTA_CONFIG, "%s/flasher_args.json: no flash_files", folder);
    return OTA_OK;
}

/* ---- config/sdkconfig.json ----------------------------------------------------------------------------- */

static enum ota_status read_config(const char *folder, struct ota_factory_build *b, struct ota_err *err) {
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/config/sdkconfig.json", folder);
    struct ota_build_config c;
    enum ota_status status = ota_build_config_read(path, &c, err);
    if (status == OTA_NOT_FOUND)
        return ota_err_set(err, OTA_NOT_FOUND, "%s: does not exist; is it the folder of a finished idf.py build?",
                           path);
    OTA_TRY(status);
    if (!b->flash_size)
        b->flash_size = parse_flash_size(c.flash_size);
    if (!b->flash_size)
        return ota_err_set(err, OTA_CONFIG,
                           "%s/flasher_args.json does not say how large the flash is; give --flash-size", folder);
    if (c.boot.table_offset <= b->chip->bootloader_offset || c.boot.table_offset >= b->flash_size - OTA_SECTOR)
        return ota_err_set(err, OTA_CONFIG, "%s: a partition table at 0x%x is outside of the flash", path,
                           (unsigned)c.boot.table_offset);
    b->boot = c.boot;
    b->signing = c.signing;
    b->nvs_encryption = c.nvs_encryption;
    b->recovery = b->chip->recovery && c.recovery;
    b->recovery_offset = b->recovery ? c.recovery_offset : 0;
    return OTA_OK;
}

/* With Secure Boot idf.py lists no bootloader, which it leaves to be flashed by hand: in a factory it belongs to it. */
static void add_bootloader(const char *folder, struct ota_factory_build *b) {
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/bootloader/bootloader.bin", folder);
    if (!b->boot.secure_boot || ota_factory_build_at(b, b->chip->bootloader_offset) || !ota_fs_is_file(path))
        return;
    b->part[b->part_count++] = (struct ota_factory_part){b->chip->bootloader_offset, OTA_STEAL(path)};
}

/* ---- chip revision ------------------------------------------------------------------------------------- */

/* Any image of the folder that names a lowest revision must run: the board gets the lowest one that suits them all. */
static void choose_revision(struct ota_factory_build *b) {
    OTA_CLEAN_FREE struct ota_image *image = ota_calloc(1, sizeof *image);
    b->revision = b->recovery ? b->chip->recovery_rev_min : 0;
    for (size_t i = 0; i < b->part_count; i++) {
        OTA_CLEAN(ota_file_source_close) struct ota_file_source file = {.fd = -1};
        struct ota_err no_image;
        if (ota_file_source_open(&file, b->part[i].path, b->flash_size, &no_image) == OTA_OK &&
            ota_image_read(&file.source, &ota_crypto_openssl, image, &no_image) == OTA_OK &&
            image->min_rev > b->revision)
            b->revision = image->min_rev;
    }
}

enum ota_status ota_factory_build_open(struct ota_factory_build *b, const char *folder, const char *flash_size,
                                       struct ota_err *err) {
    memset(b, 0, sizeof *b);
    OTA_TRY(read_flasher(folder, flash_size, b, err));
    OTA_TRY(read_config(folder, b, err));
    add_bootloader(folder, b);
    choose_revision(b);
    return OTA_OK;
}
