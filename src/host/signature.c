/* SPDX-License-Identifier: Apache-2.0 */
/* Reader of Secure Boot signatures; see signature.h. */
#include "host/signature.h"

#include <openssl/evp.h>
#include <string.h>

#define VERSION_RSA 2
#define VERSION_ECDSA 3
#define CHUNK 65536u

static enum ota_boot_scheme scheme_of(const uint8_t *b) {
    for (int s = OTA_BOOT_RSA3072; s <= OTA_BOOT_ECDSA384; s++) {
        const struct ota_boot_layout *l = ota_boot_layout((enum ota_boot_scheme)s);
        /* Nobody wrote a hash id for RSA before there was a second hash. */
        if (b[1] == l->version && (l->curve == 0 || (b[2] == l->hash && b[l->key_at] == l->curve)))
            return (enum ota_boot_scheme)s;
    }
    return OTA_BOOT_UNKNOWN;
}

/* ---- digests ------------------------------------------------------------------------------------------- */

static void free_md(EVP_MD_CTX **md) {
    EVP_MD_CTX_free(*md);
}

enum ota_status ota_signature_digest(const struct ota_source *src, uint64_t length, struct ota_signature_digests *out,
                                     struct ota_err *err) {
    OTA_CLEAN(free_md) EVP_MD_CTX *a = EVP_MD_CTX_new();
    OTA_CLEAN(free_md) EVP_MD_CTX *b = EVP_MD_CTX_new();
    OTA_CLEAN_FREE uint8_t *chunk = ota_calloc(1, CHUNK);
    bool ok = a && b && EVP_DigestInit_ex(a, EVP_sha256(), NULL) && EVP_DigestInit_ex(b, EVP_sha384(), NULL);
    for (uint64_t at = 0; ok && at < length;) {
        size_t n = length - at < CHUNK ? (size_t)(length - at) : CHUNK;
        OTA_TRY(src->read(src->ctx, at, chunk, n, err));
        ok = EVP_DigestUpdate(a, chunk, n) && EVP_DigestUpdate(b, chunk, n);
        at += n;
    }
    ok = ok && EVP_DigestFinal_ex(a, out->sha256, NULL) && EVP_DigestFinal_ex(b, out->sha384, NULL);
    return ok ? OTA_OK : ota_err_set(err, OTA_INTERNAL, "SHA-2 is not available");
}

struct ota_span ota_signature_digest_for(const struct ota_signature_digests *d, enum ota_boot_scheme scheme) {
    size_t len = ota_boot_layout(scheme)->digest_len;
    return (struct ota_span){len == OTA_SHA384_LEN ? d->sha384 : d->sha256, len};
}

/* ---- version 2 ----------------------------------------------------------------------------------------- */

static void read_block(const uint8_t *b, const struct ota_signature_digests *d, struct ota_signature_block *out) {
    struct ota_boot_key key;
    struct ota_err no_key; /* it is not valid then, which is all there is to say */
    out->scheme = scheme_of(b);
    out->crc_ok = ota_le32(b + OTA_SIGNATURE_CRC_AT) == ota_crc32(0, b, OTA_SIGNATURE_CRC_AT);
    if (out->scheme == OTA_BOOT_UNKNOWN)
        return;
    const struct ota_boot_layout *l = ota_boot_layout(out->scheme);
    const struct ota_span want = ota_signature_digest_for(d, out->scheme);
    out->digest_ok = memcmp(b + 4, want.p, want.len) == 0;
    bool sound = ota_boot_key_from_area(out->scheme, b + l->key_at, &key, &no_key) == OTA_OK;
    out->valid = sound && out->crc_ok && out->digest_ok && ota_boot_key_verifies(&key, want.p, b + l->signature_at);
    memcpy(out->key_digest, key.digest.byte, sizeof out->key_digest);
}

