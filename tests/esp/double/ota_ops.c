/* SPDX-License-Identifier: Apache-2.0 */
/* esp_ota_ops with its traps. Source: ESP-IDF app_update/esp_ota_ops.c of 5.5 and 6.0. */
#include "esp_ota_ops.h"

#include "double/chip.h"
#include "esp_efuse.h"
#include "esp_image_format.h"
#include "support/unit.h"

#define STATE_AT 24u

struct otadata {
    const esp_partition_t *row;
    uint8_t bytes[2][OTA_OTADATA_ENTRY]; /* label and all: it is rewritten as it was */
    struct ota_otadata_entry entry[2];
    int active;
};

static bool read_otadata(struct otadata *d) {
    d->row = esp_partition_find_first(ESP_PARTITION_TYPE_DATA, ESP_PARTITION_SUBTYPE_DATA_OTA, NULL);
    if (!d->row)
        return false;
    for (unsigned i = 0; i < 2; i++) {
        if (esp_partition_read(d->row, i * OTA_SECTOR, d->bytes[i], OTA_OTADATA_ENTRY) != ESP_OK)
            return false;
        ota_otadata_decode(d->bytes[i], &d->entry[i]);
    }
    d->active = ota_otadata_active(d->entry);
    return true;
}

/* Erased, then written. */
static esp_err_t rewrite(struct otadata *d, unsigned index, uint32_t seq, enum ota_slot_state state) {
    uint8_t entry[OTA_OTADATA_ENTRY];
    ota_otadata_encode(seq, state, entry);
    memcpy(d->bytes[index], entry, 4);
    memcpy(d->bytes[index] + STATE_AT, entry + STATE_AT, 8);
    double_chip.boot_calls++;
    esp_err_t rc = esp_partition_erase_range(d->row, index * OTA_SECTOR, OTA_SECTOR);
    return rc != ESP_OK ? rc : esp_partition_write(d->row, index * OTA_SECTOR, d->bytes[index], OTA_OTADATA_ENTRY);
}

uint8_t esp_ota_get_app_partition_count(void) {
    uint8_t n = 0;
    while (esp_partition_find_first(ESP_PARTITION_TYPE_APP,
                                    (esp_partition_subtype_t)(ESP_PARTITION_SUBTYPE_APP_OTA_MIN + n), NULL))
        n++;
    return n;
}

const esp_partition_t *esp_ota_get_running_partition(void) {
    esp_partition_iterator_t it = esp_partition_find(ESP_PARTITION_TYPE_APP, ESP_PARTITION_SUBTYPE_ANY, NULL);
    for (; it; it = esp_partition_next(it)) {
        const esp_partition_t *p = esp_partition_get(it);
        if (p->address != double_chip.running)
            continue;
        esp_partition_iterator_release(it);
        return p;
    }
    fail_msg("esp_ota_get_running_partition: the table has no row for the running app, ESP-IDF aborts");
    return NULL;
}

esp_err_t esp_ota_get_partition_description(const esp_partition_t *partition, esp_app_desc_t *app_desc) {
    if (!partition || !app_desc)
        return ESP_ERR_INVALID_ARG;
    if (partition->type != ESP_PARTITION_TYPE_APP)
        return ESP_ERR_NOT_SUPPORTED;
    esp_err_t rc = esp_partition_read(partition, OTA_APP_DESC_OFFSET, app_desc, sizeof *app_desc);
    if (rc != ESP_OK)
        return rc;
    return app_desc->magic_word == 0xABCD5432 ? ESP_OK : ESP_ERR_NOT_FOUND;
}

/* ---- esp_ota_set_boot_partition ------------------------------------------------------------------------ */

static bool verifies(const esp_partition_t *p) {
    const esp_partition_pos_t pos = {p->address, p->size};
    esp_image_metadata_t data;
    return esp_image_verify(ESP_IMAGE_VERIFY, &pos, &data) == ESP_OK;
}

/* The smallest one not below. 5.5 puts the same sequence into the other sector when the active entry names the slot. */
static esp_err_t select_slot(uint32_t slot) {
    const uint32_t count = esp_ota_get_app_partition_count();
    struct otadata d;
    if (!read_otadata(&d))
        return ESP_ERR_NOT_FOUND;
    if (slot >= count)
        return ESP_ERR_INVALID_ARG;
    if (d.active < 0)
        return rewrite(&d, 0, slot + 1, OTA_SLOT_NEW);
    const uint32_t seq = d.entry[d.active].seq;
    if (!double_chip.idf_5_5 && ota_otadata_slot(seq, count) == slot)
        return rewrite(&d, (unsigned)d.active, seq, OTA_SLOT_NEW);
    uint32_t next = (slot + 1) % count;
    while (seq > next) {
        if (next > UINT32_MAX - count)
            fail_msg("otadata's sequence wraps: ESP-IDF looks for it forever");
        next += count;
    }
    return rewrite(&d, 1u - (unsigned)d.active, next, OTA_SLOT_NEW);
}

