/* SPDX-License-Identifier: Apache-2.0 */
/* What a board is made of, as a digest in the record: HMAC-SHA-256 with a key that never leaves the workspace. */
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <string.h>

#include "ctl/provision.h"
#include "host/crypto.h"
#include "host/err_place.h"
#include "host/fs.h"
#include "host/passphrase.h"

#define KEY_FILE "state/provision.key"

/* ---- the key ------------------------------------------------------------------------------------------- */

static enum ota_status make_key(const char *path, struct ota_err *err) {
    uint8_t key[OTA_PROVISION_KEY_LEN];
    OTA_TRY(ota_crypto_openssl.random(ota_crypto_openssl.ctx, key, sizeof key, err));
    enum ota_status st = ota_fs_write_new(path, key, sizeof key, 0600, err);
    OPENSSL_cleanse(key, sizeof key);
    return st == OTA_EXISTS ? OTA_OK : st; /* of another run, for another folder */
}

static enum ota_status read_key(struct ota_provisioning *p, struct ota_err *err) {
    OTA_CLEAN_FREE char *path = ota_workspace_path(&p->w, KEY_FILE);
    OTA_CLEAN(ota_secret_free) struct ota_buf bytes = {0};
    uint8_t digest[OTA_SHA256_LEN];
    if (!ota_fs_exists(path))
        OTA_TRY(make_key(path, err));
    OTA_TRY(ota_fs_read_secret(path, OTA_PROVISION_KEY_LEN, &bytes, err));
    if (bytes.len != OTA_PROVISION_KEY_LEN)
        return ota_err_set(err, OTA_KEY, "%s: has %zu bytes, not %u; bring it back, or remove it",
                           OTA_SHORT_PATH(path, 150), bytes.len, OTA_PROVISION_KEY_LEN);
    memcpy(p->key.key, bytes.p, OTA_PROVISION_KEY_LEN);
    OTA_TRY(ota_sha256(&ota_crypto_openssl, p->key.key, OTA_PROVISION_KEY_LEN, digest, err));
    ota_hex_encode(digest, (sizeof p->key.name - 1) / 2, p->key.name);
    return OTA_OK;
}

enum ota_status ota_provision_inputs_open(struct ota_provisioning *p, struct ota_err *err) {
    OTA_TRY(read_key(p, err));
    return ota_sha256(&ota_crypto_openssl, p->flash.bytes.p, p->flash.end, p->placed, err);
}

/* ---- a board ------------------------------------------------------------------------------------------- */

/* Each with its length before it, so that no two lists of them are one text. */
static void add(struct ota_buf *out, const void *p, size_t n) {
    const uint8_t length[4] = {(uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16), (uint8_t)(n >> 24)};
    ota_buf_append(out, length, sizeof length);
    ota_buf_append(out, p, n);
}

static void add_text(struct ota_buf *out, const char *text) {
    add(out, text ? text : "", text ? strlen(text) : 0);
}

static void add_number(struct ota_buf *out, uint32_t n) {
    const uint8_t le[4] = {(uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16), (uint8_t)(n >> 24)};
    add(out, le, sizeof le);
}

static void gather(const struct ota_provisioning *p, const struct ota_provision_board *b, const struct ota_id_record *r,
                   struct ota_span nvs, struct ota_buf *out) {
    const char *const text[] = {r->id,       b->text[OTA_COLUMN_MAC], r->product, r->channel,         r->groups,
                                r->url_meta, r->url_targets,          r->url_api, p->build.chip->name};
    const uint32_t number[] = {p->parts, p->certificates, p->build.flash_size};
    add_text(out, "otactl provision 1");
    for (size_t i = 0; i < OTA_ARRAY_LEN(text); i++)
        add_text(out, text[i]);
    for (size_t i = 0; i < OTA_ARRAY_LEN(number); i++)
        add_number(out, number[i]);
    add(out, r->root.p, r->root.len);
    add(out, r->ca.p, r->ca.len);
    add(out, p->placed, sizeof p->placed);
    add(out, nvs.p, nvs.len);
}

/* With the board's id: equal values of two boards look different. */
static void gather_kind(const struct ota_provisioning *p, const struct ota_provision_board *b,
                        const struct ota_id_record *r, struct ota_span nvs, enum ota_made_of kind,
                        struct ota_buf *out) {
    const struct ota_span text[OTA_MADE_OF_COUNT] = {
        [OTA_MADE_OF_MAC] = ota_span_str(b->text[OTA_COLUMN_MAC] ? b->text[OTA_COLUMN_MAC] : ""),
        [OTA_MADE_OF_VALUES] = nvs,
        [OTA_MADE_OF_PRODUCT] = ota_span_str(r->product),
        [OTA_MADE_OF_CHANNEL] = ota_span_str(r->channel),
        [OTA_MADE_OF_GROUPS] = ota_span_str(r->groups),
        [OTA_MADE_OF_URL] = ota_span_str(r->url_api),
        [OTA_MADE_OF_ROOT] = ota_buf_span(&r->root),
        [OTA_MADE_OF_CA] = ota_buf_span(&r->ca),
        [OTA_MADE_OF_CERTIFICATE] = ota_span_str(p->certificates ? "yes" : "no"),
        [OTA_MADE_OF_BUILD] = {p->placed, sizeof p->placed},
    };
    add_text(out, ota_made_of_name[kind]);
    add_text(out, r->id);
    add_number(out, kind == OTA_MADE_OF_FLASH_SIZE ? p->build.flash_size : 0);
    add(out, text[kind].p, text[kind].len);
}

static enum ota_status digest_of(const struct ota_provisioning *p, struct ota_span text,
                                 char hex[OTA_SHA256_HEX_LEN + 1], struct ota_err *err) {
    uint8_t digest[OTA_SHA256_LEN];
    unsigned n = sizeof digest;
    if (!HMAC(EVP_sha256(), p->key.key, (int)OTA_PROVISION_KEY_LEN, text.p, text.len, digest, &n) || n != sizeof digest)
        return ota_err_set(err, OTA_INTERNAL, "HMAC is not available in this OpenSSL");
    ota_hex_encode(digest, sizeof digest, hex);
    return OTA_OK;
}

enum ota_status ota_provision_inputs(const struct ota_provisioning *p, const struct ota_provision_board *b,
                                     const struct ota_id_record *r, struct ota_span nvs,
                                     struct ota_provision_inputs *out, struct ota_err *err) {
    OTA_CLEAN(ota_secret_free) struct ota_buf all = {0};
    char hex[OTA_SHA256_HEX_LEN + 1];
    gather(p, b, r, nvs, &all);
    OTA_TRY(digest_of(p, ota_buf_span(&all), hex, err));
    (void)ota_format(out->whole, sizeof out->whole, "%s-%s", p->key.name, hex);
    for (size_t k = 0; k < OTA_MADE_OF_COUNT; k++) {
        all.len = 0;
        gather_kind(p, b, r, nvs, (enum ota_made_of)k, &all);
        OTA_TRY(digest_of(p, ota_buf_span(&all), hex, err));
        (void)ota_format(out->made_of[k], sizeof out->made_of[k], "%.8s", hex);
    }
    return OTA_OK;
}
