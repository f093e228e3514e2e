/* SPDX-License-Identifier: Apache-2.0 */
/* otadevice read: what lies in a partition, as a file. */
#include <stdio.h>

#include "host/crypto.h"
#include "host/fs.h"
#include "sim/cmd.h"
#include "sim/view.h"

enum ota_status ota_cmd_read(const struct ota_args *args, struct ota_err *err) {
    OTA_CLEAN(ota_view_close) struct ota_view view = {.board.nor.fd = -1};
    OTA_CLEAN(ota_buf_free) struct ota_buf bytes = {0};
    OTA_CLEAN_FREE char *place = NULL;
    const char *path = ota_args_operand(args, 0), *label = ota_args_operand(args, 1), *to;
    uint8_t digest[OTA_SHA256_LEN];
    char hex[OTA_SHA256_HEX_LEN + 1];
    struct ota_view_area area;
    uint64_t length;
    OTA_TRY(ota_sim_required(args, "output", &to, err));
    if (ota_fs_same_file(path, to))
        return ota_err_set(err, OTA_USAGE, "--output %s is the flash itself; name another file", to);
    OTA_TRY(ota_fs_place(to, &place, err));
    OTA_TRY(ota_args_number(args, "length", 1, UINT32_MAX, 0, &length, err));
    OTA_TRY(ota_view_open(&view, path, err));
    OTA_TRY(ota_view_find(&view, label, &area, err));
    if (length > area.size)
        return ota_err_set(err, OTA_ARGUMENT, "%s has %u bytes, fewer than --length %llu", area.label,
                           (unsigned)area.size, (unsigned long long)length);
    OTA_TRY(ota_view_bytes(&view, &area, length ? (uint32_t)length : area.size, &bytes, err));
    OTA_TRY(ota_fs_write(place, bytes.p, bytes.len, 0644, err));
    OTA_TRY(ota_sha256(&ota_crypto_openssl, bytes.p, bytes.len, digest, err));
    ota_hex_encode(digest, sizeof digest, hex);
    if (!ota_sim_json(args)) {
        printf("%s: %zu bytes of %s at 0x%x\n", to, bytes.len, area.label, (unsigned)area.offset);
        return OTA_OK;
    }
    cJSON *tree = cJSON_CreateObject();
    (void)cJSON_AddStringToObject(tree, "file", to);
    (void)cJSON_AddStringToObject(tree, "label", area.label);
    (void)cJSON_AddNumberToObject(tree, "offset", area.offset);
    (void)cJSON_AddNumberToObject(tree, "length", (double)bytes.len);
    (void)cJSON_AddStringToObject(tree, "sha256", hex);
    ota_sim_print_json(&tree);
    return OTA_OK;
}
