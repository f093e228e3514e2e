/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passphrases and PINs: from the first line of a file that is closed to others, or asked for on a terminal. Never from
 * the command line or the environment, which other users and logs can see.
 */
#ifndef OTA_HOST_PASSPHRASE_H
#define OTA_HOST_PASSPHRASE_H

#include "host/buf.h"

#define OTA_PASSPHRASE_MIN 8u /* characters of one that is chosen anew */
#define OTA_PASSPHRASE_MAX 512u

/* Where a passphrase comes from. */
struct ota_passphrase {
    const char *file;            /* --passphrase-file or $OTA_PASSPHRASE_FILE; NULL: none */
    bool may_ask;                /* on the terminal, when there is no file */
    const struct ota_buf *known; /* it was read already; NULL: no. Goes before the others */
};

/* `file`, else $OTA_PASSPHRASE_FILE; may ask when standard input and error are a terminal. */
struct ota_passphrase ota_passphrase_source(const char *file);
/* Wipes what the buffer holds, then frees it. For everything secret. */
void ota_secret_free(struct ota_buf *secret);

/* The passphrase of `what` ("keys/root.pem"). PERMISSION, with the remedy, when there is neither file nor terminal;
 * INTERRUPTED. `out` is freed with ota_secret_free(). */
OTA_MUST_USE enum ota_status ota_passphrase_get(const struct ota_passphrase *from, const char *what,
                                                struct ota_buf *out, struct ota_err *err);
/* A new one for `what`: asked for twice; ARGUMENT under OTA_PASSPHRASE_MIN characters. */
OTA_MUST_USE enum ota_status ota_passphrase_choose(const struct ota_passphrase *from, const char *what,
                                                   struct ota_buf *out, struct ota_err *err);
/* The first line of a file like a private key's (0600, this user's or root's). */
OTA_MUST_USE enum ota_status ota_passphrase_read_file(const char *path, struct ota_buf *out, struct ota_err *err);

#endif
