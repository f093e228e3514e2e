/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of boards that are updated. */
#include "image/table_agent.h"

#include <string.h>

#include "ota/agent.h"

/* The rows to add, as they are told. */
#define STATE_ROW OTA_STATE_LABEL ", data, nvs, , 40K"
#define APP_SIZE_MAX 0x1000000u
#define ID_ROW OTA_ID_LABEL ", data, nvs, , 16K, readonly"

static enum ota_status check_row(const struct ota_partition *p, const char *row, uint32_t least, struct ota_err *err) {
    bool is_nvs = p->type == OTA_PART_DATA && p->subtype == OTA_DATA_NVS;
    if (!is_nvs)
        return ota_err_set(err, OTA_CONFIG, "%s must be of type data and subtype nvs: %s", p->label, row);
    return p->size >= least ? OTA_OK
                            : ota_err_set(err, OTA_CONFIG, "%s has 0x%x bytes; give it at least %uK", p->label,
                                          (unsigned)p->size, (unsigned)(least / 1024u));
}

enum ota_status ota_table_check_agent(const struct ota_table *t, struct ota_err *err) {
    const struct ota_partition *state = ota_table_by_label(t, OTA_STATE_LABEL);
    const struct ota_partition *id = ota_table_by_label(t, OTA_ID_LABEL);
    size_t slots = ota_table_slot_count(t);
    if (slots < 2)
        return ota_err_set(err, OTA_CONFIG,
                           "%zu ota_ slot%s; an update is written into the slot that does not run, so that it takes "
                           "two: ota_0 and ota_1",
                           slots, slots == 1 ? "" : "s");
    if (!state)
        return ota_err_set(err, OTA_CONFIG, "the partition table has no %s; add a row to its CSV: %s", OTA_STATE_LABEL,
                           STATE_ROW);
    OTA_TRY(check_row(state, STATE_ROW, OTA_STATE_SIZE_MIN, err));
    if (id)
        OTA_TRY(check_row(id, ID_ROW, OTA_ID_SIZE_MIN, err));
    return state->flags & OTA_FLAG_READONLY
               ? ota_err_set(err, OTA_CONFIG, "%s is flagged readonly; the agent writes its journal there",
                             OTA_STATE_LABEL)
               : OTA_OK;
}

/* Of one partition a bootloader maps 24 bits, unless its chip's cache knows 32-bit addresses. Source: ESP-IDF
 * esp_image_format.c (ESP_IMAGE_MAX_FLASH_ADDR_SIZE), soc_caps.h (SOC_SPI_MEM_SUPPORT_CACHE_32BIT_ADDR_MAP). */
static bool maps_large_apps(const struct ota_chip *chip) {
    static const char *const names[] = {"esp32s3", "esp32c5", "esp32c61", "esp32p4", "esp32h4", "esp32s31"};
    for (size_t i = 0; i < OTA_ARRAY_LEN(names); i++)
        if (strcmp(chip->name, names[i]) == 0)
            return true;
    return false;
}

static enum ota_status check_app_sizes(const struct ota_table *t, const struct ota_chip *chip, struct ota_err *err) {
    for (size_t i = 0; i < t->count; i++)
        if (t->row[i].type == OTA_PART_APP && t->row[i].size > APP_SIZE_MAX && !maps_large_apps(chip))
            return ota_err_set(err, OTA_TABLE_LAYOUT,
                               "%s has 0x%x bytes; a bootloader of the %s starts nothing from a partition over 16 MiB",
                               t->row[i].label, (unsigned)t->row[i].size, chip->name);
    return OTA_OK;
}

