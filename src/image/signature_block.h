/* SPDX-License-Identifier: Apache-2.0 */
/* Writes one signature block of Secure Boot v2; host/signature.h shows its bytes. */
#ifndef OTA_IMAGE_SIGNATURE_BLOCK_H
#define OTA_IMAGE_SIGNATURE_BLOCK_H

#include "host/signature.h"

/* `signature` over `digest` (of the scheme's length), as tools exchange it: RSA 384 bytes big-endian, ECDSA DER.
 * SIGNATURE unless it verifies: no block is made that a chip would refuse. */
OTA_MUST_USE enum ota_status ota_signature_block_make(const struct ota_boot_key *key, struct ota_span digest,
                                                      struct ota_span signature, uint8_t out[OTA_SIGNATURE_BLOCK_LEN],
                                                      struct ota_err *err);

#endif
