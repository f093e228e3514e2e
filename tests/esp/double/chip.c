/* SPDX-License-Identifier: Apache-2.0 */
/* Cells, encryption, esp_flash_*. Source: ESP-IDF spi_flash/esp_flash_api.c, spi_flash_os_func_app.c. */
#include "double/chip.h"

#include "esp_private/esp_flash_internal.h"
#include "host/crypto.h"
#include "support/unit.h"

#define BLOCK 16u

struct double_chip double_chip;
static struct ota_err err;

struct esp_flash_t {
    int unused;
};
static esp_flash_t main_chip;
esp_flash_t *esp_flash_default_chip = &main_chip;

bool double_chip_is_encrypted(void) {
    return double_chip.efuse->boot.flash_encryption;
}

esp_err_t double_chip_fault(esp_err_t *fault) {
    esp_err_t now = *fault;
    if (now == ESP_OK)
        return ESP_OK;
    if (double_chip.fail_after > 0) {
        double_chip.fail_after--;
        return ESP_OK;
    }
    *fault = ESP_OK;
    return now;
}

/* ---- encryption ---------------------------------------------------------------------------------------- */

/* The byte that is added at this address. */
static uint8_t mask(uint32_t address) {
    uint32_t block = address / BLOCK * 2654435761u;
    return (uint8_t)((block >> 13) ^ (address % BLOCK * 37u) ^ 0x5A);
}

static void add_mask(uint32_t address, uint8_t *p, size_t n) {
    for (size_t i = 0; i < n; i++)
        p[i] ^= mask(address + (uint32_t)i);
}

static enum ota_status plain_read(void *ctx, uint32_t off, void *p, size_t n, struct ota_err *e) {
    const struct ota_flash *f = double_chip.cells;
    (void)ctx;
    OTA_TRY(f->read(f->ctx, off, p, n, e));
    if (double_chip_is_encrypted())
        add_mask(off, p, n);
    return OTA_OK;
}

static enum ota_status plain_write(void *ctx, uint32_t off, const void *p, size_t n, struct ota_err *e) {
    const struct ota_flash *f = double_chip.cells;
    uint8_t bytes[OTA_SECTOR];
    (void)ctx;
    if (!double_chip_is_encrypted())
        return f->write(f->ctx, off, p, n, e);
    assert_true(off % BLOCK == 0 && n % BLOCK == 0);
    for (size_t pos = 0; pos < n;) {
        size_t part = n - pos < sizeof bytes ? n - pos : sizeof bytes;
        memcpy(bytes, (const uint8_t *)p + pos, part);
        add_mask(off + (uint32_t)pos, bytes, part);
        OTA_TRY(f->write(f->ctx, off + (uint32_t)pos, bytes, part, e));
        pos += part;
    }
    return OTA_OK;
}

static enum ota_status plain_erase(void *ctx, uint32_t off, uint32_t n, struct ota_err *e) {
    const struct ota_flash *f = double_chip.cells;
    (void)ctx;
    return f->erase(f->ctx, off, n, e);
}

/* ---- life ---------------------------------------------------------------------------------------------- */

void double_chip_reset(void) {
    struct double_chip *c = &double_chip;
    const struct double_chip fresh = {
        .cells = c->cells,
        .efuse = c->efuse,
        .plain = c->plain,
        .idf_5_5 = c->idf_5_5,
        .bootloader_offset = c->efuse->chip->bootloader_offset,
        .protected = true,
    };
    assert_int_equal(c->iterators, 0);
    *c = fresh;
}

void double_chip_put(const struct ota_flash *cells, struct ota_efuse *efuse) {
    double_chip = (struct double_chip){
        .cells = cells,
        .efuse = efuse,
        .plain = {NULL, cells->size, plain_read, plain_write, plain_erase},
    };
    double_chip_reset();
}

enum ota_status double_chip_boot(const struct ota_log *log, struct ota_err *e) {
    struct double_chip *c = &double_chip;
    const struct ota_board facts = ota_efuse_facts(c->efuse);
    const struct ota_rom rom = {&c->plain, &facts, &ota_crypto_openssl, log, &c->efuse->keys};
    double_chip_reset();
    OTA_TRY(ota_rom_start(&rom, &c->boot, e));
    if (c->boot.secure_version > c->efuse->secure_version)
        c->efuse->secure_version = c->boot.secure_version;
    c->running = c->boot.app->offset;
    return OTA_OK;
}

void double_chip_program(uint32_t offset, struct ota_span bytes, bool encrypted) {
    const struct ota_flash *f = encrypted ? &double_chip.plain : double_chip.cells;
    uint8_t sector[OTA_SECTOR];
    for (size_t pos = 0; pos < bytes.len; pos += sizeof sector) {
        size_t n = bytes.len - pos < sizeof sector ? bytes.len - pos : sizeof sector;
        memset(sector, 0xFF, sizeof sector);
        memcpy(sector, bytes.p + pos, n);
        assert_ota_ok(f->erase(f->ctx, offset + (uint32_t)pos, OTA_SECTOR, &err));
        assert_ota_ok(f->write(f->ctx, offset + (uint32_t)pos, sector, sizeof sector, &err));
    }
}

