/* SPDX-License-Identifier: Apache-2.0 */
/* The host: P-256, ed25519, RSA-PSS; SHA-256 and SHA-512. */
#include <openssl/evp.h>

#include "host/crypto.h"
#include "verifier.h"

static enum ota_status sha512(struct ota_span bytes, uint8_t out[VERIFIER_DIGEST_MAX], struct ota_err *err) {
    if (EVP_Digest(bytes.p, bytes.len, out, NULL, EVP_sha512(), NULL) != 1)
        return ota_err_set(err, OTA_INTERNAL, "SHA-512 failed in OpenSSL");
    return OTA_OK;
}

struct verifier verifier_of_platform(void) {
    static const struct verifier_digest digests[] = {
        {"sha256", 32, verifier_sha256}, {"sha512", 64, sha512}, {NULL, 0, NULL}};
    return (struct verifier){.crypto = ota_crypto_openssl, .digest = digests};
}
