/* SPDX-License-Identifier: Apache-2.0 */
/* Reader of Secure Boot signatures. */
#include "image/signature.h"

#include <openssl/evp.h>
#include <string.h>

#include "host/buf.h"

#define BLOCK 1216u
#define BLOCK_MAGIC 0xE7
#define SCHEME_RSA 2
#define SCHEME_ECDSA 3
#define CRC_AT 1196u
#define SHA384_LEN 48u
#define V1_LEN 68u
#define CHUNK 65536u

/* Where the parts of a block lie that depend on its scheme. */
struct shape {
    const char *scheme;
    size_t digest_len, key_at, key_len;
};

static struct shape shape_of(const uint8_t *b) {
    if (b[1] == SCHEME_RSA)
        return (struct shape){"rsa3072", OTA_SHA256_LEN, 36, 776};
    if (b[1] == SCHEME_ECDSA && b[2] == 1)
        return (struct shape){"ecdsa384", SHA384_LEN, 52, 97};
    if (b[1] == SCHEME_ECDSA && b[2] == 0 && (b[36] == 1 || b[36] == 2))
        return (struct shape){b[36] == 1 ? "ecdsa192" : "ecdsa256", OTA_SHA256_LEN, 36, 65};
    return (struct shape){"unknown", 0, 0, 0};
}

struct digests {
    uint8_t sha256[OTA_SHA256_LEN], sha384[SHA384_LEN];
};

static void free_md(EVP_MD_CTX **md) {
    EVP_MD_CTX_free(*md);
}

/* SHA-256 and SHA-384 of the first `length` bytes; P-384 blocks use the second. */
static enum ota_status digest_file(const struct ota_source *src, uint64_t length, struct digests *out,
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

static enum ota_status read_block(const uint8_t *b, const struct digests *d, const struct ota_crypto *crypto,
                                  struct ota_signature_block *out, struct ota_err *err) {
    struct shape s = shape_of(b);
    out->scheme = s.scheme;
    out->crc_ok = ota_le32(b + CRC_AT) == ota_crc32(0, b, CRC_AT);
    if (s.key_len == 0)
        return OTA_OK;
    const uint8_t *want = s.digest_len == SHA384_LEN ? d->sha384 : d->sha256;
    out->digest_ok = memcmp(b + 4, want, s.digest_len) == 0;
    return ota_sha256(crypto, b + s.key_at, s.key_len, out->key_digest, err);
}

static enum ota_status read_sector(const struct ota_source *src, const struct ota_crypto *crypto,
                                   struct ota_signatures *out, struct ota_err *err) {
    uint8_t sector[OTA_SECTOR];
    struct digests d;
    if (src->size < 2 * OTA_SECTOR || src->size % OTA_SECTOR != 0)
        return OTA_OK;
    uint64_t at = src->size - OTA_SECTOR;
    OTA_TRY(src->read(src->ctx, at, sector, sizeof sector, err));
    if (sector[0] != BLOCK_MAGIC || (sector[1] != SCHEME_RSA && sector[1] != SCHEME_ECDSA))
        return OTA_OK;
    OTA_TRY(digest_file(src, at, &d, err));
    while (out->count < OTA_SIGNATURE_BLOCKS_MAX && sector[out->count * BLOCK] == BLOCK_MAGIC) {
        OTA_TRY(read_block(sector + out->count * BLOCK, &d, crypto, &out->block[out->count], err));
        out->count++;
    }
    return OTA_OK;
}

static enum ota_status read_v1(const struct ota_source *src, uint64_t at, struct ota_signatures *out,
                               struct ota_err *err) {
    uint8_t v1[V1_LEN];
    if (at > src->size || src->size - at < V1_LEN)
        return OTA_OK;
    OTA_TRY(src->read(src->ctx, at, v1, sizeof v1, err));
    /* Version 0, then r and s: neither padding of zeros nor erased flash. */
    bool zeros = true;
    for (size_t i = 4; i < V1_LEN; i++)
        zeros = zeros && v1[i] == 0;
    out->v1 = ota_le32(v1) == 0 && !zeros;
    return OTA_OK;
}

enum ota_status ota_signatures_read(const struct ota_source *src, uint64_t image_length,
                                    const struct ota_crypto *crypto, struct ota_signatures *out, struct ota_err *err) {
    *out = (struct ota_signatures){0};
    OTA_TRY(read_sector(src, crypto, out, err));
    return out->count ? OTA_OK : read_v1(src, image_length, out, err);
}
