/* SPDX-License-Identifier: Apache-2.0 */
#include "support/esp_world.h"

#include "double/log.h"
#include "double/nvs.h"
#include "host/crypto.h"
#include "support/fake_chip.h"
#include "support/unit.h"

static struct ota_err err;

/* ---- table --------------------------------------------------------------------------------------------- */

static void row(struct ota_table *t, uint8_t type, uint8_t subtype, uint32_t offset, uint32_t size, const char *label,
                uint32_t flags) {
    fake_chip_row(t, type, subtype, offset, size, label);
    t->row[t->count - 1].flags = flags;
}

static void app_rows(struct ota_table *t, unsigned rows) {
    row(t, OTA_PART_APP, OTA_APP_OTA_0, ESP_OTA_0, ESP_SLOT_SIZE, "ota_0", 0);
    row(t, OTA_PART_APP, OTA_APP_OTA_0 + 1, ESP_OTA_1, ESP_SLOT_SIZE, "ota_1", 0);
    if (rows & ESP_HAS_OTA_2)
        row(t, OTA_PART_APP, OTA_APP_OTA_0 + 2, ESP_OTA_2, ESP_SLOT_SIZE, "ota_2", 0);
    if (rows & ESP_HAS_FACTORY)
        row(t, OTA_PART_APP, OTA_APP_FACTORY, ESP_FACTORY, ESP_SLOT_SIZE, "factory", 0);
    if (rows & ESP_HAS_TEST)
        row(t, OTA_PART_APP, OTA_APP_TEST, ESP_TEST, ESP_SLOT_SIZE, "test", 0);
    if (rows & ESP_HAS_OTA_3)
        row(t, OTA_PART_APP, OTA_APP_OTA_0 + 3, ESP_OTA_3, ESP_SLOT_SIZE, "ota_3", 0);
}

static void data_rows(struct ota_table *t, unsigned rows) {
    if (!(rows & ESP_NO_STATE))
        row(t, OTA_PART_DATA, OTA_DATA_NVS, ESP_STATE, ESP_ID - ESP_STATE, OTA_STATE_LABEL,
            rows & ESP_ENCRYPTED_STATE ? OTA_FLAG_ENCRYPTED : 0);
    row(t, OTA_PART_DATA, OTA_DATA_NVS, ESP_ID, 0x4000, OTA_ID_LABEL, OTA_FLAG_READONLY);
    row(t, OTA_PART_DATA, OTA_DATA_SPIFFS, ESP_STORAGE, ESP_DATA_SIZE, "storage", 0);
    row(t, OTA_PART_DATA, OTA_DATA_UNDEFINED, ESP_SECRET, ESP_DATA_SIZE, "secret", OTA_FLAG_ENCRYPTED);
    row(t, OTA_PART_DATA, OTA_DATA_UNDEFINED, ESP_ODD, ESP_ODD_SIZE, "odd", 0);
}

static void flash_table(const struct ota_efuse *e, unsigned rows) {
    struct ota_table t = {0};
    uint8_t bytes[OTA_TABLE_LENGTH];
    if (rows & ESP_HAS_PRIMARY) {
        row(&t, OTA_PART_BOOTLOADER, OTA_BOOT_PRIMARY, e->chip->bootloader_offset,
            e->boot.table_offset - e->chip->bootloader_offset, "PrimaryBTLDR", 0);
        row(&t, OTA_PART_TABLE, OTA_BOOT_PRIMARY, e->boot.table_offset, OTA_SECTOR, "PrimaryPrtTable", 0);
    }
    if (!(rows & ESP_NO_NVS))
        row(&t, OTA_PART_DATA, OTA_DATA_NVS, 0x9000, 0x4000, "nvs", 0);
    if (!(rows & ESP_NO_OTADATA))
        row(&t, OTA_PART_DATA, OTA_DATA_OTA, ESP_OTADATA, rows & ESP_SMALL_OTADATA ? 0x1000 : 0x2000, "otadata", 0);
    app_rows(&t, rows);
    data_rows(&t, rows);
    assert_ota_ok(ota_table_write(&t, &ota_crypto_openssl, bytes, &err));
    double_chip_program(e->boot.table_offset, (struct ota_span){bytes, sizeof bytes}, true);
}

/* ---- images -------------------------------------------------------------------------------------------- */

static bool secure(void) {
#ifdef OTA_ESP_SECURE
    return true;
#else
    return false;
#endif
}

struct ota_buf esp_world_app_bytes(struct esp_world *w, const char *version, uint32_t secure_version) {
    struct ota_buf app = fake_chip_app(version, secure_version);
    if (secure())
        boot_sign(&w->signer, &app, 0);
    return app;
}