static enum ota_status read_sector(const struct ota_source *src, struct ota_signatures *out, struct ota_err *err) {
    uint8_t sector[OTA_SECTOR];
    struct ota_signature_digests d;
    if (src->size < 2 * OTA_SECTOR || src->size % OTA_SECTOR != 0)
        return OTA_OK;
    uint64_t at = src->size - OTA_SECTOR;
    OTA_TRY(src->read(src->ctx, at, sector, sizeof sector, err));
    if (sector[0] != OTA_SIGNATURE_BLOCK_MAGIC || (sector[1] != VERSION_RSA && sector[1] != VERSION_ECDSA))
        return OTA_OK;
    OTA_TRY(ota_signature_digest(src, at, &d, err));
    while (out->count < OTA_SIGNATURE_BLOCKS_MAX &&
           sector[out->count * OTA_SIGNATURE_BLOCK_LEN] == OTA_SIGNATURE_BLOCK_MAGIC) {
        read_block(sector + out->count * OTA_SIGNATURE_BLOCK_LEN, &d, &out->block[out->count]);
        out->count++;
    }
    return OTA_OK;
}

int ota_signatures_find(const struct ota_signatures *s, const struct ota_boot_digest *key) {
    for (size_t i = 0; i < s->count; i++)
        if (s->block[i].valid && memcmp(s->block[i].key_digest, key->byte, key->len) == 0)
            return (int)i;
    return -1;
}

bool ota_signatures_share_key(const struct ota_signatures *a, const struct ota_signatures *b, unsigned blocks) {
    for (size_t i = 0; i < a->count && i < blocks; i++)
        for (size_t n = 0; a->block[i].valid && n < b->count && n < blocks; n++)
            if (b->block[n].valid && memcmp(a->block[i].key_digest, b->block[n].key_digest, OTA_SHA256_LEN) == 0)
                return true;
    return false;
}

/* ---- version 1 ----------------------------------------------------------------------------------------- */

static enum ota_status read_v1(const struct ota_source *src, uint64_t at, struct ota_signatures *out,
                               struct ota_err *err) {
    uint8_t v1[OTA_SIGNATURE_V1_LEN];
    if (at > src->size || src->size - at < sizeof v1)
        return OTA_OK;
    OTA_TRY(src->read(src->ctx, at, v1, sizeof v1, err));
    /* Version 0, then r and s: neither padding of zeros nor erased flash. */
    bool zeros = true;
    for (size_t i = 4; i < sizeof v1; i++)
        zeros = zeros && v1[i] == 0;
    out->v1 = ota_le32(v1) == 0 && !zeros;
    return OTA_OK;
}

enum ota_status ota_signature_v1_check(const struct ota_source *src, uint64_t image_length,
                                       const struct ota_boot_key *key, bool *valid, struct ota_err *err) {
    uint8_t v1[OTA_SIGNATURE_V1_LEN];
    struct ota_signature_digests d;
    *valid = false;
    if (image_length > src->size || src->size - image_length < sizeof v1)
        return OTA_OK;
    OTA_TRY(src->read(src->ctx, image_length, v1, sizeof v1, err));
    OTA_TRY(ota_signature_digest(src, image_length, &d, err));
    *valid = ota_le32(v1) == 0 && ota_boot_key_verifies_v1(key, d.sha256, v1 + 4);
    return OTA_OK;
}

/* ---- a file -------------------------------------------------------------------------------------------- */

enum ota_status ota_signatures_read(const struct ota_source *src, uint64_t image_length, struct ota_signatures *out,
                                    struct ota_err *err) {
    *out = (struct ota_signatures){0};
    OTA_TRY(read_sector(src, out, err));
    return out->count ? OTA_OK : read_v1(src, image_length, out, err);
}

enum ota_status ota_signatures_read_data(const struct ota_source *src, struct ota_signatures *out,
                                         struct ota_err *err) {
    struct ota_source whole = *src;
    whole.size -= whole.size % OTA_SECTOR;
    *out = (struct ota_signatures){0};
    return read_sector(&whole, out, err);
}

enum ota_status ota_signatures_read_behind(const struct ota_source *src, uint64_t image_length,
                                           struct ota_signatures *out, struct ota_err *err) {
    uint64_t at = (image_length + OTA_SECTOR - 1) / OTA_SECTOR * OTA_SECTOR;
    struct ota_source upto = *src;
    *out = (struct ota_signatures){0};
    if (src->size < at + OTA_SECTOR) /* the last sector is the image's own */
        return read_v1(src, image_length, out, err);
    upto.size = at + OTA_SECTOR;
    return ota_signatures_read(&upto, image_length, out, err);
}
