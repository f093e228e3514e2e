/* SPDX-License-Identifier: Apache-2.0 */
/* otactl inspect: what files are, and whether a board would take them. */
#include <stdio.h>

#include "ctl/cmd.h"
#include "host/crypto.h"
#include "host/fs.h"
#include "image/inspect.h"
#include "ota/release.h"

static enum ota_status inspect_file(const char *path, struct ota_inspection *out, struct ota_err *err) {
    OTA_CLEAN(ota_file_source_close) struct ota_file_source file = {.fd = -1};
    OTA_TRY(ota_file_source_open(&file, path, OTA_IMAGE_LENGTH_MAX, err));
    return ota_inspect(&file.source, &ota_crypto_openssl, out, err);
}

static void print_text(const struct ota_inspection *i, const char *path, size_t index) {
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    if (index)
        ota_buf_str(&text, "\n");
    ota_inspect_text(i, path, &text);
    (void)fwrite(text.p, 1, text.len, stdout);
}

/* One file is one object; several are {"files":[...]}. */
static void print_json(cJSON *files, bool single) {
    cJSON *top = single ? cJSON_DetachItemFromArray(files, 0) : cJSON_CreateObject();
    if (single)
        cJSON_Delete(files);
    else
        cJSON_AddItemToObject(top, "files", files);
    if (top)
        ota_ctl_print_json(&top);
}

/* Shows one file; a broken one is shown and then is a failure. */
static enum ota_status show(const char *path, size_t index, cJSON *files, struct ota_err *err) {
    OTA_CLEAN(ota_inspection_free) struct ota_inspection i = {0};
    OTA_TRY(inspect_file(path, &i, err));
    if (files)
        cJSON_AddItemToArray(files, ota_inspect_json(&i, path));
    else
        print_text(&i, path, index);
    return i.broken ? ota_err_set(err, i.verdict.code, "%s: %s", path, i.verdict.msg) : OTA_OK;
}

/* What is wrong with one file does not keep the others from being shown; the first fault is the verb's. */
enum ota_status ota_cmd_inspect(const struct ota_args *args, struct ota_err *err) {
    size_t count = ota_args_operands(args);
    cJSON *files = ota_ctl_json(args) ? cJSON_CreateArray() : NULL;
    enum ota_status result = OTA_OK;
    for (size_t n = 0; n < count; n++) {
        struct ota_err why;
        enum ota_status status = show(ota_args_operand(args, n), n, files, &why);
        if (status != OTA_OK && result == OTA_OK) {
            result = status;
            *err = why;
        }
    }
    if (files)
        print_json(files, count == 1);
    return result;
}