struct ota_buf esp_world_bootloader_bytes(struct esp_world *w, const char *version) {
    struct ota_buf b = fake_bootloader(version);
    if (secure())
        boot_sign(&w->signer, &b, 0);
    return b;
}

void esp_world_app(struct esp_world *w, uint32_t offset, const char *version, uint32_t secure_version) {
    OTA_CLEAN(ota_buf_free) struct ota_buf app = esp_world_app_bytes(w, version, secure_version);
    double_chip_program(offset, ota_buf_span(&app), true);
}

/* ---- life ---------------------------------------------------------------------------------------------- */

static void rom_line(void *ctx, enum ota_log_level level, const char *text) {
    (void)ctx, (void)level, (void)text;
}

static void trust_signer(struct esp_world *w) {
    OTA_CLEAN(ota_buf_free) struct ota_buf b = fake_bootloader("key");
    boot_signer_make(&w->signer, OTA_BOOT_ECDSA256);
    boot_sign(&w->signer, &b, 0);
    w->board.efuse.keys.count = 1;
    memcpy(w->board.efuse.keys.digest[0], w->signer.digest, OTA_SHA256_LEN);
}

void esp_world_make(struct esp_world *w, unsigned rows) {
    const struct ota_efuse e = {
        .chip = ota_chip_by_name(ota_span_str("esp32c3")),
        .revision = 4,
        .boot =
            {
                .rollback = true,
                .anti_rollback = secure(),
                .flash_encryption = secure(),
                .secure_boot = secure() ? 2 : 0,
                .table_offset = OTA_TABLE_DEFAULT_OFFSET,
            },
    };
    memset(w, 0, sizeof *w);
    w->log.line = rom_line;
    assert_ota_ok(ota_virtual_board_memory(&w->board, &e, ESP_FLASH_SIZE, &err));
    if (secure())
        trust_signer(w);
    double_log_clear();
    double_nvs_reset();
    double_chip_put(&w->board.nor.port, &w->board.efuse);
    OTA_CLEAN(ota_buf_free) struct ota_buf bootloader = esp_world_bootloader_bytes(w, "boot");
    double_chip_program(e.chip->bootloader_offset, ota_buf_span(&bootloader), true);
    flash_table(&e, rows);
    esp_world_app(w, ESP_OTA_0, "zero", 0);
    esp_world_app(w, ESP_OTA_1, "one", 0);
    if (rows & ESP_HAS_FACTORY)
        esp_world_app(w, ESP_FACTORY, "factory", 0);
}

void esp_world_free(struct esp_world *w) {
    assert_int_equal(double_chip.iterators, 0);
    assert_true(double_chip.protected);
    ota_virtual_board_close(&w->board);
    if (secure())
        boot_signer_free(&w->signer);
}

void esp_world_boots(struct esp_world *w, const char *label) {
    ota_nor_power_on(&w->board.nor);
    assert_true(double_chip.protected);
    assert_ota_ok(double_chip_boot(&w->log, &err));
    assert_string_equal(double_chip.boot.app->label, label);
    double_nvs_reboot();
    assert_ota_ok(ota_esp_flash_open(&err));
}

/* ---- looking ------------------------------------------------------------------------------------------- */

void esp_world_read(uint32_t offset, void *p, size_t n) {
    assert_ota_ok(double_chip.plain.read(NULL, offset, p, n, &err));
}

void esp_world_cells(uint32_t offset, void *p, size_t n) {
    assert_ota_ok(double_chip.cells->read(double_chip.cells->ctx, offset, p, n, &err));
}

void esp_world_entry(unsigned index, uint32_t seq, enum ota_slot_state state) {
    uint8_t bytes[OTA_OTADATA_ENTRY];
    ota_otadata_encode(seq, state, bytes);
    double_chip_program(ESP_OTADATA + index * OTA_SECTOR, (struct ota_span){bytes, sizeof bytes}, true);
}

struct ota_otadata_entry esp_world_read_entry(unsigned index) {
    uint8_t bytes[OTA_OTADATA_ENTRY];
    struct ota_otadata_entry e;
    esp_world_read(ESP_OTADATA + index * OTA_SECTOR, bytes, sizeof bytes);
    ota_otadata_decode(bytes, &e);
    return e;
}

void esp_world_entry_is(unsigned index, uint32_t seq, enum ota_slot_state state) {
    const struct ota_otadata_entry e = esp_world_read_entry(index);
    assert_int_equal(e.seq, seq);
    assert_string_equal(ota_slot_state_name(e.state), ota_slot_state_name(state));
}
