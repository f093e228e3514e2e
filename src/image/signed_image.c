/* SPDX-License-Identifier: Apache-2.0 */
/* See signed_image.h. */
#include "image/signed_image.h"

#include <string.h>

#include "host/crypto.h"
#include "host/fs.h"
#include "image/signature_block.h"

#define TABLE_MAGIC_0 0xAA
#define TABLE_MAGIC_1 0x50
#define PAGE_DEFAULT 0x10000u

void ota_signed_image_free(struct ota_signed_image *i) {
    ota_buf_free(&i->body);
}

static uint64_t sector_end(uint64_t length) {
    return (length + OTA_SECTOR - 1) / OTA_SECTOR * OTA_SECTOR;
}

/* ---- what is signed ------------------------------------------------------------------------------------ */

/* Damage is found before it is signed, and a signature no chip would look for is not made. */
static enum ota_status check_image(struct ota_signed_image *i, const struct ota_image *image, uint64_t body,
                                   struct ota_err *err) {
    struct ota_image_rules rules = {.chip = i->chip, .room = UINT32_MAX};
    if (image->kind == OTA_IMAGE_APP)
        OTA_TRY(ota_image_check_app(image, body, &rules, err));
    else
        OTA_TRY(ota_image_check_bootloader(image, body, &rules, err));
    if (sector_end(image->length) != sector_end(body))
        return ota_err_set(err, OTA_IMAGE_KIND,
                           "holds %llu bytes behind its image, and a chip looks for the signature right behind that; "
                           "cut the file at 0x%llx",
                           (unsigned long long)(body - image->length), (unsigned long long)sector_end(image->length));
    if (image->kind == OTA_IMAGE_BOOTLOADER && i->chip->bootloader_max && image->length > i->chip->bootloader_max)
        return ota_err_set(err, OTA_SLOT_SIZE, "a bootloader of %u bytes; under Secure Boot the %s takes %u",
                           image->length, i->chip->name, i->chip->bootloader_max);
    uint32_t page = image->app.mmu_page ? image->app.mmu_page : PAGE_DEFAULT;
    i->min_rev = image->min_rev;
    i->loose = image->kind == OTA_IMAGE_APP && image->length % page != 0;
    return OTA_OK;
}

static enum ota_status recognise(struct ota_signed_image *i, struct ota_span file, const struct ota_chip *chip,
                                 bool data, struct ota_image *image, struct ota_err *err) {
    const struct ota_source src = ota_span_source(&file);
    i->chip = chip;
    if (file.len == 0)
        return ota_err_set(err, OTA_TRUNCATED, "is empty");
    if (!data && file.len >= 2 && file.p[0] == TABLE_MAGIC_0 && file.p[1] == TABLE_MAGIC_1)
        return ota_err_set(err, OTA_UNSUPPORTED,
                           "is a partition table: Secure Boot v2 never looks at a signature on one; the signed release "
                           "is what protects it");
    if (data || file.p[0] != OTA_IMAGE_MAGIC_BYTE)
        return OTA_OK;
    if (ota_image_read(&src, &ota_crypto_openssl, image, err) != OTA_OK)
        return ota_err_prefix(err, "begins like an image (add --data if it is none)");
    i->kind = image->kind == OTA_IMAGE_APP ? OTA_IMAGE_APP : OTA_IMAGE_BOOTLOADER;
    i->chip = ota_chip_by_id(image->chip_id);
    if (!i->chip)
        return ota_err_set(err, OTA_CHIP, "chip id 0x%04x is not known", image->chip_id);
    if (chip && chip != i->chip)
        return ota_err_set(err, OTA_CHIP, "is for %s, not for %s", i->chip->name, chip->name);
    return OTA_OK;
}

/* Blocks are kept as they are: an older signature goes on to verify. */
static enum ota_status take_blocks(struct ota_signed_image *i, const struct ota_source *src, uint64_t length,
                                   uint64_t *body, struct ota_err *err) {
    OTA_TRY(ota_signatures_read(src, length, &i->signatures, err));
    *body = src->size;
    if (i->signatures.v1 && i->kind != OTA_IMAGE_UNKNOWN && src->size - length == OTA_SIGNATURE_V1_LEN)
        return ota_err_set(err, OTA_UNSUPPORTED, "carries a Secure Boot V1 signature; sign the unsigned file");
    i->signatures.v1 = false;
    for (size_t b = 0; b < i->signatures.count; b++)
        if (!i->signatures.block[b].valid)
            return ota_err_set(
                err, OTA_SIGNATURE,
                "signature block %zu does not hold: the file changed after it was signed, or is damaged; "
                "sign the unsigned file",
                b);
    i->found = i->signatures.count;
    if (i->found == 0)
        return OTA_OK;
    *body = src->size - OTA_SECTOR;
    OTA_TRY(src->read(src->ctx, *body, i->sector, i->found * OTA_SIGNATURE_BLOCK_LEN, err));
    return OTA_OK;
}

