/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which keys lie in the folder keys/ of a workspace, without the keys themselves: what otaserve-signer answers to
 * HELLO, so that the daemon knows who can renew what though it may not look into a key.
 *
 *   one line per key: "<keyid or -> <file|token> <name below keys/>"
 */
#ifndef OTA_HOST_KEY_LIST_H
#define OTA_HOST_KEY_LIST_H

#include "host/buf.h"
#include "ota/metadata.h"

#define OTA_KEY_LIST_MAX 64u
#define OTA_KEY_FILE_MAX 80u /* "<role>.<suffix>.pem" with its NUL */

struct ota_key_place {
    char keyid[OTA_SHA256_HEX_LEN + 1]; /* "": encrypted, or its token does not answer */
    bool token;                         /* the file names a key in an HSM */
    char file[OTA_KEY_FILE_MAX];
};
struct ota_key_list {
    size_t count;
    struct ota_key_place key[OTA_KEY_LIST_MAX];
};

void ota_key_list_write(const struct ota_key_list *list, struct ota_buf *out);
/* INTERNAL when it is not such a list. */
OTA_MUST_USE enum ota_status ota_key_list_read(struct ota_span text, struct ota_key_list *out, struct ota_err *err);

#endif
