/* SPDX-License-Identifier: Apache-2.0 */
/* Images for tests. */
#include "images.h"

#include "host/crypto.h"
#include "host/fs.h"
#include "unit.h"

static enum ota_status read_span(void *ctx, uint64_t off, void *p, size_t n, struct ota_err *err) {
    const struct ota_span *bytes = ctx;
    (void)err;
    assert_true(off <= bytes->len && n <= bytes->len - off);
    if (n)
        memcpy(p, bytes->p + off, n);
    return OTA_OK;
}

struct ota_source memory_source(const struct ota_span *bytes) {
    return (struct ota_source){.ctx = (void *)(uintptr_t)bytes, .size = bytes->len, .read = read_span};
}

bool reference_image(const char *name, struct ota_buf *out) {
    struct ota_err err;
    const char *shared = getenv("OTA_SHARED");
    OTA_CLEAN_FREE char *path = ota_sprintf("%s/images/%s", shared ? shared : "../shared", name);
    return ota_fs_read(path, 1024u * 1024u, out, &err) == OTA_OK;
}

struct ota_sample sample_of(const char *chip) {
    return (struct ota_sample){
        .chip = ota_chip_by_name(ota_span_str(chip)),
        .project = "thermo",
        .version = "1.0.0",
        .app_size = OTA_SAMPLE_APP_SIZE_MIN,
    };
}

void sample_app(const struct ota_sample *s, struct ota_buf *out) {
    struct ota_err err;
    assert_ota_ok(ota_sample_check(s, &err));
    assert_ota_ok(ota_sample_app(s, &ota_crypto_openssl, out, &err));
}

void sample_bootloader(const struct ota_sample *s, struct ota_buf *out) {
    struct ota_err err;
    assert_ota_ok(ota_sample_check(s, &err));
    assert_ota_ok(ota_sample_bootloader(s, &ota_crypto_openssl, out, &err));
}

void reseal_image(struct ota_buf *image) {
    struct ota_err err;
    size_t at = 24;
    uint8_t checksum = 0xEF;
    for (unsigned n = 0; n < image->p[1]; n++) {
        size_t length = ota_le32(image->p + at + 4);
        at += 8;
        for (size_t end = at + length; at < end; at++)
            checksum ^= image->p[at];
    }
    at = (at / 16 + 1) * 16;
    image->p[at - 1] = checksum;
    assert_ota_ok(ota_sha256(&ota_crypto_openssl, image->p, at, image->p + at, &err));
}
