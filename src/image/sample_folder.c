/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the images and the JSON files of a sample build folder. */
#include "image/sample_folder.h"

#include <string.h>

#include "host/fs.h"
#include "host/json_tree.h"

#define FOLDER_MODE 0755
#define FILE_MODE 0644
#define DESCRIPTION "project_description.json"
#define DESCRIPTION_MAX 65536u
#define GENERATOR "otadevice sample"

struct folder {
    const struct ota_sample *sample;
    const char *dir;
    const struct ota_crypto *crypto;
    cJSON *flasher, *files; /* flasher_args.json and its flash_files */
};

static enum ota_status write_file(const struct folder *f, const char *name, const void *p, size_t n,
                                  struct ota_err *err) {
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", f->dir, name);
    return ota_fs_write(path, p, n, FILE_MODE, err);
}

static enum ota_status write_json(const struct folder *f, const char *name, const cJSON *json, struct ota_err *err) {
    OTA_CLEAN_FREE char *text = cJSON_Print(json);
    if (!text)
        return ota_err_set(err, OTA_MEMORY, "%s: out of memory", name);
    size_t n = strlen(text);
    text[n] = '\n'; /* in place of the NUL; the length is given */
    return write_file(f, name, text, n + 1, err);
}

/* An image file, and its rows in flasher_args.json under `entry`. */
static enum ota_status put_image(struct folder *f, const char *entry, const char *file, uint32_t offset,
                                 const struct ota_buf *image, struct ota_err *err) {
    char at[11];
    ota_format(at, sizeof at, "0x%x", offset);
    cJSON_AddStringToObject(f->files, at, file);
    cJSON *object = cJSON_AddObjectToObject(f->flasher, entry);
    cJSON_AddStringToObject(object, "offset", at);
    cJSON_AddStringToObject(object, "file", file);
    cJSON_AddStringToObject(object, "encrypted", "false");
    return write_file(f, file, image->p, image->len, err);
}

static enum ota_status put_data(struct folder *f, const char *label, uint32_t offset, uint32_t size,
                                struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf image = {0};
    OTA_CLEAN_FREE char *file = ota_sprintf("%s.bin", label);
    OTA_TRY(ota_sample_data(f->sample, label, size, f->crypto, &image, err));
    return put_image(f, label, file, offset, &image, err);
}

static enum ota_status put_otadata(struct folder *f, uint32_t offset, uint32_t size, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf image = {0};
    ota_buf_reserve(&image, size);
    memset(image.p, 0xFF, size);
    image.len = size;
    return put_image(f, "otadata", "ota_data_initial.bin", offset, &image, err);
}

static enum ota_status put_app(struct folder *f, uint32_t offset, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf image = {0};
    OTA_CLEAN_FREE char *file = ota_sprintf("%s.bin", f->sample->project);
    OTA_TRY(ota_sample_app(f->sample, f->crypto, &image, err));
    return put_image(f, "app", file, offset, &image, err);
}

static enum ota_status put_boot_parts(struct folder *f, struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf bootloader = {0};
    OTA_CLEAN(ota_buf_free) struct ota_buf table = {0};
    OTA_TRY(ota_sample_bootloader(f->sample, f->crypto, &bootloader, err));
    OTA_TRY(
        put_image(f, "bootloader", "bootloader/bootloader.bin", f->sample->chip->bootloader_offset, &bootloader, err));
    OTA_TRY(ota_sample_table(f->sample, f->crypto, &table, err));
    return put_image(f, "partition-table", "partition_table/partition-table.bin", OTA_TABLE_DEFAULT_OFFSET, &table,
                     err);
}

/* Every partition of the table that a build flashes; nvs, phy_init, ota_state, ota_id and the second slot have no
 * image. */
static enum ota_status put_partitions(struct folder *f, struct ota_err *err) {
    struct ota_partition rows[OTA_SAMPLE_ROWS_MAX];
    size_t count = 0;
    ota_sample_rows(f->sample, rows, &count);
    for (size_t i = 0; i < count; i++) {
        const struct ota_partition *p = &rows[i];
        if (strcmp(p->label, "otadata") == 0)
            OTA_TRY(put_otadata(f, p->offset, p->size, err));
        else if (p->type == OTA_PART_APP && p->subtype == OTA_APP_OTA_0)
            OTA_TRY(put_app(f, p->offset, err));
        else if (p->type == OTA_PART_DATA && p->subtype == OTA_DATA_UNDEFINED)
            OTA_TRY(put_data(f, p->label, p->offset, OTA_SAMPLE_STORAGE_SIZE, err));
    }
    return OTA_OK;
}

static enum ota_status write_flasher_args(struct folder *f, struct ota_err *err) {
    static const char *const write_args[] = {"--flash-mode", "dio", "--flash-size", "4MB", "--flash-freq"};
    OTA_CLEAN_FREE char *freq = ota_sprintf("%sm", f->sample->chip->speed_mhz[0]);
    cJSON *args = cJSON_AddArrayToObject(f->flasher, "write_flash_args");
    for (size_t i = 0; i < OTA_ARRAY_LEN(write_args); i++)
        cJSON_AddItemToArray(args, cJSON_CreateString(write_args[i]));
    cJSON_AddItemToArray(args, cJSON_CreateString(freq));
    cJSON *settings = cJSON_AddObjectToObject(f->flasher, "flash_settings");
    cJSON_AddStringToObject(settings, "flash_mode", "dio");
    cJSON_AddStringToObject(settings, "flash_size", "4MB");
    cJSON_AddStringToObject(settings, "flash_freq", freq);
    f->files = cJSON_AddObjectToObject(f->flasher, "flash_files");
    OTA_TRY(put_boot_parts(f, err));
    OTA_TRY(put_partitions(f, err));
    cJSON *extra = cJSON_AddObjectToObject(f->flasher, "extra_esptool_args");
    cJSON_AddStringToObject(extra, "after", "hard-reset");
    cJSON_AddStringToObject(extra, "before", "default-reset");
    cJSON_AddBoolToObject(extra, "stub", true);
    cJSON_AddStringToObject(extra, "chip", f->sample->chip->name);
    return write_json(f, "flasher_args.json", f->flasher, err);
}

