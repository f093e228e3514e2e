/* SPDX-License-Identifier: Apache-2.0 */
/* What the fuzz harnesses share. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/buf.h"
#include "host/crypto.h"

void fuzz_promise_at(bool kept, const char *what, const char *file, int line) {
    if (kept)
        return;
    fprintf(stderr, "%s:%d: broken promise: %s\n", file, line, what);
    abort();
}

uint8_t *fuzz_copy(const void *data, size_t size) {
    uint8_t *copy = ota_calloc(1, size);
    if (size)
        memcpy(copy, data, size);
    return copy;
}

/* ---- the accepting port ---- */

static enum ota_status begin(void *ctx, struct ota_sha256 *h, struct ota_err *err) {
    (void)ctx;
    return ota_crypto_openssl.sha256_begin(ota_crypto_openssl.ctx, h, err);
}
static enum ota_status update(void *ctx, struct ota_sha256 *h, const void *p, size_t n, struct ota_err *err) {
    (void)ctx;
    return ota_crypto_openssl.sha256_update(ota_crypto_openssl.ctx, h, p, n, err);
}
static enum ota_status end(void *ctx, struct ota_sha256 *h, uint8_t out[OTA_SHA256_LEN], struct ota_err *err) {
    (void)ctx;
    return ota_crypto_openssl.sha256_end(ota_crypto_openssl.ctx, h, out, err);
}
static void stop(void *ctx, struct ota_sha256 *h) {
    (void)ctx;
    ota_crypto_openssl.sha256_abort(ota_crypto_openssl.ctx, h);
}
static enum ota_status md5(void *ctx, const void *p, size_t n, uint8_t out[16], struct ota_err *err) {
    (void)ctx;
    return ota_crypto_openssl.md5(ota_crypto_openssl.ctx, p, n, out, err);
}
/* The same in every run, so that a finding can be run again. */
static enum ota_status no_random(void *ctx, void *p, size_t n, struct ota_err *err) {
    (void)ctx, (void)err;
    memset(p, 0x5A, n);
    return OTA_OK;
}
static enum ota_status accept(void *ctx, const struct ota_public_key *key, struct ota_span msg, struct ota_span sig,
                              bool *valid, struct ota_err *err) {
    (void)ctx, (void)key, (void)msg, (void)err;
    *valid = sig.len > 0 && sig.p[0] != 0xff;
    return OTA_OK;
}
static enum ota_status decode(void *ctx, struct ota_span keytype, struct ota_span scheme, struct ota_span text,
                              struct ota_public_key *out, struct ota_err *err) {
    (void)ctx;
    return ota_crypto_openssl.decode_key(ota_crypto_openssl.ctx, keytype, scheme, text, out, err);
}

const struct ota_crypto fuzz_crypto = {
    .sha256_begin = begin,
    .sha256_update = update,
    .sha256_end = end,
    .sha256_abort = stop,
    .md5 = md5,
    .verify = accept,
    .decode_key = decode,
    .random = no_random,
};

/* ---- roles ---- */

static bool parse(uint8_t *bytes, size_t *len, const char *type, struct ota_metadata *out) {
    struct ota_err err;
    enum ota_status status = ota_metadata_parse(bytes, len, type, out, &err);
    fuzz_promise(status == OTA_OK || (err.code == status && memchr(err.msg, 0, sizeof err.msg) != NULL));
    return status == OTA_OK;
}

/* Canonical bytes are what the store keeps: they must read back as the same role. */
static void check_stored_form(const uint8_t *bytes, size_t len, const char *type, const struct ota_metadata *m) {
    struct ota_metadata again;
    struct ota_err err;
    uint8_t *copy = fuzz_copy(bytes, len);
    fuzz_promise(ota_metadata_parse_canonical(copy, len, type, &again, &err) == OTA_OK);
    fuzz_promise(again.version == m->version && again.expires == m->expires);
    fuzz_promise(ota_span_equal(again.signed_value.raw, m->signed_value.raw));
    fuzz_promise(memcmp(copy, bytes, len) == 0);
    free(copy);
}

/* Signers that the file itself names, so that its signatures are looked at. */
static void name_signers(const struct ota_metadata *m, struct ota_signers *out) {
    struct ota_scan it;
    struct ota_value row, keyid;
    struct ota_span text;
    struct ota_err err;
    bool more = ota_scan_array(&m->signatures, &it, &err) == OTA_OK;
    while (more && out->count < OTA_ROLE_KEYS_MAX) {
        if (ota_scan_next_element(&it, &row, &more, &err) != OTA_OK || !more ||
            ota_scan_get(&row, "keyid", &keyid, &err) != OTA_OK ||
            ota_scan_raw(&keyid, "keyid", &text, &err) != OTA_OK)
            return;
        out->keyid_crc[out->count] = ota_keyid_crc(text);
        out->key[out->count].point[0] = out->count / 2; /* pairs of keyids share a key */
        out->count++;
    }
}

/* n distinct keys signed: as many as that are enough, one more is not. */
static void check_threshold(const struct ota_metadata *m) {
    struct ota_signers signers = {.threshold = 1};
    struct ota_err err;
    name_signers(m, &signers);
    uint32_t enough = 0;
    while (ota_metadata_verify(m, &signers, &fuzz_crypto, &err) == OTA_OK)
        enough = signers.threshold++;
    fuzz_promise(enough <= (signers.count + 1u) / 2);
}

bool fuzz_role_open(struct fuzz_role *r, const uint8_t *data, size_t size, const char *type) {
    size_t len = size;
    r->bytes = fuzz_copy(data, size);
    if (!parse(r->bytes, &len, type, &r->meta))
        return false;
    fuzz_promise(len <= size && r->meta.version >= 1);
    check_stored_form(r->bytes, len, type, &r->meta);
    check_threshold(&r->meta);
    return true;
}

void fuzz_role_free(struct fuzz_role *r) {
    free(r->bytes);
}

void fuzz_role_targets(const struct ota_metadata *m) {
    struct ota_scan it;
    struct ota_target entry, again;
    struct ota_err err;
    bool more, found;
    char path[OTA_TARGET_PATH_MAX];
    if (ota_targets_begin(m, &it, &err) != OTA_OK)
        return;
    while (ota_targets_next(&it, &entry, &more, &err) == OTA_OK && more) {
        if (!ota_span_copy(entry.path, path, sizeof path))
            continue;
        fuzz_promise(ota_targets_find(m, path, &again, &found, &err) == OTA_OK && found);
        fuzz_promise(again.length == entry.length && again.path.p == entry.path.p);
    }
}
