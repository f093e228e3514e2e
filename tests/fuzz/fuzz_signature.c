/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A signature sector behind one sector of data. The first byte says what is put right before the reader sees it, so that
 * random blocks get as far as their keys: bit 0 the digests, bit 1 the CRCs; the rest is the sector.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "host/signature.h"
#include "image/signed_image.h"

static enum ota_status read_copy(void *ctx, uint64_t offset, void *out, size_t n, struct ota_err *err) {
    (void)err;
    memcpy(out, (const uint8_t *)ctx + offset, n);
    return OTA_OK;
}

static void put_right(uint8_t *file, unsigned what) {
    const struct ota_source body = {.ctx = file, .size = OTA_SECTOR, .read = read_copy};
    struct ota_signature_digests d;
    struct ota_err err;
    fuzz_promise(ota_signature_digest(&body, OTA_SECTOR, &d, &err) == OTA_OK);
    for (size_t i = 0; i < OTA_SIGNATURE_BLOCKS_MAX; i++) {
        uint8_t *b = file + OTA_SECTOR + i * OTA_SIGNATURE_BLOCK_LEN;
        if (what & 1 && b[2] == 1)
            memcpy(b + 4, d.sha384, sizeof d.sha384);
        else if (what & 1)
            memcpy(b + 4, d.sha256, sizeof d.sha256);
        if (what & 2)
            ota_put_le32(b + OTA_SIGNATURE_CRC_AT, ota_crc32(0, b, OTA_SIGNATURE_CRC_AT));
    }
}

/* What the signer takes for an already signed file: every block holds, or it is refused. */
static void reopen(const uint8_t *file, const struct ota_signatures *found) {
    struct ota_signed_image i = {0};
    struct ota_err err;
    bool all = true;
    for (size_t b = 0; b < found->count; b++)
        all &= found->block[b].valid;
    enum ota_status st = ota_signed_image_open(&i, (struct ota_span){file, 2 * OTA_SECTOR}, NULL, true, &err);
    fuzz_promise((st == OTA_OK) == all);
    fuzz_promise(st != OTA_OK || i.found == found->count);
    ota_signed_image_free(&i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ota_signatures found;
    struct ota_err err;
    if (size == 0 || size - 1 > OTA_SECTOR)
        return 0;
    uint8_t *file = calloc(2, OTA_SECTOR);
    fuzz_promise(file != NULL);
    memset(file + OTA_SECTOR, 0xFF, OTA_SECTOR);
    memcpy(file + OTA_SECTOR, data + 1, size - 1);
    put_right(file, data[0]);
    const struct ota_source src = {.ctx = file, .size = 2 * OTA_SECTOR, .read = read_copy};
    fuzz_promise(ota_signatures_read(&src, src.size, &found, &err) == OTA_OK);
    fuzz_promise(found.count <= OTA_SIGNATURE_BLOCKS_MAX);
    for (size_t i = 0; i < found.count; i++) {
        const struct ota_signature_block *b = &found.block[i];
        fuzz_promise(!b->valid || (b->crc_ok && b->digest_ok && b->scheme != OTA_BOOT_UNKNOWN));
        /* All that a chip compares is right: the rest is the signature alone. */
        fuzz_promise((data[0] & 3) != 3 || b->crc_ok);
    }
    reopen(file, &found);
    free(file);
    return 0;
}
