/* SPDX-License-Identifier: Apache-2.0 */
/* Judges zlib forms; see repo_unpack.h. */
#include "store/repo_unpack.h"

#include <string.h>

#include "host/crypto.h"
#include "host/inflate_zlib.h"

#define ROOM 65536u

struct ota_repo_unpack {
    struct ota_inflate_zlib *zlib;
    struct ota_sha256 hash;
    bool hashing, ended;
    uint64_t length, total; /* signed, and seen */
    uint8_t sha256[OTA_SHA256_LEN];
    uint8_t room[ROOM];
};

void ota_repo_unpack_free(struct ota_repo_unpack **unpack) {
    struct ota_repo_unpack *u = *unpack;
    if (!u)
        return;
    if (u->hashing)
        ota_crypto_openssl.sha256_abort(ota_crypto_openssl.ctx, &u->hash);
    ota_inflate_zlib_free(&u->zlib);
    free(u);
    *unpack = NULL;
}

enum ota_status ota_repo_unpack_begin(const struct ota_repo_image *image, struct ota_repo_unpack **out,
                                      struct ota_err *err) {
    OTA_CLEAN(ota_repo_unpack_free) struct ota_repo_unpack *u = ota_calloc(1, sizeof *u);
    const struct ota_crypto *c = &ota_crypto_openssl;
    u->length = image->plain_length;
    memcpy(u->sha256, image->plain_sha256, sizeof u->sha256);
    u->zlib = ota_inflate_zlib_new();
    const struct ota_inflate *port = ota_inflate_zlib_port(u->zlib);
    OTA_TRY(port->begin(port->ctx, err));
    OTA_TRY(c->sha256_begin(c->ctx, &u->hash, err));
    u->hashing = true;
    *out = OTA_STEAL(u);
    return OTA_OK;
}

static enum ota_status take(struct ota_repo_unpack *u, size_t n, struct ota_err *err) {
    const struct ota_crypto *c = &ota_crypto_openssl;
    if (n > u->length - u->total)
        return ota_err_set(err, OTA_LENGTH, "it inflates to more than the %llu bytes of the image",
                           (unsigned long long)u->length);
    u->total += n;
    return c->sha256_update(c->ctx, &u->hash, u->room, n, err);
}

enum ota_status ota_repo_unpack_feed(struct ota_repo_unpack *u, const uint8_t *p, size_t n, struct ota_err *err) {
    const struct ota_inflate *port = ota_inflate_zlib_port(u->zlib);
    for (bool more = n > 0; more;) {
        size_t used = n, given = ROOM;
        if (u->ended)
            return ota_err_set(err, OTA_HASH, "bytes follow the end of its zlib stream");
        OTA_TRY(port->run(port->ctx, p, &used, u->room, &given, &u->ended, err));
        OTA_TRY(take(u, given, err));
        p += used;
        n -= used;
        more = n > 0 || (given == ROOM && !u->ended);
    }
    return OTA_OK;
}

enum ota_status ota_repo_unpack_end(struct ota_repo_unpack *u, struct ota_err *err) {
    const struct ota_crypto *c = &ota_crypto_openssl;
    uint8_t digest[OTA_SHA256_LEN];
    if (!u->ended || u->total != u->length)
        return ota_err_set(err, OTA_LENGTH, "it inflates to %llu bytes%s, the image has %llu",
                           (unsigned long long)u->total, u->ended ? "" : " and is cut off",
                           (unsigned long long)u->length);
    u->hashing = false;
    OTA_TRY(c->sha256_end(c->ctx, &u->hash, digest, err));
    if (memcmp(digest, u->sha256, sizeof digest) != 0)
        return ota_err_set(err, OTA_HASH, "it does not inflate to the image that is signed");
    return OTA_OK;
}
