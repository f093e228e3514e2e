/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The crypto port over PSA, for ESP-IDF 6: mbedTLS 4 has no other. The chip's SHA engine works behind it, and several
 * hashes may be open at once (the agent's while TLS hashes): an engine that can be resumed is taken block by block; the
 * ESP32's is held by the first hash until it ends, and the others compute in software.
 */
#include <string.h>

#include "crypto_chip.h"
#include "ecdsa_der.h"
#include "ota_esp_ports.h"
#include "psa/crypto.h"

_Static_assert(sizeof(psa_hash_operation_t) <= sizeof(struct ota_sha256), "PSA's running hash fits struct ota_sha256");

static enum ota_status failed(psa_status_t why, const char *what, struct ota_err *err) {
    if (why == PSA_ERROR_INSUFFICIENT_MEMORY)
        return ota_err_set(err, OTA_MEMORY, "no memory for %s", what);
    return ota_err_set(err, OTA_INTERNAL, "%s failed in PSA (%d)", what, (int)why);
}

/* ---- SHA-256 --------------------------------------------------------------------------------------------- */

static psa_hash_operation_t *running(struct ota_sha256 *h) {
    return (psa_hash_operation_t *)(void *)&h->u;
}

static void sha256_abort(void *ctx, struct ota_sha256 *h) {
    (void)ctx;
    (void)psa_hash_abort(running(h));
}

/* ESP-IDF calls psa_crypto_init() at start; a second call does nothing. A running hash begins as zeros. */
static enum ota_status sha256_begin(void *ctx, struct ota_sha256 *h, struct ota_err *err) {
    (void)ctx;
    memset(running(h), 0, sizeof(psa_hash_operation_t));
    psa_status_t s = psa_crypto_init();
    if (s == PSA_SUCCESS)
        s = psa_hash_setup(running(h), PSA_ALG_SHA_256);
    return s == PSA_SUCCESS ? OTA_OK : failed(s, "SHA-256", err);
}

static enum ota_status sha256_update(void *ctx, struct ota_sha256 *h, const void *p, size_t n, struct ota_err *err) {
    (void)ctx;
    const psa_status_t s = n ? psa_hash_update(running(h), p, n) : PSA_SUCCESS;
    return s == PSA_SUCCESS ? OTA_OK : failed(s, "SHA-256", err);
}

static enum ota_status sha256_end(void *ctx, struct ota_sha256 *h, uint8_t out[OTA_SHA256_LEN], struct ota_err *err) {
    size_t n = 0;
    const psa_status_t s = psa_hash_finish(running(h), out, OTA_SHA256_LEN, &n);
    if (s == PSA_SUCCESS && n == OTA_SHA256_LEN)
        return OTA_OK;
    sha256_abort(ctx, h);
    return failed(s, "SHA-256", err);
}

/* ---- ECDSA ----------------------------------------------------------------------------------------------- */

static psa_status_t import(const struct ota_public_key *key, psa_key_id_t *id) {
    uint8_t point[1 + sizeof key->point] = {0x04};
    psa_key_attributes_t a = PSA_KEY_ATTRIBUTES_INIT;
    memcpy(point + 1, key->point, sizeof key->point);
    psa_set_key_type(&a, PSA_KEY_TYPE_ECC_PUBLIC_KEY(PSA_ECC_FAMILY_SECP_R1));
    psa_set_key_bits(&a, 256);
    psa_set_key_usage_flags(&a, PSA_KEY_USAGE_VERIFY_HASH);
    psa_set_key_algorithm(&a, PSA_ALG_ECDSA(PSA_ALG_SHA_256));
    return psa_import_key(&a, point, sizeof point, id);
}

/* A point that is none of the curve, like a signature that does not hold, is no fault of PSA's. */
static bool says_no(psa_status_t s) {
    return s == PSA_ERROR_INVALID_ARGUMENT || s == PSA_ERROR_INVALID_SIGNATURE;
}

static psa_status_t check(psa_key_id_t id, struct ota_span msg, const uint8_t raw[OTA_ESP_ECDSA_RAW]) {
    uint8_t digest[OTA_SHA256_LEN];
    size_t n = 0;
    const psa_status_t s = psa_hash_compute(PSA_ALG_SHA_256, msg.p, msg.len, digest, sizeof digest, &n);
    if (s != PSA_SUCCESS)
        return s == PSA_ERROR_INVALID_ARGUMENT ? PSA_ERROR_GENERIC_ERROR : s;
    return psa_verify_hash(id, PSA_ALG_ECDSA(PSA_ALG_SHA_256), digest, n, raw, OTA_ESP_ECDSA_RAW);
}

static enum ota_status verify(void *ctx, const struct ota_public_key *key, struct ota_span msg, struct ota_span sig,
                              bool *valid, struct ota_err *err) {
    uint8_t raw[OTA_ESP_ECDSA_RAW];
    psa_key_id_t id;
    (void)ctx;
    *valid = false;
    if (key->scheme != OTA_SCHEME_ECDSA_P256 || !ota_esp_ecdsa_raw(sig, raw))
        return OTA_OK;
    psa_status_t s = psa_crypto_init();
    if (s != PSA_SUCCESS)
        return failed(s, "PSA", err);
    s = import(key, &id);
    if (s == PSA_SUCCESS) {
        s = check(id, msg, raw);
        (void)psa_destroy_key(id);
        *valid = s == PSA_SUCCESS;
    }
    return s == PSA_SUCCESS || says_no(s) ? OTA_OK : failed(s, "verifying", err);
}

const struct ota_crypto ota_esp_crypto = {
    .sha256_begin = sha256_begin,
    .sha256_update = sha256_update,
    .sha256_end = sha256_end,
    .sha256_abort = sha256_abort,
    .md5 = ota_esp_md5,
    .verify = verify,
    .random = ota_esp_random,
};
