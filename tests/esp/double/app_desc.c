/* SPDX-License-Identifier: Apache-2.0 */
#include "double/app_desc.h"

esp_app_desc_t double_app_desc = {
    .magic_word = 0xABCD5432,
    .version = "1.0.0",
    .project_name = "thermo",
    .date = "Jan  1 2026",
    .time = "12:00:00",
    .idf_ver = "v6.0.2",
};

const esp_app_desc_t *esp_app_get_description(void) {
    return &double_app_desc;
}
