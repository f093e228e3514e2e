/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Would a board take this image: what ESP-IDF's esp_image_verify and esp_https_ota check, as far as it can be seen in
 * the bytes. Source: ESP-IDF esp_image_format.c, bootloader_common_loader.c, esp_https_ota.c.
 */
#include "ota/image.h"

#define SEGMENT_LIMIT 0x1000000u /* 16 MiB; esptool writes none that long */
#define APP_DESCRIPTOR 256u
#define LOADED_FROM 0x10000000u /* a segment below fills the file and goes nowhere */
/* Partitions begin at multiples of this, so that an offset in the file stands for the offset in flash up to this page
 * size. */
#define PARTITION_ALIGN 0x10000u

enum ota_status ota_image_check_head(struct ota_span head, const struct ota_chip *chip, uint32_t length, uint32_t room,
                                     struct ota_err *err) {
    if (length < OTA_IMAGE_OTA_MIN)
        return ota_err_set(err, OTA_IMAGE_SMALL, "%u bytes; an image under %u bytes cannot be installed over the air",
                           (unsigned)length, OTA_IMAGE_OTA_MIN);
    if (length > room)
        return ota_err_set(err, OTA_SLOT_SIZE, "%u bytes do not fit into %u", (unsigned)length, (unsigned)room);
    if (head.len < OTA_IMAGE_HEADER_LEN + 8u)
        return ota_err_set(err, OTA_TRUNCATED, "%zu bytes are too few to judge an image", head.len);
    const uint8_t *h = head.p;
    if (h[0] != OTA_IMAGE_MAGIC_BYTE)
        return ota_err_set(err, OTA_IMAGE_MAGIC, "not an Espressif image: the first byte is 0x%02x, not 0xe9", h[0]);
    if (h[1] == 0 || h[1] > OTA_IMAGE_SEGMENTS_MAX)
        return ota_err_set(err, OTA_IMAGE_HEADER, "the header says %u segments; an image has 1 to %u", h[1],
                           OTA_IMAGE_SEGMENTS_MAX);
    if (ota_le16(h + 12) != chip->id || h[23] > 1)
        return ota_err_set(err, OTA_CHIP, "made for chip id 0x%04x, not for %s (0x%04x)", ota_le16(h + 12), chip->name,
                           chip->id);
    uint32_t first = ota_le32(h + OTA_IMAGE_HEADER_LEN + 4);
    if (first % 4 != 0 || first > length - OTA_IMAGE_HEADER_LEN - 8u)
        return ota_err_set(err, OTA_IMAGE_SEGMENT, "segment 0: 0x%x bytes do not fit into an image of %u bytes",
                           (unsigned)first, (unsigned)length);
    return OTA_OK;
}

static enum ota_status check_chip(const struct ota_image *i, const struct ota_image_rules *rules, struct ota_err *err) {
    if (i->chip_id == rules->chip->id)
        return OTA_OK;
    const struct ota_chip *made_for = ota_chip_by_id(i->chip_id);
    return ota_err_set(err, OTA_CHIP, "made for %s (chip id 0x%04x), not for %s",
                       made_for ? made_for->name : "an unknown chip", i->chip_id, rules->chip->name);
}

static bool limit_set(uint16_t max_revision) {
    return max_revision != 0 && max_revision != UINT16_MAX;
}

/* The upper limit binds apps only. */
static enum ota_status check_revision(const struct ota_image *i, const struct ota_image_rules *rules, bool upper,
                                      struct ota_err *err) {
    if (upper && limit_set(i->max_rev) && i->max_rev < i->min_rev)
        return ota_err_set(err, OTA_IMAGE_HEADER, "no chip has a revision from %u.%u to %u.%u", i->min_rev / 100u,
                           i->min_rev % 100u, i->max_rev / 100u, i->max_rev % 100u);
    if (!rules->revision_known)
        return OTA_OK;
    unsigned major = rules->revision / 100u, minor = rules->revision % 100u;
    if (rules->revision < i->min_rev)
        return ota_err_set(err, OTA_CHIP_REVISION, "needs chip revision %u.%u or newer, this is %u.%u",
                           i->min_rev / 100u, i->min_rev % 100u, major, minor);
    if (upper && limit_set(i->max_rev) && rules->revision > i->max_rev)
        return ota_err_set(err, OTA_CHIP_REVISION, "is for chip revisions up to %u.%u, this is %u.%u",
                           i->max_rev / 100u, i->max_rev % 100u, major, minor);
    return OTA_OK;
}