/* ---- esp_flash ----------------------------------------------------------------------------------------- */

static bool beyond(uint32_t address, uint32_t length) {
    return address > double_chip.cells->size || length > double_chip.cells->size - address;
}

static bool overlap(uint32_t a, uint32_t a_len, uint32_t b, uint32_t b_len) {
    return a < b + b_len && b < a + a_len;
}

/* CONFIG_SPI_FLASH_DANGEROUS_WRITE_ABORTS is the default: the chip would reset here, and the test ends. */
static esp_err_t check_write(uint32_t address, uint32_t length) {
    const struct double_chip *c = &double_chip;
    const struct ota_partition *app = c->boot.app;
    for (size_t i = 0; i < c->count; i++)
        if (c->partition[i].info.readonly &&
            overlap(address, length, c->partition[i].info.address, c->partition[i].info.size))
            return ESP_ERR_NOT_ALLOWED;
    if (!c->protected)
        return ESP_OK;
    if (address <= c->efuse->boot.table_offset + OTA_TABLE_LENGTH)
        fail_msg("write to 0x%x: bootloader and table are protected, ESP-IDF aborts", (unsigned)address);
    if (app && overlap(address, length, app->offset, app->size))
        fail_msg("write to 0x%x: the running app is protected, ESP-IDF aborts", (unsigned)address);
    return ESP_OK;
}

esp_err_t esp_flash_set_dangerous_write_protection(esp_flash_t *chip, const bool protect) {
    if (!chip)
        return ESP_ERR_INVALID_ARG;
    double_chip.unprotected_calls += double_chip.protected && !protect;
    double_chip.protected = protect;
    return ESP_OK;
}

esp_err_t esp_flash_get_size(esp_flash_t *chip, uint32_t *out_size) {
    (void)chip;
    if (!out_size)
        return ESP_ERR_INVALID_ARG;
    *out_size = double_chip.cells->size;
    return ESP_OK;
}

esp_err_t esp_flash_read(esp_flash_t *chip, void *buffer, uint32_t address, uint32_t length) {
    const struct ota_flash *f = double_chip.cells;
    (void)chip;
    esp_err_t fault = double_chip_fault(&double_chip.read_fault);
    if (fault != ESP_OK)
        return fault;
    if (beyond(address, length) || !buffer)
        return ESP_ERR_INVALID_ARG;
    return f->read(f->ctx, address, buffer, length, &err) == OTA_OK ? ESP_OK : ESP_FAIL;
}

/* Through the cache, which decrypts when the chip does so. */
esp_err_t esp_flash_read_encrypted(esp_flash_t *chip, uint32_t address, void *out_buffer, uint32_t length) {
    (void)chip;
    esp_err_t fault = double_chip_fault(&double_chip.read_fault);
    if (fault != ESP_OK)
        return fault;
    if (beyond(address, length))
        return ESP_ERR_INVALID_SIZE;
    return plain_read(NULL, address, out_buffer, length, &err) == OTA_OK ? ESP_OK : ESP_FAIL;
}

esp_err_t esp_flash_write(esp_flash_t *chip, const void *buffer, uint32_t address, uint32_t length) {
    const struct ota_flash *f = double_chip.cells;
    (void)chip;
    esp_err_t refused = check_write(address, length);
    if (refused == ESP_OK)
        refused = double_chip_fault(&double_chip.write_fault);
    if (refused != ESP_OK)
        return refused;
    if (beyond(address, length) || !buffer)
        return ESP_ERR_INVALID_ARG;
    return f->write(f->ctx, address, buffer, length, &err) == OTA_OK ? ESP_OK : ESP_FAIL;
}

esp_err_t esp_flash_write_encrypted(esp_flash_t *chip, uint32_t address, const void *buffer, uint32_t length) {
    (void)chip;
    esp_err_t refused = check_write(address, length);
    if (refused == ESP_OK)
        refused = double_chip_fault(&double_chip.write_fault);
    if (refused != ESP_OK)
        return refused;
    if (beyond(address, length) || !buffer || address % BLOCK)
        return ESP_ERR_INVALID_ARG;
    if (length % BLOCK)
        return ESP_ERR_INVALID_SIZE;
    return plain_write(NULL, address, buffer, length, &err) == OTA_OK ? ESP_OK : ESP_FAIL;
}

esp_err_t esp_flash_erase_region(esp_flash_t *chip, uint32_t start, uint32_t len) {
    const struct ota_flash *f = double_chip.cells;
    (void)chip;
    esp_err_t refused = check_write(start, len);
    if (refused == ESP_OK)
        refused = double_chip_fault(&double_chip.erase_fault);
    if (refused != ESP_OK)
        return refused;
    if (beyond(start, len) || start % OTA_SECTOR || len % OTA_SECTOR)
        return ESP_ERR_INVALID_ARG;
    for (uint32_t pos = 0; pos < len; pos += OTA_SECTOR)
        if (f->erase(f->ctx, start + pos, OTA_SECTOR, &err) != OTA_OK)
            return ESP_FAIL;
    return ESP_OK;
}
