/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes app and bootloader images as esptool's elf2image does; include/ota/image.h shows the layout.
 *
 *   begin -> segments in file order (aligned ones preceded by a padding segment) -> end: checksum, segment count, SHA-256
 */
#ifndef OTA_IMAGE_WRITE_H
#define OTA_IMAGE_WRITE_H

#include "host/buf.h"
#include "ota/image.h"

struct ota_image_header {
    uint16_t chip_id;
    uint8_t spi_mode, spi_speed, spi_size; /* codes as in the header */
    uint32_t entry;
    uint16_t min_rev, max_rev;
};

struct ota_image_writer {
    struct ota_buf *out; /* borrowed; the image begins at its start */
    uint8_t segments, checksum;
};
/* *out must be empty. */
void ota_image_begin(struct ota_image_writer *w, struct ota_buf *out, const struct ota_image_header *h);
/* length: a multiple of 4; at most OTA_IMAGE_SEGMENTS_MAX segments. */
void ota_image_segment(struct ota_image_writer *w, uint32_t load_addr, const void *p, uint32_t length);
/* A padding segment (address 0), after which the data of the next segment lies at load_addr's place within a page.
 * None when it lies there anyway. */
void ota_image_align(struct ota_image_writer *w, uint32_t load_addr, uint32_t page);
OTA_MUST_USE enum ota_status ota_image_end(struct ota_image_writer *w, const struct ota_crypto *crypto,
                                           struct ota_err *err);

struct ota_app_desc {
    uint32_t secure_version;
    const char *version, *project, *time, *date, *idf; /* up to 31, 31, 15, 15, 31 bytes; longer ones are cut */
    uint8_t elf_sha256[OTA_SHA256_LEN];
    uint8_t mmu_page_log2; /* 16: 64 KiB */
};
#define OTA_APP_DESC_LEN 256u
void ota_app_desc_write(const struct ota_app_desc *d, uint8_t out[OTA_APP_DESC_LEN]);

struct ota_boot_desc {
    uint8_t secure_version;
    uint32_t version;
    const char *idf, *date_time; /* up to 31 and 23 bytes */
};
#define OTA_BOOT_DESC_LEN 80u
void ota_boot_desc_write(const struct ota_boot_desc *d, uint8_t out[OTA_BOOT_DESC_LEN]);

#endif
