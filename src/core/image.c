/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reader of app and bootloader images: structure, checksum, hash, descriptors. Judging them is image_check.c's job.
 * Source: ESP-IDF esp_app_format.h, esp_image_format.c, esp_bootloader_desc.h; esptool bin_image.py.
 */
#include "ota/image.h"

#include <string.h>

#define CHECKSUM_SEED 0xEFu
#define SEGMENT_HEADER 8u
#define APP_DESC 256u
#define BOOT_DESC 80u
#define CHUNK 512u

static enum ota_status read_at(const struct ota_source *src, uint64_t off, void *p, size_t n, const char *what,
                               struct ota_err *err) {
    if (off > src->size || n > src->size - off)
        return ota_err_set(err, OTA_TRUNCATED, "the image is cut off: it ends at byte %llu, inside %s",
                           (unsigned long long)src->size, what);
    return src->read(src->ctx, off, p, n, err);
}

static enum ota_status read_header(const struct ota_source *src, struct ota_image *out, struct ota_err *err) {
    uint8_t h[OTA_IMAGE_HEADER_LEN];
    OTA_TRY(read_at(src, 0, h, 1, "the header", err));
    if (h[0] != OTA_IMAGE_MAGIC_BYTE)
        return ota_err_set(err, OTA_IMAGE_MAGIC, "not an Espressif image: the first byte is 0x%02x, not 0xe9", h[0]);
    OTA_TRY(read_at(src, 0, h, sizeof h, "the header", err));
    out->segment_count = h[1];
    out->spi_mode = h[2];
    out->spi_speed = h[3] & 0x0F;
    out->spi_size = h[3] >> 4;
    out->entry = ota_le32(h + 4);
    out->wp_pin = h[8];
    memcpy(out->spi_pin_drv, h + 9, sizeof out->spi_pin_drv);
    out->chip_id = ota_le16(h + 12);
    out->min_rev_legacy = h[14];
    out->min_rev = ota_le16(h + 15);
    out->max_rev = ota_le16(h + 17);
    out->hash_appended = h[23] == 1;
    /* The ESP8266 has the same magic, but an 8-byte header: what stands here is code. */
    if (h[23] > 1)
        return ota_err_set(
            err, OTA_CHIP,
            "header byte 23 (hash appended) is 0x%02x, not 0 or 1: an image of another family (ESP8266), "
            "or damaged",
            h[23]);
    if (out->segment_count == 0 || out->segment_count > OTA_IMAGE_SEGMENTS_MAX)
        return ota_err_set(err, OTA_IMAGE_HEADER, "the header says %u segments; an image has 1 to %u",
                           out->segment_count, OTA_IMAGE_SEGMENTS_MAX);
    return OTA_OK;
}

static enum ota_status read_segments(const struct ota_source *src, struct ota_image *out, struct ota_err *err) {
    uint64_t off = OTA_IMAGE_HEADER_LEN, data = 0;
    for (unsigned i = 0; i < out->segment_count; i++) {
        uint8_t h[SEGMENT_HEADER];
        OTA_TRY(read_at(src, off, h, sizeof h, "a segment header", err));
        off += sizeof h;
        struct ota_image_segment *s = &out->segment[i];
        s->load_addr = ota_le32(h);
        s->length = ota_le32(h + 4);
        s->offset = (uint32_t)off;
        if (s->length % 4 != 0)
            return ota_err_set(err, OTA_IMAGE_SEGMENT, "segment %u: length 0x%x is not a multiple of 4", i,
                               (unsigned)s->length);
        if (s->length > src->size - off)
            return ota_err_set(err, OTA_TRUNCATED,
                               "segment %u: 0x%x bytes at 0x%x reach past the end of the file (%llu bytes)", i,
                               (unsigned)s->length, (unsigned)s->offset, (unsigned long long)src->size);
        off += s->length;
        data += s->length;
        if (off > UINT32_MAX - OTA_SHA256_LEN - 16u)
            return ota_err_set(err, OTA_TOO_LARGE, "segment %u ends beyond 4 GiB", i);
    }
    if (data == 0)
        return ota_err_set(err, OTA_TRUNCATED, "the image is cut off: %llu bytes with headers, but no segment has data",
                           (unsigned long long)src->size);
    /* 1 to 16 bytes are added: zeros, then the checksum as the last byte of a multiple of 16. */
    out->length = (uint32_t)((off / 16u + 1u) * 16u);
    return OTA_OK;
}

/* Bytes [from, to) into the hash and, as segment data, into *checksum (NULL: headers and padding). */
static enum ota_status digest(const struct ota_source *src, const struct ota_crypto *crypto, struct ota_sha256 *sha,
                              uint32_t from, uint32_t to, uint8_t *checksum, struct ota_err *err) {
    uint8_t chunk[CHUNK];
    while (from < to) {
        size_t n = to - from < sizeof chunk ? to - from : sizeof chunk;
        OTA_TRY(read_at(src, from, chunk, n, "the checksum", err));
        OTA_TRY(crypto->sha256_update(crypto->ctx, sha, chunk, n, err));
        for (size_t i = 0; checksum && i < n; i++)
            *checksum ^= chunk[i];
        from += (uint32_t)n;
    }
    return OTA_OK;
}

