/* SPDX-License-Identifier: Apache-2.0 */
/* Image writer. Source: esptool bin_image.py (save), ESP-IDF esp_app_desc.h, esp_bootloader_desc.h. */
#include "image/image_write.h"

#include <string.h>

#define CHECKSUM_SEED 0xEFu
#define SEGMENT_HEADER 8u
#define WP_PIN_DISABLED 0xEE
#define EFUSE_BLOCK_REV_MAX 199u /* what ESP-IDF writes by default */

void ota_image_begin(struct ota_image_writer *w, struct ota_buf *out, const struct ota_image_header *h) {
    uint8_t b[OTA_IMAGE_HEADER_LEN] = {OTA_IMAGE_MAGIC_BYTE};
    *w = (struct ota_image_writer){.out = out, .checksum = CHECKSUM_SEED};
    b[2] = h->spi_mode;
    b[3] = (uint8_t)(h->spi_size << 4 | (h->spi_speed & 0x0F));
    ota_put_le32(b + 4, h->entry);
    b[8] = WP_PIN_DISABLED;
    ota_put_le16(b + 12, h->chip_id);
    ota_put_le16(b + 15, h->min_rev);
    ota_put_le16(b + 17, h->max_rev);
    b[23] = 1;
    ota_buf_append(out, b, sizeof b);
}

static void begin_segment(struct ota_image_writer *w, uint32_t load_addr, uint32_t length) {
    uint8_t h[SEGMENT_HEADER];
    ota_put_le32(h, load_addr);
    ota_put_le32(h + 4, length);
    ota_buf_append(w->out, h, sizeof h);
    w->segments++;
}

void ota_image_segment(struct ota_image_writer *w, uint32_t load_addr, const void *p, uint32_t length) {
    const uint8_t *bytes = p;
    begin_segment(w, load_addr, length);
    ota_buf_append(w->out, bytes, length);
    for (uint32_t i = 0; i < length; i++)
        w->checksum ^= bytes[i];
}

/* Zeros leave the checksum as it is. */
static void append_zeros(struct ota_buf *out, size_t n) {
    ota_buf_reserve(out, n);
    memset(out->p + out->len, 0, n);
    out->len += n;
    out->p[out->len] = 0;
}

void ota_image_align(struct ota_image_writer *w, uint32_t load_addr, uint32_t page) {
    uint32_t data_at = (uint32_t)w->out->len + SEGMENT_HEADER;
    if ((data_at - load_addr) % page == 0)
        return;
    uint32_t zeros = (load_addr - data_at - SEGMENT_HEADER) % page;
    begin_segment(w, 0, zeros);
    append_zeros(w->out, zeros);
}

enum ota_status ota_image_end(struct ota_image_writer *w, const struct ota_crypto *crypto, struct ota_err *err) {
    uint8_t sha[OTA_SHA256_LEN];
    append_zeros(w->out, 15u - w->out->len % 16u);
    ota_buf_append(w->out, &w->checksum, 1);
    w->out->p[1] = w->segments;
    OTA_TRY(ota_sha256(crypto, w->out->p, w->out->len, sha, err));
    ota_buf_append(w->out, sha, sizeof sha);
    return OTA_OK;
}

/* A C string in a field of `size` bytes that is zero already; keeps one NUL. */
static void put_text(uint8_t *field, size_t size, const char *text) {
    size_t n = strnlen(text, size - 1);
    memcpy(field, text, n);
}

void ota_app_desc_write(const struct ota_app_desc *d, uint8_t out[OTA_APP_DESC_LEN]) {
    memset(out, 0, OTA_APP_DESC_LEN);
    ota_put_le32(out, OTA_APP_DESC_MAGIC);
    ota_put_le32(out + 4, d->secure_version);
    put_text(out + 16, 32, d->version);
    put_text(out + 48, 32, d->project);
    put_text(out + 80, 16, d->time);
    put_text(out + 96, 16, d->date);
    put_text(out + 112, 32, d->idf);
    memcpy(out + 144, d->elf_sha256, OTA_SHA256_LEN);
    ota_put_le16(out + 178, EFUSE_BLOCK_REV_MAX);
    out[180] = d->mmu_page_log2;
}

void ota_boot_desc_write(const struct ota_boot_desc *d, uint8_t out[OTA_BOOT_DESC_LEN]) {
    memset(out, 0, OTA_BOOT_DESC_LEN);
    out[0] = OTA_BOOT_DESC_MAGIC;
    out[3] = d->secure_version;
    ota_put_le32(out + 4, d->version);
    put_text(out + 8, 32, d->idf);
    put_text(out + 40, 24, d->date_time);
}
