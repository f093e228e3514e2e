/* SPDX-License-Identifier: Apache-2.0 */
/* An inspection as JSON; the members are documented in inspect.h. */
#include <string.h>

#include "host/json_tree.h"
#include "image/inspect.h"
#include "image/memory_map.h"
#include "image/table_text.h"

/* Names of files and labels are hostile: what is not UTF-8 becomes '?'. NULL becomes null. */
static void add_text(cJSON *o, const char *key, const char *text) {
    if (!text) {
        cJSON_AddNullToObject(o, key);
        return;
    }
    OTA_CLEAN_FREE char *safe = ota_strdup(text);
    if (!ota_utf8_valid(ota_span_str(text)))
        for (char *p = safe; *p; p++)
            if ((unsigned char)*p >= 0x80)
                *p = '?';
    cJSON_AddStringToObject(o, key, safe);
}

static void add_hex(cJSON *o, const char *key, const uint8_t *p, size_t n) {
    OTA_CLEAN_FREE char *hex = ota_calloc(2 * n + 1, 1);
    ota_hex_encode(p, n, hex);
    cJSON_AddStringToObject(o, key, hex);
}

static void add_segments(cJSON *o, const struct ota_image *i) {
    cJSON *list = cJSON_AddArrayToObject(o, "segments");
    for (unsigned n = 0; n < i->segment_count; n++) {
        const struct ota_image_segment *s = &i->segment[n];
        cJSON *row = cJSON_CreateObject();
        cJSON_AddNumberToObject(row, "load_addr", s->load_addr);
        cJSON_AddNumberToObject(row, "length", s->length);
        cJSON_AddNumberToObject(row, "offset", s->offset);
        cJSON *memory = cJSON_AddArrayToObject(row, "memory");
        const char *name;
        for (size_t k = 0; (name = ota_memory_name(i->chip_id, s->load_addr, k)); k++)
            cJSON_AddItemToArray(memory, cJSON_CreateString(name));
        cJSON_AddItemToArray(list, row);
    }
}

static void add_flash(cJSON *o, const struct ota_image *i) {
    const char *mhz = ota_flash_mhz(i);
    OTA_CLEAN_FREE char *freq = mhz ? ota_sprintf("%sm", mhz) : NULL;
    add_text(o, "flash_mode", ota_flash_mode_name(i->spi_mode));
    add_text(o, "flash_freq", freq);
    add_text(o, "flash_size", ota_flash_size_name(i->spi_size));
    cJSON_AddNumberToObject(o, "spi_mode", i->spi_mode);
    cJSON_AddNumberToObject(o, "spi_speed", i->spi_speed);
    cJSON_AddNumberToObject(o, "spi_size", i->spi_size);
    cJSON_AddNumberToObject(o, "wp_pin", i->wp_pin);
    cJSON *drv = cJSON_AddArrayToObject(o, "spi_pin_drv");
    for (size_t n = 0; n < 6; n++)
        cJSON_AddItemToArray(drv, cJSON_CreateNumber(i->spi_pin_drv[n / 2] >> (n % 2 * 4) & 0x0F));
}

static void add_digests(cJSON *o, const struct ota_image *i) {
    cJSON_AddNumberToObject(o, "checksum", i->checksum_stored);
    cJSON_AddNumberToObject(o, "checksum_calculated", i->checksum);
    cJSON_AddBoolToObject(o, "checksum_valid", i->checksum_ok);
    cJSON_AddBoolToObject(o, "hash_appended", i->hash_appended);
    add_hex(o, "hash", i->hash, OTA_SHA256_LEN);
    if (i->hash_appended) {
        add_hex(o, "hash_stored", i->hash_stored, OTA_SHA256_LEN);
        cJSON_AddBoolToObject(o, "hash_valid", i->hash_ok);
    } else {
        cJSON_AddNullToObject(o, "hash_stored");
        cJSON_AddNullToObject(o, "hash_valid");
    }
}

static void add_image(cJSON *top, const struct ota_image *i) {
    const struct ota_chip *chip = ota_chip_by_id(i->chip_id);
    cJSON *o = cJSON_AddObjectToObject(top, "image");
    add_text(o, "chip", chip ? chip->name : NULL);
    cJSON_AddNumberToObject(o, "chip_id", i->chip_id);
    cJSON_AddNumberToObject(o, "length", i->length);
    cJSON_AddNumberToObject(o, "entry", i->entry);
    add_flash(o, i);
    cJSON_AddNumberToObject(o, "min_rev_legacy", i->min_rev_legacy);
    cJSON_AddNumberToObject(o, "min_rev", i->min_rev);
    cJSON_AddNumberToObject(o, "max_rev", i->max_rev);
    add_segments(o, i);
    add_digests(o, i);
}

static void add_app(cJSON *top, const struct ota_image *i) {
    cJSON *o = cJSON_AddObjectToObject(top, "app");
    add_text(o, "project", i->app.project);
    add_text(o, "version", i->app.version);
    add_text(o, "time", i->app.time);
    add_text(o, "date", i->app.date);
    add_text(o, "idf", i->app.idf);
    add_hex(o, "elf_sha256", i->app.elf_sha256, OTA_SHA256_LEN);
    cJSON_AddNumberToObject(o, "secure_version", i->app.secure_version);
    cJSON_AddNumberToObject(o, "min_efuse_block_rev", i->app.min_blk_rev);
    cJSON_AddNumberToObject(o, "max_efuse_block_rev", i->app.max_blk_rev);
    cJSON_AddNumberToObject(o, "mmu_page_size", i->app.mmu_page);
    cJSON_AddNumberToObject(o, "spi_flash_mode", i->app.spi_flash_mode);
}

