/* SPDX-License-Identifier: Apache-2.0 */
/* How a board is flashed: commands of esptool. */
#include <stdlib.h>
#include <string.h>

#include "ctl/provision.h"
#include "host/shell_words.h"
#include "image/identity.h"

static cJSON *add_command(const struct ota_provisioning *p, cJSON *list, const char *verb) {
    cJSON *words = cJSON_CreateArray();
    ota_shell_add(words, "esptool");
    ota_shell_add(words, "--chip");
    ota_shell_add(words, "%s", p->build.chip->name);
    ota_shell_add(words, "%s", verb);
    (void)cJSON_AddItemToArray(list, words);
    return words;
}

static void add_erase(const struct ota_provisioning *p, const struct ota_partition *row, cJSON *list) {
    cJSON *words = add_command(p, list, "erase-region");
    ota_shell_add(words, "0x%x", (unsigned)row->offset);
    ota_shell_add(words, "0x%x", (unsigned)row->size);
}

static bool has_values(const struct ota_provisioning *p, const struct ota_provision_board *b) {
    return p->list.key_count || b->text[OTA_COLUMN_SSID] || b->text[OTA_COLUMN_SOFTAP];
}

/* As in a whole image, and as idf.py flash does it. */
static void add_settings(const struct ota_provisioning *p, cJSON *words) {
    char *rest = NULL;
    if (!p->flash.header_set)
        return;
    OTA_CLEAN_FREE char *options = ota_flash_settings_options(&p->build.settings, p->build.chip);
    for (const char *word = strtok_r(options, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        ota_shell_add(words, "%s", word);
}

/* The build's own files and the board's; blank, as in a whole image, is what an earlier life may have left. */
static void add_parts(const struct ota_provisioning *p, const struct ota_provision_board *b, const char *folder,
                      cJSON *list) {
    bool nvs = has_values(p, b);
    add_erase(p, p->state_row, list);
    if (p->nvs_row && !p->nvs_built && !nvs)
        add_erase(p, p->nvs_row, list);
    cJSON *words = add_command(p, list, "write-flash");
    add_settings(p, words);
    for (size_t i = 0; i < p->build.part_count; i++) {
        OTA_CLEAN_FREE char *whole = folder[0] ? NULL : realpath(p->build.part[i].path, NULL);
        ota_shell_add(words, "0x%x", (unsigned)p->build.part[i].offset);
        ota_shell_add(words, "%s", whole ? whole : p->build.part[i].path);
    }
    if (nvs) {
        ota_shell_add(words, "0x%x", (unsigned)p->nvs_row->offset);
        ota_shell_add(words, "%s%s.nvs.bin", folder, ota_provision_id(b));
    }
    ota_shell_add(words, "0x%x", (unsigned)p->id_row->offset);
    ota_shell_add(words, "%s%s." OTA_ID_LABEL ".bin", folder, ota_provision_id(b));
}

static void add_whole(const struct ota_provisioning *p, const struct ota_provision_board *b, const char *folder,
                      cJSON *list) {
    cJSON *words = add_command(p, list, "write-flash");
    ota_shell_add(words, "0x0");
    ota_shell_add(words, "%s%s.bin", folder, ota_provision_id(b));
}

void ota_provision_commands(const struct ota_provisioning *p, const struct ota_provision_board *b, const char *folder,
                            cJSON *object) {
    cJSON *lines = cJSON_AddArrayToObject(object, "commands"), *list = cJSON_AddArrayToObject(object, "argv");
    const cJSON *words;
    if (p->parts)
        add_parts(p, b, folder, list);
    else
        add_whole(p, b, folder, list);
    cJSON_ArrayForEach(words, list) {
        OTA_CLEAN_FREE char *line = ota_shell_line(words);
        (void)cJSON_AddItemToArray(lines, cJSON_CreateString(line));
    }
}
