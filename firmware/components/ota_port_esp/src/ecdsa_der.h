/* SPDX-License-Identifier: Apache-2.0 */
/* PSA takes a signature as two numbers, TUF and everybody else writes it in DER. */
#ifndef OTA_ESP_ECDSA_DER_H
#define OTA_ESP_ECDSA_DER_H

#include "ota/bytes.h"

#define OTA_ESP_ECDSA_RAW 64u

/* r || s, big-endian, of a P-256 signature. Strict DER as OpenSSL's (ITU-T X.690 section 8.3, 10.1): the shortest form,
 * no negative number, nothing behind; false otherwise. Whether the numbers are in range the verifier says. */
bool ota_esp_ecdsa_raw(struct ota_span der, uint8_t raw[OTA_ESP_ECDSA_RAW]);

#endif