enum ota_status ota_table_check_chip(const struct ota_table *t, const struct ota_chip *chip, uint32_t table_offset,
                                     struct ota_err *err) {
    const struct ota_partition *primary = ota_table_by_type(t, OTA_PART_BOOTLOADER, OTA_BOOT_PRIMARY);
    const struct ota_partition *recovery = ota_table_by_type(t, OTA_PART_BOOTLOADER, OTA_BOOT_RECOVERY);
    if (table_offset <= chip->bootloader_offset)
        return ota_err_set(err, OTA_TABLE_LAYOUT, "the table at 0x%x leaves the %s's bootloader at 0x%x no room",
                           (unsigned)table_offset, chip->name, (unsigned)chip->bootloader_offset);
    if (primary && primary->offset != chip->bootloader_offset)
        return ota_err_set(err, OTA_TABLE_LAYOUT, "%s is at 0x%x; the ROM of the %s starts what is at 0x%x",
                           primary->label, (unsigned)primary->offset, chip->name, (unsigned)chip->bootloader_offset);
    if (recovery && !chip->recovery)
        return ota_err_set(err, OTA_TABLE_LAYOUT, "%s: the ROM of the %s knows no recovery bootloader; remove the row",
                           recovery->label, chip->name);
    if (recovery && recovery->size < table_offset - chip->bootloader_offset)
        return ota_err_set(err, OTA_TABLE_LAYOUT, "%s has 0x%x bytes; a bootloader may have 0x%x", recovery->label,
                           (unsigned)recovery->size, (unsigned)(table_offset - chip->bootloader_offset));
    return check_app_sizes(t, chip, err);
}

/* ---- remarks ------------------------------------------------------------------------------------------- */

/* Every word of the CSV's columns Type and SubType: some 40. */
struct word {
    bool is_type;
    uint8_t type, subtype;
    char text[OTA_LABEL_MAX + 1];
};
#define WORDS_MAX 64u

static size_t list_words(struct word out[WORDS_MAX]) {
    size_t n = 0;
    for (unsigned type = OTA_PART_APP; type <= OTA_PART_TABLE; type++)
        for (unsigned subtype = 0; subtype <= UINT8_MAX + 1u && n < WORDS_MAX; subtype++) {
            const struct ota_partition p = {.type = (uint8_t)type, .subtype = (uint8_t)subtype};
            bool is_type = subtype > UINT8_MAX;
            char buf[8];
            const char *text = is_type ? ota_partition_type_name(&p, buf) : ota_partition_subtype_name(&p, buf);
            if (strncmp(text, "0x", 2) == 0)
                continue;
            out[n] = (struct word){.is_type = is_type, .type = p.type, .subtype = p.subtype};
            ota_format(out[n++].text, sizeof out->text, "%s", text);
        }
    return n;
}

/* Is the label a word that means another type or subtype than the row has? gen_esp32part.py warns as well. */
static bool misleads(const struct ota_partition *p, const struct word *word, size_t count) {
    bool is_word = false;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(p->label, word[i].text) != 0)
            continue;
        if (p->type == word[i].type && (word[i].is_type || p->subtype == word[i].subtype))
            return false;
        is_word = true;
    }
    return is_word;
}

static void remark_slots(const struct ota_table *t, struct ota_buf *out) {
    uint32_t least = UINT32_MAX, most = 0;
    for (size_t i = 0; i < ota_table_slot_count(t); i++) {
        uint32_t size = ota_table_slot(t, i)->size;
        least = size < least ? size : least;
        most = size > most ? size : most;
    }
    if (most > least)
        ota_buf_printf(out, "the slots differ in size; an app must fit the smallest, 0x%x bytes\n", least);
}

void ota_table_remarks(const struct ota_table *t, struct ota_buf *out) {
    struct word word[WORDS_MAX];
    size_t words = list_words(word);
    remark_slots(t, out);
    for (size_t i = 0; i < t->count; i++) {
        const struct ota_partition *p = &t->row[i];
        if (misleads(p, word, words))
            ota_buf_printf(out, "%s is called like a type or subtype that it does not have\n", p->label);
        if (p->flags & ~(uint32_t)(OTA_FLAG_ENCRYPTED | OTA_FLAG_READONLY))
            ota_buf_printf(out, "%s has flags that are not known: 0x%x\n", p->label, p->flags);
    }
}

void ota_table_remarks_agent(const struct ota_table *t, struct ota_buf *out) {
    if (!ota_table_by_label(t, OTA_ID_LABEL))
        ota_buf_printf(out,
                       "no %s: boards know what their build brings along, and have no id and token; a row for it: %s\n",
                       OTA_ID_LABEL, ID_ROW);
}
