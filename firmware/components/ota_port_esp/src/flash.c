/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole chip by address. A range may cross regions: it is looked at as a whole before its first byte changes.
 *
 * Under flash encryption an erased block of 16 bytes reads as noise. The agent compares with FF what it erased, so the port looks
 * at the cells themselves and shows FF for blocks that hold nothing.
 */
#include <string.h>

#include "esp_flash.h"
#include "failed.h"
#include "ota/table.h"
#include "ota_esp_ports.h"
#include "region.h"
#include "sdkconfig.h"

#if __has_include("esp_private/esp_flash_internal.h")
#include "esp_private/esp_flash_internal.h"
#else
#include "esp_flash_internal.h" /* before ESP-IDF 6.0 */
#endif

#define ROW 32u
#define BLOCK 16u
#define LOOK 256u /* cells at a time */

static enum ota_status check_range(uint32_t off, size_t n, struct ota_err *err) {
    if (off > ota_esp_flash.size || n > ota_esp_flash.size - off)
        return ota_err_set(err, OTA_FLASH, "0x%x and %zu bytes: beyond the flash of 0x%x bytes", (unsigned)off, n,
                           (unsigned)ota_esp_flash.size);
    return OTA_OK;
}

/* The region at `off`, and how many of `n` bytes lie in it. */
static enum ota_status piece_at(uint32_t off, size_t n, struct ota_esp_region *r, size_t *part, struct ota_err *err) {
    OTA_TRY(ota_esp_region_at(off, ota_esp_flash.size, r, err));
    *part = n < r->end - off ? n : r->end - off;
    return OTA_OK;
}

static enum ota_status failed(const struct ota_esp_region *r, const char *what, uint32_t off, esp_err_t rc,
                              struct ota_err *err) {
    return ota_esp_failed(err, OTA_FLASH, rc, "%s: %s at 0x%x", ota_esp_region_name(r), what, (unsigned)off);
}

/* ---- reading ------------------------------------------------------------------------------------------- */

static bool is_erased(const uint8_t *p, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (p[i] != 0xFF)
            return false;
    return true;
}

/* Of [from, to), bytes of the blocks in cells[0..n) at `at` that are erased become FF. */
static void show_blocks(const uint8_t *cells, uint32_t at, size_t n, uint8_t *p, uint32_t from, uint32_t to) {
    for (uint32_t b = at; b < at + n; b += BLOCK) {
        if (!is_erased(cells + (b - at), BLOCK))
            continue;
        const uint32_t first = b > from ? b : from, last = b + BLOCK < to ? b + BLOCK : to;
        memset(p + (first - from), 0xFF, last - first);
    }
}

static esp_err_t show_erased(uint32_t off, uint8_t *p, size_t n) {
    uint8_t cells[LOOK];
    const uint32_t end = (uint32_t)(off + n), last = (end + BLOCK - 1u) & ~(BLOCK - 1u);
    for (uint32_t at = off & ~(BLOCK - 1u); at < last; at += LOOK) {
        const uint32_t part = last - at < LOOK ? last - at : LOOK;
        esp_err_t rc = esp_flash_read(esp_flash_default_chip, cells, at, part);
        if (rc != ESP_OK)
            return rc;
        show_blocks(cells, at, part, p, off, end);
    }
    return ESP_OK;
}

static esp_err_t read_piece(const struct ota_esp_region *r, uint32_t off, uint8_t *p, size_t n) {
    esp_err_t rc;
    if (r->partition)
        rc = esp_partition_read(r->partition, off - r->start, p, n);
    else if (r->encrypted)
        rc = esp_flash_read_encrypted(esp_flash_default_chip, off, p, (uint32_t)n);
    else
        rc = esp_flash_read(esp_flash_default_chip, p, off, (uint32_t)n);
    return rc == ESP_OK && r->encrypted ? show_erased(off, p, n) : rc;
}

static enum ota_status flash_read(void *ctx, uint32_t off, void *p, size_t n, struct ota_err *err) {
    struct ota_esp_region r;
    uint8_t *to = p;
    size_t part;
    (void)ctx;
    OTA_TRY(check_range(off, n, err));
    for (; n > 0; off += (uint32_t)part, to += part, n -= part) {
        OTA_TRY(piece_at(off, n, &r, &part, err));
        esp_err_t rc = read_piece(&r, off, to, part);
        if (rc != ESP_OK)
            return failed(&r, "cannot read", off, rc, err);
    }
    return OTA_OK;
}

/* ---- writing and erasing ------------------------------------------------------------------------------- */

