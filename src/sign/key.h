/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A private signing key: ECDSA P-256 with SHA-256, the one scheme boards verify.
 *
 * The key is named by a reference:
 *
 *   FILE           a PKCS#8 PEM file, plain or encrypted with a passphrase
 *   FILE.uri       a file with one line that is a PKCS#11 URI
 *   pkcs11:...     a PKCS#11 URI (RFC 7512): the key lies in a token and never leaves it
 *
 * Files must belong to this user or root and be closed to everybody else.
 */
#ifndef OTA_SIGN_KEY_H
#define OTA_SIGN_KEY_H

#include "host/passphrase.h"
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
/* NOT_FOUND, PERMISSION (open to others; encrypted, and no passphrase to be had), KEY (not a P-256 private key, wrong
 * passphrase or PIN), UNSUPPORTED (no PKCS#11 on this machine). Without `passphrase` nothing is asked. */
OTA_MUST_USE enum ota_status ota_key_load_with(struct ota_key **out, const char *reference,
                                               const struct ota_passphrase *passphrase, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_key_load(struct ota_key **out, const char *reference, struct ota_err *err);
/* PKCS#8 PEM, mode 0600, whole or not at all. EXISTS rather than overwrite: a lost key cannot be made again. */
OTA_MUST_USE enum ota_status ota_key_save(const struct ota_key *key, const char *path, struct ota_err *err);
/* The same, encrypted: PBES2 with scrypt (N = 2^14, r = 8, p = 5) and AES-256-CBC, which `openssl pkey` reads. (Its cap
 * on scrypt's memory, 32 MiB, is why p and not N is raised.) */
OTA_MUST_USE enum ota_status ota_key_save_encrypted(const struct ota_key *key, const char *path,
                                                    const struct ota_buf *passphrase, struct ota_err *err);
/* Both for text in memory: `out` holds a secret (ota_secret_free()) unless there is a passphrase. */
OTA_MUST_USE enum ota_status ota_key_write_pem(const struct ota_key *key, const struct ota_buf *passphrase,
                                               struct ota_buf *out, struct ota_err *err);
OTA_MUST_USE enum ota_status ota_key_read_pem(struct ota_key **out, struct ota_span pem, const char *name,
                                              const struct ota_passphrase *passphrase, struct ota_err *err);
/* The public half alone: of a PEM file that holds a public key, or of any key's reference. */
OTA_MUST_USE enum ota_status ota_key_load_public(struct ota_key_public *out, const char *reference,
                                                 const struct ota_passphrase *passphrase, struct ota_err *err);
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
