/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of a block are otactl's own; test_signed_image.c holds them to the tables and to espsecure's files. */
#include "boot_signer.h"

#include <openssl/ecdsa.h>

#include "host/signature.h"
#include "image/signature_block.h"
#include "images.h"
#include "unit.h"

static struct ota_err err;

void boot_signer_make(struct boot_signer *s, enum ota_boot_scheme scheme) {
    *s = (struct boot_signer){0};
    assert_ota_ok(ota_boot_private_generate(scheme, &s->key, &err));
    memcpy(s->digest, ota_boot_private_public(s->key)->digest.byte, sizeof s->digest);
}

void boot_signer_free(struct boot_signer *s) {
    ota_boot_private_free(&s->key);
}

static uint8_t *block_at(const struct ota_buf *image, unsigned block) {
    return image->p + image->len - OTA_SECTOR + (size_t)block * OTA_SIGNATURE_BLOCK_LEN;
}

void boot_sign_reseal(struct ota_buf *image, unsigned block) {
    uint8_t *b = block_at(image, block);
    ota_put_le32(b + OTA_SIGNATURE_CRC_AT, ota_crc32(0, b, OTA_SIGNATURE_CRC_AT));
}

static void append_ff(struct ota_buf *image, size_t n) {
    ota_buf_reserve(image, n);
    memset(image->p + image->len, 0xFF, n);
    image->len += n;
}

void boot_sign(struct boot_signer *s, struct ota_buf *image, unsigned block) {
    const struct ota_boot_key *public = ota_boot_private_public(s->key);
    struct ota_signature_digests digests;
    OTA_CLEAN(ota_buf_free) struct ota_buf signature = {0};
    if (block == 0) {
        append_ff(image, (OTA_SECTOR - image->len % OTA_SECTOR) % OTA_SECTOR);
        append_ff(image, OTA_SECTOR);
    }
    const struct ota_span bytes = ota_buf_span(image);
    const struct ota_source src = memory_source(&bytes);
    assert_ota_ok(ota_signature_digest(&src, image->len - OTA_SECTOR, &digests, &err));
    const struct ota_span digest = ota_signature_digest_for(&digests, public->scheme);
    assert_ota_ok(ota_boot_private_sign(s->key, digest, &signature, &err));
    assert_ota_ok(ota_signature_block_make(public, digest, ota_buf_span(&signature), block_at(image, block), &err));
}

void boot_sign_v1(struct boot_signer *s, struct ota_buf *image) {
    const struct ota_span bytes = ota_buf_span(image);
    const struct ota_source src = memory_source(&bytes);
    struct ota_signature_digests digests;
    OTA_CLEAN(ota_buf_free) struct ota_buf der = {0};
    uint8_t v1[OTA_SIGNATURE_V1_LEN] = {0};
    assert_ota_ok(ota_signature_digest(&src, image->len, &digests, &err));
    assert_ota_ok(ota_boot_private_sign(s->key, ota_signature_digest_for(&digests, OTA_BOOT_ECDSA256), &der, &err));
    const unsigned char *p = der.p;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)der.len);
    assert_non_null(sig);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(sig), v1 + 4, 32), 32);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(sig), v1 + 36, 32), 32);
    ECDSA_SIG_free(sig);
    ota_buf_append(image, v1, sizeof v1);
}