static enum ota_status check_guard(const struct ota_esp_region *r, uint32_t off, struct ota_err *err) {
    static const char *const why[] = {
        [OTA_ESP_READONLY] = "the partition table says that it is read-only",
        [OTA_ESP_RUNNING] = "the running app lies there",
        [OTA_ESP_REGISTERED] = "the application registered it where the partition table has no row",
        [OTA_ESP_FOREIGN] = "neither partition nor hole",
    };
    if (r->guard == OTA_ESP_OPEN || r->guard == OTA_ESP_DANGEROUS)
        return OTA_OK;
    return ota_err_set(err, OTA_PERMISSION, "%s at 0x%x: %s", ota_esp_region_name(r), (unsigned)off, why[r->guard]);
}

static enum ota_status check_pieces(uint32_t off, size_t n, bool erase, struct ota_err *err) {
    struct ota_esp_region r;
    size_t part;
    OTA_TRY(check_range(off, n, err));
    if (erase && (off % OTA_SECTOR || n % OTA_SECTOR))
        return ota_err_set(err, OTA_ARGUMENT, "erasing 0x%x and %zu bytes: no whole sectors", (unsigned)off, n);
    for (; n > 0; off += (uint32_t)part, n -= part) {
        OTA_TRY(piece_at(off, n, &r, &part, err));
        OTA_TRY(check_guard(&r, off, err));
        if (!erase && r.encrypted && (off % BLOCK || part % BLOCK))
            return ota_err_set(err, OTA_ARGUMENT, "%s is encrypted: 0x%x and %zu bytes are no whole blocks of 16",
                               ota_esp_region_name(&r), (unsigned)off, part);
    }
    return OTA_OK;
}

/* ESP-IDF guards bootloader and table against writes by mistake; it is asked to look away for one call. */
static void let_through(const struct ota_esp_region *r, bool through) {
    if (r->guard == OTA_ESP_DANGEROUS)
        (void)esp_flash_set_dangerous_write_protection(esp_flash_default_chip, !through);
}

static esp_err_t write_piece(const struct ota_esp_region *r, uint32_t off, const uint8_t *p, size_t n) {
    if (r->partition)
        return esp_partition_write(r->partition, off - r->start, p, n);
    if (r->encrypted)
        return esp_flash_write_encrypted(esp_flash_default_chip, off, p, (uint32_t)n);
    return esp_flash_write(esp_flash_default_chip, p, off, (uint32_t)n);
}

static esp_err_t erase_piece(const struct ota_esp_region *r, uint32_t off, size_t n) {
    if (r->partition)
        return esp_partition_erase_range(r->partition, off - r->start, n);
    return esp_flash_erase_region(esp_flash_default_chip, off, (uint32_t)n);
}

/* from NULL: erases. */
static enum ota_status change(uint32_t off, const uint8_t *from, size_t n, struct ota_err *err) {
    struct ota_esp_region r;
    size_t part;
    OTA_TRY(check_pieces(off, n, !from, err));
    for (; n > 0; off += (uint32_t)part, n -= part) {
        OTA_TRY(piece_at(off, n, &r, &part, err));
        let_through(&r, true);
        esp_err_t rc = from ? write_piece(&r, off, from, part) : erase_piece(&r, off, part);
        let_through(&r, false);
        if (rc != ESP_OK)
            return failed(&r, from ? "cannot write" : "cannot erase", off, rc, err);
        from = from ? from + part : NULL;
    }
    return OTA_OK;
}

static enum ota_status flash_write(void *ctx, uint32_t off, const void *p, size_t n, struct ota_err *err) {
    (void)ctx;
    return change(off, p, n, err);
}

static enum ota_status flash_erase(void *ctx, uint32_t off, uint32_t n, struct ota_err *err) {
    (void)ctx;
    return change(off, NULL, n, err);
}

struct ota_flash ota_esp_flash = {.read = flash_read, .write = flash_write, .erase = flash_erase};

/* Of the table that the board booted with: the agent has written none yet. */
static enum ota_status count_rows(struct ota_err *err) {
    uint8_t row[ROW];
    size_t n = 0;
    ota_esp_region_rows(SIZE_MAX);
    for (; n < OTA_TABLE_ROWS_MAX; n++) {
        OTA_TRY(flash_read(NULL, CONFIG_PARTITION_TABLE_OFFSET + (uint32_t)(n * sizeof row), row, sizeof row, err));
        if (row[0] != 0xAA || row[1] != 0x50)
            break;
    }
    ota_esp_region_rows(n);
    return OTA_OK;
}

enum ota_status ota_esp_flash_open(struct ota_err *err) {
    esp_partition_iterator_t it = esp_partition_find(ESP_PARTITION_TYPE_ANY, ESP_PARTITION_SUBTYPE_ANY, NULL);
    if (!it)
        return ota_err_set(err, OTA_TABLE_FORMAT,
                           "ESP-IDF finds no partition: the table is not where it was built for?");
    esp_partition_iterator_release(it);
    esp_err_t rc = esp_flash_get_size(esp_flash_default_chip, &ota_esp_flash.size);
    return rc == ESP_OK ? count_rows(err) : ota_esp_failed(err, OTA_FLASH, rc, "size of the flash");
}
