/* SPDX-License-Identifier: Apache-2.0 */
#include "verifier.h"

#include "host/crypto.h"

enum ota_status verifier_sha256(struct ota_span bytes, uint8_t out[VERIFIER_DIGEST_MAX], struct ota_err *err) {
    return ota_sha256(&ota_crypto_openssl, bytes.p, bytes.len, out, err);
}
