/* SPDX-License-Identifier: Apache-2.0 */
/* Source: ESP-IDF esp_partition/partition.c, partition_target.c. */
#include <stdlib.h>

#include "double/chip.h"
#include "host/buf.h"
#include "host/crypto.h"
#include "support/unit.h"

/* ---- the list ------------------------------------------------------------------------------------------ */

static bool is_encrypted(bool flagged, uint8_t type, uint8_t subtype) {
    if (!double_chip_is_encrypted())
        return false;
    return flagged || type == OTA_PART_APP || type == OTA_PART_BOOTLOADER || type == OTA_PART_TABLE ||
           (type == OTA_PART_DATA &&
            (subtype == OTA_DATA_OTA || subtype == OTA_DATA_TEE_OTA || subtype == OTA_DATA_NVS_KEYS));
}

static void add(esp_flash_t *chip, const struct ota_partition *p, bool user) {
    struct double_partition *d = &double_chip.partition[double_chip.count++];
    *d = (struct double_partition){
        .info =
            {
                .flash_chip = chip,
                .type = (esp_partition_type_t)p->type,
                .subtype = (esp_partition_subtype_t)p->subtype,
                .address = p->offset,
                .size = p->size,
                .erase_size = OTA_SECTOR,
                .encrypted =
                    chip == esp_flash_default_chip && is_encrypted(p->flags & OTA_FLAG_ENCRYPTED, p->type, p->subtype),
                .readonly = p->flags & OTA_FLAG_READONLY,
            },
        .user_registered = user,
    };
    (void)ota_format(d->info.label, sizeof d->info.label, "%s", p->label);
}

/* Once, at the first use: what is written to the table later is seen after a reset. */
static bool load(void) {
    struct double_chip *c = &double_chip;
    uint8_t bytes[OTA_TABLE_LENGTH];
    struct ota_table t;
    struct ota_err err;
    if (c->loaded)
        return true;
    assert_ota_ok(c->plain.read(NULL, c->efuse->boot.table_offset, bytes, sizeof bytes, &err));
    if (ota_table_read((struct ota_span){bytes, sizeof bytes}, &ota_crypto_openssl, &t, &err) != OTA_OK || !t.has_md5 ||
        !t.md5_ok)
        return false;
    for (size_t i = 0; i < t.count; i++)
        add(esp_flash_default_chip, &t.row[i], false);
    c->loaded = true;
    return true;
}

struct esp_partition_iterator_opaque_ {
    esp_partition_type_t type;
    esp_partition_subtype_t subtype;
    const char *label;
    size_t next;
    const esp_partition_t *info;
};

esp_partition_iterator_t esp_partition_next(esp_partition_iterator_t it) {
    while (it->next < double_chip.count) {
        const esp_partition_t *p = &double_chip.partition[it->next++].info;
        if ((it->type != ESP_PARTITION_TYPE_ANY && it->type != p->type) ||
            (it->subtype != ESP_PARTITION_SUBTYPE_ANY && it->subtype != p->subtype) ||
            (it->label && strcmp(it->label, p->label) != 0))
            continue;
        it->info = p;
        return it;
    }
    esp_partition_iterator_release(it);
    return NULL;
}

esp_partition_iterator_t esp_partition_find(esp_partition_type_t type, esp_partition_subtype_t subtype,
                                            const char *label) {
    if (!load() || (type == ESP_PARTITION_TYPE_ANY && subtype != ESP_PARTITION_SUBTYPE_ANY))
        return NULL;
    if (double_chip.find_fails) {
        double_chip.find_fails = false;
        return NULL;
    }
    esp_partition_iterator_t it = ota_calloc(1, sizeof *it);
    it->type = type;
    it->subtype = subtype;
    it->label = label;
    double_chip.iterators++;
    return esp_partition_next(it);
}

void esp_partition_iterator_release(esp_partition_iterator_t iterator) {
    double_chip.iterators -= iterator != NULL;
    free(iterator);
}

const esp_partition_t *esp_partition_get(esp_partition_iterator_t iterator) {
    return iterator->info;
}

const esp_partition_t *esp_partition_find_first(esp_partition_type_t type, esp_partition_subtype_t subtype,
                                                const char *label) {
    esp_partition_iterator_t it = esp_partition_find(type, subtype, label);
    const esp_partition_t *p = it ? it->info : NULL;
    esp_partition_iterator_release(it);
    return p;
}