static void add_bootloader(cJSON *top, const struct ota_image *i) {
    cJSON *o = cJSON_AddObjectToObject(top, "bootloader");
    cJSON_AddBoolToObject(o, "descriptor", i->boot.present);
    if (!i->boot.present)
        return;
    cJSON_AddNumberToObject(o, "version", i->boot.version);
    add_text(o, "idf", i->boot.idf);
    add_text(o, "date_time", i->boot.date_time);
    cJSON_AddNumberToObject(o, "secure_version", i->boot.secure_version);
}

static void add_signature(cJSON *top, const struct ota_signatures *s) {
    cJSON *o = cJSON_AddObjectToObject(top, "signature");
    cJSON_AddBoolToObject(o, "v1", s->v1);
    cJSON *blocks = cJSON_AddArrayToObject(o, "blocks");
    for (size_t n = 0; n < s->count; n++) {
        cJSON *b = cJSON_CreateObject();
        cJSON_AddStringToObject(b, "scheme", ota_boot_layout(s->block[n].scheme)->name);
        cJSON_AddBoolToObject(b, "crc_valid", s->block[n].crc_ok);
        cJSON_AddBoolToObject(b, "digest_valid", s->block[n].digest_ok);
        cJSON_AddBoolToObject(b, "valid", s->block[n].valid);
        add_hex(b, "key_digest", s->block[n].key_digest, OTA_SHA256_LEN);
        cJSON_AddItemToArray(blocks, b);
    }
}

static void add_otadata(cJSON *top, const struct ota_otadata_entry e[2]) {
    cJSON *o = cJSON_AddObjectToObject(top, "otadata");
    int active = ota_otadata_active(e);
    if (active < 0)
        cJSON_AddNullToObject(o, "active");
    else
        cJSON_AddNumberToObject(o, "active", active);
    cJSON *entries = cJSON_AddArrayToObject(o, "entries");
    for (size_t n = 0; n < 2; n++) {
        cJSON *row = cJSON_CreateObject();
        if (e[n].seq == UINT32_MAX)
            cJSON_AddNullToObject(row, "seq");
        else
            cJSON_AddNumberToObject(row, "seq", e[n].seq);
        cJSON_AddStringToObject(row, "state", ota_slot_state_name(e[n].state));
        cJSON_AddBoolToObject(row, "crc_valid", e[n].crc_ok);
        cJSON_AddBoolToObject(row, "usable", ota_otadata_usable(&e[n]));
        cJSON_AddItemToArray(entries, row);
    }
}

/* As written: 64-bit numbers exceed what a double holds, so the digits go in raw. */
static void add_value(cJSON *row, const struct ota_inspect_nvs *v) {
    unsigned bits = 8u * (v->type & 0x0Fu);
    uint64_t mask = bits == 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
    uint64_t value = v->value & mask;
    bool negative = (v->type & 0x10u) && (value >> (bits - 1) & 1);
    OTA_CLEAN_FREE char *digits = negative ? ota_sprintf("-%llu", (unsigned long long)((~value + 1) & mask))
                                           : ota_sprintf("%llu", (unsigned long long)value);
    cJSON_AddRawToObject(row, "value", digits);
}

static void add_nvs(cJSON *top, const struct ota_inspection *i) {
    cJSON *o = cJSON_AddObjectToObject(top, "nvs");
    cJSON *items = cJSON_AddArrayToObject(o, "items");
    for (size_t n = 0; n < i->nvs_count; n++) {
        const struct ota_inspect_nvs *v = &i->nvs[n];
        cJSON *row = cJSON_CreateObject();
        add_text(row, "namespace", v->ns);
        add_text(row, "key", v->key);
        cJSON_AddStringToObject(row, "type", ota_nvs_type_name(v->type));
        cJSON_AddNumberToObject(row, "length", (double)v->length);
        if (v->type <= OTA_NVS_I64)
            add_value(row, v);
        cJSON_AddItemToArray(items, row);
    }
}

static void add_part(cJSON *top, const struct ota_inspection *i) {
    switch (i->kind) {
    case OTA_INSPECT_APP:
    case OTA_INSPECT_BOOTLOADER:
    case OTA_INSPECT_IMAGE:
        add_image(top, &i->image);
        if (i->kind == OTA_INSPECT_APP)
            add_app(top, &i->image);
        if (i->kind == OTA_INSPECT_BOOTLOADER)
            add_bootloader(top, &i->image);
        add_signature(top, &i->signatures);
        break;
    case OTA_INSPECT_TABLE:
        ota_table_add_json(cJSON_AddObjectToObject(top, "table"), &i->table);
        break;
    case OTA_INSPECT_OTADATA:
        add_otadata(top, i->otadata);
        break;
    case OTA_INSPECT_NVS:
        add_nvs(top, i);
        break;
    case OTA_INSPECT_UNKNOWN:
        add_signature(top, &i->signatures);
        break;
    case OTA_INSPECT_MERGED:
        break;
    }
}

cJSON *ota_inspect_json(const struct ota_inspection *i, const char *file) {
    cJSON *top = cJSON_CreateObject();
    add_text(top, "file", file);
    cJSON_AddNumberToObject(top, "size", (double)i->size);
    add_hex(top, "sha256", i->sha256, OTA_SHA256_LEN);
    cJSON_AddStringToObject(top, "kind", ota_inspect_kind_name(i->kind));
    cJSON_AddBoolToObject(top, "broken", i->broken);
    cJSON_AddBoolToObject(top, "servable", i->servable);
    cJSON_AddStringToObject(top, "code", ota_status_name(i->verdict.code));
    add_text(top, "reason", i->verdict.msg);
    if (i->parsed)
        add_part(top, i);
    return top;
}
