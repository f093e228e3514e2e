/* SPDX-License-Identifier: Apache-2.0 */
/* An NVS partition (blank to the end of its page), or the CSV of one: what a CSV makes reads back without a fault. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "image/nvs_csv.h"

#define SIZE 0x6000u
#define IMAGE_FIRST 0xF0u /* a page's state; no text of UTF-8 begins so but one beyond our needs */

static enum ota_status read_file(const void *ctx, const char *path, struct ota_buf *out, struct ota_err *err) {
    (void)ctx;
    (void)err;
    ota_buf_str(out, path);
    return OTA_OK;
}

struct ends {
    uintptr_t from, to;
    size_t count;
};

static void see(void *ctx, const struct ota_nvs_item *item) {
    struct ends *e = ctx;
    uintptr_t at = (uintptr_t)item->value;
    fuzz_promise(at >= e->from && at <= e->to && item->length <= e->to - at);
    fuzz_promise(strlen(item->key) <= OTA_NVS_KEY_MAX && ota_nvs_type_name(item->type));
    e->count++;
}

static enum ota_status walk(struct ota_span image, size_t *count) {
    struct ends e = {(uintptr_t)image.p, (uintptr_t)image.p + image.len, 0};
    struct ota_err err;
    enum ota_status st = ota_nvs_each(image, see, &e, &err);
    *count = e.count;
    return st;
}

static void read_image(struct ota_span image) {
    OTA_CLEAN(ota_buf_free) struct ota_buf value = {0};
    struct ota_err err;
    size_t count;
    (void)!walk(image, &count);
    (void)!ota_nvs_get_string(image, "ota", "id", &value, &err);
    (void)!ota_nvs_get_blob(image, "ota", "root", &value, &err);
}

static void read_csv(struct ota_span text) {
    OTA_CLEAN(ota_nvs_writer_free) struct ota_nvs_writer w = {0};
    OTA_CLEAN(ota_nvs_csv_free) struct ota_nvs_csv csv = {.writer = &w, .read_file = read_file};
    struct ota_err err;
    size_t count;
    fuzz_promise(ota_nvs_writer_init(&w, SIZE, &err) == OTA_OK);
    enum ota_status st = ota_nvs_csv_read(&csv, text, "x", &err);
    fuzz_promise(st == OTA_OK || err.msg[0] == 'x');
    fuzz_promise(walk((struct ota_span){w.image, w.size}, &count) == OTA_OK);
    fuzz_promise(count >= w.namespaces);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size && data[0] >= IMAGE_FIRST) {
        size_t whole = (size + OTA_NVS_PAGE - 1) / OTA_NVS_PAGE * OTA_NVS_PAGE;
        OTA_CLEAN_FREE uint8_t *image = ota_calloc(1, whole);
        memset(image, 0xFF, whole);
        memcpy(image, data, size);
        read_image((struct ota_span){image, whole});
    } else {
        OTA_CLEAN_FREE uint8_t *text = fuzz_copy(data, size);
        read_csv((struct ota_span){text, size});
    }
    return 0;
}
