/* SPDX-License-Identifier: Apache-2.0 */
/* Flash as a source. */
#include "sim/window.h"

static enum ota_status read_window(void *ctx, uint64_t off, void *p, size_t n, struct ota_err *err) {
    const struct ota_window *w = ctx;
    return w->flash->read(w->flash->ctx, w->offset + (uint32_t)off, p, n, err);
}

struct ota_source ota_window_source(struct ota_window *w, const struct ota_flash *flash, uint32_t offset,
                                    uint32_t length) {
    *w = (struct ota_window){flash, offset};
    return (struct ota_source){.ctx = w, .size = length, .read = read_window};
}

enum ota_status ota_window_image(const struct ota_flash *flash, const struct ota_crypto *crypto, uint32_t offset,
                                 uint32_t room, struct ota_image *out, struct ota_err *err) {
    struct ota_window w;
    const struct ota_source src = ota_window_source(&w, flash, offset, room);
    return ota_image_read(&src, crypto, out, err);
}

static enum ota_status forget_write(void *ctx, uint32_t off, const void *p, size_t n, struct ota_err *err) {
    (void)ctx, (void)off, (void)p, (void)n, (void)err;
    return OTA_OK;
}

static enum ota_status forget_erase(void *ctx, uint32_t off, uint32_t n, struct ota_err *err) {
    (void)ctx, (void)off, (void)n, (void)err;
    return OTA_OK;
}

void ota_flash_freeze(struct ota_flash *flash) {
    flash->write = forget_write;
    flash->erase = forget_erase;
}
