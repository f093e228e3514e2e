/* SPDX-License-Identifier: Apache-2.0 */
/* The map of the flash, looked up anew each time: the application may register partitions of its own. */
#include "region.h"

#include <string.h>

#include "esp_flash.h"
#include "esp_flash_partitions.h"
#include "esp_ota_ops.h"
#include "failed.h"
#include "hal/efuse_hal.h"
#include "ota/ports.h"
#include "ota_esp_ports.h"
#include "sdkconfig.h"

#define TABLE_AT CONFIG_PARTITION_TABLE_OFFSET
#define TABLE_END (TABLE_AT + OTA_SECTOR)
#define HOLE_LABEL "ota_hole"

static const uint32_t bootloader_at = ESP_PRIMARY_BOOTLOADER_OFFSET; /* 0 on some chips */
static size_t table_rows = SIZE_MAX;

void ota_esp_region_rows(size_t n) {
    table_rows = n;
}

static bool contains(const esp_partition_t *p, uint32_t offset) {
    return offset >= p->address && offset - p->address < p->size;
}

/* What lies at an offset: a partition, or NULL, and `gap` shrunk to what lies between its neighbours. */
struct found {
    const esp_partition_t *partition;
    bool is_row;
    struct ota_esp_region gap;
};

/* Without memory for an iterator ESP-IDF says that there is no partition; there is. It lists the table's rows first. */
static enum ota_status find(uint32_t offset, struct found *f, struct ota_err *err) {
    esp_partition_iterator_t it = esp_partition_find(ESP_PARTITION_TYPE_ANY, ESP_PARTITION_SUBTYPE_ANY, NULL);
    if (!it)
        return ota_err_set(err, OTA_MEMORY, "no memory to look up 0x%x", (unsigned)offset);
    for (size_t i = 0; it; it = esp_partition_next(it), i++) {
        const esp_partition_t *p = esp_partition_get(it);
        const uint32_t end = p->address + p->size;
        if (p->flash_chip != esp_flash_default_chip)
            continue; /* a second chip has addresses of its own */
        if (contains(p, offset)) {
            esp_partition_iterator_release(it);
            f->partition = p;
            f->is_row = i < table_rows;
            return OTA_OK;
        }
        if (end <= offset && end > f->gap.start)
            f->gap.start = end;
        if (p->address > offset && p->address < f->gap.end)
            f->gap.end = p->address;
    }
    return OTA_OK;
}

/* Bootloaders and tables that were registered are what the agent writes, too: ota_hole, the ROM's recovery bootloader. */
static bool is_the_applications(const struct found *f) {
    const esp_partition_t *p = f->partition;
    return !f->is_row && p->type != ESP_PARTITION_TYPE_BOOTLOADER && p->type != ESP_PARTITION_TYPE_PARTITION_TABLE &&
           strcmp(p->label, OTA_STATE_LABEL) != 0;
}

static enum ota_esp_guard guard_of(const esp_partition_t *p) {
    if (p->readonly)
        return OTA_ESP_READONLY;
    if (p->address < TABLE_END)
        return OTA_ESP_DANGEROUS;
    return p->address == esp_ota_get_running_partition()->address ? OTA_ESP_RUNNING : OTA_ESP_OPEN;
}

static struct ota_esp_region region_of(const esp_partition_t *p) {
    return (struct ota_esp_region){p->address, p->address + p->size, p, p->encrypted, guard_of(p)};
}

static void cut(struct ota_esp_region *r, uint32_t start, uint32_t end) {
    r->start = r->start > start ? r->start : start;
    r->end = r->end < end ? r->end : end;
}

/* Whether the eFuses that count are set: virtual ones encrypt nothing. */
static bool chip_encrypts(void) {
    return efuse_hal_flash_encryption_enabled();
}

/* Before the end of the table's sector. */
static void take_primary(uint32_t offset, struct ota_esp_region *r) {
    r->guard = OTA_ESP_DANGEROUS;
    r->encrypted = chip_encrypts();
    if (offset >= TABLE_AT) {
        cut(r, TABLE_AT, TABLE_END);
    } else if (offset >= bootloader_at) {
        cut(r, bootloader_at, TABLE_AT);
    } else {
        cut(r, 0, bootloader_at);
        r->guard = OTA_ESP_FOREIGN;
        r->encrypted = false;
    }
}

static enum ota_status register_hole(struct ota_esp_region *r, struct ota_err *err) {
    const esp_partition_t *p = NULL;
    esp_err_t rc =
        esp_partition_register_external(NULL, r->start, r->end - r->start, HOLE_LABEL, ESP_PARTITION_TYPE_BOOTLOADER,
                                        ESP_PARTITION_SUBTYPE_BOOTLOADER_OTA, &p);
    if (rc != ESP_OK)
        return ota_esp_failed(err, OTA_FLASH, rc, "hole at 0x%x", (unsigned)r->start);
    *r = region_of(p);
    return OTA_OK;
}

/* A row need not end at a sector's border; the rest of that sector cannot be erased without it. */
static enum ota_status take_hole(uint32_t offset, struct ota_esp_region *r, struct ota_err *err) {
    cut(r, TABLE_END, r->end);
    const uint32_t first = (r->start + OTA_SECTOR - 1u) & ~(OTA_SECTOR - 1u), last = r->end & ~(OTA_SECTOR - 1u);
    if (offset >= first && offset < last) {
        cut(r, first, last);
        return register_hole(r, err);
    }
    r->guard = OTA_ESP_FOREIGN;
    if (offset < first)
        cut(r, r->start, first);
    else
        cut(r, last, r->end);
    return OTA_OK;
}

enum ota_status ota_esp_region_at(uint32_t offset, uint32_t flash_size, struct ota_esp_region *out,
                                  struct ota_err *err) {
    struct found f = {.gap = {.end = flash_size}};
    OTA_TRY(find(offset, &f, err));
    *out = f.partition ? region_of(f.partition) : f.gap;
    if (f.partition && is_the_applications(&f))
        out->guard = OTA_ESP_REGISTERED;
    if (f.partition)
        return OTA_OK;
    if (offset >= TABLE_END)
        return take_hole(offset, out, err);
    take_primary(offset, out);
    return OTA_OK;
}

const char *ota_esp_region_name(const struct ota_esp_region *r) {
    if (r->partition)
        return r->partition->label;
    if (r->guard == OTA_ESP_FOREIGN)
        return "flash that is nobody's";
    return r->start >= TABLE_AT ? "the partition table" : "the bootloader";
}
