/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of key.h and boot_private.h share: key.c, key_file.c (PEM), key_pkcs11.c (tokens). */
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
/* The private key of a reference (key.h), of any kind. The caller frees it, and then, when *in_token, calls
 * ota_key_close_token(). Errors as of ota_key_load_with(), but of its kind. */
OTA_MUST_USE enum ota_status ota_key_open(const char *reference, const struct ota_passphrase *passphrase,
                                          EVP_PKEY **out, bool *in_token, struct ota_err *err);
/* What messages call that key; the caller frees it. */
char *ota_key_name(const char *reference, bool in_token);
/* ota_key_open() of PEM text. */
OTA_MUST_USE enum ota_status ota_key_open_pem(struct ota_span pem, const char *name,
                                              const struct ota_passphrase *passphrase, EVP_PKEY **out,
                                              struct ota_err *err);
/* As ota_key_write_pem() and ota_key_save*(), of any kind of key; passphrase NULL: not encrypted. */
OTA_MUST_USE enum ota_status ota_key_pem_of(EVP_PKEY *pkey, const struct ota_buf *passphrase, struct ota_buf *out,
                                            struct ota_err *err);
OTA_MUST_USE enum ota_status ota_key_save_pem(EVP_PKEY *pkey, const char *path, const struct ota_buf *passphrase,
                                              struct ota_err *err);
/* Nonces by RFC 6979 where OpenSSL can: equal input gives equal bytes. */
bool ota_key_fix_nonce(EVP_PKEY_CTX *ctx);
/* The private key that a PKCS#11 URI (RFC 7512) names; the caller frees it, and then calls ota_key_close_token(). */
OTA_MUST_USE enum ota_status ota_key_open_token(const char *uri, const struct ota_passphrase *pin, EVP_PKEY **out,
                                                struct ota_err *err);
void ota_key_close_token(void);
/* Borrowed. UNSUPPORTED for a key in a token. */
OTA_MUST_USE enum ota_status ota_key_exportable(const struct ota_key *key, EVP_PKEY **out, struct ota_err *err);

#endif