static enum ota_status digest_image(const struct ota_source *src, const struct ota_crypto *crypto,
                                    struct ota_sha256 *sha, struct ota_image *out, struct ota_err *err) {
    uint32_t at = 0;
    out->checksum = CHECKSUM_SEED;
    for (unsigned i = 0; i < out->segment_count; i++) {
        const struct ota_image_segment *s = &out->segment[i];
        OTA_TRY(digest(src, crypto, sha, at, s->offset, NULL, err));
        at = s->offset + s->length;
        OTA_TRY(digest(src, crypto, sha, s->offset, at, &out->checksum, err));
    }
    return digest(src, crypto, sha, at, out->length, NULL, err);
}

static enum ota_status read_digests(const struct ota_source *src, const struct ota_crypto *crypto,
                                    struct ota_image *out, struct ota_err *err) {
    struct ota_sha256 sha;
    OTA_TRY(crypto->sha256_begin(crypto->ctx, &sha, err));
    enum ota_status status = digest_image(src, crypto, &sha, out, err);
    if (status != OTA_OK) {
        crypto->sha256_abort(crypto->ctx, &sha);
        return status;
    }
    OTA_TRY(crypto->sha256_end(crypto->ctx, &sha, out->hash, err));
    OTA_TRY(read_at(src, out->length - 1u, &out->checksum_stored, 1, "the checksum", err));
    out->checksum_ok = out->checksum == out->checksum_stored;
    if (out->hash_appended) {
        OTA_TRY(read_at(src, out->length, out->hash_stored, OTA_SHA256_LEN, "the appended SHA-256", err));
        out->hash_ok = memcmp(out->hash, out->hash_stored, OTA_SHA256_LEN) == 0;
        out->length += OTA_SHA256_LEN;
    }
    return OTA_OK;
}

/* A C string in a field of n bytes, which a long one fills without a NUL. out[n + 1]. */
static void copy_text(const uint8_t *p, size_t n, char *out) {
    size_t i = 0;
    for (; i < n && p[i]; i++)
        out[i] = p[i] >= 0x20 && p[i] < 0x7F ? (char)p[i] : '?';
    out[i] = '\0';
}

static bool printable_text(const uint8_t *p, size_t n) {
    size_t i = 0;
    while (i < n && p[i] >= 0x20 && p[i] < 0x7F)
        i++;
    return i > 0 && (i == n || p[i] == 0);
}

/* Byte 180 is the page size as a power of two; 0 is written by versions that knew only 64 KiB. */
static uint32_t mmu_page(uint8_t log2_bytes) {
    if (log2_bytes == 0)
        return 64u * 1024u;
    return log2_bytes >= 13 && log2_bytes <= 18 ? 1u << log2_bytes : 0;
}

static void read_app_desc(const uint8_t d[APP_DESC], struct ota_image *out) {
    out->kind = OTA_IMAGE_APP;
    out->app.secure_version = ota_le32(d + 4);
    copy_text(d + 16, 32, out->app.version);
    copy_text(d + 48, 32, out->app.project);
    copy_text(d + 80, 16, out->app.time);
    copy_text(d + 96, 16, out->app.date);
    copy_text(d + 112, 32, out->app.idf);
    memcpy(out->app.elf_sha256, d + 144, OTA_SHA256_LEN);
    out->app.min_blk_rev = ota_le16(d + 176);
    out->app.max_blk_rev = ota_le16(d + 178);
    out->app.mmu_page = mmu_page(d[180]);
    out->app.spi_flash_mode = d[181];
}

static void read_boot_desc(const uint8_t d[BOOT_DESC], struct ota_image *out) {
    out->kind = OTA_IMAGE_BOOTLOADER;
    out->boot.present = true;
    out->boot.secure_version = d[3];
    out->boot.version = ota_le32(d + 4);
    copy_text(d + 8, 32, out->boot.idf);
    copy_text(d + 40, 24, out->boot.date_time);
}

/* Nothing in the header tells the kinds apart. A bootloader older than its descriptor is known by running from RAM
 * alone. */
static bool looks_like_bootloader(const struct ota_image *i) {
    const struct ota_chip *chip = ota_chip_by_id(i->chip_id);
    if (!chip || i->length < OTA_IMAGE_OTA_MIN)
        return false;
    for (unsigned n = 0; n < i->segment_count; n++)
        if (ota_chip_maps(chip, i->segment[n].load_addr))
            return false;
    return true;
}

static enum ota_status read_descriptor(const struct ota_source *src, struct ota_image *out, struct ota_err *err) {
    uint8_t d[APP_DESC];
    uint32_t room = out->segment[0].length;
    if (room >= APP_DESC) {
        OTA_TRY(read_at(src, OTA_APP_DESC_OFFSET, d, APP_DESC, "the app descriptor", err));
        if (ota_le32(d) == OTA_APP_DESC_MAGIC) {
            read_app_desc(d, out);
            return OTA_OK;
        }
    }
    if (room >= BOOT_DESC) {
        OTA_TRY(read_at(src, OTA_APP_DESC_OFFSET, d, BOOT_DESC, "the bootloader descriptor", err));
        if (d[0] == OTA_BOOT_DESC_MAGIC && printable_text(d + 8, 32)) {
            read_boot_desc(d, out);
            return OTA_OK;
        }
    }
    out->kind = looks_like_bootloader(out) ? OTA_IMAGE_BOOTLOADER : OTA_IMAGE_UNKNOWN;
    return OTA_OK;
}

enum ota_status ota_image_read(const struct ota_source *src, const struct ota_crypto *crypto, struct ota_image *out,
                               struct ota_err *err) {
    memset(out, 0, sizeof *out);
    OTA_TRY(read_header(src, out, err));
    OTA_TRY(read_segments(src, out, err));
    OTA_TRY(read_digests(src, crypto, out, err));
    return read_descriptor(src, out, err);
}