/* Of the calibration data in eFuse; the ESP32 has none. */
static enum ota_status check_block_revision(const struct ota_image *i, const struct ota_chip *chip,
                                            struct ota_err *err) {
    if (chip->id == 0 || !limit_set(i->app.max_blk_rev) || i->app.max_blk_rev >= i->app.min_blk_rev)
        return OTA_OK;
    return ota_err_set(err, OTA_IMAGE_DESCRIPTOR, "no chip has an eFuse block revision from %u.%u to %u.%u",
                       i->app.min_blk_rev / 100u, i->app.min_blk_rev % 100u, i->app.max_blk_rev / 100u,
                       i->app.max_blk_rev % 100u);
}

static enum ota_status check_digests(const struct ota_image *i, struct ota_err *err) {
    if (!i->checksum_ok)
        return ota_err_set(err, OTA_IMAGE_CHECKSUM, "checksum is 0x%02x, the segments give 0x%02x: the file is damaged",
                           i->checksum_stored, i->checksum);
    if (i->hash_appended && !i->hash_ok)
        return ota_err_set(err, OTA_IMAGE_HASH,
                           "the SHA-256 at its end does not match its bytes: the file is damaged or was edited");
    return OTA_OK;
}

static uint64_t sectors(uint64_t length) {
    return (length + OTA_SECTOR - 1) / OTA_SECTOR * OTA_SECTOR;
}

static enum ota_status check_size(const struct ota_image *i, uint64_t file_length, const struct ota_image_rules *rules,
                                  struct ota_err *err) {
    if (file_length < OTA_IMAGE_OTA_MIN)
        return ota_err_set(err, OTA_IMAGE_SMALL, "%llu bytes; an image under %u bytes cannot be installed over the air",
                           (unsigned long long)file_length, OTA_IMAGE_OTA_MIN);
    if (file_length < i->length)
        return ota_err_set(err, OTA_TRUNCATED, "%llu bytes of an image of %u", (unsigned long long)file_length,
                           (unsigned)i->length);
    if (file_length > rules->room)
        return ota_err_set(err, OTA_SLOT_SIZE, "%llu bytes do not fit into %u", (unsigned long long)file_length,
                           (unsigned)rules->room);
    if (rules->secure_boot && sectors(i->length) + OTA_SECTOR > rules->room)
        return ota_err_set(err, OTA_SLOT_SIZE, "%u bytes and a signature sector do not fit into %u",
                           (unsigned)i->length, (unsigned)rules->room);
    return OTA_OK;
}

/* Every byte of it, in a memory that exists. */
static bool has_place(const struct ota_image_segment *s, const struct ota_chip *chip) {
    if (s->length == 0 || s->load_addr < LOADED_FROM)
        return true;
    if (!ota_chip_maps(chip, s->load_addr))
        return ota_chip_loads(chip, s->load_addr, s->length);
    return s->length - 1u <= UINT32_MAX - s->load_addr && ota_chip_maps(chip, s->load_addr + s->length - 1u);
}

static bool overlap(const struct ota_image_segment *a, const struct ota_image_segment *b) {
    return a->length && b->length && a->load_addr >= LOADED_FROM && b->load_addr >= LOADED_FROM &&
           a->load_addr < (uint64_t)b->load_addr + b->length && b->load_addr < (uint64_t)a->load_addr + a->length;
}

static enum ota_status misplaced(const struct ota_image_segment *s, unsigned n, const char *why, struct ota_err *err) {
    return ota_err_set(err, OTA_IMAGE_SEGMENT, "segment %u: 0x%x bytes at 0x%08x %s", n, (unsigned)s->length,
                       (unsigned)s->load_addr, why);
}

static enum ota_status check_places(const struct ota_image *i, const struct ota_chip *chip, struct ota_err *err) {
    for (unsigned n = 0; n < i->segment_count; n++) {
        if (!has_place(&i->segment[n], chip))
            return misplaced(&i->segment[n], n, "go to no memory of the chip", err);
        for (unsigned k = 0; k < n; k++)
            if (overlap(&i->segment[n], &i->segment[k]))
                return misplaced(&i->segment[n], n, "go over another segment", err);
    }
    return OTA_OK;
}

/* The MMU maps whole pages: an address and its place in flash must agree within the page. */
static enum ota_status check_segments(const struct ota_image *i, const struct ota_image_rules *rules, uint32_t page,
                                      struct ota_err *err) {
    const struct ota_chip *chip = rules->chip;
    uint32_t mask = (page < PARTITION_ALIGN || rules->place ? page : PARTITION_ALIGN) - 1u;
    for (unsigned n = 0; n < i->segment_count; n++) {
        const struct ota_image_segment *s = &i->segment[n];
        if (s->length >= SEGMENT_LIMIT)
            return ota_err_set(err, OTA_IMAGE_SEGMENT, "segment %u: 0x%x bytes; the limit is 16 MiB", n,
                               (unsigned)s->length);
        if (ota_chip_maps(chip, s->load_addr) && ((s->load_addr ^ (rules->place + s->offset)) & mask) != 0)
            return ota_err_set(err, OTA_IMAGE_SEGMENT,
                               "segment %u: address 0x%08x cannot be mapped from file offset 0x%x with pages of %u KiB",
                               n, (unsigned)s->load_addr, (unsigned)s->offset, (unsigned)(page / 1024u));
    }
    return check_places(i, chip, err);
}