esp_err_t esp_ota_set_boot_partition(const esp_partition_t *partition) {
    if (!partition)
        return ESP_ERR_INVALID_ARG;
    if (!verifies(partition))
        return ESP_ERR_OTA_VALIDATE_FAILED;
    if (partition->type != ESP_PARTITION_TYPE_APP)
        return ESP_ERR_INVALID_ARG;
    if (partition->subtype == ESP_PARTITION_SUBTYPE_APP_FACTORY) {
        const esp_partition_t *otadata =
            esp_partition_find_first(ESP_PARTITION_TYPE_DATA, ESP_PARTITION_SUBTYPE_DATA_OTA, NULL);
        double_chip.boot_calls++;
        return otadata ? esp_partition_erase_range(otadata, 0, otadata->size) : ESP_ERR_NOT_FOUND;
    }
#ifdef OTA_ESP_SECURE
    esp_app_desc_t desc;
    esp_err_t rc = esp_ota_get_partition_description(partition, &desc);
    if (rc != ESP_OK)
        return rc;
    if (!esp_efuse_check_secure_version(desc.secure_version)) {
        rc = esp_partition_erase_range(partition, 0, partition->size);
        return rc != ESP_OK ? rc : ESP_ERR_OTA_SMALL_SEC_VER;
    }
#endif
    return select_slot(partition->subtype & 0x0Fu); /* test, 0x20, is ota_0 to it */
}

/* ---- rollback ------------------------------------------------------------------------------------------ */

bool esp_ota_check_rollback_is_possible(void) {
    struct otadata d;
    const uint32_t count = esp_ota_get_app_partition_count();
    if (!read_otadata(&d) || count == 0 || d.active < 0)
        return false;
    const struct ota_otadata_entry *other = &d.entry[1 - d.active];
    const esp_partition_t *p = NULL;
    if (ota_otadata_usable(other))
        p = esp_partition_find_first(
            ESP_PARTITION_TYPE_APP,
            (esp_partition_subtype_t)(ESP_PARTITION_SUBTYPE_APP_OTA_MIN + ota_otadata_slot(other->seq, count)), NULL);
#ifndef OTA_ESP_SECURE
    else
        p = esp_partition_find_first(ESP_PARTITION_TYPE_APP, ESP_PARTITION_SUBTYPE_APP_FACTORY, NULL);
#endif
    if (!p || !verifies(p))
        return false;
#ifdef OTA_ESP_SECURE
    esp_app_desc_t desc;
    return esp_ota_get_partition_description(p, &desc) == ESP_OK && esp_efuse_check_secure_version(desc.secure_version);
#else
    return true;
#endif
}

/* Whatever runs, it is the active entry that is marked. */
static esp_err_t mark(bool valid) {
    struct otadata d;
    if (!read_otadata(&d))
        return ESP_ERR_NOT_FOUND;
    if (d.active < 0 || esp_ota_get_app_partition_count() == 0)
        return ESP_FAIL;
    const struct ota_otadata_entry *active = &d.entry[d.active];
    if (!valid)
        return esp_ota_check_rollback_is_possible() ? rewrite(&d, (unsigned)d.active, active->seq, OTA_SLOT_INVALID)
                                                    : ESP_ERR_OTA_ROLLBACK_FAILED;
    if (active->state == OTA_SLOT_VALID)
        return ESP_OK; /* and nothing is burnt */
    esp_err_t rc = rewrite(&d, (unsigned)d.active, active->seq, OTA_SLOT_VALID);
#ifdef OTA_ESP_SECURE
    esp_app_desc_t desc;
    if (rc == ESP_OK)
        rc = esp_ota_get_partition_description(esp_ota_get_running_partition(), &desc);
    if (rc == ESP_OK && desc.secure_version > double_chip.efuse->secure_version)
        double_chip.efuse->secure_version = desc.secure_version;
#endif
    return rc;
}

esp_err_t esp_ota_mark_app_valid_cancel_rollback(void) {
    return mark(true);
}

esp_err_t esp_ota_mark_app_invalid_rollback(void) {
    return mark(false);
}
