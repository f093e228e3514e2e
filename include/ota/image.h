/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Application and bootloader images of the ESP32 family.
 * Source: ESP-IDF esp_app_format.h, esp_image_format.c, esp_bootloader_desc.h; esptool bin_image.py.
 *
 *   header 24 B | N x (segment header 8 B + data) | zero pad, checksum 1 B (total multiple of 16) | SHA-256 32 B if flagged | rest
 *
 * "rest" (secure padding, signature sectors) is not part of the image.
 */
#ifndef OTA_IMAGE_H
#define OTA_IMAGE_H

#include "ota/ports.h"

#ifdef __cplusplus
extern "C" {
#endif

#define OTA_IMAGE_MAGIC_BYTE 0xE9u
#define OTA_IMAGE_SEGMENTS_MAX 16u
#define OTA_IMAGE_HEADER_LEN 24u
#define OTA_IMAGE_OTA_MIN 1024u /* shorter files cannot be installed over the air */
#define OTA_APP_DESC_MAGIC 0xABCD5432u
#define OTA_BOOT_DESC_MAGIC 0x50u
#define OTA_APP_DESC_OFFSET 0x20u

/* What differs between chips. One table, image_chip.c. */
struct ota_chip {
    uint16_t id;      /* header's chip_id */
    const char *name; /* "esp32s3", as IDF_TARGET */
    uint32_t bootloader_offset;
    uint32_t bootloader_max;       /* image limit under Secure Boot v2, without the signature sector; 0: unknown */
    uint16_t page_sizes;           /* bit n: MMU page of 1 << n KiB may be chosen (bits 3..8) */
    bool recovery;                 /* ROM starts a recovery bootloader from eFuse offset (C5, C61, P4, S31) */
    uint16_t recovery_rev_min;     /* lowest revision with it */
    uint16_t secure_version_bits;  /* width of the app's anti-rollback eFuse */
    const char *speed_mhz[4];      /* text for spi_speed 0, 1, 2, 0xF; NULL: the code is not used */
    uint32_t drom_start, drom_end; /* addresses mapped from flash through the MMU (ends exclusive) */
    uint32_t irom_start, irom_end;
};
const struct ota_chip *ota_chip_by_id(uint16_t id); /* NULL when unknown */
const struct ota_chip *ota_chip_by_name(struct ota_span name);
const struct ota_chip *ota_chip_at(size_t index); /* NULL past the last */
/* Is a segment loaded at `addr` mapped from flash (and not copied to RAM)? */
bool ota_chip_maps(const struct ota_chip *chip, uint32_t addr);
/* Does one memory that a bootloader copies segments to hold all of it? */
bool ota_chip_loads(const struct ota_chip *chip, uint32_t addr, uint32_t length);

struct ota_image_segment {
    uint32_t load_addr, length;
    uint32_t offset; /* of its data in the file */
};

/* APP: has an app descriptor. BOOTLOADER: has a bootloader descriptor, or (older than IDF 5.2) is at least
 * OTA_IMAGE_OTA_MIN long and maps nothing from flash. */
enum ota_image_kind { OTA_IMAGE_UNKNOWN, OTA_IMAGE_APP, OTA_IMAGE_BOOTLOADER };

struct ota_image {
    uint8_t segment_count, spi_mode, spi_speed, spi_size; /* as in the header, nibbles apart */
    uint32_t entry;
    uint8_t wp_pin, spi_pin_drv[3];
    uint16_t chip_id;
    uint8_t min_rev_legacy;
    uint16_t min_rev, max_rev; /* major*100+minor; max 0 or 65535 = not set */
    bool hash_appended;
    struct ota_image_segment segment[OTA_IMAGE_SEGMENTS_MAX];
    uint32_t length; /* through checksum and appended hash; the rest is not the image */
    uint8_t checksum_stored, checksum;
    bool checksum_ok;
    bool hash_ok; /* meaningful when hash_appended */
    uint8_t hash_stored[OTA_SHA256_LEN], hash[OTA_SHA256_LEN];
    enum ota_image_kind kind;
    /* Texts of both descriptors: bytes outside printable ASCII are replaced by '?', so that they are safe to print. */
    struct { /* kind APP */
        uint32_t secure_version;
        char version[33], project[33], time[17], date[17], idf[33];
        uint8_t elf_sha256[OTA_SHA256_LEN];
        uint16_t min_blk_rev, max_blk_rev;
        uint32_t mmu_page;      /* bytes; 0: the descriptor names no page size that exists */
        uint8_t spi_flash_mode; /* descriptor byte 181: 0 unknown */
    } app;
    struct { /* kind BOOTLOADER with a descriptor (IDF >= 5.2) */
        bool present;
        uint8_t secure_version;
        uint32_t version;
        char idf[33], date_time[25];
    } boot;
};

/* Structure only: header, segments, lengths, descriptor; computes checksum and hash and says in the fields whether
 * they match. Fails on what cannot be an image (magic, another family, no or more than 16 segments, truncated,
 * lengths past the end). */
OTA_MUST_USE enum ota_status ota_image_read(const struct ota_source *src, const struct ota_crypto *crypto,
                                            struct ota_image *out, struct ota_err *err);
/* Is the first KiB plausible: magic, chip, segments, size. For an early refusal while downloading. */
OTA_MUST_USE enum ota_status ota_image_check_head(struct ota_span head, const struct ota_chip *chip, uint32_t length,
                                                  uint32_t room, struct ota_err *err);

/* The board, or the product at push, that an image must suit. */
struct ota_image_rules {
    const struct ota_chip *chip; /* never NULL */
    bool revision_known;
    uint16_t revision; /* major*100+minor */
    uint32_t room;     /* bytes of the slot, or from bootloader offset to table offset */
    uint32_t place;    /* offset of the slot in flash; 0: not known, then pages of up to 64 KiB are checked */
    bool secure_boot;  /* signature sector expected to fit as well: 4096 more */
    bool secure_version_known;
    uint32_t secure_version;     /* lowest acceptable of an app */
    uint8_t boot_secure_version; /* and of a bootloader, to the ROM; 0: any */
};
/* What ESP-IDF's esp_image_verify() checks and bytes can show, and for a bootloader what it does not:
 * checksum, hash (a bootloader's too), chip, revisions, sizes, MMU congruence, segments that go to a memory of the chip
 * and not over each other, segment 0 >= 256 for apps, at least 1024 bytes. */
OTA_MUST_USE enum ota_status ota_image_check_app(const struct ota_image *i, uint64_t file_length,
                                                 const struct ota_image_rules *rules, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_image_check_bootloader(const struct ota_image *i, uint64_t file_length,
                                                        const struct ota_image_rules *rules, struct ota_err *err);
/* The running bootloader's SPI header against the new one's: mode, speed, size must be equal. */
OTA_MUST_USE enum ota_status ota_image_check_spi(const struct ota_image *now, const struct ota_image *next,
                                                 struct ota_err *err);

#ifdef __cplusplus
}
#endif

#endif
