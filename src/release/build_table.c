/* SPDX-License-Identifier: Apache-2.0 */
/* The partition table a release is checked against, and remembering it for releases that bring none. */
#include <string.h>

#include "host/crypto.h"
#include "release/build_parts.h"

enum ota_status ota_build_load_table(struct ota_build *b, const struct ota_candidates *c, const char *path,
                                     struct ota_err *err) {
    uint32_t offset = c->table_offset_known ? c->table_offset : OTA_TABLE_DEFAULT_OFFSET;
    OTA_TRY(ota_fs_read(path, OTA_SECTOR, &b->table_bytes, err));
    enum ota_status st = ota_table_read(ota_buf_span(&b->table_bytes), &ota_crypto_openssl, &b->table, err);
    if (st == OTA_OK)
        st = ota_table_check(&b->table, offset, c->flash_size, err);
    if (st != OTA_OK)
        return ota_err_prefix(err, "%s", path);
    b->table_known = true;
    return OTA_OK;
}

static char *path_of(const struct ota_workspace *w, const char *product) {
    return ota_workspace_path(w, "state/tables/%s.bin", product);
}

char *ota_build_known_table(const struct ota_workspace *w, const char *product) {
    OTA_CLEAN_FREE char *path = path_of(w, product);
    return ota_fs_is_file(path) ? ota_strdup(path) : NULL;
}

enum ota_status ota_build_remember_table(const struct ota_build *b, const struct ota_workspace *w,
                                         struct ota_err *err) {
    OTA_CLEAN_FREE char *dir = ota_workspace_path(w, "state/tables");
    OTA_CLEAN_FREE char *path = path_of(w, b->release.product);
    if (!b->table_known)
        return OTA_OK;
    OTA_TRY(ota_fs_mkdirs(dir, 0755, err));
    return ota_fs_write(path, b->table_bytes.p, b->table_bytes.len, 0644, err);
}