const esp_partition_t *double_chip_row(const char *label) {
    return esp_partition_find_first(ESP_PARTITION_TYPE_ANY, ESP_PARTITION_SUBTYPE_ANY, label);
}

esp_err_t esp_partition_register_external(esp_flash_t *flash_chip, size_t offset, size_t size, const char *label,
                                          esp_partition_type_t type, esp_partition_subtype_t subtype,
                                          const esp_partition_t **out_partition) {
    struct ota_partition p = {(uint8_t)type, (uint8_t)subtype, (uint32_t)offset, (uint32_t)size, "", 0};
    flash_chip = flash_chip ? flash_chip : esp_flash_default_chip;
    if (out_partition)
        *out_partition = NULL;
    if (offset + size > double_chip.cells->size)
        return ESP_ERR_INVALID_SIZE;
    if (!load())
        return ESP_ERR_INVALID_STATE;
    for (size_t i = 0; i < double_chip.count; i++) {
        const esp_partition_t *q = &double_chip.partition[i].info;
        if (q->flash_chip == flash_chip && offset < q->address + q->size && q->address < offset + size)
            return ESP_ERR_INVALID_ARG;
    }
    if (double_chip.count == DOUBLE_PARTITIONS_MAX)
        return ESP_ERR_NO_MEM;
    (void)ota_format(p.label, sizeof p.label, "%s", label);
    add(flash_chip, &p, true);
    if (out_partition)
        *out_partition = &double_chip.partition[double_chip.count - 1].info;
    return ESP_OK;
}

/* Only the last one: the others' addresses are in use. */
esp_err_t esp_partition_deregister_external(const esp_partition_t *partition) {
    struct double_partition *last = &double_chip.partition[double_chip.count - 1];
    for (size_t i = 0; i < double_chip.count; i++) {
        if (&double_chip.partition[i].info != partition)
            continue;
        if (!double_chip.partition[i].user_registered)
            return ESP_ERR_INVALID_ARG;
        assert_ptr_equal(partition, &last->info);
        double_chip.count--;
        return ESP_OK;
    }
    return ESP_ERR_NOT_FOUND;
}

/* ---- reading and writing ------------------------------------------------------------------------------- */

static esp_err_t check(const esp_partition_t *p, size_t offset, size_t size) {
    assert_non_null(p);
    if (offset > p->size)
        return ESP_ERR_INVALID_ARG;
    return size > p->size - offset ? ESP_ERR_INVALID_SIZE : ESP_OK;
}

esp_err_t esp_partition_read(const esp_partition_t *p, size_t offset, void *dst, size_t size) {
    esp_err_t bad = check(p, offset, size);
    if (bad != ESP_OK)
        return bad;
    if (!p->encrypted)
        return esp_flash_read(p->flash_chip, dst, p->address + (uint32_t)offset, (uint32_t)size);
    return esp_flash_read_encrypted(p->flash_chip, p->address + (uint32_t)offset, dst, (uint32_t)size);
}

esp_err_t esp_partition_read_raw(const esp_partition_t *p, size_t offset, void *dst, size_t size) {
    esp_err_t bad = check(p, offset, size);
    return bad != ESP_OK ? bad : esp_flash_read(p->flash_chip, dst, p->address + (uint32_t)offset, (uint32_t)size);
}

esp_err_t esp_partition_write(const esp_partition_t *p, size_t offset, const void *src, size_t size) {
    if (p->readonly)
        return ESP_ERR_NOT_ALLOWED;
    esp_err_t bad = check(p, offset, size);
    if (bad != ESP_OK)
        return bad;
    if (!p->encrypted)
        return esp_flash_write(p->flash_chip, src, p->address + (uint32_t)offset, (uint32_t)size);
    return esp_flash_write_encrypted(p->flash_chip, p->address + (uint32_t)offset, src, (uint32_t)size);
}

esp_err_t esp_partition_erase_range(const esp_partition_t *p, size_t offset, size_t size) {
    if (p->readonly)
        return ESP_ERR_NOT_ALLOWED;
    esp_err_t bad = check(p, offset, size);
    if (bad != ESP_OK)
        return bad;
    if (size % OTA_SECTOR)
        return ESP_ERR_INVALID_SIZE;
    if (offset % OTA_SECTOR)
        return ESP_ERR_INVALID_ARG;
    return esp_flash_erase_region(p->flash_chip, p->address + (uint32_t)offset, (uint32_t)size);
}
