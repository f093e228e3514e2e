/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signs files for Secure Boot v2 as espsecure does (host/signature.h shows the bytes), without ever seeing a private
 * key: whoever has one signs ota_signed_image_digest(), and the signature goes in with ota_signed_image_add().
 *
 *   app, bootloader   a chip looks for the signature at the first sector boundary behind the image
 *   data              at the last sector of the file
 */
#ifndef OTA_IMAGE_SIGNED_IMAGE_H
#define OTA_IMAGE_SIGNED_IMAGE_H

#include "host/signature.h"

struct ota_signed_image {
    enum ota_image_kind kind;    /* UNKNOWN: data */
    const struct ota_chip *chip; /* NULL: not known, of data */
    struct ota_buf body;         /* padded with FF to a whole sector; what is signed */
    struct ota_signature_digests digests;
    size_t found;                     /* blocks that were there; count - found are new */
    struct ota_signatures signatures; /* v1 false */
    uint8_t sector[OTA_SECTOR];
    uint16_t min_rev; /* of the chip, that the image asks for; of data 0 */
    bool loose;       /* an app that does not fill its last MMU page: what lies behind it in flash is mapped with it */
};
void ota_signed_image_free(struct ota_signed_image *i);

/* `chip` NULL: that of the image; for data, nobody's. `data`: whatever the bytes look like. Refuses what no chip would
 * boot: IMAGE_*, CHIP, SLOT_SIZE (a bootloader over the limit of Secure Boot), SIGNATURE (blocks that do not hold),
 * UNSUPPORTED (a partition table, a version 1 signature). */
OTA_MUST_USE enum ota_status ota_signed_image_open(struct ota_signed_image *i, struct ota_span file,
                                                   const struct ota_chip *chip, bool data, struct ota_err *err);
/* What a key of that scheme signs. */
struct ota_span ota_signed_image_digest(const struct ota_signed_image *i, enum ota_boot_scheme scheme);
/* May a block of this key come in? UNSUPPORTED for the chip, TOO_LARGE when it looks at no more blocks, SIGNATURE for
 * a second scheme beside the first. */
OTA_MUST_USE enum ota_status ota_signed_image_takes(const struct ota_signed_image *i, const struct ota_boot_key *key,
                                                    struct ota_err *err);
/* `signature` as tools exchange it: RSA 384 bytes big-endian, ECDSA DER. SIGNATURE unless it verifies. */
OTA_MUST_USE enum ota_status ota_signed_image_add(struct ota_signed_image *i, const struct ota_boot_key *key,
                                                  struct ota_span signature, struct ota_err *err);
/* The file: body and sector. */
void ota_signed_image_write(const struct ota_signed_image *i, struct ota_buf *out);

#endif
