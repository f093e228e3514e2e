/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_images.h"

#include <string.h>

#include "host/crypto.h"
#include "image/image_write.h"
#include "image/sample.h"
#include "support/unit.h"

#define FRAME 128u        /* headers, padding, checksum and SHA-256 of an image fit into it */
#define MAPPED_SKEW 0x20u /* where the first segment begins in the file, and so within its page */
#define LOG2_64K 16u

static struct ota_err err;

static void fill(uint8_t *p, size_t n, const char *text) {
    uint32_t seed = ota_crc32(0, text, strlen(text)) | 1u;
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        p[i] = (uint8_t)(seed >> 24);
    }
}

/* The bootloader believes the flash size of its own header; nobody looks at that of an app. */
static struct ota_buf image(const struct ota_chip *chip, uint32_t flash_size, const uint8_t *segment, uint32_t length,
                            uint32_t at) {
    struct ota_buf out = {0};
    struct ota_image_writer w;
    struct ota_image_header header = {.chip_id = chip->id, .spi_mode = 2, .entry = at};
    while ((0x100000u << header.spi_size) < flash_size)
        header.spi_size++;
    ota_image_begin(&w, &out, &header);
    ota_image_segment(&w, at, segment, length);
    assert_ota_ok(ota_image_end(&w, &ota_crypto_openssl, &err));
    return out;
}

struct ota_buf sim_app(const struct sim_app *a) {
    const size_t length = (a->length ? a->length : SIM_APP_LENGTH) - FRAME;
    OTA_CLEAN_FREE uint8_t *segment = ota_calloc(1, length);
    const struct ota_app_desc desc = {
        .secure_version = a->secure_version,
        .version = a->version,
        .project = "thermo",
        .time = "00:00:00",
        .date = "Jan  1 2026",
        .idf = "v5.5",
        .mmu_page_log2 = LOG2_64K,
    };
    const char *test = a->faulty ? OTA_SAMPLE_MARKER_FAIL : OTA_SAMPLE_MARKER_PASS;
    uint8_t *marker = segment + OTA_APP_DESC_LEN;
    fill(segment, length, a->version);
    ota_app_desc_write(&desc, segment);
    memcpy(marker, test, strlen(test) + 1);
    if (a->no_network)
        memcpy(marker + strlen(test) + 1, OTA_SAMPLE_MARKER_NO_NETWORK, sizeof OTA_SAMPLE_MARKER_NO_NETWORK);
    return image(a->chip, 0, segment, (uint32_t)length, a->chip->drom_start + MAPPED_SKEW);
}

/* Somewhere in the chip's RAM. */
static uint32_t place_in_ram(const struct ota_chip *chip, uint32_t length) {
    static const uint32_t places[] = {0x40380000, 0x40080000, 0x40030000, 0x40800000, 0x4FF40000};
    for (size_t i = 0; i < OTA_ARRAY_LEN(places); i++)
        if (ota_chip_loads(chip, places[i], length))
            return places[i];
    fail_msg("%s: no RAM is known", chip->name);
    return 0;
}

struct ota_buf sim_bootloader(const struct ota_chip *chip, const char *version, size_t length, uint32_t flash_size) {
    OTA_CLEAN_FREE uint8_t *segment = ota_calloc(1, length - FRAME);
    const struct ota_boot_desc desc = {.version = 1, .idf = "v5.5", .date_time = "Jan  1 2026 00:00:00"};
    const uint32_t at = place_in_ram(chip, (uint32_t)(length - FRAME));
    fill(segment, length - FRAME, version);
    ota_boot_desc_write(&desc, segment);
    return image(chip, flash_size, segment, (uint32_t)(length - FRAME), at);
}

struct ota_buf sim_data(const char *version, size_t length) {
    struct ota_buf out = {0};
    ota_buf_reserve(&out, length);
    fill(out.p, length, version);
    out.len = length;
    return out;
}
