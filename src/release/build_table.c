/* SPDX-License-Identifier: Apache-2.0 */
/* The partition table a release is checked against, and remembering it for releases that bring none. */
#include <string.h>

#include "host/crypto.h"
#include "host/err_place.h"
#include "release/build_parts.h"

enum ota_status ota_build_load_table(struct ota_build *b, const struct ota_candidates *c, const char *path,
                                     struct ota_err *err) {
    uint32_t offset = c->table_offset_known ? c->table_offset : OTA_TABLE_DEFAULT_OFFSET;
    OTA_TRY(ota_fs_read(path, OTA_SECTOR, &b->table_bytes, err));
    enum ota_status st = ota_table_read(ota_buf_span(&b->table_bytes), &ota_crypto_openssl, &b->table, err);
    if (st == OTA_OK)
        st = ota_table_check(&b->table, offset, c->flash_size, err);
    if (st != OTA_OK)
        return ota_err_place(err, path, 0);
    b->table_known = true;
    return OTA_OK;
}

/* Of a product's newest, or by the digest, which is longer than a product's name may be. */
static char *path_of(const struct ota_workspace *w, const char *name) {
    return ota_workspace_path(w, "state/tables/%s.bin", name);
}

char *ota_build_known_table(const struct ota_workspace *w, const char *product) {
    OTA_CLEAN_FREE char *path = path_of(w, product);
    return ota_fs_is_file(path) ? ota_strdup(path) : NULL;
}

enum ota_status ota_build_keep_table(const struct ota_workspace *w, const uint8_t table[OTA_TABLE_LENGTH],
                                     struct ota_err *err) {
    uint8_t digest[OTA_SHA256_LEN];
    char hex[OTA_SHA256_HEX_LEN + 1];
    OTA_TRY(ota_sha256(&ota_crypto_openssl, table, OTA_TABLE_LENGTH, digest, err));
    ota_hex_encode(digest, sizeof digest, hex);
    OTA_CLEAN_FREE char *dir = ota_workspace_path(w, "state/tables");
    OTA_CLEAN_FREE char *path = path_of(w, hex);
    OTA_TRY(ota_fs_mkdirs(dir, 0755, err));
    return ota_fs_write(path, table, OTA_TABLE_LENGTH, 0644, err);
}

enum ota_status ota_build_remember_table(const struct ota_build *b, const struct ota_workspace *w,
                                         struct ota_err *err) {
    OTA_CLEAN_FREE char *path = path_of(w, b->release.product);
    if (!b->table_known)
        return OTA_OK;
    if (b->table_bytes.len >= OTA_TABLE_LENGTH)
        OTA_TRY(ota_build_keep_table(w, b->table_bytes.p, err));
    return ota_fs_write(path, b->table_bytes.p, b->table_bytes.len, 0644, err);
}
