/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates in PEM that are handed to boards: looked at before, not trusted by anything here. */
#ifndef OTA_HOST_CERTIFICATE_H
#define OTA_HOST_CERTIFICATE_H

#include "ota/bytes.h"

/* One certificate or more, and no private key, which nobody meant to give away. KEY; `name` is the file's. */
OTA_MUST_USE enum ota_status ota_certificate_check(struct ota_span pem, const char *name, struct ota_err *err);
/* Is `id` the one common name of the first certificate, by which a server knows whose it is? KEY. */
OTA_MUST_USE enum ota_status ota_certificate_check_id(struct ota_span pem, const char *id, const char *name,
                                                      struct ota_err *err);
/* An unencrypted private key that belongs to the first certificate. KEY. */
OTA_MUST_USE enum ota_status ota_certificate_check_key(struct ota_span crt, struct ota_span key, const char *name,
                                                       struct ota_err *err);
/* SHA-256 of the first certificate's SubjectPublicKeyInfo: which key it is of. KEY. */
OTA_MUST_USE enum ota_status ota_certificate_key_digest(struct ota_span pem, const char *name,
                                                        uint8_t out[OTA_SHA256_LEN], struct ota_err *err);

#endif
