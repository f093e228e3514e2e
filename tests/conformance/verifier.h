/* SPDX-License-Identifier: Apache-2.0 */
/* What a platform can verify. One file of this name's family is linked into each client: the host's or the chip's. */
#ifndef OTA_TESTS_VERIFIER_H
#define OTA_TESTS_VERIFIER_H

#include "ota/ports.h"

#define VERIFIER_DIGEST_MAX 64u

struct verifier_digest {
    const char *name; /* as in "hashes" */
    size_t len;
    enum ota_status (*make)(struct ota_span bytes, uint8_t out[VERIFIER_DIGEST_MAX], struct ota_err *err);
};

struct verifier {
    struct ota_crypto crypto;
    const struct verifier_digest *digest; /* the preferred one first; a NULL name ends the list */
};
struct verifier verifier_of_platform(void);

/* The digest every platform has. */
enum ota_status verifier_sha256(struct ota_span bytes, uint8_t out[VERIFIER_DIGEST_MAX], struct ota_err *err);

#endif
