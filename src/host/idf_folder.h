/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The folder of a finished idf.py build: flasher_args.json, the only complete list of its images, and
 * project_description.json. A build may come from elsewhere, and what it names is published, or flashed into boards:
 * files must lie below the folder, also after links are followed, and texts hold no control characters.
 *
 *   {"flash_settings": {"flash_mode": "dio", "flash_size": "4MB", "flash_freq": "80m"},
 *    "flash_files": {"0x8000": "partition_table/partition-table.bin", ...},
 *    "app": {"offset": "0x10000", "file": "hello.bin", "encrypted": "false"}, ...
 *    "extra_esptool_args": {"chip": "esp32c3", ...}}
 *
 * idf.py writes names relative to the folder, those of files elsewhere with "../". Source: ESP-IDF
 * esptool_py/{flasher_args.json.in,project_include.cmake}, tools/cmake/project_description.json.in.
 */
#ifndef OTA_HOST_IDF_FOLDER_H
#define OTA_HOST_IDF_FOLDER_H

#include "host/json_tree.h"

#define OTA_IDF_FILES_MAX 63u

/* One of flash_files; the name belongs to the folder. */
struct ota_idf_file {
    uint32_t offset;
    const char *name;
};

struct ota_idf_folder {
    const char *given;  /* as the user named it */
    const char *remedy; /* for a file that lies outside: "copy it into ..." */
    char *real;         /* resolved */
    cJSON *flasher;     /* flasher_args.json */
    cJSON *project;     /* project_description.json, or NULL */
    size_t file_count;
    struct ota_idf_file file[OTA_IDF_FILES_MAX]; /* of different offsets */
};
void ota_idf_folder_free(struct ota_idf_folder *f);
/* Borrows given and remedy. NOT_FOUND without a flasher_args.json; ARGUMENT for a link out of the folder, CONFIG, JSON_*,
 * TOO_LARGE. Free it also after an error. */
OTA_MUST_USE enum ota_status ota_idf_folder_open(struct ota_idf_folder *f, const char *given, const char *remedy,
                                                 struct ota_err *err);
/* The path of a file that the build names; the caller frees. ARGUMENT when it lies outside, NOT_FOUND. */
OTA_MUST_USE enum ota_status ota_idf_folder_path(const struct ota_idf_folder *f, const char *name, char **out,
                                                 struct ota_err *err);
/* A top-level entry: *file stays as it was when there is none. CONFIG. */
OTA_MUST_USE enum ota_status ota_idf_folder_entry(const struct ota_idf_folder *f, const char *name, const char **file,
                                                  uint32_t *offset, struct ota_err *err);
/* The name of the file that flash_files puts at `offset`, or NULL. */
const char *ota_idf_folder_file_at(const struct ota_idf_folder *f, uint32_t offset);
/* What the build is for; NULL when it does not say. CHIP when its two files say different things. */
OTA_MUST_USE enum ota_status ota_idf_folder_chip(const struct ota_idf_folder *f, const char **out, struct ota_err *err);
/* A text of flash_settings, or NULL. */
const char *ota_idf_folder_setting(const struct ota_idf_folder *f, const char *name);

/* "4MB" in bytes, as esptool has flash sizes (1MB to 128MB); 0 for anything else, as "keep" and "detect". */
uint32_t ota_idf_flash_size(const char *text);

#endif