enum ota_status ota_signed_image_open(struct ota_signed_image *i, struct ota_span file, const struct ota_chip *chip,
                                      bool data, struct ota_err *err) {
    OTA_CLEAN_FREE struct ota_image *image = ota_calloc(1, sizeof *image);
    struct ota_source src = ota_span_source(&file);
    uint64_t body = 0;
    memset(i, 0, sizeof *i);
    memset(i->sector, 0xFF, sizeof i->sector);
    OTA_TRY(recognise(i, file, chip, data, image, err));
    OTA_TRY(take_blocks(i, &src, i->kind == OTA_IMAGE_UNKNOWN ? file.len : image->length, &body, err));
    if (i->kind != OTA_IMAGE_UNKNOWN)
        OTA_TRY(check_image(i, image, body, err));
    ota_buf_append(&i->body, file.p, (size_t)body);
    size_t pad = (size_t)(sector_end(body) - body);
    ota_buf_reserve(&i->body, pad);
    memset(i->body.p + i->body.len, 0xFF, pad);
    i->body.len += pad;
    const struct ota_span padded = ota_buf_span(&i->body);
    src = ota_span_source(&padded);
    return ota_signature_digest(&src, padded.len, &i->digests, err);
}

struct ota_span ota_signed_image_digest(const struct ota_signed_image *i, enum ota_boot_scheme scheme) {
    return ota_signature_digest_for(&i->digests, scheme);
}

/* ---- blocks -------------------------------------------------------------------------------------------- */

enum ota_status ota_signed_image_takes(const struct ota_signed_image *i, const struct ota_boot_key *key,
                                       struct ota_err *err) {
    const struct ota_boot_layout *l = ota_boot_layout(key->scheme);
    unsigned room = i->chip ? ota_boot_key_count(i->chip) : OTA_SIGNATURE_BLOCKS_MAX;
    if (key->scheme == OTA_BOOT_ECDSA192)
        return ota_err_set(err, OTA_UNSUPPORTED, "P-192 signatures are not made: ESP-IDF knows them no more");
    if (i->chip && !ota_boot_scheme_suits(key->scheme, i->chip))
        return ota_err_set(err, OTA_UNSUPPORTED, "Secure Boot of the %s does not know %s", i->chip->name, l->name);
    if (i->signatures.count >= room)
        return ota_err_set(err, OTA_TOO_LARGE,
                           room == 1 ? "%s looks at one signature only, and the file has it"
                                     : "%s looks at three signatures, and the file has them",
                           i->chip ? i->chip->name : "a chip");
    if (i->signatures.count && i->signatures.block[0].scheme != key->scheme)
        return ota_err_set(err, OTA_SIGNATURE,
                           "is signed with %s: firmware is built for one scheme, and never looks at %s",
                           ota_boot_layout(i->signatures.block[0].scheme)->name, l->name);
    return OTA_OK;
}

enum ota_status ota_signed_image_add(struct ota_signed_image *i, const struct ota_boot_key *key,
                                     struct ota_span signature, struct ota_err *err) {
    uint8_t block[OTA_SIGNATURE_BLOCK_LEN];
    OTA_TRY(ota_signed_image_takes(i, key, err));
    OTA_TRY(ota_signature_block_make(key, ota_signed_image_digest(i, key->scheme), signature, block, err));
    memcpy(i->sector + i->signatures.count * sizeof block, block, sizeof block);
    struct ota_signature_block *added = &i->signatures.block[i->signatures.count++];
    *added = (struct ota_signature_block){.scheme = key->scheme, .crc_ok = true, .digest_ok = true, .valid = true};
    memcpy(added->key_digest, key->digest.byte, sizeof added->key_digest);
    return OTA_OK;
}

void ota_signed_image_write(const struct ota_signed_image *i, struct ota_buf *out) {
    ota_buf_append(out, i->body.p, i->body.len);
    ota_buf_append(out, i->sector, sizeof i->sector);
}
