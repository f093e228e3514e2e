/* SPDX-License-Identifier: Apache-2.0 */
/* Small valid images for the board under test: an ESP32-C3 with 4 MB. */
#include <string.h>

#include "fake_board.h"
#include "unit.h"

#include "host/crypto.h"
#include "image/image_write.h"
#include "image/sample.h"

#define DROM 0x3C000020u
#define DRAM 0x3FC90000u
#define IRAM 0x40380000u
#define APP_SEGMENT (FAKE_APP_LENGTH - 128u)
#define BOOT_SEGMENT 0x1800u

static struct ota_err err;

static void fill(uint8_t *p, size_t n, const char *text) {
    uint32_t seed = ota_crc32(0, text, strlen(text)) | 1u;
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        p[i] = seed >> 24 & 0x0f; /* four bits of eight: zlib halves it */
    }
}

static struct ota_buf image(const uint8_t *segment, uint32_t length, uint32_t at, uint16_t chip) {
    struct ota_buf out = {0};
    struct ota_image_writer w;
    struct ota_image_header header = {.chip_id = chip, .spi_mode = 2, .spi_size = 2, .entry = IRAM, .max_rev = 199};
    ota_image_begin(&w, &out, &header);
    ota_image_segment(&w, at, segment, length);
    assert_ota_ok(ota_image_end(&w, &ota_crypto_openssl, &err));
    return out;
}

struct ota_buf fake_app(const char *version, bool faulty) {
    static uint8_t segment[APP_SEGMENT];
    struct ota_app_desc desc = {.version = version,
                                .project = "thermo",
                                .time = "00:00:00",
                                .date = "Jan  1 2026",
                                .idf = "v5.5",
                                .mmu_page_log2 = 16};
    const char *marker = faulty ? OTA_SAMPLE_MARKER_FAIL : OTA_SAMPLE_MARKER_PASS;
    fill(segment, sizeof segment, version);
    ota_app_desc_write(&desc, segment);
    memcpy(segment + OTA_APP_DESC_LEN, marker, strlen(marker) + 1);
    return image(segment, sizeof segment, DROM, 5);
}

struct ota_buf fake_bootloader(const char *version) {
    static uint8_t segment[BOOT_SEGMENT];
    struct ota_boot_desc desc = {.version = 1, .idf = "v5.5", .date_time = "Jan  1 2026 00:00:00"};
    fill(segment, sizeof segment, version);
    ota_boot_desc_write(&desc, segment);
    return image(segment, sizeof segment, DRAM, 5);
}

struct ota_buf fake_data(const char *text, size_t length) {
    struct ota_buf out = {0};
    ota_buf_reserve(&out, length);
    fill(out.p, length, text);
    out.len = length;
    return out;
}

static struct ota_buf table(const struct ota_partition *rows, size_t count) {
    struct ota_table t = {.count = count};
    struct ota_buf out = {0};
    memcpy(t.row, rows, t.count * sizeof rows[0]);
    ota_buf_reserve(&out, OTA_TABLE_LENGTH);
    assert_ota_ok(ota_table_write(&t, &ota_crypto_openssl, out.p, &err));
    out.len = OTA_TABLE_LENGTH;
    return out;
}

/* Storage is the last but two. */
static const struct ota_partition rows[] = {
    {OTA_PART_DATA, OTA_DATA_NVS, 0x9000, 0x4000, "nvs", 0},
    {OTA_PART_DATA, OTA_DATA_OTA, FAKE_OTADATA, 0x2000, "otadata", 0},
    {OTA_PART_DATA, OTA_DATA_PHY, 0xf000, 0x1000, "phy_init", 0},
    {OTA_PART_APP, OTA_APP_OTA_0, FAKE_SLOT_0, 0x180000, "ota_0", 0},
    {OTA_PART_APP, OTA_APP_OTA_0 + 1, FAKE_SLOT_1, 0x180000, "ota_1", 0},
    {OTA_PART_DATA, OTA_DATA_NVS, 0x310000, 0xc000, OTA_STATE_LABEL, 0},
    {OTA_PART_DATA, OTA_DATA_NVS, 0x31c000, 0x4000, OTA_ID_LABEL, OTA_FLAG_READONLY},
    {OTA_PART_DATA, OTA_DATA_SPIFFS, FAKE_STORAGE, FAKE_STORAGE_SIZE, "storage", 0},
    {OTA_PART_DATA, OTA_DATA_UNDEFINED, FAKE_STORAGE + FAKE_STORAGE_SIZE, 0x1000, "extra", 0},
    {OTA_PART_APP, OTA_APP_FACTORY, FAKE_FACTORY, FAKE_FACTORY_SIZE, "rescue", 0},
};

struct ota_buf fake_table(bool extra) {
    return table(rows, OTA_ARRAY_LEN(rows) - 2 + extra);
}

struct ota_buf fake_table_with_factory(void) {
    return table(rows, OTA_ARRAY_LEN(rows));
}
