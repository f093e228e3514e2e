/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several private keys in one text file that may leave the machine: encrypted PEM blocks, each below lines that say what
 * it is for. What stands outside the blocks is for people; a key's role is found by its keyid.
 *
 *   Role: root
 *   Keyid: 3f2a...
 *   -----BEGIN ENCRYPTED PRIVATE KEY----- ...
 */
#ifndef OTA_SIGN_KEY_BACKUP_H
#define OTA_SIGN_KEY_BACKUP_H

#include "sign/key.h"

#define OTA_KEY_BACKUP_MAX (256u * 1024u)

/* Appends one key. UNSUPPORTED for a key in a token. */
OTA_MUST_USE enum ota_status ota_key_backup_add(struct ota_buf *out, const char *role, const struct ota_key *key,
                                                const struct ota_buf *passphrase, struct ota_err *err);
/* The next block of *rest, which goes on behind it; false when there is none. */
bool ota_key_backup_next(struct ota_span *rest, struct ota_span *pem);

#endif
