/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The crypto port over mbedTLS 3.6, for ESP-IDF 5.5, with the chip's SHA engine behind it: see crypto_psa.c for hashes that
 * are open at the same time.
 */
#include "crypto_chip.h"
#include "ecdsa_der.h"
#include "mbedtls/ecdsa.h"
#include "mbedtls/ecp.h"
#include "mbedtls/sha256.h"
#include "ota_esp_ports.h"

#include <string.h>

_Static_assert(sizeof(mbedtls_sha256_context) <= sizeof(struct ota_sha256), "mbedTLS's context fits struct ota_sha256");

static enum ota_status failed(int why, const char *what, struct ota_err *err) {
    if (why == MBEDTLS_ERR_ECP_ALLOC_FAILED || why == MBEDTLS_ERR_MPI_ALLOC_FAILED)
        return ota_err_set(err, OTA_MEMORY, "no memory for %s", what);
    return ota_err_set(err, OTA_INTERNAL, "%s failed in mbedTLS (-0x%04x)", what, (unsigned)-why);
}

/* ---- SHA-256 --------------------------------------------------------------------------------------------- */

static mbedtls_sha256_context *running(struct ota_sha256 *h) {
    return (mbedtls_sha256_context *)(void *)&h->u;
}

/* Gives the ESP32's engine back, too. */
static void sha256_abort(void *ctx, struct ota_sha256 *h) {
    (void)ctx;
    mbedtls_sha256_free(running(h));
}

static enum ota_status sha256_begin(void *ctx, struct ota_sha256 *h, struct ota_err *err) {
    (void)ctx;
    mbedtls_sha256_init(running(h));
    const int rc = mbedtls_sha256_starts(running(h), 0);
    return rc == 0 ? OTA_OK : failed(rc, "SHA-256", err);
}

static enum ota_status sha256_update(void *ctx, struct ota_sha256 *h, const void *p, size_t n, struct ota_err *err) {
    (void)ctx;
    const int rc = n ? mbedtls_sha256_update(running(h), p, n) : 0;
    return rc == 0 ? OTA_OK : failed(rc, "SHA-256", err);
}

static enum ota_status sha256_end(void *ctx, struct ota_sha256 *h, uint8_t out[OTA_SHA256_LEN], struct ota_err *err) {
    const int rc = mbedtls_sha256_finish(running(h), out);
    sha256_abort(ctx, h);
    return rc == 0 ? OTA_OK : failed(rc, "SHA-256", err);
}

/* ---- ECDSA ----------------------------------------------------------------------------------------------- */

struct numbers {
    mbedtls_ecp_group curve;
    mbedtls_ecp_point point;
    mbedtls_mpi r, s;
};

static void numbers_init(struct numbers *n) {
    mbedtls_ecp_group_init(&n->curve);
    mbedtls_ecp_point_init(&n->point);
    mbedtls_mpi_init(&n->r);
    mbedtls_mpi_init(&n->s);
}

static void numbers_free(struct numbers *n) {
    mbedtls_mpi_free(&n->s);
    mbedtls_mpi_free(&n->r);
    mbedtls_ecp_point_free(&n->point);
    mbedtls_ecp_group_free(&n->curve);
}

static int load(struct numbers *n, const struct ota_public_key *key, const uint8_t raw[OTA_ESP_ECDSA_RAW]) {
    uint8_t point[1 + sizeof key->point] = {0x04};
    memcpy(point + 1, key->point, sizeof key->point);
    int rc = mbedtls_ecp_group_load(&n->curve, MBEDTLS_ECP_DP_SECP256R1);
    if (rc == 0)
        rc = mbedtls_ecp_point_read_binary(&n->curve, &n->point, point, sizeof point);
    if (rc == 0)
        rc = mbedtls_ecp_check_pubkey(&n->curve, &n->point); /* mbedtls_ecdsa_verify() does not on every chip */
    if (rc == 0)
        rc = mbedtls_mpi_read_binary(&n->r, raw, OTA_ESP_ECDSA_RAW / 2);
    if (rc == 0)
        rc = mbedtls_mpi_read_binary(&n->s, raw + OTA_ESP_ECDSA_RAW / 2, OTA_ESP_ECDSA_RAW / 2);
    return rc;
}

/* A point that is none of the curve, like a signature that does not hold, is no fault of mbedTLS's. */
static bool says_no(int rc) {
    return rc == MBEDTLS_ERR_ECP_INVALID_KEY || rc == MBEDTLS_ERR_ECP_BAD_INPUT_DATA ||
           rc == MBEDTLS_ERR_ECP_VERIFY_FAILED;
}

static enum ota_status verify(void *ctx, const struct ota_public_key *key, struct ota_span msg, struct ota_span sig,
                              bool *valid, struct ota_err *err) {
    uint8_t raw[OTA_ESP_ECDSA_RAW], digest[OTA_SHA256_LEN];
    struct numbers n;
    *valid = false;
    if (key->scheme != OTA_SCHEME_ECDSA_P256 || !ota_esp_ecdsa_raw(sig, raw))
        return OTA_OK;
    OTA_TRY(ota_sha256(&ota_esp_crypto, msg.p, msg.len, digest, err));
    (void)ctx;
    numbers_init(&n);
    int rc = load(&n, key, raw);
    if (rc == 0)
        rc = mbedtls_ecdsa_verify(&n.curve, digest, sizeof digest, &n.point, &n.r, &n.s);
    numbers_free(&n);
    *valid = rc == 0;
    return rc == 0 || says_no(rc) ? OTA_OK : failed(rc, "verifying", err);
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
