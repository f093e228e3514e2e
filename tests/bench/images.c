/* SPDX-License-Identifier: Apache-2.0 */
/* Writes apps for benchmarks, each of other bytes: images FOLDER CHIP COUNT BYTES. They are well-formed and start
 * nowhere. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/crypto.h"
#include "host/fs.h"
#include "image/image_write.h"

#define SKEW 0x20u /* file header and segment header */
#define CODE 0x100000u
#define PAGE 0x10000u

static void fill(uint8_t *p, size_t n, uint32_t seed) {
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        p[i] = (uint8_t)(seed >> 24);
    }
}

static enum ota_status write_image(const char *path, const struct ota_chip *chip, uint32_t size, uint32_t seed,
                                   struct ota_err *err) {
    OTA_CLEAN(ota_buf_free) struct ota_buf out = {0};
    OTA_CLEAN_FREE uint8_t *data = ota_calloc(1, size);
    const uint32_t code = chip->irom_start + CODE + SKEW;
    const struct ota_image_header header = {.chip_id = chip->id,
                                            .spi_mode = 2,
                                            .spi_size = 2,
                                            .entry = code,
                                            .min_rev = chip->recovery_rev_min}; /* of the P4, those that know P-384 */
    const struct ota_app_desc desc = {.version = "1.0.0",
                                      .project = "bench",
                                      .time = "12:00:00",
                                      .date = "Jan  1 2026",
                                      .idf = "v6.0",
                                      .mmu_page_log2 = 16};
    struct ota_image_writer w;
    fill(data, size, seed);
    ota_app_desc_write(&desc, data);
    ota_image_begin(&w, &out, &header);
    ota_image_segment(&w, chip->drom_start + SKEW, data, PAGE);
    ota_image_align(&w, code, PAGE);
    ota_image_segment(&w, code, data, (size - (uint32_t)out.len - 64u) / 16u * 16u);
    OTA_TRY(ota_image_end(&w, &ota_crypto_openssl, err));
    return ota_fs_write(path, out.p, out.len, 0644, err);
}

int main(int argc, char **argv) {
    struct ota_err err;
    const struct ota_chip *chip = argc == 5 ? ota_chip_by_name(ota_span_str(argv[2])) : NULL;
    const unsigned long count = chip ? strtoul(argv[3], NULL, 10) : 0;
    const unsigned long size = chip ? strtoul(argv[4], NULL, 10) : 0;
    if (count == 0 || size < 4 * PAGE || size > 4u * 1024u * 1024u) {
        fprintf(stderr, "usage: images FOLDER CHIP COUNT BYTES\n");
        return 2;
    }
    for (unsigned long i = 0; i < count; i++) {
        OTA_CLEAN_FREE char *path = ota_sprintf("%s/app-%lu.bin", argv[1], i);
        if (write_image(path, chip, (uint32_t)size, (uint32_t)i + 1u, &err) != OTA_OK) {
            fprintf(stderr, "images: %s\n", err.msg);
            return 1;
        }
    }
    return 0;
}
