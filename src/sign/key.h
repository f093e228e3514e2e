/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A private signing key: ECDSA P-256 with SHA-256, the one scheme boards verify.
 *
 * The key is named by a reference. A reference without a scheme is the path of a PKCS#8 PEM file; "pkcs11:..." (RFC
 * 7512) is set aside for keys that never leave their token.
 */
#ifndef OTA_SIGN_KEY_H
#define OTA_SIGN_KEY_H

#include "host/buf.h"
#include "ota/scan.h"

#define OTA_KEY_PEM_MAX 256u
#define OTA_KEY_SIGNATURE_MAX 80u

struct ota_key; /* opaque; owned by whoever generated or loaded it */

/* The half that metadata carries. */
struct ota_key_public {
    char pem[OTA_KEY_PEM_MAX];          /* SubjectPublicKeyInfo */
    char keyid[OTA_SHA256_HEX_LEN + 1]; /* SHA-256 of the key object's canonical form (TUF 4.2) */
};

/* DER: SEQUENCE { r, s }. */
struct ota_key_signature {
    uint8_t der[OTA_KEY_SIGNATURE_MAX];
    size_t len;
};

OTA_MUST_USE enum ota_status ota_key_generate(struct ota_key **out, struct ota_err *err);
/* NOT_FOUND, PERMISSION, KEY (not a P-256 private key), UNSUPPORTED (another scheme of reference). */
OTA_MUST_USE enum ota_status ota_key_load(struct ota_key **out, const char *reference, struct ota_err *err);
/* PKCS#8 PEM, mode 0600, whole or not at all. EXISTS rather than overwrite: a lost key cannot be made again. */
OTA_MUST_USE enum ota_status ota_key_save(const struct ota_key *key, const char *path, struct ota_err *err);
/* The key in `path`, made and saved there first when there is none. */
OTA_MUST_USE enum ota_status ota_key_ensure(struct ota_key **out, const char *path, struct ota_err *err);
void ota_key_free(struct ota_key **key);

const struct ota_key_public *ota_key_public(const struct ota_key *key);
/* Writes {"keytype":"ecdsa","keyval":{"public":PEM},"scheme":"ecdsa-sha2-nistp256"}. */
void ota_key_write(struct ota_json *j, const struct ota_key_public *key);
/* With OpenSSL 3.2 or newer the nonce is deterministic (RFC 6979), so that equal input gives equal bytes. */
OTA_MUST_USE enum ota_status ota_key_sign(const struct ota_key *key, struct ota_span message,
                                          struct ota_key_signature *out, struct ota_err *err);

/* OpenSSL's EVP_PKEY, borrowed: for certificates. */
struct evp_pkey_st *ota_key_evp(const struct ota_key *key);

#endif
