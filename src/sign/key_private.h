/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of key.h share: key.c, key_file.c (PEM), key_pkcs11.c (tokens). */
#ifndef OTA_SIGN_KEY_PRIVATE_H
#define OTA_SIGN_KEY_PRIVATE_H

#include <openssl/evp.h>

#include "sign/key.h"

#define OTA_KEY_FILE_MAX 8192u

/* KEY: "<what>: OpenSSL: <its last error>"; empties its error queue. */
enum ota_status ota_key_openssl_failed(struct ota_err *err, const char *what);
/* Takes over pkey, also on failure. `in_token`: it cannot be written to a file. KEY unless it is a P-256 key; `name` is
 * for messages. */
OTA_MUST_USE enum ota_status ota_key_adopt(struct ota_key **out, EVP_PKEY *pkey, bool in_token, const char *name,
                                           struct ota_err *err);
/* The private key that a PKCS#11 URI (RFC 7512) names; the caller frees it, and then calls ota_key_close_token(). */
OTA_MUST_USE enum ota_status ota_key_open_token(const char *uri, const struct ota_passphrase *pin, EVP_PKEY **out,
                                                struct ota_err *err);
void ota_key_close_token(void);
/* Borrowed. UNSUPPORTED for a key in a token. */
OTA_MUST_USE enum ota_status ota_key_exportable(const struct ota_key *key, EVP_PKEY **out, struct ota_err *err);

#endif
