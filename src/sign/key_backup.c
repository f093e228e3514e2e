/* SPDX-License-Identifier: Apache-2.0 */
/* Writes and reads backups of keys; see key_backup.h. */
#include "sign/key_backup.h"

#include <string.h>

#define BEGIN "-----BEGIN "
#define END "-----END "

enum ota_status ota_key_backup_add(struct ota_buf *out, const char *role, const struct ota_key *key,
                                   const struct ota_buf *passphrase, struct ota_err *err) {
    ota_buf_printf(out, "%sRole: %s\nKeyid: %s\n", out->len ? "\n" : "", role, ota_key_public(key)->keyid);
    return ota_key_write_pem(key, passphrase, out, err);
}

bool ota_key_backup_next(struct ota_span *rest, struct ota_span *pem) {
    const uint8_t *begin = rest->len ? memmem(rest->p, rest->len, BEGIN, strlen(BEGIN)) : NULL;
    if (!begin)
        return false;
    size_t left = rest->len - (size_t)(begin - rest->p);
    const uint8_t *end = memmem(begin, left, END, strlen(END));
    size_t n = left;
    if (end) {
        size_t behind = left - (size_t)(end - begin);
        const uint8_t *line_end = memchr(end, '\n', behind);
        n = line_end ? (size_t)(line_end + 1 - begin) : left;
    }
    *pem = (struct ota_span){begin, n};
    *rest = (struct ota_span){begin + n, left - n};
    return true;
}
