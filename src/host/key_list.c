/* SPDX-License-Identifier: Apache-2.0 */
/* Writes and reads a list of keys; see key_list.h. */
#include "host/key_list.h"

#include <string.h>

#include "host/key_file.h"
#include "host/words.h"

void ota_key_list_write(const struct ota_key_list *list, struct ota_buf *out) {
    for (size_t i = 0; i < list->count; i++) {
        const struct ota_key_place *k = &list->key[i];
        ota_buf_printf(out, "%s %s %s\n", k->keyid[0] ? k->keyid : "-", k->token ? "token" : "file", k->file);
    }
}

static bool read_line(struct ota_span line, struct ota_key_place *k) {
    char role[OTA_ROLE_NAME_MAX + 1];
    uint8_t digest[OTA_SHA256_LEN];
    struct ota_span keyid = ota_words_take(&line, ' ');
    struct ota_span kind = ota_words_take(&line, ' ');
    memset(k, 0, sizeof *k);
    k->token = ota_span_equal_str(kind, "token");
    if (!k->token && !ota_span_equal_str(kind, "file"))
        return false;
    if (!ota_span_equal_str(keyid, "-") &&
        (!ota_hex_decode(keyid, digest, sizeof digest) || !ota_span_copy(keyid, k->keyid, sizeof k->keyid)))
        return false;
    return ota_span_copy(line, k->file, sizeof k->file) && ota_key_file_role(k->file, role);
}

enum ota_status ota_key_list_read(struct ota_span text, struct ota_key_list *out, struct ota_err *err) {
    out->count = 0;
    while (text.len) {
        struct ota_span line = ota_words_take(&text, '\n');
        if (out->count == OTA_KEY_LIST_MAX || !read_line(line, &out->key[out->count])) {
            out->count = 0;
            return ota_err_set(err, OTA_INTERNAL, "what should be a list of keys is none");
        }
        out->count++;
    }
    return OTA_OK;
}
