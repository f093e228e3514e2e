/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTA_TESTS_ESP_APP_DESC_H
#define OTA_TESTS_ESP_APP_DESC_H

#include <stdint.h>

typedef struct {
    uint32_t magic_word, secure_version, reserv1[2];
    char version[32], project_name[32], time[16], date[16], idf_ver[32];
    uint8_t app_elf_sha256[32];
    uint8_t rest[80];
} esp_app_desc_t;

/* Of the app that runs. */
const esp_app_desc_t *esp_app_get_description(void);

#endif
