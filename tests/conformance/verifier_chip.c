/* SPDX-License-Identifier: Apache-2.0 */
/* The chip: P-256 and SHA-256, nothing else. */
#include "host/crypto.h"
#include "verifier.h"

struct verifier verifier_of_platform(void) {
    static const struct verifier_digest digests[] = {{"sha256", 32, verifier_sha256}, {NULL, 0, NULL}};
    struct verifier v = {.crypto = ota_crypto_openssl, .digest = digests};
    v.crypto.decode_key = NULL;
    return v;
}
