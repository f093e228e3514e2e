/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A private key of Secure Boot v2: RSA-3072, ECDSA P-256 or P-384. It signs images, which chips verify, and no role: the
 * keys of key.h do that. Named by the same references, and guarded alike.
 */
#ifndef OTA_SIGN_BOOT_PRIVATE_H
#define OTA_SIGN_BOOT_PRIVATE_H

#include "host/boot_key.h"
#include "host/passphrase.h"

struct ota_boot_private; /* opaque; owned by whoever generated or loaded it */

/* UNSUPPORTED for P-192, which is gone from ESP-IDF. */
OTA_MUST_USE enum ota_status ota_boot_private_generate(enum ota_boot_scheme scheme, struct ota_boot_private **out,
                                                       struct ota_err *err);
/* As ota_key_load_with(). */
OTA_MUST_USE enum ota_status ota_boot_private_load(const char *reference, const struct ota_passphrase *passphrase,
                                                   struct ota_boot_private **out, struct ota_err *err);
/* PKCS#8 PEM, mode 0600; encrypted when the passphrase is not empty. EXISTS rather than overwrite. */
OTA_MUST_USE enum ota_status ota_boot_private_save(const struct ota_boot_private *key, const char *path,
                                                   const struct ota_buf *passphrase, struct ota_err *err);
void ota_boot_private_free(struct ota_boot_private **key);

const struct ota_boot_key *ota_boot_private_public(const struct ota_boot_private *key);
/* SubjectPublicKeyInfo, PEM. */
OTA_MUST_USE enum ota_status ota_boot_private_write_public(const struct ota_boot_private *key, struct ota_buf *out,
                                                           struct ota_err *err);
/* `digest` has the scheme's length. As tools exchange it: RSA 384 bytes big-endian, ECDSA DER. PSS has a random salt,
 * so that RSA never gives the same bytes twice. */
OTA_MUST_USE enum ota_status ota_boot_private_sign(const struct ota_boot_private *key, struct ota_span digest,
                                                   struct ota_buf *out, struct ota_err *err);

/* The public half alone: of a PEM file that holds a public key, or of any private key's reference. */
OTA_MUST_USE enum ota_status ota_boot_key_load(const char *reference, const struct ota_passphrase *passphrase,
                                               struct ota_boot_key *out, struct ota_err *err);

#endif