static enum ota_status write_description(const struct folder *f, struct ota_err *err) {
    OTA_CLEAN(ota_json_tree_free) cJSON *d = cJSON_CreateObject();
    OTA_CLEAN_FREE char *app_bin = ota_sprintf("%s.bin", f->sample->project);
    cJSON_AddStringToObject(d, "version", "1.3");
    cJSON_AddStringToObject(d, "generator", GENERATOR);
    cJSON_AddStringToObject(d, "project_name", f->sample->project);
    cJSON_AddStringToObject(d, "project_version", f->sample->version);
    cJSON_AddStringToObject(d, "build_dir", ".");
    cJSON_AddStringToObject(d, "app_bin", app_bin);
    cJSON_AddStringToObject(d, "target", f->sample->chip->name);
    cJSON_AddStringToObject(d, "min_rev", "0");
    cJSON_AddStringToObject(d, "git_revision", OTA_SAMPLE_IDF);
    cJSON_AddStringToObject(d, "build_type", "flash_app");
    return write_json(f, DESCRIPTION, d, err);
}

static enum ota_status write_sdkconfig(const struct folder *f, struct ota_err *err) {
    OTA_CLEAN(ota_json_tree_free) cJSON *c = cJSON_CreateObject();
    cJSON_AddBoolToObject(c, "BOOTLOADER_APP_ANTI_ROLLBACK", false);
    cJSON_AddBoolToObject(c, "BOOTLOADER_APP_ROLLBACK_ENABLE", true);
    cJSON_AddStringToObject(c, "IDF_TARGET", f->sample->chip->name);
    cJSON_AddNumberToObject(c, "PARTITION_TABLE_OFFSET", OTA_TABLE_DEFAULT_OFFSET);
    cJSON_AddBoolToObject(c, "SECURE_BOOT", false);
    cJSON_AddBoolToObject(c, "SECURE_BOOT_V1_ENABLED", false);
    cJSON_AddBoolToObject(c, "SECURE_BOOT_V2_ENABLED", false);
    cJSON_AddBoolToObject(c, "SECURE_FLASH_ENC_ENABLED", false);
    cJSON_AddBoolToObject(c, "SECURE_SIGNED_ON_UPDATE_NO_SECURE_BOOT", false);
    return write_json(f, "config/sdkconfig.json", c, err);
}

static bool is_earlier_sample(const char *dir) {
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/" DESCRIPTION, dir);
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    OTA_CLEAN(ota_json_tree_free) cJSON *json = NULL;
    struct ota_err ignored;
    if (ota_fs_read(path, DESCRIPTION_MAX, &text, &ignored) != OTA_OK ||
        ota_json_tree_parse(ota_buf_span(&text), DESCRIPTION, DESCRIPTION_MAX, &json, &ignored) != OTA_OK)
        return false;
    const char *generator = ota_json_tree_string(json, "generator");
    return generator && strcmp(generator, GENERATOR) == 0;
}

static enum ota_status check_folder(const char *dir, struct ota_err *err) {
    OTA_CLEAN(ota_fs_names_free) struct ota_fs_names names = {0};
    if (!ota_fs_exists(dir))
        return OTA_OK;
    OTA_TRY(ota_fs_list(dir, &names, err));
    if (names.count && !is_earlier_sample(dir))
        return ota_err_set(err, OTA_EXISTS, "%s: not empty, and not an earlier sample; name a new or empty folder",
                           dir);
    return OTA_OK;
}

static enum ota_status make_folders(const char *dir, struct ota_err *err) {
    static const char *const below[] = {"bootloader", "partition_table", "config"};
    for (size_t i = 0; i < OTA_ARRAY_LEN(below); i++) {
        OTA_CLEAN_FREE char *path = ota_sprintf("%s/%s", dir, below[i]);
        OTA_TRY(ota_fs_mkdirs(path, FOLDER_MODE, err));
    }
    return OTA_OK;
}

enum ota_status ota_sample_folder(const struct ota_sample *s, const char *dir, const struct ota_crypto *crypto,
                                  struct ota_err *err) {
    OTA_CLEAN(ota_json_tree_free) cJSON *flasher = cJSON_CreateObject();
    struct folder f = {.sample = s, .dir = dir, .crypto = crypto, .flasher = flasher};
    OTA_TRY(ota_sample_check(s, err));
    OTA_TRY(check_folder(dir, err));
    OTA_TRY(make_folders(dir, err));
    /* First, so that a folder left half-written is known as ours. */
    OTA_TRY(write_description(&f, err));
    OTA_TRY(write_sdkconfig(&f, err));
    return write_flasher_args(&f, err);
}