static bool page_allowed(const struct ota_chip *chip, uint32_t page) {
    for (unsigned bit = 3; bit <= 8; bit++)
        if (page == 1024u << bit)
            return (chip->page_sizes >> bit & 1u) != 0;
    return false;
}

enum ota_status ota_image_check_app(const struct ota_image *i, uint64_t file_length,
                                    const struct ota_image_rules *rules, struct ota_err *err) {
    OTA_TRY(check_chip(i, rules, err));
    OTA_TRY(check_digests(i, err));
    OTA_TRY(check_size(i, file_length, rules, err));
    if (i->kind == OTA_IMAGE_BOOTLOADER)
        return ota_err_set(err, OTA_IMAGE_KIND, "this is a bootloader, not an app");
    if (i->kind != OTA_IMAGE_APP && i->segment[0].length < APP_DESCRIPTOR)
        return ota_err_set(err, OTA_IMAGE_DESCRIPTOR, "segment 0: %u bytes are too few for an app descriptor",
                           (unsigned)i->segment[0].length);
    if (i->kind != OTA_IMAGE_APP)
        return ota_err_set(err, OTA_IMAGE_DESCRIPTOR, "no app descriptor at 0x20: not an app of ESP-IDF 3.2 or newer");
    OTA_TRY(check_revision(i, rules, true, err));
    OTA_TRY(check_block_revision(i, rules->chip, err));
    if (!page_allowed(rules->chip, i->app.mmu_page))
        return ota_err_set(err, OTA_IMAGE_DESCRIPTOR, "the app descriptor names an MMU page size that %s does not have",
                           rules->chip->name);
    OTA_TRY(check_segments(i, rules, i->app.mmu_page, err));
    if (i->app.secure_version > rules->chip->secure_version_bits)
        return ota_err_set(err, OTA_SECURE_VERSION, "secure version %u; %s can count to %u",
                           (unsigned)i->app.secure_version, rules->chip->name, rules->chip->secure_version_bits);
    if (rules->secure_version_known && i->app.secure_version < rules->secure_version)
        return ota_err_set(err, OTA_SECURE_VERSION, "secure version %u is below the board's %u",
                           (unsigned)i->app.secure_version, (unsigned)rules->secure_version);
    return OTA_OK;
}

/* The smallest page the chip can have: a bootloader has no descriptor that would say which. */
static uint32_t smallest_page(const struct ota_chip *chip) {
    unsigned bit = 3;
    while (bit < 8 && (chip->page_sizes >> bit & 1u) == 0)
        bit++;
    return 1024u << bit;
}

enum ota_status ota_image_check_bootloader(const struct ota_image *i, uint64_t file_length,
                                           const struct ota_image_rules *rules, struct ota_err *err) {
    OTA_TRY(check_chip(i, rules, err));
    OTA_TRY(check_digests(i, err));
    OTA_TRY(check_size(i, file_length, rules, err));
    if (i->kind == OTA_IMAGE_APP)
        return ota_err_set(err, OTA_IMAGE_KIND, "this is an app (%s), not a bootloader", i->app.project);
    if (i->kind != OTA_IMAGE_BOOTLOADER)
        return ota_err_set(err, OTA_IMAGE_KIND, "not a bootloader: it runs from mapped flash");
    OTA_TRY(check_revision(i, rules, false, err));
    OTA_TRY(check_segments(i, rules, smallest_page(rules->chip), err));
    if (i->boot.secure_version < rules->boot_secure_version)
        return ota_err_set(err, OTA_SECURE_VERSION, "secure version %u of the bootloader is below the board's %u",
                           i->boot.secure_version, rules->boot_secure_version);
    if (rules->secure_boot && rules->chip->bootloader_max && sectors(i->length) > rules->chip->bootloader_max)
        return ota_err_set(err, OTA_SLOT_SIZE, "%u bytes; %s loads at most %u under Secure Boot", (unsigned)i->length,
                           rules->chip->name, (unsigned)rules->chip->bootloader_max);
    return OTA_OK;
}

enum ota_status ota_image_check_spi(const struct ota_image *now, const struct ota_image *next, struct ota_err *err) {
    if (now->spi_mode == next->spi_mode && now->spi_speed == next->spi_speed && now->spi_size == next->spi_size)
        return OTA_OK;
    return ota_err_set(
        err, OTA_BOOT_CONFIG,
        "flash mode/speed/size codes are %u/%u/%u, the board runs with %u/%u/%u: build with the same flash settings",
        next->spi_mode, next->spi_speed, next->spi_size, now->spi_mode, now->spi_speed, now->spi_size);
}
