/* SPDX-License-Identifier: Apache-2.0 */
/* flasher_args.json, project_description.json and config/sdkconfig.json of a build folder. */
#include "image/factory_build.h"

#include <string.h>

#include "host/crypto.h"
#include "host/fs.h"

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

/* ---- flasher_args.json --------------------------------------------------------------------------------- */

static enum ota_status find_chip(const struct ota_idf_folder *f, struct ota_factory_build *b, struct ota_err *err) {
    const char *name = NULL;
    OTA_TRY(ota_idf_folder_chip(f, &name, err));
    b->chip = name ? ota_chip_by_name(ota_span_str(name)) : NULL;
    if (b->chip)
        return OTA_OK;
    return ota_err_set(err, OTA_CHIP, "%s/flasher_args.json: %s", f->given,
                       name ? "names a chip that is not known here" : "names no chip in extra_esptool_args");
}

/* 0: it says none; a build with Secure Boot says "keep". */
static enum ota_status find_flash_size(const struct ota_idf_folder *f, const char *given, struct ota_factory_build *b,
                                       struct ota_err *err) {
    b->flash_size = ota_idf_flash_size(given ? given : ota_idf_folder_setting(f, "flash_size"));
    return b->flash_size || !given
               ? OTA_OK
               : ota_err_set(err, OTA_USAGE, "--flash-size %.20s: a flash has 1MB, 2MB, 4MB ... %uMB", given,
                             OTA_FACTORY_FLASH_MAX >> 20);
}

static enum ota_status add_part(const struct ota_idf_folder *f, uint32_t offset, const char *name,
                                struct ota_factory_build *b, struct ota_err *err) {
    char *path = NULL;
    OTA_TRY(ota_idf_folder_path(f, name, &path, err));
    b->part[b->part_count++] = (struct ota_factory_part){offset, path};
    return OTA_OK;
}

static enum ota_status read_flasher(const struct ota_idf_folder *f, const char *flash_size, struct ota_factory_build *b,
                                    struct ota_err *err) {
    OTA_TRY(find_chip(f, b, err));
    OTA_TRY(find_flash_size(f, flash_size, b, err));
    OTA_TRY(ota_flash_settings_read(f, b->chip, flash_size, &b->settings, err));
    for (size_t i = 0; i < f->file_count; i++)
        OTA_TRY(add_part(f, f->file[i].offset, f->file[i].name, b, err));
    if (b->part_count == 0)
        return ota_err_set(err, OTA_CONFIG, "%s/flasher_args.json: no flash_files", f->given);
    return OTA_OK;
}

/* ---- config/sdkconfig.json ----------------------------------------------------------------------------- */

static enum ota_status read_config(const struct ota_idf_folder *f, struct ota_factory_build *b, struct ota_err *err) {
    OTA_CLEAN_FREE char *path = NULL;
    struct ota_build_config c;
    OTA_TRY(ota_idf_folder_path(f, "config/sdkconfig.json", &path, err));
    OTA_TRY(ota_build_config_read(path, b->chip, &c, err));
    if (!b->flash_size)
        b->flash_size = ota_idf_flash_size(c.flash_size);
    if (!b->flash_size)
        return ota_err_set(err, OTA_CONFIG,
                           "%s/flasher_args.json does not say how large the flash is; give --flash-size", f->given);
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
static enum ota_status add_bootloader(const struct ota_idf_folder *f, struct ota_factory_build *b,
                                      struct ota_err *err) {
    static const char usual[] = "bootloader/bootloader.bin";
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", f->given, usual);
    if (!b->boot.secure_boot || ota_factory_build_at(b, b->chip->bootloader_offset) || !ota_fs_exists(path))
        return OTA_OK;
    return add_part(f, b->chip->bootloader_offset, usual, b, err);
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

static enum ota_status read_folder(const struct ota_idf_folder *f, const char *flash_size, struct ota_factory_build *b,
                                   struct ota_err *err) {
    OTA_TRY(read_flasher(f, flash_size, b, err));
    OTA_TRY(read_config(f, b, err));
    OTA_TRY(add_bootloader(f, b, err));
    choose_revision(b);
    return OTA_OK;
}

enum ota_status ota_factory_build_open(struct ota_factory_build *b, const char *folder, const char *flash_size,
                                       struct ota_err *err) {
    OTA_CLEAN(ota_idf_folder_free) struct ota_idf_folder f = {0};
    memset(b, 0, sizeof *b);
    b->folder = folder;
    OTA_TRY(ota_idf_folder_open(&f, folder, "copy it into the build folder", err));
    return read_folder(&f, flash_size, b, err);
}
