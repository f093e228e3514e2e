/* SPDX-License-Identifier: Apache-2.0 */
/* The crypto port over OpenSSL 3 EVP: P-256, ed25519, RSA-PSS. Stateless: one constant table serves all threads. */
#ifndef OTA_HOST_CRYPTO_H
#define OTA_HOST_CRYPTO_H

#include "ota/ports.h"

extern const struct ota_crypto ota_crypto_openssl;

#endif
