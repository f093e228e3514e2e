/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An app or bootloader image, judged for every chip and shown by inspect. Behind a byte: bit 0, checksum and SHA-256 are
 * made right, so that the rules behind them are reached; bit 1, the file's chip id becomes that of a chip there is.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "host/crypto.h"
#include "host/json_tree.h"
#include "image/inspect.h"
#include "ota/image.h"

#define ROOM 0x100000u

static struct ota_image image;

static enum ota_status read_at(void *ctx, uint64_t off, void *p, size_t n, struct ota_err *err) {
    const struct ota_span *s = ctx;
    (void)err;
    fuzz_promise(off <= s->len && n <= s->len - off);
    memcpy(p, s->p + off, n);
    return OTA_OK;
}

/* First the checksum, which the hash covers. */
static void seal(uint8_t *bytes, const struct ota_source *src) {
    struct ota_err err;
    for (unsigned part = 0; part < 2; part++) {
        if (ota_image_read(src, &ota_crypto_openssl, &image, &err) != OTA_OK)
            return;
        const uint32_t end = image.length - (image.hash_appended ? OTA_SHA256_LEN : 0);
        if (part == 0)
            bytes[end - 1] = image.checksum;
        else if (image.hash_appended)
            memcpy(bytes + end, image.hash, OTA_SHA256_LEN);
    }
}

/* What may be served has a place for every byte. */
static void check_taken(const struct ota_image *i, size_t size, const struct ota_chip *chip) {
    fuzz_promise(i->chip_id == chip->id && i->checksum_ok && (!i->hash_appended || i->hash_ok));
    fuzz_promise(i->length <= size && size <= ROOM && size >= OTA_IMAGE_OTA_MIN);
    for (unsigned n = 0; n < i->segment_count; n++) {
        const struct ota_image_segment *s = &i->segment[n];
        fuzz_promise(s->offset <= i->length && s->length <= i->length - s->offset);
        fuzz_promise(s->length == 0 || s->load_addr < 0x10000000u || ota_chip_maps(chip, s->load_addr) ||
                     ota_chip_loads(chip, s->load_addr, s->length));
    }
}

static void judge(size_t size) {
    struct ota_err err;
    for (size_t n = 0; ota_chip_at(n); n++) {
        const struct ota_image_rules rules = {.chip = ota_chip_at(n), .room = ROOM};
        if (ota_image_check_app(&image, size, &rules, &err) == OTA_OK) {
            check_taken(&image, size, rules.chip);
            fuzz_promise(image.kind == OTA_IMAGE_APP);
        }
        if (ota_image_check_bootloader(&image, size, &rules, &err) == OTA_OK) {
            check_taken(&image, size, rules.chip);
            fuzz_promise(image.kind == OTA_IMAGE_BOOTLOADER);
        }
    }
}

static void show(const struct ota_source *src) {
    OTA_CLEAN(ota_inspection_free) struct ota_inspection i = {.size = 0};
    OTA_CLEAN(ota_buf_free) struct ota_buf text = {0};
    struct ota_err err;
    fuzz_promise(ota_inspect(src, &ota_crypto_openssl, &i, &err) == OTA_OK);
    ota_inspect_text(&i, "x", &text);
    cJSON *tree = ota_inspect_json(&i, "x");
    ota_json_tree_free(&tree);
    fuzz_promise(!i.broken || !i.servable);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    uint8_t *bytes = fuzz_copy(data + 1, size - 1);
    struct ota_span span = {bytes, size - 1};
    const struct ota_source src = {.ctx = &span, .size = span.len, .read = read_at};
    struct ota_err err;
    if ((data[0] & 2) && span.len > 13) {
        size_t chips = 0;
        while (ota_chip_at(chips))
            chips++;
        ota_put_le16(bytes + 12, ota_chip_at(bytes[12] % chips)->id);
    }
    if (data[0] & 1)
        seal(bytes, &src);
    if (ota_image_read(&src, &ota_crypto_openssl, &image, &err) == OTA_OK)
        judge(span.len);
    else
        fuzz_promise(err.msg[0] != '\0');
    show(&src);
    free(bytes);
    return 0;
}
